/* SPDX-License-Identifier: MIT
 *
 * Hardware and software counters by group. A group is a small JSON file (bench/counters/, or the
 * user's own): events, each with a list of names of which the first that works is taken, and
 * metrics, formulas over the events and `time` (seconds).
 *
 *	{ "what": "...",
 *	  "events": { "CYC": ["PAPI_TOT_CYC", "perf:cycles"], ... },
 *	  "metrics": [ { "name": "ipc", "unit": "1", "formula": "INS / CYC", "what": "..." } ] }
 *
 * Names with "perf:" are asked of Linux (perf_event_open), all others of PAPI, presets and native
 * events alike, when the program was built with it. Each thread counts for itself; the sums over
 * the threads are what formulas see.
 */
#ifndef BENCH_COUNTERS_H
#define BENCH_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define COUNTER_EVENTS  8
#define COUNTER_METRICS 12
#define COUNTER_CHOICES 4

struct counter_event {
	char key[16];
	int n;
	char name[COUNTER_CHOICES][64]; /* the first that works */
};

struct counter_metric {
	char name[88]; /* "counter_GROUP_NAME" */
	char unit[16], what[128], formula[128];
};

struct counter_group {
	char name[48], what[128];
	int n_events, n_metrics;
	struct counter_event event[COUNTER_EVENTS];
	struct counter_metric metric[COUNTER_METRICS];
};

/* A built-in group by name, or a file (a word with '/' or '.'). Unknown names, and files that are
 * not a group, are errors that say what is wrong. */
int counter_group_load(struct counter_group *g, const char *name, struct err *e);

/* Names of the built-in groups; NULL after the last. */
const char *counter_group_name(int i);

/* Value of a metric: sums of the events, in order, and the seconds they were counted. NAN where the
 * formula divides zero by zero. */
double counter_metric_value(const struct counter_group *g, int metric, const double *events,
			    double seconds);

/* ---- counting (counters.c) ---------------------------------------------------------------------
 */

struct counters;

/* Starts counting on `threads` OpenMP threads. NULL with the reason in `why`. */
struct counters *counters_open(const struct counter_group *g, int threads, char *why, size_t len);
void counters_read(struct counters *c, double *events); /* since the start; from the first thread */
void counters_close(struct counters *c);

/* ---- one event of one thread (counter_perf.c) --------------------------------------------------
 */

/* Descriptor of a counter of the calling thread; -1 with the reason. name without "perf:". */
int perf_open(const char *name, char *why, size_t len);
double perf_read(int fd); /* scaled up when the kernel shared the counter out */
void perf_close(int fd);

#endif
