/* SPDX-License-Identifier: MIT
 *
 * A straight line through points, and the question whether a series of iterations has settled.
 */
#ifndef BENCH_STATS_FIT_H
#define BENCH_STATS_FIT_H

#include <stdbool.h>

/* y = intercept + slope x by least squares; intervals by Student's t with n - 2 degrees of freedom.
 * With two points there is a line but no interval (NAN); with one, or one x, nothing. */
struct line {
	double intercept, intercept_lo, intercept_hi;
	double slope, slope_lo, slope_hi;
	double slope_error; /* standard error */
	double residual_sd, r_squared;
	int n;
	double conf;
	double x_mean, x_squares; /* sum of (x - x_mean)^2, for line_band */
};

struct line line_fit(const double *x, const double *y, int n, double conf);
double line_at(const struct line *l, double x);

/* Half width of the interval of the line's own height at x. */
double line_band(const struct line *l, double x);

/* ---- steady state ------------------------------------------------------------------------------
 */

/* The last W iterations, W = those of the last 2 s, at least 5, at most 20, are steady when the
 * fitted line drifts by less than 0.5 % of their mean from end to end, or by so little that noise
 * explains it (|slope| under twice its standard error) while the deviation around the line is not
 * larger in one half of them than three times that in the other. */
struct steady {
	bool steady;
	int window;      /* W; 0: fewer than 5 iterations, nothing can be said */
	double drift;    /* over the window, relative to its mean */
	double noise;    /* relative deviation around the line */
};

struct steady steady_of(const double *seconds, int n);

#endif
