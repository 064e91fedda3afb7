/* SPDX-License-Identifier: MIT
 *
 * For the tests of reports/: a database with synthetic runs, made by the same functions that store
 * real ones. Every number is computed from a formula and a counter, nothing is measured: the
 * machine is called "Synthetic CPU" so that no figure of it can be taken for a result.
 */
#ifndef BENCH_REPORT_SAMPLE_H
#define BENCH_REPORT_SAMPLE_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"

#define SAMPLE_N 8

/* A wave in [-1, 1] that looks irregular; the same on every machine to the last digit that counts.
 */
static inline double wobble(int i)
{
	double v = 0.6180339887 * i;
	return 2 * (v - floor(v)) - 1;
}

struct sample_point {
	const char *workload, *dtype, *git_sha, *label, *status;
	int steps, width, threads, second, traced;
	double factor; /* on every time */
};

static inline int64_t sample_macs(const struct sample_point *p)
{
	double pixels = (double)p->width * p->width / (1024.0 * 1024);
	return (int64_t)(1e9 * (5.8e3 * pixels * p->steps + 1.9e3 * pixels + 1.2));
}

/* Seconds of stage 1 text, 2 denoise, 3 decode; 0 all. Threads help four fifths of the work. */
static inline double sample_seconds(const struct sample_point *p, int stage, int i)
{
	double pixels = (double)p->width * p->width / (1024.0 * 1024);
	double speed = strcmp(p->dtype, "bf16") == 0 ? 1.0 : 0.52;
	double parallel = 0.12 + 0.88 / p->threads, noise = 1 + 0.006 * wobble(i + p->second);
	double stages[4] = { 0, 0.11, 1.2 * pixels * p->steps, 2.6 * pixels };

	stages[0] = stages[1] + stages[2] + stages[3];
	return p->factor * stages[stage] * parallel / speed * noise;
}

/* A run and all that its pointers lead to. */
struct sample_row {
	struct db_run run;
	struct db_sample samples[256];
	struct db_summary summaries[8];
	struct db_op ops[5];
	char params[400];
};

static inline struct db_host sample_host(void)
{
	return (struct db_host){ .machine = "synthetic", .cpu_model = "Synthetic CPU",
				 .isa = "avx512", .cores = 8, .threads = 8,
				 .mem_bytes = 64ll << 30, .turbo = -1, .smt = -1 };
}

/* Who, where, with which settings. The uuid follows from the point: the same database whenever it
 * is made. */
static inline void sample_identity(struct sample_row *r, const struct sample_point *p)
{
	struct db_run *run = &r->run;

	snprintf(r->params, sizeof r->params,
		 "{\"backend\":\"cpu\",\"batch\":1,\"dtype\":\"%s\",\"height\":"
		 "%d,\"isa\":\"avx512\",\"seed\":0,\"steps\":%d,\"threads\":%d,\"width\":%d}",
		 p->dtype, p->width, p->steps, p->threads, p->width);
	*run = (struct db_run){
		.host = sample_host(),
		.build = { .version = "0.1.0", .git_sha = p->git_sha },
		.workload = { p->workload, "sdxl", "text-to-image", "{}" },
		.config = { r->params, sample_macs(p), sample_macs(p), 1, 2567463684, 5134927368 },
		.session = { .argv = "synthetic", .purpose = "run", .exit_code = 0 },
		.status = p->status,
		.label = p->label,
		.wall_s = 1,
		.steady = 1,
		.peak_flops = 2e12,
		.started_unix_ns = (1700000000 + 60 * (int64_t)p->second) * 1000000000,
	};
	snprintf(run->uuid, sizeof run->uuid, "00000000-0000-4000-8000-%012d", p->second);
	snprintf(run->session.uuid, sizeof run->session.uuid, "00000000-0000-4000-9000-%012d",
		 p->second);
	run->session.started_unix_ns = run->started_unix_ns;
}

