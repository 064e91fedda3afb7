/* SPDX-License-Identifier: MIT
 *
 * Forward of one model from files: the same numbers as the model called directly (so weights,
 * inputs and outputs are read and written in the right layout), and refusals. Parity with the
 * reference is tested by golden files.
 */
#include "clip_text.h"
#include "eval.h"
#include "test_dir.h"
#include "unet.h"
#include "vae.h"

extern const char data_sdxl_mini_text_encoder_2_json[], data_sdxl_mini_unet_json[],
	data_sdxl_mini_vae_json[];

#define SEED 5

/* A context for a direct call; its weights are written to the model's file at the end. */
static struct ctx *begin(struct weights **w)
{
	*w = weights_new(SEED);
	return ctx_new(&backend_ref, DT_F32, *w);
}

static float *values_of(const T *t)
{
	float *copy = malloc(tensor_bytes(t));

	memcpy(copy, t->data, tensor_bytes(t));
	return copy;
}

static int eval(struct err *e)
{
	char in[300], out[300];

	*e = (struct err){ 0 };
	snprintf(in, sizeof in, "%s", in_dir("in.safetensors"));
	snprintf(out, sizeof out, "%s", in_dir("out.safetensors"));
	return eval_forward(test_dir, in, out, DT_F32, &backend_ref, e);
}

/* The output `name` must be exactly `want`: the same ops on the same numbers. [N,C,H,W] in the
 * file, [N,H,W,C] here when ndim is 4. */
static void check_output(const char *name, const T *like, const float *want)
{
	struct err e = { 0 };
	struct st_file *f;
	const struct st_tensor *t;
	float *got = malloc(tensor_bytes(like));
	int64_t n = tensor_elems(like), wrong = 0;

	CHECK(st_open(&f, in_dir("out.safetensors"), &e) == 0, "%s", e.msg);
	t = st_find(f, name);
	CHECK(t && st_elems(t) == n, "%s is missing or of another size", name);
	if (t && st_elems(t) == n)
		st_read(f, t, DT_F32, got, &e);
	for (int64_t i = 0; t && i < n; i++) {
		int64_t at = i;
		if (like->ndim == 4) {
			int64_t c = like->dim[3], hw = like->dim[1] * like->dim[2];
			at = (i / (hw * c) * c + i % c) * hw + i / c % hw;
		}
		wrong += got[at] != want[i];
	}
	CHECK(wrong == 0, "%s: %lld of %lld values differ", name, (long long)wrong, (long long)n);
	st_close(f);
	free(got);
}

static struct config parsed(const char *json)
{
	struct err e = { 0 };
	struct config f;

	config_parse(&f, "test", json, &e);
	return f;
}

/* ---- U-Net ----------------------------------------------------------------------------------- */

static float x[2 * 8 * 4 * 4], context[2 * 3 * 64], pooled[2 * 32];
static float times[2] = { 951, 951 }, ids[12] = { 32, 64, 0, 0, 32, 64, 32, 64, 0, 0, 32, 64 };

static void ramp(float *v, int n)
{
	for (int i = 0; i < n; i++)
		v[i] = (float)(i * 7 % 13) / 6 - 1;
}

/* x is [2,8,4,4] as [N,H,W,C]. */
static void write_unet_inputs(const char *extra)
{
	float nchw[2 * 8 * 4 * 4];
	struct st_tensor t[] = {
		{ .name = "sample", .ndim = 4, .dim = { 2, 4, 8, 4 }, .data = nchw },
		{ .name = "timestep", .ndim = 0, .data = times },
		{ .name = "encoder_hidden_states", .ndim = 3, .dim = { 2, 3, 64 },
		  .data = context },
		{ .name = "text_embeds", .ndim = 2, .dim = { 2, 32 }, .data = pooled },
		{ .name = "time_ids", .ndim = 2, .dim = { 2, 6 }, .data = ids },
		{ .name = extra, .ndim = 0, .data = times },
	};
	struct err e = { 0 };

	for (int i = 0; i < 6; i++)
		t[i].dtype = ST_F32;
	for (int i = 0; i < 2 * 8 * 4 * 4; i++)
		nchw[(i / 128 * 4 + i % 4) * 32 + i / 4 % 32] = x[i];
	CHECK(st_write(in_dir("in.safetensors"), t, extra ? 6 : 5, &e) == 0, "%s", e.msg);
}

