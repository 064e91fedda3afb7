/* SPDX-License-Identifier: MIT
 *
 * The context: all that one rank needs to run a model. A model sees it as an opaque handle and uses
 * only the functions of the first half of this file and of op.h.
 *
 * A workload is executed in passes over the same model code:
 *   PASS_DRY   nothing is computed; collects parameters, costs and the memory plan of each step;
 *   PASS_LOAD  nothing is computed; the backend fills and packs the weights of each call;
 *   PASS_RUN   the real thing, memory from the plan.
 * The null backend in PASS_RUN measures the harness itself.
 */
#ifndef BENCH_CTX_H
#define BENCH_CTX_H

#include <signal.h>

#include "backend.h"
#include "err.h"
#include "op.h"
#include "plan.h"
#include "scope.h"
#include "weights.h"

/* ---- for models ------------------------------------------------------------------------------ */

void scope_push(struct ctx *c, const char *name);
void scope_push_index(struct ctx *c, const char *name, int i); /* "name.i" */
void scope_pop(struct ctx *c);

/* The parameter `name` of the current scope; declared by its first use. ndim 1..4. */
struct tensor *param(struct ctx *c, const char *name, enum init init, int ndim,
		     const int64_t *dim);

/* Host values as a tensor of this step: copied, so `data` may go. i32 or fp32. */
struct tensor *input_f32(struct ctx *c, int ndim, const int64_t *dim, const float *data);
struct tensor *input_i32(struct ctx *c, int ndim, const int64_t *dim, const int32_t *data);

/* Memory that outlives the step, by name: latents, embeddings. The first call declares it. */
struct tensor *state(struct ctx *c, const char *name, enum dtype dtype, int ndim,
		     const int64_t *dim);

/* A user's or configuration's error inside model code: sticky, with the scope path. */
void model_fail(struct ctx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The storage type of activations and weights in this run. */
enum dtype ctx_dtype(const struct ctx *c);

/* ---- for drivers ----------------------------------------------------------------------------- */

enum pass { PASS_DRY, PASS_LOAD, PASS_RUN };

/* Called before and after a leaf backend computes a call. */
struct op_hook {
	void (*begin)(void *arg, const struct ctx *c, const struct op_call *call);
	void (*end)(void *arg, const struct ctx *c, const struct op_call *call,
		    const struct cost *cost);
	void *arg;
};

struct state_tensor {
	struct tensor tensor;
	char *name;
	struct state_tensor *next;
};

struct tape; /* grad.h */

struct ctx {
	const struct backend *backend;
	enum pass pass;
	enum dtype dtype;
	struct err err;                        /* first error; later ops do nothing */
	const volatile sig_atomic_t *cancel;   /* non-zero: stop before the next op; may be NULL */
	struct op_hook hook;                   /* empty: no tracing */
	struct cost cost;                      /* of this step so far */
	struct cost *cost_by_op;               /* [OP_COUNT] of this step, or NULL */

	struct scope *root, *scope;
	struct weights *weights;               /* borrowed; ranks share one */
	struct state_tensor *states;
	struct tape *tape;                     /* NULL: no gradients */

	struct plan *plan; /* of this step; NULL: every buffer is its own malloc */
	int next_buffer;
	char *arena;
	size_t arena_bytes;
	struct node_block *nodes, *spare_nodes; /* tensor structs of this step, of earlier ones */
	struct heap_buffer *heap;              /* buffers of a step without a plan */
	struct tensor dead;                    /* what ops return after an error */
};

/* The context borrows backend and weights. */
struct ctx *ctx_new(const struct backend *backend, enum dtype dtype, struct weights *weights);
void ctx_free(struct ctx *c);

/* One step = one pass over a piece of model code. `plan` is recorded in PASS_DRY, replayed in
 * PASS_RUN, untouched in PASS_LOAD; NULL allocates each buffer on its own (tests). All tensors of
 * the step are gone after ctx_step_end(). Returns 0 or the error of the step. */
void ctx_step_begin(struct ctx *c, enum pass pass, struct plan *plan);
int ctx_step_end(struct ctx *c);

/* Memory of PASS_RUN: one arena as large as the largest plan, huge pages asked for, touched. */
int ctx_reserve(struct ctx *c, size_t bytes);
size_t ctx_state_bytes(const struct ctx *c);
int ctx_reserve_states(struct ctx *c); /* gives every declared state its memory, zeroed */

struct tensor *ctx_state(struct ctx *c, const char *name); /* NULL if there is none */

/* A fresh tensor of this step; `buffer` and data by the plan. Used by op_run and by backends that
 * rewrite calls. */
struct tensor *ctx_tensor(struct ctx *c, enum dtype dtype, int ndim, const int64_t *dim);

/* The bytes of x under another shape. */
struct tensor *ctx_view(struct ctx *c, struct tensor *x, int ndim, const int64_t *dim);

/* The bytes of x are read or written now, outside of any op: the plan must keep them. */
void ctx_touch(struct ctx *c, const struct tensor *x);

/* Scratch of the call being run; planned like a tensor that lives for one call. */
void *ctx_workspace(struct ctx *c, size_t bytes);

/* This pass has values (as opposed to a dry pass or the null backend). */
bool ctx_has_values(const struct ctx *c);

/* Runs `call` on `next` instead of the context's backend: what a rewriting backend uses. */
struct tensor *op_run_on(struct ctx *c, const struct backend *next, struct op_call *call);

#endif
