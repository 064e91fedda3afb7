/* SPDX-License-Identifier: MIT
 *
 * The work of a gate, in four files: the baseline (gate_base.c), exact metrics (gate_exact.c),
 * timings (gate_timing.c), and what leads through them (gate.c).
 */
#ifndef BENCH_GATE_RUN_H
#define BENCH_GATE_RUN_H

#include "builds.h"
#include "gate.h"
#include "pairs.h"
#include "verdict.h"

struct gate_arm {
	char binary[PATH_MAX]; /* "": this program */
	char shown[256];       /* for people */
};

struct gate_job {
	const char *base;      /* revision or program; NULL: what the policy says */
	const char *head;      /* a program; NULL: this one */
	const char *db;        /* NULL: nothing is recorded */
	int pairs;             /* 0: what the policy says */
	bool exact_only;       /* no timing: one process of each arm */
	struct progress *progress;
};

/* Fills `g` (its policy is set). 0 also when it is red; see gate_exit(). An error is what kept the
 * gate from judging: a baseline that is not there (ERR_INCOMPARABLE), Ctrl-C, the database. */
int gate_run(struct gate *g, const struct gate_job *job, struct err *e);

/* Finds or builds it. */
int gate_baseline(struct gate_arm *arm, const char *name, struct progress *progress, struct err *e);

/* A case for each exact metric of a row. */
void gate_exact(struct gate *g, const struct policy_row *row, const struct pairs_result *r);

/* ---- gate_timing.c: what the pairs of one timing come to ---------------------------------------
 */

struct gate_timing {
	const struct policy_row *row;
	const struct policy_metric *metric;
	struct verdict_rule rule;
	struct verdict verdict;
	double *log_ratio, *fresh;    /* of the look, and of the confirmation; owned */
	bool *disturbed;              /* owned */
	int n, n_fresh;
	double base, head;            /* medians over processes */
	char base_run[37], head_run[37];
	struct err err;               /* why there is nothing to judge; code 0: there is */
	bool base_failed;             /* that was the fault of the base */
};

/* Takes over the pairs of `r`: further ones for the look, or those of a confirmation. */
void gate_timing_take(struct gate_timing *t, const struct pairs_result *r, bool fresh);
void gate_timing_case(struct gate *g, const struct gate_timing *t);
void gate_timing_free(struct gate_timing *t);

/* ---- gate_store.c ------------------------------------------------------------------------------
 */

/* Stores a case as a comparison and notes its identity there. `t` NULL: an exact one. */
int gate_store(struct db *db, struct gate_case *c, const struct gate_timing *t,
	       const char *session, const char *traced);

#endif
