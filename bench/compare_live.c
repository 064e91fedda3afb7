/* SPDX-License-Identifier: MIT
 *
 * Measuring and judging (judge.h) of all series that the rows have.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "compare.h"

struct judged **compare_judged(struct compare *c, int *n)
{
	struct judged **all = malloc(((size_t)c->n_rows * PAIRS_SERIES + 1) * sizeof *all);

	die_if(!all, "out of memory");
	*n = 0;
	for (int i = 0; i < c->n_rows; i++)
		for (int k = 0; k < c->row[i].n_lines; k++)
			if (c->row[i].line[k].method == COMPARE_PAIRS)
				all[(*n)++] = &c->row[i].line[k].judged;
	return all;
}

void compare_name_machine(struct compare *c, const json_t *fingerprint)
{
	const json_t *hard = json_object_get(fingerprint, "hard");
	const char *cpu = json_string_value(json_object_get(hard, "cpu_model"));
	const char *isa = json_string_value(json_object_get(hard, "isa"));
	const char *kernel = json_string_value(json_object_get(hard, "kernel"));
	int threads = (int)json_integer_value(json_object_get(hard, "threads"));

	if (cpu && isa && kernel)
		snprintf(c->machine, sizeof c->machine, "%.80s, %d thread%s, %.16s, %.60s", cpu,
			 threads, threads == 1 ? "" : "s", isa, kernel);
}

static void take_row(struct compare *c, int i, const struct pairs *p)
{
	const struct pairs_result *from = &p->row[i];
	struct compare_row *row = &c->row[i];

	row->pairs = from->n;
	row->disturbed = pairs_disturbed(from);
	row->err = from->err;
	for (int k = 0; k < row->n_lines; k++)
		row->line[k].n[ARM_A] = row->line[k].n[ARM_B] = row->line[k].judged.n;
	compare_name_machine(c, from->fingerprint[ARM_A]);
	for (int arm = 0; arm < ARMS; arm++) {
		row->exact[arm] = json_incref(from->exact[arm]);
		row->exact_varies[arm] = from->exact_varies[arm];
		if (from->n && !p->keep_foreign[arm])
			memcpy(row->run[arm], from->process[arm][0].uuid, sizeof row->run[arm]);
	}
}

/* What a series is used to from build to build says nothing about settings. */
static void look_at_row(struct compare *c, int i, const struct pairs *p)
{
	struct compare_row *row = &c->row[i];

	for (int k = 0; k < p->row[i].n_series && p->row[i].n; k++) {
		const struct pairs_series *s = &p->row[i].series[k];
		struct judged *j = &row->line[row->n_lines].judged;
		if (strcmp(s->metric, "load_time") == 0)
			continue;
		*j = (struct judged){ .row = i, .rule = verdict_rule(VERDICT_FLOOR, true) };
		snprintf(j->metric, sizeof j->metric, "%s", s->metric);
		snprintf(j->stage, sizeof j->stage, "%s", s->stage);
		if (!c->varied)
			judge_history(j, p);
		judge_look(j, p);
		row->line[row->n_lines++].method = COMPARE_PAIRS;
	}
}

static int measure(struct compare *c, struct pairs *p, int pairs, struct err *e)
{
	struct judged **all;
	int n;

	pairs_measure(p, pairs, e);
	for (int i = 0; i < c->n_rows; i++)
		look_at_row(c, i, p);
	all = compare_judged(c, &n);
	judge_course(all, n, p, pairs, e);
	for (int i = 0; i < c->n_rows; i++)
		take_row(c, i, p);
	free(all);
	return -(int)e->code;
}

int compare_live(struct compare *c, const struct pairs_plan *plan, int pairs, struct err *e)
{
	double start_s = clock_s();
	struct pairs p;

	c->live = true;
	c->n_rows = plan->n_rows;
	c->row = calloc((size_t)c->n_rows + 1, sizeof *c->row);
	die_if(!c->row, "out of memory");
	for (int i = 0; i < c->n_rows; i++)
		snprintf(c->row[i].name, sizeof c->row[i].name, "%s", plan->row[i].name);
	if (!pairs_begin(&p, plan, e)) {
		measure(c, &p, pairs, e);
		c->seed = p.plan.seed;
		memcpy(c->session, p.session, sizeof c->session);
		c->out_of_time = p.out_of_time;
		c->seconds = clock_s() - start_s;
		if (p.db) {
			struct err mine = { 0 };
			if (compare_record(c, p.db, &mine))
				progress_say(plan->progress, "warning: %s", mine.msg);
		}
	}
	pairs_end(&p, e->code ? (int)e->code : (int)compare_exit(c));
	return -(int)e->code;
}

void compare_free(struct compare *c)
{
	for (int i = 0; c->row && i < c->n_rows; i++) {
		for (int k = 0; k < c->row[i].n_lines; k++)
			judge_free(&c->row[i].line[k].judged);
		json_decref(c->row[i].exact[ARM_A]);
		json_decref(c->row[i].exact[ARM_B]);
	}
	free(c->row);
	c->row = NULL;
}
