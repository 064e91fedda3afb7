/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "gate_run.h"

#define MDE_TRIALS 2000 /* of the simulation that says what would have been seen */

struct gate_timing gate_timing(const struct policy *p, const struct policy_row *row, int k,
			       int pairs_row)
{
	struct gate_timing t = { .row = row };
	struct verdict_rule *rule = &t.judged.rule;

	*rule = verdict_rule(policy_floor(p, row), true);
	rule->fwer = p->fwer;
	if (rule->fwer_noisy > p->fwer)
		rule->fwer_noisy = p->fwer;
	rule->trials = MDE_TRIALS;
	t.judged.row = pairs_row;
	strcpy(t.judged.metric, row->metric[k].metric);
	strcpy(t.judged.stage, row->metric[k].stage);
	return t;
}

/* Names the stages that there are, because the policy named another. */
static void no_such_series(struct gate_timing *t, const struct pairs_result *r)
{
	char list[512] = "";
	size_t used = 0;

	for (int i = 0; i < r->n_series && used < sizeof list; i++)
		used += (size_t)snprintf(list + used, sizeof list - used, "%s%s:%s", i ? ", " : "",
					 r->series[i].metric, r->series[i].stage);
	err_set(&t->err, ERR_INCOMPARABLE, "there is no %s:%s; known: %s", t->judged.metric,
		t->judged.stage, list);
}

static int take_failure(struct gate_timing *t, const struct pairs *p)
{
	const struct pairs_result *r = &p->row[t->judged.row];

	if (r->err.code && !t->err.code) {
		t->err = r->err;
		t->base_failed = r->failed_arm == ARM_A;
	}
	return -(int)t->err.code;
}

int gate_timing_look(struct gate_timing *t, const struct pairs *p)
{
	if (take_failure(t, p))
		return -(int)t->err.code;
	judge_history(&t->judged, p);
	if (!judge_look(&t->judged, p))
		no_such_series(t, &p->row[t->judged.row]);
	return -(int)t->err.code;
}

void gate_timing_end(struct gate_timing *t, const struct pairs *p)
{
	const struct pairs_result *r = &p->row[t->judged.row];

	if (take_failure(t, p))
		return;
	if (p->keep_foreign[ARM_A] || p->keep_foreign[ARM_B])
		return;
	memcpy(t->base_run, r->process[ARM_A][0].uuid, sizeof t->base_run);
	memcpy(t->head_run, r->process[ARM_B][0].uuid, sizeof t->head_run);
}

static enum outcome outcome_of(const struct verdict *v)
{
	switch (v->kind) {
	case VERDICT_PASS:
		return OUTCOME_PASS;
	case VERDICT_IMPROVE:
		return OUTCOME_IMPROVE;
	case VERDICT_REGRESS:
		return OUTCOME_REGRESS;
	default:
		return OUTCOME_INCONCLUSIVE;
	}
}

/* A base that does not run says nothing against the head. */
static void failed_case(struct gate_case *c, const struct gate_timing *t)
{
	bool missing = t->base_failed || t->err.code == ERR_INCOMPARABLE;

	c->outcome = missing ? OUTCOME_MISSING : OUTCOME_FAILED;
	snprintf(c->reason, sizeof c->reason, "%s%.900s", t->base_failed ? "the base fails: " : "",
		 t->err.msg);
}

void gate_timing_case(struct gate *g, const struct gate_timing *t)
{
	const struct judged *s = &t->judged;
	bool total = strcmp(s->stage, "total") == 0;
	char name[2 * POLICY_NAME];
	struct gate_case *c;

	snprintf(name, sizeof name, "%s%s%s", s->metric, total ? "" : ":", total ? "" : s->stage);
	c = gate_add(g, t->row, name);
	c->unit = "s";
	if (t->err.code) {
		failed_case(c, t);
		return;
	}
	c->outcome = outcome_of(&s->verdict);
	c->base = s->median[ARM_A];
	c->head = s->median[ARM_B];
	c->verdict = s->verdict;
	c->pairs = s->n;
	c->disturbed = judge_disturbed(s);
	c->advisory = g->policy->advisory && c->outcome == OUTCOME_REGRESS;
	if (c->outcome == OUTCOME_INCONCLUSIVE)
		snprintf(c->reason, sizeof c->reason, "%s", s->verdict.reason);
}

void gate_timing_free(struct gate_timing *t)
{
	judge_free(&t->judged);
}
