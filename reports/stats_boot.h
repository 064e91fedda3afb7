/* SPDX-License-Identifier: MIT
 *
 * Random numbers and the bootstrap. A draw is a function of (seed, counter) alone, so every result
 * is the same again, and another implementation can follow draw by draw: SplitMix64, that is
 * draw i = mix(seed + (i + 1) * 0x9e3779b97f4a7c15) with Stafford's mixing constants.
 */
#ifndef BENCH_STATS_BOOT_H
#define BENCH_STATS_BOOT_H

#include <stdint.h>

struct rng {
	uint64_t seed, counter;
};

uint64_t rng_next(struct rng *r);
double rng_uniform(struct rng *r);                 /* in (0, 1): the upper 53 bits plus a half */
uint64_t rng_below(struct rng *r, uint64_t n);     /* 0..n-1: upper half of draw * n; n < 2^32 */
double rng_normal(struct rng *r);                  /* by the inverse of the distribution */
void rng_shuffle(struct rng *r, int *v, int n);

typedef double (*statistic_fn)(double *v, int n);  /* may reorder v */

struct bootstrap {
	double estimate;
	double lo, hi;         /* percentile interval */
	double bca_lo, bca_hi; /* bias-corrected and accelerated (Efron 1987); NAN for n < 3 */
};

/* Resample b takes the values v[rng_below(n)], n draws each, in order. resamples >= 100. */
struct bootstrap bootstrap(const double *v, int n, statistic_fn statistic, int resamples,
			   double conf, uint64_t seed);

#endif
