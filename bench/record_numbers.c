/* SPDX-License-Identifier: MIT
 *
 * Samples, summaries and op totals of a run. Stage 0 is "total", stage i+1 the workload's stage i.
 * Samples of the traced repetition are stored under their own metric, so that no headline mixes
 * them in.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "record_int.h"

enum metric {
	METRIC_LOAD,
	METRIC_FIRST_CALL,
	METRIC_LATENCY,
	METRIC_STEP,
	METRIC_THROUGHPUT,
	METRIC_PEAK_MEMORY,
	METRIC_PREDICTED_MEMORY,
	METRIC_REFERENCE,
	METRIC_TRACED_STEP,
	METRIC_COUNT
};

static const struct db_metric metrics[METRIC_COUNT] = {
	{ "load_time", "s", -1, "noisy", "monotonic", "weights filled and packed, memory touched",
	  NULL },
	{ "first_call", "s", -1, "noisy", "monotonic", "the first repetition, warm-up or not",
	  NULL },
	{ "latency", "s", -1, "noisy", "monotonic", "one sample: the sum of its timed steps",
	  NULL },
	{ "step_latency", "s", -1, "noisy", "monotonic", "one step of a stage", NULL },
	{ "throughput", "1/s", 1, "noisy", "monotonic", "images of a sample over its latency",
	  NULL },
	{ "peak_mem_host", "B", -1, "bounded", NULL, "most resident memory of the process", NULL },
	{ "predicted_mem_host", "B", 0, "exact", NULL, "the same, predicted before the start",
	  NULL },
	{ "reference_rate", "FLOP/s", 0, "noisy", "monotonic",
	  "register-only products between the steps: how fast the machine was then", NULL },
	{ "traced_step_latency", "s", 0, "noisy", "monotonic", "one step with every op timed",
	  NULL },
};

static void add_sample(struct record *r, struct db_sample sample)
{
	r->samples[r->run.n_samples++] = sample;
}

static unsigned cause_flags(const struct record *r, const struct session *s, int sample)
{
	unsigned causes = s->m.sample[sample].causes;

	return (causes & CAUSE_SLOW ? DB_SAMPLE_DISTURBED : 0) |
	       (r->throttled[sample] ? DB_SAMPLE_THROTTLED : 0) |
	       (causes & CAUSE_FAULTS ? DB_SAMPLE_FAULTS : 0);
}

static enum db_phase sample_phase(const struct session *s, int sample)
{
	return s->m.sample[sample].removed ? DB_PHASE_DISCARDED : DB_PHASE_MEASURED;
}

static void add_timings(struct record *r, const struct session *s)
{
	static const enum db_phase phase[] = { DB_PHASE_WARMUP, DB_PHASE_MEASURED,
					       DB_PHASE_DISCARDED };
	double best = session_peak(s);

	for (int i = 0; i < s->m.n; i++) {
		const struct timing *t = &s->m.timing[i];
		bool measured = t->phase == PHASE_MEASURED;
		bool cut = measured && t->sample >= s->m.samples;
		unsigned flags = (measure_disturbed(&s->m, t, best) ? DB_SAMPLE_DISTURBED : 0) |
				 (cut ? DB_SAMPLE_CUT_SHORT : 0) |
				 (measured && !cut ? cause_flags(r, s, t->sample) : 0);
		add_sample(r, (struct db_sample){
				      .metric = t->phase == PHASE_TRACED ? METRIC_TRACED_STEP
									 : METRIC_STEP,
				      .stage = t->stage + 1,
				      .phase = measured && !cut ? sample_phase(s, t->sample)
								: phase[t->phase],
				      .i = t->sample, .step = t->step, .flags = flags,
				      .value = t->seconds });
	}
}

static void add_latency(struct record *r, const struct session *s, enum metric metric, int stage,
			int i, double value)
{
	add_sample(r, (struct db_sample){ .metric = (int)metric, .stage = stage + 1,
					  .phase = sample_phase(s, i), .i = i, .step = -1,
					  .flags = cause_flags(r, s, i), .value = value });
}

/* Latency per stage and in total, and throughput, of every completed sample. */
static void add_latencies(struct record *r, const struct session *s)
{
	double *v = malloc(((size_t)s->m.samples + 1) * sizeof *v);

	die_if(!v, "out of memory");
	for (int stage = -1; stage < s->point.w->n_stages; stage++) {
		session_sample_seconds(s, stage, v);
		for (int i = 0; i < s->m.samples; i++)
			add_latency(r, s, METRIC_LATENCY, stage, i, v[i]);
		for (int i = 0; i < s->m.samples && stage < 0; i++)
			add_latency(r, s, METRIC_THROUGHPUT, stage, i,
				    s->point.w->images / v[i]);
	}
	free(v);
}

