/* SPDX-License-Identifier: MIT */
#include "stats_dist.h"

#include <float.h>
#include <math.h>

double normal_cdf(double z)
{
	return 0.5 * erfc(-z * M_SQRT1_2);
}

/* Where a rising function reaches p, between lo and hi, to the last bit that matters. */
static double root(double (*f)(double x, const double *arg), const double *arg, double p, double lo,
		   double hi)
{
	for (int i = 0; i < 2000; i++) {
		double mid = lo + (hi - lo) / 2;
		if (mid <= lo || mid >= hi)
			break;
		*(f(mid, arg) < p ? &lo : &hi) = mid;
	}
	return hi;
}

static double normal_of(double z, const double *unused)
{
	(void)unused;
	return normal_cdf(z);
}

double normal_quantile(double p)
{
	if (p <= 0 || p >= 1)
		return p <= 0 ? -INFINITY : INFINITY;
	return p > 0.5 ? -normal_quantile(1 - p) : root(normal_of, 0, p, -39, 0);
}

/* Continued fraction of the incomplete beta function by Lentz's method (Abramowitz and Stegun
 * 26.5.8); converges quickly for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double x, double a, double b)
{
	const double tiny = 1e-300;
	double c = 1, d = 1 - (a + b) * x / (a + 1), f;

	d = 1 / (fabs(d) < tiny ? tiny : d);
	f = d;
	for (int m = 1; m <= 10000; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double before = f;
		for (int i = 0; i < 2; i++) {
			double term = i ? odd : even;
			d = 1 + term * d;
			c = 1 + term / c;
			d = 1 / (fabs(d) < tiny ? tiny : d);
			c = fabs(c) < tiny ? tiny : c;
			f *= c * d;
		}
		if (fabs(f - before) <= DBL_EPSILON * fabs(f))
			break;
	}
	return f;
}

/* I_x(a, b) with y = 1 - x given apart, so that nothing is lost near 1. */
static double beta_of(double x, double y, double a, double b)
{
	double front;

	if (x <= 0 || y <= 0)
		return x <= 0 ? 0 : 1;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(x, a, b) / a;
	return 1 - front * beta_fraction(y, b, a) / b;
}

double beta_cdf(double x, double a, double b)
{
	return beta_of(x, 1 - x, a, b);
}

double student_cdf(double t, double dof)
{
	double s = t * t, tail = 0.5 * beta_of(dof / (dof + s), s / (dof + s), dof / 2, 0.5);

	return t > 0 ? 1 - tail : tail;
}

static double student_of(double t, const double *dof)
{
	return student_cdf(t, *dof);
}

double student_quantile(double p, double dof)
{
	double lo = -4;

	if (p <= 0 || p >= 1)
		return p <= 0 ? -INFINITY : INFINITY;
	if (p > 0.5)
		return -student_quantile(1 - p, dof);
	while (lo > -1e300 && student_cdf(lo, dof) > p)
		lo *= 4;
	return root(student_of, &dof, p, lo, 0);
}

double binomial_cdf(int k, int n, double p)
{
	if (k < 0 || k >= n)
		return k < 0 ? 0 : 1;
	return beta_of(1 - p, p, n - k, k + 1);
}

static double fewer_seen(double p, const double *arg)
{
	return 1 - binomial_cdf((int)arg[0], (int)arg[1], p);
}

double binomial_upper(int k, int n, double conf)
{
	double arg[2] = { k, n };

	return k >= n ? 1 : root(fewer_seen, arg, conf, 0, 1);
}
