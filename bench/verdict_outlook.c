/* SPDX-License-Identifier: MIT
 *
 * What a rule can see. Shifting every pair by an effect shifts all bounds and estimates by as much,
 * so that one draw of noise tells for all effects at once what the rule says: from which effect on
 * it calls a regression. The 95th percentile of that over many draws is what is seen in 95 % of all
 * cases. (A pass and a noisy machine are edges of the same kind.)
 */
#include <math.h>
#include <stdlib.h>

#include "err.h"
#include "stats.h"
#include "stats_boot.h"
#include "verdict_int.h"

#define SEED      20240229
#define EXCURSION 3.0  /* mean of one, in deviations of a process */
#define RARE      0.05 /* share of processes that have one */

/* On a noisy machine both stages must stand at this level, so that their combination stands at
 * fwer_noisy: k = 4e-6, k (1 - ln k) = 5.4e-5. */
#define NOISY_ALPHA 0.002

static double process_noise(struct rng *r, double s)
{
	double z = rng_normal(r), at = rng_uniform(r), size = -log(rng_uniform(r));

	return s * (z + (at < RARE ? EXCURSION * size : 0));
}

/* Deviation of one process, so that the difference of two has that of a pair. */
static double process_sigma(double pair)
{
	double excursions = RARE * 2 * EXCURSION * EXCURSION - pow(RARE * EXCURSION, 2);

	return pair / sqrt(2 * (1 + excursions));
}

static void draw(const struct noise_model *m, struct rng *r, double *d, int n)
{
	double s = process_sigma(m->sigma);

	for (int i = 0; i < n; i++) {
		if (!m->residual) {
			d[i] = process_noise(r, s) - process_noise(r, s);
			continue;
		}
		d[i] = m->residual[rng_below(r, (uint64_t)m->n)];
		if (rng_next(r) >> 63)
			d[i] = -d[i];
	}
}

/* From which effect on a look is suspicious, and below which it passes. */
struct edges {
	double suspect, pass, theta;
};

static struct edges edges_of(const struct verdict_rule *r, const double *d, int n)
{
	struct look l = look_of(r, d, n);
	struct verdict_rule strict = *r;

	strict.alpha = NOISY_ALPHA;
	if (l.noisy || l.wild)
		l.lower = look_of(&strict, d, n).lower;
	return (struct edges){ .theta = l.theta,
			       .suspect = fmax(-l.lower, l.theta - l.estimate),
			       .pass = l.noisy ? -INFINITY :
						 fmin(l.theta, l.limit) - l.upper_pass };
}

static double confirm_edge(const struct verdict_rule *r, const double *d, int n, double theta)
{
	struct look l = look_of(r, d, n);

	return fmax(-l.lower_confirm, theta / 2 - l.estimate);
}

/* One gate: n pairs, n more, n to confirm, in d. Sets from which effect on it regresses, and
 * whether it passes without one. */
struct trial {
	double regress;
	bool pass, extended;
};

static struct trial try(const struct verdict_rule *r, const double *d, int n)
{
	struct edges first = edges_of(r, d, n), both = first;
	struct trial t = { .pass = first.pass > 0, .regress = first.suspect };

	t.extended = r->extend && !t.pass;
	if (r->extend) {
		both = edges_of(r, d, 2 * n);
		t.regress = fmin(first.suspect, fmax(first.pass, both.suspect));
		t.pass = t.pass || (t.extended && both.pass > 0);
	}
	t.regress = fmax(t.regress, confirm_edge(r, d + 2 * n, n,
						 t.extended ? both.theta : first.theta));
	return t;
}

struct outlook verdict_outlook(const struct verdict_rule *r, const struct noise_model *m, int n,
			       double effect, int trials)
{
	struct outlook o = { .mde95 = INFINITY };
	struct rng random = { .seed = SEED };
	double *d = malloc(3 * (size_t)n * sizeof *d),
	       *edge = malloc((size_t)trials * sizeof *edge);

	die_if(!d || !edge, "out of memory");
	for (int i = 0; i < trials; i++) {
		struct trial t;
		draw(m, &random, d, 3 * n);
		t = try(r, d, n);
		edge[i] = t.regress;
		o.power += log1p(effect) > t.regress;
		o.clean_pass += t.pass;
		o.clean_regress += t.regress < 0;
		o.pairs += t.extended ? 2 * n : n;
	}
	stats_sort(edge, trials);
	o.mde95 = expm1(edge[(int)ceil(0.95 * trials) - 1]);
	o.power /= trials;
	o.clean_pass /= trials;
	o.clean_regress /= trials;
	o.pairs /= trials;
	free(d);
	free(edge);
	return o;
}
