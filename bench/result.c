/* SPDX-License-Identifier: MIT
 *
 * What the user reads at the end: tables on standard output.
 *
 * FLOP/s are 2 x core MACs / s, over the median of the samples. The share of peak divides by the
 * best register-only rate known of this machine (session_peak).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build_info.h"
#include "fold.h"
#include "session.h"
#include "shadow.h"
#include "table.h"
#include "units.h"

#define CONTENTION_SHOWN 0.01
#define INDENT           12 /* where the numbers begin, behind their labels */

static void print_head(const struct session *s, FILE *to)
{
	const struct settings *set = &s->point.settings;

	fprintf(to, "%s on %s, %d thread%s, %s%s%s\n", s->point.preset->name, s->machine.cpu_model,
	       s->device.threads, s->device.threads == 1 ? "" : "s",
	       s->device.cpu ? isa_name(s->device.isa) : s->device.name,
	       s->device.cpu ? ", " : "", s->device.cpu ? dnnl_describe() : "");
	for (int i = 0, n = 0; i < set->n; i++)
		if (set->value[i] && set->def[i].identity)
			fprintf(to, "%s%s=%s", n++ ? " " : "", set->def[i].key, set->value[i]);
	fprintf(to, "\n\n");
}

static void dash(struct table *t)
{
	table_add(t, "-");
}

static void add_seconds(struct table *t, double s, int n)
{
	if (n)
		table_add(t, "%s", text_seconds(s).s);
	else
		dash(t);
}

/* One row: a stage, or all of them (-1). Steps are of finished ones, also of a cut sample. */
static void stage_row(struct table *t, const struct session *s, int stage)
{
	struct stats whole = session_latency(s, stage);
	struct stats step = stage < 0 ? (struct stats){ 0 } : session_step(s, stage);
	const struct cost *c = stage < 0 ? &s->point.cost : &s->point.step_cost[stage];
	int steps = stage < 0 ? point_steps(&s->point) : s->point.w->stage[stage].steps;
	double macs = (double)cost_core_macs(c) * (stage < 0 ? 1 : steps), peak = session_peak(s);
	double rate = stage < 0 ? 2 * macs / whole.median
				: 2 * (double)cost_core_macs(c) / step.median;

	table_add(t, "%s", stage < 0 ? "total" : s->point.w->stage[stage].name);
	table_add(t, "%d", steps);
	add_seconds(t, whole.median, whole.n);
	add_seconds(t, step.median, step.n);
	add_seconds(t, step.min, step.n);
	add_seconds(t, step.max, step.n);
	table_add(t, "%s", text_si(macs, "").s);
	if (s->device.backend->is_virtual || !(whole.n || step.n) || macs <= 0) {
		dash(t);
		dash(t);
		return;
	}
	table_add(t, "%s", text_si(rate, "").s);
	table_add(t, "%s", peak > 0 ? text_percent(rate / peak).s : "-");
}

static void print_stages(const struct session *s, FILE *to)
{
	struct table t;

	table_begin(&t, "stage|>steps|>time|>per step|>min|>max|>MACs|>FLOP/s|>peak");
	for (int i = 0; i < s->point.w->n_stages; i++)
		stage_row(&t, s, i);
	stage_row(&t, s, -1);
	table_print(&t, to, "");
	table_end(&t);
	fprintf(to, "\n");
}

static void print_rates(const struct session *s, FILE *to)
{
	struct stats total = session_latency(s, -1);
	double core = (double)cost_core_macs(&s->point.cost);
	double noattn = (double)cost_noattn_macs(&s->point.cost);

	if (total.n) {
		fprintf(to, "latency     %s", text_seconds(total.median).s);
		if (total.n > 1)
			fprintf(to, " median of %d (%s to %s)", total.n, text_seconds(total.min).s,
			       text_seconds(total.max).s);
		if (!s->device.backend->is_virtual)
			fprintf(to, ", %.4g images/s", s->point.w->images / total.median);
		fprintf(to, "\n");
	}
	result_samples(s, to);
	fprintf(to, "MACs        %s core, %s noattn", text_si(core, "").s, text_si(noattn, "").s);
	if (total.n && !s->device.backend->is_virtual)
		fprintf(to, "; achieved %s (2 x core MACs / s)",
		       text_si(2 * core / total.median, "FLOP/s").s);
	fprintf(to, "\n");
}

