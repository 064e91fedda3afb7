/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "builds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "process.h"
#include "threads.h"

#define GIT_S  600.0 /* the longest that a git command may take */
#define GIT_HASH 65

/* ---- git ---------------------------------------------------------------------------------------
 */

struct command {
	const char *argv[24];
	int n;
};

static void add(struct command *c, const char *word)
{
	die_if(c->n + 1 >= (int)(sizeof c->argv / sizeof *c->argv), "too many words");
	c->argv[c->n++] = word;
	c->argv[c->n] = NULL;
}

/* Runs a command with words up to NULL; its first line of output in `line` (or NULL). */
static int run(const char *directory, char *line, size_t len, struct err *e, ...)
{
	struct command c = { .n = 0 };
	struct process_job job = { .argv = c.argv, .directory = directory, .timeout_s = GIT_S,
				   .keep_out = true };
	struct process_result r;
	const char *words;
	va_list ap;

	va_start(ap, e);
	for (const char *word; (word = va_arg(ap, const char *));)
		add(&c, word);
	va_end(ap);
	if (!process_run(&job, &r, e) && r.status) {
		words = process_last_words(&r);
		err_set(e, process_interrupted() ? ERR_INTERRUPTED : ERR_FAILED, "`%s %s`: %s",
			c.argv[0], c.n > 1 ? c.argv[1] : "",
			*words ? words : "failed without a word");
	}
	if (line)
		snprintf(line, len, "%.*s", (int)strcspn(r.out ? r.out : "", "\n"),
			 r.out ? r.out : "");
	process_free(&r);
	return -(int)e->code;
}

static bool is_worktree(const char *revision)
{
	return strcmp(revision, ".") == 0 || strcmp(revision, BUILD_WORKTREE) == 0;
}

int build_commit(const char *directory, const char *revision, char commit[GIT_HASH], struct err *e)
{
	char spec[512];

	snprintf(spec, sizeof spec, "%.500s^{commit}", revision);
	return run(directory, commit, GIT_HASH, e, "git", "rev-parse", "--verify", "--quiet",
		   "--end-of-options", spec, NULL);
}

int build_merge_base(const char *directory, const char *a, const char *b, char commit[GIT_HASH],
		     struct err *e)
{
	return run(directory, commit, GIT_HASH, e, "git", "merge-base", a, b, NULL);
}

bool build_is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static int find_commit(const char *directory, const char *revision, char *commit, struct err *e)
{
	return build_commit(directory, is_worktree(revision) ? "HEAD" : revision, commit, e);
}

bool build_is_revision(const char *directory, const char *revision)
{
	char commit[GIT_HASH];
	struct err e = { 0 };

	return !find_commit(directory, revision, commit, &e);
}

static int find_root(const char *directory, char *root, struct err *e)
{
	struct err mine = { 0 };

	if (run(directory, root, PATH_MAX, &mine, "git", "rev-parse", "--show-toplevel", NULL))
		return err_set(e, ERR_USAGE,
			       "%s is in no git repository: name a program or a build directory",
			       directory ? directory : "the current folder");
	return 0;
}

/* The working tree as a tree object: all that git tracks, and new files that it does not ignore but
 * for data and results. The user's index is left alone. Equal content is an equal name. */
static int snapshot(const char *root, const char *scratch, char *tree, struct err *e)
{
	char index[PATH_MAX + 64];
	int rc;

	snprintf(index, sizeof index, "GIT_INDEX_FILE=%s", scratch);
	rc = run(root, NULL, 0, e, "env", index, "git", "read-tree", "HEAD", NULL) ||
	     run(root, NULL, 0, e, "env", index, "git", "add", "-u", NULL) ||
	     run(root, NULL, 0, e, "env", index, "git", "add", "-A", "--", ".",
		 ":(exclude)*.db", ":(exclude)*.db[-.]*", ":(exclude)*.jsonl", ":(exclude)*.png",
		 ":(exclude)*.safetensors", NULL) ||
	     run(root, tree, GIT_HASH, e, "env", index, "git", "write-tree", NULL);
	unlink(scratch);
	return rc ? -(int)e->code : 0;
}

/* ---- where builds are kept ---------------------------------------------------------------------
 */

static int make_folders(char *path, struct err *e)
{
	for (char *p = path + 1;; p++) {
		char c = *p;
		if (c != '/' && c)
			continue;
		*p = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			return err_set(e, ERR_FAILED, "no folder for builds, %s: %s; set "
				       "XDG_CACHE_HOME to one that can be written", path,
				       strerror(errno));
		*p = c;
		if (!c)
			return 0;
	}
}

static int cache_folder(char *path, size_t len, struct err *e)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (cache && *cache == '/')
		snprintf(path, len, "%s/bench/builds", cache);
	else if (home && *home == '/')
		snprintf(path, len, "%s/.cache/bench/builds", home);
	else
		snprintf(path, len, "/tmp/bench-builds-%d", (int)getuid());
	return make_folders(path, e);
}

/* What the environment tells make; "" when it says nothing. */
static void options_hash(char *hex, size_t len)
{
	static const char *const names[] = { "CC", "CFLAGS", "LDFLAGS", "OPENMP", "SANITIZE",
					     "DNNL" };
	char text[4096] = "", hash[65];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv(names[i]);
		size_t used = strlen(text);
		if (value)
			snprintf(text + used, sizeof text - used, "%s=%s\n", names[i], value);
	}
	text_hash(text, hash);
	snprintf(hex, len, "%s%.8s", *text ? "-" : "", *text ? hash : "");
}

