/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "err.h"
#include "stats_boot.h"
#include "stats_rank.h"
#include "verdict_int.h"

#define INTERVAL_ALPHA 0.025 /* of each end of the interval that is shown */

const char *const verdict_names[] = { "pass", "regress", "improve", "inconclusive", "suspect",
				      "promising" };

struct verdict_rule verdict_rule(double floor, bool extend)
{
	return (struct verdict_rule){ .floor = floor, .alpha = extend ? 0.0025 : 0.005,
				      .alpha_confirm = 0.05, .alpha_pass = 0.01, .fwer = 0.002,
				      .fwer_noisy = 2e-4, .noisy = 2, .extend = extend,
				      .trials = 300 };
}

/* Eight coins at a time, thrown again while fewer than two show one side: a place in the pair that
 * is always slower must not look like an arm. */
bool pair_swapped(uint64_t seed, int pair)
{
	struct rng r = { .seed = seed, .counter = (uint64_t)(pair / 8) << 32 };
	unsigned coins;
	int heads;

	do {
		coins = (unsigned)(rng_next(&r) >> 56);
		heads = __builtin_popcount(coins);
	} while (heads < 2 || heads > 6);
	return coins >> pair % 8 & 1;
}

/* ---- one look ----------------------------------------------------------------------------------
 */

/* The Walsh averages that +-1.645 standard errors would bracket say how large one is: 5 % at each
 * end, because there one wild pair of ten does not decide. */
static double standard_error(const struct walsh *w)
{
	return (walsh_upper(w, 0.05) - walsh_lower(w, 0.05)) / (2 * 1.6448536269514722);
}

static double deviation_of(const double *d, int n, double centre)
{
	double squares = 0;

	for (int i = 0; i < n; i++)
		squares += (d[i] - centre) * (d[i] - centre);
	return n > 1 ? sqrt(squares / (n - 1)) : NAN;
}

struct look look_of(const struct verdict_rule *r, const double *d, int n)
{
	struct walsh w = walsh_of(d, n);
	struct look l = { .estimate = walsh_estimate(&w), .error = standard_error(&w) };
	double policy = log1p(fmax(r->floor, r->history));

	l.limit = r->noisy * policy;
	l.theta = fmax(policy, VERDICT_ERRORS * l.error);
	l.noisy = VERDICT_ERRORS * l.error > l.limit;
	l.wild = VERDICT_ERRORS * deviation_of(d, n, l.estimate) > l.limit * sqrt(n);
	l.lower = walsh_lower(&w, r->alpha);
	l.upper = walsh_upper(&w, r->alpha);
	l.lower_confirm = walsh_lower(&w, r->alpha_confirm);
	l.upper_confirm = walsh_upper(&w, r->alpha_confirm);
	l.upper_pass = walsh_upper(&w, r->alpha_pass);
	l.lo = walsh_lower(&w, INTERVAL_ALPHA);
	l.hi = walsh_upper(&w, INTERVAL_ALPHA);
	walsh_free(&w);
	return l;
}

static enum verdict_kind kind_of(const struct look *l, bool noisy)
{
	if (l->lower > 0 && l->estimate > l->theta)
		return VERDICT_SUSPECT;
	if (noisy)
		return VERDICT_INCONCLUSIVE;
	if (l->upper < 0 && l->estimate < -l->theta)
		return VERDICT_PROMISING;
	return l->upper_pass < fmin(l->theta, l->limit) ? VERDICT_PASS : VERDICT_INCONCLUSIVE;
}

/* The pairs to judge. A few disturbed ones are left out; of many, none: who leaves out most of what
 * was measured chooses a result. */
struct kept {
	double *d;
	int n, disturbed;
	bool half; /* were disturbed */
};

static struct kept keep(const double *log_ratio, const bool *disturbed, int n)
{
	struct kept k = { .d = calloc((size_t)n + 1, sizeof *k.d) };
	bool leave_out;

	die_if(!k.d, "out of memory");
	for (int i = 0; i < n; i++)
		k.disturbed += disturbed && disturbed[i];
	k.half = 2 * k.disturbed > n;
	leave_out = 4 * k.disturbed <= n && n - k.disturbed >= VERDICT_MIN_PAIRS;
	for (int i = 0; i < n; i++)
		if (!leave_out || !disturbed || !disturbed[i])
			k.d[k.n++] = log_ratio[i];
	return k;
}

