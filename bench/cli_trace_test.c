/* SPDX-License-Identifier: MIT
 *
 * The files of a trace and the probes of a run, from the program itself. The null backend makes the
 * trace of a whole model cheap; one small run computes.
 */
#include "cli_child.h"
#include "test.h"

#define SMALL \
	"run sdxl-20steps-mini --threads 1 --quiet --set steps=2 --set height=64 --set width=64"

/* ---- nesting -----------------------------------------------------------------------------------
 */

struct slice {
	long long begin, end; /* ns */
	const char *kind, *name;
};

static long long ns_of(const json_t *event, const char *key)
{
	return llround(1000 * json_number_value(json_object_get(event, key)));
}

/* Earlier first, and what contains before what is contained. */
static int outer_first(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;

	if (x->begin != y->begin)
		return (x->begin > y->begin) - (x->begin < y->begin);
	return (x->end < y->end) - (x->end > y->end);
}

/* The slices of a track, sorted; returns their number. */
static int slices_of(const json_t *events, int track, struct slice *s)
{
	size_t i;
	int n = 0;
	json_t *e;

	json_array_foreach(events, i, e) {
		long long begin = ns_of(e, "ts");
		if (strcmp(json_string_value(json_object_get(e, "ph")), "X") != 0 ||
		    json_integer_value(json_object_get(e, "tid")) != track)
			continue;
		s[n++] = (struct slice){ begin, begin + ns_of(e, "dur"),
					 json_string_value(json_object_get(e, "cat")),
					 json_string_value(json_object_get(e, "name")) };
	}
	qsort(s, (size_t)n, sizeof *s, outer_first);
	return n;
}

/* Slices that overlap without one containing the other; what an op's stack looks like. */
static int crossings(const struct slice *s, int n)
{
	int stack[128], depth = 0, bad = 0;

	for (int i = 0; i < n; i++) {
		while (depth && s[stack[depth - 1]].end <= s[i].begin)
			depth--;
		bad += depth && s[i].end > s[stack[depth - 1]].end;
		bad += depth == 128;
		if (depth < 128)
			stack[depth++] = i;
	}
	return bad;
}

static int count(const struct slice *s, int n, const char *kind, const char *name)
{
	int found = 0;

	for (int i = 0; i < n; i++)
		found += strcmp(s[i].kind, kind) == 0 && (!name || strcmp(s[i].name, name) == 0);
	return found;
}

static void check_slices(const json_t *events, int ops)
{
	struct slice *s = calloc(json_array_size(events) + 1, sizeof *s);
	int n = slices_of(events, 1, s);

	CHECK_INT(crossings(s, n), 0);
	CHECK_INT(count(s, n, "stage", NULL), 3);
	CHECK_INT(count(s, n, "stage", "denoise"), 1);
	CHECK_INT(count(s, n, "step", NULL), 4);
	CHECK_INT(count(s, n, "scope", "unet"), 2);
	CHECK_INT(count(s, n, "op", NULL), ops);
	CHECK(n && s[0].begin == 0 && strcmp(s[0].kind, "stage") == 0, "begins with %s", s[0].kind);
	if (n) { /* the check can fail: an op that reaches out of its step */
		s[n - 1].end += 1000000000;
		CHECK(crossings(s, n) > 0, "a crossing is not seen");
	}
	free(s);
}

/* ---- the files ---------------------------------------------------------------------------------
 */

/* Lines "a;b;c 123"; returns how many, and the sum of the numbers. */
static int folded_lines(const char *path, long long *sum)
{
	FILE *f = fopen(path, "r");
	char line[1024];
	int n = 0;

	*sum = 0;
	while (f && fgets(line, sizeof line, f)) {
		char *space = strchr(line, ' ');
		CHECK(space && strchr(line, ';') && space == strrchr(line, ' '), "%s", line);
		*sum += space ? strtoll(space, NULL, 10) : 0;
		n++;
	}
	if (f)
		fclose(f);
	return n;
}

static void test_files(void)
{
	struct child *c = cli_run(SMALL " --backend null --json --trace t.json --folded f.txt");
	json_t *result = cli_json(c), *run = json_array_get(json_object_get(result, "runs"), 0);
	json_t *trace = json_load_file("t.json", JSON_REJECT_DUPLICATES, NULL);
	json_t *calls = json_object_get(json_object_get(run, "cost"), "calls");
	long long sum;
	char *hash, want[80], command[64];
	FILE *f;

	CHECK_INT(c->status, 0);
	CHECK(trace, "t.json is no JSON");
	check_slices(json_object_get(trace, "traceEvents"), (int)json_integer_value(calls));
	CHECK(folded_lines("f.txt", &sum) > 100, "too few stacks");
	CHECK(sum > 0 && 1e-9 * (double)sum <
				 json_number_value(json_object_get(run, "traced_s")),
	      "%lld ns", sum);
	hash = cli_query("SELECT~sha256~FROM~artifact~WHERE~kind='trace'");
	snprintf(command, sizeof command, "sha256sum t.json");
	f = popen(command, "r");
	CHECK(f && fscanf(f, "%70s", want + 1) == 1, "no sha256sum");
	pclose(f);
	want[0] = '"';
	strcpy(want + 65, "\"");
	CHECK_STR(hash, want);
	free(hash);
	hash = cli_query("SELECT~path~FROM~artifact~WHERE~kind='folded'");
	CHECK_STR(hash, "\"f.txt\"");
	free(hash);
	json_decref(trace);
	json_decref(result);
	cli_free(c);
}

