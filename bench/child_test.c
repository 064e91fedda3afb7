/* SPDX-License-Identifier: MIT
 *
 * `bench run` as a child: one that measures, and impostors that crash, hang, print garbage, speak
 * another schema, or fail with a sentence.
 */
#include <sys/stat.h>

#include "child.h"
#include "cli_child.h"
#include "test.h"

/* A program that does what the shell script says. */
static const char *impostor(const char *script)
{
	FILE *f = fopen("impostor", "w");

	die_if(!f, "no file impostor");
	fprintf(f, "#!/bin/sh\n%s\n", script);
	fclose(f);
	chmod("impostor", 0700);
	return "./impostor";
}

static void check_failure(const char *script, enum err_code code, const char *sentence)
{
	struct child_job job = { .binary = impostor(script), .workload = "any", .timeout_s = 0.3 };
	struct child_result r;
	struct err e = { 0 };

	CHECK(child_run(&job, &r, &e) == -(int)code, "%s: code %d: %s", script, e.code, e.msg);
	CHECK(strstr(e.msg, sentence), "%s: %s", script, e.msg);
	child_free(&r);
}

static void test_impostors(void)
{
	check_failure("kill -SEGV $$", ERR_FAILED, "killed by signal 11 (Segmentation fault)");
	check_failure("echo 'bench: stuck' >&2; sleep 9", ERR_FAILED, "did not end within 0 s");
	check_failure("echo hello", ERR_FAILED, "printed no result in JSON");
	check_failure("echo '{\"schema\":\"bench.result/2\"}'", ERR_FAILED, "bench.result/2");
	check_failure("echo '{\"schema\":\"bench.result/1\",\"runs\":[]}'", ERR_FAILED,
		      "measured nothing");
	check_failure("true", ERR_FAILED, "printed no result");
	check_failure("exit 3", ERR_FAILED, "without a word");
	check_failure("echo 'bench: no room' >&2; exit 7", ERR_DB, "no room");
	check_failure("echo 'bench: unknown' >&2; exit 2", ERR_USAGE, "unknown");
}

static void test_words(void)
{
	const char *args[] = { "--set", "steps=2", NULL }, *more[] = { "--tag", "a b", NULL };
	const char *script = "for x; do printf '%s|' \"$x\"; done >words; exit 2";
	struct child_job job = { .binary = impostor(script), .workload = "w", .args = args,
				 .more = more, .db = "x.db" };
	struct child_result r;
	struct err e = { 0 };
	char *words = strdup("words");

	child_run(&job, &r, &e);
	cli_slurp(&words);
	CHECK_STR(words, "run|w|--set|steps=2|--tag|a b|--json|--quiet|--db|x.db|");
	free(words);
	child_free(&r);
}

static void test_real(void)
{
	const char *args[] = { "--set", "steps=2", "--samples", "3", NULL };
	struct child_job job = { .binary = cli_program, .workload = "sdxl-20steps-mini",
				 .args = args, .db = "bench.db" };
	struct child_result r;
	struct err e = { 0 };
	char *uuid;

	CHECK(!child_run(&job, &r, &e), "%s", e.msg);
	CHECK_INT(r.status, 0);
	CHECK_INT(json_integer_value(json_object_get(json_object_get(r.run, "latency_s"), "n")), 3);
	CHECK_INT(strlen(r.uuid), 36);
	uuid = cli_query("SELECT~uuid~FROM~v_runs");
	CHECK(strstr(uuid, r.uuid), "%s, not %s", uuid, r.uuid);
	free(uuid);
	child_free(&r);
	job.workload = "no-such-workload";
	CHECK(child_run(&job, &r, &e) == -ERR_USAGE, "code %d", e.code);
	CHECK(strstr(e.msg, "no-such-workload"), "%s", e.msg);
	child_free(&r);
}

static void test_foreign(void)
{
	CHECK(!child_is_foreign(NULL), "this program");
	CHECK(!child_is_foreign("/proc/self/exe"), "this program by its name");
	CHECK(child_is_foreign("/bin/sh"), "another program");
	CHECK(child_is_foreign("/no/such/file"), "no program");
}

int main(void)
{
	cli_begin();
	test_impostors();
	test_words();
	test_real();
	test_foreign();
	cli_end();
	return test_end();
}
