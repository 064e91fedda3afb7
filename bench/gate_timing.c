/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "gate_run.h"
#include "stats.h"

static double *append(double *to, int n, const struct pairs_series *s, int more)
{
	to = realloc(to, (size_t)(n + more) * sizeof *to);
	die_if(!to, "out of memory");
	for (int i = 0; i < more; i++)
		to[n + i] = pairs_log_ratio(s, i);
	return to;
}

/* Names the stages that there are, because the policy named another. */
static void no_such_series(struct gate_timing *t, const struct pairs_result *r)
{
	char list[512] = "";
	size_t used = 0;

	for (int i = 0; i < r->n_series && used < sizeof list; i++)
		used += (size_t)snprintf(list + used, sizeof list - used, "%s%s:%s", i ? ", " : "",
					 r->series[i].metric, r->series[i].stage);
	err_set(&t->err, ERR_INCOMPARABLE, "there is no %s:%s; known: %s", t->metric->metric,
		t->metric->stage, list);
}

static void take_failure(struct gate_timing *t, const struct pairs_result *r)
{
	t->err = r->err;
	t->base_failed = r->failed_arm == ARM_A;
}

void gate_timing_take(struct gate_timing *t, const struct pairs_result *r, bool fresh)
{
	const struct pairs_series *s = pairs_find(r, t->metric->metric, t->metric->stage);

	if (r->err.code) {
		take_failure(t, r);
		return;
	}
	if (!s || !r->n) {
		no_such_series(t, r);
		return;
	}
	if (fresh) {
		t->fresh = append(t->fresh, t->n_fresh, s, r->n);
		t->n_fresh += r->n;
		return;
	}
	t->log_ratio = append(t->log_ratio, t->n, s, r->n);
	t->disturbed = realloc(t->disturbed, (size_t)(t->n + r->n) * sizeof *t->disturbed);
	die_if(!t->disturbed, "out of memory");
	memcpy(t->disturbed + t->n, r->disturbed, (size_t)r->n * sizeof *t->disturbed);
	if (!t->n) {
		t->base = stats_median_of(s->value[ARM_A], r->n);
		t->head = stats_median_of(s->value[ARM_B], r->n);
		memcpy(t->base_run, r->process[ARM_A][0].uuid, sizeof t->base_run);
		memcpy(t->head_run, r->process[ARM_B][0].uuid, sizeof t->head_run);
	}
	t->n += r->n;
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
	char name[2 * POLICY_NAME];
	struct gate_case *c;

	snprintf(name, sizeof name, "%s%s%s", t->metric->metric,
		 strcmp(t->metric->stage, "total") ? ":" : "",
		 strcmp(t->metric->stage, "total") ? t->metric->stage : "");
	c = gate_add(g, t->row, name);
	c->unit = "s";
	if (t->err.code) {
		failed_case(c, t);
		return;
	}
	c->outcome = outcome_of(&t->verdict);
	c->base = t->base;
	c->head = t->head;
	c->ratio = t->verdict.ratio;
	c->ci_lo = t->verdict.ci_lo;
	c->ci_hi = t->verdict.ci_hi;
	c->theta = t->verdict.theta;
	c->mde = t->verdict.mde95;
	c->p = t->verdict.p_family;
	c->pairs = t->verdict.n;
	c->disturbed = t->verdict.disturbed;
	c->confirmed = t->verdict.confirmed == 1;
	c->advisory = g->policy->advisory && c->outcome == OUTCOME_REGRESS;
	if (c->outcome == OUTCOME_INCONCLUSIVE)
		snprintf(c->reason, sizeof c->reason, "%s", t->verdict.reason);
}

void gate_timing_free(struct gate_timing *t)
{
	free(t->log_ratio);
	free(t->fresh);
	free(t->disturbed);
}
