/* SPDX-License-Identifier: MIT
 *
 * What is said of several runs comes back the same from SQL and JSON, twice the same is once, and
 * another content under the same name is refused without losing the first. Databases merge.
 */
#include "db_sample.h"

#include "test.h"

/* A database with two runs and a study of them. */
static struct db *new_study(const char *path)
{
	struct db *db = must_open(path, DB_CREATE);
	struct sample_study study = sample_study(SAMPLE_UUID(1), SAMPLE_UUID(2));
	struct db_run run[2] = { sample_run(0), sample_run(1) };

	strcpy(run[0].uuid, SAMPLE_UUID(1));
	strcpy(run[1].uuid, SAMPLE_UUID(2));
	strcpy(run[0].session.uuid, SAMPLE_UUID(1));
	strcpy(run[1].session.uuid, SAMPLE_UUID(1));
	for (int i = 0; i < 2; i++)
		CHECK(db_put_run(db, &run[i], NULL) == 0, "%s", db_error(db));
	CHECK(put_sample_study(db, &study) == 0, "%s", db_error(db));
	return db;
}

static const char count_all[] =
	"SELECT (SELECT count(*) FROM run) || (SELECT count(*) FROM session) || (SELECT count(*) "
	"FROM arm_run) || (SELECT count(*) FROM sweep) || (SELECT count(*) FROM sweep_run) || "
	"(SELECT count(*) FROM comparison) || (SELECT count(*) FROM noise) || (SELECT count(*) "
	"FROM "
	"ack) || (SELECT count(*) FROM selftest) || (SELECT count(*) FROM calibration)";
#define ALL "2221211111"

static void test_views(struct db *db)
{
	CHECK_STR(first_value(db, count_all), ALL);
	CHECK_STR(first_value(
			  db,
			  "SELECT printf('%s|%s|%s|%s|%s|%g|%g|%s|%g|%d|%s|%s|%d|%s', purpose, "
			  "row_name, workload, metric, unit, ratio, ci_lo, ci_hi IS NULL, mde95, "
			  "confirmed, verdict, base_git_sha, cand_run_id, detail_json) FROM v_ab"),
		  "compare|unet|sdxl-20steps|latency|s|1.0625|1.03125|1|0.05|1|regress|abc|2|"
		  "{\"base\":2,\"disturbed\":[false,true],\"extended\":0,\"head\":3,"
		  "\"log_ratio\":[0.5,0.25],\"looked\":2,"
		  "\"pair_ratio\":[1.25,1.5],\"seed\":\"1f\","
		  "\"to_confirm\":0}");
	CHECK_STR(first_value(db, "SELECT group_concat(printf('%s %g %g %g %d-%d', stage, base, "
			      "cand, ratio, base_run_id, cand_run_id)) FROM v_pairs WHERE metric = "
			      "'latency'"), "total 10 10 1.25 1-2");
	CHECK_STR(first_value(
			  db,
			  "SELECT group_concat(printf('%d%d %g %s %s', point, replicate, "
			  "latency_s, workload, json_extract(axes_json, '$.steps'))) FROM v_sweep"),
		  "00 10 sdxl-20steps 10,10 10 sdxl-20steps 20");
	CHECK_STR(first_value(db, "SELECT group_concat(printf('%s=%s %g', axis, x, y)) FROM "
			      "v_scaling WHERE metric = 'latency' AND stage = 'total'"),
		  "dtype=bf16 10,steps=10 10,dtype=bf16 10,steps=20 10");
	CHECK_STR(first_value(db, "SELECT workload || sigma_pair || (mde95 IS NULL) FROM v_noise"),
		  "sdxl-20steps0.0031");
	CHECK_STR(first_value(db, "SELECT reason || (expires_unix_ns IS NULL) FROM v_ack"),
		  "new compiler1");
	CHECK_STR(first_value(db, "SELECT kind || caught || naive_caught || cpu_model || version "
			      "FROM v_selftest"), "inject880800Test CPU0.1.0");
	CHECK_STR(first_value(db, "SELECT purpose || session_uuid FROM v_runs"),
		  "run" SAMPLE_UUID(1));
}

