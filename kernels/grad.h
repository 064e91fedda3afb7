/* SPDX-License-Identifier: MIT
 *
 * Reverse-mode gradients by a tape. While ctx->tape is set, op_run() appends every call; backward
 * walks the tape in reverse and lets each op's gradient rule emit further ops through op_run(), so
 * the backward pass is counted, planned, profiled and split over ranks like the forward pass.
 */
#ifndef BENCH_GRAD_H
#define BENCH_GRAD_H

#include "op.h"

struct ctx;
struct tape;

struct tape *tape_new(void);
void tape_free(struct tape *t);
void tape_clear(struct tape *t); /* before the next step */
void tape_append(struct tape *t, const struct op_call *call);

/* Emits the backward pass of d(loss)/dy = dy. The context's tape is off while rules emit ops. */
void tape_backward(struct ctx *c, struct tape *t, struct tensor *y, struct tensor *dy);

/* After tape_backward: the gradient of x (a parameter's tensor or any tensor of the step); NULL when
 * nothing flowed into it. */
struct tensor *tape_grad(const struct tape *t, const struct tensor *x);

/* Rules, one per op that has a gradient: from dout emit din[i] for every input that can have one
 * (leave NULL otherwise). Named in op_table.c. */
#define GRAD_RULE(op) \
	void grad_##op(struct ctx *c, const struct op_call *call, struct tensor *dout, \
		       struct tensor *din[])

#endif
