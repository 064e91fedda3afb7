/* SPDX-License-Identifier: MIT
 *
 * bench selftest aa|inject [WORKLOAD]: measures pairs of which the truth is known, judges them as
 * the gate would, hundreds of times anew, and stores how often the gate was wrong.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "disturb.h"
#include "json.h"
#include "options.h"
#include "policy.h"
#include "selftest.h"
#include "stats.h"
#include "stats_dist.h"
#include "table.h"
#include "units.h"

#define DEFAULT_WORKLOAD "sdxl-20steps-mini"
#define DEFAULT_PAIRS    36
#define DISTURB_MOST_S   3600.0 /* the load generator ends by then in any case */
#define CONF             0.95

struct job {
	const struct options *o;
	const char *workload;
	const char *args[2 * OPT_MANY + 1]; /* --set words for both arms */
	int pairs;
	struct progress progress;
};

/* ---- measuring ---------------------------------------------------------------------------------
 */

static int measure_pairs(struct pairs *p, const struct job *job, struct err *e)
{
	if (pairs_measure(p, 1, e))
		return -(int)e->code;
	if (p->row[0].err.code)
		return err_set(e, p->row[0].err.code, "%s", p->row[0].err.msg);
	progress_say(p->plan.progress, "%s: %d pairs of processes, about %s", job->workload,
		     job->pairs, text_left(pairs_estimate(p, job->pairs - 1)).s);
	if (pairs_measure(p, job->pairs - 1, e))
		return -(int)e->code;
	if (p->row[0].err.code)
		return err_set(e, p->row[0].err.code, "%s", p->row[0].err.msg);
	return 0;
}

/* ---- recording ---------------------------------------------------------------------------------
 */

static json_t *row_json(const struct selftest_row *row)
{
	return json_pack("{s:s,s:b,s:b,s:i,s:i,s:i,s:i,s:i,s:o}", "stage", row->stage, "clean",
			 row->clean, "slowed", row->slowed, "regress", row->regress, "improve",
			 row->improve, "pass", row->pass, "inconclusive", row->inconclusive,
			 "plain", row->plain, "sigma_pair", json_number(row->noise.pair));
}

static int clean_rows(const struct selftest *t)
{
	int n = 0;

	for (int i = 0; i < t->n_rows; i++)
		n += t->row[i].clean;
	return n * t->suites;
}

static json_t *selftest_json(const struct selftest *t, const struct job *job)
{
	struct selftest_row clean = selftest_sum(t, false);
	json_t *rows = json_array();

	for (int i = 0; i < t->n_rows; i++)
		json_array_append_new(rows, row_json(&t->row[i]));
	return json_pack("{s:s,s:s,s:s,s:f,s:s,s:i,s:i,s:i,s:b,s:i,s:i,s:o,s:o,s:o}", "schema",
			 "bench.selftest/1", "kind", t->effect > 0 ? "inject" : "aa", "workload",
			 job->workload, "effect", t->effect, "stage", t->stage, "suites", t->suites,
			 "pairs", t->pairs, "disturbed_pairs", t->disturbed, "load_generator",
			 opt_flag(job->o, OPT_DISTURB), "red_suites", t->red_suites,
			 "plain_red_suites", t->plain_red_suites, "red_suites_upper95",
			 json_number(binomial_upper(t->red_suites, t->suites, CONF)),
			 "false_alarms_upper95",
			 json_number(binomial_upper(clean.regress, clean_rows(t), CONF)), "rows",
			 rows);
}

/* The noisiest row stands for all. */
static double largest_sigma(const struct selftest *t)
{
	double most = 0;

	for (int i = 0; i < t->n_rows; i++)
		most = fmax(most, t->row[i].noise.pair);
	return most;
}

/* Shares of the rows that the kind is about: all of them in aa, the slowed ones otherwise; `detail`
 * has the others too. */
