/* SPDX-License-Identifier: MIT
 *
 * The program as its users meet it: refusals with their exit status and sentence, the same output
 * run after run, results as tables, JSON, PNG and safetensors, and what measuring costs.
 */
#include "cli_child.h"
#include "test.h"

#include <png.h>
#include <sys/stat.h>

#include "safetensors.h"

#define MINI "run sdxl-20steps-mini --set steps=3 --samples 1 --warmup 0 --quiet"

/* ---- refusals ----------------------------------------------------------------------------------
 */

static void refuse(const char *words, int status, const char *sentence)
{
	struct child *c = cli_run(words);

	CHECK(c->status == status, "%s: exit %d, want %d: %s", words, c->status, status, c->err);
	CHECK(strstr(c->err, sentence), "%s: \"%s\" lacks \"%s\"", words, c->err, sentence);
	CHECK(!*c->out, "%s: wrote \"%s\"", words, c->out);
	cli_free(c);
}

static void write_policy(const char *path)
{
	FILE *f = fopen(path, "w");

	die_if(!f, "no file %s", path);
	fprintf(f, "[gate]\nbase = HEAD\n[row mini]\nworkload = sdxl-20steps-mini\n"
		   "exact = macs\n");
	fclose(f);
}

static void test_refusals(void)
{
	refuse("", ERR_USAGE, "a verb is missing");
	refuse("run sdxl-20step", ERR_USAGE, "did you mean \"sdxl-20steps\"?");
	refuse("show sdxl-20steps --set stepz=4", ERR_USAGE, "did you mean \"steps\"?");
	refuse("run sdxl-20steps-mini --set steps=0", ERR_USAGE, "steps=0");
	refuse("run sdxl-20steps-mini --set width=100", ERR_USAGE, "multiple");
	refuse("run sdxl-20steps-mini --set dtype=fp23", ERR_USAGE, "fp32");
	refuse("run sdxl-20steps-mini --weights nowhere", ERR_FAILED, "nowhere");
	refuse("run sdxl-20steps-mini --latents none.safetensors", ERR_FAILED, "none.safetensors");
	refuse("run sdxl-20steps-mini --save a.jpg", ERR_USAGE, ".png");
	refuse("run sdxl-20steps-mini --save nowhere/a.png", ERR_USAGE, "nowhere/a.png");
	CHECK(mkdir("d.png", 0700) == 0, "d.png");
	refuse("run sdxl-20steps-mini --save d.png", ERR_USAGE, "is a directory");
	refuse("run sdxl-20steps-mini --trace=none/t.json", ERR_USAGE, "--trace none/t.json");
	refuse("run sdxl-20steps-mini --folded d.png", ERR_USAGE, "--folded d.png");
	refuse("profile sdxl-20steps-mini --folded d.png/x/y", ERR_USAGE, "make it first");
	write_policy("p.ini");
	refuse("gate p.ini --junit nowhere/j.xml", ERR_USAGE, "--junit nowhere/j.xml");
	refuse("gate p.ini --markdown d.png", ERR_USAGE, "--markdown d.png");
	refuse("gate p.ini --verdict-file d.png", ERR_USAGE, "--verdict-file d.png");
	refuse("run sdxl-20steps-mini --backend null --save a.png", ERR_USAGE, "null");
	refuse("run sdxl-unet-mini --save a.png", ERR_USAGE, ".safetensors");
	refuse("run sdxl-20steps-mini --db nowhere/b.db", ERR_DB, "nowhere");
	refuse("run sdxl-20steps-mini --isa avx3", ERR_USAGE, "avx2");
	refuse("macs sdxl-20steps --depth 2", ERR_USAGE, "--by layer");
	refuse("db query DELETE~FROM~run", ERR_DB, "");
	refuse("eval nowhere --inputs a --outputs b", ERR_FAILED, "nowhere");
	refuse("eval nowhere --inputs a --outputs d.png", ERR_USAGE, "--outputs d.png");
	refuse("kernels --budget soon", ERR_USAGE, "90s");
	refuse("report html --out d.png", ERR_USAGE, "--out d.png");
	CHECK(access("bench.db", F_OK), "a refusal has made a database");
}

