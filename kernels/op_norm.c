/* SPDX-License-Identifier: MIT
 *
 * Group norm, layer norm and softmax.
 */
#include "ctx.h"
#include "op.h"
#include "op_rules.h"

SHAPE_RULE(group_norm)
{
	const struct tensor *x = call->in[0];
	int groups = call->attr.norm.groups;

	if (x->ndim < 3 || groups < 1 || tensor_cols(x) % groups)
		return "the channels are not a multiple of the number of groups";
	if (!is_column_vector(call->in[1], tensor_cols(x)) ||
	    !is_column_vector(call->in[2], tensor_cols(x)))
		return "scale and shift must have one value per channel";
	out[0] = shape_like(x, tensor_cols(x));
	return NULL;
}

SHAPE_RULE(group_norm_moments)
{
	const struct tensor *x = call->in[0];

	if (x->ndim < 3 || call->attr.norm.groups < 1 || tensor_cols(x) % call->attr.norm.groups)
		return "the channels are not a multiple of the number of groups";
	out[0] = (struct tensor){ .ndim = 3, .dtype = DT_F32,
				  .dim = { x->dim[0], call->attr.norm.groups, 3 } };
	return NULL;
}

SHAPE_RULE(group_norm_apply)
{
	const struct tensor *x = call->in[0], *moments = call->in[3];

	if (moments->ndim != 3 || moments->dim[0] != x->dim[0] ||
	    moments->dim[1] != call->attr.norm.groups || moments->dim[2] != 3)
		return "the moments are not [N,G,3]";
	return shape_group_norm(call, out);
}

COST_RULE(norm)
{
	if (call->in[1])
		cost->norm_elems += tensor_elems(call->out[0]);
}

SHAPE_RULE(layer_norm)
{
	const struct tensor *x = call->in[0];

	if (!is_column_vector(call->in[1], tensor_cols(x)) ||
	    !is_column_vector(call->in[2], tensor_cols(x)))
		return "scale and shift must have one value per column";
	out[0] = shape_like(x, tensor_cols(x));
	return NULL;
}

COST_RULE(softmax)
{
	cost->exp_elems += tensor_elems(call->in[0]);
}

/* With a tape the activation is an op of its own. */
struct tensor *op_group_norm(struct ctx *c, struct tensor *x, struct tensor *w, struct tensor *b,
			     int groups, float eps, enum act act)
{
	struct op_call call = { .op = OP_GROUP_NORM, .in = { x, w, b },
				.attr.norm = { groups, eps, act } };

	if (c->tape && act != ACT_NONE)
		return op_activation(c, op_group_norm(c, x, w, b, groups, eps, ACT_NONE), act);
	return op_run(c, &call);
}

struct tensor *op_group_norm_moments(struct ctx *c, struct tensor *x, int groups)
{
	struct op_call call = { .op = OP_GROUP_NORM_MOMENTS, .in = { x },
				.attr.norm = { groups, 0, ACT_NONE } };
	return op_run(c, &call);
}

struct tensor *op_group_norm_apply(struct ctx *c, struct tensor *x, struct tensor *w,
				   struct tensor *b, struct tensor *moments, int groups, float eps,
				   enum act act)
{
	struct op_call call = { .op = OP_GROUP_NORM_APPLY, .in = { x, w, b, moments },
				.attr.norm = { groups, eps, act } };

	if (c->tape && act != ACT_NONE) {
		x = op_group_norm_apply(c, x, w, b, moments, groups, eps, ACT_NONE);
		return op_activation(c, x, act);
	}
	return op_run(c, &call);
}

struct tensor *op_layer_norm(struct ctx *c, struct tensor *x, struct tensor *w, struct tensor *b,
			     float eps)
{
	struct op_call call = { .op = OP_LAYER_NORM, .in = { x, w, b },
				.attr.norm = { 1, eps, ACT_NONE } };
	return op_run(c, &call);
}

struct tensor *op_softmax(struct ctx *c, struct tensor *x)
{
	struct op_call call = { .op = OP_SOFTMAX, .in = { x } };
	return op_run(c, &call);
}
