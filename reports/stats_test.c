/* SPDX-License-Identifier: MIT
 *
 * Against values from the definitions: quartiles of 1..n, the interval of the median from binomial
 * tables (n = 6: first to last, 96.9 %; n = 10: 2nd to 9th, 97.9 %; n = 30: 10th to 21st, 95.7 %).
 */
#include "stats.h"
#include "test.h"

static struct stats of_range(int n)
{
	static double v[2000];

	for (int i = 0; i < n; i++)
		v[i] = (i * 7919) % n + 1; /* 1..n in another order; 7919 is prime */
	return stats_of(v, n);
}

int main(void)
{
	struct stats s = of_range(1);
	double tail[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 100 };

	CHECK_NEAR(s.median, 1, 0);
	CHECK(isnan(s.sd) && isnan(s.ci_lo) && isnan(s.p90), "one value has no spread");
	s = of_range(5);
	CHECK_NEAR(s.q1, 2, 1e-12);
	CHECK_NEAR(s.mad, 1, 1e-12);
	CHECK_NEAR(s.sd, sqrt(2.5), 1e-12);
	CHECK(isnan(s.ci_lo), "five values give no interval");
	s = of_range(6);
	CHECK_NEAR(s.ci_lo, 1, 0);
	CHECK_NEAR(s.ci_hi, 6, 0);
	CHECK_NEAR(s.ci_conf, 0.96875, 1e-9);
	s = of_range(10);
	CHECK_NEAR(s.ci_lo, 2, 0);
	CHECK_NEAR(s.ci_hi, 9, 0);
	CHECK_NEAR(s.ci_conf, 1 - 2 * 11.0 / 1024, 1e-9);
	s = of_range(30);
	CHECK_NEAR(s.ci_lo, 10, 0);
	CHECK_NEAR(s.ci_hi, 21, 0);
	CHECK(isnan(s.p90), "p90 of 30 values");
	s = of_range(64);
	CHECK_NEAR(s.p90, 57.7, 1e-9);
	s = of_range(1500);
	CHECK_NEAR(s.ci_lo, 712, 1);
	CHECK_NEAR(s.p99, 1485.01, 1e-6);
	s = stats_of(tail, 11);
	CHECK_INT(s.outliers_mild, 1);
	CHECK_INT(s.outliers_severe, 1);
	return test_end();
}