static int lock(const char *folder, struct err *e)
{
	char path[PATH_MAX + 8];
	int fd;

	snprintf(path, sizeof path, "%s.lock", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	while (fd >= 0 && flock(fd, LOCK_EX)) {
		if (errno == EINTR && !process_interrupted())
			continue;
		err_set(e, process_interrupted() ? ERR_INTERRUPTED : ERR_FAILED, "%s: %s", path,
			strerror(errno));
		close(fd);
		return -1;
	}
	if (fd < 0)
		err_set(e, ERR_FAILED, "%s cannot be written: %s", path, strerror(errno));
	return fd;
}

/* ---- building ----------------------------------------------------------------------------------
 */

static int check_out(const struct build *b, const char *root, const char *folder, struct err *e)
{
	if (run(root, NULL, 0, e, "rm", "-rf", folder, NULL) ||
	    run(root, NULL, 0, e, "git", "worktree", "add", "--force", "--detach", folder,
		b->commit, NULL))
		return -(int)e->code;
	if (*b->tree)
		run(folder, NULL, 0, e, "git", "read-tree", "-u", "--reset", b->tree, NULL);
	return -(int)e->code;
}

struct making {
	struct progress *progress;
	const char *shown;
};

static void show(void *arg, double seconds)
{
	struct making *m = arg;
	char text[160];

	snprintf(text, sizeof text, "building %s, %.0f s", m->shown, seconds);
	progress_draw(m->progress, text, 0, 1, -1);
}

static int make(const struct build *b, const char *folder, struct progress *progress,
		struct err *e)
{
	char jobs[16];
	/* Not a part of a make that this program may run under. */
	const char *argv[] = { "env", "-u", "MAKEFLAGS", "-u", "MFLAGS", "-u", "MAKELEVEL", "make",
			       jobs, "BUILD=build", NULL };
	struct making making = { progress, b->shown };
	struct process_job job = { .argv = argv, .directory = folder, .tick = show,
				   .tick_arg = &making };
	struct process_result r;

	snprintf(jobs, sizeof jobs, "-j%d", threads_default());
	progress_say(progress, "building %s with its own Makefile, in %s", b->shown, folder);
	process_run(&job, &r, e);
	progress_clear(progress);
	if (!e->code && process_interrupted())
		err_set(e, ERR_INTERRUPTED, "interrupted");
	else if (!e->code && r.status)
		err_set(e, ERR_FAILED, "%s does not build: %.300s; `make -C %s` shows all of it",
			b->shown, process_last_words(&r), folder);
	else if (!e->code && access(b->binary, X_OK))
		err_set(e, ERR_FAILED, "%s was built but has no build/bench: %s", b->shown, folder);
	process_free(&r);
	return -(int)e->code;
}

/* A finished build has a mark beside it, so that half of one is never used. */
static int find_or_make(const struct build *b, const char *root, const char *folder,
			struct progress *progress, struct err *e)
{
	char mark[PATH_MAX + 8];
	int fd;

	snprintf(mark, sizeof mark, "%s.done", folder);
	if (access(mark, F_OK) == 0 && access(b->binary, X_OK) == 0)
		return 0;
	if (check_out(b, root, folder, e) || make(b, folder, progress, e))
		return -(int)e->code;
	fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(e, ERR_FAILED, "%s cannot be written: %s", mark, strerror(errno));
	close(fd);
	return 0;
}

static int identify(struct build *b, const char *root, const char *revision, const char *cache,
		    struct err *e)
{
	char scratch[PATH_MAX], head[GIT_HASH];
	struct err mine = { 0 };

	if (find_commit(root, revision, b->commit, &mine))
		return err_set(e, ERR_USAGE, "git knows no revision '%.60s' in %s", revision, root);
	if (is_worktree(revision)) {
		snprintf(scratch, sizeof scratch, "%s/index-%d", cache, (int)getpid());
		if (snapshot(root, scratch, b->tree, e) ||
		    run(root, head, sizeof head, e, "git", "rev-parse", "HEAD^{tree}", NULL))
			return -(int)e->code;
		if (strcmp(b->tree, head) == 0)
			b->tree[0] = 0;
	}
	snprintf(b->shown, sizeof b->shown, "%.10s%s", b->commit, *b->tree ? "+" : "");
	return 0;
}

int build_revision(struct build *b, const char *directory, const char *revision,
		   struct progress *progress, struct err *e)
{
	char root[PATH_MAX], cache[PATH_MAX - 128], folder[PATH_MAX], options[16];
	int fd;

	*b = (struct build){ .binary = "" };
	if (find_root(directory, root, e) || cache_folder(cache, sizeof cache, e) ||
	    identify(b, root, revision, cache, e))
		return -(int)e->code;
	options_hash(options, sizeof options);
	snprintf(folder, sizeof folder, "%s/%s%s", cache, *b->tree ? b->tree : b->commit, options);
	snprintf(b->binary, sizeof b->binary, "%.*s/build/bench", PATH_MAX - 16, folder);
	fd = lock(folder, e);
	if (fd < 0)
		return -(int)e->code;
	find_or_make(b, root, folder, progress, e);
	close(fd);
	return -(int)e->code;
}
