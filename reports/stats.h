/* SPDX-License-Identifier: MIT
 *
 * Order statistics of a sample. What its size does not allow is not a number: a 95 % interval of
 * the median needs 6 values, the 90th percentile 64, the 99th 662.
 */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

struct stats {
	int n, outliers_mild, outliers_severe; /* beyond 1.5 and 3 quartile distances (Tukey) */
	double min, q1, median, q3, max, mean, sd, mad;
	double ci_lo, ci_hi, ci_conf; /* of the median, by order statistics */
	double p90, p99;
};

/* v is sorted in place; n >= 1. */
struct stats stats_of(double *v, int n);

/* Value at quantile q of sorted v, between neighbours linearly (Hyndman and Fan, type 7). */
double stats_quantile(const double *v, int n, double q);

#endif
