/* SPDX-License-Identifier: MIT */
#include "stats.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double stats_quantile(const double *v, int n, double q)
{
	double at = q * (n - 1);
	int i = (int)at;

	return i + 1 < n ? v[i] + (at - i) * (v[i + 1] - v[i]) : v[n - 1];
}

static void moments(struct stats *s, const double *v)
{
	double sum = 0, squares = 0;

	for (int i = 0; i < s->n; i++)
		sum += v[i];
	s->mean = sum / s->n;
	for (int i = 0; i < s->n; i++)
		squares += (v[i] - s->mean) * (v[i] - s->mean);
	s->sd = s->n > 1 ? sqrt(squares / (s->n - 1)) : NAN;
}

static double absolute_deviation(const double *v, int n, double median)
{
	double *d = malloc((size_t)n * sizeof *d), mad = NAN;

	if (!d)
		return mad;
	for (int i = 0; i < n; i++)
		d[i] = fabs(v[i] - median);
	qsort(d, (size_t)n, sizeof *d, by_value);
	mad = stats_quantile(d, n, 0.5);
	free(d);
	return mad;
}

/* The narrowest symmetric pair of order statistics that covers the median with 95 %: its miss is
 * twice the binomial tail P(X < k), X ~ B(n, 1/2). */
static void median_interval(struct stats *s, const double *v)
{
	double term = pow(0.5, s->n), tail = 0;
	int k = 0;

	s->ci_lo = s->ci_hi = s->ci_conf = NAN;
	if (s->n < 6)
		return;
	if (s->n > 1000) { /* normal limit: the powers of 1/2 leave the range of double */
		k = (int)floor(s->n / 2.0 - 1.96 * sqrt(s->n) / 2);
		tail = 0.025;
	}
	while (s->n <= 1000 && tail + term <= 0.025) {
		tail += term;
		term *= (double)(s->n - k) / (k + 1);
		k++;
	}
	s->ci_lo = v[k - 1];
	s->ci_hi = v[s->n - k];
	s->ci_conf = 1 - 2 * tail;
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

	qsort(v, (size_t)n, sizeof *v, by_value);
	s.min = v[0];
	s.q1 = stats_quantile(v, n, 0.25);
	s.median = stats_quantile(v, n, 0.5);
	s.q3 = stats_quantile(v, n, 0.75);
	s.max = v[n - 1];
	moments(&s, v);
	s.mad = absolute_deviation(v, n, s.median);
	median_interval(&s, v);
	count_outliers(&s, v);
	s.p90 = n >= 64 ? stats_quantile(v, n, 0.9) : NAN;
	s.p99 = n >= 662 ? stats_quantile(v, n, 0.99) : NAN;
	return s;
}
