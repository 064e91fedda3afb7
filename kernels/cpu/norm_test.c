/* SPDX-License-Identifier: MIT
 *
 * Group norm, layer norm and softmax at every level against ref (see simd_check.h).
 * `norm_test --bench` prints bandwidths at shapes of SDXL.
 */
#include "simd_check.h"

struct norm_case {
	int64_t dim[4];
	int ndim, groups;
	float mean; /* of values with deviation 1 */
};

static const struct norm_case group_cases[] = {
	{ { 1, 1, 1, 1 }, 4, 1, 0 },     { { 2, 3, 5, 3 }, 4, 1, 0 },
	{ { 2, 3, 5, 3 }, 4, 3, 0 },     { { 1, 7, 9, 33 }, 4, 3, 0 },
	{ { 1, 7, 9, 33 }, 4, 11, 1 },   { { 2, 8, 8, 320 }, 4, 32, 0 },
	{ { 1, 40, 40, 5 }, 4, 5, 3 },   { { 1, 300, 7, 16 }, 4, 4, -2 },
	{ { 2, 17, 33, 64 }, 4, 32, 0 }, { { 2, 77, 48 }, 3, 4, 0 },
	{ { 3, 1, 40 }, 3, 8, 0 },       { { 1, 130, 130, 8 }, 4, 2, 0 },
};

/* Norms add the rounding of sums, factors and the affine map: a few fp32 steps relative to the
 * normalised value, of order 1 (absolute), and the same relative to a scale near 1. */
static double norm_tolerance(enum dtype dtype, enum act act)
{
	return 2e-6 + (dtype == DT_BF16 && act != ACT_NONE ? ROUGH : 0);
}

static void test_group_norm(const struct norm_case *n, enum dtype dtype, enum act act, bool affine)
{
	int64_t channels = n->dim[n->ndim - 1];
	double tolerance = norm_tolerance(dtype, act);
	struct op_call call = { .op = OP_GROUP_NORM, .attr.norm = { n->groups, 1e-5f, act } };

	call.in[0] = randoms(dtype, n->mean, 1, n->ndim, n->dim);
	if (affine) {
		call.in[1] = randoms(DT_F32, 1, 0.3f, DIMS(channels));
		call.in[2] = randoms(act == ACT_NONE ? DT_BF16 : DT_F32, 0, 0.3f, DIMS(channels));
	}
	check("group_norm", call, tolerance, tolerance);
}

/* The halves: moments, then normalisation with the moments that ref finds. */
static void test_group_norm_halves(const struct norm_case *n, enum dtype dtype)
{
	int64_t channels = n->dim[n->ndim - 1], groups = n->groups;
	struct op_call moments = { .op = OP_GROUP_NORM_MOMENTS, .attr.norm.groups = n->groups };
	struct op_call call = { .op = OP_GROUP_NORM_APPLY,
				.attr.norm = { n->groups, 1e-5f, ACT_SILU } };
	struct tensor shape = { .ndim = 3, .dim = { n->dim[0], groups, 3 } };

	moments.in[0] = randoms(dtype, n->mean, 1, n->ndim, n->dim);
	check_shaped("group_norm_moments", moments, &shape, DT_F32, 2e-6, 2e-7);
	moments.in[0] = call.in[0] = randoms(dtype, n->mean, 1, n->ndim, n->dim);
	call.in[1] = randoms(DT_F32, 1, 0.3f, DIMS(channels));
	call.in[2] = randoms(DT_F32, 0, 0.3f, DIMS(channels));
	moments.out[0] = call.in[3] = make(DT_F32, 3, shape.dim);
	backend_ref.run[OP_GROUP_NORM_MOMENTS](&backend_ref, NULL, &moments);
	check("group_norm_apply", call, norm_tolerance(dtype, ACT_SILU),
	      norm_tolerance(dtype, ACT_SILU));
}

/* Deviation 1 about a mean of 10,000, and an input whose first rows say nothing about the rest. */
static void test_group_norm_hard(void)
{
	struct op_call call = { .op = OP_GROUP_NORM, .attr.norm = { 4, 1e-5f, ACT_NONE } };
	float *x;

	call.in[0] = randoms(DT_F32, 1e4f, 1, DIMS(2, 33, 17, 20));
	check("group_norm, mean 10,000", call, 2e-6, 2e-6);
	call.in[0] = randoms(DT_F32, 0, 1, DIMS(1, 33, 17, 20));
	x = call.in[0]->data;
	for (int i = 0; i < 8 * 20; i++)
		x[i] += 1e4f;
	/* the factor 33 of group_norm_simd.c, halved by the square root */
	check("group_norm, unlike first rows", call, 5e-6, 5e-6);
}

