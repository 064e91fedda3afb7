/* SPDX-License-Identifier: MIT
 *
 * How many pairs are chosen from what a made-up database knows of the noise on this machine.
 */
#include "effort.h"

#include "db_sample.h"
#include "machine.h"
#include "test.h"

#define DAY_NS (86400 * (int64_t)1000000000)

/* Stores a run of `workload` that took `wall_s`, with a word on its surroundings, and its noise. */
static void put_noise(struct db *db, const char *workload, const char *params, const char *env,
		      double sigma, double wall_s, int64_t age_ns)
{
	struct machine m;
	struct db_run run = sample_run(0);
	struct db_noise n = { .metric = "latency", .stage = "total", .n_blocks = 20,
			      .sigma_pair = sigma, .theta = 0.02 };

	machine_read(&m);
	run.host = machine_host(&m);
	run.workload.name = workload;
	run.config.params_json = params;
	run.wall_s = wall_s;
	run.env_json = env;
	CHECK(!db_put_run(db, &run, NULL), "%s", db_error(db));
	n.run = run.uuid;
	n.at_unix_ns = db_now_unix_ns() - age_ns;
	n.expires_unix_ns = n.at_unix_ns + 14 * DAY_NS;
	if (sigma > 0)
		CHECK(!db_put_noise(db, &n), "%s", db_error(db));
}

static void make_database(const char *path)
{
	struct db *db;

	CHECK(!db_open(&db, path, DB_CREATE), "%s", db_error(db));
	put_noise(db, "calm", "{\"seed\": 1}", "{}", 0.005, 10, DAY_NS);
	put_noise(db, "calm", "{\"backend\": \"null\"}", "{}", 0, 0.001, 0); /* computes nothing */
	put_noise(db, "rough", "{}", "{\"turns\": 5}", 0.03, 10, DAY_NS);
	put_noise(db, "wild", "{}", "{}", 0.5, 10, 15 * DAY_NS);
	db_close(db);
}

static void check(const char *path, const struct effort_row *row, int n, double budget_s, int least,
		  int most, const char *part)
{
	struct effort_choice c = effort_choose(path, row, n, budget_s);

	CHECK(c.pairs >= least && c.pairs <= most, "%d pairs, want %d to %d: %s", c.pairs, least,
	      most, c.why);
	CHECK(strstr(c.why, part), "%s, want %s", c.why, part);
	CHECK_INT(atoi(c.why), c.pairs);
}

static void choices(const char *path)
{
	static const struct effort_row calm = { "calm", 0.02 }, rough = { "rough", 0.02 },
				       wild = { "wild", 0.02 }, new = { "new", 0.02 },
				       lax = { "rough", 0.1 };
	const struct effort_row rows[] = { calm, rough, new };

	check(path, &calm, 1, 0, 10, 10, "the noise of calm is 0.5 % as of 20");
	check(path, &wild, 1, 0, 40, 40,
	      "(too old, calibrate again): not even 40 pairs catch +5 %");
	check(path, &new, 1, 0, 10, 10, "`bench calibrate new` measures it");
	check(path, &lax, 1, 0, 10, 10, "rough"); /* who allows 10 % wants 20 % to be caught */
	check(path, rows, 3, 0, 12, 32, "the noise of rough is 3 % as of 20");
	check(path, rows, 1, 1e6, 10, 10, "10 pairs a row: ");
	check(path, rows, 3, 450, 8, 10, "all that the budget allows of ");
	check(path, &calm, 1, 100, 8, 8, "the least that decide, and too many for the budget");
	check(path, &new, 1, 100, 10, 10, "not known"); /* nor how long it takes */
	check("/nonexistent/bench.db", &calm, 1, 0, 10, 10, "noise of calm is not known");
	check(NULL, &calm, 1, 0, 10, 10, "noise of calm is not known");
}

int main(void)
{
	const char *path;

	make_test_dir();
	path = in_dir("effort.db");
	make_database(path);
	choices(path);
	remove_test_dir();
	return test_end();
}
