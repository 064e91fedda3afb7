/* SPDX-License-Identifier: MIT
 *
 * The CI examples as they stand in scripts/ci, run in a real git repository with a remote: a good
 * commit, a slow one, one with more MACs, one that crashes, and a baseline that is not there.
 *
 * The project in there is a script around the real program; what a commit changes is how it calls
 * it. The machine may be as busy as it likes: the good commit passes or is undecided, and
 * the slow one is slower by so much that nothing hides it.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static char directory[] = "/tmp/bench-gate-XXXXXX", program[4096], examples[4096], schema[4096];

/* Exit status of a shell script; what it prints goes to out.txt and err.txt in the directory. */
static int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *fmt, ...)
{
	char *script, *command;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	if (vasprintf(&script, fmt, ap) < 0)
		exit(1);
	va_end(ap);
	if (asprintf(&command, "cd '%s' && { %s\n} >out.txt 2>err.txt", directory, script) < 0)
		exit(1);
	rc = system(command);
	free(script);
	free(command);
	return WIFEXITED(rc) ? WEXITSTATUS(rc) : 128;
}

static char *slurp(const char *name)
{
	char path[8192], *text = calloc(1, 1 << 20);
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	f = fopen(path, "r");
	if (!text || (f && fread(text, 1, (1 << 20) - 1, f) == 0 && ferror(f)))
		exit(1);
	if (f)
		fclose(f);
	return text;
}

/* ---- the repository ----------------------------------------------------------------------------
 */

static const char make_repository[] =
	"set -e; export XDG_CACHE_HOME=$PWD/cache\n"
	"git init -q --bare -b main origin.git\n"
	"git clone -q origin.git work 2>/dev/null; cd work; git checkout -q -b main\n"
	"git config user.name test; git config user.email test@localhost\n"
	"mkdir scripts; printf '#!/bin/sh\\n' > scripts/setup; chmod +x scripts/setup\n"
	"printf 'build/bench: bench.sh; mkdir -p build; install -m 755 bench.sh build/bench\\n'"
	" > Makefile\n"
	"printf '/build/\\n*.db*\\n/bench*.xml\\n/bench.md\\n' > .gitignore\n"
	"cat > bench-gate.ini <<'END'\n"
	"[gate]\nbase = origin/main\npairs = 8\n"
	"[row unet]\nworkload = sdxl-unet-mini\nsamples = 1\nthreads = 1\nmetrics = latency\n"
	"exact = macs bytes parameters\n"
	"END\n";

/* Commits a bench.sh whose `bench run` is given further words. */
static int commit(const char *branch, const char *run)
{
	return shell("set -e; cd work; git checkout -q -B %s main 2>/dev/null || true\n"
		     "cat > bench.sh <<'END'\n"
		     "#!/bin/sh\n"
		     "case $1 in\n"
		     "gate) exec '%s' \"$@\" --head \"$0\" ;;\n"
		     "run) %s ;;\n"
		     "esac\n"
		     "exec '%s' \"$@\"\n"
		     "END\n"
		     "echo %s > what; git add -A; git commit -qm %s; git push -q origin %s",
		     branch, program, run, program, branch, branch, branch);
}

/* ---- the examples ------------------------------------------------------------------------------
 */

/* The commands of the blocks `key: |` of GitHub's file, and of the list `key:` of GitLab's, one
 * script for bash. */
static int run_example(const char *file, const char *awk, const char *base)
{
	return shell("awk '%s' '%s/%s' > steps.sh\n"
		     "export XDG_CACHE_HOME=$PWD/cache BASE='%s' CI_DEFAULT_BRANCH=main\n"
		     "export GITHUB_STEP_SUMMARY=$PWD/summary.md; rm -f summary.md\n"
		     "cd work; rm -rf build bench-junit.xml bench.db*\n"
		     "bash -eo pipefail ../steps.sh", awk, examples, file, base);
}

static const char github_steps[] =
	"/^ *- |^ *[a-z-]+:/ { on = 0 } /run: \\|$/ { on = 1; next } on { print }";
static const char gitlab_steps[] =
	"/^  [a-z_]+:/ { on = $1 == \"script:\"; next } on { sub(/^ *- /, \"\"); print }";

static int run_github(const char *branch, const char *base)
{
	int rc = shell("cd work && git checkout -q %s", branch);

	CHECK_INT(rc, 0);
	return run_example("github-actions.yml", github_steps, base);
}

static int count(const char *text, const char *part)
{
	int n = 0;

	for (text = strstr(text, part); text; text = strstr(text + 1, part))
		n++;
	return n;
}