static void add_single(struct record *r, enum metric metric, enum db_phase phase, double value)
{
	add_sample(r, (struct db_sample){ .metric = metric, .phase = phase, .step = -1,
					  .value = value });
}

/* What the probes read around warm-up and measured samples. */
static void add_probes(struct record *r, const struct session *s)
{
	for (int i = 0; i < probes_rows(s->m.probes); i++) {
		struct probe_row row = probes_row(s->m.probes, i);
		bool cut = row.phase == PHASE_MEASURED && row.sample >= s->m.samples;
		enum db_phase phase = row.phase == PHASE_WARMUP ? DB_PHASE_WARMUP :
								  DB_PHASE_MEASURED;
		if (row.phase == PHASE_MEASURED && !cut)
			phase = sample_phase(s, row.sample);
		for (int k = 0; k < probes_count(s->m.probes) && row.phase != PHASE_TRACED; k++)
			if (isfinite(row.values[k]))
				add_sample(r, (struct db_sample){
						      .metric = METRIC_COUNT + k,
						      .stage = row.stage + 1,
						      .phase = phase,
						      .i = row.sample, .step = -1,
						      .flags = cut ? DB_SAMPLE_CUT_SHORT : 0,
						      .value = row.values[k] });
	}
}

static void fill_metrics(struct record *r, const struct session *s)
{
	int n = probes_count(s->m.probes);

	r->metrics = malloc((METRIC_COUNT + (size_t)n) * sizeof *r->metrics);
	die_if(!r->metrics, "out of memory");
	memcpy(r->metrics, metrics, sizeof metrics);
	for (int i = 0; i < n; i++) {
		const struct probe *p = probes_at(s->m.probes, i);
		r->metrics[METRIC_COUNT + i] = (struct db_metric){
			.name = p->name, .unit = p->unit, .kind = "noisy", .descr = p->what,
			.probe = p->source };
	}
	r->run.metrics = r->metrics;
	r->run.n_metrics = METRIC_COUNT + n;
}

static void fill_samples(struct record *r, const struct session *s)
{
	const struct measurement *m = &s->m;
	size_t room = (size_t)(m->n + m->n_blocks + 4 + m->samples * (STAGES_MAX + 2));

	room += (size_t)probes_rows(m->probes) * (size_t)probes_count(m->probes);

	r->samples = calloc(room, sizeof *r->samples);
	r->throttled = calloc((size_t)m->samples + 1, sizeof *r->throttled);
	die_if(!r->samples || !r->throttled, "out of memory");
	session_throttled(s, r->throttled);
	add_single(r, METRIC_LOAD, DB_PHASE_LOAD, m->load_s);
	if (m->first_call_s > 0)
		add_single(r, METRIC_FIRST_CALL, DB_PHASE_MEASURED, m->first_call_s);
	add_single(r, METRIC_PEAK_MEMORY, DB_PHASE_MEASURED, (double)s->peak_bytes);
	add_single(r, METRIC_PREDICTED_MEMORY, DB_PHASE_MEASURED, (double)s->need.total);
	add_timings(r, s);
	add_latencies(r, s);
	add_probes(r, s);
	for (int i = 0; i < m->n_blocks; i++)
		add_sample(r, (struct db_sample){ .metric = METRIC_REFERENCE,
						  .phase = DB_PHASE_MEASURED, .i = i, .step = -1,
						  .value = m->block[i] });
	r->run.samples = r->samples;
}

