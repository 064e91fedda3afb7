/* SPDX-License-Identifier: MIT
 *
 * Samples during which a (made-up) processor throttled are flagged, and only these. The linker puts
 * a function of this file around ctx_step_begin() (--wrap, see the Makefile): there the counters
 * rise, in the middle of a timed step.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctx.h"
#include "db.h"
#include "options.h"
#include "probe.h"
#include "test.h"

static char root[] = "/tmp/bench-throttle-XXXXXX";

static void write_number(int cpu, const char *folder, const char *file, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/cpu%d", root, cpu);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/cpu%d/%s", root, cpu, folder);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/cpu%d/%s/%s", root, cpu, folder, file);
	f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0, "%s", path);
}

static void core_count(int cpu, const char *text)
{
	write_number(cpu, "thermal_throttle", "core_throttle_count", text);
}

static void package_count(int cpu, const char *text)
{
	write_number(cpu, "thermal_throttle", "package_throttle_count", text);
}

/* Two packages; cpu 0 and 2 are siblings, so are 1 and 3. */
static void make_processor(void)
{
	for (int cpu = 0; cpu < 4; cpu++) {
		write_number(cpu, "topology", "thread_siblings_list", cpu % 2 ? "1,3\n" : "0,2\n");
		write_number(cpu, "topology", "physical_package_id", cpu % 2 ? "7\n" : "6\n");
		core_count(cpu, "100\n");
		package_count(cpu, "50\n");
	}
}

/* ---- the probe ---------------------------------------------------------------------------------
 */

static double events(void *state)
{
	double v = NAN;

	probe_throttle.read(state, &v);
	return v;
}

static void test_probe(void)
{
	void *state = NULL;
	char why[160] = "";

	CHECK(probe_throttle.open(&state, why, sizeof why) && strstr(why, "virtual machine"), "%s",
	      why);
	make_processor();
	CHECK(probe_throttle.open(&state, why, sizeof why) == 0, "%s", why);
	CHECK_NEAR(events(state), 2 * 100 + 2 * 50, 0); /* each core and package once */
	core_count(1, "103\n");
	package_count(0, "51\n");
	CHECK_NEAR(events(state), 304, 0);
	core_count(2, "999\n"); /* seen at cpu 0 */
	package_count(3, "999\n"); /* seen at cpu 1 */
	CHECK_NEAR(events(state), 304, 0);
	probe_throttle.close(state);
}

/* ---- a run -------------------------------------------------------------------------------------
 */

static int samples, rises_in;

void __real_ctx_step_begin(struct ctx *c, enum pass pass, struct plan *plan);
void __wrap_ctx_step_begin(struct ctx *c, enum pass pass, struct plan *plan);

/* Steps without a plan are not timed; one stage of one step makes a sample. */
void __wrap_ctx_step_begin(struct ctx *c, enum pass pass, struct plan *plan)
{
	if (pass == PASS_RUN && plan && samples++ == rises_in)
		core_count(1, "200\n");
	__real_ctx_step_begin(c, pass, plan);
}

static void run(int in)
{
	char *argv[] = { "bench", "run", "sdxl-unet-mini", "--backend", "null", "--samples", "5",
			 "--warmup", "0", "--quiet", "--db", "t.db" };
	static struct options o;
	struct err e = { 0 };
	int out = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY);

	samples = 0;
	rises_in = in;
	core_count(1, "100\n");
	fflush(stdout);
	dup2(null, STDOUT_FILENO);
	CHECK(!options_parse(&o, sizeof argv / sizeof *argv, argv, &e) && !o.verb->run(&o, &e),
	      "%s", e.msg);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	close(null);
}

static int add_flags(void *arg, int n, const char *const *names, const struct db_value *values)
{
	char *to = arg;

	(void)n;
	(void)names;
	if (values)
		snprintf(to + strlen(to), 2, "%lld", (long long)values[0].i);
	return 0;
}

/* Flags of the newest run's latencies, one after the other. */
static void check_flags(const char *metric, const char *want)
{
	char sql[256], got[64] = "";
	struct db *db;

	snprintf(sql, sizeof sql, "SELECT flags & 2 FROM v_samples WHERE metric = '%s' AND stage = "
		 "'%s' AND run_id = (SELECT max(run_id) FROM run) ORDER BY i", metric,
		 strcmp(metric, "latency") == 0 ? "total" : "forward");
	CHECK(!db_open(&db, "t.db", DB_READONLY) &&
	      !db_query(db, sql, NULL, 0, add_flags, got), "%s", db_error(db));
	CHECK(strcmp(got, want) == 0, "flags of %s: %s, want %s", metric, got, want);
	db_close(db);
}

static void test_run(void)
{
	run(2);
	check_flags("latency", "00200");
	check_flags("step_latency", "00200");
	run(0); /* what was first taken for a warm-up */
	check_flags("latency", "20000");
	run(-1);
	check_flags("latency", "00000");
}

int main(void)
{
	char command[64];

	if (!mkdtemp(root) || chdir(root))
		return test_skip("no temporary directory");
	probe_throttle_root = root;
	test_probe();
	test_run();
	snprintf(command, sizeof command, "rm -r %s", root);
	CHECK_INT(system(command), 0);
	return test_end();
}
