/* SPDX-License-Identifier: MIT */
#include "vae.h"

#include <stdio.h>
#include <string.h>

#include "blocks.h"

#define EPS 1e-6

static T *resnet(C *c, const struct vae_config *m, int i, T *x, int64_t out)
{
	scope_push_index(c, "resnets", i);
	x = resnet_block(c, x, NULL, out, m->groups, EPS);
	scope_pop(c);
	return x;
}

static T *middle_attention(C *c, const struct vae_config *m, T *x)
{
	int64_t width = tensor_cols(x);
	T *n, *q, *k, *v, *y;

	scope_push(c, "attentions.0");
	n = tokens(c, group_norm(c, x, "group_norm", m->groups, EPS, ACT_NONE));
	q = linear(c, n, "to_q", width);
	k = linear(c, n, "to_k", width);
	v = linear(c, n, "to_v", width);
	y = attention(c, q, k, v, 1, false);
	y = linear(c, y, "to_out.0", width, .residual = tokens(c, x));
	scope_pop(c);
	return image_like(c, y, x);
}

static T *middle(C *c, const struct vae_config *m, T *x)
{
	scope_push(c, "mid_block");
	x = resnet(c, m, 0, x, tensor_cols(x));
	if (m->middle_attention)
		x = middle_attention(c, m, x);
	x = resnet(c, m, 1, x, tensor_cols(x));
	scope_pop(c);
	return x;
}

static T *norm_and_conv_out(C *c, const struct vae_config *m, T *x, int64_t out)
{
	x = group_norm(c, x, "conv_norm_out", m->groups, EPS, ACT_SILU);
	return conv(c, x, "conv_out", out, 3);
}

T *vae_encode(C *c, const struct vae_config *m, T *x)
{
	scope_push(c, "encoder");
	x = conv(c, x, "conv_in", m->channels[0], 3);
	for (int level = 0; level < m->levels; level++) {
		scope_push_index(c, "down_blocks", level);
		for (int i = 0; i < m->layers; i++)
			x = resnet(c, m, i, x, m->channels[level]);
		if (level < m->levels - 1)
			x = conv(c, x, "downsamplers.0.conv", m->channels[level], 3, .stride = 2,
				 .pad_end = true);
		scope_pop(c);
	}
	x = middle(c, m, x);
	x = norm_and_conv_out(c, m, x, 2 * m->latent_channels);
	scope_pop(c);
	return m->quant_conv ? conv(c, x, "quant_conv", 2 * m->latent_channels, 1) : x;
}

T *vae_decode(C *c, const struct vae_config *m, T *z)
{
	T *x = m->post_quant_conv ? conv(c, z, "post_quant_conv", m->latent_channels, 1) : z;

	scope_push(c, "decoder");
	x = conv(c, x, "conv_in", m->channels[m->levels - 1], 3);
	x = middle(c, m, x);
	for (int level = m->levels - 1; level >= 0; level--) {
		scope_push_index(c, "up_blocks", m->levels - 1 - level);
		for (int i = 0; i <= m->layers; i++)
			x = resnet(c, m, i, x, m->channels[level]);
		if (level > 0) {
			scope_push(c, "upsamplers.0");
			x = upsample_block(c, x);
			scope_pop(c);
		}
		scope_pop(c);
	}
	x = norm_and_conv_out(c, m, x, m->out_channels);
	scope_pop(c);
	return x;
}

int vae_factor(const struct vae_config *m)
{
	return 1 << (m->levels - 1);
}

/* ---- vae/config.json ------------------------------------------------------------------------- */

static const char *const known[] = {
	"in_channels", "out_channels", "down_block_types", "up_block_types", "block_out_channels",
	"layers_per_block", "latent_channels", "norm_num_groups", "scaling_factor", "shift_factor",
	"use_quant_conv", "use_post_quant_conv", "mid_block_add_attention",
	/* the default size of the pipeline, and a remedy for fp16: no influence here */
	"sample_size", "force_upcast", NULL
};

static const struct config_fixed fixed[] = {
	{ "_class_name", "\"AutoencoderKL\"" },
	{ "act_fn", "\"silu\"" },
	{ "latents_mean", "null" },
	{ "latents_std", "null" },
	{ NULL, NULL }
};

static void check_types(struct config *f, const char *key, const char *only, int levels)
{
	const char *type[CONFIG_LIST_MAX];
	int n = config_texts(f, key, type);
	char why[64];

	if (n && n != levels)
		config_refuse(f, key, "it must have as many entries as block_out_channels");
	snprintf(why, sizeof why, "only %s is supported", only);
	for (int i = 0; i < n; i++)
		if (strcmp(type[i], only) != 0)
			config_refuse(f, key, why);
}

void vae_read(struct config *f, struct vae_config *m)
{
	*m = (struct vae_config){
		.in_channels = config_int_or(f, "in_channels", 1, 1024, 3),
		.out_channels = config_int_or(f, "out_channels", 1, 1024, 3),
		.latent_channels = config_int_or(f, "latent_channels", 1, 1024, 4),
		.layers = config_int_or(f, "layers_per_block", 1, 32, 1),
		.groups = (int)config_int_or(f, "norm_num_groups", 1, 4096, 32),
		.quant_conv = config_bool_or(f, "use_quant_conv", true),
		.post_quant_conv = config_bool_or(f, "use_post_quant_conv", true),
		.middle_attention = config_bool_or(f, "mid_block_add_attention", true),
		.scaling = config_real_or(f, "scaling_factor", 0.18215),
		.shift = config_real_or(f, "shift_factor", 0),
	};
	config_check_fixed(f, fixed);
	config_check_known(f, known, fixed);
	m->levels = config_ints(f, "block_out_channels", 1, 65536, m->channels);
	check_types(f, "down_block_types", "DownEncoderBlock2D", m->levels);
	check_types(f, "up_block_types", "UpDecoderBlock2D", m->levels);
	for (int i = 0; i < m->levels; i++)
		if (m->channels[i] % m->groups)
			config_refuse(f, "block_out_channels",
				      "each must be a multiple of norm_num_groups");
	if (m->scaling == 0)
		config_refuse(f, "scaling_factor", "it must not be zero");
}