/* `--trace` alone takes no word away; a file is taken with = and without. */
static void test_spellings(void)
{
	struct child *c = cli_run("run --trace sdxl-20steps-mini --backend null --no-db --quiet");

	CHECK(c->status == 0 && strstr(c->out, "between ops"), "%s", c->err);
	cli_free(c);
	c = cli_run("run --trace=u.json sdxl-unet --backend null --no-db --quiet");
	CHECK(c->status == 0 && access("u.json", R_OK) == 0, "%s", c->err);
	cli_free(c);
	c = cli_run("run sdxl-unet --backend null --no-db --trace none/u.json");
	CHECK(c->status == 2 && strstr(c->err, "--trace none/u.json"), "%s", c->err);
	cli_free(c);
	c = cli_run("run sdxl-unet --backend null --no-db --trace=u.txt");
	CHECK(c->status == 2 && strstr(c->err, "ends in .json"), "%s", c->err);
	cli_free(c);
}

/* ---- probes ------------------------------------------------------------------------------------
 */

static const json_t *probe_of(const json_t *run, const char *name)
{
	const json_t *values = json_object_get(json_object_get(run, "probes"), "values");
	size_t i;
	json_t *p;

	json_array_foreach(values, i, p)
		if (strcmp(json_string_value(json_object_get(p, "name")), name) == 0)
			return p;
	return NULL;
}

static void check_probe(const json_t *run, const char *name, double lo, double hi)
{
	const json_t *p = probe_of(run, name);
	double v = json_number_value(json_object_get(p, "median"));

	CHECK(p && v >= lo && v <= hi, "%s is %g", name, v);
	CHECK_INT(json_array_size(json_object_get(p, "samples")), 2);
}

static void test_probes(void)
{
	struct child *c = cli_run(SMALL " --json --samples 2 --warmup 1 --counters software");
	json_t *result = cli_json(c), *run = json_array_get(json_object_get(result, "runs"), 0);
	double wall = json_number_value(json_object_get(probe_of(run, "wall_time"), "median"));
	char *n;

	CHECK_INT(c->status, 0);
	check_probe(run, "wall_time", 1e-6, 60);
	check_probe(run, "cpu_user_time", 0, wall + 0.02);
	check_probe(run, "page_faults_minor", 0, 1e5);
	CHECK(json_number_value(json_object_get(probe_of(run, "mem_peak"), "median")) > 1e7,
	      "peak");
	CHECK(json_number_value(json_object_get(json_object_get(run, "probes"), "cost_s")) > 0,
	      "no cost");
	n = cli_query("SELECT~count(*)~FROM~v_samples~WHERE~metric='cpu_user_time'"
		      "~AND~run_id=(SELECT~max(run_id)~FROM~run)");
	CHECK_STR(n, "3"); /* a warm-up and two measured */
	free(n);
	n = cli_query("SELECT~unit~FROM~v_summary~WHERE~metric='mem_peak'");
	CHECK_STR(n, "\"B\"");
	free(n);
	json_decref(result);
	cli_free(c);
}

static void test_lists(void)
{
	struct child *c = cli_run("list --probes --counters --json");
	json_t *j = cli_json(c);

	CHECK_INT(c->status, 0);
	CHECK(json_array_size(json_object_get(j, "probes")) > 10, "%s", c->out);
	CHECK(json_array_size(json_object_get(j, "counters")) >= 7, "%s", c->out);
	json_decref(j);
	cli_free(c);
	c = cli_run("run sdxl-unet --backend null --no-db --counters cycle");
	CHECK(c->status == 2 && strstr(c->err, "did you mean cycles?"), "%s", c->err);
	cli_free(c);
	c = cli_run(SMALL " --backend null --no-db --probes");
	CHECK(c->status == 0 && strstr(c->out, "\nprobe cost") && strstr(c->out, "\nmem_anon"),
	      "%s", c->out);
	cli_free(c);
}

/* ---- profile -----------------------------------------------------------------------------------
 */

static double sum_of(const json_t *rows, const char *key)
{
	double sum = 0;
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row)
		sum += json_number_value(json_object_get(row, key));
	return sum;
}

/* The three views hold the same time, and it is stored as a profile. */
static void test_profile(void)
{
	static const char *const view[] = { "stage", "op", "layer" };
	struct child *c = cli_run("profile sdxl-20steps-mini --backend null --quiet --json "
				  "--trace p.json --warmup 0 --samples 1");
	json_t *j = cli_json(c), *by = json_object_get(j, "by");
	double all = sum_of(json_object_get(by, "op"), "seconds");
	char *purpose;

	CHECK_INT(c->status, 0);
	CHECK(all > 0 && all < json_number_value(json_object_get(j, "traced_s")), "%g s", all);
	for (int i = 0; i < 3; i++)
		CHECK_NEAR(sum_of(json_object_get(by, view[i]), "seconds") / all, 1, 1e-6);
	CHECK(json_array_size(json_object_get(by, "layer")) > 100, "few layers");
	CHECK(access("p.json", R_OK) == 0, "no trace");
	purpose = cli_query("SELECT~purpose~FROM~run~JOIN~session~USING~(session_id)~"
			    "ORDER~BY~run_id~DESC");
	CHECK_STR(purpose, "\"profile\"");
	free(purpose);
	json_decref(j);
	cli_free(c);
	c = cli_run("profile sdxl-unet-mini --backend null --quiet --csv --no-db --depth 2");
	CHECK(c->status == 0 && strncmp(c->out, "layer,calls,seconds,", 20) == 0, "%.99s", c->out);
	CHECK(strstr(c->out, "unet.mid_block,"), "%s", c->out);
	cli_free(c);
	c = cli_run("profile sdxl-unet-mini --backend null --by op --depth 2");
	CHECK_INT(c->status, 2);
	cli_free(c);
}

int main(void)
{
	cli_begin();
	test_files();
	test_profile();
	test_spellings();
	test_probes();
	test_lists();
	cli_end();
	return test_end();
}
