/* SPDX-License-Identifier: MIT
 *
 * Times of single ops. The hook writes two clock readings and the cost into memory that was set
 * aside before the step (about 60 ns an op); adding up happens after the step.
 */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include "profile.h"

struct trace;

/* Room for `calls` ops per step. */
struct trace *trace_new(int64_t calls);
void trace_free(struct trace *t);
struct op_hook trace_hook(struct trace *t);

/* After a step: adds its records to the profile and forgets them. */
void trace_flush(struct trace *t, struct profile *p, int stage);

#endif
