/* SPDX-License-Identifier: MIT
 *
 * The engine with programs that only pretend to measure: the order of processes, what is read from
 * them, disturbed pairs, rows that fail, arms that may not be compared, budget and interruption.
 */
#include <math.h>
#include <sys/stat.h>

#include "cli_child.h"
#include "pairs.h"
#include "test.h"

/* Writes a bench program: logs "NAME WORKLOAD" and does what the script says with $2, the workload,
 * and $n, how often it was called before. */
static void write_program(const char *name, const char *script)
{
	FILE *f = fopen(name, "w");

	die_if(!f, "no file %s", name);
	fprintf(f, "#!/bin/sh\n"
		   "n=$(grep -c '^%s ' log); echo \"%s $2\" >>log\n"
		   "result() { # latency, reference rate, dtype, MACs\n"
		   "cat <<END\n"
		   "{\"schema\":\"bench.result/1\",\"env\":{\"threads\":1},\"runs\":[{\n"
		   "\"latency_s\":{\"median\":$1},\"load_s\":0.5,\"latency_samples_s\":[$1,$1],\n"
		   "\"stages\":[{\"name\":\"denoise\",\"steps\":2,\"latency_s\":{\"median\":$1},\n"
		   "\"step_s\":{\"median\":$1}},\n"
		   "{\"name\":\"decode\",\"steps\":1,\"latency_s\":{\"median\":$1}}],\n"
		   "\"reference_blocks_flops\":[$2,1,$2],\"ran_s\":1,\"waited_s\":0.01,\n"
		   "\"exact\":{\"core_macs\":$4,\"output_sha256\":\"aa\"},\n"
		   "\"fingerprint\":{\"hard\":{\"dtype\":\"$3\"},\"soft\":{}}}]}\n"
		   "END\n}\n%s\n", name, name, script);
	fclose(f);
	chmod(name, 0700);
}

#define GOOD "result 1.5 1e9 fp32 100"

static struct progress quiet = { .quiet = true };

static struct pairs_plan plan_of(const struct pairs_row *rows, int n)
{
	fclose(fopen("log", "w"));
	return (struct pairs_plan){ .arm = { { "A", "./a", NULL }, { "B", "./b", NULL } },
				    .row = rows, .n_rows = n, .purpose = "compare",
				    .progress = &quiet,
				    .seed = 24 }; /* its first eight coins alternate */
}

static const struct pairs_row one[] = { { "w", "w", NULL } };
static const struct pairs_row two[] = { { "x", "x", NULL }, { "y", "y", NULL } };

static void check_log(const char *want)
{
	char *log = strdup("log"), *p;

	cli_slurp(&log);
	for (p = log; *p; p++)
		*p = *p == '\n' ? ',' : *p;
	CHECK_STR(log, want);
	free(log);
}

static void test_order(void)
{
	struct pairs_plan plan = plan_of(one, 1);
	struct pairs p;
	struct err e = { 0 };

	write_program("a", GOOD);
	write_program("b", "result 3.0 1e9 fp32 100");
	CHECK(!pairs_begin(&p, &plan, &e) && !pairs_measure(&p, 3, &e), "%s", e.msg);
	check_log("a w,a w,b w,b w,a w,a w,b w,");
	CHECK(!pairs_measure(&p, 1, &e), "%s", e.msg); /* goes on where it stopped */
	check_log("b w,a w,");
	CHECK_INT(p.row[0].n, 4);
	CHECK_INT(p.row[0].n_series, 5);
	CHECK_NEAR(pairs_find(&p.row[0], "latency", "decode")->value[ARM_A][3], 1.5, 0);
	CHECK_NEAR(pairs_find(&p.row[0], "latency", "total")->value[ARM_B][0], 3.0, 0);
	CHECK(pairs_find(&p.row[0], "step_latency", "denoise") != NULL, "no step latency");
	CHECK(!pairs_find(&p.row[0], "step_latency", "decode"), "a step of one");
	CHECK_INT(p.row[0].process[ARM_A][2].n_samples, 2);
	CHECK_NEAR(p.row[0].process[ARM_A][2].reference_rate, 1e9, 0);
	CHECK_INT(p.row[0].processes, 9);
	CHECK_INT(pairs_disturbed(&p.row[0]), 0);
	CHECK(json_equal(p.row[0].exact[ARM_A], p.row[0].exact[ARM_B]), "exact counts differ");
	pairs_end(&p, 0);
}

