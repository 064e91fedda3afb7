/* SPDX-License-Identifier: MIT
 *
 * Probes: energy from a made-up tree of zones, the course of a sample, counter groups.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "counters.h"
#include "probe.h"
#include "test.h"

static char dir[] = "/tmp/bench-probe-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0, "%s", name);
}

/* ---- energy ------------------------------------------------------------------------------------
 */

static void zone(const char *name, const char *kind, const char *microjoules)
{
	char path[64];

	mkdir(in_dir(name), 0700);
	snprintf(path, sizeof path, "%s/name", name);
	write_file(path, kind);
	snprintf(path, sizeof path, "%s/max_energy_range_uj", name);
	write_file(path, "10000000\n");
	snprintf(path, sizeof path, "%s/energy_uj", name);
	write_file(path, microjoules);
}

static void test_energy(void)
{
	char why[160] = "";
	double joules[2];
	struct energy *e = energy_open(dir, why, sizeof why);

	CHECK(!e && strstr(why, "no intel-rapl zone"), "%s", why);
	zone("intel-rapl:0", "package-0\n", "9000000\n");
	zone("intel-rapl:1", "package-1\n", "5000000\n");
	zone("intel-rapl:0:0", "core\n", "1\n");
	zone("intel-rapl:2", "psys\n", "1\n");
	e = energy_open(dir, why, sizeof why);
	CHECK(e, "%s", why);
	energy_read(e, joules);
	CHECK_NEAR(joules[0], 0, 0);
	CHECK(isnan(joules[1]), "memory without a zone: %g", joules[1]);
	write_file("intel-rapl:0/energy_uj", "500000\n"); /* once around */
	write_file("intel-rapl:1/energy_uj", "6000000\n");
	write_file("intel-rapl:2/energy_uj", "7000000\n");
	energy_read(e, joules);
	CHECK_NEAR(joules[0], 1.5 + 1, 1e-9);
	write_file("intel-rapl:0/energy_uj", "400000\n"); /* and again */
	energy_read(e, joules);
	CHECK_NEAR(joules[0], 2.5 + 9.9, 1e-9);
	energy_close(e);

	zone("intel-rapl:0:1", "dram\n", "100\n");
	e = energy_open(dir, why, sizeof why);
	write_file("intel-rapl:0:1/energy_uj", "2000100\n");
	energy_read(e, joules);
	CHECK_NEAR(joules[1], 2, 1e-9);
	energy_close(e);
	if (geteuid() != 0) {
		for (int i = 0; i < 3; i++)
			chmod(in_dir((const char *const[]){ "intel-rapl:0/energy_uj",
							    "intel-rapl:1/energy_uj",
							    "intel-rapl:0:1/energy_uj" }[i]), 0);
		CHECK(!energy_open(dir, why, sizeof why) && strstr(why, "chmod"), "%s", why);
	}
}

/* ---- a sample ----------------------------------------------------------------------------------
 */

static double burn(double seconds)
{
	double start = clock_s();
	volatile double x = 0;

	while (clock_s() - start < seconds)
		x += 1;
	return x;
}

static int find(const struct probes *p, const char *name)
{
	for (int i = 0; i < probes_count(p); i++)
		if (strcmp(probes_at(p, i)->name, name) == 0)
			return i;
	CHECK(0, "no probe %s", name);
	return 0;
}

/* Touches fresh pages, so that page faults are counted. */
static void touch(size_t pages)
{
	char *p = aligned_alloc(4096, pages * 4096);

	for (size_t i = 0; i < pages; i++)
		((volatile char *)p)[i * 4096] = 1;
	free(p);
}

static void test_sample(void)
{
	struct probes *p = probes_open(NULL, 1);
	int cpu = find(p, "cpu_user_time"), faults = find(p, "page_faults_minor"),
	    wall = find(p, "wall_time"), peak = find(p, "mem_peak"), reads;
	struct probe_row row;

	probes_sample_begin(p);
	probes_stage_begin(p);
	touch(600);
	probes_pause(p);
	touch(6000);
	probes_resume(p);
	probes_stage_end(p, 0, 3, 0);
	probes_sample_end(p, 0, 3);

	CHECK(probes_rows(p) >= 1, "no row"); /* two where energy is read by stage */
	row = probes_row(p, probes_rows(p) - 1);
	CHECK_INT(row.stage, -1);
	CHECK_INT(row.sample, 3);
	CHECK(row.values[faults] >= 500 && row.values[faults] < 3000,
	      "%g faults; the pause counts?", row.values[faults]);
	CHECK(row.values[cpu] >= 0 && row.values[wall] > 0, "%g s of %g s", row.values[cpu],
	      row.values[wall]);
	CHECK(row.values[peak] > 1e6, "%g bytes", row.values[peak]);
	probes_relabel(p, 1);
	CHECK_INT(probes_row(p, 0).phase, 1);
	CHECK(probes_cost_s(p, &reads) > 0 && reads == 6, "%d readings", reads);
	probes_close(p);
}

