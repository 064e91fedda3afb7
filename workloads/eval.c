/* SPDX-License-Identifier: MIT */
#include "eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_class.h"
#include "noise.h"
#include "safetensors.h"
#include "weights_dir.h"

#define INPUTS_MAX 8

struct eval {
	C *c;
	struct st_file *file; /* inputs */
	struct {
		const struct st_tensor *t;
		void *data; /* fp32, images as [N,H,W,C]; or i32 */
	} input[INPUTS_MAX];
	int inputs;
	struct model model;
};

/* ---- inputs and outputs ---------------------------------------------------------------------- */

/* Reads the tensor once, whatever the number of passes; NULL with the context's error. */
static void *values(struct eval *e, const struct st_tensor *t, enum dtype dtype)
{
	size_t n = (size_t)st_elems(t);
	float *data, *nhwc;

	for (int i = 0; i < e->inputs; i++)
		if (e->input[i].t == t)
			return e->input[i].data;
	die_if(e->inputs == INPUTS_MAX, "more than %d inputs", INPUTS_MAX);
	data = malloc(n * 4 + 1);
	nhwc = malloc(n * 4 + 1);
	die_if(!data || !nhwc, "out of memory");
	e->input[e->inputs].t = t;
	st_read(e->file, t, dtype, data, &e->c->err);
	if (t->ndim == 4) {
		nchw_to_nhwc(data, t->dim[0], t->dim[1], t->dim[2], t->dim[3], nhwc);
		memcpy(data, nhwc, n * 4);
	}
	free(nhwc);
	return e->input[e->inputs++].data = data;
}

/* dim[i] < 0: any length. */
static bool fits(const struct st_tensor *t, int ndim, const int64_t *dim)
{
	if (t->ndim != ndim)
		return false;
	for (int i = 0; i < ndim; i++)
		if (t->dim[i] < 1 || (dim[i] >= 0 && t->dim[i] != dim[i]))
			return false;
	return true;
}

static const struct st_tensor *need(struct eval *e, const char *name, int ndim, const int64_t *dim)
{
	const struct st_tensor *t = st_find(e->file, name);
	char have[200], want[160] = "";

	if (t && fits(t, ndim, dim))
		return t;
	for (int i = 0; i < ndim; i++) {
		size_t used = strlen(want);
		if (dim[i] < 0)
			snprintf(want + used, sizeof want - used, "%sN", i ? "," : "");
		else
			snprintf(want + used, sizeof want - used, "%s%lld", i ? "," : "",
				 (long long)dim[i]);
	}
	if (t)
		err_set(&e->c->err, ERR_FAILED, "%s: %s has the shape %s, but the model needs [%s]",
			st_path(e->file), name, st_shape(t, have, sizeof have), want);
	else
		err_set(&e->c->err, ERR_FAILED, "%s: there is no tensor %s [%s]", st_path(e->file),
			name, want);
	return NULL;
}

/* The input as a tensor of activations; images arrive as [N,H,W,C]. */
static T *take(struct eval *e, const char *name, enum dtype dtype, int ndim, const int64_t *dim)
{
	const struct st_tensor *t = need(e, name, ndim, dim);
	int64_t shape[TENSOR_DIMS];
	void *data;

	if (!t)
		return &e->c->dead;
	memcpy(shape, t->dim, sizeof shape);
	if (ndim == 4)
		memcpy(shape, (int64_t[]){ t->dim[0], t->dim[2], t->dim[3], t->dim[1] },
		       sizeof shape);
	data = values(e, t, dtype == DT_I32 ? DT_I32 : DT_F32);
	if (dtype == DT_I32)
		return input_i32(e->c, ndim, shape, data);
	return op_cast(e->c, input_f32(e->c, ndim, shape, data), dtype, NULL);
}

#define TAKE(e, name, dtype, ...) \
	take(e, name, dtype, sizeof((int64_t[]){ __VA_ARGS__ }) / 8, (int64_t[]){ __VA_ARGS__ })

static void give(struct eval *e, const char *name, T *x)
{
	op_cast(e->c, x, DT_F32, state(e->c, name, DT_F32, x->ndim, x->dim));
}

