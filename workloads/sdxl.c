/* SPDX-License-Identifier: MIT */
#include "sdxl.h"

#include <string.h>

/* Every image twice under guidance: rows [0,batch) without the prompt, then with it. */
static int64_t network_batch(const struct sdxl *s)
{
	return s->guided ? 2 * s->batch : s->batch;
}

static T *latent_state(const struct sdxl *s, C *c)
{
	return state(c, "latents", DT_F32, 4,
		     (int64_t[]){ s->batch, s->height, s->width, s->unet.in_channels });
}

static T *context_state(const struct sdxl *s, C *c)
{
	return state(c, "context", ctx_dtype(c), 3,
		     (int64_t[]){ network_batch(s), s->length, s->unet.context_width });
}

static T *pooled_state(const struct sdxl *s, C *c)
{
	return state(c, "pooled", ctx_dtype(c), 2,
		     (int64_t[]){ network_batch(s), s->unet.pooled_width });
}

/* ---- text ------------------------------------------------------------------------------------ */

static T *repeat(C *c, T *x, int n)
{
	T *y = x;

	for (int i = 1; i < n; i++)
		y = op_concat(c, y, x, 0);
	return y;
}

/* x [prompts,..] -> [network batch,..] */
static T *for_each_image(const struct sdxl *s, C *c, T *x)
{
	T *with = s->prompts > 1 ? op_slice(c, x, 0, 1, 1) : x, *without;

	if (!s->guided)
		return repeat(c, with, s->batch);
	without = s->zero_negative ? scaled(c, with, 0) : op_slice(c, x, 0, 0, 1);
	return op_concat(c, repeat(c, without, s->batch), repeat(c, with, s->batch), 0);
}

static void encode(const struct sdxl *s, C *c, int tower, struct clip_output *out)
{
	T *ids = input_i32(c, 2, (int64_t[]){ s->prompts, s->length }, s->ids[tower]);
	T *eos = input_i32(c, 1, (int64_t[]){ s->prompts }, s->eos[tower]);

	scope_push(c, tower ? "text_encoder_2" : "text_encoder");
	clip_text(c, &s->text[tower], ids, eos, out);
	scope_pop(c);
}

/* The U-Net reads the states before the last layer of both towers, and the second's embedding. */
static void text_stage(const struct sdxl *s, C *c)
{
	struct clip_output a, b;
	T *context, *noise;

	encode(s, c, 0, &a);
	encode(s, c, 1, &b);
	context = op_concat(c, a.hidden[a.layers - 1], b.hidden[b.layers - 1], 2);
	op_cast(c, for_each_image(s, c, context), ctx_dtype(c), context_state(s, c));
	op_cast(c, for_each_image(s, c, b.embeds), ctx_dtype(c), pooled_state(s, c));
	noise = input_f32(c, 4, latent_state(s, c)->dim, s->noise);
	op_cast(c, scaled(c, noise, s->sampler.init_sigma), DT_F32, latent_state(s, c));
}

/* ---- denoise --------------------------------------------------------------------------------- */

/* Time of the step, once per row of the network's batch. */
static T *times(const struct sdxl *s, C *c, float t)
{
	float all[2 * SDXL_BATCH_MAX];
	int64_t n = network_batch(s);

	for (int64_t i = 0; i < n; i++)
		all[i] = t;
	return input_f32(c, 1, &n, all);
}

/* Size before scaling, crop and target size: the image is what was asked for, not cropped. */
static T *time_ids(const struct sdxl *s, C *c)
{
	float all[2 * SDXL_BATCH_MAX][UNET_TIME_IDS];
	int64_t n = network_batch(s), factor = vae_factor(&s->vae);
	float h = (float)(s->height * factor), w = (float)(s->width * factor);

	for (int64_t i = 0; i < n; i++)
		memcpy(all[i], (float[]){ h, w, 0, 0, h, w }, sizeof all[i]);
	return input_f32(c, 2, (int64_t[]){ n, UNET_TIME_IDS }, all[0]);
}

/* e = e_without + guidance (e_with - e_without) */
static T *guide(const struct sdxl *s, C *c, T *e)
{
	T *without = op_slice(c, e, 0, 0, s->batch), *with = op_slice(c, e, 0, s->batch, s->batch);

	return op_axpby(c, (float)(1 - s->guidance), without, (float)s->guidance, with, NULL);
}

static void denoise_stage(const struct sdxl *s, C *c, int i)
{
	struct sampler_step step = sampler_step(&s->sampler, i);
	T *latents = latent_state(s, c), *x, *e;

	x = op_cast(c, scaled(c, latents, step.input_scale), ctx_dtype(c), NULL);
	if (s->guided)
		x = op_concat(c, x, x, 0);
	scope_push(c, "unet");
	e = unet(c, &s->unet, x, times(s, c, step.t), context_state(s, c), pooled_state(s, c),
		 time_ids(s, c));
	scope_pop(c);
	e = op_cast(c, e, DT_F32, NULL);
	if (s->guided)
		e = guide(s, c, e);
	op_axpby(c, (float)step.x, latents, (float)step.model, e, latents);
}

/* ---- decode ---------------------------------------------------------------------------------- */

/* One image at a time: the decoder's activations are the largest of the run. */
static T *decode(const struct sdxl *s, C *c, T *latents, int image)
{
	T *z = s->batch > 1 ? op_slice(c, latents, 0, image, 1) : latents, *x;

	z = op_cast(c, scaled(c, z, 1 / s->vae.scaling), ctx_dtype(c), NULL);
	scope_push(c, "vae");
	x = vae_decode(c, &s->vae, z);
	scope_pop(c);
	return op_clamp(c, op_cast(c, x, DT_F32, NULL), 0.5f, 0.5f, 0, 1);
}

static void decode_stage(const struct sdxl *s, C *c)
{
	int64_t factor = vae_factor(&s->vae);
	int64_t dim[] = { s->batch, s->height * factor, s->width * factor, s->vae.out_channels };
	T *latents = latent_state(s, c), *all = decode(s, c, latents, 0);

	for (int i = 1; i < s->batch; i++)
		all = op_concat(c, all, decode(s, c, latents, i), 0);
	op_cast(c, all, DT_F32, state(c, "image", DT_F32, 4, dim));
}

void sdxl_step(struct workload *w, struct ctx *c, int stage, int i)
{
	const struct sdxl *s = (const struct sdxl *)w;

	if (stage == 0)
		text_stage(s, c);
	else if (stage == 1)
		denoise_stage(s, c, i);
	else
		decode_stage(s, c);
}
