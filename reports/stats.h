/* SPDX-License-Identifier: MIT
 *
 * Order statistics of a sample. What its size does not allow is not a number: a 95 % interval of
 * the median needs 6 values, the 90th percentile 64, the 99th 662.
 */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

struct interval {
	double lo, hi, conf; /* conf: what is really covered, at least what was asked */
};

struct stats {
	int n, outliers_mild, outliers_severe; /* beyond 1.5 and 3 quartile distances (Tukey) */
	double min, q1, median, q3, max, mean, sd, mad;
	double ci_lo, ci_hi, ci_conf; /* of the median, by order statistics */
	double p90, p99;
};

/* v is sorted in place; n >= 1. */
struct stats stats_of(double *v, int n);

void stats_sort(double *v, int n); /* ascending */

/* Value at quantile q of sorted v, between neighbours linearly (Hyndman and Fan, type 7). */
double stats_quantile(const double *v, int n, double q);
double stats_median(double *v, int n); /* sorts v */
double stats_median_of(const double *v, int n); /* leaves v; NAN for n = 0 */

double stats_mean(const double *v, int n);
double stats_sd(const double *v, int n); /* divisor n - 1; NAN for n < 2 */

/* The narrowest symmetric pair of order statistics of sorted v that covers the median of the
 * population with at least conf; its miss is twice a binomial tail. NAN if n allows none. */
struct interval stats_median_interval(const double *v, int n, double conf);

/* How many values the q-th quantile needs before it may be told: as many as show with 99 %
 * confidence that it lies below all of them (none excluded: 44 for p90, 459 for p99), or below all
 * but one, which covers for values that were excluded (64 and 662). */
int stats_percentile_needs(double q, int excluded);

/* The q-th quantile of sorted v, and an order statistic that lies above the population's quantile
 * with confidence 99 % in *bound (may be NULL). NAN if n does not allow it. */
double stats_percentile(const double *v, int n, double q, int excluded, double *bound);

/* The usual change between neighbours of a history of n >= 2 positive values: third quartile of
 * |relative change| plus three quartile distances (as rustc-perf judges a series). */
double stats_usual_change(const double *history, int n);

#endif