/* Others on the machine: in the queue for a core, or on the same host. */
static void print_contention(const struct session *s, FILE *to)
{
	double waited = s->m.waited_s / s->m.ran_s;
	double stolen = s->m.stolen_s / s->m.ran_s / s->machine.threads;

	if (waited > CONTENTION_SHOWN || stolen > CONTENTION_SHOWN)
		fprintf(to,
			"contention  %s of the time waiting for a core, %s stolen by the host\n",
			text_percent(waited).s, text_percent(stolen).s);
}

/* The steps that ran while the machine was at its best, apart. */
static void print_disturbance(const struct session *s, FILE *to)
{
	int of, n = session_disturbed(s, &of);
	double best = session_peak(s), macs = 0, seconds = 0;

	if (!n)
		return;
	fprintf(to,
		"disturbed   %d of %d steps ran beside a reference block more than 3 %% below the "
		"best",
		n, of);
	for (int i = 0; i < s->m.n; i++) {
		const struct timing *t = &s->m.timing[i];
		if (t->phase != PHASE_MEASURED || measure_disturbed(&s->m, t, best))
			continue;
		macs += (double)cost_core_macs(&s->point.step_cost[t->stage]);
		seconds += t->seconds;
	}
	if (seconds > 0)
		fprintf(to, "; the others reach %s of peak",
			text_percent(2 * macs / seconds / best).s);
	fprintf(to, "\n");
}

static void print_peak(const struct session *s, FILE *to)
{
	double here = s->m.best_block, best = session_peak(s), *v;
	int n = s->m.n_blocks;

	if (best <= 0)
		return;
	fprintf(to, "peak        %s %s, register-only", text_si(best, "FLOP/s").s,
	       device_peak_name(&s->device, s->point.w->dtype));
	if (n) {
		struct stats blocks;
		v = malloc((size_t)n * sizeof *v);
		die_if(!v, "out of memory");
		memcpy(v, s->m.block, (size_t)n * sizeof *v);
		blocks = stats_of(v, n);
		free(v);
		fprintf(to, "; beside this run best %s, median of %d blocks %s",
		       text_si(here, "FLOP/s").s, n, text_si(blocks.median, "FLOP/s").s);
	}
	fprintf(to, "\n");
	print_disturbance(s, to);
	print_contention(s, to);
}

static void print_trace_cost(const struct session *s, FILE *to)
{
	struct stats total = session_latency(s, -1);

	if (s->m.traced_s > 0 && total.n)
		fprintf(to,
			"trace       %s with every op timed, %+.2f %% against the untraced "
			"median\n",
			text_seconds(s->m.traced_s).s, 100 * (s->m.traced_s / total.median - 1));
}

static void print_output(const struct session *s, FILE *to)
{
	if (!*s->m.hash)
		return;
	fprintf(to, "sha256      %s%s%s\n", s->m.hash, s->m.finite ? "" : ", NOT FINITE",
	       s->m.hash_varies ? ", DIFFERS between samples" : "");
}

static void print_harness(const struct session *s, FILE *to)
{
	struct stats total = session_latency(s, -1);

	if (s->device.backend->is_virtual && total.n)
		fprintf(to, "harness     %.1f ns per op, %s ops\n",
		       1e9 * total.median / (double)s->point.cost.calls,
		       text_count(s->point.cost.calls).s);
}

