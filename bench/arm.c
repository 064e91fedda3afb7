/* SPDX-License-Identifier: MIT */
#include "arm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builds.h"

#define THIS "this"

enum kind { KIND_RUN, KIND_TAG, KIND_SWEEP, KIND_PATH, KIND_GIT, KINDS };

static const struct {
	const char *prefix, *what;
} kinds[KINDS] = {
	[KIND_RUN] = { "run", "a run" },
	[KIND_TAG] = { "tag", "a tag" },
	[KIND_SWEEP] = { "sweep", "a sweep" },
	[KIND_PATH] = { "path", "a program or build directory" },
	[KIND_GIT] = { "git", "a git revision" },
};

/* ---- stored runs -------------------------------------------------------------------------------
 */

static int take_id(void *arg, int n, const char *const *names, const struct db_value *values)
{
	struct arm *a = arg;

	(void)names;
	if (!values || n < 1)
		return 0;
	a->run = realloc(a->run, ((size_t)a->n_runs + 1) * sizeof *a->run);
	die_if(!a->run, "out of memory");
	a->run[a->n_runs++] = values[0].i;
	return 0;
}

static bool is_id_list(const char *word)
{
	return *word && word[strspn(word, "0123456789,")] == 0 && strchr("0123456789", *word);
}

/* Fills in the ids; none found leaves n_runs 0. */
static void find_runs(struct arm *a, enum kind kind, const char *word, struct db *db)
{
	static const char *const sql[] = {
		[KIND_RUN] = "SELECT run_id FROM v_runs WHERE instr(',' || ?1 || ',', "
			     "',' || run_id || ',') ORDER BY run_id",
		[KIND_TAG] = "SELECT run_id FROM v_runs WHERE label = ?1 AND status = 'ok' "
			     "ORDER BY run_id",
		[KIND_SWEEP] =
			"SELECT run_id FROM v_sweep WHERE status = 'ok' AND sweep_uuid = "
			"(SELECT sweep_uuid FROM v_sweep WHERE sweep = ?1 OR sweep_uuid = ?1 "
			"ORDER BY sweep_started_unix_ns DESC LIMIT 1) ORDER BY run_id",
	};

	a->n_runs = 0;
	if (db && (kind != KIND_RUN || is_id_list(word)))
		db_query(db, sql[kind], &word, 1, take_id, a);
}

/* ---- programs ----------------------------------------------------------------------------------
 */

/* A file, or bench or build/bench in a directory; as an absolute path. */
static bool find_program(const char *word, char *binary)
{
	static const char *const places[] = { "", "/bench", "/build/bench" };

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		char path[PATH_MAX];
		if (snprintf(path, sizeof path, "%s%s", word, places[i]) < (int)sizeof path &&
		    build_is_program(path) && realpath(path, binary))
			return true;
	}
	return false;
}

static bool is_worktree(const char *word)
{
	return strcmp(word, ".") == 0 || strcmp(word, BUILD_WORKTREE) == 0;
}

/* ---- what a word means -------------------------------------------------------------------------
 */

static bool means(struct arm *a, enum kind kind, const char *word, struct db *db)
{
	char binary[PATH_MAX];

	if (kind == KIND_PATH)
		return find_program(word, binary);
	if (kind == KIND_GIT)
		return build_is_revision(NULL, word);
	find_runs(a, kind, word, db);
	return a->n_runs > 0;
}

static int take_program(struct arm *a, const char *word, struct err *e)
{
	if (!find_program(word, a->binary))
		return err_set(e, ERR_USAGE, "%.200s is no program and holds no bench or "
			       "build/bench", word);
	snprintf(a->shown, sizeof a->shown, "%.500s", word);
	return 0;
}

static int take_revision(struct arm *a, const char *word, struct progress *progress,
			 struct err *e)
{
	struct build b;

	if (build_revision(&b, NULL, word, progress, e))
		return -(int)e->code;
	snprintf(a->binary, sizeof a->binary, "%s", b.binary);
	snprintf(a->shown, sizeof a->shown, "%.200s (%s)", is_worktree(word) ? "worktree" : word,
		 b.shown);
	return 0;
}

static int take_runs(struct arm *a, enum kind kind, const char *word, struct db *db, struct err *e)
{
	find_runs(a, kind, word, db);
	if (!a->n_runs)
		return err_set(e, ERR_USAGE, "the database has no complete run of %s %.100s",
			       kinds[kind].prefix, word);
	a->stored = true;
	if (kind == KIND_RUN)
		snprintf(a->shown, sizeof a->shown, "run%s %.200s", a->n_runs > 1 ? "s" : "", word);
	else
		snprintf(a->shown, sizeof a->shown, "%s %.200s, %d run%s", kinds[kind].prefix, word,
			 a->n_runs, a->n_runs > 1 ? "s" : "");
	return 0;
}

static int take(struct arm *a, enum kind kind, const char *word, struct db *db,
		struct progress *progress, struct err *e)
{
	switch (kind) {
	case KIND_PATH:
		return take_program(a, word, e);
	case KIND_GIT:
		return take_revision(a, word, progress, e);
	default:
		return take_runs(a, kind, word, db, e);
	}
}

/* "tag:x" -> KIND_TAG and "x"; KINDS without a prefix. */
static enum kind split_prefix(const char **word)
{
	for (int k = 0; k < KINDS; k++) {
		size_t n = strlen(kinds[k].prefix);
		if (strncmp(*word, kinds[k].prefix, n) == 0 && (*word)[n] == ':') {
			*word += n + 1;
			return (enum kind)k;
		}
	}
	return KINDS;
}

static int ambiguous(const char *word, enum kind one, enum kind other, struct err *e)
{
	return err_set(e, ERR_USAGE, "'%.60s' is %s and %s here: write %s:%.60s or %s:%.60s", word,
		       kinds[one].what, kinds[other].what, kinds[one].prefix, word,
		       kinds[other].prefix, word);
}

int arm_resolve(struct arm *a, const char *word, struct db *db, struct progress *progress,
		struct err *e)
{
	const char *rest = word;
	enum kind kind = split_prefix(&rest);

	*a = (struct arm){ .n_runs = 0 };
	if (strcmp(word, THIS) == 0) {
		snprintf(a->shown, sizeof a->shown, "this program");
		return 0;
	}
	if (is_worktree(word))
		kind = KIND_GIT;
	if (kind != KINDS)
		return take(a, kind, rest, db, progress, e);
	for (int k = 0; k < KINDS; k++) {
		if (!means(a, (enum kind)k, word, db))
			continue;
		if (kind != KINDS)
			return ambiguous(word, kind, (enum kind)k, e);
		kind = (enum kind)k;
	}
	if (kind == KINDS)
		return err_set(e, ERR_USAGE, "'%.60s' is no run, tag or sweep in the database, no "
			       "program or build directory, and no git revision here", word);
	return take(a, kind, word, db, progress, e);
}

void arm_free(struct arm *a)
{
	free(a->run);
	a->run = NULL;
}
