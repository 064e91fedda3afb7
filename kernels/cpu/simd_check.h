/* SPDX-License-Identifier: MIT
 *
 * What the tests of our own kernels share: tensors in guarded buffers, one call at every level of
 * this machine against ref with one, two and three threads (whose results must be the same to the
 * bit), and bandwidth beside that of memcpy. Included by one test program each.
 *
 * Tolerances. ref computes in fp64 and is asked for an fp32 result, also where the kernel's is
 * bf16; so a kernel may be off by its own arithmetic and one rounding to its storage: fp32 2^-24,
 * bf16 2^-8, relative; this last one is added here.
 */
#ifndef BENCH_SIMD_CHECK_H
#define BENCH_SIMD_CHECK_H

#include <omp.h>

#include "clock.h"
#include "cpu.h"
#include "group_norm.h"
#include "guard.h"
#include "move.h"
#include "simd.h"
#include "test.h"
#include "weights.h"

#define HALF_ULP_F32 0x1p-24
#define HALF_ULP_BF16 0x1p-8
#define ROUGH 2e-4 /* bound of the rough functions of vec_math.h, which bf16 results use */
#define EXACT -1.0 /* as a tolerance: the same bits, storage as ref's */

enum { LEVELS = ISA_BF16 + 1 };

/* ---- the tensors of one case ----------------------------------------------------------------- */

static struct tensor pool[8];
static struct guard guards[8];
static int used;

static struct tensor *make(enum dtype dtype, int ndim, const int64_t *dim)
{
	struct tensor *t = &pool[used];

	*t = (struct tensor){ .ndim = ndim, .dtype = dtype, .buffer = -1 };
	memcpy(t->dim, dim, (size_t)ndim * sizeof *dim);
	guards[used] = guard_new(tensor_bytes(t));
	t->data = guards[used++].data;
	return t;
}

#define DIMS(...) (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / 8), (int64_t[]){ __VA_ARGS__ }

static struct tensor *randoms(enum dtype dtype, float mean, float deviation, int ndim,
			      const int64_t *dim)
{
	struct tensor *t = make(dtype, ndim, dim);

	random_fill(1, (uint64_t)used, 0, tensor_elems(t), mean, deviation, dtype, t->data);
	return t;
}

static void free_case(void)
{
	while (used > 0) {
		used--;
		CHECK(guard_intact(&guards[used]), "bytes before an operand changed");
		guard_free(&guards[used]);
	}
}

/* ---- running and comparing ------------------------------------------------------------------- */

static inline void run_at(int level, const struct op_call *call)
{
	simd_run *run = simd_kernels_at((enum isa)level)->run[call->op];

	(run ? run : move_run[call->op])(call);
}

static struct tensor like(const struct tensor *shape, enum dtype dtype, struct guard *g)
{
	struct tensor t = *shape;

	t.dtype = dtype;
	*g = guard_new(tensor_bytes(&t));
	t.data = g->data;
	return t;
}

static bool near(float got, float want, double relative, double absolute)
{
	if (isnan(want) || isinf(want))
		return isnan(want) ? isnan(got) : got == want;
	return fabs((double)got - (double)want) <= relative * fabs((double)want) + absolute;
}

static void compare_values(const char *what, int level, const struct tensor *got,
			   const struct tensor *want, double relative, double absolute)
{
	int64_t n = tensor_elems(got), bad = -1;
	float *a = malloc((size_t)n * sizeof *a);
	char shape[64];

	relative += got->dtype == DT_BF16 ? HALF_ULP_BF16 : HALF_ULP_F32;
	tensor_to_f32(got, a);
	for (int64_t i = n - 1; i >= 0; i--)
		if (!near(a[i], ((const float *)want->data)[i], relative, absolute))
			bad = i;
	CHECK(bad < 0, "%s %s %s at %s: [%lld] got %.9g, want %.9g", what, dtype_name(got->dtype),
	      tensor_shape(got, shape, sizeof shape), isa_name((enum isa)level), (long long)bad,
	      a[bad < 0 ? 0 : bad], ((const float *)want->data)[bad < 0 ? 0 : bad]);
	free(a);
}

static void compare(const char *what, int level, const struct tensor *got,
		    const struct tensor *want, double relative, double absolute)
{
	if (relative == EXACT) {
		CHECK(memcmp(got->data, want->data, tensor_bytes(want)) == 0, "%s differs at %s",
		      what, isa_name((enum isa)level));
		return;
	}
	compare_values(what, level, got, want, relative, absolute);
}