static void print_all(const struct session *s, FILE *to)
{
	print_head(s, to);
	print_stages(s, to);
	print_rates(s, to);
	print_peak(s, to);
	print_harness(s, to);
	print_trace_cost(s, to);
	if (!s->device.backend->is_virtual)
		fprintf(to, "load        %s, %s of weights\n", text_seconds(s->m.load_s).s,
		       text_bytes((double)weights_bytes(s->point.w->weights)).s);
	fprintf(to, "memory      %s peak", text_bytes((double)s->peak_bytes).s);
	if (s->need.total)
		fprintf(to, ", predicted %s (%+.1f %%)", text_bytes((double)s->need.total).s,
		       100 * ((double)s->need.total / (double)s->peak_bytes - 1));
	fprintf(to, "\n");
	print_output(s, to);
	if (s->run_id)
		fprintf(to, "run         %lld in %s, %s, stored in %s\n", (long long)s->run_id,
		       db_path(s->db), s->status, text_seconds(s->stored_s).s);
	else if (*s->spool)
		fprintf(to, "run         %s, written to %s\n", s->status, s->spool);
}

void result_table(const struct session *s)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	die_if(!to, "out of memory");
	print_all(s, to);
	fclose(to);
	fold_lines(stdout, text, INDENT);
	free(text);
}

/* ---- the trace ---------------------------------------------------------------------------------
 */

struct op_total {
	enum op op;
	struct cost cost;
	int64_t ns;
};

static int longest_first(const void *a, const void *b)
{
	const struct op_total *x = a, *y = b;
	return (x->ns < y->ns) - (x->ns > y->ns);
}

void result_trace(const struct session *s)
{
	struct op_total total[OP_COUNT] = { 0 };
	struct table t;
	double all = 0;

	if (s->m.traced_s <= 0)
		return;
	for (int i = 0; i < s->m.profile.n; i++) {
		const struct profile_row *r = &s->m.profile.row[i];
		total[r->op].op = r->op;
		cost_add(&total[r->op].cost, &r->cost, 1);
		total[r->op].ns += r->ns;
		all += 1e-9 * (double)r->ns;
	}
	qsort(total, OP_COUNT, sizeof *total, longest_first);
	printf("\n");
	table_begin(&t, "op|>calls|>time|>share|>core MACs|>rate|>bytes moved|>bandwidth");
	for (int i = 0; i < OP_COUNT && total[i].cost.calls; i++) {
		const struct cost *c = &total[i].cost;
		double seconds = 1e-9 * (double)total[i].ns;
		double bytes = (double)(c->bytes_read + c->bytes_written);
		table_add(&t, "%s", op_table[total[i].op].name);
		table_add(&t, "%s", text_count(c->calls).s);
		table_add(&t, "%s", text_seconds(seconds).s);
		table_add(&t, "%s", text_percent(seconds / all).s);
		table_add(&t, "%s", cost_core_macs(c) ? text_si((double)cost_core_macs(c), "MAC").s
						      : "-");
		table_add(&t, "%s", cost_core_macs(c) ? text_si(2 * (double)cost_core_macs(c) /
									seconds, "FLOP/s").s
						      : "-");
		table_add(&t, "%s", text_si(bytes, "B").s);
		table_add(&t, "%s", text_si(bytes / seconds, "B/s").s);
	}
	table_print(&t, stdout, "");
	table_end(&t);
	printf("between ops %s of the traced repetition\n",
	       text_percent(1 - all / s->m.traced_s).s);
}

void result_shadow(const struct session *s)
{
	struct table t;

	if (!s->device.shadow)
		return;
	printf("\n");
	table_begin(&t, "op|>calls|>worst relative error|where");
	for (int op = 0; op < OP_COUNT; op++) {
		const struct shadow_worst *w = backend_shadow_worst(s->device.shadow, (enum op)op);
		if (!w->calls)
			continue;
		table_add(&t, "%s", op_table[op].name);
		table_add(&t, "%s", text_count(w->calls).s);
		table_add(&t, "%.2e", w->error);
		table_add(&t, "%s", *w->path ? w->path : "-");
	}
	table_print(&t, stdout, "");
	table_end(&t);
}

void result_dry(const struct session *s)
{
	double estimate = session_estimate(s);

	print_head(s, stdout);
	printf("MACs        %s core\n", text_si((double)cost_core_macs(&s->point.cost), "").s);
	printf("memory      %s predicted, %s available\n", text_bytes((double)s->need.total).s,
	       text_bytes((double)memory_available()).s);
	if (estimate > 0)
		printf("time        about %s for one repetition\n", text_left(estimate).s);
	printf("nothing was run\n");
}
