/* SPDX-License-Identifier: MIT */
#include "parallel/patch.h"

#include <stdlib.h>
#include <string.h>

#include "ctx.h"
#include "op_rules.h"

static struct comm *comm_of(const struct backend *self)
{
	return self->state;
}

static void count_sent(struct ctx *c, enum op op, int64_t bytes)
{
	c->cost.bytes_sent += bytes;
	if (c->cost_by_op)
		c->cost_by_op[op].bytes_sent += bytes;
}

static void check_arrived(struct ctx *c, int result)
{
	if (result)
		err_set(&c->err, ERR_FAILED, "another rank stopped before the step was done");
}

/* Inputs that this strategy cannot serve; NULL: none. */
static const char *unsupported(const struct ctx *c, const struct op_call *call)
{
	if (c->tape)
		return "gradients of an image that is split over ranks are not supported";
	if (call->op == OP_ATTENTION && call->attr.attn.causal && call->in[0]->split)
		return "a causal mask cannot be split over ranks";
	return NULL;
}

/* ---- conv2d: halo ---------------------------------------------------------------------------- */

struct reach {
	int64_t above, below; /* rows of the neighbours that this rank's outputs read */
};

/* The first output row reads `top` rows above ours; the last one reads down to kh - 1 rows after
 * its first, which lies `stride` + top before our end. */
static struct reach reach_of(const struct conv_attr *a)
{
	int64_t below = a->kh - a->stride - a->top;

	return (struct reach){ a->top, below > 0 ? below : 0 };
}

static const char *conv_complaint(const struct op_call *call)
{
	const struct conv_attr *a = &call->attr.conv;
	int64_t rows = call->in[0]->dim[1];
	int spare = a->bottom + a->top + a->stride - a->kh;

	if (rows % a->stride)
		return "the rows of a rank are not a multiple of the stride";
	if (spare < 0 || spare >= a->stride)
		return "a convolution that changes the number of rows other than by its stride "
		       "cannot be split over ranks";
	if (a->top > rows || a->kh - a->stride - a->top > rows)
		return "a rank has fewer rows than its neighbour's kernel reaches into";
	return NULL;
}

/* `n` rows of each sample of an image, from row `first` on. */
static struct pieces rows_of(const struct tensor *x, int64_t first, int64_t n)
{
	size_t row = (size_t)(x->dim[2] * x->dim[3]) * dtype_bytes(x->dtype);

	return (struct pieces){ (char *)x->data + (size_t)first * row, x->dim[0],
				(size_t)n * row, (size_t)x->dim[1] * row };
}

/* Copies x into rows [above, above+H) of y and gets the rest from the neighbours. */
static int fill_halo(struct comm *comm, const struct tensor *x, struct tensor *y, struct reach r,
		     int64_t above)
{
	int64_t rows = x->dim[1];
	struct pieces from = rows_of(x, 0, rows), to = rows_of(y, above, rows);
	struct halo h = {
		.to_prev = rows_of(x, 0, r.below),
		.to_next = rows_of(x, rows - r.above, r.above),
		.from_prev = rows_of(y, 0, r.above),
		.from_next = rows_of(y, above + rows, r.below),
	};

	for (int64_t i = 0; i < to.count; i++)
		memcpy(to.at + (size_t)i * to.stride, from.at + (size_t)i * from.stride, to.bytes);
	return comm_exchange_halo(comm, &h);
}

/* x with the rows of the neighbours around it; the first and last rank have one neighbour. */
static struct tensor *with_halo(const struct backend *self, struct ctx *c, struct tensor *x,
				struct reach r)
{
	struct comm *comm = comm_of(self);
	bool first = comm->rank == 0, last = comm->rank == comm->ranks - 1;
	int64_t above = first ? 0 : r.above, below = last ? 0 : r.below;
	int64_t row_bytes = (int64_t)tensor_bytes(x) / x->dim[1];
	int64_t dim[] = { x->dim[0], above + x->dim[1] + below, x->dim[2], x->dim[3] };
	struct tensor *y;

	if (r.above == 0 && r.below == 0)
		return x;
	y = ctx_tensor(c, x->dtype, 4, dim);
	y->split = true;
	ctx_touch(c, x);
	count_sent(c, OP_CONV2D, row_bytes * ((first ? 0 : r.below) + (last ? 0 : r.above)));
	if (ctx_has_values(c) && !c->err.code)
		check_arrived(c, fill_halo(comm, x, y, r, above));
	return y;
}

static struct tensor *patch_conv2d(const struct backend *self, struct ctx *c, struct op_call *call)
{
	struct tensor *x = call->in[0];
	struct comm *comm = comm_of(self);
	const char *complaint;
	struct op_call mine;

	if (!x->split || x->ndim != 4)
		return op_run_on(c, self->next, call);
	complaint = unsupported(c, call);
	if (!complaint)
		complaint = conv_complaint(call);
	if (complaint)
		return op_refuse(c, call, complaint);
	mine = *call;
	mine.in[0] = with_halo(self, c, x, reach_of(&call->attr.conv));
	if (comm->rank > 0)
		mine.attr.conv.top = 0;
	if (comm->rank < comm->ranks - 1)
		mine.attr.conv.bottom = 0;
	return call->out[0] = op_run_on(c, self->next, &mine);
}

/* ---- group_norm: moments of all ranks -------------------------------------------------------- */

/* Moments [elements, mean, sum of squared deviations] of two sets (Chan, Golub & LeVeque 1979). */
static void merge(double into[3], const float m[3])
{
	double n = into[0] + (double)m[0], delta = (double)m[1] - into[1];

	into[1] += delta * (double)m[0] / n;
	into[2] += (double)m[2] + delta * delta * into[0] * (double)m[0] / n;
	into[0] = n;
}

