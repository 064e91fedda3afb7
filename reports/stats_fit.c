/* SPDX-License-Identifier: MIT */
#include "stats_fit.h"

#include <math.h>

#include "stats.h"
#include "stats_dist.h"

#define WINDOW_S    2.0
#define WINDOW_MIN  5
#define WINDOW_MAX  20
#define DRIFT       0.005
#define UNEVEN      3.0

static double squares_of_residuals(const struct line *l, const double *x, const double *y, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += pow(y[i] - line_at(l, x[i]), 2);
	return sum;
}

static void set_intervals(struct line *l, double residuals)
{
	double t, intercept_error;

	l->residual_sd = sqrt(residuals / (l->n - 2));
	l->slope_error = l->residual_sd / sqrt(l->x_squares);
	intercept_error = l->residual_sd * sqrt(1.0 / l->n + l->x_mean * l->x_mean / l->x_squares);
	t = student_quantile((1 + l->conf) / 2, l->n - 2);
	l->slope_lo = l->slope - t * l->slope_error;
	l->slope_hi = l->slope + t * l->slope_error;
	l->intercept_lo = l->intercept - t * intercept_error;
	l->intercept_hi = l->intercept + t * intercept_error;
}

struct line line_fit(const double *x, const double *y, int n, double conf)
{
	struct line l = { NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, n, conf, NAN, 0 };
	double y_mean = n ? stats_mean(y, n) : NAN, products = 0, y_squares = 0, residuals;

	l.x_mean = n ? stats_mean(x, n) : NAN;
	for (int i = 0; i < n; i++) {
		l.x_squares += (x[i] - l.x_mean) * (x[i] - l.x_mean);
		y_squares += (y[i] - y_mean) * (y[i] - y_mean);
		products += (x[i] - l.x_mean) * (y[i] - y_mean);
	}
	if (!(l.x_squares > 0))
		return l;
	l.slope = products / l.x_squares;
	l.intercept = y_mean - l.slope * l.x_mean;
	residuals = squares_of_residuals(&l, x, y, n);
	l.r_squared = y_squares > 0 ? 1 - residuals / y_squares : 1;
	if (n > 2)
		set_intervals(&l, residuals);
	return l;
}

double line_at(const struct line *l, double x)
{
	return l->intercept + l->slope * x;
}

double line_band(const struct line *l, double x)
{
	double away = x - l->x_mean;

	return student_quantile((1 + l->conf) / 2, l->n - 2) * l->residual_sd *
	       sqrt(1.0 / l->n + away * away / l->x_squares);
}

/* ---- steady state ------------------------------------------------------------------------------
 */

static int window_of(const double *seconds, int n)
{
	double sum = 0;
	int w = 0;

	while (w < n && w < WINDOW_MAX && (w < WINDOW_MIN || sum < WINDOW_S))
		sum += seconds[n - 1 - w++];
	return w >= WINDOW_MIN ? w : 0;
}

/* Whether one half scatters more than UNEVEN times as much as the other; what is below a tenth of
 * the allowed drift is no scatter. */
static bool uneven(const struct line *l, const double *x, const double *y, int n, double mean)
{
	int half = n / 2;
	double first = sqrt(squares_of_residuals(l, x, y, half) / half);
	double last = sqrt(squares_of_residuals(l, x + n - half, y + n - half, half) / half);
	double least = 0.1 * DRIFT * mean;

	return fmax(first, last) > UNEVEN * fmax(fmin(first, last), least);
}

struct steady steady_of(const double *seconds, int n)
{
	struct steady s = { .window = window_of(seconds, n), .drift = NAN, .noise = NAN };
	double x[WINDOW_MAX], mean;
	const double *y = seconds + n - s.window;
	struct line l;

	if (!s.window)
		return s;
	for (int i = 0; i < s.window; i++)
		x[i] = i;
	l = line_fit(x, y, s.window, 0.95);
	mean = stats_mean(y, s.window);
	s.drift = l.slope * s.window / mean;
	s.noise = l.residual_sd / mean;
	s.steady = fabs(s.drift) < DRIFT || (fabs(l.slope) < 2 * l.slope_error &&
					     !uneven(&l, x, y, s.window, mean));
	return s;
}
