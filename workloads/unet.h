/* SPDX-License-Identifier: MIT
 *
 * The conditional U-Net of latent diffusion (Rombach et al. 2022; SDXL: Podell et al. 2023), the
 * class UNet2DConditionModel: Stable Diffusion 1.x, 2.x and SDXL differ by configuration only.
 *
 * How to test: counts_test.c (published parameters and MACs), golden forwards of tiny models.
 */
#ifndef BENCH_UNET_H
#define BENCH_UNET_H

#include "config.h"
#include "nn.h"

struct unet_config {
	int levels;
	int64_t channels[CONFIG_LIST_MAX]; /* of each level, finest first */
	int64_t layers[CONFIG_LIST_MAX];   /* residual blocks per level on the way down */
	int64_t depth[CONFIG_LIST_MAX];    /* transformer blocks after each residual block */
	int64_t heads[CONFIG_LIST_MAX];
	bool down_attention[CONFIG_LIST_MAX], up_attention[CONFIG_LIST_MAX]; /* by level */
	int64_t in_channels, out_channels, context_width;
	int64_t sample_height, sample_width; /* of the latent by default; 0: not given */
	int groups;
	double eps;
	bool linear_projection; /* else 1x1 convolutions around the transformer blocks */
	bool cos_first;
	double freq_shift;
	bool text_time;         /* SDXL: pooled text and six numbers join the time embedding */
	int64_t time_id_width, pooled_width;
};

void unet_read(struct config *f, struct unet_config *m);

#define UNET_TIME_IDS 6

/* x [N,H,W,in], t [N] fp32, context [N,L,context_width]; text_time: pooled [N,pooled_width] and
 * time_ids [N,6] fp32 (original height and width, crop top and left, target height and width).
 * Returns [N,H,W,out]. H and W must be multiples of 2^(levels-1). */
T *unet(C *c, const struct unet_config *m, T *x, T *t, T *context, T *pooled, T *time_ids);

#endif
