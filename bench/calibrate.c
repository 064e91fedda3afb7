/* SPDX-License-Identifier: MIT */
#include "calibrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cpu/peak.h"
#include "ctx.h"
#include "machine.h"
#include "stats.h"

#define ROUNDS_MIN 3
#define ROUNDS_MAX 40
#define DOT_S      0.02
#define STREAM_MAX (512u << 20)
#define STREAM_MIN (64u << 20)

/* Medians below these shares of the best say that something else was running. Memory is shared with
 * neighbours that nobody sees, so it is given more. */
#define QUIET_DOT    0.97
#define QUIET_MATMUL 0.95
#define QUIET_STREAM 0.90
#define QUIET_WAITED 0.02

/* Rows, inner size and columns of the matrix product: a projection of the U-Net at 1024x1024. */
enum { M = 2048, K = 1280, N = 5120 };

struct product {
	struct weights *weights;
	struct ctx *ctx;
	struct plan *plan;
};

struct bench_row {
	struct db_calibration *row;
	double value[ROUNDS_MAX], best;
	double quiet;
	/* what it measures */
	enum { DOT, MATMUL, READ, COPY } what;
	enum peak format;
	struct product *product;
};

struct job {
	const struct device *d;
	struct bench_row row[CALIBRATION_ROWS];
	int n;
	struct product product[2];
	char *from, *to;
	size_t bytes;
};

/* ---- one matrix product through the op layer ---------------------------------------------------
 */

static void product_step(struct ctx *c)
{
	struct tensor *x = state(c, "x", c->dtype, 2, (int64_t[]){ M, K }), *w;

	scope_push(c, "calibrate");
	w = param(c, "weight", INIT_FAN_IN, 2, (int64_t[]){ N, K });
	op_linear(c, x, w, NULL, ACT_NONE, NULL);
	scope_pop(c);
}

static int product_pass(struct product *p, enum pass pass)
{
	ctx_step_begin(p->ctx, pass, p->plan);
	product_step(p->ctx);
	return ctx_step_end(p->ctx);
}

static void product_close(struct product *p)
{
	ctx_free(p->ctx);
	plan_free(p->plan);
	weights_free(p->weights);
}

static int product_open(struct product *p, const struct device *d, enum dtype dtype, struct err *e)
{
	struct tensor *x;

	p->weights = weights_new(1);
	p->plan = plan_new();
	p->ctx = ctx_new(d->backend, dtype, p->weights);
	if (product_pass(p, PASS_DRY) || product_pass(p, PASS_LOAD) ||
	    ctx_reserve(p->ctx, plan_bytes(p->plan)) || ctx_reserve_states(p->ctx))
		return err_set(e, p->ctx->err.code, "%s", p->ctx->err.msg);
	x = ctx_state(p->ctx, "x");
	random_fill(1, random_key("x"), 0, tensor_elems(x), 0, 1, x->dtype, x->data);
	if (product_pass(p, PASS_RUN))
		return err_set(e, p->ctx->err.code, "%s", p->ctx->err.msg);
	return 0;
}

static double product_rate(struct product *p)
{
	int64_t start = clock_ns();

	product_pass(p, PASS_RUN);
	return 2.0 * M * K * N / (1e-9 * (double)(clock_ns() - start));
}

/* ---- the rows ----------------------------------------------------------------------------------
 */

static struct bench_row *add_row(struct job *j, struct calibration *c, const char *kind,
				 const char *dtype, int threads)
{
	bool flops = strcmp(kind, "dot") == 0 || strcmp(kind, "matmul") == 0;

	c->row[c->n] = (struct db_calibration){ .kind = kind, .dtype = dtype,
						.isa = flops ? isa_name(j->d->isa) : "",
						.unit = flops ? "FLOP/s" : "B/s",
						.threads = threads };
	j->row[j->n] = (struct bench_row){ .row = &c->row[c->n++] };
	return &j->row[j->n++];
}

static void add_dots(struct job *j, struct calibration *c, int threads)
{
	for (int p = 0; p < PEAK_COUNT; p++) {
		struct bench_row *r;
		if (!peak_has(j->d->isa, (enum peak)p))
			continue;
		r = add_row(j, c, "dot", peak_name((enum peak)p), threads);
		r->what = DOT;
		r->format = (enum peak)p;
		r->quiet = QUIET_DOT;
	}
}

static void add_streams(struct job *j, struct calibration *c, int threads)
{
	struct bench_row *r = add_row(j, c, "read", "", threads);

	r->what = READ;
	r->quiet = QUIET_STREAM;
	r = add_row(j, c, "copy", "", threads);
	r->what = COPY;
	r->quiet = QUIET_STREAM;
}

static void add_products(struct job *j, struct calibration *c)
{
	for (int i = 0; i < 2; i++) {
		struct bench_row *r = add_row(j, c, "matmul", i ? "fp32" : "bf16", j->d->threads);
		r->what = MATMUL;
		r->quiet = QUIET_MATMUL;
		r->product = &j->product[i];
	}
}

