/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "measure.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "machine.h"
#include "output.h"
#include "trace.h"
#include "units.h"

#define LONG_SAMPLE_S   5.0  /* longer ones are measured once and need no warm-up */
#define SHORT_BUDGET_S  0.5  /* shorter ones are repeated for so long */
#define SHORT_SAMPLES   30
#define BLOCK_S         0.02
#define BLOCK_EVERY_S   1.0  /* blocks are not placed more densely than that */
#define DISTURBED_BELOW 0.97 /* of the best block */
#define RATE_KNOWN      0.02 /* share of the MACs from which on the time left is told */

/* ---- signals -----------------------------------------------------------------------------------
 */

static volatile sig_atomic_t cancelled;

/* The default action is back after the first one (SA_RESETHAND), so the second one kills. */
static void on_signal(int number)
{
	(void)number;
	cancelled = 1;
}

void measure_catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool measure_cancelled(void)
{
	return cancelled;
}

/* ---- loading -----------------------------------------------------------------------------------
 */

/* A backend in front of the real one for the length of the load pass: shows how far it is. */
struct loading {
	struct backend backend;
	const struct backend *real;
	struct progress *progress;
	int64_t done, total;
	double start_s;
	unsigned char *seen; /* per parameter */
};

static void count_loaded(struct loading *l, const struct op_call *call)
{
	for (int i = 0; i < OP_INPUTS; i++) {
		const struct param *p = call->in[i] ? call->in[i]->param : NULL;
		if (!p || l->seen[p->index])
			continue;
		l->seen[p->index] = 1;
		l->done += (int64_t)tensor_bytes(&p->tensor);
	}
}

static void load_and_show(const struct backend *self, struct ctx *c, const struct op_call *call)
{
	struct loading *l = self->state;
	const struct backend *b = l->real;
	double elapsed;
	char text[64];

	if (cancelled) {
		err_set(&c->err, ERR_INTERRUPTED, "interrupted");
		return;
	}
	while (b && !b->load)
		b = b->next;
	if (b)
		b->load(b, c, call);
	for (int i = 0; !b && i < OP_INPUTS; i++)
		if (call->in[i] && call->in[i]->param)
			weights_fill_plain(c->weights, call->in[i]->param, &c->err);
	count_loaded(l, call);
	elapsed = clock_s() - l->start_s;
	snprintf(text, sizeof text, "weights  %s",
		 text_si((double)l->done / (elapsed + 1e-9), "B/s").s);
	progress_draw(l->progress, text, (double)l->done, (double)l->total,
		      elapsed * (double)(l->total - l->done) / (double)(l->done + 1));
}

static struct loading loading_begin(const struct point *p, struct progress *progress)
{
	const struct weights *w = p->w->weights;
	struct loading l = { .real = p->ctx->backend, .progress = progress, .start_s = clock_s() };

	l.backend = (struct backend){ .name = "loading", .next = l.real,
				      .is_virtual = l.real->is_virtual,
				      .needs_plain = l.real->needs_plain, .load = load_and_show };
	for (int i = 0; i < weights_count(w); i++)
		l.total += (int64_t)tensor_bytes(&weights_at(w, i)->tensor);
	l.seen = calloc((size_t)weights_count(w) + 1, 1);
	die_if(!l.seen, "out of memory");
	return l;
}

static int load_weights(struct point *p, struct progress *progress)
{
	struct loading l = loading_begin(p, progress);
	int rc = 0;

	l.backend.state = &l;
	p->ctx->backend = &l.backend;
	for (int i = 0; i < p->w->n_stages && !rc; i++) {
		ctx_step_begin(p->ctx, PASS_LOAD, NULL);
		p->w->step(p->w, p->ctx, i, 0);
		rc = ctx_step_end(p->ctx);
	}
	p->ctx->backend = l.real;
	free(l.seen);
	progress_clear(progress);
	return rc;
}

/* One arena for all stages, touched here and not in the timed region. */
static int reserve(struct point *p)
{
	size_t bytes = 0;

	malloc_trim(0); /* what packing needed goes back before activations come */
	for (int i = 0; i < p->w->n_stages; i++)
		bytes = plan_bytes(p->plan[i]) > bytes ? plan_bytes(p->plan[i]) : bytes;
	return ctx_reserve(p->ctx, bytes) || ctx_reserve_states(p->ctx) ? -(int)p->ctx->err.code :
									  0;
}

int measure_load(struct measurement *m, struct point *p, struct progress *progress, struct err *e)
{
	double start = clock_s();
	struct ctx *c = p->ctx;

	c->cancel = &cancelled;
	if (!c->backend->is_virtual &&
	    (load_weights(p, progress) || weights_finish(p->w->weights, &c->err) || reserve(p)))
		return err_set(e, c->err.code, "%s", c->err.msg);
	m->load_s = clock_s() - start;
	return 0;
}

