/* SPDX-License-Identifier: MIT
 *
 * bench plan: how many pairs of processes, and how many minutes, a comparison needs before a wanted
 * slowdown is caught with a wanted power, and what fewer or more pairs would see. Nothing is
 * measured: the noise is that of the last calibration on this machine, or given.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "db.h"
#include "json.h"
#include "machine.h"
#include "options.h"
#include "policy.h"
#include "table.h"
#include "units.h"
#include "verdict.h"
#include "workload.h"

#define TRIALS       1000
#define CLEAN_PASSES 0.95 /* of the clean rows, so that hardly any is inconclusive */

static const int pairs_tried[] = { 8, 10, 12, 16, 20, 24, 32, 40, 60, 80 };
#define TRIED ((int)(sizeof pairs_tried / sizeof *pairs_tried))

struct plan_of {
	double sigma, theta, effect, power, budget_s;
	double process_s; /* 0: unknown */
	char calibrated[32]; /* when; "" */
	bool expired;        /* so long ago that it may no longer hold */
	struct outlook o[TRIED];
	int enough;       /* index of the first that does; -1: none */
	int affordable;   /* of the last within the budget; -1: none, or no budget */
};

/* ---- what is known -----------------------------------------------------------------------------
 */

static int take_noise(void *arg, const struct db_noise *n)
{
	struct plan_of *p = arg;
	time_t at = (time_t)(n->at_unix_ns / 1000000000);
	struct tm utc;

	if (strcmp(n->metric, "latency") != 0 || strcmp(n->stage, "total") != 0 ||
	    !(n->sigma_pair > 0))
		return 0;
	p->sigma = n->sigma_pair;
	strftime(p->calibrated, sizeof p->calibrated, "%Y-%m-%d %H:%M UTC", gmtime_r(&at, &utc));
	p->expired = n->expires_unix_ns && n->expires_unix_ns < db_now_unix_ns();
	return 1;
}

static int take_seconds(void *arg, int n, const char *const *names, const struct db_value *v)
{
	struct plan_of *p = arg;

	(void)names;
	if (v && n > 0 && v[0].d > 0)
		p->process_s = v[0].d;
	return 0;
}

static int ask(const char *path, const char *workload, struct plan_of *p, struct err *e)
{
	struct machine m;
	struct db_host host;
	struct db *db;
	int rc = db_open(&db, path, DB_READONLY);

	machine_read(&m);
	host = machine_host(&m);
	if (!rc && isnan(p->sigma))
		rc = db_get_noise(db, &host, workload, NULL, take_noise, p);
	if (!rc && !(p->process_s > 0))
		rc = db_query(db, "SELECT avg(wall_s) FROM (SELECT wall_s FROM v_runs WHERE "
				  "workload = ?1 AND status = 'ok' AND params_json NOT LIKE "
				  "'%\"inject\"%' ORDER BY run_id DESC LIMIT 20)",
			      &workload, 1, take_seconds, p);
	if (rc && isnan(p->sigma))
		err_set(e, ERR_DB, "%s", db_error(db));
	db_close(db);
	return -(int)e->code;
}

static int share_option(const struct options *o, enum opt id, double *share, struct err *e)
{
	const char *text = opt_text(o, id);

	if (text && (parse_share(text, share) || !(*share > 0)))
		return err_set(e, ERR_USAGE, "--%s wants a share, as 2%% or 0.02, and got `%s`",
			       option_table[id].name, text);
	return 0;
}

static int time_option(const struct options *o, enum opt id, double *seconds, struct err *e)
{
	const char *text = opt_text(o, id);

	if (text && parse_duration(text, seconds))
		return err_set(e, ERR_USAGE, "--%s wants a time, as 90s, 15m or 2h, and got `%s`",
			       option_table[id].name, text);
	return 0;
}

static int read_options(struct plan_of *p, const struct options *o, struct err *e)
{
	if (share_option(o, OPT_THETA, &p->theta, e) || share_option(o, OPT_SIGMA, &p->sigma, e) ||
	    share_option(o, OPT_EFFECT, &p->effect, e) ||
	    share_option(o, OPT_POWER, &p->power, e) ||
	    time_option(o, OPT_BUDGET, &p->budget_s, e) ||
	    time_option(o, OPT_PROCESS, &p->process_s, e))
		return -(int)e->code;
	if (p->power >= 1)
		return err_set(e, ERR_USAGE,
			       "--power must be below 1: no number of pairs is certain");
	if (p->effect <= p->theta)
		return err_set(e, ERR_USAGE,
			       "--effect %g %% is not above --theta %g %%: what is no larger than "
			       "the bound is caught half of the time at best", 100 * p->effect,
			       100 * p->theta);
	return 0;
}

/* ---- the plan ----------------------------------------------------------------------------------
 */

/* Seconds for a clean row; a suspicion takes as many pairs again. */
static double row_seconds(const struct plan_of *p, int i)
{
	return 2 * p->o[i].pairs * p->process_s;
}

