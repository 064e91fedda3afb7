/* SPDX-License-Identifier: MIT
 *
 * Accidents: Ctrl-C, a second Ctrl-C, kill -9 at random moments, a full disk. What was measured
 * before stays, and the database is whole.
 */
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

/* Waits until the run has its row: then it is loading or computing. */
static void wait_for_row(int rows)
{
	char want[16];

	snprintf(want, sizeof want, "%d", rows);
	for (int i = 0; i < 200; i++) {
		char *n = cli_query("SELECT~count(*)~FROM~run");
		int there = strcmp(n, want) == 0;
		free(n);
		if (there)
			return;
		cli_pause(0.05);
	}
	CHECK(0, "no row %d appears", rows);
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

/* SIGINT and SIGTERM in the middle of endless samples. */
static void test_interrupt(int number, int row, double seconds)
{
	struct child *c = cli_start(MINI " --samples 1000000 --warmup 0 --set steps=2", 0);

	wait_for_row(row);
	cli_pause(2 * seconds);
	kill(c->pid, number);
	cli_wait(c);
	CHECK(c->status == ERR_INTERRUPTED, "exit %d: %s", c->status, c->err);
	CHECK(strstr(c->err, "interrupted"), "%s", c->err);
	CHECK(strstr(c->out, "interrupted"), "the result is not shown: %s", c->out);
	cli_free(c);
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
	CHECK(c->seconds < 5, "found only after %.1f s", c->seconds);
	cli_free(c);
	c = cli_start("run sdxl-20steps-mini --backend null --quiet --samples 3000 --warmup 0 "
		      "--db small.db", 1 << 20);
	cli_wait(c);
	CHECK(c->status == ERR_DB, "exit %d: %s", c->status, c->err);
	CHECK(strstr(c->out, "latency"), "the result is lost: %s", c->out);
	cli_free(c);
}

static void test_kill(int times, int rows, double seconds)
{
	srand(1);
	for (int i = 0; i < times; i++) {
		struct child *c = cli_start(MINI " --samples 2 --warmup 0 --set steps=2", 0);
		cli_pause(seconds * rand() / RAND_MAX);
		kill(c->pid, SIGKILL);
		cli_wait(c);
		cli_free(c);
	}
	check_database();
	check_query("SELECT~status~FROM~v_runs~ORDER~BY~run_id~LIMIT~1", "\"ok\"");
	for (int i = 1; i <= rows; i++) {
		char sql[128];
		snprintf(sql, sizeof sql, "SELECT~count(*)>5~FROM~sample~WHERE~run_id=%d", i);
		check_query(sql, "1");
	}
	/* the next run finds the rows of the killed ones */
	cli_free(cli_run(MINI " --set steps=2 --samples 1 --warmup 0"));
	check_query("SELECT~status~FROM~v_runs~ORDER~BY~run_id~DESC~LIMIT~1", "\"ok\"");
	check_query("SELECT~count(*)~FROM~run~WHERE~status='running'", "0");
}

int main(void)
{
	double seconds;

	cli_begin();
	seconds = test_good_run();
	test_interrupt(SIGINT, 2, seconds);
	test_interrupt(SIGTERM, 3, seconds);
	test_kill(8, 3, 1.2 * seconds);
	test_full_disk();
	cli_end();
	return test_end();
}
