/* SPDX-License-Identifier: MIT
 *
 * For the tests of db/: a temporary directory, and a run with something in every field.
 */
#ifndef BENCH_DB_SAMPLE_H
#define BENCH_DB_SAMPLE_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"

static char test_dir[256];

/* DIR/name; valid until four more calls. */
static const char *in_dir(const char *name)
{
	static char path[4][512];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", test_dir, name);
	return path[turn];
}

static void make_test_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(test_dir, sizeof(test_dir), "%.200s/bench-db-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(test_dir)) {
		perror(test_dir);
		exit(1);
	}
}

static void remove_test_dir(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf '%s'", test_dir);
	if (system(command))
		perror(command);
}

static const struct db_metric sample_metrics[] = {
	{ "latency", "s", -1, "noisy", "monotonic_raw", "one whole generation", NULL },
	{ "step_latency", "s", -1, "noisy", "monotonic_raw", "one sampler step", NULL },
	{ "peak_mem_host", "B", -1, "exact", NULL, "peak memory", NULL },
};
static const char *const sample_stages[] = { "total", "denoise", "denoise/unet" };
static const struct db_sample sample_samples[] = {
	{ 0, 0, 0, DB_PHASE_WARMUP, 0, -1, 0, 11.5 },
	{ 0, 0, 0, DB_PHASE_MEASURED, 0, -1, DB_SAMPLE_DISTURBED, 10.25 },
	{ 0, 0, 0, DB_PHASE_MEASURED, 1, -1, 0, 0.1 },
	{ 1, 2, 0, DB_PHASE_MEASURED, 0, 0, 0, 1.0 / 3 },
	{ 1, 2, 1, DB_PHASE_MEASURED, 0, 1, DB_SAMPLE_CUT_SHORT, NAN },
};
static const struct db_summary sample_summaries[] = {
	{ .metric = 0, .stage = 0, .n = 2, .outliers_mild = 1, .min = 10, .q1 = 10, .median = 10,
	  .q3 = 10.5, .max = 11, .mean = 10.2, .sd = 0.1, .mad = 0.05, .ci_lo = 9.9, .ci_hi = 10.1,
	  .ci_conf = 0.95, .p90 = NAN, .p99 = NAN },
	{ .metric = 2, .stage = 0, .n = 1, .min = 7e9, .q1 = 7e9, .median = 7e9, .q3 = 7e9,
	  .max = 7e9, .mean = 7e9, .sd = NAN, .mad = NAN, .ci_lo = NAN, .ci_hi = NAN,
	  .ci_conf = NAN, .p90 = NAN, .p99 = NAN },
};
static const struct db_op sample_ops[] = {
	{ 1, "conv2d", "", 53, 811556000000, 0, 0, 0, 0, 0, 1, 2, 0, 1.5 },
	{ 1, "linear", "unet.mid_block", 743, 0, 2177105000000, 0, 3, 4, 5, 6, 7, 8, NAN },
};
static const struct db_artifact sample_artifacts[] = {
	{ "image", "out.png", NULL, 123456, NULL, 0 },
	{ "note", NULL, "00ff", 5, "a\0b\xff" "c", 5 },
};

/* Started at `second` after 2023-11-14 22:13:20 UTC; of one host, build, workload and config. */
static struct db_run sample_run(int second)
{
	struct db_run run = {
		.host = { .machine = "box",
			  .cpu_model = "Test CPU",
			  .isa = "avx2 avx512",
			  .kernel = "6.1",
			  .sockets = 1,
			  .cores = 2,
			  .threads = 4,
			  .turbo = -1,
			  .smt = 1,
			  .mem_bytes = 24ll << 30,
			  .extra_json = "{\"b\": [1, 2], \"a\": 1}" },
		.build = { .version = "0.1.0",
			   .git_sha = "abc",
			   .git_dirty = 1,
			   .compiler = "cc 12",
			   .libs_json = "{\"onednn\": \"2.6.3\"}" },
		.workload = { "sdxl-20steps", "sdxl", "text-to-image", "{\"steps\": 20}" },
		.config = { "{\"threads\": 2, \"dtype\": \"bf16\"}", 140570000000000,
			    130000000000000, 1, 3469000000, 6900000000 },
		.session = { .argv = "bench run 'a \"b\"' \xc3\xa9",
			     .purpose = "run",
			     .exit_code = -1 },
		.status = "ok",
		.label = "tag",
		.wall_s = 21.75,
		.steady = 1,
		.stop_reason = "count",
		.out_sha256 = "aa",
		.peak_flops = 1.02e12,
		.env_json = "{\"load\": 0.5}",
		.metrics = sample_metrics,
		.n_metrics = 3,
		.stages = sample_stages,
		.n_stages = 3,
		.samples = sample_samples,
		.n_samples = 5,
		.summaries = sample_summaries,
		.n_summaries = 2,
		.ops = sample_ops,
		.n_ops = 2,
		.artifacts = sample_artifacts,
		.n_artifacts = 2,
	};

	run.started_unix_ns = (1700000000 + (int64_t)second) * 1000000000 + 123456789;
	run.session.started_unix_ns = run.started_unix_ns - 5;
	return run;
}

