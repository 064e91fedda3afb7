/* SPDX-License-Identifier: MIT */
#include "trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "stats.h"
#include "steps.h"

#define MOST_STEPS 64
#define FOREVER    "9223372036854775807" /* ns */

/* One row per build of a series: the median of its runs' values is taken below. */
static const char series_sql[] =
	"SELECT v.workload, v.cfg_id || '/' || v.host_id AS series, v.build_id, v.value, v.unit, "
	"v.better, v.started_unix_ns, c.params_json, c.params_sha256, c.cpu_model, "
	"strftime('%Y-%m-%d %H:%M', v.started_unix_ns / 1000000000, 'unixepoch') AS at_utc, "
	"v.version || coalesce(' ' || substr(v.git_sha, 1, 10), '') || "
	"CASE v.git_dirty WHEN 1 THEN '+' ELSE '' END AS build "
	"FROM v_series v JOIN v_runs c USING (run_id) "
	"WHERE v.metric = ?1 AND v.stage = ?2 AND (?3 = '' OR v.workload = ?3) "
	"ORDER BY v.workload, v.cfg_id, v.host_id, min(v.started_unix_ns) OVER "
	"(PARTITION BY v.cfg_id, v.host_id, v.build_id), v.build_id, v.started_unix_ns";

/* The builds of one series, without those that a session only just measured, and what ran in turns
 * apart from what ran alone. A single short sample is a cold one, taken for its counts. */
static const char history_sql[] =
	"SELECT v.build_id, v.value FROM v_series v JOIN v_runs r ON r.uuid = ?1 AND "
	"r.cfg_id = v.cfg_id AND r.host_id = v.host_id JOIN run x ON x.run_id = v.run_id "
	"JOIN run y ON y.uuid = ?1 WHERE v.metric = ?2 AND v.stage = ?3 AND "
	"(json_extract(x.env_json, '$.turns') IS NULL) = "
	"(json_extract(y.env_json, '$.turns') IS NULL) AND (v.n > 1 OR x.wall_s > 10) AND "
	"v.run_id NOT IN (SELECT run_id FROM v_arms WHERE session_uuid = ?4) "
	"ORDER BY min(v.started_unix_ns) OVER (PARTITION BY v.build_id), v.build_id, "
	"v.started_unix_ns";

static const char ack_sql[] =
	"SELECT reason FROM v_ack WHERE workload = ?1 AND metric = ?2 AND stage = ?3 AND "
	"(params_sha256 IS NULL OR params_sha256 = ?4) AND "
	"at_unix_ns >= ?5 + 0 AND at_unix_ns < ?6 + 0 "
	"AND (expires_unix_ns IS NULL OR expires_unix_ns > ?7 + 0) "
	"ORDER BY at_unix_ns DESC LIMIT 1";

/* The values of a series: builds [i] begin at row start[i]. */
struct values {
	double *value;
	int *start;
	int n;
};

static bool same(const struct rows *r, int a, int b, const char *column)
{
	return strcmp(rows_text(r, a, column), rows_text(r, b, column)) == 0;
}

static struct values values_of(const struct rows *r, int from, int to)
{
	struct values v = { .value = new_array((size_t)(to - from) + 1, sizeof *v.value),
			    .start = new_array((size_t)(to - from) + 1, sizeof *v.start) };
	double *runs = new_array((size_t)(to - from) + 1, sizeof *runs);

	for (int i = from, end; i < to; i = end) {
		int n = 0;
		for (end = i; end < to && same(r, i, end, "build_id"); end++)
			runs[n++] = rows_number(r, end, "value");
		v.start[v.n] = i;
		v.value[v.n++] = stats_median(runs, n);
	}
	v.start[v.n] = to;
	free(runs);
	return v;
}

/* An acknowledgement counts from the last value before a step on, until the next level begins (at
 * build `end`), unless it has expired when the newest run starts. */
