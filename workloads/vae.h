/* SPDX-License-Identifier: MIT
 *
 * The variational autoencoder between images and latents (Rombach et al. 2022), the class
 * AutoencoderKL. All its group norms have eps 1e-6; its middle attention has one head.
 *
 * How to test: counts_test.c, golden forwards of tiny models.
 */
#ifndef BENCH_VAE_H
#define BENCH_VAE_H

#include "config.h"
#include "nn.h"

struct vae_config {
	int levels;
	int64_t channels[CONFIG_LIST_MAX]; /* finest first */
	int64_t layers;                    /* residual blocks per level of the encoder */
	int64_t in_channels, out_channels, latent_channels;
	int groups;
	bool quant_conv, post_quant_conv, middle_attention;
	double scaling, shift; /* latent for the U-Net = (z - shift) * scaling */
};

void vae_read(struct config *f, struct vae_config *m);

/* Pixels per latent element along each side: 2^(levels-1). */
int vae_factor(const struct vae_config *m);

/* x [N,H,W,in], about [-1,1] -> [N,H/f,W/f,2z]: means, then logarithms of variances. */
T *vae_encode(C *c, const struct vae_config *m, T *x);

/* z [N,h,w,z] (already divided by the scaling) -> [N,f*h,f*w,out], about [-1,1]. */
T *vae_decode(C *c, const struct vae_config *m, T *z);

#endif
