/* SPDX-License-Identifier: MIT
 *
 * Linear, convolution and attention: the ops that multiply matrices.
 */
#include <math.h>

#include "op.h"
#include "op_rules.h"
#include "ctx.h"
#include "grad.h"

/* ---- linear ---------------------------------------------------------------------------------- */

SHAPE_RULE(linear)
{
	const struct tensor *x = call->in[0], *w = call->in[1], *residual = call->in[3];
	int64_t cols;

	if (w->ndim != 2 || tensor_cols(x) != w->dim[1])
		return "the weight [O,K] does not fit the input [..,K]";
	if (x->dtype != w->dtype)
		return "input and weight differ in storage";
	if (!is_column_vector(call->in[2], w->dim[0]))
		return "the bias does not have one value per output";
	if (call->attr.linear.act == ACT_GEGLU && w->dim[0] % 2)
		return "GEGLU needs an even number of outputs";
	cols = call->attr.linear.act == ACT_GEGLU ? w->dim[0] / 2 : w->dim[0];
	out[0] = shape_like(x, cols);
	if (residual && !tensor_same_shape(residual, &out[0]))
		return "the residual has another shape than the result";
	return NULL;
}

COST_RULE(linear)
{
	const struct tensor *w = call->in[1];

	cost->macs_linear += tensor_rows(call->in[0]) * w->dim[0] * w->dim[1];
	if (call->attr.linear.act == ACT_GEGLU)
		cost->mul_elems += tensor_elems(call->out[0]);
}

/* With a tape the epilogue becomes ops of its own, so that each op has one short gradient rule. */
static struct tensor *linear_composed(struct ctx *c, struct tensor *x, struct tensor *w,
				      struct tensor *bias, enum act act, struct tensor *residual)
{
	struct tensor *y = op_linear(c, x, w, bias, ACT_NONE, NULL);

	if (act == ACT_GEGLU)
		y = op_geglu(c, y);
	else if (act != ACT_NONE)
		y = op_activation(c, y, act);
	return residual ? op_add(c, y, residual) : y;
}

struct tensor *op_linear(struct ctx *c, struct tensor *x, struct tensor *w, struct tensor *bias,
			 enum act act, struct tensor *residual)
{
	struct op_call call = { .op = OP_LINEAR, .attr.linear.act = act,
				.in = { x, w, bias, residual } };

	if (c->tape && (act != ACT_NONE || residual))
		return linear_composed(c, x, w, bias, act, residual);
	return op_run(c, &call);
}

/* ---- convolution ----------------------------------------------------------------------------- */

static int64_t conv_extent(int64_t in, int before, int after, int k, int stride)
{
	return (in + before + after - k) / stride + 1;
}

SHAPE_RULE(conv2d)
{
	const struct tensor *x = call->in[0], *w = call->in[1], *per_sample = call->in[3];
	const struct conv_attr *a = &call->attr.conv;

	if (x->ndim != 4 || w->ndim != 4 || x->dim[3] != w->dim[1])
		return "the weight [O,I,kh,kw] does not fit the image [N,H,W,I]";
	if (x->dtype != w->dtype)
		return "input and weight differ in storage";
	if (x->dim[1] + a->top + a->bottom < a->kh || x->dim[2] + a->left + a->right < a->kw)
		return "the padded image is smaller than the kernel";
	if (!is_column_vector(call->in[2], w->dim[0]))
		return "the bias does not have one value per output channel";
	if (per_sample && (per_sample->ndim != 2 || per_sample->dim[0] != x->dim[0] ||
			   per_sample->dim[1] != w->dim[0]))
		return "the channel bias is not [N,O]";
	out[0] = shape_like(x, w->dim[0]);
	out[0].dim[1] = conv_extent(x->dim[1], a->top, a->bottom, a->kh, a->stride);
	out[0].dim[2] = conv_extent(x->dim[2], a->left, a->right, a->kw, a->stride);
	if (call->in[4] && !tensor_same_shape(call->in[4], &out[0]))
		return "the residual has another shape than the result";
	return NULL;
}

COST_RULE(conv2d)
{
	const struct tensor *w = call->in[1];

	cost->macs_conv += tensor_rows(call->out[0]) * tensor_elems(w);
}

struct tensor *op_conv2d(struct ctx *c, struct tensor *x, struct tensor *w, struct tensor *bias,
			 struct conv_attr attr, struct tensor *channel_bias,
			 struct tensor *residual)
{
	struct op_call call = { .op = OP_CONV2D, .attr.conv = attr,
				.in = { x, w, bias, channel_bias, residual } };
	struct tensor *y;

	if (!c->tape || (!channel_bias && !residual))
		return op_run(c, &call);
	y = op_conv2d(c, x, w, bias, attr, NULL, NULL);
	if (channel_bias)
		y = op_add_channel(c, y, channel_bias);
	return residual ? op_add(c, y, residual) : y;
}

/* ---- attention ------------------------------------------------------------------------------- */

SHAPE_RULE(attention)
{
	const struct tensor *q = call->in[0], *k = call->in[1], *v = call->in[2];

	if (q->ndim != 3 || !tensor_same_shape(k, v) || k->ndim != 3)
		return "queries, keys and values must be [N,L,D], keys and values alike";
	if (q->dim[0] != k->dim[0] || q->dim[2] != k->dim[2])
		return "queries and keys differ in batch or width";
	if (call->attr.attn.heads < 1 || q->dim[2] % call->attr.attn.heads)
		return "the width is not a multiple of the number of heads";
	out[0] = shape_like(q, q->dim[2]);
	return NULL;
}

COST_RULE(attention)
{
	const struct tensor *q = call->in[0], *k = call->in[1];
	int64_t pairs = q->dim[0] * q->dim[1] * k->dim[1];

	cost->macs_attn += 2 * pairs * q->dim[2];
	cost->exp_elems += pairs * call->attr.attn.heads;
}

struct tensor *op_attention(struct ctx *c, struct tensor *q, struct tensor *k, struct tensor *v,
			    int heads, float scale, bool causal)
{
	struct op_call call = { .op = OP_ATTENTION, .in = { q, k, v },
				.attr.attn = { heads, causal, scale } };
	return op_run(c, &call);
}
