/* SPDX-License-Identifier: MIT
 *
 * Sweeps as their users meet them: every point a process of its own, taken over, again,
 * interrupted and gone on with, a point that cannot be measured, and tables in every format. The
 * null backend computes nothing, so that this is quick.
 */
#include "cli_child.h"
#include "test.h"

#define SWEEP "sweep --workload sdxl-20steps-mini --backend null --samples 2 --warmup 0 --quiet "
#define FOUR  SWEEP "--axis steps=1,2 --axis guidance=1,8 --processes 2"

static void check_query(const char *sql, const char *want)
{
	char *got = cli_query(sql);

	CHECK(strcmp(got, want) == 0, "%s: %s, want %s", sql, got, want);
	free(got);
}

static struct child *expect(const char *words, int status, const char *text)
{
	struct child *c = cli_run(words);

	CHECK(c->status == status, "%s: exit %d, want %d: %s", words, c->status, status, c->err);
	CHECK(strstr(c->out, text) || strstr(c->err, text), "%s: \"%s\" not in \"%s\" \"%s\"",
	      words, text, c->out, c->err);
	return c;
}

static void test_refusals(void)
{
	cli_free(expect("sweep", ERR_USAGE, "steps-to-latency-mini"));
	cli_free(expect("sweep dtipe", ERR_USAGE, "did you mean \"dtype\"?"));
	cli_free(expect("sweep --axis steps=1,2", ERR_USAGE, "--workload"));
	cli_free(expect("sweep --workload sdxl-20steps-mini", ERR_USAGE, "--axis"));
	cli_free(expect(SWEEP "--axis stepz=1,2", ERR_USAGE, "did you mean \"steps\"?"));
	cli_free(expect(SWEEP "--axis steps=1,0", ERR_USAGE, "point steps=0"));
	cli_free(expect(SWEEP "--axis steps=2-1*2", ERR_USAGE, "range"));
	cli_free(expect(SWEEP "--axis steps=1 --stop fast", ERR_USAGE, "--stop"));
	cli_free(expect("sweep dtype-mini --dry-run", 0, "bench run sdxl-unet-mini"));
	cli_free(expect("sweep threads --dry-run --json", 0, "bench.sweep-plan/1"));
	CHECK(access("bench.db", F_OK), "a refusal or a plan has made a database");
}

/* Four points, two processes each; the second round goes backwards through the first. */
static void test_points(void)
{
	cli_free(expect(FOUR, 0, "8 processes measured, 0 taken over, 0 failed"));
	check_query("SELECT~count(DISTINCT~uuid)~FROM~v_sweep", "8");
	check_query("SELECT~group_concat(n)~FROM~(SELECT~count(*)~AS~n~FROM~v_sweep~GROUP~BY~"
		    "point)", "\"2,2,2,2\"");
	check_query("SELECT~count(*)~FROM~(SELECT~point,row_number()~OVER~(ORDER~BY~"
		    "started_unix_ns)~AS~i~FROM~v_sweep)a~JOIN~(SELECT~point,row_number()~OVER~"
		    "(ORDER~BY~started_unix_ns)~AS~i~FROM~v_sweep)b~ON~a.i+b.i=9~AND~"
		    "a.point=b.point", "8");
	check_query("SELECT~count(*)~FROM~v_sweep~WHERE~json_extract(axes_json,'$.steps')="
		    "json_extract(params_json,'$.steps')", "8");
	check_query("SELECT~min(sweep_ended_unix_ns)>0~FROM~v_sweep", "1");
}

static void test_taken_over(void)
{
	cli_free(expect(FOUR, 0, "0 processes measured, 8 taken over"));
	cli_free(expect(SWEEP "--axis steps=1-4*2 --processes 2", 0,
			"2 processes measured, 4 taken over"));
	cli_free(expect(SWEEP "--axis steps=1 --processes 1", 0, "0 processes measured, 1 taken"));
	cli_free(expect(SWEEP "--axis steps=1 --processes 1 --again", 0, "1 processes measured"));
	/* another protocol gives other numbers */
	cli_free(expect(SWEEP "--axis steps=1 --processes 1 --samples 3", 0,
			"1 processes measured, 0 taken over"));
}