/* What every outcome leaves behind. */
static void check_files(const char *verdict, int errors)
{
	char *out = slurp("out.txt"), *summary = slurp("summary.md"), *last;

	CHECK_INT(count(out, "::error "), errors);
	last = strstr(out, "BENCH-VERDICT");
	CHECK(last && strncmp(last + 14, verdict, strlen(verdict)) == 0, "verdict: %s", out);
	CHECK(last && strchr(last, '\n') && !strchr(last, '\n')[1], "the verdict is the last line");
	CHECK(strstr(summary, "## bench gate: "), "step summary: %s", summary);
	if (system("command -v xmllint >/dev/null") == 0)
		CHECK_INT(shell("xmllint --noout --nonet --schema '%s' work/bench-junit.xml",
				schema), 0);
	free(out);
	free(summary);
}

static void show_failure(int got, int want)
{
	char *err = slurp("err.txt");

	if (got != want)
		printf("standard error:\n%s\n", err);
	free(err);
}

static void scenario(const char *branch, const char *base, int want, const char *verdict,
		     int errors)
{
	int rc = run_github(branch, base);

	CHECK_INT(rc, want);
	show_failure(rc, want);
	check_files(verdict, errors);
}

static void good_commit(void)
{
	int rc = run_github("good", "origin/main");
	char *out = slurp("out.txt");

	CHECK_INT(rc, 0);
	show_failure(rc, 0);
	check_files(strstr(out, "inconclusive rows") ? "inconclusive rows=0/4 exit=0" :
						       "pass rows=0/4 exit=0", 0);
	free(out);
}

static void gitlab(void)
{
	char *markdown;
	int rc;

	CHECK_INT(shell("cd work && git checkout -q macs"), 0);
	rc = run_example("gitlab-ci.yml", gitlab_steps, "origin/main");
	CHECK_INT(rc, 1);
	show_failure(rc, 1);
	markdown = slurp("work/bench.md");
	CHECK(strstr(markdown, "| regress |"), "%s", markdown);
	free(markdown);
}

static void check_query(const char *sql, const char *part)
{
	char *out;

	CHECK_INT(shell("cd work && '%s' db query --csv \"%s\"", program, sql), 0);
	out = slurp("out.txt");
	CHECK(strstr(out, part), "%s: %s", sql, out);
	free(out);
}

/* What an engineer asks after a red row: all pairs of look, extension and confirmation are in the
 * one session that the comparison names, those of exact metrics in theirs. */
static void stored(void)
{
	char *out;

	check_query("SELECT verdict, confirmed, n_pairs FROM v_ab WHERE metric = 'latency'",
		    "regress,1,24\n");
	check_query("SELECT count(*) FROM v_ab x JOIN v_pairs p USING (session_uuid, row_name) "
		    "WHERE x.metric = 'latency' AND p.metric = 'latency' AND p.stage = 'total'",
		    "\n24\n");
	check_query("SELECT json_extract(detail_json, '$.looked', '$.extended', '$.to_confirm'), "
		    "json_array_length(detail_json, '$.log_ratio') FROM v_ab WHERE metric = "
		    "'latency'", "\"[8,8,8]\",24\n");
	check_query("SELECT count(*), count(DISTINCT x.session_uuid), count(DISTINCT a.run_id) "
		    "FROM v_ab x JOIN v_arms a USING (session_uuid, row_name) WHERE x.method = "
		    "'exact' AND a.arm = 'B' AND a.block = 0", "\n3,1,1\n");
	CHECK_INT(shell("cd work && '%s' explain", program), 0);
	out = slurp("out.txt");
	CHECK(strstr(out, "24 pairs") && strstr(out, "one traced sample"), "%s", out);
	free(out);
}

int main(void)
{
	const char *name = getenv("BENCH_BIN");

	if (!realpath(name ? name : "build/bench", program) ||
	    !realpath("scripts/ci", examples) || !realpath("scripts/ci/junit.xsd", schema) ||
	    !mkdtemp(directory))
		return 1;
	unsetenv("BENCH_DB");
	unsetenv("BENCH_BASE");
	unsetenv("BENCH_SAMPLES");
	unsetenv("BENCH_EXACT_ONLY");
	CHECK_INT(shell("%s", make_repository), 0);
	CHECK_INT(commit("main", ":"), 0);
	CHECK_INT(commit("good", ": nothing else"), 0);
	CHECK_INT(commit("slow", "shift; set -- run \"$@\" --inject forward=400"), 0);
	CHECK_INT(commit("macs", "shift; set -- run \"$@\" --set batch=2"), 0);
	CHECK_INT(commit("crash", "kill -SEGV $$"), 0);

	good_commit();
	scenario("slow", "origin/main", 1, "regress rows=1/4 exit=1", 1);
	stored();
	setenv("BENCH_EXACT_ONLY", "1", 1); /* the rest needs no timing, and takes no time */
	scenario("macs", "origin/main", 1, "regress rows=2/3 exit=1", 2);
	gitlab();
	scenario("crash", "origin/main", 4, "failed rows=1/1 exit=4", 1);
	scenario("good", "origin/nowhere", 5, "missing rows=0/0 exit=5", 1);
	if (!test_failed)
		CHECK_INT(shell("cd / && rm -rf '%s'", directory), 0);
	return test_end();
}