/* ---- classes --------------------------------------------------------------------------------- */

/* One value, or one per row. */
static T *take_timestep(struct eval *e, int64_t rows)
{
	const struct st_tensor *t = st_find(e->file, "timestep");
	float *data, *all;
	T *result;

	if (!t || t->ndim > 1 || (st_elems(t) != 1 && st_elems(t) != rows))
		t = need(e, "timestep", 1, &rows);
	if (!t)
		return &e->c->dead;
	data = values(e, t, DT_F32);
	all = malloc((size_t)rows * sizeof *all);
	die_if(!all, "out of memory");
	for (int64_t i = 0; i < rows; i++)
		all[i] = data[st_elems(t) == 1 ? 0 : i];
	result = input_f32(e->c, 1, &rows, all);
	free(all);
	return result;
}

static void unet_forward(struct eval *e)
{
	const struct unet_config *m = &e->model.unet;
	enum dtype dtype = ctx_dtype(e->c);
	T *x = TAKE(e, "sample", dtype, -1, m->in_channels, -1, -1), *pooled = NULL, *ids = NULL;
	int64_t n = x->dim[0];
	T *t = take_timestep(e, n);
	T *context = TAKE(e, "encoder_hidden_states", dtype, n, -1, m->context_width);

	if (m->text_time) {
		pooled = TAKE(e, "text_embeds", dtype, n, m->pooled_width);
		ids = TAKE(e, "time_ids", DT_F32, n, UNET_TIME_IDS);
	}
	give(e, "sample", unet(e->c, m, x, t, context, pooled, ids));
}

static bool has_latent(const struct eval *e)
{
	return st_find(e->file, "z") || st_find(e->file, "latents");
}

static void vae_forward(struct eval *e)
{
	const struct vae_config *m = &e->model.vae;
	enum dtype dtype = ctx_dtype(e->c);
	T *z;

	if (has_latent(e)) {
		z = TAKE(e, st_find(e->file, "z") ? "z" : "latents", dtype, -1, m->latent_channels,
			 -1, -1);
	} else {
		T *x = TAKE(e, "sample", dtype, -1, m->in_channels, -1, -1);
		z = vae_encode(e->c, m, x);
		give(e, "latent_parameters", z);
		z = op_slice(e->c, z, 3, 0, m->latent_channels);
	}
	give(e, "sample", vae_decode(e->c, m, z));
}

static void check_ids(struct eval *e, const int32_t *ids, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		if (ids[i] < 0 || ids[i] >= e->model.text.vocab)
			err_set(&e->c->err, ERR_FAILED,
				"%s: input_ids holds %d, but the model knows 0 "
				"to %lld",
				st_path(e->file), ids[i], (long long)e->model.text.vocab - 1);
}

/* End-of-text positions of n texts. */
static T *take_eos(struct eval *e, const int32_t *ids, int64_t n, int64_t length)
{
	int32_t *at = malloc((size_t)n * sizeof *at);
	T *eos;

	die_if(!at, "out of memory");
	for (int64_t i = 0; i < n; i++)
		at[i] = clip_eos_position(&e->model.text, ids + i * length, (int)length);
	eos = input_i32(e->c, 1, &n, at);
	free(at);
	return eos;
}

static void text_forward(struct eval *e)
{
	T *ids = TAKE(e, "input_ids", DT_I32, -1, -1);
	int64_t n = ids->dim[0], length = ids->dim[1];
	struct clip_output out;
	const int32_t *data;
	char name[32];

	if (e->c->err.code)
		return;
	data = values(e, st_find(e->file, "input_ids"), DT_I32);
	check_ids(e, data, n * length);
	if (length > e->model.text.positions)
		model_fail(e->c, "input_ids has %lld tokens, the model takes %lld",
			   (long long)length, (long long)e->model.text.positions);
	clip_text(e->c, &e->model.text, ids, take_eos(e, data, n, length), &out);
	give(e, "last_hidden_state", out.last);
	give(e, out.embeds ? "text_embeds" : "pooler_output", out.embeds ? out.embeds : out.pooled);
	for (int i = 0; i <= out.layers; i++) {
		snprintf(name, sizeof name, "hidden_states.%d", i);
		give(e, name, out.hidden[i]);
	}
}