#define SAMPLE_UUID(n) "00000000-0000-4000-8000-00000000000" #n
#define SAMPLE_SECOND 1700000000000000000 /* that the sample runs count from, in ns */

/* A comparing session, a sweep and all else that may be said of two stored runs. */
struct sample_study {
	struct db_session session;
	struct db_arm_run arm[2];
	struct db_sweep sweep;
	struct db_sweep_run point[2];
	struct db_comparison comparison;
	struct db_noise noise;
	struct db_ack ack;
	struct db_selftest selftest;
	struct db_calibration calibration;
};

static inline struct sample_study sample_study(const char *base_run, const char *cand_run)
{
	return (struct sample_study){
		.session = { SAMPLE_UUID(3), "bench compare a b", "compare", "note", SAMPLE_SECOND,
			     SAMPLE_SECOND + 100, 1 },
		.arm = { { SAMPLE_UUID(3), base_run, "unet", "A", 0, 0 },
			 { SAMPLE_UUID(3), cand_run, "unet", "B", 0, 1 } },
		.sweep = { SAMPLE_UUID(4), "steps-to-latency", "{\"axes\": [\"steps\"]}",
			   SAMPLE_SECOND, 0 },
		.point = { { SAMPLE_UUID(4), base_run, 0, 0,
			     "{\"steps\": 10, \"dtype\": \"bf16\"}" },
			   { SAMPLE_UUID(4), cand_run, 1, 0,
			     "{\"steps\": 20, \"dtype\": \"bf16\"}" } },
		.comparison = { SAMPLE_UUID(5),
				SAMPLE_UUID(3),
				base_run,
				cand_run,
				"unet",
				"latency",
				"total",
				"signed-rank",
				SAMPLE_SECOND,
				10,
				1,
				1.0625,
				1.03125,
				NAN,
				0.99,
				1.0 / 1024,
				0.02,
				0.05,
				"regress",
				1,
				NULL,
				"slower",
				"{\"base\": 2, \"head\": 3, \"log_ratio\": [0.5, 0.25], "
				"\"pair_ratio\": [1.25, 1.5], "
				"\"disturbed\": [false, true], \"looked\": 2, "
				"\"extended\": 0, \"to_confirm\": 0, \"seed\": \"1f\"}" },
		.noise = { SAMPLE_UUID(6), base_run, "latency", "total", SAMPLE_SECOND,
			   SAMPLE_SECOND + 100, 20, 0.001, 0.002, 0.003, 0.02, NAN },
		.ack = { SAMPLE_UUID(7), "sdxl-20steps", NULL, "latency", "total", SAMPLE_SECOND,
			 "new compiler", 0 },
		.selftest = { SAMPLE_UUID(8), SAMPLE_UUID(3), base_run, "inject", 0.05, "denoise",
			      SAMPLE_SECOND, 300, 900, 0, 880, 20, 7, 800, 0.001, 0.002, NAN, 0.02,
			      "{\"seed\": 1}" },
		.calibration = { "dot", "bf16", "avx512_bf16", "FLOP/s", 2, 1e12, 9e11, 8e11, 10, 0,
				 SAMPLE_SECOND },
	};
}

/* Stores it with the machine of the sample runs; 0 or the code of what failed. */
static inline int put_sample_study(struct db *db, struct sample_study *s)
{
	struct db_run run = sample_run(0);
	int rc = db_put_session(db, &s->session);

	for (int i = 0; i < 2 && !rc; i++)
		rc = db_session_add_run(db, &s->arm[i]);
	if (!rc)
		rc = db_put_sweep(db, &s->sweep);
	for (int i = 0; i < 2 && !rc; i++)
		rc = db_sweep_add_run(db, &s->point[i]);
	if (rc || (rc = db_put_comparison(db, &s->comparison)) ||
	    (rc = db_put_noise(db, &s->noise)) || (rc = db_put_ack(db, &s->ack)) ||
	    (rc = db_put_selftest(db, &s->selftest)))
		return rc;
	return db_put_calibration(db, &run.host, &s->calibration, 1);
}

/* The first column of the first row of a query, as text; "" without rows, the error if it fails. */
static int first_value_row(void *arg, int n, const char *const *names,
			   const struct db_value *values)
{
	(void)n, (void)names;
	snprintf(arg, 512, "%s", values ? values[0].text : "");
	return 1;
}

static inline const char *first_value(struct db *db, const char *sql)
{
	static char text[2][512];
	static int turn;

	turn = !turn;
	if (db_query(db, sql, NULL, 0, first_value_row, text[turn]))
		return db_error(db);
	return text[turn];
}

static inline void say_nothing(void *arg, int bad, const char *sentence)
{
	(void)arg;
	if (bad)
		printf("check: %s\n", sentence);
}

/* Opens, and ends the test program when that fails. */
static inline struct db *must_open(const char *path, unsigned flags)
{
	struct db *db;

	if (db_open(&db, path, flags)) {
		printf("cannot go on: %s\n", db_error(db));
		exit(1);
	}
	return db;
}

#endif