static void test_unet(void)
{
	struct config f = parsed(data_sdxl_mini_unet_json);
	struct unet_config m;
	struct weights *w;
	struct ctx *c = begin(&w);
	struct err e;
	float *want;
	T *y;

	ramp(x, 2 * 8 * 4 * 4);
	ramp(context, 2 * 3 * 64);
	ramp(pooled, 2 * 32);
	unet_read(&f, &m);
	config_close(&f);
	for (int pass = PASS_LOAD; pass <= PASS_RUN; pass++) {
		ctx_step_begin(c, (enum pass)pass, NULL);
		y = unet(c, &m, input_f32(c, 4, (int64_t[]){ 2, 8, 4, 4 }, x),
			 input_f32(c, 1, (int64_t[]){ 2 }, times),
			 input_f32(c, 3, (int64_t[]){ 2, 3, 64 }, context),
			 input_f32(c, 2, (int64_t[]){ 2, 32 }, pooled),
			 input_f32(c, 2, (int64_t[]){ 2, 6 }, ids));
		CHECK(ctx_step_end(c) == 0, "%s", c->err.msg);
	}
	want = values_of(y);
	write_text("config.json", data_sdxl_mini_unet_json);
	write_weights("model.safetensors", w, "");
	write_unet_inputs(NULL);
	CHECK(eval(&e) == 0, "%s", e.msg);
	check_output("sample", y, want);
	write_unet_inputs("timestep_cond");
	CHECK(eval(&e) && strstr(e.msg, "the model has no input timestep_cond"), "%s", e.msg);
	free(want);
	ctx_free(c);
	weights_free(w);
}

/* ---- VAE ------------------------------------------------------------------------------------- */

