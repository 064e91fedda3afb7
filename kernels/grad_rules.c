/* SPDX-License-Identifier: MIT
 *
 * Gradient rules: how each op's gradient is made of other ops. Epilogues never get here: with a
 * tape the builders make them ops of their own. How to test: grad_test.c (finite differences).
 */
#include <math.h>

#include "ctx.h"
#include "grad.h"

/* Runs one backward op and returns its first result. */
#define RUN(...) op_run(c, &(struct op_call){ __VA_ARGS__ })

static struct tensor *sum_rows(struct ctx *c, struct tensor *x)
{
	return RUN(.op = OP_SUM_ROWS, .in = { x });
}

static struct tensor *scaled(struct ctx *c, struct tensor *x, float a)
{
	return a == 1 ? x : op_clamp(c, x, a, 0, -INFINITY, INFINITY);
}

/* attr.view = the shape of x: for results whose shape no input tells. */
static union op_attr shape_of(const struct tensor *x)
{
	union op_attr attr = { .view.ndim = x->ndim };

	for (int i = 0; i < x->ndim; i++)
		attr.view.dim[i] = x->dim[i];
	return attr;
}

/* ---- matrix products ------------------------------------------------------------------------- */

/* y = x w^T + b: dx = dy w, dw = dy^T x, db = sum of dy over rows */
GRAD_RULE(linear)
{
	struct tensor *x = call->in[0], *w = call->in[1];

	if (want[0])
		din[0] = RUN(.op = OP_LINEAR_DX, .in = { dout, w });
	if (want[1])
		din[1] = RUN(.op = OP_LINEAR_DW, .in = { x, dout });
	if (want[2])
		din[2] = sum_rows(c, dout);
}

/* The padding without the rows and columns that the stride leaves unread (negative if some of the
 * image is), so that the input's size follows from the output's. */
static struct conv_attr tight_padding(const struct op_call *call)
{
	const struct tensor *x = call->in[0];
	struct conv_attr a = call->attr.conv;

	a.bottom -= (int)((x->dim[1] + a.top + a.bottom - a.kh) % a.stride);
	a.right -= (int)((x->dim[2] + a.left + a.right - a.kw) % a.stride);
	return a;
}

GRAD_RULE(conv2d)
{
	struct tensor *x = call->in[0], *w = call->in[1];
	struct conv_attr a = tight_padding(call);

	if (want[0])
		din[0] = RUN(.op = OP_CONV2D_DX, .in = { dout, w }, .attr.conv = a);
	if (want[1])
		din[1] = RUN(.op = OP_CONV2D_DW, .in = { x, dout }, .attr.conv = a);
	if (want[2])
		din[2] = sum_rows(c, dout);
}

/* Backward ops with one result per input. */
static void take_all(struct ctx *c, struct op_call *bwd, const bool want[], struct tensor *din[])
{
	op_run(c, bwd);
	for (int i = 0; i < OP_OUTPUTS; i++)
		if (want[i])
			din[i] = bwd->out[i];
}

GRAD_RULE(attention)
{
	struct op_call bwd = { .op = OP_ATTENTION_BWD, .attr = call->attr,
			       .in = { call->in[0], call->in[1], call->in[2], dout } };

	take_all(c, &bwd, want, din);
}

/* ---- norms ----------------------------------------------------------------------------------- */

GRAD_RULE(group_norm)
{
	struct op_call bwd = { .op = OP_GROUP_NORM_BWD, .attr = call->attr,
			       .in = { call->in[0], dout, call->in[1] } };

	take_all(c, &bwd, want, din);
}

GRAD_RULE(group_norm_moments)
{
	if (want[0])
		din[0] = RUN(.op = OP_GROUP_NORM_MOMENTS_BWD, .attr = call->attr,
			     .in = { call->in[0], call->out[0], dout });
}

