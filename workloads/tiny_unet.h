/* SPDX-License-Identifier: MIT
 *
 * For tests: a U-Net of SDXL's architecture (three levels, transformers of unequal depth,
 * text_time) that runs in milliseconds on the ref backend, with its inputs.
 */
#ifndef BENCH_TINY_UNET_H
#define BENCH_TINY_UNET_H

#include "unet.h"

#define TINY_BATCH_MAX 2
#define TINY_CHANNELS 4
#define TINY_TOKENS 5

static const char tiny_unet_json[] =
	"{ \"_class_name\": \"UNet2DConditionModel\", \"addition_embed_type\": \"text_time\","
	"  \"addition_time_embed_dim\": 4, \"attention_head_dim\": [1, 2, 3],"
	"  \"block_out_channels\": [8, 12, 18], \"cross_attention_dim\": 10,"
	"  \"down_block_types\":"
	"    [\"DownBlock2D\", \"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\"],"
	"  \"layers_per_block\": 2, \"norm_num_groups\": 2,"
	"  \"projection_class_embeddings_input_dim\": 30, \"sample_size\": 8,"
	"  \"transformer_layers_per_block\": [1, 1, 2],"
	"  \"up_block_types\": [\"CrossAttnUpBlock2D\", \"CrossAttnUpBlock2D\", \"UpBlock2D\"],"
	"  \"use_linear_projection\": true }";

static inline int tiny_unet_read(struct unet_config *m, struct err *e)
{
	struct config f;

	config_parse(&f, "tiny unet", tiny_unet_json, e);
	unet_read(&f, m);
	config_close(&f);
	return -(int)e->code;
}

/* Random input of deviation 1. */
static inline T *tiny_input(C *c, uint64_t key, int ndim, const int64_t *dim)
{
	T *x = ctx_tensor(c, DT_F32, ndim, dim);

	if (x->data)
		random_fill(21, key, 0, tensor_elems(x), 0, 1, DT_F32, x->data);
	return x;
}

/* The forward of `latent` [N,H,W,TINY_CHANNELS], N <= TINY_BATCH_MAX; the other inputs are made
 * here. */
static inline T *tiny_unet(C *c, const struct unet_config *m, T *latent)
{
	const float time[TINY_BATCH_MAX] = { 801, 3 };
	const float sizes[TINY_BATCH_MAX][UNET_TIME_IDS] = { { 64, 48, 0, 8, 64, 64 },
							     { 32, 16, 4, 0, 9, 1 } };
	int64_t n = latent->dim[0];
	T *context = tiny_input(c, 2, 3, (int64_t[]){ n, TINY_TOKENS, m->context_width });
	T *pooled = tiny_input(c, 3, 2, (int64_t[]){ n, m->pooled_width });
	T *t = input_f32(c, 1, &n, time);
	T *ids = input_f32(c, 2, (int64_t[]){ n, UNET_TIME_IDS }, &sizes[0][0]);

	scope_push(c, "unet");
	latent = unet(c, m, latent, t, context, pooled, ids);
	scope_pop(c);
	return latent;
}

#endif
