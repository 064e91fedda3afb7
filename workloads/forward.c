/* SPDX-License-Identifier: MIT */
#include "forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "noise.h"
#include "unet.h"
#include "vae.h"

#define TEXT_LENGTH 77
#define BATCH_MAX   64

static const struct setting_def settings[] = {
	{ "model", "built-in network", SETTING_CHOICE, "sdxl-base/unet",
	  .choices =
		  "sdxl-base/unet|sdxl-base/vae|sdxl-mini/unet|sdxl-mini/vae|sd15/unet|sd21/unet",
	  .identity = true },
	{ "height", "of the image in pixels; the model's own size if not given", SETTING_INT, NULL,
	  8, 16384, 8, .identity = true },
	{ "width", "of the image in pixels; the model's own size if not given", SETTING_INT, NULL,
	  8, 16384, 8, .identity = true },
	{ "batch", "latents per forward", SETTING_INT, "1", 1, BATCH_MAX, .identity = true },
	{ "seed", "of random weights and inputs", SETTING_INT, "0", 0, 4294967295.0,
	  .identity = true },
	{ "dtype", "storage of weights and activations", SETTING_CHOICE, "bf16",
	  .choices = "bf16|fp32", .identity = true },
};

struct forward {
	struct workload base;
	char model[32];        /* "sdxl-base" */
	const char *part[2];   /* "unet" or "vae", NULL */
	struct unet_config unet;
	struct vae_config vae;
	int64_t batch, height, width; /* of the latent */
	float *noise;          /* enough for the largest input; each starts at its beginning */
};

/* ---- the networks ---------------------------------------------------------------------------- */

static T *random_input(const struct forward *f, C *c, int ndim, const int64_t *dim)
{
	return op_cast(c, input_f32(c, ndim, dim, f->noise), ctx_dtype(c), NULL);
}

#define RANDOM(f, c, ...) \
	random_input(f, c, sizeof((int64_t[]){ __VA_ARGS__ }) / 8, (int64_t[]){ __VA_ARGS__ })

static void keep(C *c, const char *name, T *x)
{
	op_cast(c, x, DT_F32, state(c, name, DT_F32, x->ndim, x->dim));
}

/* The middle of the noise schedule; for SDXL sizes without cropping. */
static void unet_step(const struct forward *f, C *c)
{
	const struct unet_config *m = &f->unet;
	float t[BATCH_MAX], ids[BATCH_MAX][UNET_TIME_IDS] = { { 0 } };
	T *pooled = NULL, *time_ids = NULL;

	for (int i = 0; i < f->batch; i++) {
		t[i] = 500;
		ids[i][0] = ids[i][4] = (float)(8 * f->height);
		ids[i][1] = ids[i][5] = (float)(8 * f->width);
	}
	if (m->text_time) {
		pooled = RANDOM(f, c, f->batch, m->pooled_width);
		time_ids = input_f32(c, 2, (int64_t[]){ f->batch, UNET_TIME_IDS }, ids[0]);
	}
	keep(c, "latents",
	     unet(c, m, RANDOM(f, c, f->batch, f->height, f->width, m->in_channels),
		  input_f32(c, 1, &f->batch, t),
		  RANDOM(f, c, f->batch, TEXT_LENGTH, m->context_width), pooled, time_ids));
}

static void decode_step(const struct forward *f, C *c)
{
	T *z = RANDOM(f, c, f->batch, f->height, f->width, f->vae.latent_channels);

	keep(c, "image", vae_decode(c, &f->vae, z));
}

/* Encodes what was decoded. */
static void encode_step(const struct forward *f, C *c)
{
	int64_t factor = vae_factor(&f->vae);
	int64_t dim[] = { f->batch, f->height * factor, f->width * factor, f->vae.out_channels };
	T *image = state(c, "image", DT_F32, 4, dim);
	T *moments = vae_encode(c, &f->vae, op_cast(c, image, ctx_dtype(c), NULL));

	keep(c, "latents", op_slice(c, moments, 3, 0, f->vae.latent_channels));
}

