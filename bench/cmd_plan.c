/* SPDX-License-Identifier: MIT
 *
 * bench plan: how many pairs of processes, and how many minutes, a comparison needs before a wanted
 * slowdown is caught with a wanted power, and what fewer or more pairs would see. Nothing is
 * measured: the noise is that of the last calibration on this machine, or given.
 */
#include <math.h>

#include "effort.h"
#include "json.h"
#include "options.h"
#include "policy.h"
#include "table.h"
#include "units.h"
#include "workload.h"

#define TRIALS 1000

/* What the database knows; what is missing there may be given. */
static int ask(const char *path, const char *workload, struct effort *p, struct err *e)
{
	struct db *db;
	int rc = db_open(&db, path, DB_READONLY);

	if (!rc)
		rc = effort_ask(p, db, workload);
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

static int read_options(struct effort *p, const struct options *o, struct err *e)
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

static void print_rows(const struct effort *p)
{
	struct table t;

	table_begin(&t, ">pairs|>with extension|>time|>caught|>seen with 95 %|>clean pass|note");
	for (int i = 0; i < EFFORT_TRIED && p->o[i].pairs > 0; i++) {
		table_add(&t, "%d", effort_pairs[i]);
		table_add(&t, "%.1f", p->o[i].pairs);
		table_add(&t, "%s", p->process_s > 0 ? text_left(effort_seconds(p, i)).s : "?");
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

static void print_answer(const struct effort *p)
{
	if (p->enough < 0)
		printf("\nNot even %d pairs catch +%g %% with %g %%: calm the machine, lengthen "
		       "the "
		       "runs,\nor ask for a larger --effect.\n",
		       effort_pairs[EFFORT_TRIED - 1], 100 * p->effect, 100 * p->power);
	else if (p->process_s > 0)
		printf("\n%d pairs a row: %s, as long again to confirm a suspicion.\n",
		       effort_pairs[p->enough], text_left(effort_seconds(p, p->enough)).s);
	else
		printf("\n%d pairs a row. How long that takes shows after a first run, or with "
		       "--process 10s.\n", effort_pairs[p->enough]);
	if (p->budget_s > 0 && p->process_s > 0 && p->affordable < 0)
		printf("The budget is too short for the %d pairs that are the least.\n",
		       VERDICT_MIN_PAIRS);
	else if (p->affordable >= 0 && p->affordable < p->enough)
		printf("The budget allows %d pairs, which see %.1f %% and more.\n",
		       effort_pairs[p->affordable], 100 * p->o[p->affordable].mde95);
}

static void print_json(const struct effort *p)
{
	json_t *rows = json_array();

	for (int i = 0; i < EFFORT_TRIED && p->o[i].pairs > 0; i++)
		json_array_append_new(
			rows, json_pack("{s:i,s:o,s:o,s:o,s:o,s:o}", "pairs", effort_pairs[i],
					"mean_pairs", json_number(p->o[i].pairs), "seconds",
					json_number(p->process_s > 0 ? effort_seconds(p, i) : NAN),
					"power", json_number(p->o[i].power), "mde95",
					json_number(p->o[i].mde95), "clean_pass",
					json_number(p->o[i].clean_pass)));
	json_print(json_pack("{s:s,s:f,s:f,s:f,s:f,s:o,s:o}", "schema", "bench.plan/1",
			     "sigma_pair", p->sigma, "theta", p->theta, "effect", p->effect,
			     "power", p->power, "enough_pairs",
			     p->enough < 0 ? json_null() : json_integer(effort_pairs[p->enough]),
			     "plans", rows),
		   stdout);
}

int cmd_plan(const struct options *o, struct err *e)
{
	struct effort p = { .sigma = NAN, .theta = VERDICT_FLOOR, .effect = EFFORT_EFFECT,
			  .power = EFFORT_POWER };
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
	effort_simulate(&p, EFFORT_TRIED, 2, TRIALS);
	if (opt_flag(o, OPT_JSON)) {
		print_json(&p);
		return 0;
	}
	printf("%s%sbound %g %%, to be caught +%g %% with %g %%\n", workload ? workload : "",
	       workload ? ": " : "", 100 * p.theta, 100 * p.effect, 100 * p.power);
	printf("a pair deviates by %.2g %%%s%s%s\n\n", 100 * p.sigma,
	       *p.as_of ? ", as of " : "", p.as_of,
	       p.expired ? ": too old, calibrate again" : "");
	print_rows(&p);
	print_answer(&p);
	return 0;
}
