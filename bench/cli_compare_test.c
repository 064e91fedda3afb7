/* SPDX-License-Identifier: MIT
 *
 * bench compare and bench calibrate WORKLOAD as a user meets them: programs, revisions of a real
 * git repository, stored runs, programs that misbehave, Ctrl-C, programs with an older or newer
 * database. The null backend keeps it quick; what is measured does not matter here.
 */
#include <limits.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "cli_child.h"
#include "test.h"

#define MINI "--workload sdxl-20steps-mini --set steps=2 --backend null --samples 2 --quiet "

static char golden[PATH_MAX]; /* a database of schema 1 */

static void check_query(const char *sql, const char *want)
{
	char *got = cli_query(sql);

	CHECK(strcmp(got, want) == 0, "%s: %s, want %s", sql, got, want);
	free(got);
}

static void check_fails(const char *words, int status, const char *sentence)
{
	struct child *c = cli_run(words);

	CHECK(c->status == status, "%s: exit %d: %s", words, c->status, c->err);
	CHECK(strstr(c->err, sentence), "%s: %s", words, c->err);
	cli_free(c);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	die_if(!f, "no file %s", path);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static void shell(const char *command)
{
	CHECK(system(command) == 0, "%s", command);
}

/* ---- programs ----------------------------------------------------------------------------------
 */

static void test_live(void)
{
	struct child *c = cli_run("compare this this --pairs 2 --tag both --json " MINI);
	json_t *j = cli_json(c), *row = json_array_get(json_object_get(j, "rows"), 0);
	json_t *line = json_array_get(json_object_get(row, "lines"), 0);

	CHECK(c->status == 0, "exit %d: %s", c->status, c->err);
	CHECK_INT(json_integer_value(json_object_get(row, "pairs")), 2);
	CHECK_INT(json_array_size(json_object_get(row, "lines")), 5);
	CHECK_INT(json_array_size(json_object_get(line, "log_ratio")), 2);
	CHECK_INT(json_object_size(json_object_get(row, "exact_differences")), 0);
	CHECK(json_number_value(json_object_get(line, "a_s")) > 0, "%s", c->out);
	json_decref(j);
	cli_free(c);
	check_query("SELECT~count(*)~FROM~v_pairs~WHERE~metric='latency'~AND~stage='total'", "2");
	check_query("SELECT~count(*)~FROM~v_runs~WHERE~label='both'",
		    "5"); /* with the one in front */
	check_query("SELECT~count(*)~FROM~v_ab~WHERE~purpose='compare'~AND~n_pairs=2~AND~"
		    "base_label='both'", "5");
	check_query("SELECT~exit_code~FROM~session~WHERE~purpose='compare'", "0");
}

static void test_vary(void)
{
	struct child *c = cli_run("compare --pairs 1 --vary dtype=fp32,bf16 --vary threads=1,2 "
				  "--no-db " MINI);

	CHECK(c->status == 0, "exit %d: %s", c->status, c->err);
	CHECK(strstr(c->out, "A  this program, dtype=fp32, threads=1") &&
	      strstr(c->out, "bytes_read"), "%s", c->out);
	for (char *p = strtok(c->out, "\n"); p; p = strtok(NULL, "\n"))
		CHECK(strlen(p) <= 80, "%zu columns: %s", strlen(p), p);
	cli_free(c);
	check_fails("compare --vary dtype=fp32 " MINI, ERR_USAGE, "one value for A and one for B");
	check_fails("compare --vary dtyp=fp32,bf16 " MINI, ERR_USAGE, "did you mean \"dtype\"?");
}

static void test_refusals(void)
{
	check_fails("compare this this --quiet", ERR_USAGE, "lacks --workload");
	check_fails("compare --quiet", ERR_USAGE, "lacks A and B");
	check_fails("compare nonsense this " MINI, ERR_USAGE, "'nonsense' is no run");
	check_fails("compare 1 this " MINI, ERR_USAGE, "two times are no pair");
	check_fails("compare this . " MINI, ERR_USAGE, "no git repository");
	check_fails("compare this this --pairs 1 --quiet --workload sdxl-20step", ERR_USAGE,
		    "did you mean");
	check_fails("compare this this --budget soon " MINI, ERR_USAGE, "15m");
}

static void test_bad_programs(void)
{
	write_file("crash", "#!/bin/sh\nkill -SEGV $$\n", 0700);
	write_file("garbage", "#!/bin/sh\necho hello\n", 0700);
	check_fails("compare this ./crash --pairs 2 " MINI, ERR_FAILED, "signal 11");
	check_fails("compare ./garbage this --pairs 2 " MINI, ERR_FAILED, "is it a bench program?");
	check_fails("compare path:./nothing this " MINI, ERR_USAGE, "./nothing is no program");
}

#define STAND_IN_RUN "00000000-0000-4000-8000-000000000001" /* in the golden file */

/* A program that measures and hands over `file` as the database that it wrote. */
static void write_stand_in(const char *name, const char *file)
{
	char script[3 * PATH_MAX];

	snprintf(script, sizeof script,
		 "#!/bin/sh\n%s \"$@\" --no-db >json || exit\n"
		 "while [ $# -gt 1 ]; do [ $1 = --db ] && cp %s $2; shift; done\n"
		 "sed 's/\"uuid\": null/\"uuid\": \"" STAND_IN_RUN "\"/' json\n",
		 cli_program, file);
	write_file(name, script, 0700);
}

static void write_newer_file(const char *path)
{
	sqlite3 *db;

	CHECK(sqlite3_open(path, &db) == SQLITE_OK &&
		      sqlite3_exec(db, "PRAGMA application_id = 0x42454e43;"
				   "PRAGMA user_version = 999; CREATE TABLE future (x)",
				   NULL, NULL, NULL) == SQLITE_OK,
	      "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* A copy is another program: it records beside the database and is merged. So does one that knows
 * only schema 1. What one with a newer schema wrote stays where it is, and that is said. */
static void test_foreign(void)
{
	char script[3 * PATH_MAX];
	struct child *c;

	snprintf(script, sizeof script, "cp %s copy", cli_program);
	shell(script);
	c = cli_run("compare this ./copy --db foreign.db --pairs 1 " MINI);
	CHECK(c->status == 0, "exit %d: %s", c->status, c->err);
	cli_free(c);
	c = cli_run("db query SELECT~count(*)~FROM~v_pairs~WHERE~stage='text'~AND~metric='latency' "
		    "--csv --db foreign.db");
	CHECK(strstr(c->out, "\n1"), "%s%s", c->out, c->err);
	cli_free(c);
	write_stand_in("old", golden);
	c = cli_run("compare this ./old --db old.db --pairs 1 " MINI);
	CHECK(c->status == 0 && !strstr(c->err, "warning"), "exit %d: %s", c->status, c->err);
	cli_free(c);
	c = cli_run("db query SELECT~count(*)~FROM~v_runs --csv --db old.db");
	CHECK(strstr(c->out, "\n3"), "%s%s", c->out, c->err); /* two of A, one in the file */
	cli_free(c);
	shell("test -z \"$(ls | grep 'db\\.[AB]-')\"");
	write_newer_file("newer.sqlite");
	write_stand_in("newer", "newer.sqlite");
	c = cli_run("compare this ./newer --db new.db --pairs 1 --workload sdxl-20steps-mini "
		    "--set steps=2 --backend null --samples 2");
	CHECK(c->status == 0 && strstr(c->err, "not all is recorded") &&
		      strstr(c->err, "the runs of ./newer are in new.db.B-"),
	      "exit %d: %s", c->status, c->err);
	cli_free(c);
}

/* A program that says it took `ms` milliseconds, and up to two more. */
static void write_pretender(const char *name, int ms)
{
	char script[1024];

	snprintf(script, sizeof script,
		 "#!/bin/sh\necho >>%s.n; n=$(wc -l <%s.n); ms=$((%d + n %% 3))\n"
		 "cat <<END\n{\"schema\":\"bench.result/1\",\"runs\":[{\n"
		 "\"latency_s\":{\"median\":${ms}e-3},\"reference_blocks_flops\":[1e9],\n"
		 "\"exact\":{\"core_macs\":100},\n"
		 "\"fingerprint\":{\"hard\":{\"workload\":\"$2\"},\"soft\":{}}}]}\nEND\n",
		 name, name, ms);
	write_file(name, script, 0700);
}

/* `stages` are the pairs of the first look, of the extension and of the confirmation. */
static void check_verdict(const char *programs, int status, const char *verdict,
			  const int stages[3])
{
	static const char *const keys[] = { "looked", "extended", "to_confirm" };
	char words[256];
	struct child *c;
	json_t *j, *row, *line;

	snprintf(words, sizeof words, "compare %s --db v.db --pairs %d --quiet --workload w --json",
		 programs, stages[0]);
	c = cli_run(words);
	j = cli_json(c);
	row = json_array_get(json_object_get(j, "rows"), 0);
	line = json_array_get(json_object_get(row, "lines"), 0);
	CHECK(c->status == status, "%s: exit %d: %s", programs, c->status, c->err);
	CHECK(strcmp(json_string_value(json_object_get(line, "verdict")), verdict) == 0, "%s: %s",
	      programs, c->out);
	for (int i = 0; i < 3; i++)
		CHECK(json_integer_value(json_object_get(line, keys[i])) == stages[i], "%s: %s %s",
		      programs, keys[i], c->out);
	CHECK_INT(json_integer_value(json_object_get(row, "pairs")),
		  stages[0] + stages[1] + stages[2]);
	json_decref(j);
	cli_free(c);
}

/* Differences that are beyond doubt, confirmed by as many fresh pairs; none; a meant one. Eight
 * pairs can show no difference at the level of one look of two, sixteen can. */
static void test_verdicts(void)
{
	static const int eight[] = { 8, 8, 8 }, ten[] = { 10, 0, 10 }, none[] = { 8, 0, 0 };
	struct child *c;

	write_pretender("p1000", 1000);
	write_pretender("p1100", 1100);
	write_pretender("same", 1000);
	check_verdict("./p1000 ./p1100", ERR_REGRESSION, "regress", eight);
	check_verdict("./p1000 ./p1100", ERR_REGRESSION, "regress", ten);
	check_verdict("./p1100 ./p1000", 0, "improve", ten);
	check_verdict("./p1000 ./same", 0, "pass", none);
	check_verdict("./p1000 ./p1100 --vary workload", 0, "regress", ten);
	c = cli_run("db query SELECT~verdict,confirmed,n_pairs,round(ratio,2)~FROM~v_ab --csv "
		    "--db v.db");
	CHECK(strstr(c->out, "regress,1,24,1.1\n") && strstr(c->out, "pass,,8,1.0\n"), "%s",
	      c->out);
	cli_free(c);
	c = cli_run("compare ./p1000 ./same --db v.db --workload w");
	CHECK(c->status == 0 && strstr(c->err, "10 pairs a row: the noise of w is not known") &&
		      strstr(c->out, "w: 10 pairs of processes"),
	      "exit %d: %s%s", c->status, c->out, c->err);
	cli_free(c);
}

/* ---- revisions ---------------------------------------------------------------------------------
 */

#define GIT "git -C repo -c user.name=t -c user.email=t@t -c commit.gpgsign=false "

/* The project's program runs the real one with one more setting, so that each revision is fast to
 * build and does other work. */
static void commit_steps(int steps)
{
	char text[PATH_MAX + 256];

	snprintf(text, sizeof text,
		 "#!/bin/sh\nverb=$1; shift\nexec %s $verb \"$@\" --set steps=%d\n", cli_program,
		 steps);
	write_file("repo/program", text, 0700);
	shell(GIT "add -A && " GIT "commit -qm x");
}

static void start_repository(void)
{
	shell("mkdir repo && git init -q -b main repo");
	write_file("repo/Makefile",
		   "build/bench: program\n\techo built >>$(CURDIR)/../log\n"
		   "\tmkdir -p build && cp program build/bench\n", 0600);
	write_file("repo/.gitignore", "out.*\nerr.*\n", 0600); /* of the children of this test */
	commit_steps(2);
	commit_steps(3);
}

static json_t *compare_revisions(const char *words, int status)
{
	struct child *c;
	json_t *j;

	die_if(chdir("repo"), "no repository");
	c = cli_run(words);
	CHECK(c->status == status, "%s: exit %d: %s", words, c->status, c->err);
	j = cli_json(c);
	cli_free(c);
	die_if(chdir(".."), "no way back");
	return j;
}

static json_int_t count_of(const json_t *j, const char *key, const char *arm)
{
	const json_t *row = json_array_get(json_object_get(j, "rows"), 0);
	const json_t *exact = json_object_get(row, "exact_differences");

	return json_integer_value(json_object_get(json_object_get(exact, key), arm));
}

static void check_builds(const char *want)
{
	char *log = strdup("cache/bench/builds/log");

	cli_slurp(&log);
	CHECK(strlen(log) == strlen(want), "built %s", log);
	write_file("cache/bench/builds/log", log, 0600);
	free(log);
}

static void test_revisions(void)
{
	json_t *j;

	start_repository();
	j = compare_revisions("compare main^ main --pairs 1 --no-db --json " MINI, 0);
	CHECK(count_of(j, "core_macs", "b") > count_of(j, "core_macs", "a"), "MACs %lld",
	      (long long)count_of(j, "core_macs", "b"));
	json_decref(j);
	check_builds("built\nbuilt\n");
	/* Again: nothing is built. Against the working tree as it lies there, and left so. */
	j = compare_revisions("compare main --pairs 1 --no-db --json " MINI, 0);
	CHECK_INT(count_of(j, "core_macs", "b"), 0); /* a clean tree is its commit */
	json_decref(j);
	check_builds("built\nbuilt\n");
	shell("sed -i s/steps=3/steps=4/ repo/program");
	j = compare_revisions("compare main . --pairs 1 --no-db --json " MINI, 0);
	CHECK(count_of(j, "core_macs", "b") > count_of(j, "core_macs", "a"),
	      "the change is not in B");
	json_decref(j);
	check_builds("built\nbuilt\nbuilt\n");
	shell(GIT "diff --quiet --cached && test \"$(" GIT "status --porcelain)\" = ' M program'");
}

static void test_broken_revision(void)
{
	write_file("repo/Makefile", "all:\n\techo broken >&2; exit 1\n", 0600);
	shell(GIT "commit -qam broken");
	die_if(chdir("repo"), "no repository");
	check_fails("compare main^ main " MINI, ERR_FAILED, "does not build");
	check_fails("compare main^^^^^ main " MINI, ERR_USAGE, "no git revision");
	shell("mkdir main && cp program main/bench");
	check_fails("compare main this " MINI, ERR_USAGE, "write path:main or git:main");
	die_if(chdir(".."), "no way back");
}

/* ---- stored runs -------------------------------------------------------------------------------
 */

static void run_tagged(const char *tag, const char *more)
{
	char words[256];
	struct child *c;

	snprintf(words, sizeof words, "run sdxl-20steps-mini --backend null --quiet --samples 2 "
		 "--db s.db --tag %s %s", tag, more);
	c = cli_run(words);
	CHECK(c->status == 0, "%s", c->err);
	cli_free(c);
}

static void test_stored(void)
{
	struct child *c;

	for (int i = 0; i < 4; i++) {
		run_tagged("before", "--set steps=2");
		run_tagged("after", "--set steps=2");
	}
	run_tagged("other", "--set steps=3");
	c = cli_run("compare before tag:after --db s.db --quiet");
	CHECK(c->status == 0 && strstr(c->out, "4 and 4 runs, not measured as pairs") &&
	      strstr(c->out, "No verdict"), "exit %d: %s%s", c->status, c->out, c->err);
	cli_free(c);
	c = cli_run("compare 1 2 --db s.db --quiet --format csv");
	CHECK(c->status == 0 && strstr(c->out, "too few runs"), "exit %d: %s", c->status, c->out);
	cli_free(c);
	check_fails("compare before other --db s.db", ERR_INCOMPARABLE, "steps (2, 3)");
	check_fails("compare before other --db s.db --vary step", ERR_USAGE, "did you mean steps?");
	c = cli_run("compare before other --db s.db --vary steps --format markdown --quiet");
	CHECK(c->status == 0 && strstr(c->out, "| core_macs |"), "exit %d: %s", c->status, c->out);
	cli_free(c);
}

/* "1,5" of a query that gives "\"1,5\"" */
static void ids_of(const char *arm, char *ids, size_t len)
{
	char sql[128], *got;

	snprintf(sql, sizeof sql, "SELECT~group_concat(DISTINCT~%s_run_id)~FROM~v_pairs", arm);
	got = cli_query(sql);
	snprintf(ids, len, "%.*s", (int)strcspn(got + 1, "\""), got + 1);
	free(got);
}

/* What test_live() measured as pairs is compared as pairs. */
static void test_stored_pairs(void)
{
	char base[64], cand[64], words[256];
	struct child *c;

	ids_of("base", base, sizeof base);
	ids_of("cand", cand, sizeof cand);
	snprintf(words, sizeof words, "compare %s run:%s --quiet --no-db", base, cand);
	c = cli_run(words);
	CHECK(c->status == 0 && strstr(c->out, ": 2 pairs of processes"), "%s: %s%s", words, c->out,
	      c->err);
	cli_free(c);
}

/* ---- interruption and calibration --------------------------------------------------------------
 */

static void test_interrupt(void)
{
	struct child *c = cli_start("compare this this --pairs 1000 --db i.db " MINI, 0);
	char *got = NULL;

	for (int i = 0; i < 100 && (!got || strcmp(got, "\n") == 0); i++) {
		struct child *q;
		cli_pause(0.1);
		q = cli_run("db query SELECT~1~FROM~v_pairs~LIMIT~1 --db i.db --csv");
		free(got);
		got = strdup(strstr(q->out, "\n1") ? "there" : "\n");
		cli_free(q);
	}
	kill(c->pid, SIGINT);
	cli_wait(c);
	CHECK(c->status == ERR_INTERRUPTED, "exit %d: %s", c->status, c->err);
	CHECK(strstr(c->err, "kept") && strstr(c->out, "sdxl-20steps-mini:"), "%s%s", c->out,
	      c->err);
	cli_free(c);
	free(got);
	c = cli_run(
		"db query SELECT~exit_code~FROM~session~WHERE~purpose='compare' --csv --db i.db");
	CHECK(strstr(c->out, "130"), "%s", c->out);
	cli_free(c);
}

static void test_calibrate(void)
{
	struct child *c = cli_run("calibrate sdxl-20steps-mini --set steps=2 --backend null "
				  "--samples 2 --blocks 3 --quiet --db n.db");

	CHECK(c->status == 0 && strstr(c->out, "3 pairs of equal processes"), "exit %d: %s%s",
	      c->status, c->out, c->err);
	cli_free(c);
	c = cli_run("db query SELECT~n_blocks,sigma_within>0,sigma_pair>0,theta>=0.02,mde95>0,"
		    "(expires_unix_ns-at_unix_ns)/86400000000000~FROM~v_noise~WHERE~stage='total' "
		    "--csv --db n.db");
	CHECK(strstr(c->out, "\n3,1,1,1,1,14"), "%s%s", c->out, c->err);
	cli_free(c);
	check_fails("calibrate nothing-mini --blocks 2 --quiet --no-db", ERR_USAGE, "no workload");
	check_fails("calibrate --blocks 2 --quiet", ERR_USAGE, "goes with a workload");
}

int main(void)
{
	char cache[PATH_MAX];

	die_if(!realpath("db/golden/v1.sqlite", golden), "run it at the root of the sources");
	cli_begin();
	snprintf(cache, sizeof cache, "%s/cache", cli_directory);
	setenv("XDG_CACHE_HOME", cache, 1);
	test_live();
	test_vary();
	test_refusals();
	test_bad_programs();
	test_foreign();
	test_verdicts();
	test_revisions();
	test_broken_revision();
	test_stored();
	test_stored_pairs();
	test_interrupt();
	test_calibrate();
	cli_end();
	return test_end();
}
