/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "judge.h"
#include "json.h"

double judge_p(const struct verdict *v)
{
	return isfinite(v->p_family) ? v->p_family : v->p;
}

int judge_disturbed(const struct judged *s)
{
	int n = 0;

	for (int i = 0; i < s->n && s->disturbed; i++)
		n += s->disturbed[i];
	return n;
}

void judge_add_json(json_t *to, const struct verdict *v)
{
	json_object_set_new(to, "ratio", json_number(v->ratio));
	json_object_set_new(to, "ci_lo", json_number(v->ci_lo));
	json_object_set_new(to, "ci_hi", json_number(v->ci_hi));
	json_object_set_new(to, "p", json_number(judge_p(v)));
	json_object_set_new(to, "theta", json_number(v->theta));
	json_object_set_new(to, "mde95", json_number(v->mde95));
}

void judge_add_pairs(json_t *to, const struct judged *s)
{
	json_t *logs = json_array(), *ratios = json_array(), *disturbed = json_array();

	for (int i = 0; i < s->n; i++) {
		json_array_append_new(logs, json_number(s->log_ratio[i]));
		json_array_append_new(ratios, json_number(exp(s->log_ratio[i])));
	}
	for (int i = 0; i < s->n && s->disturbed; i++)
		json_array_append_new(disturbed, json_boolean(s->disturbed[i]));
	json_object_set_new(to, "log_ratio", logs);
	json_object_set_new(to, "pair_ratio", ratios);
	json_object_set_new(to, "disturbed", disturbed);
	json_object_set_new(to, "looked", json_integer(s->looked));
	json_object_set_new(to, "extended", json_integer(s->extended));
	json_object_set_new(to, "to_confirm", json_integer(s->to_confirm));
}

char *judge_detail(const struct judge_detail *d)
{
	json_t *j = json_pack("{s:o,s:o}", "base", json_number(d->base), "head",
			      json_number(d->head));
	char seed[24], *text;

	if (d->series)
		judge_add_pairs(j, d->series);
	if (d->seed) {
		snprintf(seed, sizeof seed, "%llx", (unsigned long long)d->seed);
		json_object_set_new(j, "seed", json_string(seed));
	}
	if (d->traced && *d->traced)
		json_object_set_new(j, "traced_session", json_string(d->traced));
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	die_if(!text, "out of memory");
	return text;
}

struct db_comparison judge_comparison(const struct judged *s)
{
	const struct verdict *v = &s->verdict;

	return (struct db_comparison){
		.metric = s->metric, .stage = s->stage, .method = "signed-rank", .n_pairs = s->n,
		.n_disturbed = judge_disturbed(s), .ratio = v->ratio, .ci_lo = v->ci_lo,
		.ci_hi = v->ci_hi, .ci_conf = v->ci_conf, .p = judge_p(v), .theta = v->theta,
		.mde95 = v->mde95, .verdict = verdict_names[v->kind], .confirmed = v->confirmed,
		.reason = *v->reason ? v->reason : NULL };
}