static inline void sample_ops(struct sample_row *r, bool traced)
{
	static const struct db_op ops[] = {
		{ 2, "conv2d", "", 80, 8e11, 0, 0, 0, 0, 0, 4e9, 1e9, 0, NAN },
		{ 2, "linear", "", 900, 0, 2e12, 0, 0, 0, 0, 9e9, 3e9, 0, NAN },
		{ 2, "attention", "", 140, 0, 0, 4e11, 0, 0, 0, 9e9, 2e9, 0, NAN },
		{ 3, "conv2d", "", 40, 9e11, 0, 0, 0, 0, 0, 2e10, 9e9, 0, NAN },
		{ 1, "linear", "", 190, 0, 6e10, 0, 0, 0, 0, 1.3e9, 1e8, 0, NAN },
	};
	static const double rate[] = { 1.1e12, 1.4e12, 5e11, 7e11, 2.4e11 };

	memcpy(r->ops, ops, sizeof ops);
	for (int i = 0; i < 5 && traced; i++)
		r->ops[i].time_s = 2.0 * (double)(ops[i].macs_conv + ops[i].macs_linear +
						  ops[i].macs_attn) / rate[i];
	r->run.ops = r->ops;
	r->run.n_ops = 5;
}

/* Latencies of each stage, then the steps of one sample. */
static inline void sample_samples(struct sample_row *r, const struct sample_point *p)
{
	int n = 0;

	for (int stage = 0; stage < 4; stage++)
		for (int i = 0; i < SAMPLE_N; i++)
			r->samples[n++] = (struct db_sample){ 0, stage, 0, DB_PHASE_MEASURED, i,
							      -1, 0, sample_seconds(p, stage, i) };
	for (int stage = 1; stage < 4; stage++)
		for (int step = 0; step < (stage == 2 ? p->steps : 1) && n < 200; step++)
			r->samples[n++] = (struct db_sample){
				1, stage, 0, DB_PHASE_MEASURED, 0, step, 0,
				sample_seconds(p, stage, step) / (stage == 2 ? p->steps : 1) };
	r->run.samples = r->samples;
	r->run.n_samples = n;
}

/* A median of t with 0.6 % to either side. */
static inline void sample_summary(struct sample_row *r, int metric, int stage, double t)
{
	double lo = 0.994 * t, hi = 1.006 * t;

	r->summaries[r->run.n_summaries++] = (struct db_summary){
		.metric = metric, .stage = stage, .n = SAMPLE_N, .min = lo, .q1 = lo, .median = t,
		.q3 = hi, .max = hi, .mean = t, .sd = 0.004 * t, .mad = 0.003 * t, .ci_lo = lo,
		.ci_hi = hi, .ci_conf = 0.95, .p90 = NAN, .p99 = NAN };
	r->run.summaries = r->summaries;
}

static inline void sample_numbers(struct sample_row *r, const struct sample_point *p)
{
	static const struct db_metric metrics[] = {
		{ "latency", "s", -1, "noisy", "monotonic", "one sample", NULL },
		{ "step_latency", "s", -1, "noisy", "monotonic", "one step", NULL },
		{ "throughput", "1/s", 1, "noisy", "monotonic", "images over latency", NULL },
	};
	static const char *const stages[] = { "total", "text", "denoise", "decode" };

	r->run.metrics = metrics;
	r->run.n_metrics = 3;
	r->run.stages = stages;
	r->run.n_stages = 4;
	if (strcmp(p->status, "ok") != 0)
		return;
	sample_ops(r, p->traced);
	sample_samples(r, p);
	for (int stage = 0; stage < 4; stage++)
		sample_summary(r, 0, stage, sample_seconds(p, stage, 3));
	sample_summary(r, 2, 0, 1 / sample_seconds(p, 0, 3));
}

