/* SPDX-License-Identifier: MIT
 *
 * Leads a gate: exact metrics by one process of each arm in a session of their own, timings by the
 * pairs of another (judge.h), a traced run of what is red in a third; then waivers.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "effort.h"
#include "gate_run.h"
#include "machine.h"
#include "output.h"

#define ROW_WORDS (2 * POLICY_WORDS + 16)

struct work {
	struct gate *g;
	const struct gate_job *job;
	struct gate_arm arm[ARMS];
	struct gate_timing *timing;
	int n_timings, pairs;
	double started_s;
	uint64_t seed;
	char exact[37], session[37], traced[37]; /* uuids of sessions in the database; "" */
};

/* ---- rows for the pairs ------------------------------------------------------------------------
 */

/* Words of a row's command line; they live as long as this. */
struct rows {
	struct pairs_row *row;
	const struct policy_row **of; /* the row of the policy that each is */
	const char *(*words)[ROW_WORDS];
	char (*number)[2][16], (*name)[POLICY_NAME + 16];
	int n;
};

static void *zeroed(int n, size_t size)
{
	void *p = calloc((size_t)n + 1, size);

	die_if(!p, "out of memory");
	return p;
}

static struct rows rows_begin(int capacity)
{
	struct rows r = { 0 };

	r.row = zeroed(capacity, sizeof *r.row);
	r.of = zeroed(capacity, sizeof *r.of);
	r.words = zeroed(capacity, sizeof *r.words);
	r.number = zeroed(capacity, sizeof *r.number);
	r.name = zeroed(capacity, sizeof *r.name);
	return r;
}

static void rows_end(struct rows *r)
{
	free(r->row);
	free(r->of);
	free(r->words);
	free(r->number);
	free(r->name);
}

/* `extra` are further words, NULL-terminated; `suffix` tells rows of one policy row apart. */
static void rows_add(struct rows *r, const struct policy_row *p, const char *suffix,
		     const char *const *extra)
{
	const char **w = r->words[r->n];
	int k = 0;

	for (int i = 0; i < p->n_set; i++) {
		w[k++] = "--set";
		w[k++] = p->set[i];
	}
	if (p->threads) {
		snprintf(r->number[r->n][0], sizeof r->number[0][0], "%d", p->threads);
		w[k++] = "--threads";
		w[k++] = r->number[r->n][0];
	}
	if (p->samples) {
		snprintf(r->number[r->n][1], sizeof r->number[0][1], "%d", p->samples);
		w[k++] = "--samples";
		w[k++] = r->number[r->n][1];
	}
	for (; *extra; extra++)
		w[k++] = *extra;
	snprintf(r->name[r->n], sizeof r->name[0], "%s%s", p->name, suffix);
	r->row[r->n] = (struct pairs_row){ r->name[r->n], p->workload, w };
	r->of[r->n++] = p;
}

/* ---- one session of pairs ----------------------------------------------------------------------
 */

/* Of the budget, at least a second; 0: there is none. */
static double time_left(const struct work *w)
{
	double budget = w->g->policy->budget_s, left = budget - (clock_s() - w->started_s);

	return budget <= 0 ? 0 : left > 1 ? left : 1;
}

static struct pairs_plan plan_of(const struct work *w, const struct rows *rows)
{
	struct pairs_plan plan = { .row = rows->row, .n_rows = rows->n, .rule = { .builds = true },
				   .db = w->job->db, .purpose = "gate",
				   .apart = w->job->apart,
				   .progress = w->job->progress, .budget_s = time_left(w) };

	for (int i = 0; i < ARMS; i++) {
		plan.arm[i].name = w->arm[i].shown;
		plan.arm[i].binary = *w->arm[i].binary ? w->arm[i].binary : NULL;
	}
	return plan;
}

/* What both arms of every row ran on, by the first one that tells. */
static void note_fingerprint(struct gate *g, const struct pairs_result *r)
{
	char *text = json_dumps(json_object_get(r->fingerprint[ARM_B], "hard"),
				JSON_SORT_KEYS | JSON_COMPACT);

	if (text && !*g->fingerprint)
		text_hash(text, g->fingerprint);
	free(text);
}

/* Measures `blocks` of all rows and hands the pairs, still open, to take(); nothing to do is well
 * too. */
