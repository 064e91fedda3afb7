/* SPDX-License-Identifier: MIT
 *
 * Metrics at zero tolerance: one process knows them, and noise does not touch them. More is red,
 * less is said, another output is another program.
 */
#include <math.h>
#include <string.h>

#include "gate_run.h"

static const struct source {
	const char *unit;   /* NULL: a hash */
	const char *key[2]; /* in "exact" of bench.result/1; their sum */
} sources[EXACT_COUNT] = {
	[EXACT_MACS] = { "MAC", { "core_macs" } },
	[EXACT_BYTES] = { "B", { "bytes_read", "bytes_written" } },
	[EXACT_PARAMETERS] = { "1", { "parameters" } },
	[EXACT_OPS] = { "1", { "calls" } },
	[EXACT_MEMORY] = { "B", { "weight_bytes", "activation_bytes" } },
	[EXACT_ALLOCATIONS] = { "1", { "allocations" } },
	[EXACT_HASH] = { NULL, { "output_sha256" } },
};

static double number_of(const json_t *exact, const struct source *s)
{
	double sum = 0;

	for (int i = 0; i < 2 && s->key[i]; i++) {
		const json_t *v = json_object_get(exact, s->key[i]);
		if (!json_is_number(v))
			return NAN;
		sum += json_number_value(v);
	}
	return sum;
}

static void judge_count(struct gate_case *c)
{
	if (!isfinite(c->head) || !isfinite(c->base)) {
		snprintf(c->reason, sizeof c->reason, "%s does not report it",
			 isfinite(c->head) ? "the base" : "the head");
		return;
	}
	c->outcome = c->head == c->base ? OUTCOME_PASS :
		     c->head > c->base	? OUTCOME_REGRESS : OUTCOME_IMPROVE;
	if (c->outcome == OUTCOME_IMPROVE)
		snprintf(c->reason, sizeof c->reason, "less work: is all of it still done?");
}

static void judge_hash(struct gate_case *c, const struct pairs_result *r)
{
	const char *hash[ARMS];

	for (int arm = 0; arm < ARMS; arm++)
		hash[arm] = json_string_value(json_object_get(r->exact[arm], "output_sha256"));
	if (!hash[ARM_A] || !hash[ARM_B])
		return;
	c->outcome = strcmp(hash[ARM_A], hash[ARM_B]) == 0 ? OUTCOME_PASS : OUTCOME_PARITY;
	snprintf(c->reason, sizeof c->reason, "%.12s, was %.12s", hash[ARM_B], hash[ARM_A]);
	if (c->outcome == OUTCOME_PASS)
		c->reason[0] = 0;
	for (int arm = 0; arm < ARMS; arm++)
		if (r->exact_varies[arm]) {
			c->outcome = OUTCOME_PARITY;
			snprintf(c->reason, sizeof c->reason,
				 "the output of the %s differs from process to process",
				 arm == ARM_A ? "base" : "head");
		}
}

static void add_case(struct gate *g, const struct policy_row *row, int metric,
		     const struct pairs_result *r)
{
	const struct source *s = &sources[metric];
	struct gate_case *c = gate_add(g, row, exact_names[metric]);

	c->exact = true;
	c->unit = s->unit;
	c->base = s->unit ? number_of(r->exact[ARM_A], s) : NAN;
	c->head = s->unit ? number_of(r->exact[ARM_B], s) : NAN;
	if (s->unit)
		judge_count(c);
	else
		judge_hash(c, r);
}

void gate_exact(struct gate *g, const struct policy_row *row, const struct pairs_result *r)
{
	for (int i = 0; i < EXACT_COUNT; i++)
		if (row->exact & 1u << i)
			add_case(g, row, i, r);
}
