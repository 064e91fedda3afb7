/* SPDX-License-Identifier: MIT */
#include "selftest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"
#include "stats_boot.h"

#define PLAIN_BOUND 1.05

/* ---- rows --------------------------------------------------------------------------------------
 */

static void measure_noise(struct selftest_row *row, const struct pairs_series *s, int n)
{
	double *d = calloc((size_t)n + 1, sizeof *d), *centre = calloc((size_t)n + 1, sizeof *d);
	double middle;

	die_if(!d || !centre, "out of memory");
	for (int i = 0; i < n; i++)
		d[i] = centre[i] = s->log_ratio[i];
	middle = stats_median(centre, n);
	for (int i = 0; i < n; i++)
		d[i] -= middle; /* the effect is no noise */
	noise_set_pairs(&row->noise, d, n);
	free(d);
	free(centre);
}

static bool wanted(const struct pairs_series *s)
{
	return strcmp(s->metric, "latency") == 0;
}

static int set_rows(struct selftest *t, const struct pairs_result *measured, struct err *e)
{
	bool found = t->effect <= 0;

	for (int i = 0; i < measured->n_series && t->n_rows < SELFTEST_ROWS; i++) {
		const struct pairs_series *s = &measured->series[i];
		struct selftest_row *row = &t->row[t->n_rows];
		if (!wanted(s))
			continue;
		t->n_rows++;
		snprintf(row->stage, sizeof row->stage, "%s", s->stage);
		row->slowed = t->effect > 0 && strcmp(s->stage, t->stage) == 0;
		row->clean = t->effect <= 0 || (!row->slowed && strcmp(s->stage, "total") != 0 &&
						strcmp(t->stage, "total") != 0);
		row->noise = (struct noise){ NAN, NAN, NAN, 0, 0 };
		measure_noise(row, s, measured->n);
		found = found || row->slowed;
	}
	return found ? 0 : err_set(e, ERR_USAGE, "no stage `%s` was measured", t->stage);
}

/* ---- one suite ---------------------------------------------------------------------------------
 */

/* Which pairs, in which order, and where the arms change places. */
struct draw {
	int *order;
	bool *exchange, *disturbed;
	double *d;
	int n;
};

static void draw_suite(struct draw *s, const struct pairs_result *measured, bool exchange,
		       struct rng *r)
{
	for (int i = 0; i < s->n; i++)
		s->order[i] = i;
	rng_shuffle(r, s->order, s->n);
	for (int i = 0; i < s->n; i++) {
		s->exchange[i] = exchange && rng_next(r) >> 63;
		s->disturbed[i] = measured->disturbed[s->order[i]];
	}
}

static double value(const struct draw *s, const struct pairs_series *of, int arm, int i)
{
	return of->value[arm ^ s->exchange[i]][s->order[i]];
}

static struct verdict judge(const struct draw *s, const struct pairs_series *of,
			    const struct verdict_rule *r)
{
	struct verdict v;
	int look = SELFTEST_LOOK, fresh = 2 * SELFTEST_LOOK;

	for (int i = 0; i < s->n; i++) {
		double d = of->log_ratio[s->order[i]];
		s->d[i] = s->exchange[i] ? -d : d;
	}
	v = verdict_look(r, s->d, s->disturbed, look);
	if (verdict_wants_more(r, &v))
		v = verdict_look(r, s->d, s->disturbed, 2 * look);
	if (verdict_wants_fresh(&v))
		verdict_confirm(r, &v, s->d + fresh, s->disturbed + fresh, look);
	return v;
}

static bool plain_gate_red(const struct draw *s, const struct pairs_series *of)
{
	double sum[ARMS] = { 0, 0 };

	for (int arm = 0; arm < ARMS; arm++)
		for (int i = 0; i < SELFTEST_LOOK; i++)
			sum[arm] += value(s, of, arm, i);
	return sum[ARM_B] > PLAIN_BOUND * sum[ARM_A];
}

static void count(struct selftest *t, const struct verdict *v, const bool *plain)
{
	bool red = false, plain_red = false;

	for (int i = 0; i < t->n_rows; i++) {
		struct selftest_row *row = &t->row[i];
		row->regress += v[i].kind == VERDICT_REGRESS;
		row->improve += v[i].kind == VERDICT_IMPROVE;
		row->pass += v[i].kind == VERDICT_PASS;
		row->inconclusive += v[i].kind == VERDICT_INCONCLUSIVE;
		row->plain += plain[i];
		red = red || (row->clean && v[i].kind == VERDICT_REGRESS);
		plain_red = plain_red || (row->clean && plain[i]);
		t->theta += isfinite(v[i].theta) ? v[i].theta : 0;
	}
	t->red_suites += red;
	t->plain_red_suites += plain_red;
}

static void judge_suite(struct selftest *t, const struct draw *s,
			const struct pairs_result *measured, const struct verdict_rule *rule)
{
	struct verdict v[SELFTEST_ROWS];
	bool plain[SELFTEST_ROWS];
	int n = 0;

	for (int i = 0; i < measured->n_series && n < t->n_rows; i++)
		if (wanted(&measured->series[i])) {
			plain[n] = plain_gate_red(s, &measured->series[i]);
			v[n++] = judge(s, &measured->series[i], rule);
		}
	verdict_family(rule, v, n);
	count(t, v, plain);
}

int selftest_judge(struct selftest *t, const struct pairs_result *measured,
		   const struct verdict_rule *rule, uint64_t seed, struct err *e)
{
	size_t n = (size_t)measured->n;
	struct draw s = { .n = measured->n };
	struct verdict_rule quick = *rule;
	struct rng r = { .seed = seed };

	if (measured->n < SELFTEST_LEAST)
		return err_set(e, ERR_USAGE, "%d pairs are too few: %d are the least", measured->n,
			       SELFTEST_LEAST);
	if (set_rows(t, measured, e))
		return -(int)e->code;
	t->pairs = measured->n;
	t->disturbed = pairs_disturbed(measured);
	quick.trials = 0;
	s.order = calloc(n, sizeof *s.order);
	s.exchange = calloc(n, sizeof *s.exchange);
	s.disturbed = calloc(n, sizeof *s.disturbed);
	s.d = calloc(n, sizeof *s.d);
	die_if(!s.order || !s.exchange || !s.disturbed || !s.d, "out of memory");
	for (int i = 0; i < t->suites; i++) {
		draw_suite(&s, measured, t->effect <= 0, &r);
		judge_suite(t, &s, measured, &quick);
	}
	t->theta /= t->suites * t->n_rows;
	free(s.order);
	free(s.exchange);
	free(s.disturbed);
	free(s.d);
	return 0;
}

struct selftest_row selftest_sum(const struct selftest *t, bool slowed)
{
	struct selftest_row sum = { .clean = !slowed, .slowed = slowed };

	for (int i = 0; i < t->n_rows; i++) {
		const struct selftest_row *row = &t->row[i];
		if (slowed ? !row->slowed : !row->clean)
			continue;
		sum.regress += row->regress;
		sum.improve += row->improve;
		sum.pass += row->pass;
		sum.inconclusive += row->inconclusive;
		sum.plain += row->plain;
	}
	return sum;
}
