/* SPDX-License-Identifier: MIT
 *
 * The SDXL pipeline (Podell et al. 2023): two CLIP text towers, U-Net with classifier-free guidance
 * (Ho & Salimans 2022), Euler sampler, VAE decoder. sdxl.c holds the three stages, sdxl_setup.c
 * builds an instance from settings and configuration files, sdxl_text.c its token ids.
 *
 * How to test: sdxl_test.c.
 */
#ifndef BENCH_SDXL_H
#define BENCH_SDXL_H

#include "clip_text.h"
#include "sampler.h"
#include "unet.h"
#include "vae.h"
#include "workload.h"

extern const struct family family_sdxl;

#define SDXL_BATCH_MAX 64

struct sdxl {
	struct workload base; /* first: a workload is cast to its family */
	struct unet_config unet;
	struct vae_config vae;
	struct clip_config text[2];
	struct sampler sampler;
	int batch;             /* images */
	int64_t height, width; /* of the latent */
	double guidance;
	bool guided;           /* guidance > 1: each step runs [without, with] the prompt */
	bool zero_negative;    /* the state without the prompt is zero, not an encoded text */
	int prompts;           /* texts to encode: [negative,] prompt */
	int64_t length;        /* tokens per text */
	int32_t *ids[2];       /* [prompts, length] for each tower */
	int32_t eos[2][2];     /* [tower][text] */
	float *noise;          /* [batch, height, width, channels], deviation 1 */
};

/* Fills prompts, length, ids and eos. `zero_without_text`: what the pipeline's files say of a
 * prompt without a negative prompt. */
int sdxl_set_texts(struct sdxl *s, const struct settings *set, bool zero_without_text,
		   struct err *e);

void sdxl_step(struct workload *w, struct ctx *c, int stage, int i);

#endif
