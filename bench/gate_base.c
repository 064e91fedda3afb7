/* SPDX-License-Identifier: MIT
 *
 * What a gate compares with: the merge-base of HEAD and the branch that the policy names.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gate_run.h"
#include "process.h"

/* Output of a git command without its line end; -1 when git does not succeed. */
static int git(const char *const *argv, char *out, size_t len)
{
	struct process_job job = { .argv = argv, .timeout_s = 60, .keep_out = true };
	struct process_result r;
	struct err e = { 0 };
	int rc = process_run(&job, &r, &e) || r.status;

	snprintf(out, len, "%s", !rc && r.out ? r.out : "");
	out[strcspn(out, "\n")] = 0;
	process_free(&r);
	return rc ? -1 : 0;
}

static int commit_of(const char *revision, char out[65])
{
	char spec[512];

	snprintf(spec, sizeof spec, "%s^{commit}", revision);
	return git((const char *const[]){ "git", "rev-parse", "--verify", "-q", spec, NULL }, out,
		   65);
}

static bool is_program(const char *path)
{
	struct stat st;

	return strchr(path, '/') && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(path, X_OK) == 0;
}

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
	char head[65], tip[65];

	if (commit_of("HEAD", head))
		return err_set(e, ERR_INCOMPARABLE,
			       "there is no baseline: this folder is not in a git repository with "
			       "a commit; name a program with --base");
	if (commit_of(name, tip))
		return no_base(name, "git knows no revision", e);
	if (git((const char *const[]){ "git", "merge-base", tip, head, NULL }, commit, 65))
		return no_base(name, "HEAD has no common ancestor with", e);
	if (strcmp(commit, head) == 0 && commit_of("HEAD^", commit))
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
	if (is_program(name)) {
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
