/* SPDX-License-Identifier: MIT */
#include "explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "stats.h"

static const char columns[] =
	"SELECT comparison_id, uuid, at_utc, purpose, row_name, method, "
	"coalesce(workload, '') AS workload, metric, stage, verdict, coalesce(reason, '') AS "
	"reason, "
	"coalesce(waived_by, '') AS waived, ratio, ci_lo, ci_hi, theta, mde95, n_pairs, "
	"n_disturbed, at_unix_ns, session_uuid, base_run_id, cand_run_id, "
	"json_extract(detail_json, '$.traced_session') AS traced, "
	"(SELECT params_sha256 FROM v_runs WHERE run_id = cand_run_id) AS params, "
	"coalesce(base_version || ' ' || substr(coalesce(base_git_sha, ''), 1, 10), '') AS base, "
	"coalesce(cand_version || ' ' || substr(coalesce(cand_git_sha, ''), 1, 10), '') AS head "
	"FROM v_ab ";

static void copy(char *to, size_t len, const struct rows *r, const char *column)
{
	snprintf(to, len, "%s", rows_text(r, 0, column));
}

static long long whole(const struct rows *r, const char *column)
{
	return strtoll(rows_text(r, 0, column), NULL, 10);
}

static void take_comparison(struct explained *x, const struct rows *r)
{
	x->id = whole(r, "comparison_id");
	copy(x->uuid, sizeof x->uuid, r, "uuid");
	copy(x->at_utc, sizeof x->at_utc, r, "at_utc");
	copy(x->purpose, sizeof x->purpose, r, "purpose");
	copy(x->row, sizeof x->row, r, "row_name");
	copy(x->workload, sizeof x->workload, r, "workload");
	copy(x->metric, sizeof x->metric, r, "metric");
	copy(x->stage, sizeof x->stage, r, "stage");
	copy(x->verdict, sizeof x->verdict, r, "verdict");
	copy(x->reason, sizeof x->reason, r, "reason");
	copy(x->waived_by, sizeof x->waived_by, r, "waived");
	copy(x->base, sizeof x->base, r, "base");
	copy(x->head, sizeof x->head, r, "head");
	copy(x->params_sha256, sizeof x->params_sha256, r, "params");
	x->ratio = rows_number(r, 0, "ratio");
	x->ci_lo = rows_number(r, 0, "ci_lo");
	x->ci_hi = rows_number(r, 0, "ci_hi");
	x->theta = rows_number(r, 0, "theta");
	x->mde95 = rows_number(r, 0, "mde95");
	x->pairs = (int)whole(r, "n_pairs");
	x->disturbed = (int)whole(r, "n_disturbed");
	x->at_unix_ns = whole(r, "at_unix_ns");
}

static int find(struct rows *r, struct db *db, const char *which, struct report_error *e)
{
	static const char by_id[] = "WHERE comparison_id = ?1";
	static const char by_uuid[] = "WHERE uuid LIKE ?1 || '%'";
	static const char newest[] = "ORDER BY verdict IN ('regress', 'failed') DESC, "
				     "at_unix_ns DESC, comparison_id DESC LIMIT 1";
	const char *args[] = { which };
	bool number = which && strspn(which, "0123456789") == strlen(which) && strlen(which) < 8;
	char sql[2048];

	snprintf(sql, sizeof sql, "%s%s", columns, !which ? newest : number ? by_id : by_uuid);
	if (rows_query_with(r, db, sql, args, which != NULL, e))
		return e->code;
	if (r->n == 1)
		return 0;
	if (r->n)
		return fail(e, REPORT_USAGE,
			    "'%s' begins the identity of %d comparisons; give more "
			    "of it",
			    which, r->n);
	if (which)
		return fail(e, REPORT_EMPTY,
			    "there is no comparison '%s'; `bench db query \"SELECT "
			    "comparison_id, row_name, metric, verdict FROM v_ab\"` lists them",
			    which);
	return fail(e, REPORT_EMPTY,
		    "the database holds no comparison; `bench gate` and "
		    "`bench compare` make them");
}

/* ---- stages ------------------------------------------------------------------------------------
 */

/* Median of a column over rows [from, to). */
static double median_of(const struct rows *r, int from, int to, const char *column)
{
	double *v = new_array((size_t)(to - from), sizeof *v), median;

	for (int i = from; i < to; i++)
		v[i - from] = rows_number(r, i, column);
	median = stats_median(v, to - from);
	free(v);
	return median;
}

static bool same_series(const struct rows *r, int a, int b)
{
	return strcmp(rows_text(r, a, "metric"), rows_text(r, b, "metric")) == 0 &&
	       strcmp(rows_text(r, a, "stage"), rows_text(r, b, "stage")) == 0;
}

