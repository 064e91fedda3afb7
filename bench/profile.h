/* SPDX-License-Identifier: MIT
 *
 * Costs and times added up by stage, scope and op. Filled by the trace of a real run, and without
 * times by a pass on the null backend.
 */
#ifndef BENCH_PROFILE_H
#define BENCH_PROFILE_H

#include "ctx.h"

struct profile_row {
	int stage;
	const struct scope *scope; /* belongs to the context */
	enum op op;
	struct cost cost;
	int64_t ns;
};

struct profile {
	struct profile_row *row; /* in order of first appearance */
	int n, capacity;
	int *slot; /* hash of row numbers + 1 */
};

void profile_add(struct profile *p, int stage, const struct scope *scope, enum op op,
		 const struct cost *cost, int64_t times, int64_t ns);
void profile_clear(struct profile *p);

/* What a hook needs to fill a profile without times; set `stage` and `times` before each step. */
struct profile_hook {
	struct profile *profile;
	int stage;
	int64_t times;
};
struct op_hook profile_counting_hook(struct profile_hook *h);

#endif
