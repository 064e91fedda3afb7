/* SPDX-License-Identifier: MIT
 *
 * Rank methods: they ask nothing of the shape of the noise, and one wild value does not decide.
 *
 * Paired: signed-rank test (Wilcoxon) and the Hodges-Lehmann estimate with its interval, both from
 * the n(n+1)/2 Walsh averages (d_i + d_j) / 2, i <= j. Unpaired: rank-sum test (Mann and Whitney).
 *
 * Conventions. Tied values get the mean of their ranks. A difference of zero has no sign and is
 * left out of the test, with n one less (Wilcoxon's own rule). Up to RANK_EXACT values the
 * probabilities are exact: the distribution over all sign patterns (or all splits) of the ranks at
 * hand, ties included, by dynamic programming; above it the normal limit with the corrections for
 * ties and continuity. A two-sided p is twice the smaller tail, at most 1.
 *
 * Intervals use the distribution without ties. With ties or zeros they cover at least as much.
 */
#ifndef BENCH_STATS_RANK_H
#define BENCH_STATS_RANK_H

#include <stdbool.h>

#define RANK_EXACT 100 /* differences, or values of both samples together */

struct rank_test {
	double statistic; /* sum of the positive ranks; U of the first sample */
	double less, greater, two_sided; /* p; `greater`: d, or the first sample, is larger */
	int n;            /* without zeros */
	bool exact;
};

struct rank_test signed_rank_test(const double *d, int n);
struct rank_test mann_whitney_test(const double *a, int n, const double *b, int m);

/* The largest k >= 0 with P(T < k) <= alpha for the signed-rank sum T of n values: the k-th
 * smallest Walsh average is a lower bound of the centre with confidence 1 - alpha. 0: n is too
 * small. */
int signed_rank_index(int n, double alpha);

/* The Walsh averages of n >= 1 differences, sorted. Shifting d shifts all that follows. */
struct walsh {
	double *average;
	int n, count;
};

struct walsh walsh_of(const double *d, int n);
void walsh_free(struct walsh *w);

double walsh_estimate(const struct walsh *w);            /* Hodges and Lehmann: their median */
double walsh_lower(const struct walsh *w, double alpha); /* -INFINITY: n allows no bound */
double walsh_upper(const struct walsh *w, double alpha); /* INFINITY: likewise */

#endif
