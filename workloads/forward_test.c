/* SPDX-License-Identifier: MIT
 *
 * The workloads of one forward on the ref backend: finite results of the right shape, that depend
 * on the seed and on nothing else.
 */
#include <stdlib.h>

#include "test.h"
#include "workload.h"

/* All stages of `preset` at 32x32 pixels; a copy of its result, owned by the caller. */
static float *run(const char *preset, const char *seed, int64_t dim[TENSOR_DIMS])
{
	struct err e = { 0 };
	const struct preset *p = preset_find(preset, &e);
	const struct tensor *t;
	struct workload *w;
	struct settings s;
	struct ctx *c;
	float *copy;

	preset_settings(p, &s, &e);
	settings_set(&s, "height", "32", &e);
	settings_set(&s, "width", "32", &e);
	settings_set(&s, "dtype", "fp32", &e);
	settings_set(&s, "seed", seed, &e);
	w = p->family->create(&s, &e);
	die_if(!w, "%s", e.msg);
	c = ctx_new(&backend_ref, w->dtype, w->weights);
	for (int i = 0; i < 2 * w->n_stages; i++) {
		ctx_step_begin(c, i % 2 ? PASS_RUN : PASS_LOAD, NULL);
		w->step(w, c, i / 2, 0);
		CHECK(ctx_step_end(c) == 0, "%s", c->err.msg);
	}
	t = ctx_state(c, "latents");
	memcpy(dim, t->dim, sizeof t->dim);
	copy = malloc(tensor_bytes(t));
	memcpy(copy, t->data, tensor_bytes(t));
	ctx_free(c);
	w->destroy(w);
	settings_clear(&s);
	return copy;
}

static void check(const char *preset)
{
	int64_t dim[TENSOR_DIMS], n = 4 * 4 * 4;
	float *a = run(preset, "1", dim), *b = run(preset, "1", dim),
	      *other = run(preset, "2", dim);
	double energy = 0;

	CHECK(dim[0] == 1 && dim[1] == 4 && dim[2] == 4 && dim[3] == 4, "%s: wrong shape", preset);
	for (int64_t i = 0; i < n; i++)
		energy += (double)a[i] * a[i];
	CHECK(isfinite(energy) && energy > 0, "%s: the result is %g", preset, energy);
	CHECK(memcmp(a, b, (size_t)n * sizeof *a) == 0, "%s: two runs differ", preset);
	CHECK(memcmp(a, other, (size_t)n * sizeof *a) != 0, "%s: the seed does nothing", preset);
	free(a);
	free(b);
	free(other);
}

int main(void)
{
	check("sdxl-unet-mini");
	check("sdxl-vae-mini");
	return test_end();
}