static int session(struct work *w, const struct rows *rows, int blocks, char uuid[37],
		   void (*take)(struct work *w, const struct rows *rows, struct pairs *p,
				struct err *e), struct err *e)
{
	struct pairs_plan plan = plan_of(w, rows);
	struct pairs p;

	if (!rows->n)
		return 0;
	if (!pairs_begin(&p, &plan, e) && !pairs_measure(&p, blocks, e)) {
		for (int i = 0; i < rows->n; i++)
			note_fingerprint(w->g, &p.row[i]);
		if (take)
			take(w, rows, &p, e);
	}
	if (p.out_of_time)
		snprintf(w->g->note, sizeof w->g->note, "the budget ended the measurement after %d "
			 "rounds of pairs", p.blocks_done);
	memcpy(uuid, p.session, 37);
	pairs_end(&p, (int)e->code);
	return -(int)e->code;
}

/* ---- exact metrics -----------------------------------------------------------------------------
 */

static void exact_failed(struct gate *g, const struct policy_row *row, const struct pairs_result *r)
{
	struct gate_case *c = gate_add(g, row, "exact");

	c->exact = true;
	c->outcome = r->failed_arm == ARM_A || r->err.code == ERR_INCOMPARABLE ? OUTCOME_MISSING :
										OUTCOME_FAILED;
	snprintf(c->reason, sizeof c->reason, "%s%.900s",
		 r->failed_arm == ARM_A ? "the base fails: " : "", r->err.msg);
}

static void take_exact(struct work *w, const struct rows *rows, struct pairs *p, struct err *e)
{
	(void)e;
	for (int i = 0; i < rows->n; i++)
		if (p->row[i].err.code)
			exact_failed(w->g, rows->of[i], &p->row[i]);
		else
			gate_exact(w->g, rows->of[i], &p->row[i]);
}

/* Counts are known without computing; an output and allocations are not. */
static int measure_exact(struct work *w, struct err *e)
{
	static const char *const once[] = { "--samples", "1", "--warmup", "0", NULL };
	static const char *const dry[] = { "--backend", "null", "--samples", "1", "--warmup", "0",
					   NULL };
	const unsigned computed = 1u << EXACT_HASH | 1u << EXACT_ALLOCATIONS;
	const struct policy *p = w->g->policy;
	struct rows rows = rows_begin(p->n_rows);

	for (int i = 0; i < p->n_rows; i++)
		if (p->row[i].exact)
			rows_add(&rows, &p->row[i], "",
				 p->row[i].exact & computed ? once : dry);
	session(w, &rows, 1, w->exact, take_exact, e);
	rows_end(&rows);
	return -(int)e->code;
}

/* ---- timings -----------------------------------------------------------------------------------
 */

static void list_timings(struct work *w, const struct rows *rows)
{
	const struct policy *p = w->g->policy;
	int n = 0;

	for (int i = 0; i < rows->n; i++)
		n += rows->of[i]->n_metrics;
	w->timing = zeroed(n, sizeof *w->timing);
	for (int i = 0; i < rows->n; i++)
		for (int k = 0; k < rows->of[i]->n_metrics; k++)
			w->timing[w->n_timings++] = gate_timing(p, rows->of[i], k, i);
}

static void take_timings(struct work *w, const struct rows *rows, struct pairs *p, struct err *e)
{
	struct judged **judged = zeroed(w->n_timings, sizeof(struct judged *));
	int n = 0;

	(void)rows;
	for (int i = 0; i < w->n_timings; i++)
		if (!gate_timing_look(&w->timing[i], p))
			judged[n++] = &w->timing[i].judged;
	judge_course(judged, n, p, w->pairs, e);
	for (int i = 0; i < w->n_timings; i++)
		gate_timing_end(&w->timing[i], p);
	w->seed = p->plan.seed;
	free(judged);
}

/* A sample of each arm of the rows that regressed, for `explain`. */
static int trace_red(struct work *w, struct err *e)
{
	static const char *const traced[] = { "--trace", "--samples", "1", NULL };
	struct rows rows = rows_begin(w->g->policy->n_rows);

	for (int i = 0; i < w->n_timings; i++) {
		const struct gate_timing *t = &w->timing[i];
		bool known = rows.n && rows.of[rows.n - 1] == t->row;
		if (!known && !t->err.code && t->judged.verdict.kind == VERDICT_REGRESS)
			rows_add(&rows, t->row, " traced", traced);
	}
	session(w, &rows, 1, w->traced, NULL, e);
	rows_end(&rows);
	return -(int)e->code;
}

