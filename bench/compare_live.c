/* SPDX-License-Identifier: MIT
 *
 * Measuring and judging: one look at the planned pairs, then as many fresh ones for the rows of
 * which something seems slower or faster, then all of it as one family.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "compare.h"
#include "stats.h"

/* ---- looks -------------------------------------------------------------------------------------
 */

static void take_values(struct compare_line *line, const struct pairs_result *from,
			const struct pairs_series *s)
{
	size_t n = (size_t)from->n + 1;

	line->log_ratio = realloc(line->log_ratio, n * sizeof *line->log_ratio);
	line->disturbed = realloc(line->disturbed, n * sizeof *line->disturbed);
	die_if(!line->log_ratio || !line->disturbed, "out of memory");
	for (int i = 0; i < from->n; i++) {
		line->log_ratio[i] = pairs_log_ratio(s, i);
		line->disturbed[i] = from->disturbed[i];
	}
	line->pairs = from->n;
	for (int arm = 0; arm < ARMS; arm++) {
		line->n[arm] = from->n;
		line->median[arm] = stats_median_of(s->value[arm], from->n);
	}
}

static void look_at_row(struct compare *c, int i, const struct pairs_result *from)
{
	struct compare_row *row = &c->row[i];

	for (int k = 0; k < from->n_series; k++) {
		const struct pairs_series *s = &from->series[k];
		struct compare_line *line = &row->line[row->n_lines];
		if (strcmp(s->metric, "load_time") == 0 || !from->n)
			continue;
		memcpy(line->metric, s->metric, sizeof line->metric);
		memcpy(line->stage, s->stage, sizeof line->stage);
		line->method = COMPARE_PAIRS;
		take_values(line, from, s);
		line->verdict = verdict_look(&c->rule, line->log_ratio, line->disturbed,
					     line->pairs);
		row->n_lines++;
	}
}

/* Rows of which nothing seems slower or faster rest from now on. Returns how many do not. */
static int rows_to_confirm(const struct compare *c, struct pairs *p)
{
	int n = 0;

	for (int i = 0; i < c->n_rows; i++) {
		p->row[i].rests = true;
		for (int k = 0; k < c->row[i].n_lines; k++)
			if (verdict_wants_fresh(&c->row[i].line[k].verdict))
				p->row[i].rests = false;
		n += !p->row[i].rests && !p->row[i].err.code;
	}
	return n;
}

/* The fresh pairs are those from `looked` on. */
static void confirm_line(struct compare *c, struct compare_line *line,
			 const struct pairs_result *from, int looked)
{
	const struct pairs_series *s = pairs_find(from, line->metric, line->stage);

	if (!verdict_wants_fresh(&line->verdict) || !s)
		return;
	if (from->n == looked)
		return; /* no time was left for it */
	take_values(line, from, s);
	line->fresh = from->n - looked;
	verdict_confirm(&c->rule, &line->verdict, line->log_ratio + looked,
			line->disturbed + looked, line->fresh);
}

/* Copies the verdicts of all lines out (or back in), in order; returns how many. */
static int each_verdict(struct compare *c, struct verdict *v, bool back)
{
	int n = 0;

	for (int i = 0; i < c->n_rows; i++)
		for (int k = 0; k < c->row[i].n_lines; k++, n++) {
			if (back)
				c->row[i].line[k].verdict = v[n];
			else
				v[n] = c->row[i].line[k].verdict;
		}
	return n;
}

void compare_family(struct compare *c)
{
	struct verdict *v = malloc(((size_t)c->n_rows * PAIRS_SERIES + 1) * sizeof *v);
	int n;

	die_if(!v, "out of memory");
	n = each_verdict(c, v, false);
	if (n)
		verdict_family(&c->rule, v, n);
	each_verdict(c, v, true);
	free(v);
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

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
	compare_name_machine(c, from->fingerprint[ARM_A]);
	for (int arm = 0; arm < ARMS; arm++) {
		row->exact[arm] = json_incref(from->exact[arm]);
		row->exact_varies[arm] = from->exact_varies[arm];
		if (from->n && !p->keep_foreign[arm])
			memcpy(row->run[arm], from->process[arm][0].uuid, sizeof row->run[arm]);
	}
}

static int measure(struct compare *c, struct pairs *p, int pairs, struct err *e)
{
	int *looked = calloc((size_t)c->n_rows + 1, sizeof *looked), suspects;

	die_if(!looked, "out of memory");
	pairs_measure(p, pairs, e);
	for (int i = 0; i < c->n_rows; i++) {
		looked[i] = p->row[i].n;
		look_at_row(c, i, &p->row[i]);
	}
	suspects = rows_to_confirm(c, p);
	if (suspects && !e->code && !p->out_of_time) {
		progress_say(p->plan.progress,
			     "B seems slower or faster in %d of %d workload%s; %d "
			     "fresh pairs to confirm it",
			     suspects, c->n_rows, c->n_rows == 1 ? "" : "s", pairs);
		pairs_measure(p, pairs, e);
	}
	for (int i = 0; i < c->n_rows; i++)
		for (int k = 0; k < c->row[i].n_lines; k++)
			confirm_line(c, &c->row[i].line[k], &p->row[i], looked[i]);
	compare_family(c);
	free(looked);
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
		for (int i = 0; i < c->n_rows; i++)
			take_row(c, i, &p);
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
		for (int k = 0; k < c->row[i].n_lines; k++) {
			free(c->row[i].line[k].log_ratio);
			free(c->row[i].line[k].disturbed);
		}
		json_decref(c->row[i].exact[ARM_A]);
		json_decref(c->row[i].exact[ARM_B]);
	}
	free(c->row);
	c->row = NULL;
}
