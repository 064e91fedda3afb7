/* SPDX-License-Identifier: MIT */
#include "protocol.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"
#include "stats_fit.h"

#define WARMUP_CAP   11 /* with the first call */
#define QUICK_S      0.5
#define QUICK_MOST   30
#define COUNT_MOST   1000000

#define NOISE_FROM   32   /* samples before the relative deviation says something */
#define NOISE_LEAST  64
#define NOISE_MOST   512
#define NOISE_SPREAD 0.05 /* how far it may still move, relatively */

/* See the table in protocol.h. */
struct regime {
	double below_s;      /* length of one repetition */
	bool once;           /* the first call is the sample of a quick look */
	int warmup_least;    /* with the first call; 1: no others */
	double warmup_cap_s;
	int least;
	double least_s;
	double half_width;
	bool noise;
	double cap_s;
};

static const struct regime regimes[] = {
	{ 0.05, false, 21, 5, 30, 0.5, 0.005, true, 15 },
	{ 5.0, false, 6, 60, 10, 0, 0.005, false, 120 },
	{ INFINITY, true, 1, 0, 3, 0, 0.01, false, 1200 },
};

static const struct regime *regime_of(double seconds)
{
	const struct regime *r = regimes;

	while (seconds >= r->below_s)
		r++;
	return r;
}

/* ---- what was asked for ------------------------------------------------------------------------
 */

static const struct {
	const char *word, *unit;
	enum stop_kind kind;
	double least, most, scale;
} rules[] = {
	{ "ci:", "%", STOP_CI, 0.01, 50, 0.01 },
	{ "count:", "", STOP_COUNT, 1, COUNT_MOST, 1 },
	{ "time:", "s", STOP_TIME, 0.001, 1e6, 1 },
};

int protocol_parse(struct protocol *p, const char *text, struct err *e)
{
	static const char *const words[] = { "quick", "explore", "full" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(text, words[i]) == 0) {
			p->stop = (enum stop_kind)i;
			return 0;
		}
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		size_t len = strlen(rules[i].word);
		double v;
		char *end;
		if (strncmp(text, rules[i].word, len) != 0)
			continue;
		v = strtod(text + len, &end);
		if (end == text + len || (*end && strcmp(end, rules[i].unit) != 0) ||
		    !(v >= rules[i].least && v <= rules[i].most) ||
		    (rules[i].kind == STOP_COUNT && v != floor(v)))
			return err_set(e, ERR_USAGE, "--stop is '%.40s': %s takes %s from %g to "
				       "%g", text, rules[i].word,
				       rules[i].kind == STOP_COUNT ? "a whole number" : "a number",
				       rules[i].least, rules[i].most);
		p->stop = rules[i].kind;
		p->stop_at = v * rules[i].scale;
		return 0;
	}
	return err_set(e, ERR_USAGE, "--stop is '%.40s': it takes quick, explore, full, ci:0.5%%, "
		       "count:20 or time:30s", text);
}

/* By the upper half of the table, that is. */
static bool looks(const struct protocol *p, const struct regime *r)
{
	return p->stop == STOP_QUICK || (p->stop == STOP_EXPLORE && r->once);
}

bool protocol_measures_first(const struct protocol *p, double first_s)
{
	if (p->warmup >= 0)
		return p->warmup == 0;
	return looks(p, regime_of(first_s)) && regime_of(first_s)->once;
}

bool protocol_replaces(const struct protocol *p)
{
	return p->samples < 0 && p->stop != STOP_QUICK && p->stop != STOP_COUNT;
}

/* ---- warm-up -----------------------------------------------------------------------------------
 */

int protocol_steady(const double *v, int n)
{
	struct steady s = steady_of(v, n);

	return s.window ? s.steady : -1;
}

enum warmth protocol_warmup(const struct protocol *p, const double *v, int n)
{
	const struct regime *r = regime_of(v[n - 1]);
	double spent = 0, cap = r->warmup_cap_s;

	if (p->stop == STOP_TIME && p->stop_at < cap)
		cap = p->stop_at;
	if (p->warmup >= 0)
		return n >= p->warmup ? WARM_AS_ASKED : WARM_NOT_YET;
	if (looks(p, r) || r->warmup_least == 1)
		return WARM_AS_ASKED;
	if (n >= r->warmup_least && protocol_steady(v + 1, n - 1) == 1)
		return WARM_STEADY;
	for (int i = 0; i < n; i++)
		spent += v[i];
	return n >= WARMUP_CAP && spent >= cap ? WARM_AT_CAP : WARM_NOT_YET;
}

/* ---- stopping ----------------------------------------------------------------------------------
 */

/* Half of the 95 % interval of the median, as a share of it; infinite below 6 samples. */
static double half_width(const double *v, int n)
{
	double *copy = malloc((size_t)n * sizeof *copy);
	struct stats s;

	die_if(!copy, "out of memory");
	memcpy(copy, v, (size_t)n * sizeof *copy);
	s = stats_of(copy, n);
	free(copy);
	return isfinite(s.ci_lo) ? (s.ci_hi - s.ci_lo) / 2 / s.median : INFINITY;
}

/* The relative deviation of v[0..i) changes no more as i grows: more samples tell nothing new. */
static bool noise_stable(const double *v, int n)
{
	int from = n - NOISE_MOST > NOISE_FROM ? n - NOISE_MOST : NOISE_FROM;
	double mean = 0, squares = 0, sum = 0, sum2 = 0;

	if (n < NOISE_FROM + NOISE_LEAST)
		return false;
	for (int i = 0; i < n; i++) {
		double d = v[i] - mean, noise;
		mean += d / (i + 1);
		squares += d * (v[i] - mean);
		if (i < from)
			continue;
		noise = sqrt(squares / i) / mean;
		sum += noise;
		sum2 += noise * noise;
	}
	sum /= n - from;
	return sum2 / (n - from) - sum * sum < NOISE_SPREAD * NOISE_SPREAD * sum * sum;
}

/* A sort per sample would take longer than brief samples: look at every sixteenth part more. */
static bool worth_a_look(int n)
{
	return n < 64 || n % (n / 16) == 0;
}

static const char *stop_by_rule(const struct protocol *p, const struct measured *m)
{
	const struct regime *r = regime_of(m->last_s);
	double wanted = p->stop == STOP_CI ? p->stop_at : r->half_width;

	if (m->n >= r->least && m->spent_s >= r->least_s && worth_a_look(m->n)) {
		if (half_width(m->kept, m->n) <= wanted)
			return "interval";
		if (p->stop != STOP_CI && r->noise && noise_stable(m->kept, m->n))
			return "noise";
	}
	return m->tried >= r->least && m->spent_s >= r->cap_s ? "time" : NULL;
}

static bool looked_enough(const struct measured *m)
{
	return m->tried >= QUICK_MOST || regime_of(m->last_s)->once ||
	       m->spent_s + m->last_s > QUICK_S;
}

const char *protocol_stop(const struct protocol *p, const struct measured *m)
{
	if (p->samples >= 0)
		return m->tried >= p->samples ? "count" : NULL;
	if (m->tried == 0)
		return NULL;
	if (looks(p, regime_of(m->last_s)))
		return looked_enough(m) ? "quick" : NULL;
	switch (p->stop) {
	case STOP_COUNT:
		return m->tried >= (int)p->stop_at ? "count" : NULL;
	case STOP_TIME:
		return m->spent_s >= p->stop_at ? "time" : NULL;
	default:
		return stop_by_rule(p, m);
	}
}
