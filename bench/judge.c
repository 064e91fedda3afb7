/* SPDX-License-Identifier: MIT */
#include "judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"
#include "trend.h"

/* ---- one series --------------------------------------------------------------------------------
 */

/* All pairs of the row anew: whether one was disturbed may show later. */
static bool take_pairs(struct judged *s, const struct pairs_result *from)
{
	const struct pairs_series *series = pairs_find(from, s->metric, s->stage);
	size_t n = (size_t)from->n;

	if (!series || !n)
		return false;
	s->log_ratio = realloc(s->log_ratio, n * sizeof *s->log_ratio);
	s->disturbed = realloc(s->disturbed, n * sizeof *s->disturbed);
	die_if(!s->log_ratio || !s->disturbed, "out of memory");
	for (int i = 0; i < from->n; i++)
		s->log_ratio[i] = series->log_ratio[i];
	memcpy(s->disturbed, from->disturbed, n * sizeof *s->disturbed);
	for (int arm = 0; arm < ARMS; arm++)
		s->median[arm] = stats_median_of(series->value[arm], from->n);
	s->n = from->n;
	return true;
}

bool judge_look(struct judged *s, const struct pairs *p)
{
	if (!take_pairs(s, &p->row[s->row]))
		return false;
	s->looked = s->n;
	s->verdict = verdict_look(&s->rule, s->log_ratio, s->disturbed, s->n);
	return true;
}

/* Who asks for fewer pairs than a verdict needs wants none. */
static bool wants_extension(const struct judged *s)
{
	return s->looked >= VERDICT_MIN_PAIRS && !s->extended && !s->to_confirm &&
	       verdict_wants_more(&s->rule, &s->verdict);
}

static bool wants_confirmation(const struct judged *s)
{
	return verdict_wants_fresh(&s->verdict);
}

/* What is suspicious already is confirmed by the pairs that another series of its row is extended
 * by: they are fresh. */
static void go_on(struct judged *s, const struct pairs_result *from)
{
	bool extends = wants_extension(s);
	int before = s->n;

	if (from->n == before || (!extends && !wants_confirmation(s)) || !take_pairs(s, from))
		return;
	if (extends) {
		s->extended = s->n - before;
		s->verdict = verdict_look(&s->rule, s->log_ratio, s->disturbed, s->n);
	} else {
		s->to_confirm = s->n - before;
		verdict_confirm(&s->rule, &s->verdict, s->log_ratio + before, s->disturbed + before,
				s->to_confirm);
	}
}

void judge_history(struct judged *s, const struct pairs *p)
{
	const struct pairs_result *row = &p->row[s->row];
	struct report_error e = { 0 };

	s->rule.history = 0;
	if (p->db && row->n && *row->process[ARM_A][0].uuid)
		s->rule.history = fmin(trend_usual(p->db, row->process[ARM_A][0].uuid, s->metric,
						   s->stage, p->session, &e),
				       s->rule.noisy * s->rule.floor);
	if (e.code)
		progress_say(p->plan.progress, "warning: the history of %s is not known: %s",
			     p->plan.row[s->row].name, e.text);
	if (s->rule.history > s->rule.floor)
		progress_say(p->plan.progress,
			     "%s %s:%s: the bound is %.1f %%, because it is used to such changes "
			     "from build to build",
			     p->plan.row[s->row].name, s->metric, s->stage, 100 * s->rule.history);
}

void judge_free(struct judged *s)
{
	free(s->log_ratio);
	free(s->disturbed);
	s->log_ratio = NULL;
	s->disturbed = NULL;
}

/* ---- all of them -------------------------------------------------------------------------------
 */

/* Rows without a series that wants it rest. Returns how many do not. */
static int wake(struct judged *const *s, int n, struct pairs *p,
		bool (*wants)(const struct judged *))
{
	int rows = 0;

	for (int i = 0; i < p->plan.n_rows; i++)
		p->row[i].rests = true;
	for (int i = 0; i < n; i++) {
		struct pairs_result *row = &p->row[s[i]->row];
		if (row->err.code || !row->rests || !wants(s[i]))
			continue;
		row->rests = false;
		rows++;
	}
	return rows;
}

static void stage(struct judged *const *s, int n, struct pairs *p, int pairs,
		  bool (*wants)(const struct judged *), const char *why, struct err *e)
{
	int rows = e->code || p->out_of_time ? 0 : wake(s, n, p, wants);

	if (!rows)
		return;
	progress_say(p->plan.progress, "%s in %d of %d row%s: %d %s pairs", why, rows,
		     p->plan.n_rows, p->plan.n_rows == 1 ? "" : "s", pairs,
		     wants == wants_extension ? "more" : "fresh");
	pairs_measure(p, pairs, e);
	for (int i = 0; i < n; i++)
		go_on(s[i], &p->row[s[i]->row]);
}

int judge_course(struct judged *const *s, int n, struct pairs *p, int pairs, struct err *e)
{
	stage(s, n, p, pairs, wants_extension, "undecided", e);
	stage(s, n, p, pairs, wants_confirmation, "slower or faster, it seems,", e);
	judge_family(s, n);
	return -(int)e->code;
}

void judge_family(struct judged *const *s, int n)
{
	struct verdict *v = malloc(((size_t)n + 1) * sizeof *v);

	die_if(!v, "out of memory");
	for (int i = 0; i < n; i++)
		v[i] = s[i]->verdict;
	if (n)
		verdict_family(&s[0]->rule, v, n);
	for (int i = 0; i < n; i++)
		s[i]->verdict = v[i];
	free(v);
}
