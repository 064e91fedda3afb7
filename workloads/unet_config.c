/* SPDX-License-Identifier: MIT
 *
 * unet/config.json. Keys that are absent have the defaults of the class; a feature that is not
 * implemented is refused by name and value, never ignored.
 */
#include <stdio.h>
#include <string.h>

#include "unet.h"

static const char *const known[] = {
	"sample_size", "in_channels", "out_channels", "flip_sin_to_cos", "freq_shift",
	"down_block_types", "mid_block_type", "up_block_types", "block_out_channels",
	"layers_per_block", "norm_num_groups", "norm_eps", "cross_attention_dim",
	"transformer_layers_per_block", "attention_head_dim", "use_linear_projection",
	"addition_embed_type", "addition_time_embed_dim", "projection_class_embeddings_input_dim",
	/* no influence on inference with fp32 accumulation: */
	"upcast_attention", "dropout", "addition_embed_type_num_heads", NULL
};

static const struct config_fixed fixed[] = {
	{ "_class_name", "\"UNet2DConditionModel\"" },
	{ "act_fn", "\"silu\"" },
	{ "attention_type", "\"default\"" },
	{ "center_input_sample", "false" },
	{ "class_embed_type", "null" },
	{ "class_embeddings_concat", "false" },
	{ "conv_in_kernel", "3" },
	{ "conv_out_kernel", "3" },
	{ "cross_attention_norm", "null" },
	{ "downsample_padding", "1" },
	{ "dual_cross_attention", "false" },
	{ "encoder_hid_dim", "null" },
	{ "encoder_hid_dim_type", "null" },
	{ "mid_block_only_cross_attention", "false" },
	{ "mid_block_scale_factor", "1" },
	{ "num_attention_heads", "null" },
	{ "num_class_embeds", "null" },
	{ "only_cross_attention", "false" },
	{ "resnet_out_scale_factor", "1" },
	{ "resnet_skip_time_act", "false" },
	{ "resnet_time_scale_shift", "\"default\"" },
	{ "reverse_transformer_layers_per_block", "null" },
	{ "time_cond_proj_dim", "null" },
	{ "time_embedding_act_fn", "null" },
	{ "time_embedding_dim", "null" },
	{ "time_embedding_type", "\"positional\"" },
	{ "timestep_post_act", "null" },
	{ NULL, NULL }
};

/* Which levels have transformer blocks: `with` or `without` at each place of the list. */
static void read_types(struct config *f, const char *key, const char *with, const char *without,
		       const struct unet_config *m, bool *attention)
{
	const char *type[CONFIG_LIST_MAX];
	int n = config_texts(f, key, type);
	char why[128];

	if (n && n != m->levels)
		config_refuse(f, key, "it must have as many entries as block_out_channels");
	for (int i = 0; i < n && i < m->levels; i++) {
		attention[i] = strcmp(type[i], with) == 0;
		if (attention[i] || strcmp(type[i], without) == 0)
			continue;
		snprintf(why, sizeof why, "only %s and %s are supported", with, without);
		config_refuse(f, key, why);
	}
}

static void read_levels(struct config *f, struct unet_config *m)
{
	bool up[CONFIG_LIST_MAX] = { false };
	int n = m->levels = config_ints(f, "block_out_channels", 1, 65536, m->channels);

	config_per_level(f, "layers_per_block", 1, 32, n, 2, m->layers);
	config_per_level(f, "transformer_layers_per_block", 1, 64, n, 1, m->depth);
	/* The key means the number of heads: a misnomer that the published files keep. */
	config_per_level(f, "attention_head_dim", 1, 1024, n, 8, m->heads);
	read_types(f, "down_block_types", "CrossAttnDownBlock2D", "DownBlock2D", m,
		   m->down_attention);
	read_types(f, "up_block_types", "CrossAttnUpBlock2D", "UpBlock2D", m, up);
	for (int level = 0; level < n; level++) {
		m->up_attention[level] = up[n - 1 - level];
		if (m->channels[level] % m->groups)
			config_refuse(f, "block_out_channels",
				      "each must be a multiple of norm_num_groups");
		if (m->channels[level] % m->heads[level] &&
		    (m->down_attention[level] || m->up_attention[level] || level == n - 1))
			config_refuse(f, "attention_head_dim",
				      "each must divide the channels of its level");
	}
	if (strcmp(config_text_or(f, "mid_block_type", "UNetMidBlock2DCrossAttn"),
		   "UNetMidBlock2DCrossAttn") != 0)
		config_refuse(f, "mid_block_type", "only UNetMidBlock2DCrossAttn is supported");
}

static void read_context(struct config *f, struct unet_config *m)
{
	int64_t width[CONFIG_LIST_MAX] = { 0 };

	if (!config_has(f, "cross_attention_dim"))
		config_refuse(f, "cross_attention_dim", "the width of the text states is needed");
	config_per_level(f, "cross_attention_dim", 1, 65536, m->levels, 0, width);
	m->context_width = width[0];
	for (int i = 1; i < m->levels; i++)
		if (width[i] != width[0])
			config_refuse(f, "cross_attention_dim",
				      "all levels must have the same width");
}

static void read_added(struct config *f, struct unet_config *m)
{
	const char *type = config_text_or(f, "addition_embed_type", "");
	int64_t width;

	m->text_time = strcmp(type, "text_time") == 0;
	if (*type && !m->text_time)
		config_refuse(f, "addition_embed_type", "only text_time is supported");
	if (!m->text_time)
		return;
	m->time_id_width = config_int(f, "addition_time_embed_dim", 2, 65536);
	width = config_int(f, "projection_class_embeddings_input_dim", 1, 1 << 20);
	m->pooled_width = width - UNET_TIME_IDS * m->time_id_width;
	if (m->time_id_width % 2 || m->time_id_width <= 2 * m->freq_shift)
		config_refuse(f, "addition_time_embed_dim",
			      "an even number above twice freq_shift is needed");
	if (m->pooled_width < 1)
		config_refuse(f, "projection_class_embeddings_input_dim",
			      "it must exceed six times addition_time_embed_dim");
}

static void read_sample_size(struct config *f, struct unet_config *m)
{
	int64_t size[2] = { 0, 0 };

	config_per_level(f, "sample_size", 1, 1 << 16, 2, 0, size);
	m->sample_height = size[0];
	m->sample_width = size[1];
}

void unet_read(struct config *f, struct unet_config *m)
{
	*m = (struct unet_config){
		.in_channels = config_int_or(f, "in_channels", 1, 1024, 4),
		.out_channels = config_int_or(f, "out_channels", 1, 1024, 4),
		.groups = (int)config_int_or(f, "norm_num_groups", 1, 4096, 32),
		.eps = config_real_or(f, "norm_eps", 1e-5),
		.linear_projection = config_bool_or(f, "use_linear_projection", false),
		.cos_first = config_bool_or(f, "flip_sin_to_cos", true),
		.freq_shift = config_real_or(f, "freq_shift", 0),
	};
	config_check_fixed(f, fixed);
	config_check_known(f, known, fixed);
	read_levels(f, m);
	if (m->levels && m->channels[0] <= 2 * m->freq_shift) /* no frequencies are left */
		config_refuse(f, "freq_shift",
			      "it must be less than half the first level's channels");
	read_context(f, m);
	read_added(f, m);
	read_sample_size(f, m);
	if (m->levels && m->channels[0] % 2)
		config_refuse(f, "block_out_channels", "the first must be even");
}
