/* SPDX-License-Identifier: MIT
 *
 * A case of a gate as a row of the database.
 */
#include <stdlib.h>
#include <string.h>

#include "gate_run.h"

/* The database knows no waivers and no parity among its verdicts: both are regressions there, with
 * a reason. */
static const char *verdict_word(const struct gate_case *c)
{
	bool red = c->outcome == OUTCOME_WAIVED || c->outcome == OUTCOME_PARITY;
	return outcome_names[red ? OUTCOME_REGRESS : c->outcome];
}

int gate_store(const struct gate_record *r, struct gate_case *c, const struct gate_timing *t)
{
	bool judged = t && !t->err.code;
	struct judge_detail detail = { .base = c->base,
				       .head = c->head,
				       .series = judged ? &t->judged : NULL,
				       .seed = judged ? r->seed : 0,
				       .traced = judged ? r->traced : NULL };
	struct judged none = { .verdict = verdict_none() };
	struct db_comparison row = judge_comparison(judged ? &t->judged : &none);
	char *text = judge_detail(&detail);
	int rc;

	row.session = r->session;
	row.row_name = c->row->name;
	if (c->exact) {
		row.metric = c->metric;
		row.stage = "total";
		row.method = "exact";
		row.ratio = c->head / c->base;
	} else {
		row.metric = t->judged.metric;
		row.stage = t->judged.stage;
	}
	if (t && *t->base_run && *t->head_run) {
		row.base_run = t->base_run;
		row.cand_run = t->head_run;
	}
	row.verdict = verdict_word(c);
	row.waived_by = c->outcome == OUTCOME_WAIVED ? c->waiver->name : NULL;
	row.reason = *c->reason ? c->reason : NULL;
	row.detail_json = text;
	rc = db_put_comparison(r->db, &row);
	memcpy(c->uuid, row.uuid, sizeof c->uuid);
	free(text);
	return rc;
}
