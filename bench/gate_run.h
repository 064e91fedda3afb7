/* SPDX-License-Identifier: MIT
 *
 * The work of a gate, in four files: the baseline (gate_base.c), exact metrics (gate_exact.c),
 * timings (gate_timing.c), and what leads through them (gate.c).
 */
#ifndef BENCH_GATE_RUN_H
#define BENCH_GATE_RUN_H

#include "builds.h"
#include "gate.h"
#include "judge.h"

struct gate_arm {
	char binary[PATH_MAX]; /* "": this program */
	char shown[256];       /* for people */
};

struct gate_job {
	const char *base;      /* revision or program; NULL: what the policy says */
	const char *head;      /* a program; NULL: this one */
	const char *db;        /* NULL: nothing is recorded */
	const char *known; /* the database that knows the noise of this machine; may be missing */
	int pairs;             /* 0: what the policy says, or the noise demands */
	bool apart;            /* see pairs_plan */
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
	struct judged judged;
	char base_run[37], head_run[37]; /* of its first pair; "": not recorded */
	struct err err;                  /* why there is nothing to judge; code 0: there is */
	bool base_failed;                /* that was the fault of the base */
};

/* Metric k of a row, which is row `pairs_row` of the pairs. */
struct gate_timing gate_timing(const struct policy *p, const struct policy_row *row, int k,
			       int pairs_row);

/* The first look, with its history. 0, or there is nothing to judge. */
int gate_timing_look(struct gate_timing *t, const struct pairs *p);

/* After the last pair: which runs it names, and whether the row failed since. */
void gate_timing_end(struct gate_timing *t, const struct pairs *p);
void gate_timing_case(struct gate *g, const struct gate_timing *t);
void gate_timing_free(struct gate_timing *t);

/* ---- gate_store.c ------------------------------------------------------------------------------
 */

struct gate_record {
	struct db *db;
	const char *session, *traced; /* uuids */
	uint64_t seed;                /* of the timings */
};

/* Stores a case as a comparison and notes its identity there. `t` NULL: an exact one. */
int gate_store(const struct gate_record *r, struct gate_case *c, const struct gate_timing *t);

#endif
