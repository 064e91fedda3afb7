/* SPDX-License-Identifier: MIT */
#include "inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "builtin.h"
#include "model_class.h"
#include "sampler.h"
#include "tokenizer.h"
#include "weights_dir.h"
#include "workload.h"

const char *const inspect_parts[] = { "text_encoder", "text_encoder_2", "unet", "vae", "scheduler",
				      "tokenizer", "tokenizer_2", "pipeline", NULL };

/* ---- models: a dry pass declares the tensors ---------------------------------------------------
 */

static T *given(C *c, const char *name, int ndim, const int64_t *dim)
{
	return op_cast(c, state(c, name, DT_F32, ndim, dim), ctx_dtype(c), NULL);
}

#define GIVEN(c, name, ...) \
	given(c, name, sizeof((int64_t[]){ __VA_ARGS__ }) / 8, (int64_t[]){ __VA_ARGS__ })

static void declare_unet(C *c, const struct unet_config *m)
{
	int64_t side = (int64_t)1 << (m->levels - 1), one = 1;
	T *pooled = m->text_time ? GIVEN(c, "text_embeds", 1, m->pooled_width) : NULL;
	T *ids = m->text_time ? state(c, "time_ids", DT_F32, 2,
				      (int64_t[]){ 1, UNET_TIME_IDS }) : NULL;

	unet(c, m, GIVEN(c, "sample", 1, side, side, m->in_channels),
	     state(c, "timestep", DT_F32, 1, &one),
	     GIVEN(c, "encoder_hidden_states", 1, 1, m->context_width), pooled, ids);
}

static void declare_vae(C *c, const struct vae_config *m, bool encoder)
{
	int64_t side = vae_factor(m);

	if (encoder)
		vae_encode(c, m, GIVEN(c, "image", 1, side, side, m->in_channels));
	vae_decode(c, m, GIVEN(c, "z", 1, 1, 1, m->latent_channels));
}

static void declare_text(C *c, const struct clip_config *m)
{
	int64_t one = 1;
	struct clip_output out;

	clip_text(c, m, state(c, "input_ids", DT_I32, 2, (int64_t[]){ 1, m->positions }),
		  state(c, "eos", DT_I32, 1, &one), &out);
}

static int declare(C *c, const struct model *m, bool encoder)
{
	ctx_step_begin(c, PASS_DRY, NULL);
	if (m->class == MODEL_UNET)
		declare_unet(c, &m->unet);
	else if (m->class == MODEL_VAE)
		declare_vae(c, &m->vae, encoder);
	else
		declare_text(c, &m->text);
	return ctx_step_end(c);
}

/* Every declared tensor is in the files and fits, nothing is left over. `encoder`: of a VAE too. */
static int check_model(const char *dir, const struct model *m, bool encoder, char *what,
		       size_t len, struct err *e)
{
	static const char *const unused[] = { "encoder.", "quant_conv.", NULL };
	struct weights *weights = weights_new(0);
	struct ctx *c = ctx_new(&backend_null, DT_F32, weights);
	struct weight_source source;

	if (declare(c, m, encoder))
		err_set(e, c->err.code, "%s: %s", dir, c->err.msg);
	else if (!weights_dir_open(&source, dir, encoder ? NULL : unused, e)) {
		weights_attach(weights, "", source);
		weights_check(weights, e);
	}
	snprintf(what, len, "%s, %d tensors, %lld parameters", m->name,
		 weights_tensors(weights, ""), (long long)weights_elems(weights, ""));
	ctx_free(c);
	weights_free(weights);
	return -(int)e->code;
}

/* A run only decodes, so that an autoencoder may lack the encoder. */
static int inspect_model(const char *dir, char *what, size_t len, struct err *e)
{
	struct err strict = { 0 };
	struct model m;

	if (model_read(&m, dir, e))
		return -(int)e->code;
	if (m.class != MODEL_VAE || !check_model(dir, &m, true, what, len, &strict))
		return m.class == MODEL_VAE ? 0 : check_model(dir, &m, true, what, len, e);
	if (check_model(dir, &m, false, what, len, e))
		return -(int)e->code;
	snprintf(what + strlen(what), len - strlen(what), "; decodes only");
	return 0;
}

/* ---- the other parts ---------------------------------------------------------------------------
 */

static int inspect_scheduler(const char *dir, char *what, size_t len, struct err *e)
{
	struct sampler_config m;
	struct sampler s;
	struct config f;

	config_of_part(&f, dir, NULL, "scheduler", e);
	sampler_read(&f, &m);
	snprintf(what, len, "%s", e->code ? "" : config_text_or(&f, "_class_name", "a sampler"));
	config_close(&f);
	return e->code ? -(int)e->code : sampler_init(&s, &m, 1, e);
}

static int inspect_tokenizer(const char *dir, char *what, size_t len, struct err *e)
{
	struct tokenizer *t = NULL;
	struct stat st;

	if (stat(dir, &st))
		return err_set(e, ERR_SKIPPED, "%s is not there: needed only for --prompt", dir);
	if (tokenizer_open(&t, dir, e))
		return -(int)e->code;
	snprintf(what, len, "vocabulary and merges, %d tokens per text", tokenizer_length(t, 77));
	tokenizer_close(t);
	return 0;
}

/* The parts fit each other and the classes of model_index.json are ours: as a run reads them. */
static int inspect_pipeline(const char *dir, char *what, size_t len, struct err *e)
{
	const struct preset *preset = preset_find("sdxl-20steps", e);
	struct settings s;
	struct workload *w;

	if (!preset || preset_settings(preset, &s, e))
		return -(int)e->code;
	settings_set(&s, "weights", dir, e);
	w = e->code ? NULL : preset->family->create(&s, e);
	if (w) {
		snprintf(what, len, "the parts fit each other; %s x %s pixels",
			 settings_text(&s, "width"), settings_text(&s, "height"));
		w->destroy(w);
	}
	settings_clear(&s);
	return -(int)e->code;
}

int inspect_part(const char *dir, const char *part, char *what, size_t len, struct err *e)
{
	char path[4096];

	*what = 0;
	snprintf(path, sizeof path, "%s/%s", dir, part);
	if (strcmp(part, "pipeline") == 0)
		return inspect_pipeline(dir, what, len, e);
	if (strcmp(part, "scheduler") == 0)
		return inspect_scheduler(dir, what, len, e);
	if (strncmp(part, "tokenizer", 9) == 0)
		return inspect_tokenizer(path, what, len, e);
	return inspect_model(path, what, len, e);
}
