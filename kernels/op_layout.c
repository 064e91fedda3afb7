/* SPDX-License-Identifier: MIT
 *
 * Ops that move elements: concat, slice, upsample, look-ups, views.
 */
#include <string.h>

#include "ctx.h"
#include "grad.h"
#include "op.h"
#include "op_rules.h"

SHAPE_RULE(concat)
{
	const struct tensor *x = call->in[0], *y = call->in[1];
	int axis = call->attr.slice.axis;

	if (x->ndim != y->ndim || axis < 0 || axis >= x->ndim || x->dtype != y->dtype)
		return "the parts differ in rank or storage";
	for (int i = 0; i < x->ndim; i++)
		if (i != axis && x->dim[i] != y->dim[i])
			return "the parts differ outside the joined axis";
	out[0] = shape_like(x, tensor_cols(x));
	out[0].dim[axis] = x->dim[axis] + y->dim[axis];
	return NULL;
}

SHAPE_RULE(slice)
{
	const struct tensor *x = call->in[0];
	int axis = call->attr.slice.axis;
	int64_t start = call->attr.slice.start, len = call->attr.slice.len;

	if (axis < 0 || axis >= x->ndim || start < 0 || len < 1 || start + len > x->dim[axis])
		return "the slice leaves the tensor";
	out[0] = shape_like(x, tensor_cols(x));
	out[0].dim[axis] = len;
	return NULL;
}

SHAPE_RULE(upsample)
{
	const struct tensor *x = call->in[0];

	if (x->ndim != 4)
		return "the input is not an image [N,H,W,C]";
	out[0] = shape_like(x, x->dim[3]);
	out[0].dim[1] *= 2;
	out[0].dim[2] *= 2;
	return NULL;
}

SHAPE_RULE(embed)
{
	const struct tensor *ids = call->in[0], *table = call->in[1];

	if (ids->ndim != 2 || ids->dtype != DT_I32 || table->ndim != 2)
		return "ids must be integers [N,L], the table [V,D]";
	out[0] = (struct tensor){ .ndim = 3, .dtype = table->dtype,
				  .dim = { ids->dim[0], ids->dim[1], table->dim[1] } };
	return NULL;
}

SHAPE_RULE(timestep_embed)
{
	const struct tensor *t = call->in[0];
	int64_t width = call->attr.timestep.width;

	if (t->ndim != 1 || t->dtype != DT_F32 || width < 2 || width % 2)
		return "times must be fp32 [M], the width even";
	out[0] = (struct tensor){ .ndim = 2, .dtype = DT_F32, .dim = { t->dim[0], width } };
	return NULL;
}

SHAPE_RULE(gather_rows)
{
	const struct tensor *x = call->in[0], *index = call->in[1];

	if (x->ndim != 3 || index->ndim != 1 || index->dtype != DT_I32 ||
	    index->dim[0] != x->dim[0])
		return "the input must be [N,L,C], the index integers [N]";
	out[0] = (struct tensor){ .ndim = 2, .dtype = x->dtype, .dim = { x->dim[0], x->dim[2] } };
	return NULL;
}

SHAPE_RULE(view)
{
	out[0] = shape_wanted(call, call->in[0]->dtype);
	return tensor_elems(&out[0]) == tensor_elems(call->in[0])
		       ? NULL : "a view must keep the number of elements";
}

struct tensor *op_concat(struct ctx *c, struct tensor *x, struct tensor *y, int axis)
{
	struct op_call call = { .op = OP_CONCAT, .in = { x, y }, .attr.slice.axis = axis };
	return op_run(c, &call);
}

struct tensor *op_slice(struct ctx *c, struct tensor *x, int axis, int64_t start, int64_t len)
{
	struct op_call call = { .op = OP_SLICE, .in = { x }, .attr.slice = { axis, start, len } };
	return op_run(c, &call);
}

struct tensor *op_upsample(struct ctx *c, struct tensor *x)
{
	struct op_call call = { .op = OP_UPSAMPLE, .in = { x } };
	return op_run(c, &call);
}

struct tensor *op_embed(struct ctx *c, struct tensor *ids, struct tensor *table)
{
	struct op_call call = { .op = OP_EMBED, .in = { ids, table } };
	return op_run(c, &call);
}

struct tensor *op_timestep_embed(struct ctx *c, struct tensor *t, int64_t width, bool cos_first,
				 float shift)
{
	struct op_call call = { .op = OP_TIMESTEP_EMBED, .in = { t },
				.attr.timestep = { width, cos_first, shift } };
	return op_run(c, &call);
}

struct tensor *op_gather_rows(struct ctx *c, struct tensor *x, struct tensor *index)
{
	struct op_call call = { .op = OP_GATHER_ROWS, .in = { x, index } };
	return op_run(c, &call);
}

/* No bytes move, so no backend is asked and nothing is counted; the tape must know of it. */
struct tensor *op_view(struct ctx *c, struct tensor *x, int ndim, const int64_t *dim)
{
	struct op_call call = { .op = OP_VIEW, .in = { x }, .attr.view.ndim = ndim };
	struct tensor shape[OP_OUTPUTS];
	const char *complaint;

	if (c->err.code)
		return &c->dead;
	memcpy(call.attr.view.dim, dim, (size_t)ndim * sizeof *dim);
	complaint = shape_view(&call, shape);
	if (complaint)
		return op_refuse(c, &call, complaint);
	call.out[0] = ctx_view(c, x, ndim, dim);
	if (c->tape)
		tape_append(c, &call);
	return call.out[0];
}
