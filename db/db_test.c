/* SPDX-License-Identifier: MIT
 *
 * What is stored comes back the same, from SQL and from JSON; queries; calibrations.
 * `db_test --time` measures the recording of a large run instead.
 */
#include "db_sample.h"

#include <time.h>
#include <unistd.h>

#include "test.h"

static bool same_text(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static bool same_real(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static void check_lists(const struct db_run *a, const struct db_run *b)
{
	CHECK_INT(a->n_metrics, b->n_metrics);
	CHECK_INT(a->n_stages, b->n_stages);
	CHECK_INT(a->n_samples, b->n_samples);
	CHECK_INT(a->n_summaries, b->n_summaries);
	CHECK_INT(a->n_ops, b->n_ops);
	CHECK_INT(a->n_artifacts, b->n_artifacts);
	for (int i = 0; i < a->n_metrics && i < b->n_metrics; i++)
		CHECK(same_text(a->metrics[i].name, b->metrics[i].name) &&
		      same_text(a->metrics[i].unit, b->metrics[i].unit) &&
		      same_text(a->metrics[i].clock, b->metrics[i].clock), "metric %d", i);
	for (int i = 0; i < a->n_stages && i < b->n_stages; i++)
		CHECK_STR(a->stages[i], b->stages[i]);
	for (int i = 0; i < a->n_samples && i < b->n_samples; i++) {
		const struct db_sample *s = &a->samples[i], *t = &b->samples[i];

		CHECK(s->metric == t->metric && s->stage == t->stage && s->rank == t->rank &&
		      s->phase == t->phase && s->i == t->i && s->step == t->step &&
		      s->flags == t->flags && same_real(s->value, t->value), "sample %d", i);
	}
	for (int i = 0; i < a->n_summaries && i < b->n_summaries; i++) {
		const struct db_summary *s = &a->summaries[i], *t = &b->summaries[i];

		CHECK(s->metric == t->metric && s->n == t->n && same_real(s->median, t->median) &&
			      same_real(s->p99, t->p99) && same_real(s->ci_conf, t->ci_conf),
		      "summary %d", i);
	}
	for (int i = 0; i < a->n_ops && i < b->n_ops; i++) {
		const struct db_op *s = &a->ops[i], *t = &b->ops[i];

		CHECK(s->stage == t->stage && same_text(s->op, t->op) &&
			      same_text(s->layer, t->layer) && s->macs_conv == t->macs_conv &&
			      s->macs_linear == t->macs_linear && s->bytes_sent == t->bytes_sent &&
			      same_real(s->time_s, t->time_s),
		      "op %d", i);
	}
	for (int i = 0; i < a->n_artifacts && i < b->n_artifacts; i++) {
		const struct db_artifact *s = &a->artifacts[i], *t = &b->artifacts[i];

		CHECK(same_text(s->kind, t->kind) && same_text(s->path, t->path) &&
		      s->blob_bytes == t->blob_bytes && s->bytes == t->bytes &&
		      memcmp(s->blob ? s->blob : "", t->blob ? t->blob : "", t->blob_bytes) == 0,
		      "artifact %d", i);
	}
}

/* `a` was stored from `b`. JSON comes back canonical and the machine hashed. */
static void check_same(const struct db_run *a, const struct db_run *b)
{
	CHECK_STR(a->uuid, b->uuid);
	CHECK_STR(a->session.uuid, b->session.uuid);
	CHECK_STR(a->session.argv, b->session.argv);
	CHECK_INT(a->session.exit_code, b->session.exit_code);
	CHECK_STR(a->status, b->status);
	CHECK(same_text(a->status_msg, b->status_msg), "status_msg");
	CHECK(a->started_unix_ns == b->started_unix_ns, "started");
	CHECK(a->session.started_unix_ns == b->session.started_unix_ns, "session started");
	CHECK(a->wall_s == b->wall_s && a->peak_flops == b->peak_flops, "times");
	CHECK(a->config.core_macs == b->config.core_macs && a->config.images == b->config.images &&
	      a->config.weight_bytes == b->config.weight_bytes, "counts");
	CHECK_STR(a->config.params_json, "{\"dtype\":\"bf16\",\"threads\":2}");
	CHECK_STR(a->host.extra_json, "{\"a\":1,\"b\":[1,2]}");
	CHECK_STR(a->host.cpu_model, b->host.cpu_model);
	CHECK(a->host.microcode == NULL && a->host.turbo == -1 && a->host.numa_nodes == 0,
	      "unknowns");
	CHECK(strncmp(a->host.machine, "sha256:", 7) == 0 && !strstr(a->host.machine, "box"),
	      "machine");
	CHECK_STR(a->build.libs_json, "{\"onednn\":\"2.6.3\"}");
	CHECK_STR(a->workload.name, b->workload.name);
	check_lists(a, b);
}

static void test_round_trip(void)
{
	struct db *db = must_open(in_dir("a.db"), DB_CREATE);
	struct db_run run = sample_run(0), *back;
	int64_t id = 0;

	CHECK(db_begin_run(db, &run) == 0, "%s", db_error(db));
	CHECK_STR(first_value(db, "SELECT status || ' ' || (owner IS NOT NULL) FROM run"),
		  "running 1");
	CHECK(db_put_run(db, &run, &id) == 0, "%s", db_error(db));
	CHECK_INT(id, 1);
	CHECK_STR(first_value(db, "SELECT count(*) || (owner IS NULL) FROM run"), "11");
	CHECK(db_get_run(db, 0, run.uuid, &back) == 0, "%s", db_error(db));
	if (back)
		check_same(back, &run);
	db_run_free(back);
	CHECK(db_put_run(db, &run, NULL) == DB_ERR_INPUT, "the same run was stored twice");
	CHECK(strstr(db_error(db), run.uuid), "%s", db_error(db));
	CHECK_STR(first_value(db, "SELECT count(*) FROM sample"), "5");
	CHECK(db_get_run(db, 99, NULL, &back) == DB_ERR_INPUT && !back, "run 99 exists");
	CHECK(db_check(db, say_nothing, NULL) == 0, "%s", db_error(db));
	db_close(db);
}

/* The same host, build, workload and configuration are one row, however they are written. */
static void test_identities(void)
{
	struct db *db = must_open(in_dir("b.db"), DB_CREATE);
	struct db_run a = sample_run(0), b = sample_run(1), c = sample_run(2);
	const char *counts =
		"SELECT (SELECT count(*) FROM host) || (SELECT count(*) FROM build) || "
		"(SELECT count(*) FROM workload) || (SELECT count(*) FROM cfg) || "
		"(SELECT count(*) FROM session)";

	b.config.params_json = "{\"dtype\":\"bf16\",   \"threads\":2}";
	b.host.extra_json = "{\"new\":1}";
	b.host.mem_bytes += 1000;
	CHECK(!db_put_run(db, &a, NULL), "%s", db_error(db));
	strcpy(b.session.uuid, a.session.uuid);
	b.session.exit_code = 3;
	CHECK(!db_put_run(db, &b, NULL), "%s", db_error(db));
	CHECK_STR(first_value(db, counts), "11111");
	CHECK_STR(first_value(db, "SELECT exit_code FROM session"), "3");
	CHECK_STR(first_value(db, "SELECT extra_json FROM host"), "{\"new\":1}");
	c.config.params_json = "{\"dtype\":\"fp32\",\"threads\":2}";
	c.host.kernel = "6.2";
	c.build.libs_json = "{\"onednn\":\"3.1\"}";
	c.workload.spec_json = "{\"steps\":21}";
	CHECK(!db_put_run(db, &c, NULL), "%s", db_error(db));
	CHECK_STR(first_value(db, counts), "22222");
	CHECK_STR(first_value(db, "SELECT group_concat(s.name || ' in ' || p.name) FROM stage s "
				  "JOIN stage p ON s.parent_id = p.stage_id"),
		  "denoise/unet in denoise");
	CHECK_STR(first_value(db, "SELECT count(*) FROM v_latest"), "2");
	CHECK_STR(first_value(db, "SELECT group_concat(run_id) FROM v_latest"), "2,3");
	db_close(db);
}

static void test_views(void)
{
	struct db *db = must_open(in_dir("b.db"), DB_READONLY);

	CHECK_STR(
		first_value(db,
			    "SELECT printf('%s|%s|%s|%g|%g|%.4f|%s|%d|%g', started_utc, workload, "
			    "status, latency_s, images_per_s, peak_share, dtype, threads, "
			    "peak_mem_bytes) FROM v_runs WHERE run_id = 1"),
		"2023-11-14 22:13:20|sdxl-20steps|ok|10|0.1|27.5627|bf16|2|7e+09");
	CHECK_STR(first_value(db, "SELECT printf('%g', flops) FROM v_ops WHERE op = 'conv2d'"),
		  "1.08207e+12");
	CHECK_STR(first_value(db, "SELECT count(*) FROM v_series WHERE metric = 'latency'"), "3");
	CHECK_STR(first_value(db,
			      "SELECT group_concat(phase || value) FROM v_samples WHERE run_id = 2 "
			      "AND metric = 'latency'"),
		  "warmup11.5,measured10.25,measured0.1");
	CHECK_STR(first_value(db, "SELECT count(*) FROM v_summary WHERE p99 IS NULL"), "6");
	db_close(db);
}

/* Each refused run leaves nothing behind. */
static void test_refused_runs(void)
{
	struct db *db = must_open(in_dir("c.db"), DB_CREATE);
	struct db_sample bad_index = { .metric = 3 },
			 twice[] = { sample_samples[0], sample_samples[0] };
	struct db_metric other_unit = { "latency", "ms", -1, "noisy", NULL, "", NULL };
	struct db_run run = sample_run(0);

	run.samples = &bad_index;
	run.n_samples = 1;
	CHECK(db_put_run(db, &run, NULL) == DB_ERR_INPUT, "bad index");
	CHECK(strstr(db_error(db), "sample 0"), "%s", db_error(db));
	run.samples = twice;
	run.n_samples = 2;
	CHECK(db_put_run(db, &run, NULL) == DB_ERR_INPUT, "the same sample twice");
	run = sample_run(0);
	run.status = "fine";
	CHECK(db_put_run(db, &run, NULL) == DB_ERR_INPUT, "unknown status");
	CHECK(strstr(db_error(db), "status"), "%s", db_error(db));
	run = sample_run(0);
	run.config.params_json = "{\"a\":1";
	CHECK(db_put_run(db, &run, NULL) == DB_ERR_INPUT, "bad parameters");
	run = sample_run(0);
	run.env_json = "[1]";
	CHECK(db_put_run(db, &run, NULL) == DB_ERR_INPUT, "environment not an object");
	CHECK_STR(first_value(db,
			      "SELECT (SELECT count(*) FROM run) || (SELECT count(*) FROM host) || "
			      "(SELECT count(*) FROM sample) || (SELECT count(*) FROM metric)"),
		  "0000");
	run = sample_run(0);
	CHECK(!db_put_run(db, &run, NULL), "%s", db_error(db));
	run = sample_run(0);
	run.metrics = &other_unit;
	run.n_metrics = 1;
	run.n_samples = run.n_summaries = 0;
	CHECK(db_put_run(db, &run, NULL) == DB_ERR_INPUT, "another unit");
	CHECK(strstr(db_error(db), "latency"), "%s", db_error(db));
	db_close(db);
}

static void test_query(void)
{
	static const char *const writes[] = {
		"DELETE FROM run",
		"DROP TABLE run",
		"PRAGMA user_version = 5",
		"ATTACH 'x.db' AS x",
		"PRAGMA journal_mode = DELETE",
		"CREATE TABLE t(a)",
		"VACUUM",
		"BEGIN",
		"WITH a AS (SELECT 1) INSERT INTO stage SELECT 9, NULL, 'x'",
		"UPDATE sqlite_master SET sql = ''",
		"PRAGMA writable_schema = 1",
		"PRAGMA wal_checkpoint",
	};
	const char *args[] = { "it's" };
	struct db *db = must_open(in_dir("a.db"), 0);
	char out[512] = "untouched";

	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		CHECK(db_query(db, writes[i], NULL, 0, first_value_row, out) == DB_ERR_INPUT, "%s",
		      writes[i]);
	CHECK_STR(out, "untouched");
	CHECK(db_query(db, "SELEC 1", NULL, 0, first_value_row, out) == DB_ERR_INPUT, "bad SQL");
	CHECK(strstr(db_error(db), "SELEC"), "%s", db_error(db));
	CHECK(db_query(db, "", NULL, 0, first_value_row, out) == DB_ERR_INPUT, "empty");
	CHECK(db_query(db, "SELECT 1; SELECT 2", NULL, 0, first_value_row, out) == DB_ERR_INPUT,
	      "two");
	CHECK(db_query(db, "SELECT ?1", NULL, 0, first_value_row, out) == DB_ERR_INPUT,
	      "no argument");
	CHECK(db_query(db, "SELECT ?1 ;\n", args, 1, first_value_row, out) == 0, "%s",
	      db_error(db));
	CHECK_STR(out, "it's");
	CHECK_STR(first_value(db, "SELECT x'00ff'"), "00ff");
	CHECK_STR(first_value(db, "SELECT 1 WHERE 0"), "");
	CHECK_STR(first_value(db, "PRAGMA user_version"), "2");
	CHECK_STR(first_value(db, "SELECT count(*) FROM pragma_table_info('stage')"), "3");
	CHECK_STR(first_value(db, "SELECT sum(value) FROM json_each('[1,2]')"), "3");
	CHECK(db_list_runs(db, "sdxl-20steps", 5, first_value_row, out) == 0, "%s", db_error(db));
	CHECK_STR(out, "1");
	CHECK(db_list_runs(db, "other", 0, first_value_row, out) == 0, "%s", db_error(db));
	CHECK_STR(out, "");
	db_close(db);
}

static void export_to(struct db *db, const char *path)
{
	FILE *f = fopen(path, "w");

	CHECK(f && db_export(db, f, NULL, 0) == 0, "%s", db_error(db));
	if (f)
		fclose(f);
}

static bool same_file(const char *a, const char *b)
{
	char command[1100];

	snprintf(command, sizeof(command), "cmp '%s' '%s'", a, b);
	return system(command) == 0;
}

/* Export, import into a new file, export again: the same bytes. A spooled run is the same. */
static void test_json(void)
{
	struct db *a = must_open(in_dir("a.db"), 0), *b = must_open(in_dir("d.db"), DB_CREATE);
	struct db_run spooled = sample_run(9), *back = NULL;
	struct db_moved m;

	export_to(a, in_dir("1.jsonl"));
	CHECK(db_import(b, in_dir("1.jsonl"), &m) == 0, "%s", db_error(b));
	CHECK(m.new_runs == 1 && m.known == 0, "%d new, %d known", m.new_runs, m.known);
	CHECK(db_import(b, in_dir("1.jsonl"), &m) == 0, "%s", db_error(b));
	CHECK(m.new_runs == 0 && m.known == 1, "%d new, %d known", m.new_runs, m.known);
	export_to(b, in_dir("2.jsonl"));
	CHECK(same_file(in_dir("1.jsonl"), in_dir("2.jsonl")), "export changed on the way");

	/* It began in the database, could not be put there, and comes by the spool. */
	CHECK(db_begin_run(b, &spooled) == 0, "%s", db_error(b));
	CHECK(db_spool_run(b, db_spool_path(b), &spooled) == 0, "%s", db_error(b));
	CHECK(db_import(b, db_spool_path(b), &m) == 0, "%s", db_error(b));
	CHECK(m.new_runs == 1 && m.known == 0, "%d new, %d known", m.new_runs, m.known);
	CHECK(db_get_run(b, 0, spooled.uuid, &back) == 0, "%s", db_error(b));
	if (back)
		check_same(back, &spooled);
	db_run_free(back);
	db_close(a);
	db_close(b);
}

/* Whatever a file holds, import says which line is wrong and stores nothing of it. */
static void test_bad_json(void)
{
	static const char *const bad[] = {
		"{", "[]", "1", "{\"schema\":\"bench.run/9\"}", "{\"schema\":\"bench.run/1\"}",
		"{\"schema\":\"bench.run/1\",\"run\":{\"uuid\":7}}",
	};
	struct db *db = must_open(in_dir("e.db"), DB_CREATE), *a = must_open(in_dir("a.db"), 0);
	const char *path = in_dir("bad.jsonl");
	char *line = NULL;
	size_t size = 0;
	FILE *f;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f = fopen(path, "w");
		fprintf(f, "\n%s\n", bad[i]);
		fclose(f);
		CHECK(db_import(db, path, NULL) == DB_ERR_INPUT, "%s", bad[i]);
		CHECK(strstr(db_error(db), "line 2"), "%s", db_error(db));
	}
	/* Every prefix of a real line, and every line with one byte changed, is survived. */
	export_to(a, path);
	f = fopen(path, "r");
	CHECK(getline(&line, &size, f) > 100, "no export");
	fclose(f);
	for (size_t n = strlen(line), i = 0; i + 2 < n; i += 7) {
		char was = line[i];

		unlink(path); /* to truncate it instead would wait for the disk */
		f = fopen(path, "w");
		fprintf(f, "%.*s\n", (int)i + 1, line);
		line[i] = i % 2 ? '0' : '"';
		fprintf(f, "%s", line);
		line[i] = was;
		fclose(f);
		CHECK(db_import(db, path, NULL) == DB_ERR_INPUT, "prefix of %zu bytes",
		      i + 1);
	}
	free(line);
	CHECK_STR(first_value(db, "SELECT count(*) FROM run"), "0");
	CHECK(db_import(db, in_dir("none"), NULL) == DB_ERR_PATH, "no file");
	db_close(a);
	db_close(db);
}

struct seen {
	int n;
	double best;
	char kind[64];
};

static int calibration_row(void *arg, const struct db_calibration *c)
{
	struct seen *seen = arg;

	seen->n++;
	if (strcmp(c->kind, "dot") == 0)
		seen->best = c->best;
	snprintf(seen->kind + strlen(seen->kind), sizeof(seen->kind) - strlen(seen->kind), "%s/%s ",
		 c->kind, c->dtype);
	return 0;
}

static void test_calibration(void)
{
	struct db_calibration rows[] = {
		{ "dot", "bf16", "avx512_bf16", "FLOP/s", 2, 1e12, 9e11, 8e11, 10, 0, 100 },
		{ "read", NULL, NULL, "B/s", 2, 4e10, 3e10, 2e10, 10, 0, 100 },
	};
	struct db *db = must_open(in_dir("c.db"), 0);
	struct db_run run = sample_run(0);
	struct db_host other = run.host;
	struct seen seen = { 0 };

	CHECK(db_put_calibration(db, &run.host, rows, 2) == 0, "%s", db_error(db));
	rows[0].best = 2e12;
	rows[0].at_unix_ns = 200;
	CHECK(db_put_calibration(db, &run.host, rows, 1) == 0, "%s", db_error(db));
	rows[0].best = 5e11;
	rows[0].at_unix_ns = 300;
	rows[0].disturbed = 1;
	CHECK(db_put_calibration(db, &run.host, rows, 1) == 0, "%s", db_error(db));
	CHECK(db_get_calibration(db, &run.host, calibration_row, &seen) == 0, "%s", db_error(db));
	CHECK_INT(seen.n, 2);
	CHECK_STR(seen.kind, "dot/bf16 read/ ");
	CHECK_NEAR(seen.best, 2e12, 0);
	other.cpu_model = "Other CPU";
	seen.n = 0;
	CHECK(db_get_calibration(db, &other, calibration_row, &seen) == 0, "%s", db_error(db));
	CHECK_INT(seen.n, 0);
	CHECK_STR(first_value(db, "SELECT count(*) FROM v_calibration"), "4");
	db_close(db);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct db_sample *many_samples(int n)
{
	struct db_sample *s = calloc((size_t)n, sizeof(*s));

	for (int i = 0; s && i < n; i++)
		s[i] = (struct db_sample){
			1, 2, 0, DB_PHASE_MEASURED, i / 50, i % 50, 0, 1e-3 * i
		};
	return s;
}

/* Seconds to record, and to load again, a run with n samples. */
static void time_recording(int n, double *put_s, double *get_s)
{
	struct db *db = must_open(in_dir("time.db"), DB_CREATE);
	struct db_run run = sample_run(0), *back = NULL;
	struct db_sample *samples = many_samples(n);
	double start;
	int64_t id = 0;

	run.samples = samples;
	run.n_samples = n;
	start = now_s();
	CHECK(db_put_run(db, &run, &id) == 0, "%s", db_error(db));
	*put_s = now_s() - start;
	start = now_s();
	CHECK(db_get_run(db, id, NULL, &back) == 0, "%s", db_error(db));
	*get_s = now_s() - start;
	CHECK(back && back->n_samples == n && back->samples[n - 1].value == samples[n - 1].value,
	      "samples differ");
	db_run_free(back);
	free(samples);
	db_close(db);
}

static void show_times(int n, int repeats)
{
	double best_put = INFINITY, best_get = INFINITY, put_s, get_s;

	for (int i = 0; i < repeats; i++) {
		time_recording(n, &put_s, &get_s);
		best_put = fmin(best_put, put_s);
		best_get = fmin(best_get, get_s);
	}
	printf("%d samples: recorded in %.3f s, loaded in %.3f s (best of %d)\n", n, best_put,
	       best_get, repeats);
}

int main(int argc, char **argv)
{
	make_test_dir();
	if (argc > 1 && strcmp(argv[1], "--time") == 0) {
		show_times(100000, 7);
	} else {
		test_round_trip();
		test_identities();
		test_views();
		test_refused_runs();
		test_query();
		test_json();
		test_bad_json();
		test_calibration();
		show_times(100000, 1);
	}
	remove_test_dir();
	return test_end();
}
