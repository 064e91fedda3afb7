/* SPDX-License-Identifier: MIT
 *
 * bench explain and bench trend on a database of synthetic runs: a comparison taken apart, the
 * steps of a history and which of them are acknowledged.
 */
#include <string.h>

#include "explain.h"
#include "report_files.h"
#include "report_sample.h"
#include "test.h"
#include "trend.h"

static void test_explain(struct db *db)
{
	struct report_error e = { 0 };
	struct explained x, same;
	const struct explained_stage *whole = NULL;
	char id[24];

	CHECK(!explain_read(&x, db, NULL, &e), "%s", e.text);
	CHECK_STR(x.verdict, "regress"); /* the newest red one, not the newest */
	CHECK(x.n_stages >= 4, "%d stages", x.n_stages);
	CHECK(x.n_ops > 0 && !x.traced, "%d ops, traced %d", x.n_ops, x.traced);
	for (int i = 0; i < x.n_stages; i++)
		if (!strcmp(x.stages[i].metric, "latency") && !strcmp(x.stages[i].stage, "total"))
			whole = &x.stages[i];
	CHECK(whole && whole->pairs == 10, "pairs of the whole");
	CHECK(whole && fabs(whole->head_s / whole->base_s - x.ratio) < 0.01, "ratio %.4f",
	      whole ? whole->head_s / whole->base_s : 0);
	snprintf(id, sizeof id, "%lld", x.id);
	CHECK(!explain_read(&same, db, id, &e) && !strcmp(same.uuid, x.uuid), "by number: %s",
	      e.text);
	explain_end(&same);
	CHECK(!explain_read(&same, db, x.uuid, &e) && same.id == x.id, "by uuid: %s", e.text);
	explain_end(&same);
	explain_end(&x);
	CHECK(explain_read(&x, db, "00000000", &e) == REPORT_USAGE, "%s", e.text);
	explain_end(&x);
	e = (struct report_error){ 0 };
	CHECK(explain_read(&x, db, "999999", &e) == REPORT_EMPTY && strstr(e.text, "999999"), "%s",
	      e.text);
	explain_end(&x);
}

/* The times of the processes that counted say nothing, their work does. */
static void test_exact(struct db *db)
{
	struct db_comparison c = { .session = "00000000-0000-4000-b000-000000000001",
				   .row_name = "sdxl-unet", .metric = "macs", .stage = "total",
				   .method = "exact", .ratio = 1.5, .verdict = "regress",
				   .confirmed = -1 };
	struct report_error e = { 0 };
	struct explained x;

	CHECK(!db_put_comparison(db, &c), "%s", db_error(db));
	CHECK(!explain_read(&x, db, c.uuid, &e), "%s", e.text);
	CHECK_STR(x.metric, "macs");
	CHECK_INT(x.n_stages, 0);
	CHECK(x.n_ops > 0, "no ops");
	explain_end(&x);
}

static void test_trend(struct db *db)
{
	struct report_error e = { 0 };
	struct trend *t;
	int n;

	CHECK(!trend_read(&t, &n, db, "sdxl-history", "latency", "total", &e), "%s", e.text);
	CHECK_INT(n, 1);
	CHECK_INT(t->n, 12); /* four runs of each build */
	CHECK_INT(t->n_steps, 2);
	if (t->n_steps == 2) {
		CHECK_NEAR(t->steps[0].after / t->steps[0].before, 1.03, 0.01);
		CHECK_STR(t->steps[0].reason, "more exact softmax");
		CHECK_NEAR(t->steps[1].after / t->steps[1].before, 0.98 / 1.03, 0.01);
		CHECK_STR(t->steps[1].reason, "");
		CHECK(strcmp(t->steps[0].before_build, t->steps[0].after_build) != 0, "builds");
	}
	for (int i = 0; i < n; i++)
		trend_end(&t[i]);
	free(t);
	CHECK(!trend_read(&t, &n, db, "no such workload", "latency", "total", &e) && !n, "none");
	free(t);
}

static int take_text(void *arg, int n, const char *const *names, const struct db_value *v)
{
	(void)names;
	if (v && n)
		snprintf(arg, 40, "%s", v[0].text);
	return 0;
}

static void one_text(struct db *db, const char *sql, char text[40])
{
	*text = 0;
	CHECK(!db_query(db, sql, NULL, 0, take_text, text) && *text, "%s", db_error(db));
}

