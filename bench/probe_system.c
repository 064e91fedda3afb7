/* SPDX-License-Identifier: MIT
 *
 * Probes that Linux answers through getrusage and /proc.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cpu/peak.h"
#include "probe.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static int no(char *why, size_t len, const char *reason)
{
	snprintf(why, len, "%s", reason);
	return -1;
}

/* ---- getrusage ---------------------------------------------------------------------------------
 */

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

static int open_usage(void **state, char *why, size_t len)
{
	struct rusage u;

	(void)state;
	return getrusage(RUSAGE_SELF, &u) ? no(why, len, "getrusage is refused") : 0;
}

static void read_usage(void *state, double *v)
{
	struct rusage u = { 0 };

	(void)state;
	getrusage(RUSAGE_SELF, &u);
	v[0] = seconds(u.ru_utime);
	v[1] = seconds(u.ru_stime);
	v[2] = (double)u.ru_minflt;
	v[3] = (double)u.ru_majflt;
	v[4] = (double)u.ru_nvcsw;
	v[5] = (double)u.ru_nivcsw;
}

static const struct probe usage[] = {
	{ "cpu_user_time", "s", "all threads in the program", .kind = PROBE_SUM },
	{ "cpu_system_time", "s", "all threads in the kernel", .kind = PROBE_SUM },
	{ "page_faults_minor", "1", "pages mapped without a disk", .kind = PROBE_SUM },
	{ "page_faults_major", "1", "pages read from a disk", .kind = PROBE_SUM },
	{ "context_switches_voluntary", "1", "a thread waited", .kind = PROBE_SUM },
	{ "context_switches_involuntary", "1", "a thread was put aside for another",
	  .kind = PROBE_SUM },
};
const struct probe_source probe_usage = { "getrusage", usage, COUNT(usage), .open = open_usage,
					  .read = read_usage };

/* ---- the queue for a core ----------------------------------------------------------------------
 */

/* Nanoseconds that the threads of this process stood in the run queue; NAN: not told. */
static double waited_ns(void)
{
	DIR *dir = opendir("/proc/self/task");
	double sum = 0;
	int found = 0;

	for (struct dirent *d; dir && (d = readdir(dir));) {
		char path[300];
		unsigned long long ran, waited;
		FILE *f;
		snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", d->d_name);
		f = *d->d_name == '.' ? NULL : fopen(path, "r");
		if (f && fscanf(f, "%llu %llu", &ran, &waited) == 2) {
			sum += (double)waited;
			found++;
		}
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return found ? sum : NAN;
}

static int open_queue(void **state, char *why, size_t len)
{
	(void)state;
	return isnan(waited_ns()) ? no(why, len, "/proc/self/task/*/schedstat is not there "
						 "(CONFIG_SCHED_INFO)")
				  : 0;
}

static void read_queue(void *state, double *v)
{
	(void)state;
	v[0] = 1e-9 * waited_ns();
}

static const struct probe queue[] = {
	{ "run_queue_wait", "s", "all threads ready to run and without a core", .kind = PROBE_SUM },
};
const struct probe_source probe_queue = { "schedstat", queue, COUNT(queue), .open = open_queue,
					  .read = read_queue };

/* ---- steal time --------------------------------------------------------------------------------
 */

static double stolen_ticks(void)
{
	double stolen = NAN;
	FILE *f = fopen("/proc/stat", "r");

	if (f && fscanf(f, "cpu %*u %*u %*u %*u %*u %*u %*u %lf", &stolen) != 1)
		stolen = NAN;
	if (f)
		fclose(f);
	return stolen;
}

static int open_steal(void **state, char *why, size_t len)
{
	(void)state;
	return isnan(stolen_ticks()) ? no(why, len, "/proc/stat is not there or tells no steal "
						    "time")
				     : 0;
}

static void read_steal(void *state, double *v)
{
	(void)state;
	v[0] = stolen_ticks() / (double)sysconf(_SC_CLK_TCK);
}

static const struct probe steal[] = {
	{ "steal_time", "s", "cores of this machine given to other guests of its host",
	  .kind = PROBE_SUM },
};
const struct probe_source probe_steal = { "/proc/stat", steal, COUNT(steal), .open = open_steal,
					  .read = read_steal };

/* ---- memory by kind ----------------------------------------------------------------------------
 */

/* "Key:   123 kB" lines of a file: bytes per key, NAN when it is missing. */
static void read_kib(const char *path, const char *const *key, int n, double *bytes)
{
	char line[256];
	FILE *f = fopen(path, "r");

	for (int i = 0; i < n; i++)
		bytes[i] = NAN;
	while (f && fgets(line, sizeof line, f))
		for (int i = 0; i < n; i++) {
			size_t len = strlen(key[i]);
			if (strncmp(line, key[i], len) == 0 && line[len] == ':')
				bytes[i] = 1024 * strtod(line + len + 1, NULL);
		}
	if (f)
		fclose(f);
}

static int open_memory(void **state, char *why, size_t len)
{
	(void)state;
	return access("/proc/self/status", R_OK) ? no(why, len, "/proc/self/status cannot be read")
						 : 0;
}

static void read_memory(void *state, double *v)
{
	static const char *const key[] = { "VmHWM", "RssAnon", "RssFile" };

	(void)state;
	read_kib("/proc/self/status", key, COUNT(key), v);
}

static const struct probe memory[] = {
	{ "mem_peak", "B", "most resident memory so far", .kind = PROBE_LEVEL },
	{ "mem_anon", "B", "resident memory without a file: weights, activations",
	  .kind = PROBE_LEVEL },
	{ "mem_file", "B", "resident memory of mapped files: program, libraries",
	  .kind = PROBE_LEVEL },
};
const struct probe_source probe_memory = { "/proc/self/status", memory, COUNT(memory),
					   .open = open_memory, .read = read_memory };

static int open_huge_pages(void **state, char *why, size_t len)
{
	(void)state;
	return access("/proc/self/smaps_rollup", R_OK)
		       ? no(why, len, "/proc/self/smaps_rollup cannot be read (Linux 4.14)")
		       : 0;
}

static void read_huge_pages(void *state, double *v)
{
	static const char *const key[] = { "AnonHugePages" };

	(void)state;
	read_kib("/proc/self/smaps_rollup", key, COUNT(key), v);
}

static const struct probe huge_pages[] = {
	{ "mem_huge", "B", "memory on transparent huge pages", .kind = PROBE_LEVEL },
};
const struct probe_source probe_huge_pages = { "smaps_rollup",          huge_pages,
					       COUNT(huge_pages),       .brief_only = true,
					       .open = open_huge_pages, .read = read_huge_pages };

/* ---- clock of the core -------------------------------------------------------------------------
 */

#define CLOCK_S 2e-4

static int open_clock(void **state, char *why, size_t len)
{
	(void)state;
	return core_frequency(CLOCK_S) > 0 ? 0 : no(why, len, "no dependent-add loop for this "
							      "processor");
}

static void read_clock(void *state, double *v)
{
	(void)state;
	v[0] = core_frequency(CLOCK_S);
}

static const struct probe core_clock[] = {
	{ "core_clock", "Hz", "a chain of additions, one cycle each, right after the sample",
	  .kind = PROBE_LEVEL },
};
const struct probe_source probe_clock = {
	"core clock",       core_clock,         COUNT(core_clock),
	.brief_only = true, .open = open_clock, .read = read_clock
};
