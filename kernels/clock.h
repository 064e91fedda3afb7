/* SPDX-License-Identifier: MIT
 *
 * The one clock of every measurement: monotonic, nanoseconds, about 22 ns a call.
 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline double clock_s(void)
{
	return 1e-9 * (double)clock_ns();
}

#endif
