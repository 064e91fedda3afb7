/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "allocations.h"
#include "clock.h"
#include "inject.h"
#include "machine.h"
#include "output.h"
#include "trace.h"
#include "turns.h"
#include "units.h"

#define BLOCK_S       0.02
#define BLOCK_EVERY_S 1.0  /* blocks are not placed more densely than that */
#define RATE_KNOWN    0.02 /* share of the MACs from which on the time left is told */

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
	struct turns turns;
	bool counts;  /* in turns with another process from here on */
	double stolen_from_other_s; /* by the hypervisor, while it had its turn */
	double *list; /* seconds of warm-ups, then of kept samples: what the rules look at */
	int listed, list_capacity;
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

	allocations_begin();
	ctx_step_begin(p->ctx, PASS_RUN, p->plan[stage]);
	p->w->step(p->w, p->ctx, stage, step);
	rc = ctx_step_end(p->ctx);
	allocations_end();
	if (p->slowdown[stage] > 0)
		inject_spin(start, p->slowdown[stage]);
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

/* Between two steps, or before the first one: it may be the other process's turn. */
static void take_turns(struct loop *l, int sample)
{
	double share = l->all_macs ? (double)l->done_macs / (double)l->all_macs : 0;
	double stolen_s;

	if (!l->counts || !turns_due(&l->turns, sample + share))
		return;
	probes_pause(l->m->probes);
	stolen_s = machine_contention().stolen_s;
	l->m->turns_waited_s += turns_pass(&l->turns, sample + share);
	l->stolen_from_other_s += machine_contention().stolen_s - stolen_s;
	probes_resume(l->m->probes);
	l->m->turns = l->turns.taken;
}

/* All stages once. Finished steps are recorded even when a later one is interrupted. */
static int run_sample(struct loop *l, enum phase phase, int sample)
{
	struct workload *w = l->p->w;

	make_room(l->m, point_steps(l->p));
	l->done_macs = 0;
	l->all_macs = cost_core_macs(&l->p->cost);
	l->sample_s = 0;
	take_turns(l, sample);
	allocations_take();
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
			take_turns(l, sample);
		}
		probes_stage_end(l->m->probes, phase, sample, stage);
	}
	probes_sample_end(l->m->probes, phase, sample);
	l->m->allocations = allocations_take();
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
	l->counts = false;
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

/* ---- the protocol ------------------------------------------------------------------------------
 */

static void add_to_list(struct loop *l, double seconds)
{
	if (l->listed == l->list_capacity) {
		l->list_capacity = 2 * l->list_capacity + 64;
		l->list = realloc(l->list, (size_t)l->list_capacity * sizeof *l->list);
		die_if(!l->list, "out of memory");
	}
	l->list[l->listed++] = seconds;
}

static struct sample *new_sample(struct measurement *m)
{
	if (m->samples == m->sample_capacity) {
		m->sample_capacity = 2 * m->sample_capacity + 64;
		m->sample = realloc(m->sample, (size_t)m->sample_capacity * sizeof *m->sample);
		die_if(!m->sample, "out of memory");
	}
	return &m->sample[m->samples++];
}

/* Completed and measured; labelled with what is known by now. */
static void take_sample(struct loop *l, const struct rusage *before, const struct rusage *after)
{
	struct measurement *m = l->m;
	struct sample *s = new_sample(m);

	*s = (struct sample){ .seconds = l->sample_s,
			      .major_faults = after->ru_majflt - before->ru_majflt,
			      .minor_faults = after->ru_minflt - before->ru_minflt };
	measure_label(m, m->samples - 1, m->replaced);
	if (!s->removed)
		add_to_list(l, s->seconds);
	check_output(l);
}

static int one_sample(struct loop *l)
{
	struct rusage before, after;
	int rc;

	getrusage(RUSAGE_SELF, &before);
	rc = run_sample(l, PHASE_MEASURED, l->m->samples);
	getrusage(RUSAGE_SELF, &after);
	if (!rc)
		take_sample(l, &before, &after);
	return rc;
}