/* ---- reference blocks --------------------------------------------------------------------------
 */

void measure_blocks(struct measurement *m, const struct point *p, const struct device *d, int n,
		    double seconds)
{
	if (d->backend->is_virtual)
		return;
	if (m->n_blocks + n > m->blocks_capacity) {
		m->blocks_capacity = 2 * m->blocks_capacity + n;
		m->block = realloc(m->block, (size_t)m->blocks_capacity * sizeof *m->block);
		die_if(!m->block, "out of memory");
	}
	for (int i = 0; i < n && !cancelled; i++) {
		struct peak_block b = device_peak(d, p->w->dtype, seconds);
		m->block[m->n_blocks++] = b.mean;
		m->best_block = b.best > m->best_block ? b.best : m->best_block;
	}
}

bool measure_disturbed(const struct measurement *m, const struct timing *t, double best)
{
	for (int i = t->block; i <= t->block + 1 && i < m->n_blocks; i++)
		if (i >= 0 && m->block[i] < DISTURBED_BELOW * best)
			return true;
	return false;
}

/* ---- the timed loop ----------------------------------------------------------------------------
 */

struct loop {
	struct measurement *m;
	struct point *p;
	const struct device *d;
	struct progress *progress;
	struct trace *trace; /* NULL: untraced */
	int64_t begin_ns, end_ns; /* of the last step */
	double last_block_s;
	int64_t done_macs, all_macs; /* of this sample, for the time left */
	double sample_s;
};

static void make_room(struct measurement *m, int steps)
{
	if (m->n + steps <= m->capacity)
		return;
	m->capacity = 2 * m->capacity + steps;
	m->timing = realloc(m->timing, (size_t)m->capacity * sizeof *m->timing);
	die_if(!m->timing, "out of memory");
}

static int timed_step(struct loop *l, int stage, int step, double *seconds)
{
	struct point *p = l->p;
	int64_t start = clock_ns();
	int rc;

	ctx_step_begin(p->ctx, PASS_RUN, p->plan[stage]);
	p->w->step(p->w, p->ctx, stage, step);
	rc = ctx_step_end(p->ctx);
	l->begin_ns = start;
	l->end_ns = clock_ns();
	*seconds = 1e-9 * (double)(l->end_ns - start);
	return rc;
}

static void show_step(struct loop *l, int stage, int step, double seconds)
{
	const struct stage *s = &l->p->w->stage[stage];
	double rate = (double)l->done_macs / l->sample_s, left = -1;
	char text[128];

	if ((double)l->done_macs > RATE_KNOWN * (double)l->all_macs)
		left = (double)(l->all_macs - l->done_macs) / rate;
	snprintf(text, sizeof text, "%s %d/%d  %s/step  %s", s->name, step + 1, s->steps,
		 text_seconds(seconds).s,
		 text_si(2 * (double)cost_core_macs(&l->p->step_cost[stage]) / seconds,
			 "FLOP/s").s);
	progress_draw(l->progress, text, (double)l->done_macs, (double)l->all_macs, left);
}

/* A reference block now and then, of which the probes of the sample know nothing. */
static void block_between(struct loop *l)
{
	int64_t start = clock_ns();

	if (1e-9 * (double)start - l->last_block_s < BLOCK_EVERY_S)
		return;
	probes_pause(l->m->probes);
	start = clock_ns();
	measure_blocks(l->m, l->p, l->d, 1, BLOCK_S);
	if (l->trace && l->m->n_blocks)
		timeline_block(l->m->timeline, start, clock_ns(), l->m->block[l->m->n_blocks - 1]);
	probes_resume(l->m->probes);
	l->last_block_s = clock_s();
}

/* Everything between two steps: trace, reference block, progress. */
static void after_step(struct loop *l, int stage, int step, double seconds)
{
	l->sample_s += seconds;
	l->done_macs += cost_core_macs(&l->p->step_cost[stage]);
	if (l->trace) {
		timeline_step(l->m->timeline, stage, step, l->begin_ns, l->end_ns, l->trace);
		trace_flush(l->trace, &l->m->profile, stage);
	}
	block_between(l);
	show_step(l, stage, step, seconds);
}

