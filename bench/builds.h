/* SPDX-License-Identifier: MIT
 *
 * Programs of git revisions, built on the fly: a worktree of the revision in a cache folder, its
 * own Makefile, its build/bench. What was built once is used again.
 *
 * The folder is $XDG_CACHE_HOME/bench/builds (or ~/.cache/...); a build's name there is its commit,
 * or its tree when there are changes that no commit has, and a hash of CC, CFLAGS and the like when
 * these are set. Two programs that want the same build wait for each other.
 */
#ifndef BENCH_BUILDS_H
#define BENCH_BUILDS_H

#include <limits.h>

#include "err.h"
#include "progress.h"

#define BUILD_WORKTREE "WORKTREE" /* or ".": what lies in the working tree now, changes included */

struct build {
	char binary[PATH_MAX];
	char commit[65];   /* what it was built from, full */
	char tree[65];     /* "": exactly that commit; otherwise with changes, as this tree */
	char shown[128];   /* "1a2b3c4d5e", with + behind it when there are changes */
};

/* Whether `revision` names a commit of the repository around `directory` (NULL: here). */
bool build_is_revision(const char *directory, const char *revision);

/* Full name of the commit that a revision means, and of the newest one that two have in common; git
 * itself is asked. ERR_FAILED: there is none; ERR_INTERRUPTED. */
int build_commit(const char *directory, const char *revision, char commit[65], struct err *e);
int build_merge_base(const char *directory, const char *a, const char *b, char commit[65],
		     struct err *e);

bool build_is_program(const char *path); /* a file that may be executed */

/* Finds or makes the program. ERR_USAGE: no such revision, or no repository; ERR_FAILED: it does
 * not build; ERR_INTERRUPTED. */
int build_revision(struct build *b, const char *directory, const char *revision,
		   struct progress *progress, struct err *e);

#endif
