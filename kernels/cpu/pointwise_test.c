/* SPDX-License-Identifier: MIT
 *
 * Pointwise ops at every level against ref (see simd_check.h), activations by sweeps over all
 * magnitudes against fp64, conversions to the bit. `pointwise_test --bench` prints bandwidths.
 */
#include <float.h>

#include "simd_check.h"

static const int64_t sizes[] = { 1, 3, 15, 16, 17, 33, 20000 };

static void test_binary(enum op op, enum dtype x, enum dtype y, enum dtype out, int64_t n)
{
	struct op_call call = { .op = op };

	if (op == OP_AXPBY) {
		call.attr.axpby.a = 0.75f;
		call.attr.axpby.b = -1.5f;
	}
	call.in[0] = randoms(x, 0, 1, DIMS(1, n));
	call.in[1] = randoms(y, 0, 1, DIMS(1, n));
	/* the two products may cancel: absolute to their size */
	check_shaped(op_table[op].name, call, call.in[0], out, 0, op == OP_AXPBY ? 1e-6 : 0);
}

static void test_broadcast(int64_t cols, enum dtype x, enum dtype y)
{
	struct op_call channel = { .op = OP_ADD_CHANNEL }, rows = { .op = OP_ADD_ROWS };

	channel.in[0] = randoms(x, 0, 1, DIMS(2, 3, 7, cols));
	channel.in[1] = randoms(y, 0, 1, DIMS(2, cols));
	check("add_channel", channel, 0, 0);
	rows.in[0] = randoms(x, 0, 1, DIMS(2, 5, cols));
	rows.in[1] = randoms(y, 0, 1, DIMS(5, cols));
	check("add_rows", rows, 0, 0);
}

static void test_unary(enum dtype t, int64_t n)
{
	struct op_call clamp = { .op = OP_CLAMP, .attr.clamp = { 0.5f, 0.5f, 0, 1 } };
	struct op_call cast = { .op = OP_CAST }, geglu = { .op = OP_GEGLU };
	struct tensor half = { .ndim = 2, .dim = { 3, n } };

	clamp.in[0] = randoms(t, 0, 2, DIMS(1, n));
	check("clamp", clamp, 0, 1e-7);
	for (enum dtype to = DT_F32; to <= DT_BF16; to++) {
		cast.in[0] = randoms(t, 0, 2, DIMS(n));
		check_shaped("cast", cast, cast.in[0], to, 0, 0);
	}
	geglu.in[0] = randoms(t, 0, 2, DIMS(3, 2 * n));
	check_shaped("geglu", geglu, &half, t, t == DT_BF16 ? ROUGH : 2e-6, 1e-9);
}

/* The result may lie on either operand, NaN and infinity go through, and clamp lets NaN stay. */
static void test_in_place(enum op op, enum dtype t, int onto)
{
	struct op_call call = { .op = op, .attr.axpby = { 0.5f, -2 } };
	float odd[] = { NAN, INFINITY, -INFINITY };
	struct tensor *copy, *want;

	if (op == OP_CLAMP)
		call.attr.clamp.lo = -1, call.attr.clamp.hi = 1;
	call.in[0] = randoms(t, 0, 1, DIMS(37));
	for (int i = 0; i < 3; i++)
		if (t == DT_F32)
			((float *)call.in[0]->data)[15 + i] = odd[i];
		else
			((uint16_t *)call.in[0]->data)[15 + i] = f32_to_bf16(odd[i]);
	call.in[1] = op == OP_CLAMP ? NULL : randoms(t, 0, 1, DIMS(37));
	copy = make(t, DIMS(37));
	want = call.out[0] = make(DT_F32, DIMS(37));
	backend_ref.run[op](&backend_ref, NULL, &call);
	memcpy(copy->data, call.in[onto]->data, tensor_bytes(copy));
	for (int level = 0; level < LEVELS && level <= (int)isa_machine(); level++) {
		memcpy(call.in[onto]->data, copy->data, tensor_bytes(copy));
		call.out[0] = call.in[onto];
		run_at(level, &call);
		compare(op_table[op].name, level, call.out[0], want, 0, 1e-6);
	}
	free_case();
}

