/* SPDX-License-Identifier: MIT
 *
 * What a gate compares with: the merge-base of HEAD and the branch that the policy names.
 */
#include <string.h>

#include "gate_run.h"
#include "process.h"

static int no_base(const char *name, const char *why, struct err *e)
{
	if (process_interrupted())
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	return err_set(e, ERR_INCOMPARABLE,
		       "there is no baseline: %s '%s'; fetch the whole history (fetch-depth: 0, "
		       "GIT_DEPTH: 0), or name another with --base", why, name);
}

/* On the base branch itself HEAD is its own merge-base: then its parent is what it is held to. */
static int baseline_commit(const char *name, char commit[65], struct err *e)
{
	struct err git = { 0 }; /* its words say less than ours */
	char head[65], tip[65];

	if (build_commit(NULL, "HEAD", head, &git))
		return err_set(e, ERR_INCOMPARABLE,
			       "there is no baseline: this folder is not in a git repository with "
			       "a commit; name a program with --base");
	if (build_commit(NULL, name, tip, &git))
		return no_base(name, "git knows no revision", e);
	if (build_merge_base(NULL, tip, head, commit, &git))
		return no_base(name, "HEAD has no common ancestor with", e);
	if (strcmp(commit, head) == 0 && build_commit(NULL, "HEAD^", commit, &git))
		return no_base("HEAD^", "HEAD is on the base branch and git knows no", e);
	return 0;
}

int gate_baseline(struct gate_arm *arm, const char *name, struct progress *progress, struct err *e)
{
	struct build build;
	struct err why = { 0 };
	char commit[65];

	if (!name)
		return err_set(e, ERR_USAGE, "the policy has no `base`: add one to its [gate] or "
			       "give --base REVISION");
	if (strchr(name, '/') && build_is_program(name)) {
		snprintf(arm->binary, sizeof arm->binary, "%s", name);
		snprintf(arm->shown, sizeof arm->shown, "%s", name);
		return 0;
	}
	if (baseline_commit(name, commit, e))
		return -(int)e->code;
	if (build_revision(&build, NULL, commit, progress, &why)) {
		if (why.code == ERR_INTERRUPTED)
			return err_set(e, why.code, "%s", why.msg);
		return err_set(e, ERR_INCOMPARABLE, "there is no baseline: %s", why.msg);
	}
	snprintf(arm->binary, sizeof arm->binary, "%s", build.binary);
	snprintf(arm->shown, sizeof arm->shown, "%.120s (%.100s)", name, build.shown);
	return 0;
}