/* Where neither the policy nor --pairs says how many: as the noise demands. */
static void choose_pairs(struct work *w, const struct rows *rows)
{
	struct effort_row *row = zeroed(rows->n, sizeof *row);
	struct effort_choice choice;

	for (int i = 0; i < rows->n; i++)
		row[i] = (struct effort_row){ rows->of[i]->workload,
					      policy_floor(w->g->policy, rows->of[i]) };
	choice = effort_choose(w->job->known, row, rows->n, time_left(w));
	progress_say(w->job->progress, "%s", choice.why);
	w->pairs = choice.pairs;
	free(row);
}

static int measure_timings(struct work *w, struct err *e)
{
	static const char *const nothing[] = { NULL };
	const struct policy *p = w->g->policy;
	struct rows rows = rows_begin(p->n_rows);

	for (int i = 0; i < p->n_rows; i++)
		if (p->row[i].n_metrics)
			rows_add(&rows, &p->row[i], "", nothing);
	list_timings(w, &rows);
	w->pairs = w->job->pairs ? w->job->pairs : p->pairs;
	if (!w->pairs && rows.n)
		choose_pairs(w, &rows);
	if (!session(w, &rows, w->pairs, w->session, take_timings, e))
		trace_red(w, e);
	rows_end(&rows);
	return -(int)e->code;
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static bool within(const struct gate_case *c, const struct policy_waiver *w)
{
	double ratio = c->exact ? c->head / c->base : c->verdict.ratio;
	return w->limit < 0 || ratio - 1 <= w->limit;
}

static void waive(const struct policy *p, struct gate_case *c)
{
	bool expired;
	const struct policy_waiver *w;

	if (c->outcome != OUTCOME_REGRESS && c->outcome != OUTCOME_PARITY)
		return;
	w = policy_waiver_of(p, c->row->name, c->metric, (int64_t)time(NULL), &expired);
	c->waiver = w;
	if (w && !expired && within(c, w))
		c->outcome = OUTCOME_WAIVED;
}

/* Cases of timings follow those of exact metrics in the order of w->timing. */
static int store(const struct work *w, int exact, struct err *e)
{
	struct gate *g = w->g;
	struct gate_record r = { .seed = w->seed, .traced = w->traced };

	if (db_open(&r.db, w->job->db, DB_CREATE))
		err_set(e, ERR_DB, "%s", db_error(r.db));
	for (int i = 0; i < g->n && !e->code; i++) {
		r.session = i < exact ? w->exact : w->session;
		if (gate_store(&r, &g->c[i], i < exact ? NULL : &w->timing[i - exact]))
			err_set(e, ERR_DB, "%s", db_error(r.db));
	}
	db_close(r.db);
	return -(int)e->code;
}

static void finish(struct work *w, struct err *e)
{
	struct gate *g = w->g;
	int exact = g->n;

	for (int i = 0; i < w->n_timings; i++)
		gate_timing_case(g, &w->timing[i]);
	for (int i = 0; i < g->n; i++)
		waive(g->policy, &g->c[i]);
	g->judged = true;
	if (w->job->db)
		store(w, exact, e);
}

static void describe_machine(struct gate *g)
{
	struct machine m;

	machine_read(&m);
	snprintf(g->machine, sizeof g->machine, "%.120s, %.60s", m.cpu_model, m.isa);
}

int gate_run(struct gate *g, const struct gate_job *job, struct err *e)
{
	const struct policy *p = g->policy;
	struct work w = { .g = g, .job = job, .started_s = clock_s() };

	process_catch_signals(); /* before the base is built */
	describe_machine(g);
	snprintf(w.arm[ARM_B].binary, sizeof w.arm[ARM_B].binary, "%s", job->head ? job->head : "");
	snprintf(g->head, sizeof g->head, "%s", job->head ? job->head : "this program");
	if (!gate_baseline(&w.arm[ARM_A], job->base ? job->base : p->base, job->progress, e)) {
		snprintf(g->base, sizeof g->base, "%s", w.arm[ARM_A].shown);
		if (!measure_exact(&w, e) && !job->exact_only)
			measure_timings(&w, e);
		if (!e->code)
			finish(&w, e);
	}
	g->seconds = clock_s() - w.started_s;
	for (int i = 0; i < w.n_timings; i++)
		gate_timing_free(&w.timing[i]);
	free(w.timing);
	return -(int)e->code;
}