/* ---- the three passes ------------------------------------------------------------------------ */

static int pass(struct eval *e, enum pass pass, struct plan *plan)
{
	static void (*const forward[])(struct eval *) = { [MODEL_UNET] = unet_forward,
							  [MODEL_VAE] = vae_forward,
							  [MODEL_TEXT] = text_forward };

	ctx_step_begin(e->c, pass, plan);
	forward[e->model.class](e);
	return ctx_step_end(e->c);
}

/* Every tensor of the file must have been taken. */
static int check_all_taken(const struct eval *e)
{
	for (int i = 0; i < st_count(e->file); i++) {
		bool taken = false;
		for (int k = 0; k < e->inputs; k++)
			taken |= e->input[k].t == st_at(e->file, i);
		if (!taken)
			return err_set(&e->c->err, ERR_FAILED, "%s: the model has no input %.200s",
				       st_path(e->file), st_at(e->file, i)->name);
	}
	return 0;
}

static int run(struct eval *e)
{
	struct plan *plan = plan_new();
	struct ctx *c = e->c;

	if (pass(e, PASS_DRY, plan) == 0 && check_all_taken(e) == 0 &&
	    ctx_reserve(c, plan_bytes(plan)) == 0 && ctx_reserve_states(c) == 0 &&
	    pass(e, PASS_LOAD, NULL) == 0 && weights_finish(c->weights, &c->err) == 0)
		pass(e, PASS_RUN, plan);
	plan_free(plan);
	return -(int)c->err.code;
}

/* States become the file's tensors. */
static int write_outputs(struct ctx *c, const char *path)
{
	int n = 0, failed;
	struct st_tensor *t;

	for (struct state_tensor *s = c->states; s; s = s->next)
		n++;
	t = calloc((size_t)n, sizeof *t);
	die_if(!t, "out of memory");
	n = 0;
	for (struct state_tensor *s = c->states; s; s = s->next, n++) {
		const T *x = &s->tensor;
		float *data = malloc(tensor_bytes(x));
		die_if(!data, "out of memory");
		t[n] = (struct st_tensor){ .name = s->name, .dtype = ST_F32, .ndim = x->ndim,
					   .data = data };
		memcpy(t[n].dim, x->dim, sizeof x->dim);
		if (x->ndim == 4) {
			memcpy(t[n].dim, (int64_t[]){ x->dim[0], x->dim[3], x->dim[1], x->dim[2] },
			       sizeof x->dim);
			nhwc_to_nchw(x->data, x->dim[0], x->dim[3], x->dim[1], x->dim[2], data);
		} else {
			memcpy(data, x->data, tensor_bytes(x));
		}
	}
	failed = st_write(path, t, n, &c->err);
	while (n--)
		free((void *)t[n].data);
	free(t);
	return failed;
}

static int open_all(struct eval *e, const char *dir, const char *inputs)
{
	static const char *const encoder[] = { "encoder.", "quant_conv.", NULL };
	struct weight_source source;
	struct err *err = &e->c->err;

	if (model_read(&e->model, dir, err) || st_open(&e->file, inputs, err) ||
	    weights_dir_open(&source, dir, has_latent(e) ? encoder : NULL, err))
		return -(int)err->code;
	weights_attach(e->c->weights, "", source);
	return 0;
}

int eval_forward(const char *dir, const char *inputs, const char *outputs, enum dtype dtype,
		 const struct backend *backend, struct err *err)
{
	struct weights *weights = weights_new(0);
	struct eval e = { .c = ctx_new(backend, dtype, weights) };

	if (open_all(&e, dir, inputs) == 0 && run(&e) == 0)
		write_outputs(e.c, outputs);
	if (e.c->err.code)
		err_set(err, e.c->err.code, "%s", e.c->err.msg);
	for (int i = 0; i < e.inputs; i++)
		free(e.input[i].data);
	st_close(e.file);
	ctx_free(e.c);
	weights_free(weights);
	return -(int)err->code;
}