static void test_pointwise(void)
{
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		for (int m = 0; m < 8; m++) {
			enum dtype x = m & 1 ? DT_BF16 : DT_F32, y = m & 2 ? DT_BF16 : DT_F32;
			enum dtype out = m & 4 ? DT_BF16 : DT_F32;

			test_binary(OP_ADD, x, y, out, sizes[i]);
			test_binary(OP_AXPBY, x, y, out, sizes[i]);
			if (m < 4)
				test_broadcast(sizes[i] % 1001, x, y);
		}
		test_unary(DT_F32, sizes[i]);
		test_unary(DT_BF16, sizes[i]);
	}
	for (enum dtype t = DT_F32; t <= DT_BF16; t++) {
		for (int onto = 0; onto < 2; onto++) {
			test_in_place(OP_ADD, t, onto);
			test_in_place(OP_AXPBY, t, onto);
		}
		test_in_place(OP_CLAMP, t, 0);
	}
}

/* ---- activations: sweeps --------------------------------------------------------------------- */

static double exact_act(enum act act, double x)
{
	switch (act) {
	case ACT_SILU:
		return x / (1 + exp(-x));
	case ACT_GELU:
		return x * erfc(-x * M_SQRT1_2) / 2;
	case ACT_GELU_TANH:
		return x / (1 + exp(-2 * M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x)));
	case ACT_QUICK_GELU:
		return x / (1 + exp(-1.702 * x));
	default:
		return x;
	}
}

/* Largest relative error, before the rounding to storage of so many bits, of results that are
 * normal numbers; the others must be zero, infinite or NaN as they should. Rounding of an exponent
 * u costs |u| 2^-24 for each step that formed it: taken off where it is not compensated. */
static double worst_error(enum act act, const float *x, const float *y, int64_t n, int bits,
			  double per_exponent)
{
	double worst = 0;

	for (int64_t i = 0; i < n; i++) {
		double want = exact_act(act, (double)x[i]), error;
		double exponent = want == 0 ? 0 : fabs(log(fabs(want / (double)x[i])));

		if (fabs(want) >= 1e-36 && fabs(want) < 3.38e38) {
			error = fabs((double)y[i] - want) - ldexp(1, ilogb(want) - bits);
			error = error / fabs(want) - per_exponent * exponent;
			worst = error > worst ? error : worst;
		} else if (isnan(want) != isnan(y[i]) || (fabs(want) < 1 && fabsf(y[i]) > 2e-36f) ||
			   (isinf(want) && !isinf(y[i]))) {
			return INFINITY;
		}
	}
	return worst;
}

enum { SWEEP = 1 << 19 };

/* Every 2^13th fp32 number, infinities and NaN among them; all bf16 numbers are among these. */
static void test_sweep(int level, enum act act)
{
	static float x[SWEEP], y[SWEEP];
	static uint16_t h[SWEEP];
	int64_t dim[] = { SWEEP };
	struct tensor in = { .ndim = 1, .dim = { dim[0] }, .dtype = DT_F32, .data = x };
	struct tensor full = in, small = in;
	struct op_call call = { .op = OP_ACTIVATION, .attr.act.act = act, .in = { &in } };
	double error, rough;

	for (uint32_t i = 0; i < SWEEP; i++) {
		uint32_t bits = i << 13 | (i & 7) << 10;
		memcpy(&x[i], &bits, sizeof bits);
	}
	full.data = y;
	call.out[0] = &full;
	run_at(level, &call);
	error = worst_error(act, x, y, SWEEP, 24, act == ACT_GELU ? 0 : 3 * HALF_ULP_F32);
	CHECK(error <= 6e-7, "%s at %s: relative error %.3g", act_name(act),
	      isa_name((enum isa)level), error);
	small.data = h;
	small.dtype = DT_BF16;
	call.out[0] = &small;
	run_at(level, &call);
	for (int i = 0; i < SWEEP; i++)
		y[i] = bf16_to_f32(h[i]);
	rough = worst_error(act, x, y, SWEEP, 8, 3 * HALF_ULP_F32);
	CHECK(rough <= (act == ACT_NONE ? 0 : ROUGH), "%s to bf16 at %s: relative error %.3g",
	      act_name(act), isa_name((enum isa)level), rough);
	printf("%-10s %-6s relative error %.1e in fp32, %.1e in bf16\n", act_name(act),
	       isa_name((enum isa)level), error, rough);
}

