/* SPDX-License-Identifier: MIT
 *
 * A point to measure: a workload with all its settings resolved, and what a dry pass knows of it
 * before anything is allocated: parameters, costs, memory plans.
 */
#ifndef BENCH_POINT_H
#define BENCH_POINT_H

#include "options.h"
#include "profile.h"
#include "workload.h"

struct point {
	const struct preset *preset;
	struct settings settings;
	struct workload *w;
	struct ctx *ctx;
	struct plan *plan[STAGES_MAX];
	struct cost step_cost[STAGES_MAX]; /* of one step of the stage */
	struct cost cost;                  /* of one sample: every step of every stage */
	double slowdown[STAGES_MAX];       /* on purpose, a share (inject.h); 0: none */
};

/* Settings from --set and its short forms, configurations read, dry pass done. Close it in any
 * case. The point borrows the backend. */
int point_open(struct point *p, const struct options *o, const struct backend *b, struct err *e);

/* The same with other settings: a copy of `like` with key=value pairs changed (NULL-terminated). */
int point_open_like(struct point *p, const struct point *like, const char *const *set,
		    struct err *e);
void point_close(struct point *p);

int point_steps(const struct point *p); /* of all stages */

/* Adds what every call of one sample costs, by a pass that computes nothing. */
int point_profile(struct point *p, struct profile *profile, struct err *e);

/* Place of a scope in the workload's list of parts; -1: none. */
int point_part(const struct point *p, const char *path);

/* ---- memory, bytes -----------------------------------------------------------------------------
 */

struct memory_need {
	int64_t weights, states, activations, staging;
	int64_t program; /* held already */
	int64_t library; /* what libraries and the program itself build on the way */
	int64_t total;
};

struct memory_need point_memory(const struct point *p);

/* Refuses a point that does not fit into the memory that is free, and says what would fit. */
int point_check_memory(const struct point *p, struct err *e);

#endif
