/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static int put_line(const struct compare *c, const struct compare_row *row,
		    const struct compare_line *line, struct db *db)
{
	const struct judged *s = &line->judged;
	bool pairs = line->method == COMPARE_PAIRS;
	struct judge_detail detail = { .base = s->median[ARM_A], .head = s->median[ARM_B],
				       .series = pairs ? s : NULL, .seed = c->seed };
	struct db_comparison x = judge_comparison(s);
	char *text = judge_detail(&detail);
	int rc;

	x.session = c->session;
	x.row_name = row->name;
	x.base_run = or_null(row->run[ARM_A]);
	x.cand_run = or_null(row->run[ARM_B]);
	x.detail_json = text;
	if (!pairs) {
		x.method = "rank-sum";
		x.verdict = verdict_names[VERDICT_INCONCLUSIVE];
		x.reason = "not measured as pairs";
	}
	rc = db_put_comparison(db, &x);
	free(text);
	return rc;
}

struct exact_writer {
	const struct compare *c;
	const struct compare_row *row;
	struct db *db;
	int rc;
};

/* More of a count is worse; another output is not comparable. */
static void put_difference(void *arg, const char *key, const json_t *a, const json_t *b)
{
	struct exact_writer *w = arg;
	double x = json_number_value(a), y = json_number_value(b);
	bool count = json_is_number(a) && json_is_number(b);
	struct judge_detail counts = { .base = count ? x : NAN, .head = count ? y : NAN };
	char reason[256], *detail = judge_detail(&counts);
	struct db_comparison put = {
		.session = w->c->session, .base_run = or_null(w->row->run[ARM_A]),
		.cand_run = or_null(w->row->run[ARM_B]), .row_name = w->row->name, .metric = key,
		.stage = "total", .method = "exact", .ratio = count && x > 0 ? y / x : NAN,
		.ci_lo = NAN, .ci_hi = NAN, .ci_conf = NAN, .p = NAN, .theta = 0, .mde95 = 0,
		.verdict = !count ? "incomparable" : y > x ? "regress" : "improve",
		.confirmed = -1, .reason = reason, .detail_json = detail };

	if (count)
		snprintf(reason, sizeof reason, "%.0f in A, %.0f in B", x, y);
	else
		snprintf(reason, sizeof reason, "computed something else: %.64s in A, %.64s in B",
			 json_string_value(a), json_string_value(b));
	if (!w->rc)
		w->rc = db_put_comparison(w->db, &put);
	free(detail);
}

int compare_record(const struct compare *c, struct db *db, struct err *e)
{
	int rc = 0;

	for (int i = 0; i < c->n_rows && !rc; i++) {
		struct exact_writer w = { c, &c->row[i], db, 0 };
		for (int k = 0; k < c->row[i].n_lines && !rc; k++)
			rc = put_line(c, &c->row[i], &c->row[i].line[k], db);
		compare_exact(&c->row[i], put_difference, &w);
		rc = rc ? rc : w.rc;
	}
	return rc ? err_set(e, ERR_DB, "the verdicts are not recorded: %s", db_error(db)) : 0;
}