static int read_stages(struct explained *x, struct db *db, const char *session,
		       struct report_error *e)
{
	static const char sql[] =
		"SELECT metric, stage, base, cand FROM v_pairs WHERE session_uuid = ?1 AND "
		"row_name = ?2 AND metric IN ('latency', 'step_latency', 'load_time') "
		"ORDER BY metric, stage, block";
	const char *args[] = { session, x->row };
	struct rows r;

	if (!rows_query_with(&r, db, sql, args, 2, e))
		for (int from = 0, to; from < r.n; from = to) {
			struct explained_stage *s;
			for (to = from + 1; to < r.n && same_series(&r, from, to);)
				to++;
			x->stages = grow(x->stages, x->n_stages, sizeof *x->stages);
			s = &x->stages[x->n_stages++];
			snprintf(s->metric, sizeof s->metric, "%s", rows_text(&r, from, "metric"));
			snprintf(s->stage, sizeof s->stage, "%s", rows_text(&r, from, "stage"));
			s->base_s = median_of(&r, from, to, "base");
			s->head_s = median_of(&r, from, to, "cand");
			s->pairs = to - from;
		}
	rows_end(&r);
	return e->code;
}

/* ---- ops ---------------------------------------------------------------------------------------
 */

static int by_change(const void *a, const void *b)
{
	const struct explained_op *x = a, *y = b;
	double dx = fabs(x->head_s - x->base_s), dy = fabs(y->head_s - y->base_s);

	if (!isfinite(dx) || !isfinite(dy)) {
		dx = fabs(x->head_macs - x->base_macs);
		dy = fabs(y->head_macs - y->base_macs);
	}
	return (dx < dy) - (dx > dy);
}

/* Times where a traced session is known, counts from the first pair otherwise. */
static int read_ops(struct explained *x, struct db *db, const char *session, const char *traced,
		    struct report_error *e)
{
	static const char sql[] =
		"SELECT o.stage, o.op, sum(CASE a.arm WHEN 'A' THEN o.time_s END) AS base_s, "
		"sum(CASE a.arm WHEN 'B' THEN o.time_s END) AS head_s, "
		"sum(CASE a.arm WHEN 'A' THEN o.core_macs ELSE 0 END) AS base_macs, "
		"sum(CASE a.arm WHEN 'B' THEN o.core_macs ELSE 0 END) AS head_macs "
		"FROM v_arms a JOIN v_ops o USING (run_id) WHERE a.session_uuid = ?1 AND "
		"a.row_name = ?2 AND a.block = 0 AND a.arm IN ('A', 'B') GROUP BY 1, 2";
	char row[160];
	const char *args[] = { *traced ? traced : session, row };
	struct rows r;

	snprintf(row, sizeof row, "%s%s", x->row, *traced ? " traced" : "");
	x->traced = *traced != 0;
	if (!rows_query_with(&r, db, sql, args, 2, e))
		for (int i = 0; i < r.n; i++) {
			struct explained_op *o;
			x->ops = grow(x->ops, x->n_ops, sizeof *x->ops);
			o = &x->ops[x->n_ops++];
			snprintf(o->stage, sizeof o->stage, "%s", rows_text(&r, i, "stage"));
			snprintf(o->op, sizeof o->op, "%s", rows_text(&r, i, "op"));
			o->base_s = rows_number(&r, i, "base_s");
			o->head_s = rows_number(&r, i, "head_s");
			o->base_macs = rows_number(&r, i, "base_macs");
			o->head_macs = rows_number(&r, i, "head_macs");
		}
	if (x->n_ops)
		qsort(x->ops, (size_t)x->n_ops, sizeof *x->ops, by_change);
	rows_end(&r);
	return e->code;
}

int explain_read(struct explained *x, struct db *db, const char *which, struct report_error *e)
{
	struct rows r;

	*x = (struct explained){ 0 };
	if (!find(&r, db, which, e)) {
		const char *session = rows_text(&r, 0, "session_uuid");
		bool exact = strcmp(rows_text(&r, 0, "method"), "exact") == 0;
		take_comparison(x, &r);
		/* beside exact counts a single process ran, maybe without computing */
		if (exact || !read_stages(x, db, session, e))
			read_ops(x, db, session, rows_text(&r, 0, "traced"), e);
		if (!e->code && x->traced && !x->n_ops) /* the traced session is of other rows */
			read_ops(x, db, session, "", e);
	}
	rows_end(&r);
	return e->code;
}

void explain_end(struct explained *x)
{
	free(x->stages);
	free(x->ops);
	x->stages = NULL;
	x->ops = NULL;
}
