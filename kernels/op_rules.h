/* SPDX-License-Identifier: MIT
 *
 * Shape, cost and gradient rules, one set per op; gathered in op_table.c. Inside kernels/ only.
 *
 * A shape rule reads call->in and call->attr, fills ndim, dim and dtype of out[], and returns NULL,
 * or the reason why the call is not possible. A cost rule adds to a cost that holds bytes already.
 */
#ifndef BENCH_OP_RULES_H
#define BENCH_OP_RULES_H

#include "op.h"

#define SHAPE_RULE(op) const char *shape_##op(const struct op_call *call, struct tensor out[])
#define COST_RULE(op) void cost_##op(const struct op_call *call, struct cost *cost)

/* The shape of x with another last dimension. */
static inline struct tensor shape_like(const struct tensor *x, int64_t cols)
{
	struct tensor t = { .ndim = x->ndim, .dtype = x->dtype, .buffer = -1 };

	for (int i = 0; i < x->ndim; i++)
		t.dim[i] = x->dim[i];
	t.dim[x->ndim - 1] = cols;
	return t;
}

/* The shape given in attr.view, with the dtype of x: results of backward ops. */
static inline struct tensor shape_wanted(const struct op_call *call, enum dtype dtype)
{
	struct tensor t = { .ndim = call->attr.view.ndim, .dtype = dtype, .buffer = -1 };

	for (int i = 0; i < t.ndim; i++)
		t.dim[i] = call->attr.view.dim[i];
	return t;
}

/* Missing, or one value per column of x. */
static inline bool is_column_vector(const struct tensor *v, int64_t cols)
{
	return !v || (v->ndim == 1 && v->dim[0] == cols);
}

/* The complaint with op, scope and input shapes becomes the context's error; returns the dead
 * tensor. */
struct tensor *op_refuse(struct ctx *c, const struct op_call *call, const char *why);

SHAPE_RULE(linear);
SHAPE_RULE(conv2d);
SHAPE_RULE(attention);
SHAPE_RULE(group_norm);
SHAPE_RULE(group_norm_moments);
SHAPE_RULE(group_norm_apply);
SHAPE_RULE(layer_norm);
SHAPE_RULE(same);
SHAPE_RULE(geglu);
SHAPE_RULE(add);
SHAPE_RULE(add_channel);
SHAPE_RULE(add_rows);
SHAPE_RULE(axpby);
SHAPE_RULE(cast);
SHAPE_RULE(concat);
SHAPE_RULE(slice);
SHAPE_RULE(upsample);
SHAPE_RULE(embed);
SHAPE_RULE(timestep_embed);
SHAPE_RULE(gather_rows);
SHAPE_RULE(view);

SHAPE_RULE(linear_dx);
SHAPE_RULE(linear_dw);
SHAPE_RULE(conv2d_dx);
SHAPE_RULE(conv2d_dw);
SHAPE_RULE(attention_bwd);
SHAPE_RULE(norm_bwd);
SHAPE_RULE(group_norm_moments_bwd);
SHAPE_RULE(group_norm_apply_bwd);
SHAPE_RULE(same_bwd);
SHAPE_RULE(geglu_bwd);
SHAPE_RULE(sum_rows);
SHAPE_RULE(sum_spatial);
SHAPE_RULE(sum_batch);
SHAPE_RULE(upsample_bwd);
SHAPE_RULE(embed_bwd);
SHAPE_RULE(timestep_embed_bwd);
SHAPE_RULE(scatter_rows);
SHAPE_RULE(pad_slice);

COST_RULE(linear);
COST_RULE(conv2d);
COST_RULE(attention);
COST_RULE(norm);
COST_RULE(geglu);
COST_RULE(softmax);
COST_RULE(linear_dx);
COST_RULE(linear_dw);
COST_RULE(conv2d_dx);
COST_RULE(conv2d_dw);
COST_RULE(attention_bwd);

#endif
