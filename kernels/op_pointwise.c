/* SPDX-License-Identifier: MIT
 *
 * Ops that work element by element, with or without broadcast.
 */
#include "ctx.h"
#include "op.h"
#include "op_rules.h"

/* The result is shaped like the first input. */
SHAPE_RULE(same)
{
	out[0] = shape_like(call->in[0], tensor_cols(call->in[0]));
	return NULL;
}

SHAPE_RULE(geglu)
{
	if (tensor_cols(call->in[0]) % 2)
		return "GEGLU needs an even number of columns";
	out[0] = shape_like(call->in[0], tensor_cols(call->in[0]) / 2);
	return NULL;
}

COST_RULE(geglu)
{
	cost->mul_elems += tensor_elems(call->out[0]);
}

SHAPE_RULE(add)
{
	if (!tensor_same_shape(call->in[0], call->in[1]))
		return "the terms have different shapes";
	return shape_same(call, out);
}

SHAPE_RULE(add_channel)
{
	const struct tensor *x = call->in[0], *y = call->in[1];

	if (y->ndim != 2 || y->dim[0] != x->dim[0] || y->dim[1] != tensor_cols(x))
		return "the second term is not [N,C]";
	return shape_same(call, out);
}

SHAPE_RULE(add_rows)
{
	const struct tensor *x = call->in[0], *y = call->in[1];

	if (x->ndim != 3 || y->ndim != 2 || y->dim[0] != x->dim[1] || y->dim[1] != x->dim[2])
		return "the second term is not [L,C]";
	return shape_same(call, out);
}

SHAPE_RULE(axpby)
{
	if (!tensor_same_shape(call->in[0], call->in[1]))
		return "the terms have different shapes";
	return shape_same(call, out);
}

SHAPE_RULE(cast)
{
	out[0] = shape_like(call->in[0], tensor_cols(call->in[0]));
	out[0].dtype = call->attr.cast.dtype;
	return NULL;
}

struct tensor *op_activation(struct ctx *c, struct tensor *x, enum act act)
{
	struct op_call call = { .op = OP_ACTIVATION, .in = { x }, .attr.act.act = act };
	return op_run(c, &call);
}

struct tensor *op_geglu(struct ctx *c, struct tensor *x)
{
	struct op_call call = { .op = OP_GEGLU, .in = { x } };
	return op_run(c, &call);
}

struct tensor *op_add(struct ctx *c, struct tensor *x, struct tensor *y)
{
	struct op_call call = { .op = OP_ADD, .in = { x, y } };
	return op_run(c, &call);
}

struct tensor *op_add_channel(struct ctx *c, struct tensor *x, struct tensor *y)
{
	struct op_call call = { .op = OP_ADD_CHANNEL, .in = { x, y } };
	return op_run(c, &call);
}

struct tensor *op_add_rows(struct ctx *c, struct tensor *x, struct tensor *y)
{
	struct op_call call = { .op = OP_ADD_ROWS, .in = { x, y } };
	return op_run(c, &call);
}

struct tensor *op_axpby(struct ctx *c, float a, struct tensor *x, float b, struct tensor *y,
			struct tensor *into)
{
	struct op_call call = { .op = OP_AXPBY, .in = { x, y }, .out = { into },
				.attr.axpby = { a, b } };
	return op_run(c, &call);
}

struct tensor *op_clamp(struct ctx *c, struct tensor *x, float scale, float shift, float lo,
			float hi)
{
	struct op_call call = { .op = OP_CLAMP, .in = { x },
				.attr.clamp = { scale, shift, lo, hi } };
	return op_run(c, &call);
}

struct tensor *op_cast(struct ctx *c, struct tensor *x, enum dtype dtype, struct tensor *into)
{
	struct op_call call = { .op = OP_CAST, .in = { x }, .out = { into },
				.attr.cast.dtype = dtype };

	if (x->dtype == dtype && !into)
		return x;
	return op_run(c, &call);
}