static void record(const struct selftest *t, const struct job *job, struct pairs *p)
{
	struct selftest_row clean = selftest_sum(t, false), slowed = selftest_sum(t, true);
	const struct selftest_row *about = t->effect > 0 ? &slowed : &clean;
	json_t *j = selftest_json(t, job);
	char *detail = json_dumps(j, JSON_COMPACT);
	struct db_selftest s = {
		.session = p->session, .run = p->row[0].process[ARM_A][0].uuid,
		.kind = t->effect > 0 ? "inject" : "aa", .effect = t->effect, .stage = t->stage,
		.n_suites = t->suites, .n_rows = t->effect > 0 ? t->suites : clean_rows(t),
		.false_alarms = clean.regress, .caught = slowed.regress,
		.inconclusive = about->inconclusive, .naive_false_alarms = clean.plain,
		.naive_caught = slowed.plain, .sigma_within = NAN, .sigma_process = NAN,
		.sigma_pair = largest_sigma(t), .theta = t->theta, .detail_json = detail };

	if (p->db && (!*s.run || db_put_selftest(p->db, &s)))
		progress_say(p->plan.progress, "warning: the selftest is not recorded: %s",
			     db_error(p->db));
	free(detail);
	json_decref(j);
}

/* ---- showing -----------------------------------------------------------------------------------
 */

static void add_share(struct table *t, int n, int of, bool bound)
{
	if (!of)
		table_add(t, "-");
	else if (bound)
		table_add(t, "%d of %d (< %.2g %%)", n, of, 100 * binomial_upper(n, of, CONF));
	else
		table_add(t, "%d of %d", n, of);
}

/* A stage of a millisecond says less than one of a second. */
static void show_rows(const struct selftest *t, const struct pairs_result *measured)
{
	struct table table;

	table_begin(&table, "row|>latency|>a pair deviates|>pass|>inconclusive|>slower|>faster");
	for (int i = 0; i < t->n_rows; i++) {
		const struct selftest_row *row = &t->row[i];
		const struct pairs_series *s = pairs_find(measured, "latency", row->stage);
		table_add(&table, "%s%s", row->stage, row->slowed ? " (slowed)" : "");
		table_add(&table, "%s",
			  text_seconds(stats_median_of(s->value[ARM_A], measured->n)).s);
		table_add(&table, "%.2g %%", 100 * row->noise.pair);
		table_add(&table, "%d", row->pass);
		table_add(&table, "%d", row->inconclusive);
		table_add(&table, "%d", row->regress);
		table_add(&table, "%d", row->improve);
	}
	table_print(&table, stdout, "");
	table_end(&table);
	printf("\n");
}

static void show(const struct selftest *t, const struct job *job)
{
	struct selftest_row clean = selftest_sum(t, false), slowed = selftest_sum(t, true);
	int rows = clean_rows(t), with_slowed = t->effect > 0 ? t->suites : 0;
	struct table table;

	printf("%s, %s", job->workload, t->effect > 0 ? "" : "the same program in both arms\n");
	if (t->effect > 0)
		printf("%s slowed by %g %%\n", t->stage, 100 * t->effect);
	printf("%d pairs, %d of them disturbed, drawn into %d suites of %d rows\n\n", t->pairs,
	       t->disturbed, t->suites, t->n_rows);
	table_begin(&table, "what happened|>this rule|>plain 5 % gate");
	table_add(&table, "clean rows called slower");
	add_share(&table, clean.regress, rows, true);
	add_share(&table, clean.plain, rows, false);
	table_add(&table, "suites with such a row");
	add_share(&table, t->red_suites, rows ? t->suites : 0, true);
	add_share(&table, t->plain_red_suites, rows ? t->suites : 0, false);
	table_add(&table, "clean rows called faster");
	add_share(&table, clean.improve, rows, false);
	table_add(&table, "-");
	table_add(&table, "clean rows inconclusive");
	add_share(&table, clean.inconclusive, rows, false);
	table_add(&table, "-");
	if (with_slowed) {
		table_add(&table, "slowdown caught");
		add_share(&table, slowed.regress, with_slowed, false);
		add_share(&table, slowed.plain, with_slowed, false);
		table_add(&table, "slowdown inconclusive");
		add_share(&table, slowed.inconclusive, with_slowed, false);
		table_add(&table, "-");
		table_add(&table, "slowdown passed");
		add_share(&table, slowed.pass + slowed.improve, with_slowed, false);
		add_share(&table, t->suites - slowed.plain, with_slowed, false);
	}
	table_print(&table, stdout, "");
	table_end(&table);
	printf("\n");
}

/* ---- the verb ----------------------------------------------------------------------------------
 */

