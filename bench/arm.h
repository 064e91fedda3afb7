/* SPDX-License-Identifier: MIT
 *
 * What the words A and B of `bench compare A B` mean. Runs that are stored:
 *
 *	12   3,4,5   run:12     ids
 *	NAME         tag:NAME   all complete runs with that label
 *	NAME         sweep:NAME the newest sweep of that name (or uuid)
 *
 * Programs to be measured now:
 *
 *	this                    the program that runs
 *	DIR   FILE   path:DIR   a build directory, a binary
 *	.   WORKTREE            this working tree with its changes, built
 *	REVISION     git:REV    any git revision, built
 *
 * A word that means two things is refused, and its prefixes are named.
 */
#ifndef BENCH_ARM_H
#define BENCH_ARM_H

#include <limits.h>
#include <stdint.h>

#include "db.h"
#include "progress.h"

#include "err.h"

struct arm {
	bool stored;
	char shown[512];       /* "main (1a2b3c4d5e)", "tag base, 12 runs" */
	char binary[PATH_MAX]; /* of a program; "": the one that runs */
	int64_t *run;          /* ids, when stored, oldest first; owned */
	int n_runs;
};

/* `db` may be NULL: nothing is stored. Builds a revision when it must. arm_free() in any case. */
int arm_resolve(struct arm *a, const char *word, struct db *db, struct progress *progress,
		struct err *e);
void arm_free(struct arm *a);

#endif