static inline void sample_check(struct db *db, int rc)
{
	if (rc) {
		printf("cannot go on: %s\n", db_error(db));
		exit(1);
	}
}

static inline void sample_store(struct db *db, const struct sample_point *p, char uuid[37])
{
	struct sample_row r = { .params = "" };

	sample_identity(&r, p);
	sample_numbers(&r, p);
	sample_check(db, db_put_run(db, &r.run, NULL));
	memcpy(uuid, r.run.uuid, 37);
}

static inline void sample_sweeps(struct db *db, int *second)
{
	static const char *const dtype[] = { "fp32", "bf16" };
	static const int steps[] = { 4, 10, 20, 30, 50 }, width[] = { 256, 512, 768 };
	char uuid[37];

	for (int d = 0; d < 2; d++) {
		struct sample_point p = { "sdxl-20steps", dtype[d], "1111111aaaa", NULL, "ok", 20,
					  1024, 8, 0, 0, 1 };
		for (int i = 0; i < 5; i++)
			for (int r = 0; r < 7; r++) {
				p.second = (*second)++;
				p.steps = steps[i];
				sample_store(db, &p, uuid);
			}
		p.steps = 20;
		for (int i = 0; i < 3; i++)
			for (int r = 0; r < 3; r++) {
				p.second = (*second)++;
				p.width = width[i];
				sample_store(db, &p, uuid);
			}
		p.width = 1024;
		for (int t = 1; t < 8; t *= 2) {
			p.second = (*second)++;
			p.threads = t;
			sample_store(db, &p, uuid);
		}
		p.threads = 8;
		p.width = 4096;
		p.status = d ? "oom" : "refused";
		p.second = (*second)++;
		sample_store(db, &p, uuid);
		p.width = 1024;
		p.status = "ok";
		p.workload = "sdxl-turbo";
		p.steps = 4;
		p.traced = 1;
		p.second = (*second)++;
		sample_store(db, &p, uuid);
	}
}

/* A series of builds: 3 % slower from the 20th on (acknowledged), 5 % faster from the 34th. */
static inline void sample_history(struct db *db, int *second)
{
	char uuid[37], sha[16];

	for (int i = 0; i < 48; i++) {
		struct sample_point p = { "sdxl-history", "bf16", sha, NULL, "ok", 8, 512, 8,
					  (*second)++, 0, i < 20 ? 1 : i < 34 ? 1.03 : 0.98 };
		snprintf(sha, sizeof sha, "%07x%08x", 0xabc0000 + i / 4 * 4099, i / 4);
		sample_store(db, &p, uuid);
		if (i == 20) {
			struct db_ack ack = { .uuid = "00000000-0000-4000-a000-000000000001",
					      .workload = "sdxl-history", .metric = "latency",
					      .stage = "total", .reason = "more exact softmax",
					      .at_unix_ns = (1700000000 + 60 * (int64_t)p.second) *
							    1000000000 };
			sample_check(db, db_put_ack(db, &ack));
		}
	}
}

