/* SPDX-License-Identifier: MIT
 *
 * Shape and cost rules of the ops that only gradient rules emit (grad_rules.c). Gradients of
 * parameters and sums are fp32; a gradient of an activation has the storage of the gradient it is
 * made from.
 */
#include "op.h"
#include "op_rules.h"

static struct tensor fp32_vector(int64_t n)
{
	return (struct tensor){ .ndim = 1, .dtype = DT_F32, .dim = { n } };
}

/* ---- matrix products ------------------------------------------------------------------------- */

SHAPE_RULE(linear_dx)
{
	const struct tensor *dy = call->in[0], *w = call->in[1];

	if (w->ndim != 2 || tensor_cols(dy) != w->dim[0])
		return "the weight [O,K] does not fit the gradient [..,O]";
	out[0] = shape_like(dy, w->dim[1]);
	return NULL;
}

SHAPE_RULE(linear_dw)
{
	const struct tensor *x = call->in[0], *dy = call->in[1];

	if (tensor_rows(x) != tensor_rows(dy))
		return "input and gradient differ in rows";
	out[0] = (struct tensor){ .ndim = 2, .dtype = DT_F32,
				  .dim = { tensor_cols(dy), tensor_cols(x) } };
	return NULL;
}

COST_RULE(linear_dx)
{
	cost->macs_linear += tensor_rows(call->in[0]) * tensor_elems(call->in[1]);
}

COST_RULE(linear_dw)
{
	cost->macs_linear += tensor_rows(call->in[0]) * tensor_elems(call->out[0]);
}

/* The padding is tight: it counts exactly the rows and columns that are read. */
SHAPE_RULE(conv2d_dx)
{
	const struct tensor *dy = call->in[0], *w = call->in[1];
	const struct conv_attr *a = &call->attr.conv;

	if (dy->ndim != 4 || w->ndim != 4 || dy->dim[3] != w->dim[0])
		return "the weight [O,I,kh,kw] does not fit the gradient [N,H,W,O]";
	out[0] = shape_like(dy, w->dim[1]);
	out[0].dim[1] = (dy->dim[1] - 1) * a->stride + a->kh - a->top - a->bottom;
	out[0].dim[2] = (dy->dim[2] - 1) * a->stride + a->kw - a->left - a->right;
	return NULL;
}

SHAPE_RULE(conv2d_dw)
{
	const struct tensor *x = call->in[0], *dy = call->in[1];

	if (x->ndim != 4 || dy->ndim != 4 || x->dim[0] != dy->dim[0])
		return "input and gradient are not images of one batch";
	out[0] = (struct tensor){ .ndim = 4, .dtype = DT_F32,
				  .dim = { dy->dim[3], x->dim[3], call->attr.conv.kh,
					   call->attr.conv.kw } };
	return NULL;
}

COST_RULE(conv2d_dx)
{
	cost->macs_conv += tensor_rows(call->in[0]) * tensor_elems(call->in[1]);
}

COST_RULE(conv2d_dw)
{
	cost->macs_conv += tensor_rows(call->in[1]) * tensor_elems(call->out[0]);
}

SHAPE_RULE(attention_bwd)
{
	const struct tensor *q = call->in[0], *k = call->in[1], *dy = call->in[3];

	if (!tensor_same_shape(q, dy) || !tensor_same_shape(k, call->in[2]))
		return "queries and gradient, or keys and values, have different shapes";
	out[0] = shape_like(q, tensor_cols(q));
	out[1] = out[2] = shape_like(k, tensor_cols(k));
	return NULL;
}

/* Five products of Lq x Lk x D where forward has two: the scores again, and one for each of the
 * gradients of probabilities, values, queries and keys. */
COST_RULE(attention_bwd)
{
	const struct tensor *q = call->in[0], *k = call->in[1];
	int64_t pairs = q->dim[0] * q->dim[1] * k->dim[1];

	cost->macs_attn += 5 * pairs * q->dim[2];
	cost->exp_elems += pairs * call->attr.attn.heads;
}

/* ---- norms ----------------------------------------------------------------------------------- */

/* group_norm_bwd, layer_norm_bwd: dx, dscale, dshift */
SHAPE_RULE(norm_bwd)
{
	const struct tensor *x = call->in[0];

	if (!tensor_same_shape(x, call->in[1]))
		return "input and gradient have different shapes";
	out[0] = shape_like(x, tensor_cols(x));
	out[1] = out[2] = fp32_vector(tensor_cols(x));
	return NULL;
}

