/* SPDX-License-Identifier: MIT
 *
 * Parity of whole pipelines with the reference implementation: two tiny SDXL directories, unlike
 * each other, with the runs that lie in them (workloads/golden/pipeline-X/run-Y/,
 * scripts/golden.py), from texts and given noise to the image, on every backend and instruction set
 * of this machine.
 *
 * fp32: token ids equal; final latents within 1e-4 (relative error of the whole tensor): both sides
 * round to fp32 at each step and guidance multiplies the difference, by 8 to 15 in a step here;
 * every value of the image within 1/255, one step of an 8-bit file.
 * bf16: at most twice the error that the reference itself makes in bf16, see parity_test.c.
 * With -v, prints every error.
 */
#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>

#include "noise.h"
#include "safetensors.h"
#include "sdxl.h"
#include "test.h"
#include "test_devices.h"

#define GOLDEN "workloads/golden/"

static bool verbose;

struct run {
	char dir[200], name[300]; /* the pipeline, and the run in it */
	const struct device *device;
};

/* ---- the workload ---------------------------------------------------------------------------- */

/* Every key of settings.json is a setting of the workload. */
static int apply(struct settings *s, const struct run *r, struct err *e)
{
	char path[400], text[64];
	const char *key;
	json_t *root, *value;
	int failed = 0;

	snprintf(path, sizeof path, "%s/settings.json", r->name);
	root = json_load_file(path, 0, NULL);
	CHECK(root, "%s cannot be read", path);
	json_object_foreach(root, key, value) {
		snprintf(text, sizeof text, "%g", json_number_value(value));
		failed |= settings_set(s, key,
				       json_is_string(value) ? json_string_value(value) : text, e);
	}
	json_decref(root);
	snprintf(path, sizeof path, "%s/inputs.safetensors", r->name);
	return failed || settings_set(s, "latents", path, e) ||
	       settings_set(s, "weights", r->dir, e) ||
	       settings_set(s, "dtype", dtype_name(r->device->dtype), e);
}

static struct workload *create(const struct run *r, struct err *e)
{
	const struct preset *p = preset_find("sdxl-20steps", e);
	struct workload *w = NULL;
	struct settings s = { 0 };

	if (p && !preset_settings(p, &s, e) && !apply(&s, r, e))
		w = p->family->create(&s, e);
	settings_clear(&s);
	return w;
}

static int pass(struct workload *w, struct ctx *c, enum pass which, struct plan *plan, int stage,
		int i)
{
	ctx_step_begin(c, which, plan);
	w->step(w, c, stage, i);
	return ctx_step_end(c);
}

static void run_stages(struct workload *w, struct ctx *c)
{
	struct plan *plan[STAGES_MAX];

	for (int s = 0; s < w->n_stages; s++) {
		plan[s] = plan_new();
		pass(w, c, PASS_DRY, plan[s], s, 0);
		ctx_reserve(c, plan_bytes(plan[s]));
		pass(w, c, PASS_LOAD, NULL, s, 0);
	}
	weights_finish(w->weights, &c->err);
	ctx_reserve_states(c);
	for (int s = 0; s < w->n_stages; s++) {
		for (int i = 0; i < w->stage[s].steps && !c->err.code; i++)
			pass(w, c, PASS_RUN, plan[s], s, i);
		plan_free(plan[s]);
	}
}

/* ---- comparison ------------------------------------------------------------------------------ */

static const struct st_tensor *need(const struct st_file *f, const char *name)
{
	const struct st_tensor *t = st_find(f, name);

	die_if(!t, "%s has no tensor %s", st_path(f), name);
	return t;
}

static float *floats(const struct st_file *f, const char *name)
{
	const struct st_tensor *t = need(f, name);
	float *v = malloc((size_t)st_elems(t) * sizeof *v);
	struct err e = { 0 };

	die_if(!v || st_read(f, t, DT_F32, v, &e), "%s: %s", name, e.msg);
	return v;
}

static double largest_difference(const float *a, const float *b, int64_t n)
{
	double most = 0;

	for (int64_t i = 0; i < n; i++) {
		double d = fabs((double)a[i] - b[i]);
		most = isfinite(d) ? fmax(most, d) : INFINITY;
	}
	return most;
}

