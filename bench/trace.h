/* SPDX-License-Identifier: MIT
 *
 * Times of single ops. The hook writes two clock readings and the cost into memory that was set
 * aside before the step (about 60 ns an op); adding up happens after the step.
 */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include "profile.h"

struct trace;

struct trace_record {
	const struct scope *scope; /* belongs to the context */
	enum op op;
	int64_t begin_ns, ns; /* clock, duration */
	struct cost cost;
};

/* Room for `calls` ops per step. */
struct trace *trace_new(int64_t calls);
void trace_free(struct trace *t);
struct op_hook trace_hook(struct trace *t);

/* Those of the step so far, in order. */
const struct trace_record *trace_records(const struct trace *t, int64_t *n);

/* After a step: adds its records to the profile and forgets them. */
void trace_flush(struct trace *t, struct profile *p, int stage);

#endif
