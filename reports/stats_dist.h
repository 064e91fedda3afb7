/* SPDX-License-Identifier: MIT
 *
 * Distribution functions that intervals and tests need. Good to 1e-12 relative for arguments up to
 * some thousands, also far out in the tails.
 */
#ifndef BENCH_STATS_DIST_H
#define BENCH_STATS_DIST_H

double normal_cdf(double z);
double normal_quantile(double p); /* -INFINITY at 0, INFINITY at 1 */

/* The incomplete beta function I_x(a, b), regularised: 0 at x = 0, 1 at x = 1; a, b > 0. */
double beta_cdf(double x, double a, double b);

double student_cdf(double t, double dof);
double student_quantile(double p, double dof);

/* P(X <= k), X ~ B(n, p). */
double binomial_cdf(int k, int n, double p);

/* Upper bound, with confidence conf, of a probability of which k cases were seen in n trials
 * (Clopper and Pearson). None seen in 300: 0.00994 with 95 %. */
double binomial_upper(int k, int n, double conf);

#endif