/* What would have been seen through the noise that these pairs have. */
static double detectable(const struct verdict_rule *r, const struct kept *k, double centre)
{
	double *residual = malloc(((size_t)k->n + 1) * sizeof *residual);
	struct noise_model m = { .residual = residual, .n = k->n };
	struct verdict_rule once = *r;
	struct outlook o;

	die_if(!residual, "out of memory");
	for (int i = 0; i < k->n; i++)
		residual[i] = k->d[i] - centre;
	once.extend = false;
	o = verdict_outlook(&once, &m, k->n, 0, r->trials);
	free(residual);
	return o.mde95;
}

/* ---- reasons -----------------------------------------------------------------------------------
 */

static double percent(double log_ratio)
{
	return 100 * expm1(log_ratio);
}

static void say_inconclusive(struct verdict *v, const struct look *l, int all)
{
	if (2 * v->disturbed > all)
		snprintf(v->reason, sizeof v->reason,
			 "%d of %d pairs ran while the machine was disturbed", v->disturbed, all);
	else if (v->noisy)
		snprintf(v->reason, sizeof v->reason,
			 "the machine is too noisy: three standard errors are %.1f %%",
			 percent(VERDICT_ERRORS * l->error));
	else
		snprintf(v->reason, sizeof v->reason,
			 "%+.2f %% [%.2f, %.2f] neither excludes nor proves a slowdown of %.1f %%",
			 percent(l->estimate), percent(l->lo), percent(l->hi), percent(l->theta));
}

static void say(struct verdict *v, const struct look *l, int all)
{
	switch (v->kind) {
	case VERDICT_PASS:
		snprintf(v->reason, sizeof v->reason, "a slowdown above %.1f %% is excluded",
			 percent(fmin(l->theta, l->limit)));
		break;
	case VERDICT_PROMISING:
	case VERDICT_SUSPECT:
		snprintf(v->reason, sizeof v->reason,
			 "%+.2f %% is more than %.1f %%, not confirmed", percent(l->estimate),
			 percent(l->theta));
		break;
	default:
		say_inconclusive(v, l, all);
	}
}

/* ---- the steps of the rule ---------------------------------------------------------------------
 */

struct verdict verdict_none(void)
{
	return (struct verdict){ .kind = VERDICT_INCONCLUSIVE, .confirmed = -1, .ratio = NAN,
				 .ci_lo = NAN, .ci_hi = NAN, .ci_conf = NAN, .theta = NAN,
				 .mde95 = INFINITY, .error = NAN, .sigma_pair = NAN, .p = NAN,
				 .p_confirm = NAN, .p_family = NAN };
}

static struct verdict too_few(int n, int disturbed)
{
	struct verdict v = verdict_none();

	v.n = n;
	v.disturbed = disturbed;
	snprintf(v.reason, sizeof v.reason, "%d pairs are too few: %d are the least", n,
		 VERDICT_MIN_PAIRS);
	return v;
}

/* One-sided, towards slower, but of a promise towards faster. */
static double look_p(const struct verdict_rule *r, enum verdict_kind kind, const double *d, int n)
{
	struct rank_test t = signed_rank_test(d, n);
	double p = kind == VERDICT_PROMISING ? t.less : t.greater;

	return r->extend ? fmin(1, 2 * p) : p; /* there are two looks */
}

struct verdict verdict_look(const struct verdict_rule *r, const double *log_ratio,
			    const bool *disturbed, int n)
{
	struct kept k = keep(log_ratio, disturbed, n);
	struct verdict v = too_few(k.n, k.disturbed);
	struct look l;

	if (k.n > 0) {
		l = look_of(r, k.d, k.n);
		v.ratio = exp(l.estimate);
	}
	if (k.n >= VERDICT_MIN_PAIRS) {
		v.noisy = l.noisy || k.half;
		v.strict = v.noisy || l.wild;
		v.kind = kind_of(&l, v.noisy);
		v.ci_lo = exp(l.lo);
		v.ci_hi = exp(l.hi);
		v.ci_conf = 1 - 2 * INTERVAL_ALPHA;
		v.theta = expm1(l.theta);
		v.error = l.error;
		v.sigma_pair = deviation_of(k.d, k.n, l.estimate);
		v.p = look_p(r, v.kind, k.d, k.n);
		v.mde95 = r->trials ? detectable(r, &k, l.estimate) : NAN;
		say(&v, &l, n);
	}
	free(k.d);
	return v;
}

bool verdict_wants_fresh(const struct verdict *v)
{
	return v->kind == VERDICT_SUSPECT || v->kind == VERDICT_PROMISING;
}