static void test_layer_norm(int64_t rows, int64_t cols, enum dtype dtype, bool affine, float mean)
{
	struct op_call call = { .op = OP_LAYER_NORM, .attr.norm = { 1, 1e-5f, ACT_NONE } };

	call.in[0] = randoms(dtype, mean, 1, DIMS(rows, cols));
	if (affine) {
		call.in[1] = randoms(DT_F32, 1, 0.3f, DIMS(cols));
		call.in[2] = randoms(DT_F32, 0, 0.3f, DIMS(cols));
	}
	check("layer_norm", call, 2e-6, 2e-6);
}

static void test_softmax(int64_t rows, int64_t cols, enum dtype dtype, float mean)
{
	struct op_call call = { .op = OP_SOFTMAX };

	/* x - max, at most about 70, is rounded: 70 * 2^-24 beside the error of the exponential;
	 * exp2_rough also rounds its product with log2(e) */
	call.in[0] = randoms(dtype, mean, 10, DIMS(rows, cols));
	check("softmax", call, dtype == DT_BF16 ? 1.3e-5 : 5e-6, 1e-37);
}

/* One NaN, then one infinity, spoils its group or row and nothing else. */
static void test_not_finite(enum op op, float odd)
{
	struct op_call call = { .op = op, .attr.norm = { 3, 1e-5f, ACT_NONE } };

	call.in[0] = randoms(DT_F32, 0, 1, DIMS(2, 50, 21));
	((float *)call.in[0]->data)[21 * 17 + 8] = odd;
	check(op_table[op].name, call, 2e-6, 2e-6);
}

static void test_norms(void)
{
	static const int64_t cols[] = { 1, 3, 5, 33, 64, 77, 640, 1280 };

	for (size_t i = 0; i < sizeof group_cases / sizeof *group_cases; i++)
		for (enum dtype t = DT_F32; t <= DT_BF16; t++) {
			test_group_norm(&group_cases[i], t, ACT_SILU, true);
			test_group_norm(&group_cases[i], t, ACT_NONE, i % 2);
			test_group_norm_halves(&group_cases[i], t);
		}
	test_group_norm_hard();
	for (int i = 0; i < 3; i++) {
		float odd = i == 0 ? NAN : i == 1 ? INFINITY : -INFINITY;

		test_not_finite(OP_GROUP_NORM, odd);
		test_not_finite(OP_LAYER_NORM, odd);
		test_not_finite(OP_SOFTMAX, odd);
	}
	for (size_t i = 0; i < sizeof cols / sizeof *cols; i++)
		for (enum dtype t = DT_F32; t <= DT_BF16; t++) {
			test_layer_norm(37, cols[i], t, true, 0);
			test_layer_norm(1, cols[i], t, false, 1);
			test_layer_norm(3, cols[i], t, true, t == DT_F32 ? 1e4f : 10);
			test_softmax(19, cols[i], t, 0);
			test_softmax(5, cols[i], t, -300); /* all far below zero */
		}
}

/* ---- bandwidth ------------------------------------------------------------------------------- */

static void bench_norm(enum isa level, enum op op, int groups, enum act act, int ndim,
		       const int64_t *dim)
{
	struct op_call call = { .op = op, .attr.norm = { groups, 1e-5f, act } };
	int64_t channels = dim[ndim - 1];

	call.in[0] = randoms(DT_BF16, 0, 1, ndim, dim);
	if (op != OP_SOFTMAX) {
		call.in[1] = randoms(DT_F32, 1, 0.3f, DIMS(channels));
		call.in[2] = randoms(DT_F32, 0, 0.3f, DIMS(channels));
	}
	call.out[0] = make(DT_BF16, ndim, dim);
	bench_call(level, op_table[op].name, call);
}

static int bench(enum isa level)
{
	bench_norm(level, OP_GROUP_NORM, 32, ACT_SILU, DIMS(2, 128, 128, 320));
	bench_norm(level, OP_GROUP_NORM, 32, ACT_NONE, DIMS(2, 64, 64, 640));
	bench_norm(level, OP_GROUP_NORM, 32, ACT_SILU, DIMS(2, 128, 128, 960));
	bench_norm(level, OP_GROUP_NORM, 32, ACT_SILU, DIMS(2, 32, 32, 2560));
	bench_norm(level, OP_GROUP_NORM, 32, ACT_SILU, DIMS(1, 1024, 1024, 128));
	bench_norm(level, OP_GROUP_NORM, 32, ACT_SILU, DIMS(1, 1024, 1024, 256));
	bench_norm(level, OP_LAYER_NORM, 1, ACT_NONE, DIMS(2, 4096, 640));
	bench_norm(level, OP_LAYER_NORM, 1, ACT_NONE, DIMS(2, 1024, 1280));
	bench_norm(level, OP_SOFTMAX, 1, ACT_NONE, DIMS(2, 4096, 1024));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--bench") == 0)
		return bench(bench_level(argc, argv));
	report_levels();
	test_norms();
	return test_end();
}