/* Runs the call at one level with one, two and three threads. */
static void check_level(const char *what, struct op_call call, int level, const struct tensor *want,
			enum dtype dtype, double relative, double absolute)
{
	struct guard result[3], scratch;
	struct tensor out[3];

	for (int i = 0; i < 3; i++) {
		out[i] = like(want, dtype, &result[i]);
		call.out[0] = &out[i];
		call.workspace_bytes = group_norm_workspace(&call);
		scratch = guard_new(call.workspace_bytes);
		call.workspace = scratch.data;
		omp_set_num_threads(i + 1);
		run_at(level, &call);
		CHECK(guard_intact(&scratch) && guard_intact(&result[i]),
		      "%s at %s wrote before its buffer", what, isa_name((enum isa)level));
		CHECK(memcmp(out[i].data, out[0].data, tensor_bytes(&out[0])) == 0,
		      "%s at %s: %d threads give another result", what,
		      isa_name((enum isa)level), i + 1);
		guard_free(&scratch);
	}
	compare(what, level, &out[0], want, relative, absolute);
	for (int i = 0; i < 3; i++)
		guard_free(&result[i]);
}

/* The call's result, shaped like `shape`, at every level against ref; ends the case. */
static void check_shaped(const char *what, struct op_call call, const struct tensor *shape,
			 enum dtype dtype, double relative, double absolute)
{
	struct guard g;
	struct tensor want = like(shape, relative == EXACT ? dtype : DT_F32, &g);

	call.out[0] = &want;
	backend_ref.run[call.op](&backend_ref, NULL, &call);
	for (int level = 0; level < LEVELS && level <= (int)isa_machine(); level++)
		check_level(what, call, level, &want, dtype, relative, absolute);
	guard_free(&g);
	free_case();
}

static inline void check(const char *what, struct op_call call, double relative,
			 double absolute)
{
	check_shaped(what, call, call.in[0], call.in[0]->dtype, relative, absolute);
}

/* ---- bandwidth ------------------------------------------------------------------------------- */

static double copy_seconds(char *to, const char *from, size_t bytes)
{
	double start = clock_s();

#pragma omp parallel for schedule(static)
	for (size_t i = 0; i < bytes; i += 1 << 16)
		memcpy(to + i, from + i, bytes - i < 1 << 16 ? bytes - i : 1 << 16);
	return clock_s() - start;
}

static double call_seconds(int level, const struct op_call *call)
{
	double start = clock_s();

	run_at(level, call);
	return clock_s() - start;
}

/* Best of the rounds of about a second, in turns with a copy of as many bytes as the call must read
 * and write once. */
static inline void bench_call(enum isa level, const char *what, struct op_call call)
{
	double best = 1e9, copy = 1e9, end;
	size_t bytes = tensor_bytes(call.out[0]);
	char *from, *to, shape[64];

	for (int i = 0; i < OP_INPUTS; i++)
		bytes += call.in[i] ? tensor_bytes(call.in[i]) : 0;
	from = calloc(1, bytes / 2);
	to = calloc(1, bytes / 2);
	call.workspace_bytes = group_norm_workspace(&call);
	call.workspace = calloc(1, call.workspace_bytes + 1);
	end = clock_s() + 1;
	do {
		copy = fmin(copy, copy_seconds(to, from, bytes / 2));
		best = fmin(best, call_seconds((int)level, &call));
	} while (clock_s() < end);
	printf("%-18s %s %-20s %6.2f ms %5.1f GB/s, copy %5.1f GB/s: %.2f\n", what,
	       dtype_name(call.in[0]->dtype), tensor_shape(call.in[0], shape, sizeof shape),
	       1e3 * best, 1e-9 * (double)bytes / best, 1e-9 * (double)bytes / copy, copy / best);
	free(from);
	free(to);
	free(call.workspace);
	free_case();
}

/* The level that `--bench [LEVEL]` names: the machine's best without one. */
static inline enum isa bench_level(int argc, char **argv)
{
	enum isa level = isa_machine() < ISA_BF16 ? isa_machine() : ISA_BF16;
	struct err e = { 0 };

	if (argc > 2 && isa_parse(argv[2], &level, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		exit(2);
	}
	return level;
}

static inline void report_levels(void)
{
	for (int level = 0; level < LEVELS; level++)
		if (level > (int)isa_machine())
			printf("level %s: not available on this machine, skipped\n",
			       isa_name((enum isa)level));
}

#endif