static void add_summary(struct record *r, int metric, int stage, double *v, int n)
{
	struct stats t;

	if (!n)
		return;
	t = stats_of(v, n);
	r->summaries[r->run.n_summaries++] = (struct db_summary){
		.metric = metric, .stage = stage, .n = t.n,
		.outliers_mild = t.outliers_mild, .outliers_severe = t.outliers_severe,
		.min = t.min, .q1 = t.q1, .median = t.median, .q3 = t.q3, .max = t.max,
		.mean = t.mean, .sd = t.sd, .mad = t.mad, .ci_lo = t.ci_lo, .ci_hi = t.ci_hi,
		.ci_conf = t.ci_conf, .p90 = t.p90, .p99 = t.p99 };
}

/* One summary per metric and stage, from the measured samples themselves. */
static void fill_summaries(struct record *r)
{
	double *v = malloc(((size_t)r->run.n_samples + 1) * sizeof *v);
	size_t room = (size_t)r->run.n_metrics * (STAGES_MAX + 1);

	r->summaries = calloc(room, sizeof *r->summaries);
	die_if(!v || !r->summaries, "out of memory");
	for (int metric = 0; metric < r->run.n_metrics; metric++)
		for (int stage = 0; stage < r->run.n_stages; stage++) {
			int n = 0;
			for (int i = 0; i < r->run.n_samples; i++) {
				const struct db_sample *x = &r->samples[i];
				if (x->metric == metric && x->stage == stage &&
				    x->phase == DB_PHASE_MEASURED)
					v[n++] = x->value;
			}
			add_summary(r, metric, stage, v, n);
		}
	free(v);
	r->run.summaries = r->summaries;
}

static struct db_op op_row(const struct profile_row *p, bool traced)
{
	return (struct db_op){
		.stage = p->stage + 1, .op = op_table[p->op].name,
		.layer = traced ? p->scope->path : NULL, .calls = p->cost.calls,
		.macs_conv = p->cost.macs_conv, .macs_linear = p->cost.macs_linear,
		.macs_attn = p->cost.macs_attn, .norm_elems = p->cost.norm_elems,
		.mul_elems = p->cost.mul_elems, .exp_elems = p->cost.exp_elems,
		.bytes_read = p->cost.bytes_read, .bytes_written = p->cost.bytes_written,
		.bytes_sent = p->cost.bytes_sent,
		.time_s = traced ? 1e-9 * (double)p->ns : NAN };
}

static void merge_op(struct db_op *to, const struct db_op *from)
{
	to->calls += from->calls;
	to->macs_conv += from->macs_conv;
	to->macs_linear += from->macs_linear;
	to->macs_attn += from->macs_attn;
	to->norm_elems += from->norm_elems;
	to->mul_elems += from->mul_elems;
	to->exp_elems += from->exp_elems;
	to->bytes_read += from->bytes_read;
	to->bytes_written += from->bytes_written;
	to->bytes_sent += from->bytes_sent;
}

/* By stage, layer and op with times when traced; otherwise by stage and op, counts only. */
static void fill_ops(struct record *r, struct session *s)
{
	bool traced = s->m.traced_s > 0;
	const struct profile *p = traced ? &s->m.profile : &r->counts;
	struct err ignored = { 0 };

	if (!traced && point_profile(&s->point, &r->counts, &ignored))
		return;
	r->ops = calloc((size_t)p->n + 1, sizeof *r->ops);
	die_if(!r->ops, "out of memory");
	for (int i = 0; i < p->n; i++) {
		struct db_op row = op_row(&p->row[i], traced);
		int k = traced ? r->run.n_ops : 0;
		while (k < r->run.n_ops &&
		       (r->ops[k].op != row.op || r->ops[k].stage != row.stage))
			k++;
		if (k < r->run.n_ops)
			merge_op(&r->ops[k], &row);
		else
			r->ops[r->run.n_ops++] = row;
	}
	r->run.ops = r->ops;
}

void record_numbers(struct record *r, struct session *s)
{
	r->stages[0] = "total";
	for (int i = 0; i < s->point.w->n_stages; i++)
		r->stages[i + 1] = s->point.w->stage[i].name;
	r->run.stages = r->stages;
	r->run.n_stages = s->point.w->n_stages + 1;
	fill_metrics(r, s);
	if (!s->m.n)
		return;
	fill_samples(r, s);
	fill_summaries(r);
	fill_ops(r, s);
}
