/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static char *detail_of(const struct compare *c, const struct compare_line *line)
{
	json_t *ratios = json_array(), *disturbed = json_array(), *j;
	char seed[24], *text;

	snprintf(seed, sizeof seed, "%llx", (unsigned long long)c->seed);
	for (int i = 0; i < line->pairs; i++) {
		json_array_append_new(ratios, json_real(line->log_ratio[i]));
		if (line->disturbed)
			json_array_append_new(disturbed, json_boolean(line->disturbed[i]));
	}
	j = json_pack("{s:o,s:o,s:i,s:s}", "log_ratio", ratios, "disturbed", disturbed,
		      "to_confirm", line->fresh, "seed", seed);
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	die_if(!text, "out of memory");
	return text;
}

static int put_line(const struct compare *c, const struct compare_row *row,
		    const struct compare_line *line, struct db *db)
{
	const struct verdict *v = &line->verdict;
	bool pairs = line->method == COMPARE_PAIRS;
	char *detail = detail_of(c, line);
	struct db_comparison x = {
		.session = c->session, .base_run = or_null(row->run[ARM_A]),
		.cand_run = or_null(row->run[ARM_B]), .row_name = row->name,
		.metric = line->metric, .stage = line->stage,
		.method = pairs ? "signed-rank" : "rank-sum", .n_pairs = line->pairs,
		.n_disturbed = row->disturbed, .ratio = v->ratio, .ci_lo = v->ci_lo,
		.ci_hi = v->ci_hi, .ci_conf = v->ci_conf, .p = v->p, .theta = v->theta,
		.mde95 = v->mde95, .verdict = verdict_names[pairs ? v->kind : VERDICT_INCONCLUSIVE],
		.confirmed = v->confirmed, .detail_json = detail,
		.reason = pairs ? or_null(v->reason) : "not measured as pairs" };
	int rc = db_put_comparison(db, &x);

	free(detail);
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
	char reason[256];
	struct db_comparison put = {
		.session = w->c->session, .base_run = or_null(w->row->run[ARM_A]),
		.cand_run = or_null(w->row->run[ARM_B]), .row_name = w->row->name, .metric = key,
		.stage = "total", .method = "exact", .ratio = count && x > 0 ? y / x : NAN,
		.ci_lo = NAN, .ci_hi = NAN, .ci_conf = NAN, .p = NAN, .theta = 0, .mde95 = 0,
		.verdict = !count ? "incomparable" : y > x ? "regress" : "improve",
		.confirmed = -1, .reason = reason };

	if (count)
		snprintf(reason, sizeof reason, "%.0f in A, %.0f in B", x, y);
	else
		snprintf(reason, sizeof reason, "computed something else: %.64s in A, %.64s in B",
			 json_string_value(a), json_string_value(b));
	if (!w->rc)
		w->rc = db_put_comparison(w->db, &put);
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