/* Results: dx, d[scale, shift] as [2,C], d(moments). */
GRAD_RULE(group_norm_apply)
{
	struct op_call bwd = { .op = OP_GROUP_NORM_APPLY_BWD, .attr = call->attr,
			       .in = { call->in[0], dout, call->in[1], call->in[3] } };
	int64_t channels = tensor_cols(call->in[0]);

	op_run(c, &bwd);
	if (want[0])
		din[0] = bwd.out[0];
	for (int i = 1; i <= 2; i++)
		if (want[i])
			din[i] = op_view(c, op_slice(c, bwd.out[1], 0, i - 1, 1), 1, &channels);
	if (want[3])
		din[3] = bwd.out[2];
}

GRAD_RULE(layer_norm)
{
	struct op_call bwd = { .op = OP_LAYER_NORM_BWD, .attr = call->attr,
			       .in = { call->in[0], dout, call->in[1] } };

	take_all(c, &bwd, want, din);
}

/* ---- pointwise ------------------------------------------------------------------------------- */

GRAD_RULE(softmax)
{
	if (want[0])
		din[0] = RUN(.op = OP_SOFTMAX_BWD, .in = { call->out[0], dout });
}

GRAD_RULE(activation)
{
	if (want[0])
		din[0] = RUN(.op = OP_ACTIVATION_BWD, .attr = call->attr,
			     .in = { call->in[0], dout });
}

GRAD_RULE(geglu)
{
	if (want[0])
		din[0] = RUN(.op = OP_GEGLU_BWD, .in = { call->in[0], dout });
}

GRAD_RULE(add)
{
	(void)c, (void)call;
	for (int i = 0; i < 2; i++)
		if (want[i])
			din[i] = dout;
}

GRAD_RULE(add_channel)
{
	(void)call;
	if (want[0])
		din[0] = dout;
	if (want[1])
		din[1] = RUN(.op = OP_SUM_SPATIAL, .in = { dout });
}

GRAD_RULE(add_rows)
{
	(void)call;
	if (want[0])
		din[0] = dout;
	if (want[1])
		din[1] = RUN(.op = OP_SUM_BATCH, .in = { dout });
}

GRAD_RULE(axpby)
{
	if (want[0])
		din[0] = scaled(c, dout, call->attr.axpby.a);
	if (want[1])
		din[1] = scaled(c, dout, call->attr.axpby.b);
}

GRAD_RULE(clamp)
{
	if (want[0])
		din[0] = RUN(.op = OP_CLAMP_BWD, .attr = call->attr, .in = { call->in[0], dout });
}

GRAD_RULE(cast)
{
	if (want[0])
		din[0] = op_cast(c, dout, call->in[0]->dtype, NULL);
}

/* ---- layout ---------------------------------------------------------------------------------- */

GRAD_RULE(concat)
{
	int axis = call->attr.slice.axis;
	int64_t start = 0;

	for (int i = 0; i < 2; i++) {
		int64_t len = call->in[i]->dim[axis];
		if (want[i])
			din[i] = op_slice(c, dout, axis, start, len);
		start += len;
	}
}

GRAD_RULE(slice)
{
	union op_attr attr = call->attr;

	attr.slice.len = call->in[0]->dim[attr.slice.axis];
	if (want[0])
		din[0] = RUN(.op = OP_PAD_SLICE, .attr = attr, .in = { dout });
}

GRAD_RULE(upsample)
{
	(void)call;
	if (want[0])
		din[0] = RUN(.op = OP_UPSAMPLE_BWD, .in = { dout });
}

GRAD_RULE(embed)
{
	if (want[1])
		din[1] = RUN(.op = OP_EMBED_BWD, .attr = shape_of(call->in[1]),
			     .in = { call->in[0], dout });
}

GRAD_RULE(timestep_embed)
{
	if (want[0])
		din[0] = RUN(.op = OP_TIMESTEP_EMBED_BWD, .attr = call->attr,
			     .in = { call->in[0], dout });
}

GRAD_RULE(gather_rows)
{
	if (want[0])
		din[0] = RUN(.op = OP_SCATTER_ROWS, .attr = shape_of(call->in[0]),
			     .in = { dout, call->in[1] });
}

GRAD_RULE(view)
{
	if (want[0])
		din[0] = op_view(c, dout, call->in[0]->ndim, call->in[0]->dim);
}
