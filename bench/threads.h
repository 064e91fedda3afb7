/* SPDX-License-Identifier: MIT
 *
 * Threads: one per physical core, each tied to its core. The OpenMP runtime reads its places before
 * main() starts and may end and restart its threads between regions, so the places must be in the
 * environment: the program sets them and starts itself once more (about 2 ms).
 */
#ifndef BENCH_THREADS_H
#define BENCH_THREADS_H

#include "err.h"
#include "options.h"

/* Cores that this process may use, by affinity and quota. */
int threads_default(void);

/* Before a computing verb: returns the number of threads, which are in place, or starts the program
 * anew. A user's own OMP_PROC_BIND, OMP_PLACES or GOMP_CPU_AFFINITY is left alone. Denormals are
 * flushed to zero from here on, in all threads. */
int threads_start(const struct options *o, char **argv);

#endif