static int find_ack(struct trend *t, struct trend_step *s, const struct rows *r,
		    const struct values *v, int at, int end, struct db *db, struct report_error *e)
{
	const char *next = end < v->n ? rows_text(r, v->start[end], "started_unix_ns") : FOREVER;
	const char *args[] = { t->workload, t->metric, t->stage,
			       rows_text(r, v->start[at], "params_sha256"),
			       rows_text(r, v->start[at - 1], "started_unix_ns"), next,
			       rows_text(r, v->start[v->n] - 1, "started_unix_ns") };
	struct rows ack;

	if (!rows_query_with(&ack, db, ack_sql, args, 7, e) && ack.n)
		snprintf(s->reason, sizeof s->reason, "%s", rows_text(&ack, 0, "reason"));
	rows_end(&ack);
	return e->code;
}

static int find_steps(struct trend *t, const struct rows *r, const struct values *v, struct db *db,
		      struct report_error *e)
{
	struct step found[MOST_STEPS];
	int n = steps_of(v->value, v->n, found, MOST_STEPS);

	t->steps = new_array((size_t)n + 1, sizeof *t->steps);
	for (int i = 0; i < n && !e->code; i++) {
		struct trend_step *s = &t->steps[t->n_steps++];
		int row = v->start[found[i].at];
		snprintf(s->at_utc, sizeof s->at_utc, "%s", rows_text(r, row, "at_utc"));
		snprintf(s->after_build, sizeof s->after_build, "%s", rows_text(r, row, "build"));
		snprintf(s->before_build, sizeof s->before_build, "%s",
			 rows_text(r, v->start[found[i].at - 1], "build"));
		s->before = found[i].before;
		s->after = found[i].after;
		s->at_unix_ns = strtoll(rows_text(r, row, "started_unix_ns"), NULL, 10);
		find_ack(t, s, r, v, found[i].at, i + 1 < n ? found[i + 1].at : v->n, db, e);
	}
	return e->code;
}

static int take_series(struct trend *t, const struct rows *r, int from, int to, const char *metric,
		       const char *stage, struct db *db, struct report_error *e)
{
	struct values v = values_of(r, from, to);

	*t = (struct trend){ .n = v.n, .first = v.value[0], .last = v.value[v.n - 1],
			     .usual = v.n >= 4 ? stats_usual_change(v.value, v.n) : NAN,
			     .better = (int)rows_number(r, from, "better") };
	snprintf(t->workload, sizeof t->workload, "%s", rows_text(r, from, "workload"));
	snprintf(t->params, sizeof t->params, "%s", rows_text(r, from, "params_json"));
	snprintf(t->machine, sizeof t->machine, "%s", rows_text(r, from, "cpu_model"));
	snprintf(t->unit, sizeof t->unit, "%s", rows_text(r, from, "unit"));
	snprintf(t->metric, sizeof t->metric, "%s", metric);
	snprintf(t->stage, sizeof t->stage, "%s", stage);
	find_steps(t, r, &v, db, e);
	free(v.value);
	free(v.start);
	return e->code;
}

int trend_read(struct trend **t, int *n, struct db *db, const char *workload, const char *metric,
	       const char *stage, struct report_error *e)
{
	const char *args[] = { metric, stage, workload ? workload : "" };
	struct rows r;

	*t = NULL;
	*n = 0;
	if (!rows_query_with(&r, db, series_sql, args, 3, e))
		for (int from = 0, to; from < r.n && !e->code; from = to) {
			for (to = from + 1; to < r.n && same(&r, from, to, "series");)
				to++;
			*t = grow(*t, *n, sizeof **t);
			take_series(&(*t)[*n], &r, from, to, metric, stage, db, e);
			if ((*t)[*n].n < 2)
				trend_end(&(*t)[*n]);
			else
				++*n;
		}
	rows_end(&r);
	return e->code;
}

void trend_end(struct trend *t)
{
	free(t->steps);
	t->steps = NULL;
}

double trend_usual(struct db *db, const char *uuid, const char *metric, const char *stage,
		   const char *without, struct report_error *e)
{
	const char *args[] = { uuid, metric, stage, without };
	double usual = 0;
	struct rows r;

	if (!rows_query_with(&r, db, history_sql, args, 4, e)) {
		struct values v = values_of(&r, 0, r.n);
		if (v.n >= TREND_HISTORY)
			usual = stats_usual_change(v.value, v.n);
		free(v.value);
		free(v.start);
	}
	rows_end(&r);
	return usual;
}
