/* SPDX-License-Identifier: MIT
 *
 * The history of a series: one value per build, oldest first, and the steps in it. A series is a
 * workload with its configuration on one machine, one metric of one stage. A step that somebody has
 * acknowledged (`bench ack`) is known; the level after it is the new normal.
 */
#ifndef BENCH_TREND_H
#define BENCH_TREND_H

#include "report.h"

struct trend_step {
	char at_utc[32], before_build[64], after_build[64];
	double before, after;   /* medians of the levels */
	long long at_unix_ns;
	char reason[256];       /* of the acknowledgement; "": nobody has looked at it */
};

struct trend {
	char workload[128], params[512], machine[128], metric[64], stage[64], unit[16];
	int better;             /* -1: lower */
	int n;                  /* values */
	double first, last;     /* value of the oldest and of the newest build */
	double usual;           /* usual change from value to value, a share; NAN: too few */
	struct trend_step *steps; /* owned */
	int n_steps;
};

/* All series of a metric and stage, of one workload or (NULL) of all, that have at least two
 * values: *n of them, owned, free each with trend_end() and then the array. */
int trend_read(struct trend **t, int *n, struct db *db, const char *workload, const char *metric,
	       const char *stage, struct report_error *e);
void trend_end(struct trend *t);

#define TREND_HISTORY 8 /* builds that make a history */

/* The usual change from build to build of a metric and stage on the machine, with the workload and
 * the settings of run `uuid`, as a share; runs of session `without` do not count. 0: the history
 * has fewer than TREND_HISTORY builds, or an error. */
double trend_usual(struct db *db, const char *uuid, const char *metric, const char *stage,
		   const char *without, struct report_error *e);

#endif