static void test_probes(void)
{
	static const struct db_metric metrics[] = {
		{ "energy", "J", -1, "noisy", NULL, "of the package", "powercap" },
		{ "latency", "s", -1, "noisy", NULL, "", NULL },
	};
	static const struct db_sample samples[] = { { 0, 0, 0, DB_PHASE_MEASURED, 0, -1, 0, 12.5 },
						    { 1, 0, 0, DB_PHASE_MEASURED, 0, -1, 0, 1 } };
	struct db *db = must_open(in_dir("probes.db"), DB_CREATE);
	struct db_run run = sample_run(0), *back = NULL;

	run.metrics = metrics;
	run.n_metrics = 2;
	run.samples = samples;
	run.n_samples = 2;
	run.n_summaries = 0;
	CHECK(db_put_run(db, &run, NULL) == 0, "%s", db_error(db));
	CHECK_STR(first_value(db, "SELECT group_concat(probe || metric || phase || value) FROM "
			      "v_probes"), "powercapenergymeasured12.5");
	CHECK(db_get_run(db, 0, run.uuid, &back) == 0, "%s", db_error(db));
	CHECK(back && strcmp(back->metrics[0].probe, "powercap") == 0 && !back->metrics[1].probe,
	      "the probe's name");
	db_run_free(back);
	db_close(db);
}

/* The same again is nothing new; an end may come later; anything else is a conflict. */
static void test_again(struct db *db)
{
	struct sample_study s = sample_study(SAMPLE_UUID(1), SAMPLE_UUID(2));
	struct db_arm_run arm = s.arm[0];
	int rc;

	CHECK(db_put_comparison(db, &s.comparison) == 0, "%s", db_error(db));
	CHECK(db_session_add_run(db, &arm) == 0, "%s", db_error(db));
	CHECK(db_put_session(db, &s.session) == 0, "%s", db_error(db));
	s.sweep.ended_unix_ns = SAMPLE_SECOND + 7;
	CHECK(db_put_sweep(db, &s.sweep) == 0, "%s", db_error(db));
	s.session.ended_unix_ns = 0;
	s.session.exit_code = -1;
	CHECK(db_put_session(db, &s.session) == 0, "%s", db_error(db));
	CHECK_STR(first_value(db, count_all), ALL);
	CHECK_STR(first_value(db, "SELECT (ended_unix_ns % 1000) || (SELECT exit_code FROM session "
			      "WHERE purpose = 'compare') FROM sweep"), "71");
	s.comparison.verdict = "pass";
	rc = db_put_comparison(db, &s.comparison);
	CHECK(rc == DB_ERR_CONFLICT && strstr(db_error(db), SAMPLE_UUID(5)) &&
	      strstr(db_error(db), "verdict"), "%d: %s", rc, db_error(db));
	arm.block = 4;
	rc = db_session_add_run(db, &arm);
	CHECK(rc == DB_ERR_CONFLICT && strstr(db_error(db), "block"), "%d: %s", rc, db_error(db));
	CHECK_STR(first_value(db, "SELECT verdict FROM comparison"), "regress");
}

