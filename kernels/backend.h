/* SPDX-License-Identifier: MIT
 *
 * A backend executes calls. It is a small table of functions; an empty slot asks the next backend
 * in the chain. Two kinds of slot:
 *   run      computes call->out from call->in (a leaf: this is where the cost is counted);
 *   rewrite  re-issues the call as other calls on the next backend (a parallel strategy), so that
 *            what is counted is what is really computed.
 */
#ifndef BENCH_BACKEND_H
#define BENCH_BACKEND_H

#include "op.h"

struct ctx;
struct param;

struct backend {
	const char *name;
	const struct backend *next;
	bool is_virtual; /* computes nothing: tensors carry no bytes */
	bool needs_plain; /* reads weights in their plain layout (param->tensor.data) */

	/* Computes the call. A failure of the machine is set in the context's error. */
	void (*run[OP_COUNT])(const struct backend *self, struct ctx *, const struct op_call *);
	struct tensor *(*rewrite[OP_COUNT])(const struct backend *self, struct ctx *,
					   struct op_call *);

	/* Scratch bytes that this call needs while it runs; NULL: none. Must depend on shapes only,
	 * so that a dry pass on any machine gives the same plan. */
	size_t (*workspace)(const struct backend *self, const struct op_call *);

	/* Bytes that the backend itself holds while it runs this call, and keeps: they may depend
	 * on threads and machine. Reserved by the load of the call; of all calls the largest
	 * counts. NULL: none. */
	size_t (*scratch_bytes)(const struct backend *self, const struct op_call *);

	/* Called for each call in the load pass, before anything runs: gets the values of its
	 * weights (weights_fill) and packs them as it wants them. NULL: plain layout. */
	void (*load)(const struct backend *self, struct ctx *, const struct op_call *);

	/* The load pass is over: what only it needed can go. NULL: nothing. */
	void (*loaded)(const struct backend *self);

	/* Bytes that weight call->in[input] takes after this call's load; NULL: as the tensor. */
	size_t (*weight_bytes)(const struct backend *self, const struct op_call *call, int input);

	/* Whether a library makes code for this call's shape, which is memory too; NULL: never. */
	bool (*generates)(const struct backend *self, const struct op_call *call);

	void *state; /* of the instance: primitive caches, rank */
};

extern const struct backend backend_null; /* computes nothing */
extern const struct backend backend_ref;  /* plain C: the executable specification */

/* First in the chain with a slot for this op; NULL if none. */
const struct backend *backend_for(const struct backend *b, enum op op);

#endif