static double measure_row(struct job *j, struct bench_row *r)
{
	int threads = r->row->threads;
	struct peak_block dot;

	switch (r->what) {
	case DOT:
		dot = peak_block(j->d->isa, r->format, threads, DOT_S);
		r->best = dot.best > r->best ? dot.best : r->best;
		return dot.mean;
	case MATMUL:
		return product_rate(r->product);
	case READ:
		return stream_read(j->from, j->bytes, threads);
	case COPY:
		return stream_copy(j->to, j->from, j->bytes, threads);
	}
	return 0;
}

static int reserve_streams(struct job *j, struct err *e)
{
	int64_t share = memory_available() / 4;

	j->bytes = share > STREAM_MAX ? STREAM_MAX : (size_t)share / 4096 * 4096;
	if (j->bytes < STREAM_MIN)
		return err_set(e, ERR_FAILED, "too little memory is free to measure its bandwidth");
	j->from = aligned_alloc(4096, j->bytes);
	j->to = aligned_alloc(4096, j->bytes);
	if (!j->from || !j->to)
		return err_set(e, ERR_FAILED, "no memory for two buffers of %zu bytes", j->bytes);
	memset(j->from, 1, j->bytes);
	memset(j->to, 2, j->bytes);
	return 0;
}

static void finish_row(struct calibration *c, struct bench_row *r, int rounds)
{
	struct stats s = stats_of(r->value, rounds);

	r->row->best = s.max > r->best ? s.max : r->best;
	r->row->median = s.median;
	r->row->worst = s.min;
	r->row->n = rounds;
	r->row->disturbed = s.median < r->quiet * r->row->best;
	r->row->disturbed |= c->waited > QUIET_WAITED || c->stolen > QUIET_WAITED;
	r->row->at_unix_ns = db_now_unix_ns();
	c->disturbed |= r->row->disturbed;
}

static int run_rounds(struct job *j, struct calibration *c, double seconds,
		      struct progress *progress)
{
	struct contention before = machine_contention(), after;
	double start = clock_s(), elapsed = 0;
	int rounds = 0;

	while (rounds < ROUNDS_MAX && (rounds < ROUNDS_MIN || elapsed < seconds)) {
		double hz = core_frequency(0.001);
		c->clock_hz = hz > c->clock_hz ? hz : c->clock_hz;
		for (int i = 0; i < j->n; i++)
			j->row[i].value[rounds] = measure_row(j, &j->row[i]);
		rounds++;
		elapsed = clock_s() - start;
		progress_draw(progress, "calibrate", elapsed, seconds, seconds - elapsed);
	}
	progress_clear(progress);
	after = machine_contention();
	c->waited = (after.waited_s - before.waited_s) / elapsed;
	c->stolen = (after.stolen_s - before.stolen_s) / elapsed / j->d->threads;
	c->disturbed = c->waited > QUIET_WAITED || c->stolen > QUIET_WAITED;
	return rounds;
}

static int set_up(struct job *j, struct calibration *c, struct err *e)
{
	if (reserve_streams(j, e) || product_open(&j->product[0], j->d, DT_BF16, e) ||
	    product_open(&j->product[1], j->d, DT_F32, e))
		return -(int)e->code;
	add_dots(j, c, 1);
	if (j->d->threads > 1)
		add_dots(j, c, j->d->threads);
	add_products(j, c);
	add_streams(j, c, 1);
	if (j->d->threads > 1)
		add_streams(j, c, j->d->threads);
	return 0;
}

/* The rate of one thread in the same format as row r; 0: not measured. */
static double single_rate(const struct calibration *c, const struct db_calibration *r)
{
	for (int i = 0; i < c->n; i++)
		if (c->row[i].threads == 1 && strcmp(c->row[i].kind, "dot") == 0 &&
		    strcmp(c->row[i].dtype, r->dtype) == 0)
			return c->row[i].best;
	return 0;
}

double calibration_thread_share(const struct calibration *c)
{
	double least = 1;

	for (int i = 0; i < c->n; i++) {
		const struct db_calibration *r = &c->row[i];
		double one = single_rate(c, r), share;
		if (strcmp(r->kind, "dot") != 0 || r->threads < 2 || one <= 0)
			continue;
		share = r->best / r->threads / one;
		least = share < least ? share : least;
	}
	return least;
}

int calibrate(struct calibration *c, const struct device *d, double seconds,
	      struct progress *progress, struct err *e)
{
	struct job *j = calloc(1, sizeof *j);

	die_if(!j, "out of memory");
	*c = (struct calibration){ 0 };
	j->d = d;
	if (!set_up(j, c, e)) {
		int rounds = run_rounds(j, c, seconds, progress);
		for (int i = 0; i < j->n; i++)
			finish_row(c, &j->row[i], rounds);
	}
	for (int i = 0; i < 2; i++)
		if (j->product[i].ctx)
			product_close(&j->product[i]);
	free(j->from);
	free(j->to);
	free(j);
	return -(int)e->code;
}
