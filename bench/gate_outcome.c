/* SPDX-License-Identifier: MIT
 *
 * The cases of a gate: what each comes to, in a word, in a sentence, in an exit status.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"
#include "units.h"

const char *const outcome_names[OUTCOME_COUNT] = {
	[OUTCOME_PASS] = "pass",
	[OUTCOME_IMPROVE] = "improve",
	[OUTCOME_INCONCLUSIVE] = "inconclusive",
	[OUTCOME_WAIVED] = "waived",
	[OUTCOME_MISSING] = "missing",
	[OUTCOME_PARITY] = "parity",
	[OUTCOME_REGRESS] = "regress",
	[OUTCOME_FAILED] = "failed",
};

struct gate_case *gate_add(struct gate *g, const struct policy_row *row, const char *metric)
{
	struct gate_case *c;

	g->c = realloc(g->c, ((size_t)g->n + 1) * sizeof *g->c);
	die_if(!g->c, "out of memory");
	c = &g->c[g->n++];
	*c = (struct gate_case){ .row = row,
				 .unit = "1",
				 .base = NAN,
				 .head = NAN,
				 .verdict = verdict_none(),
				 .outcome = OUTCOME_MISSING };
	snprintf(c->metric, sizeof c->metric, "%s", metric);
	return c;
}

void gate_free(struct gate *g)
{
	free(g->c);
	g->c = NULL;
	g->n = 0;
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static int count(const struct gate *g, enum outcome outcome)
{
	int n = 0;

	for (int i = 0; i < g->n; i++)
		n += g->c[i].outcome == outcome && !g->c[i].advisory;
	return n;
}

static bool nothing_compared(const struct gate *g)
{
	return count(g, OUTCOME_MISSING) == g->n;
}

int gate_exit(const struct gate *g)
{
	if (count(g, OUTCOME_FAILED))
		return ERR_FAILED;
	if (count(g, OUTCOME_REGRESS))
		return ERR_REGRESSION;
	if (count(g, OUTCOME_PARITY))
		return ERR_PARITY;
	if (nothing_compared(g) || count(g, OUTCOME_MISSING))
		return ERR_INCOMPARABLE;
	if (count(g, OUTCOME_INCONCLUSIVE) && g->policy->inconclusive == INCONCLUSIVE_FAIL)
		return ERR_INCONCLUSIVE;
	return 0;
}

const char *gate_word(const struct gate *g)
{
	static const enum outcome worst_first[] = { OUTCOME_FAILED,  OUTCOME_REGRESS,
						    OUTCOME_PARITY,  OUTCOME_MISSING,
						    OUTCOME_INCONCLUSIVE };

	for (size_t i = 0; i < sizeof worst_first / sizeof *worst_first; i++)
		if (count(g, worst_first[i]))
			return outcome_names[worst_first[i]];
	return g->n ? "pass" : "missing";
}

bool gate_case_bad(const struct gate *g, const struct gate_case *c)
{
	if (c->advisory)
		return false;
	return c->outcome >= OUTCOME_MISSING || (c->outcome == OUTCOME_INCONCLUSIVE &&
						 g->policy->inconclusive == INCONCLUSIVE_FAIL);
}

int gate_bad(const struct gate *g)
{
	int n = 0;

	for (int i = 0; i < g->n; i++)
		n += gate_case_bad(g, &g->c[i]);
	return n;
}

void gate_verdict(const struct gate *g, FILE *to)
{
	fprintf(to, "BENCH-VERDICT %s rows=%d/%d exit=%d\n", gate_word(g), gate_bad(g), g->n,
		gate_exit(g));
}

/* ---- a case in words ---------------------------------------------------------------------------
 */

void gate_name(const struct gate_case *c, char *buf, size_t len)
{
	snprintf(buf, len, "%s %s", c->row->name, c->metric);
}

static void exact_sentence(const struct gate_case *c, char *buf, size_t len)
{
	if (!isfinite(c->base) || !isfinite(c->head))
		snprintf(buf, len, "not known on both sides");
	else if (c->base == c->head)
		snprintf(buf, len, "%s, unchanged", text_count((int64_t)c->head).s);
	else if (c->base == 0)
		snprintf(buf, len, "%s, was 0", text_count((int64_t)c->head).s);
	else
		snprintf(buf, len, "%s, was %s (%+.3f %%)", text_count((int64_t)c->head).s,
			 text_count((int64_t)c->base).s, 100 * (c->head / c->base - 1));
}

static void timing_sentence(const struct gate_case *c, char *buf, size_t len)
{
	const struct verdict *v = &c->verdict;
	int n;

	if (!isfinite(v->ratio)) {
		snprintf(buf, len, "no pair was measured");
		return;
	}
	n = snprintf(buf, len, "%+.2f %% [%+.2f, %+.2f], bound +%.2f %%", 100 * (v->ratio - 1),
		     100 * (v->ci_lo - 1), 100 * (v->ci_hi - 1), 100 * v->theta);
	if (isfinite(v->mde95) && n > 0 && (size_t)n < len)
		n += snprintf(buf + n, len - (size_t)n, "; +%.2f %% would have been seen",
			      100 * v->mde95);
	if (c->outcome == OUTCOME_REGRESS && v->confirmed == 1 && n > 0 && (size_t)n < len)
		snprintf(buf + n, len - (size_t)n, "; confirmed by fresh pairs");
}

void gate_sentence(const struct gate_case *c, char *buf, size_t len)
{
	size_t used;

	buf[0] = 0;
	if (!c->unit)
		snprintf(buf, len, "%s", c->outcome == OUTCOME_PASS ? "the same output" :
			 c->outcome == OUTCOME_MISSING ? "no output to compare" : "another output");
	else if (c->outcome != OUTCOME_FAILED && c->exact)
		exact_sentence(c, buf, len);
	else if (c->outcome != OUTCOME_FAILED)
		timing_sentence(c, buf, len);
	used = strlen(buf);
	if (*c->reason)
		snprintf(buf + used, len - used, "%s%s", used ? "; " : "", c->reason);
	used = strlen(buf);
	if (c->waiver)
		snprintf(buf + used, len - used, "; waiver '%s' (%s) %s %s", c->waiver->name,
			 c->waiver->reason,
			 c->outcome == OUTCOME_WAIVED ? "until" : "does not hold: expires",
			 c->waiver->expires);
}