/* Only earlier builds of the same settings and machine, eight at least. */
static void test_usual(struct db *db)
{
	struct db_session session = { .argv = "bench gate", .purpose = "gate", .exit_code = -1 };
	struct report_error e = { 0 };
	char first[40], last[40], other[40];
	struct trend *t;
	double usual;
	int n;

	one_text(db, "SELECT uuid FROM v_runs WHERE workload = 'sdxl-history' ORDER BY "
		 "started_unix_ns LIMIT 1", first);
	one_text(db, "SELECT uuid FROM v_runs WHERE workload = 'sdxl-history' ORDER BY "
		 "started_unix_ns DESC LIMIT 1", last);
	one_text(db, "SELECT uuid FROM v_runs WHERE workload = 'sdxl-compare' LIMIT 1", other);
	CHECK(!trend_read(&t, &n, db, "sdxl-history", "latency", "total", &e) && n == 1, "%s",
	      e.text);
	usual = trend_usual(db, first, "latency", "total", "", &e);
	CHECK(usual > 0 && n == 1 && fabs(usual - t->usual) < 1e-12, "%g, %g", usual,
	      n == 1 ? t->usual : NAN);
	for (int i = 0; i < n; i++)
		trend_end(&t[i]);
	free(t);
	CHECK_NEAR(trend_usual(db, other, "latency", "total", "", &e), 0, 0); /* two builds */
	CHECK_NEAR(trend_usual(db, first, "no metric", "total", "", &e), 0, 0);
	CHECK_NEAR(trend_usual(db, "", "latency", "total", "", &e), 0, 0);
	CHECK(!db_put_session(db, &session), "%s", db_error(db));
	for (int i = 0; i < 5; i++) { /* five of twelve builds are measured now */
		char sql[256];
		for (int k = 0; k < 4; k++) {
			struct db_arm_run arm = { session.uuid, first, "r", "A", i, 4 * i + k };
			snprintf(sql, sizeof sql, "SELECT uuid FROM v_runs WHERE workload = "
				 "'sdxl-history' ORDER BY started_unix_ns LIMIT 1 OFFSET %d",
				 4 * i + k);
			one_text(db, sql, first);
			CHECK(!db_session_add_run(db, &arm), "%s", db_error(db));
		}
	}
	CHECK_NEAR(trend_usual(db, last, "latency", "total", session.uuid, &e), 0, 0);
	CHECK(trend_usual(db, last, "latency", "total", "another", &e) > 0, "%s", e.text);
}

/* The reasons of both steps, one behind the other. */
static void reasons(struct db *db, char *text, size_t len, long long *second_ns)
{
	struct report_error e = { 0 };
	struct trend *t;
	int n;

	*text = 0;
	CHECK(!trend_read(&t, &n, db, "sdxl-history", "latency", "total", &e) && n == 1, "%s",
	      e.text);
	if (n == 1 && t->n_steps == 2) {
		snprintf(text, len, "%s/%s", t->steps[0].reason, t->steps[1].reason);
		*second_ns = t->steps[1].at_unix_ns;
	}
	for (int i = 0; i < n; i++)
		trend_end(&t[i]);
	free(t);
}

/* Each step has its own acknowledgement, and one that has expired is none. */
static void test_acks(struct db *db)
{
	struct db_ack ack = { .workload = "sdxl-history", .metric = "latency", .stage = "total",
			      .reason = "expired" };
	char text[600];
	long long at = 0;

	reasons(db, text, sizeof text, &at);
	CHECK_STR(text, "more exact softmax/");
	ack.at_unix_ns = at;
	ack.expires_unix_ns = at + 1;
	CHECK(!db_put_ack(db, &ack), "%s", db_error(db));
	reasons(db, text, sizeof text, &at);
	CHECK_STR(text, "more exact softmax/");
	ack = (struct db_ack){ .workload = "sdxl-history", .metric = "latency", .stage = "total",
			       .reason = "faster tiles", .at_unix_ns = at };
	CHECK(!db_put_ack(db, &ack), "%s", db_error(db));
	reasons(db, text, sizeof text, &at);
	CHECK_STR(text, "more exact softmax/faster tiles");
}

int main(void)
{
	struct db *db;

	files_begin();
	if (db_open(&db, "sample.db", DB_CREATE))
		return 1;
	sample_database(db);
	test_explain(db);
	test_exact(db);
	test_trend(db);
	test_usual(db);
	test_acks(db);
	db_close(db);
	files_end();
	return test_end();
}