static void simulate(struct plan_of *p)
{
	struct verdict_rule r = verdict_rule(p->theta, true);
	struct noise_model m = { .sigma = p->sigma };

	p->enough = p->affordable = -1;
	for (int i = 0; i < TRIED; i++) {
		struct outlook *o = &p->o[i];
		*o = verdict_outlook(&r, &m, pairs_tried[i], p->effect, TRIALS);
		if (p->enough < 0 && o->power >= p->power && o->clean_pass >= CLEAN_PASSES)
			p->enough = i;
		if (p->budget_s > 0 && p->process_s > 0 && row_seconds(p, i) <= p->budget_s)
			p->affordable = i;
		if (p->enough >= 0 && i > p->enough + 1 && i > p->affordable) {
			memset(o + 1, 0, (size_t)(TRIED - i - 1) * sizeof *o);
			break;
		}
	}
}

static void print_rows(const struct plan_of *p)
{
	struct table t;

	table_begin(&t, ">pairs|>with extension|>time|>caught|>seen with 95 %|>clean pass|note");
	for (int i = 0; i < TRIED && p->o[i].pairs > 0; i++) {
		table_add(&t, "%d", pairs_tried[i]);
		table_add(&t, "%.1f", p->o[i].pairs);
		table_add(&t, "%s", p->process_s > 0 ? text_left(row_seconds(p, i)).s : "?");
		table_add(&t, "%.1f %%", 100 * p->o[i].power);
		if (isfinite(p->o[i].mde95))
			table_add(&t, "%.1f %%", 100 * p->o[i].mde95);
		else
			table_add(&t, "never");
		table_add(&t, "%.1f %%", 100 * p->o[i].clean_pass);
		table_add(&t, "%s%s%s", i == p->enough ? "<- enough" : "",
			  i == p->enough && i == p->affordable ? ", " : "",
			  i == p->affordable ? "<- budget" : "");
	}
	table_print(&t, stdout, "");
	table_end(&t);
}

static void print_answer(const struct plan_of *p)
{
	if (p->enough < 0)
		printf("\nNot even %d pairs catch +%g %% with %g %%: calm the machine, lengthen "
		       "the "
		       "runs,\nor ask for a larger --effect.\n",
		       pairs_tried[TRIED - 1], 100 * p->effect, 100 * p->power);
	else if (p->process_s > 0)
		printf("\n%d pairs a row: %s, as long again to confirm a suspicion.\n",
		       pairs_tried[p->enough], text_left(row_seconds(p, p->enough)).s);
	else
		printf("\n%d pairs a row. How long that takes shows after a first run, or with "
		       "--process 10s.\n", pairs_tried[p->enough]);
	if (p->budget_s > 0 && p->process_s > 0 && p->affordable < 0)
		printf("The budget is too short for the %d pairs that are the least.\n",
		       VERDICT_MIN_PAIRS);
	else if (p->affordable >= 0 && p->affordable < p->enough)
		printf("The budget allows %d pairs, which see %.1f %% and more.\n",
		       pairs_tried[p->affordable], 100 * p->o[p->affordable].mde95);
}

static void print_json(const struct plan_of *p)
{
	json_t *rows = json_array();

	for (int i = 0; i < TRIED && p->o[i].pairs > 0; i++)
		json_array_append_new(rows,
			json_pack("{s:i,s:o,s:o,s:o,s:o,s:o}", "pairs", pairs_tried[i],
				  "mean_pairs", json_number(p->o[i].pairs), "seconds",
				  json_number(p->process_s > 0 ? row_seconds(p, i) : NAN), "power",
				  json_number(p->o[i].power), "mde95", json_number(p->o[i].mde95),
				  "clean_pass", json_number(p->o[i].clean_pass)));
	json_print(json_pack("{s:s,s:f,s:f,s:f,s:f,s:o,s:o}", "schema", "bench.plan/1",
			     "sigma_pair", p->sigma, "theta", p->theta, "effect", p->effect,
			     "power", p->power, "enough_pairs",
			     p->enough < 0 ? json_null() : json_integer(pairs_tried[p->enough]),
			     "plans", rows),
		   stdout);
}

int cmd_plan(const struct options *o, struct err *e)
{
	struct plan_of p = { .sigma = NAN, .theta = VERDICT_FLOOR, .effect = 0.05, .power = 0.95 };
	const char *workload = o->n_args ? o->arg[0] : NULL;

	if (read_options(&p, o, e))
		return -(int)e->code;
	if (workload && (!preset_find(workload, e) || ask(opt_text(o, OPT_DB), workload, &p, e)))
		return -(int)e->code;
	if (isnan(p.sigma))
		return err_set(e, ERR_USAGE,
			       "the noise of %s is not known: run `bench calibrate %s`, or give "
			       "the deviation of a pair, --sigma 1%%",
			       workload ? workload : "this workload",
			       workload ? workload : "WORKLOAD");
	simulate(&p);
	if (opt_flag(o, OPT_JSON)) {
		print_json(&p);
		return 0;
	}
	printf("%s%sbound %g %%, to be caught +%g %% with %g %%\n", workload ? workload : "",
	       workload ? ": " : "", 100 * p.theta, 100 * p.effect, 100 * p.power);
	printf("a pair deviates by %.2g %%%s%s%s\n\n", 100 * p.sigma,
	       *p.calibrated ? ", as of " : "", p.calibrated,
	       p.expired ? ": too old, calibrate again" : "");
	print_rows(&p);
	print_answer(&p);
	return 0;
}