/* All bf16 numbers and the fp32 numbers halfway between them, NaN included: to the bit. */
static void test_cast_bits(int level)
{
	static float x[1 << 17];
	static uint16_t h[1 << 17];
	struct tensor in = { .ndim = 1, .dim = { 1 << 17 }, .dtype = DT_F32, .data = x };
	struct tensor out = { .ndim = 1, .dim = { 1 << 17 }, .dtype = DT_BF16, .data = h };
	struct op_call call = { .op = OP_CAST, .in = { &in }, .out = { &out } };
	int bad = 0;

	for (uint32_t i = 0; i < 1 << 17; i++) {
		uint32_t bits = i << 15;
		memcpy(&x[i], &bits, sizeof bits);
	}
	run_at(level, &call);
	for (int i = 0; i < 1 << 17; i++) {
		bool denormal = fabsf(x[i]) < FLT_MIN;
		bad += denormal ? fabsf(bf16_to_f32(h[i])) > FLT_MIN : h[i] != f32_to_bf16(x[i]);
	}
	CHECK(bad == 0, "%d of all bf16 conversions differ at %s", bad, isa_name((enum isa)level));
}

static void test_sweeps(void)
{
	for (int level = 0; level < LEVELS && level <= (int)isa_machine(); level++) {
		for (enum act act = ACT_NONE; act <= ACT_QUICK_GELU; act++)
			test_sweep(level, act);
		test_cast_bits(level);
	}
}

/* ---- bandwidth ------------------------------------------------------------------------------- */

static void bench_op(enum isa level, enum op op, union op_attr attr, enum dtype to, int ndim,
		     const int64_t *dim)
{
	struct op_call call = { .op = op, .attr = attr };
	int64_t half[TENSOR_DIMS];

	memcpy(half, dim, (size_t)ndim * sizeof *dim);
	half[ndim - 1] /= op == OP_GEGLU ? 2 : 1;
	call.in[0] = randoms(DT_BF16, 0, 1, ndim, dim);
	if (op == OP_ADD || op == OP_AXPBY)
		call.in[1] = randoms(DT_BF16, 0, 1, ndim, dim);
	call.out[0] = make(to, ndim, half);
	bench_call(level, op_table[op].name, call);
}

static int bench(enum isa level)
{
	union op_attr none = { 0 }, silu = { .act.act = ACT_SILU }, gelu = { .act.act = ACT_GELU };

	bench_op(level, OP_GEGLU, none, DT_BF16, DIMS(2, 1024, 10240));
	bench_op(level, OP_GEGLU, none, DT_BF16, DIMS(2, 4096, 5120));
	bench_op(level, OP_ACTIVATION, silu, DT_BF16, DIMS(2, 128, 128, 640));
	bench_op(level, OP_ACTIVATION, gelu, DT_BF16, DIMS(2, 128, 128, 640));
	bench_op(level, OP_ADD, none, DT_BF16, DIMS(2, 128, 128, 640));
	bench_op(level, OP_CAST, none, DT_F32, DIMS(2, 128, 128, 640));
	bench_op(level, OP_ADD, none, DT_BF16, DIMS(1, 1024, 1024, 256));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--bench") == 0)
		return bench(bench_level(argc, argv));
	report_levels();
	test_pointwise();
	test_sweeps();
	return test_end();
}
