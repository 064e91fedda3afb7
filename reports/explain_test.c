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
	test_trend(db);
	test_acks(db);
	db_close(db);
	files_end();
	return test_end();
}
