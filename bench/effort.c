/* SPDX-License-Identifier: MIT */
#include "effort.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "err.h"
#include "machine.h"
#include "units.h"

#define TRIALS       300 /* to choose by; 1.3 % is the error of a share of 95 % then */
#define CLEAN_PASSES 0.95 /* of the clean rows, so that hardly any is inconclusive */
#define LEAST        1    /* index of the fewest pairs that are chosen where time allows: 10, */
#define MOST         7    /* and of the most: 40 */

const int effort_pairs[EFFORT_TRIED] = { 8, 10, 12, 16, 20, 24, 32, 40, 60, 80 };

/* ---- what is known -----------------------------------------------------------------------------
 */

static int take_noise(void *arg, const struct db_noise *n)
{
	struct effort *p = arg;
	time_t at = (time_t)(n->at_unix_ns / 1000000000);
	struct tm utc;

	if (strcmp(n->metric, "latency") != 0 || strcmp(n->stage, "total") != 0 ||
	    !(n->sigma_pair > 0))
		return 0;
	p->sigma = n->sigma_pair;
	strftime(p->as_of, sizeof p->as_of, "%Y-%m-%d %H:%M UTC", gmtime_r(&at, &utc));
	p->expired = n->expires_unix_ns && n->expires_unix_ns < db_now_unix_ns();
	return 1;
}

/* What was slowed down on purpose, or computed nothing, says nothing. */
static const char seconds_sql[] =
	"SELECT avg(wall_s) FROM (SELECT wall_s FROM v_runs WHERE workload = ?1 AND status = 'ok' "
	"AND params_json NOT LIKE '%\"inject\"%' AND json_extract(params_json, '$.backend') IS NOT "
	"'null' ORDER BY run_id DESC LIMIT 20)";

static int take_seconds(void *arg, int n, const char *const *names, const struct db_value *v)
{
	struct effort *p = arg;

	(void)names;
	if (v && n > 0 && v[0].d > 0)
		p->process_s = v[0].d;
	return 0;
}

int effort_ask(struct effort *p, struct db *db, const char *workload)
{
	struct machine m;
	struct db_host host;
	int rc = 0;

	machine_read(&m);
	host = machine_host(&m);
	if (isnan(p->sigma))
		rc = db_get_noise(db, &host, workload, NULL, take_noise, p);
	if (!rc && !(p->process_s > 0))
		rc = db_query(db, seconds_sql, &workload, 1, take_seconds, p);
	return rc;
}

/* ---- what the rule makes of it -----------------------------------------------------------------
 */

double effort_seconds(const struct effort *p, int i)
{
	double pairs = p->o[i].pairs > 0 ? p->o[i].pairs : effort_pairs[i];

	return 2 * pairs * p->process_s;
}

void effort_simulate(struct effort *p, int tried, int beyond, int trials)
{
	struct verdict_rule r = verdict_rule(p->theta, true);
	struct noise_model m = { .sigma = p->sigma };

	p->enough = p->affordable = -1;
	for (int i = 0; i < tried; i++) {
		struct outlook *o = &p->o[i];
		if (p->enough >= 0 && i > p->enough + beyond && i > p->affordable + 1)
			break;
		*o = verdict_outlook(&r, &m, effort_pairs[i], p->effect, trials);
		if (p->enough < 0 && o->power >= p->power && o->clean_pass >= CLEAN_PASSES)
			p->enough = i;
		if (p->budget_s > 0 && p->process_s > 0 && effort_seconds(p, i) <= p->budget_s)
			p->affordable = i;
	}
}

/* ---- how many, where nobody says ---------------------------------------------------------------
 */

static struct effort effort_for(const struct effort_row *row, struct db *db)
{
	struct effort p = { .theta = row->floor, .effect = fmax(EFFORT_EFFECT, 2 * row->floor),
			    .power = EFFORT_POWER, .sigma = NAN, .enough = LEAST };

	if (db && effort_ask(&p, db, row->workload))
		p.sigma = NAN;
	if (p.sigma > 0)
		effort_simulate(&p, MOST + 1, 0, TRIALS);
	return p;
}

/* Index of what a row needs. */
static int need(const struct effort *p)
{
	return p->enough < 0 ? MOST : p->enough > LEAST ? p->enough : LEAST;
}

static double seconds_of_all(const struct effort *p, int n, int i)
{
	double s = 0;

	for (int k = 0; k < n; k++)
		s += effort_seconds(&p[k], i);
	return s;
}

static void say_noise(char *to, size_t len, const struct effort *p, const char *workload)
{
	int n;

	if (isnan(p->sigma)) {
		snprintf(to, len, "the noise of %s is not known, `bench calibrate %s` measures it",
			 workload, workload);
		return;
	}
	n = snprintf(to, len, "the noise of %s is %.2g %% as of %s%s", workload, 100 * p->sigma,
		     p->as_of, p->expired ? " (too old, calibrate again)" : "");
	if (p->enough < 0 && n > 0 && (size_t)n < len)
		snprintf(to + n, len - (size_t)n, ": not even %d pairs catch +%g %% with %g %%",
			 effort_pairs[MOST], 100 * p->effect, 100 * p->power);
}

/* The row that needs most decides; where that is the least anyway, one whose noise is not known. */
static int decisive(const struct effort *p, int n)
{
	int row = 0;

	for (int k = 1; k < n; k++)
		if (need(&p[k]) > need(&p[row]) ||
		    (need(&p[k]) == need(&p[row]) && isnan(p[k].sigma) && !isnan(p[row].sigma)))
			row = k;
	return row;
}

static struct effort_choice choose(const struct effort *p, const struct effort_row *row, int n,
				   double budget_s)
{
	int most = decisive(p, n), wanted = need(&p[most]), i = wanted;
	struct effort_choice c;
	char noise[384], cut[96] = "";

	while (i > 0 && budget_s > 0 && seconds_of_all(p, n, i) > budget_s)
		i--;
	say_noise(noise, sizeof noise, &p[most], row[most].workload);
	if (i < wanted && seconds_of_all(p, n, i) > budget_s)
		snprintf(cut, sizeof cut, ", the least that decide, and too many for the budget");
	else if (i < wanted)
		snprintf(cut, sizeof cut, ", all that the budget allows of %d",
			 effort_pairs[wanted]);
	c.pairs = effort_pairs[i];
	snprintf(c.why, sizeof c.why, "%d pairs a row%s: %s", c.pairs, cut, noise);
	return c;
}

struct effort_choice effort_choose(const char *path, const struct effort_row *row, int n,
				   double budget_s)
{
	struct effort *p = calloc((size_t)n + 1, sizeof *p);
	struct effort_choice c;
	struct db *db = NULL;

	die_if(!p, "out of memory");
	if (path && db_open(&db, path, DB_READONLY)) {
		db_close(db);
		db = NULL;
	}
	for (int i = 0; i < n; i++) {
		int same = 0;
		while (same < i && (strcmp(row[same].workload, row[i].workload) != 0 ||
				    row[same].floor != row[i].floor))
			same++;
		p[i] = same < i ? p[same] : effort_for(&row[i], db);
	}
	db_close(db);
	c = choose(p, row, n, budget_s);
	free(p);
	return c;
}