/* Nothing of a sample is left in the next one; what takes long is read once a second. */
static void test_next(void)
{
	struct probes *p = probes_open(NULL, 1);
	int faults = find(p, "page_faults_minor"), clock = find(p, "core_clock");
	double v;

	for (int i = 0; i < 2; i++) {
		probes_sample_begin(p);
		probes_stage_begin(p);
		touch(i ? 1 : 6000);
		probes_stage_end(p, 1, i, 0);
		probes_sample_end(p, 1, i);
	}
	v = probes_row(p, probes_rows(p) - 1).values[faults];
	CHECK(v < 3000, "%g faults of the sample before", v);
	v = probes_row(p, probes_rows(p) - 1).values[clock];
	CHECK(isnan(v), "the clock was read twice: %g Hz", v);
	probes_close(p);
}

static int whole_samples(const struct probes *p)
{
	int n = 0;

	for (int i = 0; i < probes_rows(p); i++)
		n += probes_row(p, i).stage < 0;
	return n;
}

/* A sample that was cut leaves nothing; the next one starts anew. */
static void test_cut(void)
{
	struct probes *p = probes_open(NULL, 1);
	int faults = find(p, "page_faults_minor");

	probes_sample_begin(p);
	probes_stage_begin(p);
	touch(6000);
	probes_sample_begin(p);
	probes_stage_begin(p);
	probes_stage_end(p, 0, 0, 0);
	probes_sample_end(p, 0, 0);
	probes_sample_end(p, 0, 0);
	CHECK(probes_row(p, probes_rows(p) - 1).values[faults] < 3000, "%g",
	      probes_row(p, probes_rows(p) - 1).values[faults]);
	CHECK_INT(whole_samples(p), 1);
	probes_sample_begin(p); /* its stage is cut too, and was never ended */
	probes_stage_begin(p);
	probes_sample_begin(p);
	probes_stage_end(p, 0, 1, 0);
	probes_sample_end(p, 0, 1);
	CHECK_NEAR(probes_row(p, probes_rows(p) - 1).values[0], 0, 0);
	probes_close(p);
	probes_sample_begin(NULL);
	probes_stage_begin(NULL);
	probes_pause(NULL);
	probes_resume(NULL);
	probes_stage_end(NULL, 0, 0, 0);
	probes_sample_end(NULL, 0, 0);
	probes_close(NULL);
	CHECK_INT(probes_rows(NULL), 0);
}

/* ---- what the kernel tells ---------------------------------------------------------------------
 */

/* Seconds that this thread stood in the run queue: the second number of schedstat, ns. */
static double waited_s(void)
{
	FILE *f = fopen("/proc/self/schedstat", "r");
	double ns = NAN;

	if (f && fscanf(f, "%*s %lf", &ns) != 1)
		ns = NAN;
	if (f)
		fclose(f);
	return 1e-9 * ns;
}

/* The eighth number of the first line of /proc/stat, in ticks. */
static double stolen_s(void)
{
	FILE *f = fopen("/proc/stat", "r");
	char line[512] = "", *at = line + 3;
	double ticks = NAN;

	if (f && fgets(line, sizeof line, f))
		for (int i = 0; i < 8; i++)
			ticks = strtod(at, &at);
	if (f)
		fclose(f);
	return ticks / (double)sysconf(_SC_CLK_TCK);
}

static void compare(const struct probe_source *source, double (*told)(void))
{
	double before = told(), v = NAN, after;

	if (isnan(before))
		return;
	source->read(NULL, &v);
	after = told();
	CHECK(before <= v && v <= after, "%s: %.9g is not in %.9g to %.9g", source->name, v,
	      before, after);
}

static void test_sources(void)
{
	compare(&probe_queue, waited_s);
	compare(&probe_steal, stolen_s);
}

/* ---- counters ----------------------------------------------------------------------------------
 */

static void test_groups(void)
{
	struct counter_group g;
	double events[COUNTER_EVENTS] = { 3e9, 6e9, 2e9 };

	for (int i = 0; counter_group_name(i); i++) {
		struct err e = { 0 };
		CHECK(!counter_group_load(&g, counter_group_name(i), &e), "%s", e.msg);
		CHECK(g.n_events && g.n_metrics, "%s is empty", g.name);
	}
	counter_group_load(&g, "cycles", &(struct err){ 0 });
	CHECK_STR(g.metric[0].name, "counter_cycles_ipc");
	CHECK_NEAR(counter_metric_value(&g, 0, events, 2), 2, 1e-12);
	CHECK_NEAR(counter_metric_value(&g, 1, events, 2), 1.5e9, 1e-3);
	events[0] = 0;
	CHECK(isnan(counter_metric_value(&g, 0, events, 2)), "division by zero");
}