static void test_refused(struct db *db)
{
	struct sample_study s = sample_study(SAMPLE_UUID(1), SAMPLE_UUID(9));
	struct db_comparison c = s.comparison;

	CHECK(db_sweep_add_run(db, &s.point[1]) == DB_ERR_INPUT, "a run that is not there");
	CHECK(strstr(db_error(db), "no run " SAMPLE_UUID(9)), "%s", db_error(db));
	s.arm[0].session = SAMPLE_UUID(9);
	CHECK(db_session_add_run(db, &s.arm[0]) == DB_ERR_INPUT, "a session that is not there");
	s.arm[0].session = NULL;
	CHECK(db_session_add_run(db, &s.arm[0]) == DB_ERR_INPUT, "no session");
	*c.uuid = 0;
	c.cand_run = NULL;
	c.verdict = "good";
	CHECK(db_put_comparison(db, &c) == DB_ERR_INPUT, "an unknown verdict");
	c.verdict = "missing";
	c.detail_json = "[1]";
	CHECK(db_put_comparison(db, &c) == DB_ERR_INPUT, "a detail that is no object");
	*s.sweep.uuid = 0;
	s.sweep.spec_json = NULL;
	CHECK(db_put_sweep(db, &s.sweep) == DB_ERR_INPUT, "a sweep of nothing");
	CHECK_STR(first_value(db, count_all), ALL);
}

static int noise_row(void *arg, const struct db_noise *n)
{
	snprintf((char *)arg + strlen(arg), 200 - strlen(arg), "%s %s %g;", n->metric, n->run + 35,
		 n->theta);
	return 0;
}

static void test_noise(struct db *db)
{
	struct db_run run = sample_run(0);
	struct db_noise n = { .run = SAMPLE_UUID(2), .metric = "latency", .stage = "total",
			      .at_unix_ns = SAMPLE_SECOND + 5, .n_blocks = 3, .theta = 0.5 };
	char seen[200] = "";

	CHECK(db_put_noise(db, &n) == 0, "%s", db_error(db));
	*n.uuid = 0;
	n.metric = "step_latency";
	n.at_unix_ns--;
	CHECK(db_put_noise(db, &n) == 0, "%s", db_error(db));
	CHECK(db_get_noise(db, &run.host, "sdxl-20steps", NULL, noise_row, seen) == 0, "%s",
	      db_error(db));
	CHECK_STR(seen, "latency 2 0.5;step_latency 2 0.5;");
	*seen = 0;
	db_get_noise(db, &run.host, "sdxl-20steps", "{\"dtype\":\"bf16\",\"threads\":2}", noise_row,
		     seen);
	CHECK_STR(seen, "latency 2 0.5;step_latency 2 0.5;");
	*seen = 0;
	db_get_noise(db, &run.host, "sdxl-20steps", "{\"dtype\":\"fp32\"}", noise_row, seen);
	db_get_noise(db, &run.host, "other", NULL, noise_row, seen);
	run.host.kernel = "7";
	CHECK(db_get_noise(db, &run.host, "sdxl-20steps", NULL, noise_row, seen) == 0, "%s",
	      db_error(db));
	CHECK_STR(seen, "");
}

/* ---- from one database to another --------------------------------------------------------------
 */

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

static void check_moved(int rc, struct db *db, const struct db_moved *m, int runs, int records,
			int known)
{
	CHECK(rc == 0, "%d: %s", rc, db_error(db));
	CHECK(m->new_runs == runs && m->new_records == records && m->known == known &&
	      m->conflicts == 0, "%d runs, %d records, %d known, %d conflicts", m->new_runs,
	      m->new_records, m->known, m->conflicts);
}

/* Everything goes along, by a file and directly, and only once. */
static void test_move(void)
{
	struct db *from = must_open(in_dir("a.db"), DB_READONLY), *a, *b;
	struct db_moved m;

	a = must_open(in_dir("imported.db"), DB_CREATE);
	b = must_open(in_dir("merged.db"), DB_CREATE);
	export_to(from, in_dir("1.jsonl"));
	check_moved(db_import(a, in_dir("1.jsonl"), &m), a, &m, 2, 11, 0);
	check_moved(db_import(a, in_dir("1.jsonl"), &m), a, &m, 0, 0, 13);
	check_moved(db_merge(b, in_dir("a.db"), &m), b, &m, 2, 11, 0);
	check_moved(db_merge(b, in_dir("a.db"), &m), b, &m, 0, 0, 13);
	check_moved(db_merge(b, in_dir("imported.db"), &m), b, &m, 0, 0, 13);
	CHECK_STR(first_value(a, count_all), ALL);
	CHECK_STR(first_value(b, count_all), ALL);
	export_to(a, in_dir("2.jsonl"));
	export_to(b, in_dir("3.jsonl"));
	CHECK(same_file(in_dir("1.jsonl"), in_dir("2.jsonl")), "changed by import");
	CHECK(same_file(in_dir("1.jsonl"), in_dir("3.jsonl")), "changed by merge");
	CHECK(db_check(b, say_nothing, NULL) == 0, "%s", db_error(b));
	db_close(from);
	db_close(a);
	db_close(b);
}

