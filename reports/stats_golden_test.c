/* SPDX-License-Identifier: MIT
 *
 * All statistics against SciPy's (scripts/golden_stats.py) on 240 random samples: small, with ties,
 * zeros and heavy tails. Exact methods to 1e-12; what goes through a quantile of Student's t or of
 * the bootstrap to 1e-9, which is how far those of SciPy can be trusted.
 */
#include <jansson.h>
#include <stdlib.h>

#include "stats.h"
#include "stats_boot.h"
#include "stats_dist.h"
#include "stats_fit.h"
#include "stats_rank.h"
#include "test.h"

#define MOST  200
#define EXACT 1e-12
#define NEAR  1e-9

static int case_number;

static void same(const char *what, double got, double want, double tolerance)
{
	double scale = fmax(fabs(want), tolerance == EXACT ? 1e-300 : 1e-3);

	CHECK(fabs(got - want) <= tolerance * scale, "case %d, %s: %.17g, want %.17g", case_number,
	      what, got, want);
}

static double number(const json_t *array, size_t i)
{
	const json_t *v = json_array_get(array, i);
	return json_is_number(v) ? json_number_value(v) : NAN;
}

static int read_array(const json_t *of, const char *key, double *v)
{
	const json_t *array = json_object_get(of, key);
	int n = (int)json_array_size(array);

	for (int i = 0; i < n && i < MOST; i++)
		v[i] = number(array, (size_t)i);
	return n;
}

static void check_test(const char *what, struct rank_test t, const json_t *want)
{
	double tolerance = t.exact ? EXACT : NEAR;

	same(what, t.statistic, number(want, 0), EXACT);
	same(what, t.less, number(want, 1), tolerance);
	same(what, t.greater, number(want, 2), tolerance);
	same(what, t.two_sided, number(want, 3), tolerance);
}

static void check_ranks(const json_t *c, const double *d, int n)
{
	const json_t *unpaired = json_object_get(c, "unpaired"), *bounds;
	double other[MOST];
	int m = read_array(c, "other", other);
	struct walsh w = walsh_of(d, n);

	check_test("signed ranks", signed_rank_test(d, n), json_object_get(c, "signed"));
	if (json_is_array(json_array_get(unpaired, 1)))
		check_test("rank sum", mann_whitney_test(d, (int)number(unpaired, 0), other, m),
			   json_array_get(unpaired, 1));
	same("Hodges-Lehmann", walsh_estimate(&w),
	     json_number_value(json_object_get(c, "estimate")), 1e-11);
	bounds = json_object_get(c, "bounds");
	for (size_t i = 0; i < json_array_size(bounds); i++) {
		const json_t *b = json_array_get(bounds, i);
		same("lower bound", walsh_lower(&w, number(b, 0)), number(b, 1), 1e-11);
		same("upper bound", walsh_upper(&w, number(b, 0)), number(b, 2), 1e-11);
	}
	walsh_free(&w);
}

static void check_order(const json_t *c, const double *d, int n)
{
	static const double conf[] = { 0.95, 0.99 };
	const json_t *median = json_object_get(c, "median"), *quartiles;
	double v[MOST];
	struct stats s;

	memcpy(v, d, (size_t)n * sizeof *v);
	s = stats_of(v, n);
	quartiles = json_object_get(c, "quartiles");
	same("first quartile", s.q1, number(quartiles, 0), 1e-11);
	same("median", s.median, number(quartiles, 1), 1e-11);
	same("third quartile", s.q3, number(quartiles, 2), 1e-11);
	same("deviation", s.sd, json_number_value(json_object_get(c, "sd")), 1e-11);
	for (int i = 0; i < 2; i++) {
		const json_t *want = json_array_get(median, (size_t)i);
		struct interval got = stats_median_interval(v, n, conf[i]);
		if (!json_is_array(want)) {
			CHECK(isnan(got.lo), "case %d: an interval of %d values", case_number, n);
			continue;
		}
		same("lower end", got.lo, number(want, 0), EXACT);
		same("upper end", got.hi, number(want, 1), EXACT);
		same("coverage", got.conf, number(want, 2), EXACT);
	}
}

static void check_line(const json_t *c, const double *d, int n)
{
	const json_t *want = json_object_get(c, "line");
	double x[MOST];
	struct line l;

	read_array(c, "x", x);
	l = line_fit(x, d, n, 0.95);
	same("intercept", l.intercept, number(want, 0), NEAR);
	same("its lower end", l.intercept_lo, number(want, 1), NEAR);
	same("its upper end", l.intercept_hi, number(want, 2), NEAR);
	same("slope", l.slope, number(want, 3), NEAR);
	same("its lower end", l.slope_lo, number(want, 4), NEAR);
	same("its upper end", l.slope_hi, number(want, 5), NEAR);
	same("R^2", l.r_squared, number(want, 6), NEAR);
}

/* So that equal resamples have equal means, in whatever order they were added up. */
static double mean(double *v, int n)
{
	return nearbyint(1e9 * stats_mean(v, n)) / 1e9;
}

static void check_bootstrap(const json_t *c, const double *d, int n, uint64_t seed)
{
	static const statistic_fn statistic[] = { mean, stats_median };
	const json_t *want = json_object_get(c, "bootstrap");

	for (size_t i = 0; want && i < 2; i++) {
		struct bootstrap b = bootstrap(d, n, statistic[i], 200, 0.9, seed);
		double got[] = { b.lo, b.hi, b.bca_lo, b.bca_hi };
		for (size_t k = 0; k < 4; k++)
			if (!isnan(number(want, 4 * i + k)))
				same("bootstrap", got[k], number(want, 4 * i + k), NEAR);
	}
}

static void check_distribution(const json_t *row)
{
	const char *name = json_string_value(json_array_get(row, 0));
	double a = number(row, 1), b = number(row, 2), p = number(row, 3), want = number(row, 4);

	if (strcmp(name, "normal") == 0)
		same(name, normal_quantile(a), want, 1e-11);
	else if (strcmp(name, "student") == 0)
		same(name, student_quantile(a, b), want, NEAR);
	else if (strcmp(name, "student_cdf") == 0)
		same(name, student_cdf(a, b), want, 1e-11);
	else if (strcmp(name, "upper") == 0)
		same(name, binomial_upper((int)a, (int)b, p), want, NEAR);
	else
		same(name, binomial_cdf((int)a, (int)b, p), want, 1e-10);
}

int main(void)
{
	json_error_t error;
	json_t *golden = json_load_file("reports/golden/stats.json", 0, &error);
	const json_t *cases = json_object_get(golden, "cases"),
		     *rows = json_object_get(golden, "distributions");

	CHECK(golden != NULL, "%s", error.text);
	CHECK(json_array_size(cases) >= 200, "%zu cases", json_array_size(cases));
	for (size_t i = 0; i < json_array_size(rows); i++)
		check_distribution(json_array_get(rows, i));
	for (size_t i = 0; i < json_array_size(cases); i++) {
		const json_t *c = json_array_get(cases, i);
		double d[MOST];
		int n = read_array(c, "d", d);
		case_number = (int)i;
		check_ranks(c, d, n);
		check_order(c, d, n);
		check_line(c, d, n);
		check_bootstrap(c, d, n, i);
	}
	json_decref(golden);
	return test_end();
}
