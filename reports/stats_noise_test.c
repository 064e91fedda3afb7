/* SPDX-License-Identifier: MIT
 *
 * Components of noise against values worked out by hand, and the interval of a pair's deviation.
 */
#include "stats_noise.h"

#include "stats_boot.h"
#include "test.h"

static struct noise noise_of_two(const double *a, int n_a, const double *b, int n_b)
{
	return noise_of((const double *const[]){ a, b }, (const int[]){ n_a, n_b }, 2);
}

/* Means 2 and 6, mean of all 4: within (2 + 2) / 4 = 1; between 3*4 + 3*4 = 24 per process 3. */
static void test_balanced(void)
{
	struct noise n = noise_of_two((const double[]){ 1, 2, 3 }, 3,
				      (const double[]){ 5, 6, 7 }, 3);

	CHECK_NEAR(n.within, 1, 1e-12);
	CHECK_NEAR(n.process, sqrt((24 - 1) / 3.0), 1e-12);
	CHECK_INT(n.processes, 2);
	CHECK_INT(n.pairs, 0);
	CHECK(isnan(n.pair), "pairs of nothing: %g", n.pair);
}

/* Two and four samples: means 1 and 4, of all 3. Within (2 + 4) / 4; between 2*4 + 4*1 = 12;
 * typical samples 6 - 20/6 = 8/3. */
static void test_unbalanced(void)
{
	struct noise n = noise_of_two((const double[]){ 0, 2 }, 2,
				      (const double[]){ 3, 3, 5, 5 }, 4);

	CHECK_NEAR(n.within, sqrt(1.5), 1e-12);
	CHECK_NEAR(n.process, sqrt((12 - 1.5) / (8.0 / 3)), 1e-12);
}

/* Processes that differ less than their samples let expect: nothing of their own. */
static void test_no_less_than_nothing(void)
{
	struct noise n = noise_of_two((const double[]){ 0, 4 }, 2, (const double[]){ 0, 4 }, 2);

	CHECK_NEAR(n.process, 0, 0);
	CHECK_NEAR(n.within, sqrt(8), 1e-12);
}

static void test_single_samples(void)
{
	struct noise n = noise_of_two((const double[]){ 1 }, 1, (const double[]){ 4 }, 1);

	CHECK(isnan(n.within), "%g", n.within);
	CHECK_NEAR(n.process, sqrt(4.5), 1e-12);
	n = noise_of((const double *const[]){ (const double[]){ 1, 2 } }, (const int[]){ 2 }, 1);
	CHECK(isnan(n.within) && isnan(n.process), "one process: %g %g", n.within, n.process);
}

/* Around zero, not around their mean. */
static void test_pairs(void)
{
	const double d[] = { 3, 3, 3, 5 };
	struct noise n = { .pairs = 0 };

	noise_set_pairs(&n, d, 4);
	CHECK_NEAR(n.pair, sqrt(13), 1e-12);
	CHECK_INT(n.pairs, 4);
	noise_set_pairs(&n, d, 1);
	CHECK(isnan(n.pair), "one pair: %g", n.pair);
	CHECK_INT(n.pairs, 1);
}

static double root_mean_square(double *v, int n)
{
	double squares = 0;

	for (int i = 0; i < n; i++)
		squares += v[i] * v[i];
	return sqrt(squares / n);
}

static void test_interval(void)
{
	const double d[] = { 3, 3, 3, 5 };
	struct bootstrap b = bootstrap(d, 4, root_mean_square, 2000, 0.95, 1);
	double lo, hi;

	noise_pair_interval(d, 4, &lo, &hi);
	CHECK_NEAR(lo, b.bca_lo, 0);
	CHECK_NEAR(hi, b.bca_hi, 0);
	CHECK(lo >= 3 && lo < sqrt(13) && sqrt(13) < hi && hi <= 5, "%g to %g", lo, hi);
	noise_pair_interval(d, 2, &lo, &hi);
	CHECK(isnan(lo) && isnan(hi), "two pairs: %g to %g", lo, hi);
}

/* The misses of 400 intervals over 20 normal pairs. BCa moves the percentile interval, which would
 * miss on the upper side nearly always, to larger values. */
static void test_coverage(void)
{
	struct rng r = { .seed = 7 };
	int above = 0, below = 0;

	for (int i = 0; i < 400; i++) {
		double d[20], lo, hi;
		for (int k = 0; k < 20; k++)
			d[k] = 0.01 * rng_normal(&r);
		noise_pair_interval(d, 20, &lo, &hi);
		below += lo > 0.01;
		above += hi < 0.01;
	}
	printf("deviation below the interval %d times of 400, above %d times\n", below, above);
	CHECK(below >= 4 && below <= 24, "below: %d of 400", below);
	CHECK(above >= 4 && above <= 36, "above: %d of 400", above);
}

int main(void)
{
	test_balanced();
	test_unbalanced();
	test_no_less_than_nothing();
	test_single_samples();
	test_pairs();
	test_interval();
	test_coverage();
	return test_end();
}
