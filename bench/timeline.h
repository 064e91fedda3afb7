/* SPDX-License-Identifier: MIT
 *
 * The traced sample as a timeline: stages, steps, scopes, ops and reference blocks with their
 * times, for a file in Chrome's trace format, which Perfetto (ui.perfetto.dev) and chrome://tracing
 * open. Collected between the steps, written after the run.
 */
#ifndef BENCH_TIMELINE_H
#define BENCH_TIMELINE_H

#include "point.h"
#include "trace.h"

struct timeline;

struct timeline *timeline_new(void);
void timeline_free(struct timeline *t);

/* A step with the ops that the trace holds now. t may be NULL, here and below: nothing is kept. */
void timeline_step(struct timeline *t, int stage, int step, int64_t begin_ns, int64_t end_ns,
		   const struct trace *trace);
void timeline_block(struct timeline *t, int64_t begin_ns, int64_t end_ns, double rate);

/* Writes JSON; scopes are those of the point's context. */
int timeline_write(const struct timeline *t, const struct point *p, const char *path,
		   struct err *e);

/* Folded stacks, one line per stage, scopes and op with its nanoseconds: what flamegraph.pl and
 * speedscope read. */
int folded_write(const struct profile *profile, const struct point *p, const char *path,
		 struct err *e);

#endif