/* "... and 22.95 GiB are free": never more than the machine has. */
static void check_free(const char *sentence)
{
	double all = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1 << 30);
	const char *at = strstr(sentence, ") and ");
	double free_gib = 0;
	int got = at ? sscanf(at, ") and %lf GiB are free", &free_gib) : 0;

	/* below one GiB the sentence says MiB */
	CHECK(got != 1 || free_gib <= all, "%.2f GiB free of %.2f", free_gib, all);
}

/* Refused before anything is allocated, with what it would need and what would fit. */
static void test_no_memory(void)
{
	struct child *c = cli_run("run sdxl-20steps --set width=16384 --set height=16384 "
				  "--set batch=4 --db memory.db");
	char *status;

	CHECK_INT(c->status, ERR_FAILED);
	CHECK(strstr(c->err, "GiB") && strstr(c->err, "what would fit: width="), "%s", c->err);
	check_free(c->err);
	CHECK(c->max_rss_kib < 1 << 20, "it took %ld KiB to find out", c->max_rss_kib);
	CHECK(c->cpu_s < 20, "%.1f s to find out", c->cpu_s);
	cli_free(c);
	setenv("BENCH_DB", "memory.db", 1);
	status = cli_query("SELECT~status~FROM~v_runs");
	unsetenv("BENCH_DB");
	CHECK_STR(status, "\"refused\"");
	free(status);
}

/* ---- the same output ---------------------------------------------------------------------------
 */

static json_t *result_of(const char *words)
{
	struct child *c = cli_run(words);
	json_t *j = cli_json(c), *run = json_array_get(json_object_get(j, "runs"), 0);

	CHECK(c->status == 0 && run, "%s: exit %d: %s", words, c->status, c->err);
	json_incref(run);
	json_decref(j);
	cli_free(c);
	return run;
}

static const char *hash_in(const json_t *run)
{
	const char *hash = json_string_value(json_object_get(run, "output_sha256"));
	return hash ? hash : "none";
}

/* Same seed, machine and thread count: the same bits, traced or not, through any number of samples.
 * Work is split over threads along results and never along a sum, so other thread counts give the
 * same bits too. */
static void test_same_hash(void)
{
	json_t *first = result_of(MINI " --json --threads 1");
	json_t *again = result_of(MINI " --json --threads 1 --trace");
	json_t *two = result_of(MINI " --json --threads 2");
	json_t *other = result_of(MINI " --json --threads 1 --set seed=1");

	CHECK(strlen(hash_in(first)) == 64, "%s", hash_in(first));
	CHECK_STR(hash_in(again), hash_in(first));
	CHECK_STR(hash_in(two), hash_in(first));
	CHECK(strcmp(hash_in(other), hash_in(first)), "the seed changes nothing");
	CHECK(json_is_false(json_object_get(again, "output_varies")), "traced output differs");
	CHECK(json_number_value(json_object_get(again, "traced_s")) > 0, "no trace");
	CHECK(json_is_string(json_object_get(first, "run_id")), "not recorded");
	json_decref(first);
	json_decref(again);
	json_decref(two);
	json_decref(other);
}

static void test_many_samples(void)
{
	json_t *run = result_of(MINI " --json --samples 3 --warmup 1 --set steps=2");
	json_t *latency = json_object_get(run, "latency_s");
	char *n = cli_query("SELECT~count(*)~FROM~v_samples~WHERE~metric='step_latency'~AND~"
			    "run_id=(SELECT~max(run_id)~FROM~v_runs)");

	CHECK_INT(json_integer_value(json_object_get(latency, "n")), 3);
	CHECK_INT(json_integer_value(json_object_get(run, "steps_measured")), 3 * 4);
	CHECK(json_is_false(json_object_get(run, "output_varies")), "samples differ");
	CHECK_STR(n, "16");
	free(n);
	json_decref(run);
}

/* ---- memory ------------------------------------------------------------------------------- */

/* The prediction, made before anything is allocated, against the real peak: 5 %, and 2.5 MiB for
 * what the libraries take in models that are small beside them. */
static void check_prediction(const char *words)
{
	json_t *run = result_of(words);
	double peak = json_number_value(json_object_get(run, "peak_memory_bytes"));
	double predicted = json_number_value(json_object_get(run, "predicted_memory_bytes"));
	double allowed = fmax(0.05 * peak, 2.5 * (1 << 20));

	json_decref(run);
#ifdef __SANITIZE_ADDRESS__
	allowed = INFINITY; /* its shadow is memory too */
#endif
	CHECK(fabs(predicted - peak) <= allowed, "%s: predicted %.1f MiB, was %.1f", words,
	      predicted / (1 << 20), peak / (1 << 20));
}

