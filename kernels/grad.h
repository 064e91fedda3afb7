/* SPDX-License-Identifier: MIT
 *
 * Reverse-mode gradients by a tape. While ctx->tape is set, op_run() appends every call that a
 * wanted gradient can flow through; backward walks the tape in reverse and lets each op's gradient
 * rule emit further ops through op_run(), so the backward pass is counted, planned, profiled (under
 * the scope of its forward call) and can be rewritten by strategies like the forward pass.
 *
 * Gradients of parameters are fp32 whatever their storage; other gradients have the storage of
 * their tensor. While the tape is on, no tensor that it has seen may be overwritten in place.
 */
#ifndef BENCH_GRAD_H
#define BENCH_GRAD_H

#include "op.h"

struct ctx;
struct tape;

struct tape *tape_new(void);
void tape_free(struct tape *t);
void tape_clear(struct tape *t); /* forgets calls and gradients; ctx_step_begin does it */

/* Asks for the gradient of a tensor that no parameter flows into. Parameters are always wanted. */
void tape_watch(struct tape *t, const struct tensor *x);

/* Used by op_run: appends to c->tape. */
void tape_append(struct ctx *c, const struct op_call *call);

/* Emits the backward pass of d(loss)/dy = dy, shaped like y; once per step. The context's tape is
 * off while rules emit ops. */
void tape_backward(struct ctx *c, struct tape *t, struct tensor *y, struct tensor *dy);

/* After tape_backward: the gradient of x, a parameter's tensor or a watched one, valid to the end
 * of the step; NULL when nothing flowed into it. */
struct tensor *tape_grad(const struct tape *t, const struct tensor *x);

/* Rules, one per op: from dout emit din[i] for each i with want[i]; the others stay NULL. Named in
 * op_table.c. */
#define GRAD_RULE(op)                                                                      \
	void grad_##op(struct ctx *c, const struct op_call *call, const bool want[],       \
		       struct tensor *dout, struct tensor *din[])

GRAD_RULE(linear);
GRAD_RULE(conv2d);
GRAD_RULE(group_norm);
GRAD_RULE(group_norm_moments);
GRAD_RULE(group_norm_apply);
GRAD_RULE(layer_norm);
GRAD_RULE(attention);
GRAD_RULE(softmax);
GRAD_RULE(activation);
GRAD_RULE(geglu);
GRAD_RULE(add);
GRAD_RULE(add_channel);
GRAD_RULE(add_rows);
GRAD_RULE(axpby);
GRAD_RULE(clamp);
GRAD_RULE(cast);
GRAD_RULE(concat);
GRAD_RULE(slice);
GRAD_RULE(upsample);
GRAD_RULE(embed);
GRAD_RULE(timestep_embed);
GRAD_RULE(gather_rows);
GRAD_RULE(view);

#endif