static void compare(const struct run *r, struct ctx *c, const struct st_file *want,
		    const char *name)
{
	const struct st_tensor *t = need(want, name);
	const struct tensor *x = ctx_state(c, name);
	float *got = malloc(tensor_bytes(x)), *expected = floats(want, name), *yardstick;
	bool exact = r->device->dtype == DT_F32, image = strcmp(name, "image") == 0;
	double error, limit = image ? 1.0 / 255 : 1e-4;
	char key[64];

	die_if(!got, "out of memory");
	snprintf(key, sizeof key, "bf16_error.%s", name);
	yardstick = floats(want, key);
	if (!exact)
		limit = 2 * (double)yardstick[0];
	CHECK(t->ndim == 4 && x->dim[0] == t->dim[0] && x->dim[1] == t->dim[2] &&
	      x->dim[2] == t->dim[3] && x->dim[3] == t->dim[1], "%s: other shape", name);
	nhwc_to_nchw(x->data, t->dim[0], t->dim[1], t->dim[2], t->dim[3], got);
	error = exact && image ? largest_difference(got, expected, st_elems(t))
			       : relative_error(got, expected, st_elems(t));
	CHECK(error <= limit, "%s %s on %s: error %.3g, allowed %.3g", r->name, name,
	      r->device->name, error, limit);
	if (verbose)
		printf("%-45s %-8s %-15s %.2e of %.2e\n", r->name, name, r->device->name, error,
		       limit);
	free(got);
	free(expected);
	free(yardstick);
}

static void compare_ids(const struct run *r, const struct sdxl *s, const struct st_file *in)
{
	static const char *const names[2] = { "input_ids", "input_ids_2" };
	struct err e = { 0 };

	for (int tower = 0; tower < 2; tower++) {
		const struct st_tensor *t = need(in, names[tower]);
		size_t bytes = (size_t)st_elems(t) * sizeof(int32_t);
		int32_t *ids = malloc(bytes);
		CHECK(ids && !st_read(in, t, DT_I32, ids, &e), "%s", e.msg);
		CHECK(t->dim[0] == s->prompts && t->dim[1] == s->length &&
		      memcmp(ids, s->ids[tower], bytes) == 0, "%s: other %s", r->name,
		      names[tower]);
		free(ids);
	}
}

static void check_run(const struct run *r)
{
	struct st_file *in = NULL, *want = NULL;
	struct err e = { 0 };
	struct workload *w = create(r, &e);
	char path[400];
	struct ctx *c;

	snprintf(path, sizeof path, "%s/inputs.safetensors", r->name);
	st_open(&in, path, &e);
	snprintf(path, sizeof path, "%s/outputs.safetensors", r->name);
	st_open(&want, path, &e);
	CHECK(!e.code, "%s: %s", r->name, e.msg);
	if (!e.code) {
		compare_ids(r, (const struct sdxl *)w, in);
		c = ctx_new(r->device->backend, r->device->dtype, w->weights);
		run_stages(w, c);
		CHECK(!c->err.code, "%s on %s: %s", r->name, r->device->name, c->err.msg);
		if (!c->err.code) {
			compare(r, c, want, "latents");
			compare(r, c, want, "image");
		}
		ctx_free(c);
	}
	if (w)
		w->destroy(w);
	st_close(in);
	st_close(want);
}

/* Every directory run-* of the pipeline. */
static void check_runs(const char *pipeline, const struct device *device)
{
	struct run r = { .device = device };
	const struct dirent *entry;
	int runs = 0;
	DIR *d;

	snprintf(r.dir, sizeof r.dir, GOLDEN "%s", pipeline);
	d = opendir(r.dir);
	while (d && (entry = readdir(d))) {
		if (strncmp(entry->d_name, "run-", 4) != 0)
			continue;
		snprintf(r.name, sizeof r.name, "%s/%.80s", r.dir, entry->d_name);
		check_run(&r);
		runs++;
	}
	if (d)
		closedir(d);
	CHECK(runs >= 2, "%s has %d runs", r.dir, runs);
}

static void check_all(const struct device *d)
{
	check_runs("pipeline-sdxl", d);
	check_runs("pipeline-v", d);
}

int main(int argc, char **argv)
{
	verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	on_every_device(check_all);
	return test_end();
}
