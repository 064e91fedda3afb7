/* SPDX-License-Identifier: MIT */
#include "kernel_bench.h"

#include <math.h>
#include <string.h>

#include "clock.h"
#include "random.h"
#include "shadow.h"
#include "stats.h"

#define SAMPLES_MAX    1000
#define SAMPLES_MIN    3
#define REF_MACS_PER_S 2e8 /* of one core, at least */
#define REF_ELEMS_S    2e7
#define REFERENCE_S    0.3 /* that the check may take */
#define SHORTEST       8   /* middle dimensions are not divided further than this */
#define FILL_BYTES_S   1e9 /* weights and inputs drawn, packed */
#define SHARE_OF_LIMIT 0.5 /* that a kernel reaches, to be on the safe side */

/* A context with one op in it. */
struct bench {
	const struct kernel *k;
	int divide; /* middle dimensions of activations */
	struct weights *weights;
	struct plan *plan;
	struct ctx *ctx;
	int64_t begin_ns, ns; /* of the last call, by the hook */
};

static void begin(void *arg, const struct ctx *c, const struct op_call *call)
{
	struct bench *b = arg;

	(void)c;
	(void)call;
	b->begin_ns = clock_ns();
}

static void end(void *arg, const struct ctx *c, const struct op_call *call, const struct cost *cost)
{
	struct bench *b = arg;

	(void)c;
	(void)call;
	(void)cost;
	b->ns = clock_ns() - b->begin_ns;
}

static struct tensor *operand(const struct bench *b, int i)
{
	static const char *const name[] = { "a", "b", "c", "d", "e", "f" };
	const struct kernel *k = b->k;
	int64_t dim[TENSOR_DIMS];

	if (!k->in[i].ndim)
		return NULL;
	memcpy(dim, k->in[i].dim, sizeof dim);
	if (k->in[i].weight)
		return param(b->ctx, name[i], k->in[i].init, k->in[i].ndim, dim);
	for (int d = 1; d < k->in[i].ndim - 1; d++)
		dim[d] /= b->divide;
	return state(b->ctx, name[i], k->in[i].dtype, k->in[i].ndim, dim);
}

static int pass(struct bench *b, enum pass pass)
{
	struct op_call call = { .op = b->k->op, .attr = b->k->attr };

	ctx_step_begin(b->ctx, pass, b->plan);
	scope_push(b->ctx, "kernel");
	for (int i = 0; i < OP_INPUTS; i++)
		call.in[i] = operand(b, i);
	op_run(b->ctx, &call);
	scope_pop(b->ctx);
	return ctx_step_end(b->ctx);
}

/* Whole numbers are ids and places in a table: 0 always is one. */
static void fill_states(struct bench *b)
{
	for (struct state_tensor *s = b->ctx->states; s; s = s->next) {
		if (s->tensor.dtype == DT_I32)
			continue;
		random_fill(1, random_key(s->name), 0, tensor_elems(&s->tensor), 0, 1,
			    s->tensor.dtype, s->tensor.data);
	}
}

static int bench_open(struct bench *b, const struct kernel *k, const struct backend *backend,
		      int divide, struct err *e)
{
	*b = (struct bench){ .k = k, .divide = divide, .weights = weights_new(1),
			     .plan = plan_new() };
	b->ctx = ctx_new(backend, k->dtype, b->weights);
	if (pass(b, PASS_DRY) || pass(b, PASS_LOAD) || weights_finish(b->weights, &b->ctx->err) ||
	    ctx_reserve(b->ctx, plan_bytes(b->plan)) || ctx_reserve_states(b->ctx))
		return err_set(e, b->ctx->err.code, "%s %s: %s", op_table[k->op].name, k->shape,
			       b->ctx->err.msg);
	fill_states(b);
	b->ctx->hook = (struct op_hook){ begin, end, b };
	return 0;
}

static void bench_close(struct bench *b)
{
	ctx_free(b->ctx);
	plan_free(b->plan);
	weights_free(b->weights);
}

static int run(struct bench *b, struct err *e)
{
	if (!pass(b, PASS_RUN))
		return 0;
	return err_set(e, b->ctx->err.code, "%s %s: %s", op_table[b->k->op].name, b->k->shape,
		       b->ctx->err.msg);
}

/* ---- correctness -------------------------------------------------------------------------------
 */

static double reference_s(const struct kernel *k)
{
	return (double)cost_core_macs(&k->cost) / REF_MACS_PER_S +
	       (double)(k->cost.bytes_read + k->cost.bytes_written) / 4 / REF_ELEMS_S;
}

static bool divides(const struct kernel *k, int by)
{
	for (int i = 0; i < OP_INPUTS; i++)
		for (int d = 1; d < k->in[i].ndim - 1; d++)
			if (!k->in[i].weight &&
			    (k->in[i].dim[d] % by || k->in[i].dim[d] / by < SHORTEST))
				return false;
	return true;
}

/* By how much the middle dimensions (height, width, tokens) go down so that the reference takes no
 * longer than REFERENCE_S: all of them alike, so that what belongs together still does. */
static int scale_for_reference(const struct kernel *k, double *seconds)
{
	int by = 1;

	*seconds = reference_s(k);
	if (k->op == OP_SLICE || k->op == OP_CONCAT || k->op == OP_TIMESTEP_EMBED)
		return 1; /* their attributes name places; they are quick */
	while (*seconds > REFERENCE_S && divides(k, 2 * by)) {
		by *= 2;
		*seconds /= k->op == OP_LINEAR ? 2 : 4;
	}
	return by;
}

static int check(const struct kernel *k, const struct device *d, struct kernel_result *r,
		 struct err *e)
{
	struct backend *shadow = backend_shadow_new(d->cpu, &backend_ref);
	struct bench b;
	double seconds;

	r->scaled_by = scale_for_reference(k, &seconds);
	if (!bench_open(&b, k, shadow, r->scaled_by, e) && !run(&b, e))
		r->error = backend_shadow_worst(shadow, k->op)->error;
	bench_close(&b);
	backend_shadow_free(shadow);
	return -(int)e->code;
}

double kernel_tolerance(const struct kernel *k)
{
	return k->dtype == DT_BF16 ? 2e-2 : 1e-4;
}

double kernel_estimate_s(const struct kernel *k, double seconds, double limit_s)
{
	double bytes = (double)(k->cost.bytes_read + k->cost.bytes_written), reference;
	double calls = (SAMPLES_MIN + 1) * limit_s / SHARE_OF_LIMIT;

	scale_for_reference(k, &reference);
	return reference + 3 * bytes / FILL_BYTES_S + (calls > seconds ? calls : seconds);
}

/* ---- time --------------------------------------------------------------------------------------
 */

int kernel_measure(const struct kernel *k, const struct device *d, double seconds,
		   struct kernel_result *r, struct err *e)
{
	double v[SAMPLES_MAX], start;
	struct stats s;
	struct bench b;

	*r = (struct kernel_result){ .error = NAN };
	if (check(k, d, r, e))
		return -(int)e->code;
	if (!bench_open(&b, k, d->backend, 1, e) && !run(&b, e)) { /* the first call warms up */
		start = clock_s();
		while (r->n < SAMPLES_MAX && !e->code &&
		       (r->n < SAMPLES_MIN || clock_s() - start < seconds)) {
			if (!run(&b, e))
				v[r->n++] = 1e-9 * (double)b.ns;
		}
	}
	bench_close(&b);
	if (e->code)
		return -(int)e->code;
	s = stats_of(v, r->n);
	r->best = s.min;
	r->median = s.median;
	r->worst = s.max;
	return 0;
}
