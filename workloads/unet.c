/* SPDX-License-Identifier: MIT */
#include "unet.h"

#include "blocks.h"

#define SKIPS_MAX 640 /* 16 levels of at most 32 blocks and a downsampling */

/* What every block needs. */
struct net {
	const struct unet_config *m;
	T *emb;     /* [N, 4*channels[0]], after SiLU */
	T *context; /* [N,L,context_width] */
	T *skip[SKIPS_MAX];
	int skips;
};

/* ---- embeddings ------------------------------------------------------------------------------ */

static T *mlp(C *c, const char *name, T *x, int64_t out, T *residual)
{
	scope_push(c, name);
	x = linear(c, x, "linear_1", out, .act = ACT_SILU);
	x = linear(c, x, "linear_2", out, .residual = residual);
	scope_pop(c);
	return x;
}

/* Time, and for SDXL pooled text and sizes; each residual block takes SiLU of the sum. */
static T *embed_time(C *c, const struct unet_config *m, T *t, T *pooled, T *time_ids)
{
	int64_t n = t->dim[0], width = 4 * m->channels[0];
	T *emb, *ids;

	emb = op_timestep_embed(c, t, m->channels[0], m->cos_first, (float)m->freq_shift);
	emb = mlp(c, "time_embedding", op_cast(c, emb, ctx_dtype(c), NULL), width, NULL);
	if (m->text_time) {
		ids = op_view(c, time_ids, 1, (int64_t[]){ n * UNET_TIME_IDS });
		ids = op_timestep_embed(c, ids, m->time_id_width, m->cos_first,
					(float)m->freq_shift);
		ids = op_view(c, ids, 2, (int64_t[]){ n, UNET_TIME_IDS * m->time_id_width });
		ids = op_concat(c, pooled, op_cast(c, ids, ctx_dtype(c), NULL), 1);
		emb = mlp(c, "add_embedding", ids, width, emb);
	}
	return op_activation(c, emb, ACT_SILU);
}

/* ---- transformer ----------------------------------------------------------------------------- */

/* Self-attention, or cross-attention to another sequence; plus the residual. */
static T *attend(C *c, const char *name, T *x, T *to, int heads, T *residual)
{
	int64_t width = tensor_cols(x);
	T *q, *k, *v, *y;

	scope_push(c, name);
	q = linear(c, x, "to_q", width, .no_bias = true);
	k = linear(c, to, "to_k", width, .no_bias = true);
	v = linear(c, to, "to_v", width, .no_bias = true);
	y = attention(c, q, k, v, heads, false);
	y = linear(c, y, "to_out.0", width, .residual = residual);
	scope_pop(c);
	return y;
}

static T *feed_forward(C *c, T *x, T *residual)
{
	int64_t width = tensor_cols(x);

	scope_push(c, "ff");
	x = linear(c, x, "net.0.proj", 8 * width, .act = ACT_GEGLU);
	x = linear(c, x, "net.2", width, .residual = residual);
	scope_pop(c);
	return x;
}

static T *transformer_block(C *c, T *x, T *context, int heads)
{
	T *n;

	n = layer_norm(c, x, "norm1", 1e-5);
	x = attend(c, "attn1", n, n, heads, x);
	n = layer_norm(c, x, "norm2", 1e-5);
	x = attend(c, "attn2", n, context, heads, x);
	n = layer_norm(c, x, "norm3", 1e-5);
	return feed_forward(c, n, x);
}

static T *transformer(C *c, const struct net *net, int level, T *x)
{
	const struct unet_config *m = net->m;
	int64_t width = tensor_cols(x);
	T *h = group_norm(c, x, "norm", m->groups, 1e-6, ACT_NONE);

	if (m->linear_projection)
		h = linear(c, tokens(c, h), "proj_in", width);
	else
		h = tokens(c, conv(c, h, "proj_in", width, 1));
	for (int i = 0; i < m->depth[level]; i++) {
		scope_push_index(c, "transformer_blocks", i);
		h = transformer_block(c, h, net->context, (int)m->heads[level]);
		scope_pop(c);
	}
	if (!m->linear_projection)
		return conv(c, image_like(c, h, x), "proj_out", width, 1, .residual = x);
	h = linear(c, h, "proj_out", width, .residual = tokens(c, x));
	return image_like(c, h, x);
}

/* ---- the U ----------------------------------------------------------------------------------- */

/* Residual block i of a level and, if the level has them, its transformer blocks. */
static T *layer(C *c, const struct net *net, int level, int i, T *x, bool with_attention)
{
	const struct unet_config *m = net->m;

	scope_push_index(c, "resnets", i);
	x = resnet_block(c, x, net->emb, m->channels[level], m->groups, m->eps);
	scope_pop(c);
	if (!with_attention)
		return x;
	scope_push_index(c, "attentions", i);
	x = transformer(c, net, level, x);
	scope_pop(c);
	return x;
}

static T *down(C *c, struct net *net, int level, T *x)
{
	const struct unet_config *m = net->m;

	scope_push_index(c, "down_blocks", level);
	for (int i = 0; i < m->layers[level]; i++) {
		x = layer(c, net, level, i, x, m->down_attention[level]);
		net->skip[net->skips++] = x;
	}
	if (level < m->levels - 1) {
		x = conv(c, x, "downsamplers.0.conv", m->channels[level], 3, .stride = 2);
		net->skip[net->skips++] = x;
	}
	scope_pop(c);
	return x;
}

static T *middle(C *c, struct net *net, T *x)
{
	int level = net->m->levels - 1;

	scope_push(c, "mid_block");
	x = layer(c, net, level, 0, x, true);
	x = layer(c, net, level, 1, x, false);
	scope_pop(c);
	return x;
}

static T *up(C *c, struct net *net, int level, T *x)
{
	const struct unet_config *m = net->m;

	scope_push_index(c, "up_blocks", m->levels - 1 - level);
	for (int i = 0; i <= m->layers[level]; i++) {
		x = op_concat(c, x, net->skip[--net->skips], 3);
		x = layer(c, net, level, i, x, m->up_attention[level]);
	}
	if (level > 0) {
		scope_push(c, "upsamplers.0");
		x = upsample_block(c, x);
		scope_pop(c);
	}
	scope_pop(c);
	return x;
}

T *unet(C *c, const struct unet_config *m, T *x, T *t, T *context, T *pooled, T *time_ids)
{
	struct net net = { .m = m, .context = context };
	int64_t multiple = 1 << (m->levels - 1);

	if (x->dim[1] % multiple || x->dim[2] % multiple)
		model_fail(c,
			   "height and width of the latent must be multiples of %lld, not %lld x "
			   "%lld",
			   (long long)multiple, (long long)x->dim[1], (long long)x->dim[2]);
	net.emb = embed_time(c, m, t, pooled, time_ids);
	x = conv(c, x, "conv_in", m->channels[0], 3);
	net.skip[net.skips++] = x;
	for (int level = 0; level < m->levels; level++)
		x = down(c, &net, level, x);
	x = middle(c, &net, x);
	for (int level = m->levels - 1; level >= 0; level--)
		x = up(c, &net, level, x);
	x = group_norm(c, x, "conv_norm_out", m->groups, m->eps, ACT_SILU);
	return conv(c, x, "conv_out", m->out_channels, 3);
}