static void refuse(const char *text, const char *part)
{
	struct counter_group g;
	struct err e = { 0 };

	write_file("mine.json", text);
	CHECK(counter_group_load(&g, in_dir("mine.json"), &e) == -ERR_USAGE, "%s", text);
	CHECK(strstr(e.msg, part), "%s: %s", text, e.msg);
}

#define WHAT "{\"what\":\"x\","
#define EVENT WHAT "\"events\":{\"A\":[\"perf:cycles\"]},"

static void test_own_groups(void)
{
	struct counter_group g;
	struct err e = { 0 };

	refuse("{", "line 1");
	refuse("{}", "`what`");
	refuse(WHAT "\"events\":{}}", "`events`");
	refuse(WHAT "\"events\":{\"A\":[]}}", "event A needs a list");
	refuse(WHAT "\"events\":{\"A\":[1]}}", "name 1 of event A");
	refuse(EVENT "\"metrics\":[]}", "`metrics`");
	refuse(EVENT "\"metrics\":[{\"name\":\"m\"}]}", "metric 1 needs");
	refuse(EVENT "\"metrics\":[{\"name\":\"m\",\"unit\":\"1\",\"what\":\"w\","
		     "\"formula\":\"A / B\"}]}", "column 5");
	CHECK(counter_group_load(&g, "cycle", &e) == -ERR_USAGE, "unknown name");
	CHECK(strstr(e.msg, "did you mean cycles?"), "%s", e.msg);
	e.code = ERR_NONE;
	write_file("mine.json", EVENT "\"metrics\":[{\"name\":\"m\",\"unit\":\"1\",\"what\":\"w\","
				      "\"formula\":\"A * time\"}]}");
	CHECK(!counter_group_load(&g, in_dir("mine.json"), &e), "%s", e.msg);
	CHECK_STR(g.metric[0].name, "counter_mine_m");
}

static void test_software(void)
{
	struct counter_group g;
	struct counters *c;
	double before[COUNTER_EVENTS], after[COUNTER_EVENTS], start = clock_s(), seconds;
	char why[160] = "";

	counter_group_load(&g, "software", &(struct err){ 0 });
	c = counters_open(&g, 2, why, sizeof why);
	if (!c) {
		CHECK(strstr(why, "perf"), "no reason: %s", why);
		printf("not tested: %s\n", why);
		return;
	}
	counters_read(c, before);
	start = clock_s();
	burn(0.02);
	touch(600);
	seconds = clock_s() - start;
	counters_read(c, after);
	CHECK(after[0] - before[0] > 1e6 && after[0] - before[0] < 2e9 * seconds + 1e8,
	      "%g ns of task clock in %g s", after[0] - before[0], seconds);
	CHECK(after[3] - before[3] >= 500, "%g faults", after[3] - before[3]);
	counters_close(c);
	g.event[0] = (struct counter_event){ "A", 1, { "perf:nonsense" } };
	CHECK(!counters_open(&g, 1, why, sizeof why) && strstr(why, "perf:nonsense"), "%s", why);
}

/* What is missing has a reason, and it is told once. */
static void test_missing(void)
{
	struct probes *p;
	struct counter_group g;
	char text[256];
	int n = 0;

	counter_group_load(&g, "cycles", &(struct err){ 0 });
	g.event[0] = (struct counter_event){ "CYC", 1, { "perf:nonsense" } };
	p = probes_open(&g, 1);
	for (; probes_missing(p, n, text, sizeof text); n++)
		CHECK(strstr(text, "\n  ") && *strrchr(text, '\n'), "%s", text);
	probes_missing(p, n - 1, text, sizeof text);
	CHECK(strncmp(text, "counter_cycles_ipc, counter_cycles_clock, counter_cycles_instr", 60)
		      == 0, "%s", text);
	probes_sample_begin(p);
	probes_stage_begin(p);
	probes_stage_end(p, 0, 0, 0);
	probes_sample_end(p, 0, 0);
	CHECK(isnan(probes_row(p, 0).values[find(p, "counter_cycles_ipc")]), "a number of nothing");
	probes_close(p);
}

int main(void)
{
	char command[64];

	if (!mkdtemp(dir))
		return test_skip("no temporary directory");
	test_energy();
	test_sample();
	test_next();
	test_cut();
	test_sources();
	test_groups();
	test_own_groups();
	test_software();
	test_missing();
	snprintf(command, sizeof command, "rm -r %s", dir);
	CHECK_INT(system(command), 0);
	return test_end();
}