static void step(struct workload *w, struct ctx *c, int stage, int i)
{
	const struct forward *f = (const struct forward *)w;

	(void)i;
	scope_push(c, f->part[0]);
	if (strcmp(f->part[0], "unet") == 0)
		unet_step(f, c);
	else if (stage == 0)
		decode_step(f, c);
	else
		encode_step(f, c);
	scope_pop(c);
}

/* ---- the instance ---------------------------------------------------------------------------- */

/* The latent's side for `key`: as set, or the side `own` that the model was made for. */
static int64_t side(struct settings *set, const char *key, int64_t own, int64_t factor,
		    struct err *e)
{
	char pixels[32];

	if (!settings_text(set, key)) {
		snprintf(pixels, sizeof pixels, "%lld", (long long)(own * factor));
		settings_set(set, key, pixels, e);
	}
	if (settings_int(set, key) % factor)
		err_set(e, ERR_USAGE, "%s=%s: this model needs a multiple of %lld", key,
			settings_text(set, key), (long long)factor);
	return settings_int(set, key) / factor;
}

/* "sdxl-base/vae" -> model "sdxl-base", part "vae" */
static void split_name(struct forward *f, const char *name)
{
	size_t n = strcspn(name, "/");

	snprintf(f->model, sizeof f->model, "%.*s", (int)n, name);
	f->part[0] = strcmp(name + n, "/vae") == 0 ? "vae" : "unet";
}

/* All our autoencoders have the factor 8. The VAE's file does not hold the size of the latent, the
 * U-Net's does. */
static void set_up(struct forward *f, struct settings *set, struct err *e)
{
	struct config file;
	int64_t noise;

	config_of_part(&file, NULL, f->model, "unet", e);
	unet_read(&file, &f->unet);
	config_close(&file);
	if (strcmp(f->part[0], "vae") == 0) {
		config_of_part(&file, NULL, f->model, "vae", e);
		vae_read(&file, &f->vae);
		config_close(&file);
	}
	f->batch = settings_int(set, "batch");
	f->height = side(set, "height", f->unet.sample_height, 8, e);
	f->width = side(set, "width", f->unet.sample_width, 8, e);
	noise = f->batch * f->height * f->width * f->unet.in_channels;
	if (noise < f->batch * TEXT_LENGTH * f->unet.context_width)
		noise = f->batch * TEXT_LENGTH * f->unet.context_width;
	f->noise = malloc((size_t)noise * sizeof *f->noise);
	die_if(!f->noise, "out of memory");
	noise_fill((uint64_t)settings_int(set, "seed"), noise, f->noise);
}

static void destroy(struct workload *w)
{
	weights_free(w->weights);
	free(((struct forward *)w)->noise);
	free(w);
}

static struct workload *create(struct settings *set, struct err *e)
{
	struct forward *f = calloc(1, sizeof *f);
	struct workload *w = &f->base;
	struct err own = { 0 };

	die_if(!f, "out of memory");
	split_name(f, settings_text(set, "model"));
	*w = (struct workload){
		.family = &family_forward, .parts = f->part, .step = step, .destroy = destroy,
		.dtype = strcmp(settings_text(set, "dtype"), "fp32") == 0 ? DT_F32 : DT_BF16,
		.weights = weights_new((uint64_t)settings_int(set, "seed")),
		.n_stages = 1, .stage = { { "forward", 1 } },
		.images = (int)settings_int(set, "batch"),
	};
	if (strcmp(f->part[0], "vae") == 0) {
		w->n_stages = 2;
		w->stage[0] = (struct stage){ "decode", 1 };
		w->stage[1] = (struct stage){ "encode", 1 };
	}
	set_up(f, set, &own);
	if (!own.code)
		return w;
	err_set(e, own.code, "%s", own.msg);
	destroy(w);
	return NULL;
}

const struct family family_forward = {
	.name = "forward",
	.summary = "one forward of a single network",
	.task = "forward",
	.settings = settings,
	.n_settings = sizeof settings / sizeof *settings,
	.create = create,
};