static void test_merge_old(void)
{
	struct db *db = must_open(in_dir("old.db"), DB_CREATE);
	struct db_moved m;

	CHECK(system("cp db/golden/v1.sqlite \"$TEST_V1\" && chmod 444 \"$TEST_V1\"") == 0, "copy");
	check_moved(db_merge(db, getenv("TEST_V1"), &m), db, &m, 1, 0, 0);
	check_moved(db_merge(db, getenv("TEST_V1"), &m), db, &m, 0, 0, 1);
	CHECK(same_file("db/golden/v1.sqlite", getenv("TEST_V1")), "the source was written");
	CHECK(db_merge(db, in_dir("none.db"), &m) == DB_ERR_PATH, "%s", db_error(db));
	CHECK(db_merge(db, in_dir("old.db"), &m) == DB_ERR_INPUT, "into itself");
	CHECK(strstr(db_error(db), "itself"), "%s", db_error(db));
	db_close(db);
}

/* What differs is named and stays in both; what does not comes over all the same. */
static void test_conflict(void)
{
	struct db *a = must_open(in_dir("x.db"), DB_CREATE),
		  *b = must_open(in_dir("y.db"), DB_CREATE);
	struct db_run mine = sample_run(0), theirs = sample_run(0), more = sample_run(3);
	struct db_moved m;
	int rc;

	strcpy(mine.uuid, SAMPLE_UUID(1));
	strcpy(theirs.uuid, SAMPLE_UUID(1));
	strcpy(mine.session.uuid, SAMPLE_UUID(1));
	strcpy(theirs.session.uuid, SAMPLE_UUID(1));
	theirs.n_samples--;
	CHECK(!db_put_run(a, &mine, NULL) && !db_put_run(b, &theirs, NULL) &&
	      !db_put_run(b, &more, NULL), "%s%s", db_error(a), db_error(b));
	rc = db_merge(a, in_dir("y.db"), &m);
	CHECK(rc == DB_ERR_CONFLICT && m.conflicts == 1 && m.new_runs == 1, "%d: %d %d", rc,
	      m.conflicts, m.new_runs);
	CHECK(strstr(db_error(a), SAMPLE_UUID(1)) && strstr(db_error(a), "x.db"), "%s",
	      db_error(a));
	CHECK_STR(first_value(a, "SELECT count(*) FROM sample WHERE run_id = 1"), "5");
	CHECK_STR(first_value(b, "SELECT count(*) FROM sample WHERE run_id = 1"), "4");
	db_close(a);
	db_close(b);
}

int main(void)
{
	struct db *db;
	char v1[300];

	make_test_dir();
	snprintf(v1, sizeof(v1), "%s", in_dir("v1.db"));
	setenv("TEST_V1", v1, 1);
	db = new_study(in_dir("a.db"));
	test_views(db);
	test_again(db);
	test_refused(db);
	db_close(db);
	test_move();
	db = must_open(in_dir("a.db"), 0);
	test_noise(db);
	CHECK(db_check(db, say_nothing, NULL) == 0, "%s", db_error(db));
	db_close(db);
	test_probes();
	test_merge_old();
	test_conflict();
	remove_test_dir();
	return test_end();
}
