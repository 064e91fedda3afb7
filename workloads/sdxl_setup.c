/* SPDX-License-Identifier: MIT
 *
 * From settings and configuration files to an instance of the SDXL pipeline.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "noise.h"
#include "safetensors.h"
#include "sdxl.h"
#include "weights_dir.h"

static const struct setting_def settings[] = {
	{ "model", "built-in configuration", SETTING_CHOICE, "sdxl-base",
	  .choices = "sdxl-base|sdxl-mini", .identity = true },
	{ "weights", "diffusers pipeline directory: configurations and weights come from there",
	  SETTING_PATH, NULL, .identity = true },
	{ "steps", "sampler steps", SETTING_INT, "20", 1, SAMPLER_STEPS_MAX, .identity = true },
	{ "height", "of the image in pixels; the model's own size if not given", SETTING_INT, NULL,
	  8, 16384, 8, .identity = true },
	{ "width", "of the image in pixels; the model's own size if not given", SETTING_INT, NULL,
	  8, 16384, 8, .identity = true },
	{ "guidance", "classifier-free guidance scale; 1 and less switch it off", SETTING_REAL, "5",
	  0, 1000, .identity = true },
	{ "batch", "images per run", SETTING_INT, "1", 1, SDXL_BATCH_MAX, .identity = true },
	{ "seed", "of random weights and initial noise", SETTING_INT, "0", 0, 4294967295.0,
	  .identity = true },
	{ "dtype", "storage of weights and activations", SETTING_CHOICE, "bf16",
	  .choices = "bf16|fp32", .identity = true },
	{ "prompt", "text (needs the tokenizer files of `weights`); else invented token ids",
	  SETTING_TEXT, NULL, .identity = true },
	{ "negative_prompt", "text that guidance leads away from", SETTING_TEXT, NULL,
	  .identity = true },
	{ "latents",
	  "safetensors file with initial noise: tensor `latents`, NCHW, fp32, deviation 1",
	  SETTING_PATH, NULL, .identity = true },
};

static const char *const parts[] = { "text_encoder", "text_encoder_2", "unet", "vae", NULL };

/* ---- configurations -------------------------------------------------------------------------- */

/* The pipeline's parts must be of the classes that we have. Returns whether the state of a missing
 * negative prompt is zero. */
static bool read_index(struct config *f)
{
	static const struct config_fixed fixed[] = {
		{ "_class_name", "\"StableDiffusionXLPipeline\"" },
		{ "scheduler", "[\"diffusers\", \"EulerDiscreteScheduler\"]" },
		{ "text_encoder", "[\"transformers\", \"CLIPTextModel\"]" },
		{ "text_encoder_2", "[\"transformers\", \"CLIPTextModelWithProjection\"]" },
		{ "unet", "[\"diffusers\", \"UNet2DConditionModel\"]" },
		{ "vae", "[\"diffusers\", \"AutoencoderKL\"]" },
		{ NULL, NULL }
	};

	config_text(f, "_class_name");
	config_check_fixed(f, fixed);
	return config_bool_or(f, "force_zeros_for_empty_prompt", true);
}

struct files {
	const char *dir, *model;
	struct err *err;
};

static void open_part(const struct files *from, const char *part, struct config *f)
{
	config_of_part(f, from->dir, from->model, part, from->err);
}

static void read_unet(struct sdxl *s, const struct files *from)
{
	int64_t context = s->text[0].width + s->text[1].width;
	struct config f;

	open_part(from, "unet", &f);
	unet_read(&f, &s->unet);
	if (!s->unet.text_time)
		config_refuse(&f, "addition_embed_type", "SDXL needs text_time");
	if (s->unet.context_width != context)
		config_refuse(&f, "cross_attention_dim",
			      "it must be the sum of the widths of the two text encoders");
	if (s->unet.pooled_width != s->text[1].projection)
		config_refuse(&f, "projection_class_embeddings_input_dim",
			      "it does not fit the projection of text_encoder_2");
	if (s->unet.in_channels != s->unet.out_channels)
		config_refuse(&f, "in_channels", "it must equal out_channels");
	config_close(&f);
}

static void read_vae(struct sdxl *s, const struct files *from)
{
	struct config f;

	open_part(from, "vae", &f);
	vae_read(&f, &s->vae);
	if (s->vae.latent_channels != s->unet.in_channels)
		config_refuse(&f, "latent_channels", "it must equal in_channels of the U-Net");
	if (s->vae.shift != 0)
		config_refuse(&f, "shift_factor", "the SDXL pipeline has none");
	config_close(&f);
}

static void read_towers(struct sdxl *s, const struct files *from)
{
	struct config f;

	for (int i = 0; i < 2; i++) {
		open_part(from, parts[i], &f);
		clip_read(&f, &s->text[i]);
		if (i == 1 && !s->text[1].projection)
			config_refuse(&f, "architectures",
				      "SDXL needs CLIPTextModelWithProjection here");
		if (i == 1 && s->text[1].positions != s->text[0].positions)
			config_refuse(&f, "max_position_embeddings",
				      "both text encoders must have the same");
		config_close(&f);
	}
	s->length = s->text[0].positions;
}

/* ---- what is computed ------------------------------------------------------------------------ */