/* all [ranks][n][3] -> out [n][3], in the order of the ranks. */
static void merge_all(const float *all, int ranks, int64_t n, float *out)
{
	for (int64_t i = 0; i < n; i++) {
		double m[3] = { 0, 0, 0 };

		for (int r = 0; r < ranks; r++)
			merge(m, all + (r * n + i) * 3);
		for (int k = 0; k < 3; k++)
			out[3 * i + k] = (float)m[k];
	}
}

static struct tensor *patch_moments(const struct backend *self, struct ctx *c, struct op_call *call)
{
	struct comm *comm = comm_of(self);
	struct tensor *mine = op_run_on(c, self->next, call), *all, *merged;
	int64_t bytes = (int64_t)tensor_bytes(mine);
	int64_t dim[] = { comm->ranks, mine->dim[0], mine->dim[1], 3 };

	if (!call->in[0]->split || c->err.code)
		return mine;
	all = ctx_tensor(c, DT_F32, 4, dim);
	merged = ctx_tensor(c, DT_F32, 3, mine->dim);
	ctx_touch(c, mine);
	count_sent(c, OP_GROUP_NORM_MOMENTS, bytes * (comm->ranks - 1));
	if (ctx_has_values(c) && !c->err.code) {
		check_arrived(c, comm_all_gather(comm, mine->data, all->data, 1, (size_t)bytes));
		merge_all(all->data, comm->ranks, mine->dim[0] * mine->dim[1], merged->data);
	}
	return call->out[0] = merged;
}

static struct tensor *patch_group_norm(const struct backend *self, struct ctx *c,
				       struct op_call *call)
{
	struct op_call moments = { .op = OP_GROUP_NORM_MOMENTS, .attr = call->attr,
				   .in = { call->in[0] } };
	struct op_call apply = { .op = OP_GROUP_NORM_APPLY, .attr = call->attr,
				 .in = { call->in[0], call->in[1], call->in[2] },
				 .out = { call->out[0] } };
	const char *complaint = unsupported(c, call);

	if (!call->in[0]->split)
		return op_run_on(c, self->next, call);
	if (complaint)
		return op_refuse(c, call, complaint);
	apply.in[3] = patch_moments(self, c, &moments);
	return call->out[0] = op_run_on(c, self->next, &apply);
}

/* ---- attention: keys and values of all ranks ------------------------------------------------- */

/* Tokens [N,L,D] of all ranks as [N,R*L,D]. */
static struct tensor *gathered(const struct backend *self, struct ctx *c, struct tensor *x)
{
	struct comm *comm = comm_of(self);
	int64_t dim[] = { x->dim[0], comm->ranks * x->dim[1], x->dim[2] };
	int64_t bytes = (int64_t)tensor_bytes(x);
	struct tensor *all = ctx_tensor(c, x->dtype, 3, dim);

	ctx_touch(c, x);
	count_sent(c, OP_ATTENTION, bytes * (comm->ranks - 1));
	if (ctx_has_values(c) && !c->err.code)
		check_arrived(c, comm_all_gather(comm, x->data, all->data, x->dim[0],
						 (size_t)(bytes / x->dim[0])));
	return all;
}

static struct tensor *patch_attention(const struct backend *self, struct ctx *c,
				      struct op_call *call)
{
	const char *complaint = unsupported(c, call);
	struct op_call mine = *call;

	if (!call->in[0]->split && !call->in[1]->split && !call->in[2]->split)
		return op_run_on(c, self->next, call);
	if (complaint)
		return op_refuse(c, call, complaint);
	for (int i = 1; i < 3; i++)
		if (call->in[i]->split && call->in[i]->ndim == 3)
			mine.in[i] = gathered(self, c, call->in[i]);
	return call->out[0] = op_run_on(c, self->next, &mine);
}

/* ---- what cannot be split -------------------------------------------------------------------- */

/* Along another axis than the rows these work rank by rank. */
static struct tensor *not_along_rows(const struct backend *self, struct ctx *c,
				     struct op_call *call)
{
	if (call->in[0]->split && call->attr.slice.axis == 1)
		return op_refuse(c, call, "the rows of a split image cannot be joined or cut");
	return op_run_on(c, self->next, call);
}

static struct tensor *not_split(const struct backend *self, struct ctx *c, struct op_call *call)
{
	for (int i = 0; i < OP_INPUTS; i++)
		if (call->in[i] && call->in[i]->split)
			return op_refuse(c, call, "this op is not supported for an image that is "
						  "split over ranks");
	return op_run_on(c, self->next, call);
}

struct backend *patch_new(const struct backend *next, struct comm *comm)
{
	struct backend *b = calloc(1, sizeof *b);

	die_if(!b, "out of memory");
	b->name = "patch";
	b->next = next;
	b->is_virtual = next->is_virtual;
	b->needs_plain = next->needs_plain;
	b->state = comm;
	b->rewrite[OP_CONV2D] = patch_conv2d;
	b->rewrite[OP_GROUP_NORM] = patch_group_norm;
	b->rewrite[OP_GROUP_NORM_MOMENTS] = patch_moments;
	b->rewrite[OP_ATTENTION] = patch_attention;
	b->rewrite[OP_CONCAT] = b->rewrite[OP_SLICE] = not_along_rows;
	b->rewrite[OP_GATHER_ROWS] = not_split;
	for (int op = OP_LINEAR_DX; op < OP_COUNT; op++)
		b->rewrite[op] = not_split;
	return b;
}

void patch_free(struct backend *b)
{
	free(b);
}
