/* SPDX-License-Identifier: MIT
 *
 * A gate as JSON, schema bench.gate/1. Changes only add keys.
 */
#include "gate.h"
#include "json.h"
#include "judge.h"

static json_t *case_json(const struct gate *g, const struct gate_case *c)
{
	json_t *j = json_object();
	char sentence[2048];

	gate_sentence(c, sentence, sizeof sentence);
	json_object_set_new(j, "row", json_string(c->row->name));
	json_object_set_new(j, "workload", json_string(c->row->workload));
	json_object_set_new(j, "metric", json_string(c->metric));
	json_object_set_new(j, "unit", c->unit ? json_string(c->unit) : json_null());
	json_object_set_new(j, "kind", json_string(c->exact ? "exact" : "noisy"));
	json_object_set_new(j, "verdict", json_string(outcome_names[c->outcome]));
	json_object_set_new(j, "bad", json_boolean(gate_case_bad(g, c)));
	json_object_set_new(j, "advisory", json_boolean(c->advisory));
	json_object_set_new(j, "confirmed", json_boolean(c->verdict.confirmed == 1));
	json_object_set_new(j, "base", json_number(c->base));
	json_object_set_new(j, "head", json_number(c->head));
	judge_add_json(j, &c->verdict);
	json_object_set_new(j, "pairs", json_integer(c->pairs));
	json_object_set_new(j, "pairs_disturbed", json_integer(c->disturbed));
	json_object_set_new(j, "waiver", c->waiver ? json_string(c->waiver->name) : json_null());
	json_object_set_new(j, "comparison", *c->uuid ? json_string(c->uuid) : json_null());
	json_object_set_new(j, "sentence", json_string(sentence));
	return j;
}

void gate_json(const struct gate *g, FILE *to)
{
	json_t *cases = json_array();

	for (int i = 0; i < g->n; i++)
		json_array_append_new(cases, case_json(g, &g->c[i]));
	json_print(json_pack("{s:s,s:s,s:i,s:s,s:s,s:s,s:s,s:s,s:f,s:s,s:o}", "schema",
			     "bench.gate/1", "verdict", gate_word(g), "exit", gate_exit(g),
			     "policy", g->policy->path, "base", g->base, "head", g->head, "machine",
			     g->machine, "fingerprint", g->fingerprint, "seconds", g->seconds,
			     "note", g->note, "cases", cases), to);
}