/* One session: effect 0 is aa. */
static int audit(const struct job *job, double effect, json_t *results, struct err *e)
{
	const struct options *o = job->o;
	const char *stage = effect > 0 ? opt_text(o, OPT_STAGE) : "total", *vary[] = { "inject" };
	const char *slow[] = { "--inject", NULL, NULL };
	struct pairs_row row = { job->workload, job->workload, job->args };
	struct verdict_rule rule = verdict_rule(VERDICT_FLOOR, true);
	struct selftest t = { .effect = effect, .stage = stage,
			      .suites = (int)opt_int(o, OPT_SUITES) };
	char inject[96];
	struct pairs_plan plan = { .arm = { { "A", NULL, NULL }, { "B", NULL, NULL } },
				   .row = &row, .n_rows = 1, .apart = opt_flag(o, OPT_APART),
				   .db = opt_flag(o, OPT_NO_DB) ? NULL : opt_text(o, OPT_DB),
				   .purpose = "selftest",
				   .progress = (struct progress *)&job->progress };
	struct pairs p;

	snprintf(inject, sizeof inject, "%s=%g", stage, 100 * effect);
	slow[1] = inject;
	if (effect > 0) {
		plan.arm[ARM_B].args = slow;
		plan.rule = (struct fingerprint_rule){ .vary = vary, .n_vary = 1 };
	}
	if (!pairs_begin(&p, &plan, e) && !measure_pairs(&p, job, e) &&
	    !selftest_judge(&t, &p.row[0], &rule, 1, e)) {
		record(&t, job, &p);
		if (opt_flag(o, OPT_JSON)) {
			json_array_append_new(results, selftest_json(&t, job));
		} else {
			show(&t, job);
			show_rows(&t, &p.row[0]);
		}
		if (t.red_suites)
			err_set(e, ERR_REGRESSION, "the gate called a clean row slower in %d of %d "
				"suites", t.red_suites, t.suites);
	}
	pairs_end(&p, (int)e->code);
	return -(int)e->code;
}

static int run_audits(const struct job *job, const char *kind, json_t *results, struct err *e)
{
	double effect;

	if (strcmp(kind, "aa") == 0)
		return audit(job, 0, results, e);
	if (!opt_given(job->o, OPT_EFFECT))
		return audit(job, 0.05, results, e) || audit(job, 0.10, results, e);
	if (parse_share(opt_text(job->o, OPT_EFFECT), &effect) || !(effect > 0))
		return err_set(e, ERR_USAGE, "--effect wants a share, as 5%%, and got `%s`",
			       opt_text(job->o, OPT_EFFECT));
	return audit(job, effect, results, e);
}

static int prepare(struct job *job, const struct options *o, struct err *e)
{
	const char *kinds[] = { "aa", "inject" }, *near = nearest_name(o->arg[0], kinds, 2);
	int n = 0;

	job->o = o;
	job->workload = o->n_args > 1 ? o->arg[1] : DEFAULT_WORKLOAD;
	job->pairs = opt_given(o, OPT_PAIRS) ? (int)opt_int(o, OPT_PAIRS) : DEFAULT_PAIRS;
	progress_init(&job->progress, opt_flag(o, OPT_QUIET));
	for (int i = 0; i < o->n[OPT_SET]; i++) {
		job->args[n++] = "--set";
		job->args[n++] = o->value[OPT_SET][i];
	}
	if (strcmp(o->arg[0], "aa") != 0 && strcmp(o->arg[0], "inject") != 0)
		return err_set(e, ERR_USAGE, "selftest knows aa and inject, not `%s`%s%s%s",
			       o->arg[0], near ? "; did you mean `" : "", near ? near : "",
			       near ? "`?" : "");
	if (job->pairs < SELFTEST_LEAST)
		return err_set(e, ERR_USAGE, "--pairs %d is too few: a look, its extension and a "
			       "confirmation take %d", job->pairs, SELFTEST_LEAST);
	return preset_find(job->workload, e) ? 0 : -(int)e->code;
}

int cmd_selftest(const struct options *o, struct err *e)
{
	struct job job = { 0 };
	struct disturbance load = { .n = 0 };
	json_t *results = json_array();

	if (!prepare(&job, o, e) &&
	    (!opt_flag(o, OPT_DISTURB) || !disturb_begin(&load, DISTURB_MOST_S, e)))
		run_audits(&job, o->arg[0], results, e);
	disturb_end(&load);
	if (json_array_size(results))
		json_print(json_incref(results), stdout);
	json_decref(results);
	return -(int)e->code;
}
