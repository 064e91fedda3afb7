/* SPDX-License-Identifier: MIT
 *
 * How noisy a machine is, and what that allows to see. All of it in logarithms: a deviation of 0.01
 * is 1 %.
 */
#ifndef BENCH_STATS_NOISE_H
#define BENCH_STATS_NOISE_H

struct noise {
	double within;  /* between samples of one process */
	double process; /* between processes, beyond what `within` explains */
	double pair;    /* of the log ratio of two neighbouring processes' medians */
	int processes, pairs;
};

/* Sample i of process p is log_time[p][i], i < count[p]. Within and between by the one-way analysis
 * of variance with random effects; a negative estimate is 0. With one sample each, all of it counts
 * as `process` and `within` is NAN; so is everything with fewer than two processes. */
struct noise noise_of(const double *const *log_time, const int *count, int processes);

/* Fills in `pair` from the log ratios of pairs; n >= 2, otherwise NAN. The deviation is around
 * zero, since both arms of a calibration are the same. */
void noise_set_pairs(struct noise *noise, const double *log_ratio, int n);

/* 95 % interval of that deviation by the bootstrap (BCa); NAN for n < 3. The same pairs give the
 * same interval. */
void noise_pair_interval(const double *log_ratio, int n, double *lo, double *hi);

#endif
