/* SPDX-License-Identifier: MIT
 *
 * Parity of single models with the reference implementation: tiny models, unlike each other, from
 * workloads/golden/ (scripts/golden.py), on every backend and instruction set of this machine, by
 * the same road as `bench eval`: directory and inputs in, a file of outputs out.
 *
 * fp32: the relative error (norm of the difference over norm of the reference) is at most 1e-5. The
 * reference is exact to fp32 rounding; a network of d layers that rounds to 2^-24 at each gathers
 * about sqrt(d) 2^-24 times the growth of its layers: 1e-6 here, so 1e-5 leaves room for another
 * order of summation, while one wrong element of any tensor is far above it.
 * bf16: at most twice the error that the reference itself makes in bf16, which is stored beside
 * each output. Both round to 2^-9 at about the same places, each differently: equal in the mean,
 * and a factor of two covers the spread of such small outputs.
 * With -v, prints every error.
 */
#include <stdlib.h>
#include <unistd.h>

#include "eval.h"
#include "safetensors.h"
#include "test.h"
#include "test_devices.h"

#define GOLDEN "workloads/golden/"
#define YARDSTICK "bf16_error."

static bool verbose;
static char scratch[] = "/tmp/parity-test-XXXXXX"; /* the outputs */

static float *values(const struct st_file *f, const char *name)
{
	const struct st_tensor *t = st_find(f, name);
	float *v = t ? malloc((size_t)st_elems(t) * sizeof *v + 1) : NULL;
	struct err e = { 0 };

	CHECK(v && !st_read(f, t, DT_F32, v, &e), "%s of %s: %s", name, st_path(f), e.msg);
	return v;
}

static double bound(const struct st_file *want, const char *output, enum dtype dtype)
{
	char name[128];
	float *error;
	double twice;

	if (dtype == DT_F32)
		return 1e-5;
	snprintf(name, sizeof name, YARDSTICK "%s", output);
	error = values(want, name);
	twice = error ? 2 * (double)error[0] : 0;
	free(error);
	return twice;
}

static bool same_shape(const struct st_tensor *a, const struct st_tensor *b)
{
	return a->ndim == b->ndim && memcmp(a->dim, b->dim, sizeof a->dim) == 0;
}

static void compare(const struct st_file *got, const struct st_file *want, const char *name,
		    const struct device *d)
{
	const struct st_tensor *g = st_find(got, name), *w = st_find(want, name);
	double error, limit = bound(want, name, d->dtype);
	float *a, *b;

	CHECK(g && same_shape(g, w), "%s on %s: no output %s of this shape", st_path(want), d->name,
	      name);
	if (!g || !same_shape(g, w))
		return;
	a = values(got, name);
	b = values(want, name);
	error = relative_error(a, b, st_elems(w));
	CHECK(error <= limit, "%s %s on %s: relative error %.3g, allowed %.3g", st_path(want), name,
	      d->name, error, limit);
	if (verbose)
		printf("%-56s %-18s %-15s %.2e of %.2e\n", st_path(want), name, d->name, error,
		       limit);
	free(a);
	free(b);
}

/* Forward of golden `model` with inputs`suffix`; every output of the reference must be there. */
static void check(const char *model, const char *suffix, const struct device *d)
{
	char dir[200], inputs[300], outputs[300];
	struct st_file *got = NULL, *want = NULL;
	struct err e = { 0 };

	snprintf(dir, sizeof dir, GOLDEN "%s", model);
	snprintf(inputs, sizeof inputs, "%s/inputs%s.safetensors", dir, suffix);
	snprintf(outputs, sizeof outputs, "%s/outputs%s.safetensors", dir, suffix);
	if (!eval_forward(dir, inputs, scratch, d->dtype, d->backend, &e) &&
	    !st_open(&got, scratch, &e))
		st_open(&want, outputs, &e);
	CHECK(!e.code, "%s on %s: %s", model, d->name, e.msg);
	for (int i = 0; want && i < st_count(want); i++) {
		const char *name = st_at(want, i)->name;
		if (strncmp(name, YARDSTICK, strlen(YARDSTICK)) != 0)
			compare(got, want, name, d);
	}
	st_close(got);
	st_close(want);
}

static void check_all(const struct device *d)
{
	static const char *const unets[] = { "unet-sdxl", "unet-odd", "unet-sd1", "unet-sd2",
					     "unet-flat" };
	static const char *const vaes[] = { "vae-kl", "vae-old-names", "vae-no-attention" };
	static const char *const texts[] = { "text-quick-gelu", "text-gelu", "text-projection" };

	for (int i = 0; i < 5; i++)
		check(unets[i], "", d);
	for (int i = 0; i < 3; i++) {
		check(vaes[i], "", d);
		check(vaes[i], "-decode", d);
		check(texts[i], "", d);
	}
}

int main(int argc, char **argv)
{
	int fd = mkstemp(scratch);

	if (fd < 0)
		return test_skip("no place for temporary files");
	close(fd);
	verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	on_every_device(check_all);
	unlink(scratch);
	return test_end();
}