static void test_vae(void)
{
	struct config f = parsed(data_sdxl_mini_vae_json);
	float image[3 * 16 * 8], z[4 * 2 * 2], *moments, *decoded;
	struct vae_config m;
	struct weights *w;
	struct ctx *c = begin(&w);
	struct err e;
	T *a, *b;

	ramp(image, 3 * 16 * 8);
	ramp(z, 4 * 2 * 2);
	vae_read(&f, &m);
	config_close(&f);
	for (int pass = PASS_LOAD; pass <= PASS_RUN; pass++) {
		ctx_step_begin(c, (enum pass)pass, NULL);
		a = vae_encode(c, &m, input_f32(c, 4, (int64_t[]){ 1, 16, 8, 3 }, image));
		b = vae_decode(c, &m, input_f32(c, 4, (int64_t[]){ 1, 2, 2, 4 }, z));
		CHECK(ctx_step_end(c) == 0, "%s", c->err.msg);
	}
	moments = values_of(a);
	decoded = values_of(b);
	write_text("config.json", data_sdxl_mini_vae_json);
	write_weights("model.safetensors", w, "");

	/* both files hold the values in the order [N,C,H,W] */
	float *nchw = malloc(sizeof image);
	for (int i = 0; i < 3 * 16 * 8; i++)
		nchw[i % 3 * 128 + i / 3] = image[i];
	write_tensor("in.safetensors", "sample", 4, (int64_t[]){ 1, 3, 16, 8 }, nchw);
	CHECK(eval(&e) == 0, "%s", e.msg);
	check_output("latent_parameters", a, moments);
	for (int i = 0; i < 16; i++)
		nchw[i % 4 * 4 + i / 4] = z[i];
	write_tensor("in.safetensors", "z", 4, (int64_t[]){ 1, 4, 2, 2 }, nchw);
	CHECK(eval(&e) == 0, "%s", e.msg);
	check_output("sample", b, decoded);
	write_tensor("in.safetensors", "z", 4, (int64_t[]){ 1, 5, 2, 2 }, nchw);
	CHECK(eval(&e) && strstr(e.msg, "the model needs [N,4,N,N]"), "%s", e.msg);
	write_tensor("in.safetensors", "y", 4, (int64_t[]){ 1, 4, 2, 2 }, nchw);
	CHECK(eval(&e) && strstr(e.msg, "there is no tensor sample"), "%s", e.msg);
	free(nchw);
	free(moments);
	free(decoded);
	ctx_free(c);
	weights_free(w);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void write_ids(const int64_t *id, int n, int length)
{
	struct st_tensor t = { .name = "input_ids", .dtype = ST_I64, .ndim = 2,
			       .dim = { n, length }, .data = id };
	struct err e = { 0 };

	CHECK(st_write(in_dir("in.safetensors"), &t, 1, &e) == 0, "%s", e.msg);
}

static void test_text(void)
{
	static const int64_t id64[8] = { 998, 5, 999, 0, 998, 7, 8, 999 };
	static const int32_t id[8] = { 998, 5, 999, 0, 998, 7, 8, 999 }, eos[2] = { 2, 3 };
	struct config f = parsed(data_sdxl_mini_text_encoder_2_json);
	struct clip_output out;
	struct clip_config m;
	struct weights *w;
	struct ctx *c = begin(&w);
	struct err e;
	float *embeds, *last, *first;

	clip_read(&f, &m);
	config_close(&f);
	for (int pass = PASS_LOAD; pass <= PASS_RUN; pass++) {
		ctx_step_begin(c, (enum pass)pass, NULL);
		clip_text(c, &m, input_i32(c, 2, (int64_t[]){ 2, 4 }, id),
			  input_i32(c, 1, (int64_t[]){ 2 }, eos), &out);
		CHECK(ctx_step_end(c) == 0, "%s", c->err.msg);
	}
	embeds = values_of(out.embeds);
	last = values_of(out.last);
	first = values_of(out.hidden[1]);
	write_text("config.json", data_sdxl_mini_text_encoder_2_json);
	write_weights("model.safetensors", w, "");
	write_ids(id64, 2, 4);
	CHECK(eval(&e) == 0, "%s", e.msg);
	check_output("text_embeds", out.embeds, embeds);
	check_output("last_hidden_state", out.last, last);
	check_output("hidden_states.1", out.hidden[1], first);
	write_ids((const int64_t[]){ 1, 1000 }, 1, 2);
	CHECK(eval(&e) && strstr(e.msg, "input_ids holds 1000"), "%s", e.msg);
	write_text("config.json", "{\"architectures\":[\"BertModel\"]}");
	CHECK(eval(&e) && strstr(e.msg, "architectures is [\"BertModel\"]; only"), "%s", e.msg);
	write_text("config.json", "{}");
	CHECK(eval(&e) && strstr(e.msg, "_class_name is missing"), "%s", e.msg);
	free(embeds);
	free(last);
	free(first);
	ctx_free(c);
	weights_free(w);
}

/* The two rules for the end of text. */
static void test_eos(void)
{
	static const int32_t id[6] = { 9, 4, 7, 8, 7, 8 };
	struct clip_config m = { .eos = 7 };

	CHECK_INT(clip_eos_position(&m, id, 6), 2);
	m.eos = 2; /* the largest id, first of equals */
	CHECK_INT(clip_eos_position(&m, id + 1, 5), 2);
	m.eos = 5; /* none */
	CHECK_INT(clip_eos_position(&m, id, 6), 0);
}

int main(void)
{
	test_dir_make();
	test_unet();
	test_vae();
	test_text();
	test_eos();
	test_dir_remove();
	return test_end();
}
