/* SPDX-License-Identifier: MIT
 *
 * Accidents: Ctrl-C, a second Ctrl-C, kill -9 at random moments, a full disk. What was measured
 * before stays, and the database is whole.
 */
#include <sqlite3.h>
#include <sys/stat.h>

#include "cli_child.h"
#include "test.h"

#define MINI "run sdxl-20steps-mini --quiet"

static void check_query(const char *sql, const char *want)
{
	char *got = cli_query(sql);

	CHECK(strcmp(got, want) == 0, "%s: %s, want %s", sql, got, want);
	free(got);
}

static void check_database(void)
{
	struct child *c = cli_run("db check");

	CHECK(c->status == 0 && !strstr(c->out, "BAD"), "exit %d: %s%s", c->status, c->out, c->err);
	cli_free(c);
}

/* Returns the seconds that it took, for the others to know when a run computes. */
static double test_good_run(void)
{
	struct child *c = cli_run(MINI " --set steps=2 --samples 1 --warmup 0");
	double seconds = c->seconds;

	CHECK(c->status == 0, "%s", c->err);
	cli_free(c);
	check_query("SELECT~status~FROM~v_runs", "\"ok\"");
	return seconds;
}

/* Sends the signal after `seconds`; true when that met the run between two of its steps. */
static int interrupt_after(int number, double seconds)
{
	struct child *c = cli_start(MINI " --samples 1000000 --warmup 0 --set steps=2", 0);
	int met;

	cli_pause(seconds);
	kill(c->pid, number);
	cli_wait(c);
	met = strstr(c->out, "interrupted") != NULL;
	if (met) {
		CHECK(c->status == ERR_INTERRUPTED, "exit %d: %s", c->status, c->err);
		CHECK(strstr(c->err, "samples are kept"), "%s", c->err);
	}
	cli_free(c);
	return met;
}

/* SIGINT and SIGTERM in the middle of endless samples; later and later on a slow machine. */
static void test_interrupt(int number, double seconds)
{
	int met = 0;

	for (int i = 0; i < 4 && !met; i++, seconds *= 2)
		met = interrupt_after(number, seconds);
	CHECK(met, "no interrupted run shows a result");
	check_query("SELECT~status~FROM~v_runs~ORDER~BY~run_id~DESC~LIMIT~1", "\"interrupted\"");
	check_query("SELECT~count(*)>0~FROM~v_samples~WHERE~metric='step_latency'~AND~"
		    "run_id=(SELECT~max(run_id)~FROM~run)", "1");
	check_database();
}

/* A disk that is full before the start, and one that fills up during the run. */
static void test_full_disk(void)
{
	struct child *c = cli_start(MINI " --db small.db", 8192);

	cli_wait(c);
	CHECK(c->status == ERR_DB, "exit %d: %s", c->status, c->err);
	CHECK(c->cpu_s < 5, "found only after %.1f s", c->cpu_s);
	cli_free(c);
	c = cli_start("run sdxl-20steps-mini --backend null --quiet --samples 1500 --warmup 0 "
		      "--db small.db", 1 << 20);
	cli_wait(c);
	CHECK(c->status == ERR_DB, "exit %d: %s", c->status, c->err);
	CHECK(strstr(c->out, "latency"), "the result is lost: %s", c->out);
	cli_free(c);
}

/* Interrupted, and then the disk is full: the first decides the status, the other is said. */
static void test_interrupted_and_full(void)
{
	struct child *c = cli_run("run sdxl-20steps-mini --backend null --samples 1 --warmup 0 "
				  "--quiet --db tight.db");
	struct stat st;

	cli_free(c);
	CHECK(stat("tight.db", &st) == 0, "no tight.db");
	c = cli_start("run sdxl-20steps-mini --backend null --quiet --samples 1000000 --warmup 0 "
		      "--db tight.db", (long)st.st_size + 32768);
	cli_pause(1);
	kill(c->pid, SIGINT);
	cli_wait(c);
	CHECK(c->status == ERR_INTERRUPTED, "exit %d: %s", c->status, c->err);
	CHECK(strstr(c->err, "samples are kept") && strstr(c->err, "warning: "), "%s", c->err);
	CHECK(strstr(c->out, "latency"), "the result is lost: %s", c->out);
	cli_free(c);
}