static int set_side(struct sdxl *s, struct settings *set, const char *key, int64_t sample,
		    int64_t *latent, struct err *e)
{
	int64_t factor = vae_factor(&s->vae), pixels;
	int64_t multiple = factor << (s->unet.levels - 1);
	char text[32];

	if (!settings_text(set, key) && !sample)
		return err_set(e, ERR_USAGE,
			       "unet/config.json has no sample_size, so %s must be set", key);
	pixels = settings_text(set, key) ? settings_int(set, key) : sample * factor;
	if (pixels % multiple)
		return err_set(e, ERR_USAGE,
			       "%s=%lld: this model needs a multiple of %lld, such as "
			       "%lld",
			       key, (long long)pixels, (long long)multiple,
			       (long long)((pixels / multiple + 1) * multiple));
	*latent = pixels / factor;
	snprintf(text, sizeof text, "%lld", (long long)pixels);
	return settings_set(set, key, text, e);
}

static void set_sampler(struct sdxl *s, const struct settings *set, const struct files *from)
{
	struct sampler_config m;
	struct config f;

	open_part(from, "scheduler", &f);
	sampler_read(&f, &m);
	config_close(&f);
	if (!from->err->code)
		sampler_init(&s->sampler, &m, (int)settings_int(set, "steps"), from->err);
}

/* The file's tensor must have exactly the shape of this run's latents. */
static int read_latents(const struct sdxl *s, const char *path, float *nchw, struct err *e)
{
	int64_t want[] = { s->batch, s->unet.in_channels, s->height, s->width };
	const struct st_tensor *t;
	struct st_file *f;
	char shape[200];
	int failed;

	if (st_open(&f, path, e))
		return -ERR_FAILED;
	t = st_find(f, "latents");
	if (!t)
		failed = err_set(e, ERR_FAILED, "%s: there is no tensor named latents", path);
	else if (t->ndim != 4 || memcmp(t->dim, want, sizeof want) != 0)
		failed = err_set(e, ERR_FAILED, "%s: latents has the shape %s, but this run needs "
				 "[%lld,%lld,%lld,%lld]", path, st_shape(t, shape, sizeof shape),
				 (long long)want[0], (long long)want[1], (long long)want[2],
				 (long long)want[3]);
	else
		failed = st_read(f, t, DT_F32, nchw, e);
	st_close(f);
	return failed;
}

static int set_noise(struct sdxl *s, const struct settings *set, struct err *e)
{
	int64_t n = s->batch * s->unet.in_channels * s->height * s->width;
	const char *path = settings_text(set, "latents");
	float *nchw = malloc((size_t)n * sizeof *nchw);
	int failed = 0;

	s->noise = malloc((size_t)n * sizeof *s->noise);
	die_if(!nchw || !s->noise, "out of memory");
	if (path)
		failed = read_latents(s, path, nchw, e);
	else
		noise_fill((uint64_t)settings_int(set, "seed"), n, nchw);
	if (!failed)
		nchw_to_nhwc(nchw, s->batch, s->unet.in_channels, s->height, s->width, s->noise);
	free(nchw);
	return failed;
}

/* ---- weights --------------------------------------------------------------------------------- */

static int attach_weights(struct sdxl *s, const char *dir, struct err *e)
{
	static const char *const encoder[] = { "encoder.", "quant_conv.", NULL };
	struct weight_source source;
	char path[4096];

	for (int i = 0; parts[i]; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, parts[i]);
		if (weights_dir_open(&source, path,
				     strcmp(parts[i], "vae") == 0 ? encoder : NULL, e))
			return -ERR_FAILED;
		weights_attach(s->base.weights, parts[i], source);
	}
	return 0;
}

/* ---- the instance ---------------------------------------------------------------------------- */

static void destroy(struct workload *w)
{
	struct sdxl *s = (struct sdxl *)w;

	weights_free(w->weights);
	free(s->ids[0]);
	free(s->ids[1]);
	free(s->noise);
	free(s);
}

static int set_up(struct sdxl *s, struct settings *set, struct err *e)
{
	struct files from = { settings_text(set, "weights"), settings_text(set, "model"), e };
	struct config index;
	bool zeros;

	s->batch = (int)settings_int(set, "batch");
	s->guidance = settings_real(set, "guidance");
	s->guided = s->guidance > 1;
	open_part(&from, "model_index", &index);
	zeros = read_index(&index);
	config_close(&index);
	read_towers(s, &from);
	read_unet(s, &from);
	read_vae(s, &from);
	set_sampler(s, set, &from);
	if (e->code || set_side(s, set, "height", s->unet.sample_height, &s->height, e) ||
	    set_side(s, set, "width", s->unet.sample_width, &s->width, e))
		return -(int)e->code;
	if (sdxl_set_texts(s, set, zeros, e) || set_noise(s, set, e))
		return -(int)e->code;
	return from.dir ? attach_weights(s, from.dir, e) : 0;
}

static struct workload *create(struct settings *set, struct err *e)
{
	struct sdxl *s = calloc(1, sizeof *s);
	struct workload *w = &s->base;
	struct err own = { 0 };

	die_if(!s, "out of memory");
	*w = (struct workload){
		.family = &family_sdxl, .n_stages = 3, .parts = parts,
		.step = sdxl_step, .destroy = destroy,
		.dtype = strcmp(settings_text(set, "dtype"), "fp32") == 0 ? DT_F32 : DT_BF16,
		.weights = weights_new((uint64_t)settings_int(set, "seed")),
	};
	if (set_up(s, set, &own)) {
		err_set(e, own.code, "%s", own.msg);
		destroy(w);
		return NULL;
	}
	w->images = s->batch;
	w->stage[0] = (struct stage){ "text", 1 };
	w->stage[1] = (struct stage){ "denoise", s->sampler.steps };
	w->stage[2] = (struct stage){ "decode", 1 };
	return w;
}

const struct family family_sdxl = {
	.name = "sdxl",
	.summary = "text to image with the SDXL pipeline",
	.task = "text-to-image",
	.settings = settings,
	.n_settings = sizeof settings / sizeof *settings,
	.create = create,
};