static void relabel_first(struct measurement *m)
{
	for (int i = 0; i < m->n; i++)
		m->timing[i].phase = PHASE_MEASURED;
	probes_relabel(m->probes, PHASE_MEASURED);
}

/* The first repetition: a warm-up, or a sample, which its length decides. */
static int first_call(struct loop *l, const struct protocol *how)
{
	struct rusage before, after;
	int rc;

	getrusage(RUSAGE_SELF, &before);
	rc = run_sample(l, PHASE_WARMUP, 0);
	getrusage(RUSAGE_SELF, &after);
	if (rc)
		return rc;
	l->m->first_call_s = l->sample_s;
	if (protocol_measures_first(how, l->sample_s)) {
		relabel_first(l->m);
		take_sample(l, &before, &after);
		return 0;
	}
	l->m->warmups = 1;
	add_to_list(l, l->sample_s);
	check_output(l);
	return 0;
}

static int warm_up(struct loop *l, const struct protocol *how)
{
	enum warmth warmth = WARM_AS_ASKED;
	int rc = 0;

	while (!rc && l->m->warmups &&
	       (warmth = protocol_warmup(how, l->list, l->listed)) == WARM_NOT_YET) {
		rc = run_sample(l, PHASE_WARMUP, l->m->warmups);
		l->m->warmups += !rc;
		if (!rc)
			add_to_list(l, l->sample_s);
	}
	l->m->steady = warmth == WARM_STEADY ? 1 : warmth == WARM_AT_CAP ? 0 : -1;
	if (l->m->warmups)
		l->listed = 0;
	return rc;
}

static int measure_samples(struct loop *l, const struct protocol *how)
{
	struct measurement *m = l->m;
	double start = clock_s(), waited_before_s = m->turns_waited_s;
	int rc = 0;

	l->counts = true;
	for (;;) {
		double spent_s = clock_s() - start - (m->turns_waited_s - waited_before_s);
		struct measured so_far = { .kept = l->list, .n = l->listed, .tried = m->samples,
					   .last_s = l->sample_s, .spent_s = spent_s };
		m->stop_reason = protocol_stop(how, &so_far);
		if (m->stop_reason || rc)
			break;
		rc = one_sample(l);
	}
	if (m->steady < 0)
		m->steady = protocol_steady(l->list, l->listed);
	return rc;
}

static int run_samples(struct loop *l, const struct protocol *how)
{
	int rc;

	l->m->replaced = protocol_replaces(how);
	l->counts = how->warmup == 0;
	rc = first_call(l, how);
	if (!rc)
		rc = warm_up(l, how);
	if (!rc)
		rc = measure_samples(l, how);
	return rc ? rc : how->trace ? traced_sample(l) : 0;
}

int measure_run(struct measurement *m, struct point *p, const struct device *d,
		const struct protocol *protocol, struct progress *progress, struct err *e)
{
	struct loop l = { .m = m, .p = p, .d = d, .progress = progress };
	struct contention before = machine_contention(), after;
	int rc;

	m->started_s = l.last_block_s = clock_s();
	m->steady = -1;
	turns_open(&l.turns);
	rc = run_samples(&l, protocol);
	turns_close(&l.turns);
	free(l.list);
	after = machine_contention();
	m->waited_s = after.waited_s - before.waited_s;
	m->stolen_s = after.stolen_s - before.stolen_s - l.stolen_from_other_s;
	m->ran_s = clock_s() - m->started_s - m->turns_waited_s;
	progress_clear(progress);
	m->interrupted = p->ctx->err.code == ERR_INTERRUPTED;
	if (m->interrupted)
		m->stop_reason = "interrupted";
	if (m->interrupted && protocol->warmup <= 0 && m->samples + m->warmups == 0)
		relabel_first(m);
	return rc && !m->interrupted ? err_set(e, p->ctx->err.code, "%s", p->ctx->err.msg) : 0;
}

void measure_end(struct measurement *m)
{
	free(m->timing);
	free(m->block);
	free(m->sample);
	profile_clear(&m->profile);
	*m = (struct measurement){ 0 };
}