/* Some runners of CI start programs with SIGCHLD ignored, which is inherited: then the status of a
 * child is lost and a failure looks like success. */
static void run_ignoring(const char *words, int status, const char *sentence)
{
	struct child *c;

	signal(SIGCHLD, SIG_IGN);
	c = cli_start(words, 0);
	signal(SIGCHLD, SIG_DFL);
	cli_wait(c);
	CHECK(c->status == status && (strstr(c->out, sentence) || strstr(c->err, sentence)),
	      "%s: exit %d: %s%s", words, c->status, c->out, c->err);
	cli_free(c);
}

static void test_ignored_children(void)
{
	run_ignoring("run sdxl-unet-mini --backend null --samples 1 --warmup 0 --processes 2 "
		     "--no-db --quiet", 0, "median of 2 processes");
	run_ignoring("run sdxl-20steps-mini --weights nowhere --processes 2 --no-db --quiet",
		     ERR_FAILED, "nowhere");
}

static void test_kill(int times, double seconds)
{
	char *before = cli_query("SELECT~count(*)~FROM~sample"), sql[128];
	struct child *c;

	srand(1);
	for (int i = 0; i < times; i++) {
		c = cli_start(MINI " --samples 2 --warmup 0 --set steps=2", 0);
		cli_pause(seconds * rand() / RAND_MAX);
		kill(c->pid, SIGKILL);
		cli_wait(c);
		cli_free(c);
	}
	check_database();
	snprintf(sql, sizeof sql, "SELECT~count(*)>=%s~FROM~sample", before);
	check_query(sql, "1");
	free(before);
	/* the next run finds the rows of the killed ones */
	c = cli_run(MINI " --set steps=2 --samples 1 --warmup 0");
	CHECK(c->status == 0, "%s", c->err);
	cli_free(c);
	check_query("SELECT~count(*)~FROM~run~WHERE~status='running'", "0");
	check_query("SELECT~status~FROM~v_runs~ORDER~BY~run_id~LIMIT~1", "\"ok\"");
}

/* ---- a database that another process holds at the end of the run -------------------------------
 */

struct held {
	sqlite3 *db;
	struct child *child;
};

/* Starts a run, waits for its row, and takes the write lock, which the run gives up waiting for
 * after ten seconds. */
static struct held hold_database(void)
{
	struct held h = { 0 };
	int got = SQLITE_ERROR;

	cli_free(cli_run("run sdxl-20steps-mini --backend null --samples 1 --quiet --db held.db"));
	h.child = cli_start(
		"run sdxl-20steps-mini --backend null --quiet --samples 1000 --db held.db", 0);
	cli_pause(0.3);
	CHECK(sqlite3_open("held.db", &h.db) == SQLITE_OK, "%s", sqlite3_errmsg(h.db));
	for (int i = 0; i < 1000 && got != SQLITE_OK; i++) {
		got = sqlite3_exec(h.db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		cli_pause(got == SQLITE_OK ? 0 : 0.001);
	}
	CHECK(got == SQLITE_OK, "the lock is not to be had");
	return h;
}

/* The result is shown and spooled, and imported when the database is free again. */
static void test_held(struct held *h)
{
	struct child *c = h->child;

	cli_wait(c);
	CHECK(c->status == ERR_DB, "exit %d: %s", c->status, c->err);
	CHECK(strstr(c->out, "latency") && strstr(c->err, "held.db.spool.jsonl"), "%s", c->err);
	cli_free(c);
	sqlite3_close(h->db);
	c = cli_run("db import held.db.spool.jsonl --db held.db");
	CHECK(c->status == 0 && strstr(c->out, "1 runs stored"), "%s%s", c->out, c->err);
	cli_free(c);
	c = cli_run("db query SELECT~status~FROM~v_runs~ORDER~BY~run_id~DESC --db held.db");
	CHECK(strstr(c->out, "ok"), "%s", c->out);
	cli_free(c);
}

int main(void)
{
	double seconds;
	struct held held;

	cli_begin();
	held = hold_database();
	seconds = test_good_run();
	test_interrupt(SIGINT, seconds);
	test_interrupt(SIGTERM, seconds);
	test_kill(6, 1.2 * seconds);
	test_full_disk();
	test_ignored_children();
	test_interrupted_and_full();
	test_held(&held);
	cli_end();
	return test_end();
}