/* One value of the newest sweep's table as CSV. */
static void test_tables(void)
{
	char *uuid = cli_query("SELECT~sweep_uuid~FROM~v_sweep~GROUP~BY~sweep_uuid~HAVING~"
			       "count(*)=8~LIMIT~1");
	char words[128];
	struct child *c;
	int steps, n, lines = 0;
	long long guidance, macs;
	double latency;

	snprintf(words, sizeof words, "table %.8s --format csv --columns macs,n,latency,low",
		 uuid + 1);
	free(uuid);
	c = expect(words, 0, "steps,guidance,core_macs,processes,latency_s,latency_ci_lo_s\n");
	for (char *p = strchr(c->out, '\n'); p && p[1]; p = strchr(p + 1, '\n')) {
		CHECK(sscanf(p + 1, "%d,%lld,%lld,%d,%lf,\n", &steps, &guidance, &macs, &n,
			     &latency) == 5, "%s", p + 1);
		CHECK(n == 2 && latency > 0 && macs > 1000000, "%d, %g, %lld", n, latency, macs);
		lines++;
	}
	CHECK_INT(lines, 4);
	cli_free(c);
	cli_free(expect("table custom --format markdown", 0, "\n|--:|--:|"));
	cli_free(expect("table custom --format latex", 0, "\\midrule\n1 & "));
	cli_free(expect("table custom", 0, "needs 6"));
	cli_free(expect("table custom --json", 0, "\"bench.sweep/1\""));
	cli_free(expect("table custom --columns latncy", ERR_USAGE, "did you mean latency?"));
	cli_free(expect("table nowhere", ERR_INCOMPARABLE, "nowhere"));
	cli_free(expect("table custom --db none.db", ERR_DB, "none.db"));
}

/* Ctrl-C somewhere; the same command goes on in the same sweep and measures each point once. */
static void test_interrupted(void)
{
	static const char words[] = SWEEP "--axis steps=1-16+1 --processes 1 --samples 100 "
					 "--db stop.db";
	struct child *c = cli_start(words, 0);
	int one = 0, tries = 0;

	setenv("BENCH_DB", "stop.db", 1);
	while (!one && tries++ < 200) {
		char *n;
		cli_pause(0.05);
		n = cli_query("SELECT~count(*)~FROM~v_sweep");
		one = *n >= '1';
		free(n);
	}
	kill(c->pid, SIGINT);
	cli_wait(c);
	CHECK(c->status == ERR_INTERRUPTED && strstr(c->err, "goes on where it stopped"),
	      "exit %d: %s", c->status, c->err);
	cli_free(c);
	check_query("SELECT~count(*)<16~FROM~v_sweep", "1");
	cli_free(expect(words, 0, " 0 failed"));
	check_query("SELECT~count(DISTINCT~sweep_uuid)~FROM~v_sweep", "1");
	check_query("SELECT~count(DISTINCT~point)~FROM~v_sweep~WHERE~status='ok'", "16");
	check_query("SELECT~count(*)~FROM~v_sweep~WHERE~status='ok'", "16");
	unsetenv("BENCH_DB");
}

/* A point that cannot fit is recorded and the others are measured. */
static void test_failed_point(void)
{
	struct child *c = expect("sweep --workload sdxl-20steps-mini --axis height+width+batch="
		   "64:64:1,4096:4096:64 --set steps=1 --samples 1 --warmup 0 --processes 2 "
		   "--threads 1 --db failed.db", ERR_FAILED, "1 of 2 points failed");
	CHECK(strstr(c->out, "refused") && strstr(c->out, "2 processes measured, 0 taken over, "
		     "1 failed"), "%s", c->out);
	cli_free(c);
}

/* ---- the same point several times --------------------------------------------------------------
 */

static void test_processes(void)
{
	struct child *c = expect("run sdxl-20steps-mini --backend null --processes 6 --samples 2 "
				 "--quiet --db six.db", 0, "median of 6 processes");

	CHECK(strstr(c->out, "96.9 %, exact"), "%s", c->out);
	cli_free(c);
	setenv("BENCH_DB", "six.db", 1);
	check_query("SELECT~count(*)~FROM~v_runs~WHERE~status='ok'", "6");
	unsetenv("BENCH_DB");
	cli_free(expect("run sdxl-20steps-mini --processes 2 --samples 1 --warmup 0 --trace "
			"--quiet --no-db", 0, "median of 2 processes"));
	cli_free(expect("run sdxl-20steps-mini --processes 2 --save a.png", ERR_USAGE, "--save"));
	cli_free(expect("run sdxl-20steps-mini --processes 2 --set steps=0", ERR_USAGE,
			"steps=0"));
}

/* A refused run is JSON too. */
static void test_refused_json(void)
{
	struct child *c = expect("run sdxl-20steps-mini --set width=4096 --set height=4096 --set "
				 "batch=64 --json --db json.db", ERR_FAILED, "GiB");
	json_t *j = cli_json(c), *run = json_array_get(json_object_get(j, "runs"), 0);

	CHECK_STR(json_string_value(json_object_get(run, "status")), "refused");
	json_decref(j);
	cli_free(c);
}

int main(void)
{
	cli_begin();
	test_refusals();
	test_points();
	test_taken_over();
	test_tables();
	test_interrupted();
	test_failed_point();
	test_processes();
	test_refused_json();
	cli_end();
	return test_end();
}