static inline void sample_pairs(struct db *db, int *second)
{
	static const struct { const char *row, *stage, *verdict; double ratio;
	} rows[] = {
		{ "sdxl-20steps", "total", "pass", 1.002 },
		{ "sdxl-unet", "denoise", "regress", 1.049 },
		{ "sdxl-vae", "decode", "improve", 0.962 },
		{ "sdxl-text", "text", "inconclusive", 1.011 },
	};
	struct db_session session = { .uuid = "00000000-0000-4000-b000-000000000001",
				      .argv = "bench compare",
				      .purpose = "compare",
				      .started_unix_ns = 1700900000ll * 1000000000,
				      .exit_code = 1 };
	char base[37], cand[37];

	sample_check(db, db_put_session(db, &session));
	for (int k = 0; k < 4; k++) {
		struct db_comparison c = { .session = session.uuid,
					   .base_run = base,
					   .cand_run = cand,
					   .row_name = rows[k].row,
					   .metric = "latency",
					   .stage = rows[k].stage,
					   .method = "signed-rank",
					   .n_pairs = 10,
					   .ci_conf = 0.95,
					   .ratio = rows[k].ratio,
					   .ci_lo = rows[k].ratio - 0.009,
					   .ci_hi = rows[k].ratio + 0.008,
					   .p = 0.2,
					   .theta = 0.02,
					   .mde95 = 0.015,
					   .verdict = rows[k].verdict,
					   .confirmed = -1,
					   .at_unix_ns = 1700900000ll * 1000000000 + k };
		snprintf(c.uuid, sizeof c.uuid, "00000000-0000-4000-c000-%012d", k);
		for (int i = 0; i < 20; i++) {
			bool b = i % 4 == 1 || i % 4 == 2;
			struct sample_point p = { "sdxl-compare", "bf16", b ? "2222222" : "1111111",
						  NULL, "ok", 8, 512, 8, (*second)++, 0,
						  (b ? rows[k].ratio : 1) * (1 + 0.006 *
						  wobble(7 * k + 3 * i)) };
			struct db_arm_run arm = { session.uuid, b ? cand : base, rows[k].row,
						  b ? "B" : "A", i / 2, 20 * k + i };
			sample_store(db, &p, b ? cand : base);
			sample_check(db, db_session_add_run(db, &arm));
		}
		sample_check(db, db_put_comparison(db, &c));
	}
}

static inline void sample_selftest(struct db *db)
{
	static const struct { double effect; int caught, naive, unsure; } t[] = {
		{ 0, 0, 31, 9 }, { 0.01, 4, 60, 40 }, { 0.02, 61, 120, 75 }, { 0.03, 190, 171, 60 },
		{ 0.05, 296, 230, 4 }, { 0.1, 300, 288, 0 },
	};

	for (int i = 0; i < 6; i++) {
		struct db_selftest s = { .kind = t[i].effect > 0 ? "inject" : "aa",
					 .effect = t[i].effect, .stage = "denoise", .n_suites = 100,
					 .n_rows = 300, .inconclusive = t[i].unsure,
					 .at_unix_ns = 1701000000ll * 1000000000 + i };
		snprintf(s.uuid, sizeof s.uuid, "00000000-0000-4000-d000-%012d", i);
		s.caught = t[i].effect > 0 ? t[i].caught : 0;
		s.naive_caught = t[i].effect > 0 ? t[i].naive : 0;
		s.false_alarms = t[i].effect > 0 ? 0 : t[i].caught;
		s.naive_false_alarms = t[i].effect > 0 ? 0 : t[i].naive;
		sample_check(db, db_put_selftest(db, &s));
	}
}

static inline void sample_calibration(struct db *db)
{
	struct db_host host = sample_host();
	const int64_t at = 1700000000ll * 1000000000;
	const struct db_calibration rows[] = {
		{ "dot", "bf16", "avx512", "FLOP/s", 8, 2.1e12, 2.0e12, 1.9e12, 20, 0, at },
		{ "matmul", "bf16", "avx512", "FLOP/s", 8, 1.6e12, 1.5e12, 1.4e12, 20, 0, at },
		{ "dot", "fp32", "avx512", "FLOP/s", 8, 9e11, 8e11, 7e11, 20, 0, at },
		{ "read", "", "", "B/s", 8, 8.5e10, 8e10, 7e10, 20, 0, at },
		{ "copy", "", "", "B/s", 8, 5.5e10, 5e10, 4e10, 20, 1, at },
	};

	sample_check(db, db_put_calibration(db, &host, rows, 5));
}

/* Fills an open, empty database. */
static inline void sample_database(struct db *db)
{
	int second = 1;

	sample_sweeps(db, &second);
	sample_history(db, &second);
	sample_pairs(db, &second);
	sample_selftest(db);
	sample_calibration(db);
}

#endif
