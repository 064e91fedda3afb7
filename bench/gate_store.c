/* SPDX-License-Identifier: MIT
 *
 * A case of a gate as a row of the database.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "gate_run.h"
#include "json.h"

static json_t *numbers(const double *v, int n)
{
	json_t *a = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(a, json_number(v[i]));
	return a;
}

static char *detail_of(const struct gate_case *c, const struct gate_timing *t, const char *traced)
{
	json_t *j = json_pack("{s:o,s:o}", "base", json_number(c->base), "head",
			      json_number(c->head));
	char *text;

	if (t) {
		json_object_set_new(j, "log_ratio", numbers(t->log_ratio, t->n));
		json_object_set_new(j, "confirm_log_ratio", numbers(t->fresh, t->n_fresh));
	}
	if (*traced)
		json_object_set_new(j, "traced_session", json_string(traced));
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	die_if(!text, "out of memory");
	return text;
}

/* The database knows no waivers and no parity among its verdicts: both are regressions there, with
 * a reason. */
static const char *verdict_word(const struct gate_case *c)
{
	bool red = c->outcome == OUTCOME_WAIVED || c->outcome == OUTCOME_PARITY;
	return outcome_names[red ? OUTCOME_REGRESS : c->outcome];
}

int gate_store(struct db *db, struct gate_case *c, const struct gate_timing *t,
	       const char *session, const char *traced)
{
	char *detail = detail_of(c, t, traced), metric[2 * POLICY_NAME], *stage;
	struct db_comparison row = {
		.session = session, .row_name = c->row->name, .metric = metric,
		.method = c->exact ? "exact" : "signed-rank", .n_pairs = c->pairs,
		.n_disturbed = c->disturbed, .ratio = c->exact ? c->head / c->base : c->ratio,
		.ci_lo = c->ci_lo, .ci_hi = c->ci_hi,
		.ci_conf = t && !t->err.code ? t->verdict.ci_conf : 0, .p = c->p, .theta = c->theta,
		.mde95 = c->mde, .verdict = verdict_word(c),
		.confirmed = t ? t->verdict.confirmed : -1,
		.waived_by = c->outcome == OUTCOME_WAIVED ? c->waiver->name : NULL,
		.reason = *c->reason ? c->reason : NULL, .detail_json = detail,
	};
	int rc;

	strcpy(metric, c->metric);
	stage = strchr(metric, ':');
	if (stage)
		*stage++ = 0;
	row.stage = stage ? stage : "total";
	if (t && *t->base_run && *t->head_run) {
		row.base_run = t->base_run;
		row.cand_run = t->head_run;
	}
	rc = db_put_comparison(db, &row);
	memcpy(c->uuid, row.uuid, sizeof c->uuid);
	free(detail);
	return rc;
}
