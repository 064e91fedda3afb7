/* SPDX-License-Identifier: MIT
 *
 * The whole test framework. A test is a program: CHECK what must hold, and end main with
 * `return test_end();`. Exit 0: all passed, 1: some failed, 77: skipped (test_skip).
 * Each check counts; the runner (scripts/run-tests) adds the counts up.
 */
#ifndef BENCH_TEST_H
#define BENCH_TEST_H

#include <math.h>
#include <stdio.h>
#include <string.h>

static int test_passed, test_failed;

/* Prints the sentence when cond is false; goes on. */
#define CHECK(cond, ...)                                                   \
	do {                                                               \
		if (cond) {                                                \
			test_passed++;                                     \
		} else {                                                   \
			test_failed++;                                     \
			printf("%s:%d: %s: ", __FILE__, __LINE__, #cond);  \
			printf(__VA_ARGS__);                               \
			printf("\n");                                      \
		}                                                          \
	} while (0)

#define CHECK_INT(got, want) \
	CHECK((long long)(got) == (long long)(want), "got %lld, want %lld", (long long)(got), \
	      (long long)(want))

#define CHECK_STR(got, want) CHECK(strcmp((got), (want)) == 0, "got \"%s\"", (got))

/* |got - want| <= tolerance */
#define CHECK_NEAR(got, want, tolerance)                                                 \
	CHECK(fabs((double)(got) - (double)(want)) <= (tolerance), "got %.9g, want %.9g", \
	      (double)(got), (double)(want))

/* Norm of the difference over norm of `want`; not finite counts as infinite. */
static inline double relative_error(const float *got, const float *want, long long n)
{
	double diff = 0, norm = 0;

	for (long long i = 0; i < n; i++) {
		double d = (double)got[i] - (double)want[i];
		diff += d * d;
		norm += (double)want[i] * (double)want[i];
	}
	if (!isfinite(diff))
		return INFINITY;
	return norm > 0 ? sqrt(diff / norm) : sqrt(diff);
}

static inline int test_end(void)
{
	printf("%d checks passed, %d failed\n", test_passed, test_failed);
	return test_failed ? 1 : test_passed ? 0 : 77;
}

static inline int test_skip(const char *why)
{
	printf("skipped: %s\n", why);
	return 77;
}

#endif