static void test_rows(void)
{
	struct pairs_plan plan = plan_of(two, 2);
	struct pairs p;
	struct err e = { 0 };

	write_program("b", GOOD);
	CHECK(!pairs_begin(&p, &plan, &e) && !pairs_measure(&p, 2, &e), "%s", e.msg);
	check_log("a x,a x,b x,a y,a y,b y,b x,a x,b y,a y,");
	CHECK(p.row[0].n == 2 && p.row[1].n == 2, "%d %d pairs", p.row[0].n, p.row[1].n);
	pairs_end(&p, 0);
}

/* Row x crashes in B's second process; row y goes on. */
static void test_failure(void)
{
	struct pairs_plan plan = plan_of(two, 2);
	struct pairs p;
	struct err e = { 0 };

	write_program("b", "[ $2$n = x2 ] && kill -SEGV $$\n" GOOD);
	CHECK(!pairs_begin(&p, &plan, &e) && !pairs_measure(&p, 3, &e), "%s", e.msg);
	CHECK(p.row[0].err.code == ERR_FAILED && strstr(p.row[0].err.msg, "signal 11"), "%s",
	      p.row[0].err.msg);
	CHECK(!p.row[1].err.code, "%s", p.row[1].err.msg);
	CHECK(p.row[0].n == 1 && p.row[1].n == 3, "%d %d pairs", p.row[0].n, p.row[1].n);
	pairs_end(&p, 0);
}

static void test_hang(void)
{
	struct pairs_plan plan = plan_of(one, 1);
	struct pairs p;
	struct err e = { 0 };

	plan.timeout_s = 0.3;
	write_program("b", "sleep 20");
	CHECK(!pairs_begin(&p, &plan, &e) && !pairs_measure(&p, 2, &e), "%s", e.msg);
	CHECK(strstr(p.row[0].err.msg, "did not end"), "%s", p.row[0].err.msg);
	CHECK_INT(p.row[0].n, 0);
	check_log("a w,a w,b w,");
	pairs_end(&p, 0);
}

static void test_exact(void)
{
	struct pairs_plan plan = plan_of(one, 1);
	struct pairs p;
	struct err e = { 0 };

	write_program("b", "result 1 1e9 fp32 $((101 + n))");
	CHECK(!pairs_begin(&p, &plan, &e) && !pairs_measure(&p, 2, &e), "%s", e.msg);
	CHECK_INT(json_integer_value(json_object_get(p.row[0].exact[ARM_B], "core_macs")), 101);
	CHECK(p.row[0].exact_varies[ARM_B] && !p.row[0].exact_varies[ARM_A], "varies: %d %d",
	      p.row[0].exact_varies[ARM_A], p.row[0].exact_varies[ARM_B]);
	pairs_end(&p, 0);
}

/* Refused after the first pair, not after all of them. */
static void test_incomparable(void)
{
	struct pairs_plan plan = plan_of(one, 1);
	const char *vary[] = { "dtype" };
	struct pairs p;
	struct err e = { 0 };

	write_program("b", "result 1 1e9 bf16 100");
	CHECK(!pairs_begin(&p, &plan, &e) && !pairs_measure(&p, 9, &e), "%s", e.msg);
	CHECK(p.row[0].err.code == ERR_INCOMPARABLE && strstr(p.row[0].err.msg, "--vary dtype"),
	      "%s", p.row[0].err.msg);
	check_log("a w,a w,b w,");
	pairs_end(&p, 0);
	plan = plan_of(one, 1);
	plan.rule = (struct fingerprint_rule){ vary, 1, false };
	CHECK(!pairs_begin(&p, &plan, &e) && !pairs_measure(&p, 1, &e), "%s", e.msg);
	CHECK(!p.row[0].err.code, "%s", p.row[0].err.msg);
	pairs_end(&p, 0);
}

/* The machine is slow during A's third process: that pair is marked, and stays. */
static void test_disturbed(void)
{
	struct pairs_plan plan = plan_of(one, 1);
	struct pairs p;
	struct err e = { 0 };

	write_program("a", "[ $n = 3 ] && result 2 9.5e8 fp32 100 || " GOOD);
	write_program("b", GOOD);
	CHECK(!pairs_begin(&p, &plan, &e) && !pairs_measure(&p, 4, &e), "%s", e.msg);
	CHECK_INT(p.row[0].n, 4);
	CHECK(pairs_disturbed(&p.row[0]) == 1 && p.row[0].disturbed[2], "%d pairs",
	      pairs_disturbed(&p.row[0]));
	pairs_end(&p, 0);
}

