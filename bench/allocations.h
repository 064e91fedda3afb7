/* SPDX-License-Identifier: MIT
 *
 * How often the whole process asks for heap memory inside timed steps, libraries and their threads
 * included: an exact metric of a gate. Our own code never does; what is counted is what libraries
 * do. It works where the program brings its own malloc (main_malloc.c), that is in build/bench with
 * glibc and without a sanitizer.
 */
#ifndef BENCH_ALLOCATIONS_H
#define BENCH_ALLOCATIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct allocations {
	bool known;      /* somebody counts */
	atomic_bool on;
	atomic_llong calls;
};
extern struct allocations allocations;

/* Around a timed step: no system call, no lock. */
void allocations_begin(void);
void allocations_end(void);

/* Calls counted since the last reset; -1: nobody counts. */
int64_t allocations_take(void);

#endif