static void test_prediction(void)
{
	check_prediction(MINI " --json --no-db --set steps=1");
	check_prediction(MINI " --json --no-db --set steps=1 --set dtype=fp32");
	check_prediction(MINI " --json --no-db --set steps=1 --set width=512 --set height=512");
}

/* ---- files -------------------------------------------------------------------------------------
 */

static float *read_image(const char *path, int64_t dim[4])
{
	struct err e = { 0 };
	struct st_file *f = NULL;
	const struct st_tensor *t = NULL;
	float *v = NULL;

	if (!st_open(&f, path, &e))
		t = st_find(f, "image");
	if (t) {
		memcpy(dim, t->dim, 4 * sizeof *dim);
		v = malloc((size_t)st_elems(t) * sizeof *v);
		st_read(f, t, DT_F32, v, &e);
	}
	CHECK(t && !e.code && st_find(f, "latents"), "%s: %s", path, e.msg);
	st_close(f);
	return v;
}

static void compare_png(const char *path, const float *image, const int64_t *dim)
{
	png_image png = { .version = PNG_IMAGE_VERSION };
	int64_t pixels = dim[2] * dim[3], wrong = 0;
	unsigned char *rgb = malloc((size_t)(3 * pixels));
	int good = png_image_begin_read_from_file(&png, path);

	png.format = PNG_FORMAT_RGB;
	CHECK(good && png.width == dim[3] && png.height == dim[2], "%s", png.message);
	CHECK(good && png_image_finish_read(&png, NULL, rgb, 0, NULL), "%s", png.message);
	for (int64_t p = 0; p < pixels; p++)
		for (int k = 0; k < 3; k++)
			wrong += fabsf((float)rgb[3 * p + k] - 255 * image[k * pixels + p]) >
				 0.5001f;
	CHECK_INT(wrong, 0);
	free(rgb);
}

static void test_save(void)
{
	struct child *c = cli_run(MINI " --set batch=2 --set width=192 --save a.png "
				       "--save a.safetensors");
	int64_t dim[4] = { 0 };
	float *image = read_image("a.safetensors", dim);

	CHECK(c->status == 0, "%s", c->err);
	CHECK(strstr(c->out, "sha256 "), "no hash in the table");
	CHECK(dim[0] == 2 && dim[1] == 3 && dim[2] == 128 && dim[3] == 192, "shape of image");
	if (image) {
		compare_png("a-0.png", image, dim);
		compare_png("a-1.png", image + 3 * dim[2] * dim[3], dim);
	}
	free(image);
	cli_free(c);
}

/* ---- names -------------------------------------------------------------------------------------
 */

/* The words that bash offers behind `bench WORDS`; owned. */
static char *completed(const char *words)
{
	char command[9000];
	char *text = NULL;
	size_t room = 0;
	FILE *f;

	snprintf(command, sizeof command,
		 "bash -c 'source <(\"%s\" help --bash); COMP_WORDS=(\"%s\" %s); "
		 "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _bench; echo \" ${COMPREPLY[@]} \"'",
		 cli_program, cli_program, words);
	f = popen(command, "r");
	if (!f || getdelim(&text, &room, 0, f) < 0)
		text = strdup("");
	if (f)
		pclose(f);
	return text;
}

static void check_completed(const char *words, const char *want, const char *not)
{
	char *got = completed(words);

	CHECK(strstr(got, want), "bench %s: %s", words, got);
	CHECK(!not || !strstr(got, not), "bench %s: %s", words, got);
	free(got);
}