static void test_budget(void)
{
	struct pairs_plan plan = plan_of(one, 1);
	struct pairs p;
	struct err e = { 0 };

	plan.budget_s = 1e-6;
	write_program("a", GOOD);
	CHECK(!pairs_begin(&p, &plan, &e) && !pairs_measure(&p, 5, &e), "%s", e.msg);
	CHECK(p.out_of_time && p.row[0].n == 1, "%d pairs", p.row[0].n); /* never none at all */
	CHECK(pairs_estimate(&p, 2) > 0, "no estimate");
	pairs_end(&p, 0);
}

/* In a process of its own, since signals are counted for good. */
static void test_interrupt(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct pairs_plan plan = plan_of(one, 1);
		struct pairs p;
		struct err e = { 0 };
		write_program("b", "[ $n = 1 ] && kill -INT $PPID && exec sleep 20\n" GOOD);
		if (pairs_begin(&p, &plan, &e))
			_exit(1);
		pairs_measure(&p, 5, &e);
		_exit(e.code == ERR_INTERRUPTED && p.row[0].n == 1 && !p.row[0].err.code ? 42 : 2);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42, "status %x", status);
}

/* Samples in proportion 1, 10, 100; one step of three and the decoder take `factor` as long. */
static json_t *run_in_turns(double factor, int turns)
{
	json_t *timings = json_array(), *samples = json_array();

	for (int i = 0; i < 3; i++) {
		double s = pow(10, i);
		for (int step = 0; step < 3; step++)
			json_array_append_new(timings,
				json_pack("{s:s,s:i,s:s,s:i,s:f}", "phase", "measured", "sample",
					  i, "stage", "denoise", "step", step, "seconds",
					  s * (step == 1 ? factor : 1)));
		json_array_append_new(timings,
			json_pack("{s:s,s:i,s:s,s:i,s:f}", "phase", "measured", "sample", i,
				  "stage", "decode", "step", 0, "seconds", s * factor));
		json_array_append_new(samples, json_real(s * (2 + 2 * factor)));
	}
	json_array_append_new(timings, json_pack("{s:s,s:i,s:s,s:i,s:f}", "phase", "warmup",
						 "sample", 0, "stage", "decode", "step", 0,
						 "seconds", 1e6));
	return json_pack("{s:i,s:o,s:o,s:{s:f},s:f,"
			 "s:[{s:s,s:i,s:{s:f},s:{s:f}},{s:s,s:i,s:{s:f}}]}",
			 "turns", turns, "timings", timings, "latency_samples_s", samples,
			 "latency_s", "median", 7.0, "load_s", 0.5, "stages", "name", "denoise",
			 "steps", 3, "latency_s", "median", 5.0, "step_s", "median", 2.0, "name",
			 "decode", "steps", 1, "latency_s", "median", 1.0);
}

static double ratio(const struct pairs_result *row, const char *metric, const char *stage)
{
	return exp(pairs_find(row, metric, stage)->log_ratio[row->n]);
}

/* In turns the samples are compared one by one, apart only the medians, which are equal here. */
static void test_ratios(void)
{
	for (int turns = 0; turns < 2; turns++) {
		struct pairs_result row = { .capacity = 1 };
		json_t *a = run_in_turns(1, turns), *b = run_in_turns(1.5, turns);
		const json_t *const run[ARMS] = { a, b };
		struct err e = { 0 };
		bool side_by_side = turns > 0;
		CHECK(!pairs_read_pair(&row, run, &e), "%s", e.msg);
		CHECK_NEAR(ratio(&row, "latency", "total"), side_by_side ? 1.25 : 1, 1e-12);
		CHECK_NEAR(ratio(&row, "latency", "denoise"), side_by_side ? 3.5 / 3 : 1, 1e-12);
		CHECK_NEAR(ratio(&row, "latency", "decode"), side_by_side ? 1.5 : 1, 1e-12);
		CHECK_NEAR(ratio(&row, "step_latency", "denoise"), 1, 1e-12);
		CHECK_NEAR(ratio(&row, "load_time", "total"), 1, 1e-12);
		for (int i = 0; i < row.n_series; i++) {
			free(row.series[i].value[ARM_A]);
			free(row.series[i].value[ARM_B]);
			free(row.series[i].log_ratio);
		}
		for (int arm = 0; arm < ARMS; arm++) {
			json_decref(row.exact[arm]);
			json_decref(row.fingerprint[arm]);
		}
		json_decref(a);
		json_decref(b);
	}
}

int main(void)
{
	cli_begin();
	test_ratios();
	test_order();
	test_rows();
	test_failure();
	test_hang();
	test_exact();
	test_incomparable();
	test_disturbed();
	test_budget();
	test_interrupt();
	cli_end();
	return test_end();
}