/* All stages once. Finished steps are recorded even when a later one is interrupted. */
static int run_sample(struct loop *l, enum phase phase, int sample)
{
	struct workload *w = l->p->w;

	make_room(l->m, point_steps(l->p));
	l->done_macs = 0;
	l->all_macs = cost_core_macs(&l->p->cost);
	l->sample_s = 0;
	probes_sample_begin(l->m->probes);
	for (int stage = 0; stage < w->n_stages; stage++) {
		probes_stage_begin(l->m->probes);
		for (int step = 0; step < w->stage[stage].steps; step++) {
			double seconds;
			if (timed_step(l, stage, step, &seconds))
				return -(int)l->p->ctx->err.code;
			l->m->timing[l->m->n++] = (struct timing){
				.sample = sample, .stage = stage, .step = step, .phase = phase,
				.block = l->m->n_blocks - 1, .seconds = seconds };
			after_step(l, stage, step, seconds);
		}
		probes_stage_end(l->m->probes, phase, sample, stage);
	}
	probes_sample_end(l->m->probes, phase, sample);
	return 0;
}

/* The output of every sample must be the same. */
static void check_output(struct loop *l)
{
	char hash[HASH_TEXT];
	bool finite;

	if (l->d->backend->is_virtual) {
		l->m->finite = true;
		return;
	}
	finite = output_hash(l->p->ctx, hash);
	l->m->finite = finite && (l->m->finite || !*l->m->hash);
	if (*l->m->hash && strcmp(l->m->hash, hash) != 0)
		l->m->hash_varies = true;
	strcpy(l->m->hash, hash);
}

static int traced_sample(struct loop *l)
{
	struct ctx *c = l->p->ctx;
	int64_t calls = 0;
	int rc;

	for (int i = 0; i < l->p->w->n_stages; i++)
		if (l->p->step_cost[i].calls > calls)
			calls = l->p->step_cost[i].calls;
	l->trace = trace_new(calls);
	c->hook = trace_hook(l->trace);
	rc = run_sample(l, PHASE_TRACED, 0);
	c->hook = (struct op_hook){ 0 };
	trace_free(l->trace);
	l->trace = NULL;
	if (!rc) {
		l->m->traced_s = l->sample_s;
		check_output(l);
	}
	return rc;
}

/* What the length of the first sample decides. Returns whether that sample was a warm-up. */
static bool choose(struct protocol *how, double first_s)
{
	bool brief = first_s < LONG_SAMPLE_S;
	int fit = (int)(SHORT_BUDGET_S / (first_s + 1e-9));

	if (how->warmup < 0)
		how->warmup = brief ? 1 : 0;
	if (how->samples < 0)
		how->samples = !brief || fit < 1 ? 1 : fit > SHORT_SAMPLES ? SHORT_SAMPLES : fit;
	return how->warmup > 0;
}

static void relabel_first(struct measurement *m)
{
	for (int i = 0; i < m->n; i++)
		m->timing[i].phase = PHASE_MEASURED;
	probes_relabel(m->probes, PHASE_MEASURED);
}

static int run_samples(struct loop *l, struct protocol how)
{
	struct measurement *m = l->m;
	int rc = run_sample(l, PHASE_WARMUP, 0);

	if (rc)
		return rc;
	if (choose(&how, l->sample_s)) {
		m->warmups = 1;
	} else {
		relabel_first(m);
		m->samples = 1;
	}
	check_output(l);
	while (!rc && m->warmups < how.warmup) {
		rc = run_sample(l, PHASE_WARMUP, m->warmups);
		m->warmups += !rc;
	}
	while (!rc && m->samples < how.samples) {
		rc = run_sample(l, PHASE_MEASURED, m->samples);
		m->samples += !rc;
		if (!rc)
			check_output(l);
	}
	return rc ? rc : how.trace ? traced_sample(l) : 0;
}

int measure_run(struct measurement *m, struct point *p, const struct device *d,
		const struct protocol *protocol, struct progress *progress, struct err *e)
{
	struct loop l = { .m = m, .p = p, .d = d, .progress = progress };
	struct contention before = machine_contention(), after;
	int rc;

	m->started_s = l.last_block_s = clock_s();
	rc = run_samples(&l, *protocol);
	after = machine_contention();
	m->waited_s = after.waited_s - before.waited_s;
	m->stolen_s = after.stolen_s - before.stolen_s;
	m->ran_s = clock_s() - m->started_s;
	progress_clear(progress);
	m->interrupted = p->ctx->err.code == ERR_INTERRUPTED;
	if (m->interrupted && protocol->warmup <= 0 && m->samples + m->warmups == 0)
		relabel_first(m);
	return rc && !m->interrupted ? err_set(e, p->ctx->err.code, "%s", p->ctx->err.msg) : 0;
}

void measure_end(struct measurement *m)
{
	free(m->timing);
	free(m->block);
	profile_clear(&m->profile);
	*m = (struct measurement){ 0 };
}
