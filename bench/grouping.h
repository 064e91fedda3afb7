/* SPDX-License-Identifier: MIT
 *
 * Rows of a profile added up by stage, op, part of the model or layer.
 */
#ifndef BENCH_GROUPING_H
#define BENCH_GROUPING_H

#include "point.h"
#include "roofline.h"

struct group {
	char name[256];
	struct cost cost;
	double seconds;
	double limit_s; /* sum of the limits of its rows: each has its own roof */
};

struct grouping {
	struct group *group; /* owned; in order of first appearance */
	int n, capacity;
	struct group total;
};

/* by: "stage", "op", "part" or "layer", folded below `depth` levels. roof NULL: no limits. */
void grouping_fill(struct grouping *g, const struct point *p, const struct profile *profile,
		   const char *by, int64_t depth, const struct roof *roof);
void grouping_clear(struct grouping *g);

/* Most seconds above its limit first. */
void grouping_sort(struct grouping *g);

#endif
