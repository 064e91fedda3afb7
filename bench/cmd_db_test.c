/* SPDX-License-Identifier: MIT
 *
 * `bench db` as a user types it: what it prints, what it refuses, and with which status.
 */
#include "cli_child.h"
#include "test.h"

#define MINI "run sdxl-20steps-mini --backend null --samples 1 --warmup 0 --quiet --db "

static void expect(const char *words, int status, const char *out, const char *err)
{
	struct child *c = cli_run(words);

	CHECK(c->status == status, "%s: exit %d: %s", words, c->status, c->err);
	CHECK(strstr(c->out, out), "%s: %s", words, c->out);
	CHECK(strstr(c->err, err), "%s: %s", words, c->err);
	cli_free(c);
}

/* Runs of two databases in one, each once. */
static void test_merge(void)
{
	expect(MINI "a.db", 0, "latency", "");
	expect(MINI "b.db", 0, "latency", "");
	expect("db merge a.db b.db --db all.db", 0, "b.db: 1 runs stored", "");
	expect("db merge a.db b.db --db all.db", 0, "b.db: 0 runs stored", "");
	expect("db query SELECT~count(*)~FROM~run --db all.db --csv", 0, "2", "");
	expect("db merge all.db --db all.db", ERR_DB, "", "into itself");
	expect("db vacuum --db all.db", 0, "all.db: ", "");
	expect("db migrate --db all.db", 0, "nothing to do", "");
	expect("db check --db all.db", 0, "2 runs, 2 of them complete", "");
}

static void test_export(void)
{
	char *path;

	expect("db export --db all.db", 0, "{\"schema\":\"bench.run/1\"", "");
	expect("db export v_runs --format csv --db all.db", 0, "run_id,started_utc,workload", "");
	expect("db export v_latest --db all.db", 0, "{\"run_id\":", "");
	expect("db export v_run --db all.db", ERR_USAGE, "", "did you mean v_runs?");
	expect("db export v_runs v_ops --db all.db", ERR_USAGE, "", "takes one VIEW");
	path = strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
	setenv("PATH", "/nowhere", 1); /* no duckdb */
	expect("db export --format parquet --db all.db", ERR_SKIPPED, "", "export csv");
	setenv("PATH", path, 1);
	free(path);
}

/* A run where nothing can be locked, and what is to be done with it. */
static void test_spool(void)
{
	setenv("BENCH_DB_LOCKING", "no", 1);
	expect(MINI "none.db", 0, "written to none.db.spool.", "bench db import none.db.spool.");
	expect("db import x.jsonl --db none.db", ERR_DB, "", "local disk");
	unsetenv("BENCH_DB_LOCKING");
	expect("db query SELECT~1 --db none.db", ERR_DB, "", "bench db import");
}

int main(void)
{
	cli_begin();
	test_merge();
	test_spool();
	test_export();
	cli_end();
	return test_end();
}