SHAPE_RULE(group_norm_moments_bwd)
{
	if (!tensor_same_shape(call->in[1], call->in[2]))
		return "moments and gradient have different shapes";
	out[0] = shape_like(call->in[0], tensor_cols(call->in[0]));
	return NULL;
}

/* dx, d[scale, shift], d(moments) */
SHAPE_RULE(group_norm_apply_bwd)
{
	const struct tensor *x = call->in[0], *moments = call->in[3];

	if (!tensor_same_shape(x, call->in[1]))
		return "input and gradient have different shapes";
	out[0] = shape_like(x, tensor_cols(x));
	out[1] = (struct tensor){ .ndim = 2, .dtype = DT_F32, .dim = { 2, tensor_cols(x) } };
	out[2] = shape_like(moments, tensor_cols(moments));
	return NULL;
}

/* ---- pointwise and sums ---------------------------------------------------------------------- */

/* softmax_bwd, activation_bwd, clamp_bwd: one gradient per element */
SHAPE_RULE(same_bwd)
{
	if (!tensor_same_shape(call->in[0], call->in[1]))
		return "value and gradient have different shapes";
	return shape_same(call, out);
}

SHAPE_RULE(geglu_bwd)
{
	if (tensor_elems(call->in[0]) != 2 * tensor_elems(call->in[1]))
		return "the gradient does not have half the columns of the input";
	return shape_same(call, out);
}

SHAPE_RULE(sum_rows)
{
	out[0] = fp32_vector(tensor_cols(call->in[0]));
	return NULL;
}

SHAPE_RULE(sum_spatial)
{
	const struct tensor *x = call->in[0];

	out[0] = (struct tensor){ .ndim = 2, .dtype = DT_F32,
				  .dim = { x->dim[0], tensor_cols(x) } };
	return NULL;
}

SHAPE_RULE(sum_batch)
{
	const struct tensor *x = call->in[0];

	if (x->ndim < 2)
		return "the input has no batch";
	out[0] = (struct tensor){ .ndim = x->ndim - 1, .dtype = DT_F32 };
	for (int i = 1; i < x->ndim; i++)
		out[0].dim[i - 1] = x->dim[i];
	return NULL;
}

/* ---- layout ---------------------------------------------------------------------------------- */

SHAPE_RULE(upsample_bwd)
{
	const struct tensor *dy = call->in[0];

	if (dy->ndim != 4 || dy->dim[1] % 2 || dy->dim[2] % 2)
		return "the gradient is not an image of even size";
	out[0] = shape_like(dy, dy->dim[3]);
	out[0].dim[1] /= 2;
	out[0].dim[2] /= 2;
	return NULL;
}

SHAPE_RULE(embed_bwd)
{
	out[0] = shape_wanted(call, DT_F32);
	if (out[0].ndim != 2 || tensor_cols(call->in[1]) != out[0].dim[1])
		return "the gradient does not have the width of the table";
	return NULL;
}

SHAPE_RULE(timestep_embed_bwd)
{
	const struct tensor *t = call->in[0], *dy = call->in[1];

	if (dy->ndim != 2 || dy->dim[0] != t->dim[0] || dy->dim[1] != call->attr.timestep.width)
		return "the gradient is not [M,width]";
	return shape_same(call, out);
}

SHAPE_RULE(scatter_rows)
{
	const struct tensor *x = call->in[0];

	out[0] = shape_wanted(call, x->dtype);
	if (out[0].ndim != 3 || x->ndim != 2 || x->dim[0] != out[0].dim[0] ||
	    x->dim[1] != out[0].dim[2])
		return "the rows [N,C] do not fit the result [N,L,C]";
	return NULL;
}

/* attr.slice.len is the length of the result along the axis. */
SHAPE_RULE(pad_slice)
{
	const struct tensor *x = call->in[0];
	int axis = call->attr.slice.axis;

	if (axis < 0 || axis >= x->ndim ||
	    call->attr.slice.start + x->dim[axis] > call->attr.slice.len)
		return "the slice leaves the tensor";
	out[0] = shape_like(x, tensor_cols(x));
	out[0].dim[axis] = call->attr.slice.len;
	return NULL;
}
