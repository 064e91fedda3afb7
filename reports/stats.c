/* SPDX-License-Identifier: MIT */
#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats_dist.h"

#define PERCENTILE_CONF 0.99

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

void stats_sort(double *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, by_value);
}

double stats_quantile(const double *v, int n, double q)
{
	double at = q * (n - 1);
	int i = (int)at;

	return i + 1 < n ? v[i] + (at - i) * (v[i + 1] - v[i]) : v[n - 1];
}

double stats_median(double *v, int n)
{
	stats_sort(v, n);
	return stats_quantile(v, n, 0.5);
}

double stats_median_of(const double *v, int n)
{
	double *copy = malloc(((size_t)n + 1) * sizeof *copy), median = NAN;

	if (!copy || !n) {
		free(copy);
		return median;
	}
	memcpy(copy, v, (size_t)n * sizeof *copy);
	median = stats_median(copy, n);
	free(copy);
	return median;
}

double stats_mean(const double *v, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += v[i];
	return sum / n;
}

double stats_sd(const double *v, int n)
{
	double mean = stats_mean(v, n), squares = 0;

	for (int i = 0; i < n; i++)
		squares += (v[i] - mean) * (v[i] - mean);
	return n > 1 ? sqrt(squares / (n - 1)) : NAN;
}

static double absolute_deviation(const double *v, int n, double median)
{
	double *d = malloc((size_t)n * sizeof *d), mad = NAN;

	if (!d)
		return mad;
	for (int i = 0; i < n; i++)
		d[i] = fabs(v[i] - median);
	mad = stats_median(d, n);
	free(d);
	return mad;
}

/* Each end misses with P(X < k), X ~ B(n, 1/2), for the k-th value from that end. */
struct interval stats_median_interval(const double *v, int n, double conf)
{
	double miss = (1 - conf) / 2;
	int k = 0, above = n / 2 + 1; /* the tail fits at k, not at `above` */

	while (above - k > 1) {
		int mid = (k + above) / 2;
		*(binomial_cdf(mid - 1, n, 0.5) <= miss ? &k : &above) = mid;
	}
	if (!k)
		return (struct interval){ NAN, NAN, NAN };
	return (struct interval){ v[k - 1], v[n - k], 1 - 2 * binomial_cdf(k - 1, n, 0.5) };
}

int stats_percentile_needs(double q, int excluded)
{
	int n = 1, spare = excluded > 0;

	while (binomial_cdf(spare, n, 1 - q) > 1 - PERCENTILE_CONF)
		n++;
	return n;
}

double stats_percentile(const double *v, int n, double q, int excluded, double *bound)
{
	int above = 0; /* so many values may lie above the bound */

	if (bound)
		*bound = NAN;
	if (n < stats_percentile_needs(q, excluded))
		return NAN;
	while (binomial_cdf(above + 1, n, 1 - q) <= 1 - PERCENTILE_CONF)
		above++;
	if (bound)
		*bound = v[n - 1 - above];
	return stats_quantile(v, n, q);
}

double stats_usual_change(const double *history, int n)
{
	double *change = malloc((size_t)n * sizeof *change), q1, q3;

	if (!change)
		return NAN;
	for (int i = 1; i < n; i++)
		change[i - 1] = fabs(history[i] / history[i - 1] - 1);
	stats_sort(change, n - 1);
	q1 = stats_quantile(change, n - 1, 0.25);
	q3 = stats_quantile(change, n - 1, 0.75);
	free(change);
	return q3 + 3 * (q3 - q1);
}

static void count_outliers(struct stats *s, const double *v)
{
	double width = s->q3 - s->q1;

	for (int i = 0; i < s->n; i++) {
		double beyond = fmax(s->q1 - v[i], v[i] - s->q3);
		s->outliers_severe += beyond > 3 * width;
		s->outliers_mild += beyond > 1.5 * width && beyond <= 3 * width;
	}
}

struct stats stats_of(double *v, int n)
{
	struct stats s = { .n = n };
	struct interval median;

	stats_sort(v, n);
	s.min = v[0];
	s.q1 = stats_quantile(v, n, 0.25);
	s.median = stats_quantile(v, n, 0.5);
	s.q3 = stats_quantile(v, n, 0.75);
	s.max = v[n - 1];
	s.mean = stats_mean(v, n);
	s.sd = stats_sd(v, n);
	s.mad = absolute_deviation(v, n, s.median);
	median = stats_median_interval(v, n, 0.95);
	s.ci_lo = median.lo;
	s.ci_hi = median.hi;
	s.ci_conf = median.conf;
	count_outliers(&s, v);
	s.p90 = stats_percentile(v, n, 0.9, 1, NULL);
	s.p99 = stats_percentile(v, n, 0.99, 1, NULL);
	return s;
}
