/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "threads.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __SSE2__
#include <pmmintrin.h>
#include <xmmintrin.h>
#endif

#include "machine.h"

#define CPUS_MAX 1024
#define PLACED   "BENCH_PLACED" /* the places are set, do not start again */

int threads_default(void)
{
	int cpu[CPUS_MAX], cores = machine_cores(cpu, CPUS_MAX), quota = machine_quota();

	return cores < 1 ? 1 : quota < cores ? quota : cores;
}

/* Threads that are created later inherit this. */
static void flush_denormals(void)
{
#ifdef __SSE2__
	_MM_SET_FLUSH_ZERO_MODE(_MM_FLUSH_ZERO_ON);
	_MM_SET_DENORMALS_ZERO_MODE(_MM_DENORMALS_ZERO_ON);
#endif
}

/* "{0},{2},{4}": one place per core, then the cores again when there are more threads. */
static void set_places(int threads)
{
	int cpu[CPUS_MAX], cores = machine_cores(cpu, CPUS_MAX), n = 0;
	static char places[16 * CPUS_MAX];
	char number[16];

	for (int i = 0; i < cores; i++)
		n += snprintf(places + n, sizeof places - (size_t)n, "%s{%d}", i ? "," : "",
			      cpu[i]);
	snprintf(number, sizeof number, "%d", threads);
	setenv("OMP_PLACES", places, 1);
	setenv("OMP_PROC_BIND", threads <= cores ? "close" : "false", 1);
	setenv("OMP_NUM_THREADS", number, 1);
	setenv("OMP_DYNAMIC", "false", 1);
	setenv(PLACED, number, 1);
}

int threads_start(const struct options *o, char **argv)
{
	const char *placed = getenv(PLACED);
	int threads = opt_given(o, OPT_THREADS) ? (int)opt_int(o, OPT_THREADS) : threads_default();

	if (placed) {
		threads = atoi(placed);
	} else if (!getenv("OMP_PROC_BIND") && !getenv("OMP_PLACES") &&
		   !getenv("GOMP_CPU_AFFINITY")) {
		set_places(threads);
		execv("/proc/self/exe", argv);
		/* without /proc the threads stay where the scheduler puts them */
	}
	flush_denormals();
	omp_set_num_threads(threads);
	return threads;
}
