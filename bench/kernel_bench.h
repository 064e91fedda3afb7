/* SPDX-License-Identifier: MIT
 *
 * One op at one shape: checked against the reference backend first, then timed.
 */
#ifndef BENCH_KERNEL_BENCH_H
#define BENCH_KERNEL_BENCH_H

#include "device.h"
#include "kernel_list.h"

struct kernel_result {
	double error;       /* relative, norm over norm, against ref; NAN: not checked */
	int scaled_by;      /* the check ran with the middle dimensions divided by this */
	double best, median,
		worst; /* seconds of one call; operands as warm as repeating makes them */
	int n;
};

/* Repeats the call for about `seconds`, three times at least. */
int kernel_measure(const struct kernel *k, const struct device *d, double seconds,
		   struct kernel_result *r, struct err *e);

/* About how long that takes, on a machine whose limit for one call is limit_s (0: unknown). */
double kernel_estimate_s(const struct kernel *k, double seconds, double limit_s);

/* Largest error that rounding explains: a few units of the storage type. */
double kernel_tolerance(const struct kernel *k);

#endif
