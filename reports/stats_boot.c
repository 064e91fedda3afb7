/* SPDX-License-Identifier: MIT */
#include "stats_boot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"
#include "stats_dist.h"

uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->seed + ++r->counter * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

double rng_uniform(struct rng *r)
{
	return ((double)(rng_next(r) >> 11) + 0.5) * 0x1p-53;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)rng_next(r) * n) >> 64);
}

double rng_normal(struct rng *r)
{
	return normal_quantile(rng_uniform(r));
}

void rng_shuffle(struct rng *r, int *v, int n)
{
	for (int i = n - 1; i > 0; i--) {
		int j = (int)rng_below(r, (uint64_t)i + 1), keep = v[i];
		v[i] = v[j];
		v[j] = keep;
	}
}

/* What share of the sorted resamples lies below the estimate, half of the equal ones counted. */
static double share_below(const double *sorted, int n, double estimate)
{
	int below = 0, equal = 0;

	for (int i = 0; i < n && sorted[i] <= estimate; i++) {
		below += sorted[i] < estimate;
		equal += sorted[i] == estimate;
	}
	return (below + 0.5 * equal) / n;
}

/* A sixth of the skewness of the estimates with one value left out. */
static double acceleration(const double *v, int n, statistic_fn statistic, double *copy,
			   double *left)
{
	double mean, cubes = 0, squares = 0;

	for (int i = 0; i < n; i++) {
		memcpy(copy, v, (size_t)i * sizeof *v);
		memcpy(copy + i, v + i + 1, (size_t)(n - 1 - i) * sizeof *v);
		left[i] = statistic(copy, n - 1);
	}
	mean = stats_mean(left, n);
	for (int i = 0; i < n; i++) {
		cubes += pow(mean - left[i], 3);
		squares += pow(mean - left[i], 2);
	}
	return squares > 0 ? cubes / (6 * pow(squares, 1.5)) : 0;
}

static double corrected(double conf_z, double bias, double a)
{
	return normal_cdf(bias + (bias + conf_z) / (1 - a * (bias + conf_z)));
}

static void set_bca(struct bootstrap *b, const double *sorted, int resamples, double conf, double a)
{
	double bias = normal_quantile(share_below(sorted, resamples, b->estimate));
	double z = normal_quantile((1 - conf) / 2);

	if (!isfinite(bias)) {
		b->bca_lo = b->bca_hi = NAN;
		return;
	}
	b->bca_lo = stats_quantile(sorted, resamples, corrected(z, bias, a));
	b->bca_hi = stats_quantile(sorted, resamples, corrected(-z, bias, a));
}

struct bootstrap bootstrap(const double *v, int n, statistic_fn statistic, int resamples,
			   double conf, uint64_t seed)
{
	struct bootstrap b = { NAN, NAN, NAN, NAN, NAN };
	struct rng r = { .seed = seed };
	double *copy = malloc((size_t)n * sizeof *copy), *left = malloc((size_t)n * sizeof *left);
	double *drawn = malloc((size_t)resamples * sizeof *drawn);

	if (!copy || !left || !drawn) {
		fprintf(stderr, "bench: out of memory\n");
		abort();
	}
	for (int i = 0; i < resamples; i++) {
		for (int j = 0; j < n; j++)
			copy[j] = v[rng_below(&r, (uint64_t)n)];
		drawn[i] = statistic(copy, n);
	}
	stats_sort(drawn, resamples);
	memcpy(copy, v, (size_t)n * sizeof *v);
	b.estimate = statistic(copy, n);
	b.lo = stats_quantile(drawn, resamples, (1 - conf) / 2);
	b.hi = stats_quantile(drawn, resamples, (1 + conf) / 2);
	if (n >= 3)
		set_bca(&b, drawn, resamples, conf, acceleration(v, n, statistic, copy, left));
	free(copy);
	free(left);
	free(drawn);
	return b;
}
