/* SPDX-License-Identifier: MIT
 *
 * Leads a gate: exact metrics by one process of each arm, timings by pairs; what looks slower is
 * measured anew before it is called so, what is undecided gets one extension; then waivers.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "gate_run.h"
#include "machine.h"
#include "output.h"

#define DEFAULT_PAIRS 10
#define MDE_TRIALS    2000 /* of the simulation that says what would have been seen */
#define ROW_WORDS     (2 * POLICY_WORDS + 16)

struct work {
	struct gate *g;
	const struct gate_job *job;
	struct gate_arm arm[ARMS];
	struct gate_timing *timing;
	int n_timings, pairs;
	double started_s;
	char session[37], traced[37]; /* uuids of sessions in the database; "" */
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

static const char *const nothing[] = { NULL };

/* ---- one session of pairs ----------------------------------------------------------------------
 */

static struct pairs_plan plan_of(const struct work *w, const struct rows *rows)
{
	double budget = w->g->policy->budget_s;
	struct pairs_plan plan = { .row = rows->row, .n_rows = rows->n, .rule = { .builds = true },
				   .db = w->job->db, .purpose = "gate",
				   .progress = w->job->progress };

	for (int i = 0; i < ARMS; i++) {
		plan.arm[i].name = w->arm[i].shown;
		plan.arm[i].binary = *w->arm[i].binary ? w->arm[i].binary : NULL;
	}
	if (budget > 0) {
		double left = budget - (clock_s() - w->started_s);
		plan.budget_s = left > 1 ? left : 1;
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

/* Measures `blocks` of all rows and gives the result to each(); nothing to do is well too. */
static int session(struct work *w, const struct rows *rows, int blocks, char uuid[37],
		   void (*each)(struct work *w, const struct policy_row *row,
				const struct pairs_result *r), struct err *e)
{
	struct pairs_plan plan = plan_of(w, rows);
	struct pairs p;

	if (!rows->n)
		return 0;
	if (!pairs_begin(&p, &plan, e) && !pairs_measure(&p, blocks, e))
		for (int i = 0; i < rows->n && each; i++) {
			note_fingerprint(w->g, &p.row[i]);
			each(w, rows->of[i], &p.row[i]);
		}
	if (p.out_of_time)
		snprintf(w->g->note, sizeof w->g->note, "the budget ended the measurement after %d "
			 "of %d pairs", p.blocks_done, blocks);
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

static void take_exact(struct work *w, const struct policy_row *row, const struct pairs_result *r)
{
	if (r->err.code)
		exact_failed(w->g, row, r);
	else
		gate_exact(w->g, row, r);
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
			rows_add(&rows, &p->row[i], " exact",
				 p->row[i].exact & computed ? once : dry);
	session(w, &rows, 1, w->session, take_exact, e);
	rows_end(&rows);
	return -(int)e->code;
}

/* ---- timings -----------------------------------------------------------------------------------
 */

static void list_timings(struct work *w)
{
	const struct policy *p = w->g->policy;
	int n = 0;

	for (int i = 0; i < p->n_rows; i++)
		n += p->row[i].n_metrics;
	w->timing = zeroed(n, sizeof *w->timing);
	for (int i = 0; i < p->n_rows; i++)
		for (int k = 0; k < p->row[i].n_metrics; k++) {
			struct gate_timing *t = &w->timing[w->n_timings++];
			double floor = p->row[i].floor >= 0 ? p->row[i].floor : p->floor;
			t->row = &p->row[i];
			t->metric = &p->row[i].metric[k];
			t->rule = verdict_rule(floor, true);
			t->rule.fwer = p->fwer;
			if (t->rule.fwer_noisy > p->fwer)
				t->rule.fwer_noisy = p->fwer;
			t->rule.trials = MDE_TRIALS;
		}
}

static void take_look(struct work *w, const struct policy_row *row, const struct pairs_result *r)
{
	for (int i = 0; i < w->n_timings; i++) {
		struct gate_timing *t = &w->timing[i];
		if (t->row != row)
			continue;
		gate_timing_take(t, r, false);
		if (!t->err.code)
			t->verdict = verdict_look(&t->rule, t->log_ratio, t->disturbed, t->n);
	}
}

static void take_fresh(struct work *w, const struct policy_row *row, const struct pairs_result *r)
{
	for (int i = 0; i < w->n_timings; i++) {
		struct gate_timing *t = &w->timing[i];
		if (t->row != row || t->err.code || !verdict_wants_fresh(&t->verdict))
			continue;
		gate_timing_take(t, r, true);
		if (!t->err.code)
			verdict_confirm(&t->rule, &t->verdict, t->fresh, r->disturbed, t->n_fresh);
	}
}

static bool undecided(const struct gate_timing *t)
{
	return verdict_wants_more(&t->rule, &t->verdict);
}

static bool unconfirmed(const struct gate_timing *t)
{
	return verdict_wants_fresh(&t->verdict);
}

static bool regressed(const struct gate_timing *t)
{
	return t->verdict.kind == VERDICT_REGRESS;
}

/* Rows with a timing of this kind. */
static struct rows rows_where(const struct work *w, bool (*is)(const struct gate_timing *),
			      const char *suffix, const char *const *extra)
{
	struct rows rows = rows_begin(w->g->policy->n_rows);

	for (int i = 0; i < w->n_timings; i++) {
		const struct gate_timing *t = &w->timing[i];
		bool known = rows.n && rows.of[rows.n - 1] == t->row;
		if (!known && !t->err.code && (!is || is(t)))
			rows_add(&rows, t->row, suffix, extra);
	}
	return rows;
}

/* The family of all timings that were judged. */
static void judge_family(struct work *w)
{
	struct verdict *v = zeroed(w->n_timings, sizeof *v);
	int n = 0;

	for (int i = 0; i < w->n_timings; i++)
		if (!w->timing[i].err.code)
			v[n++] = w->timing[i].verdict;
	if (n)
		verdict_family(&w->timing[0].rule, v, n);
	n = 0;
	for (int i = 0; i < w->n_timings; i++)
		if (!w->timing[i].err.code)
			w->timing[i].verdict = v[n++];
	free(v);
}

static int stage_of(struct work *w, bool (*is)(const struct gate_timing *), const char *suffix,
		    const char *const *extra, int blocks, char uuid[37],
		    void (*take)(struct work *, const struct policy_row *,
				 const struct pairs_result *), struct err *e)
{
	struct rows rows = rows_where(w, is, suffix, extra);
	int rc = session(w, &rows, blocks, uuid, take, e);

	rows_end(&rows);
	return rc;
}

static int measure_timings(struct work *w, struct err *e)
{
	static const char *const traced[] = { "--trace", "--samples", "1", NULL };
	char other[37];

	list_timings(w);
	if (stage_of(w, NULL, "", nothing, w->pairs, w->session, take_look, e) ||
	    stage_of(w, undecided, " more", nothing, w->pairs, other, take_look, e) ||
	    stage_of(w, unconfirmed, " confirm", nothing, w->pairs, other, take_fresh, e))
		return -(int)e->code;
	judge_family(w);
	return stage_of(w, regressed, " traced", traced, 1, w->traced, NULL, e);
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static bool within(const struct gate_case *c, const struct policy_waiver *w)
{
	double ratio = c->exact ? c->head / c->base : c->ratio;
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
static void finish(struct work *w, struct err *e)
{
	struct gate *g = w->g;
	int exact = g->n;
	struct db *db = NULL;

	for (int i = 0; i < w->n_timings; i++)
		gate_timing_case(g, &w->timing[i]);
	for (int i = 0; i < g->n; i++)
		waive(g->policy, &g->c[i]);
	g->judged = true;
	if (!w->job->db || !*w->session)
		return;
	if (db_open(&db, w->job->db, DB_CREATE))
		err_set(e, ERR_DB, "%s", db_error(db));
	for (int i = 0; i < g->n && !e->code; i++)
		if (gate_store(db, &g->c[i], i < exact ? NULL : &w->timing[i - exact], w->session,
			       w->traced))
			err_set(e, ERR_DB, "%s", db_error(db));
	db_close(db);
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
	w.pairs = job->pairs ? job->pairs : p->pairs ? p->pairs : DEFAULT_PAIRS;
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