static void test_names(void)
{
	struct child *c = cli_run("list");
	json_t *names;

	CHECK(strstr(c->out, "\nsteps-to-latency-mini "), "%s", c->out);
	cli_free(c);
	c = cli_run("list --json");
	names = cli_json(c);
	CHECK(json_array_size(json_object_get(names, "sweeps")) > 3, "%s", c->out);
	json_decref(names);
	cli_free(c);
	if (system("command -v bash >/dev/null"))
		return;
	check_completed("sweep \"\"", " steps-to-latency-mini ", "sdxl");
	check_completed("table dty", " dtype-mini ", "steps");
	check_completed("report \"\"", " html ", NULL);
	check_completed("report latency-s", " latency-steps ", "html");
	check_completed("profile \"\"", " sdxl-unet-mini ", NULL);
	check_completed("selftest \"\"", " aa inject ", "sdxl");
	check_completed("selftest aa sdxl-u", " sdxl-unet-mini ", "aa");
	check_completed("compare --workload sdxl-v", " sdxl-vae ", NULL);
	check_completed("run sdxl-unet --dt", "  ", NULL);
	check_completed("run sdxl-unet --thr", " --threads ", NULL);
}

/* ---- machine-readable --------------------------------------------------------------------------
 */

static void test_json(void)
{
	static const char *const words[] = { "list --json", "show sdxl-20steps --json",
					     "macs sdxl-20steps --by part --json",
					     "db query SELECT~1~AS~one --json" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct child *c = cli_run(words[i]);
		json_t *j = cli_json(c);
		CHECK(c->status == 0 && j, "%s: exit %d, %s", words[i], c->status, c->err);
		json_decref(j);
		cli_free(c);
	}
}

/* Published numbers, exact and without weights (1 MAC of a run under guidance is counted twice). */
static void test_counts(void)
{
	struct child *c = cli_run("macs sdxl-20steps --by part --json");
	json_t *j = cli_json(c), *total = json_object_get(j, "total");

	CHECK_INT(json_integer_value(json_object_get(total, "core_macs")) / 1000000000, 140571);
	CHECK(c->cpu_s < 1, "%.3f s", c->cpu_s);
	json_decref(j);
	cli_free(c);
	c = cli_run("show sdxl-20steps --json");
	j = cli_json(c);
	total = json_object_get(json_object_get(json_object_get(j, "parts"), "unet"),
				"parameters");
	CHECK_INT(json_integer_value(total), 2567463684);
	json_decref(j);
	cli_free(c);
}

/* Most of the work first, and the rest is counted. */
static void test_kernels(void)
{
	struct child *c = cli_run("kernels sdxl-unet-mini --budget 0.1s --json");
	json_t *j = cli_json(c), *kernels = json_object_get(j, "kernels"), *share;
	long long left_out = json_integer_value(json_object_get(j, "left_out"));
	double measured;

	share = json_object_get(j, "share_of_limit_time");
	CHECK(c->status == 0 && strstr(c->err, "--budget all"), "exit %d: %s", c->status, c->err);
	CHECK(json_array_size(kernels) >= 1 && left_out > 20, "%lld left out", left_out);
	measured = (double)json_array_size(kernels);
	measured /= measured + (double)left_out;
	CHECK(json_number_value(share) > measured && json_number_value(share) < 1,
	      "%.3f of the work in %.3f of the kernels", json_number_value(share), measured);
	json_decref(j);
	cli_free(c);
}

/* ---- costs of measuring ------------------------------------------------------------------------
 */

/* A benchmark, not a test: `cli_test --bench` on a quiet machine. Goals: 1 us and 10 ms. */
static void bench_costs(void)
{
	json_t *run =
		result_of("run sdxl-20steps --backend null --json --no-db --samples 30 --quiet");
	double calls = json_number_value(json_object_get(json_object_get(run, "cost"), "calls"));
	double best = json_number_value(json_object_get(json_object_get(run, "latency_s"), "min"));
	double list = 1;

	json_decref(run);
	for (int i = 0; i < 20; i++) {
		struct child *c = cli_run("list");
		list = fmin(list, c->seconds);
		cli_free(c);
	}
	printf("op_run on the null backend %.0f ns a call, `bench list` %.1f ms\n",
	       1e9 * best / calls, 1e3 * list);
}

int main(int argc, char **argv)
{
	cli_begin();
	if (argc > 1 && strcmp(argv[1], "--bench") == 0) {
		bench_costs();
		cli_end();
		return 0;
	}
	test_refusals();
	test_no_memory();
	test_same_hash();
	test_many_samples();
	test_prediction();
	test_save();
	test_names();
	test_json();
	test_counts();
	test_kernels();
	cli_end();
	return test_end();
}