bool verdict_wants_more(const struct verdict_rule *r, const struct verdict *v)
{
	return r->extend && v->n > 0 &&
	       (v->kind == VERDICT_INCONCLUSIVE || (verdict_wants_fresh(v) && v->strict));
}

/* What a first look turns into when fresh pairs agree, and when not. A promise that is not kept is
 * no slowdown either, unless the fresh pairs show one. */
static enum verdict_kind confirmed_kind(const struct verdict *v, const struct look *l)
{
	if (v->kind == VERDICT_SUSPECT)
		return v->confirmed ? VERDICT_REGRESS : VERDICT_INCONCLUSIVE;
	if (v->confirmed)
		return VERDICT_IMPROVE;
	return l->upper_pass < fmin(l->theta, l->limit) ? VERDICT_PASS : VERDICT_INCONCLUSIVE;
}

static bool agrees(const struct verdict *v, const struct look *l)
{
	if (v->kind == VERDICT_SUSPECT)
		return l->lower_confirm > 0 && l->estimate > log1p(v->theta) / 2;
	return l->upper_confirm < 0 && l->estimate < -log1p(v->theta) / 2;
}

void verdict_confirm(const struct verdict_rule *r, struct verdict *v, const double *log_ratio,
		     const bool *disturbed, int n)
{
	struct kept k = keep(log_ratio, disturbed, n);
	struct look l = { .estimate = NAN, .upper_pass = INFINITY };

	if (k.n) {
		l = look_of(r, k.d, k.n);
		v->p_confirm = v->kind == VERDICT_SUSPECT ? signed_rank_test(k.d, k.n).greater :
							    signed_rank_test(k.d, k.n).less;
	}
	v->strict = v->strict || l.wild;
	v->confirmed = k.n && agrees(v, &l);
	v->kind = confirmed_kind(v, &l);
	snprintf(v->reason, sizeof v->reason, "%+.2f %% at first, %+.2f %% in %d fresh pairs%s",
		 100 * (v->ratio - 1), percent(l.estimate), k.n,
		 v->confirmed ? "" : ": not confirmed");
	free(k.d);
}

/* ---- the family --------------------------------------------------------------------------------
 */

/* Fisher's combination of two p-values: the chance of a product as small as k is k (1 - ln k). */
static double combined(double p, double q)
{
	double k = p * q;

	return k > 0 ? fmin(1, k * (1 - log(k))) : 0;
}

/* How many rows have a smaller combined p; equal ones count by their place. */
static int rank_among(const struct verdict *v, int rows, int i)
{
	int before = 0;

	for (int j = 0; j < rows; j++)
		before += v[j].p_family < v[i].p_family ||
			  (v[j].p_family == v[i].p_family && j < i);
	return before;
}

/* Holm: the smallest p times the number of rows, the next times one less, never below the one
 * before. A row that was not confirmed has p = 1. */
static void adjust(struct verdict *v, int rows)
{
	double *adjusted = calloc((size_t)rows + 1, sizeof *adjusted), least = 0;

	die_if(!adjusted, "out of memory");
	for (int place = 0; place < rows; place++)
		for (int i = 0; i < rows; i++)
			if (rank_among(v, rows, i) == place) {
				least = fmax(least, fmin(1, (rows - place) * v[i].p_family));
				adjusted[i] = least;
			}
	for (int i = 0; i < rows; i++)
		v[i].p_family = adjusted[i];
	free(adjusted);
}

static void withdraw(struct verdict *v, int rows, double level)
{
	v->kind = VERDICT_INCONCLUSIVE;
	snprintf(v->reason, sizeof v->reason,
		 "%+.2f %%, but p = %.2g among %d rows is above %.2g%s", 100 * (v->ratio - 1),
		 v->p_family, rows, level, v->strict ? " for a noisy machine" : "");
}

void verdict_family(const struct verdict_rule *r, struct verdict *v, int rows)
{
	for (int i = 0; i < rows; i++)
		v[i].p_family = v[i].confirmed == 1 ? combined(v[i].p, v[i].p_confirm) : 1;
	adjust(v, rows);
	for (int i = 0; i < rows; i++) {
		double level = v[i].strict ? r->fwer_noisy : r->fwer;
		if (v[i].kind == VERDICT_SUSPECT)
			v[i].kind = VERDICT_INCONCLUSIVE; /* nobody confirmed it */
		if (v[i].kind == VERDICT_PROMISING)
			v[i].kind = VERDICT_PASS; /* nor that it is faster */
		if (v[i].confirmed == 1 && v[i].p_family > level)
			withdraw(&v[i], rows, level);
	}
}
