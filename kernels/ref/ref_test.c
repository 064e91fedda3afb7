/* SPDX-License-Identifier: MIT
 *
 * The ref backend against numbers worked out by hand or by independent formulas, each op in fp32,
 * and against its own fp32 result in bf16.
 */
#include <stdlib.h>

#include "ctx.h"
#include "test.h"

static struct ctx *ctx;

#define DIMS(...) (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / 8), (int64_t[]){ __VA_ARGS__ }
#define F32(values, ...) input_f32(ctx, DIMS(__VA_ARGS__), values)

/* Every value of y, fp32 or bf16, within tolerance of want. */
static void check_values(const char *what, const struct tensor *y, const float *want,
			 double tolerance)
{
	int64_t n = tensor_elems(y);
	float *got = malloc((size_t)n * sizeof *got);

	tensor_to_f32(y, got);
	for (int64_t i = 0; i < n; i++)
		CHECK(fabs((double)got[i] - (double)want[i]) <= tolerance,
		      "%s[%d]: got %.9g, want %.9g", what, (int)i, got[i], want[i]);
	free(got);
}

static struct tensor *ramp(float first, float step, int ndim, const int64_t *dim)
{
	struct tensor shape = { .ndim = ndim, .dtype = DT_F32 };
	struct tensor *t;
	float *v;

	memcpy(shape.dim, dim, (size_t)ndim * sizeof *dim);
	v = malloc(tensor_bytes(&shape));
	for (int64_t i = 0; i < tensor_elems(&shape); i++)
		v[i] = first + step * (float)i;
	t = input_f32(ctx, ndim, dim, v);
	free(v);
	return t;
}

static void test_linear(void)
{
	float x[] = { 1, 2, 3, -1, 0, 1 }, w[] = { 1, 0, 2, -1, 1, 1, 2, 2, 2, 0.5f, 0, 0 };
	float bias[] = { 10, 20, 30, 40 }, residual[] = { 1, 1, 1, 1, -1, -1, -1, -1 };
	struct tensor *tx = F32(x, 2, 3), *tw = F32(w, 4, 3), *tb = F32(bias, 4);
	float plain[] = { 7, 4, 12, 0.5f, 1, 2, 0, -0.5f };
	float full[8], geglu[4];
	struct tensor *y;

	check_values("linear", op_linear(ctx, tx, tw, NULL, ACT_NONE, NULL), plain, 1e-6);
	for (int i = 0; i < 8; i++) {
		double v = plain[i] + bias[i % 4];
		full[i] = (float)(v / (1 + exp(-v)) + residual[i]);
	}
	y = op_linear(ctx, tx, tw, tb, ACT_SILU, F32(residual, 2, 4));
	check_values("linear silu", y, full, 1e-5);
	for (int i = 0; i < 4; i++) {
		double u = plain[i / 2 * 4 + i % 2], g = plain[i / 2 * 4 + 2 + i % 2];
		geglu[i] = (float)(u * g * (1 + erf(g / sqrt(2))) / 2);
	}
	y = op_linear(ctx, tx, tw, NULL, ACT_GEGLU, NULL);
	check_values("linear geglu", y, geglu, 1e-5);
	CHECK_INT(y->dim[1], 2);
}

/* An image of ones under a kernel of ones counts the taps inside the image. */
static void test_conv2d(void)
{
	float ones[12] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, two[] = { 5, 7 }, r[8];
	float taps[] = { 4, 6, 4, 6, 9, 6, 4, 6, 4 };
	/* one input channel 0..11 as 3x4, weights pick the pixel above left and the pixel itself */
	float picks[] = { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0 };
	struct tensor *w = F32(ones, 1, 1, 3, 3), *y;
	struct conv_attr same = { 3, 3, 1, 1, 1, 1, 1 }, half = { 3, 3, 2, 1, 1, 1, 1 };

	check_values("conv taps", op_conv2d(ctx, F32(ones, 1, 3, 3, 1), w, NULL, same, NULL, NULL),
		     taps, 0);
	for (int i = 0; i < 8; i++)
		r[i] = i % 2 ? (float)i : 0;
	y = op_conv2d(ctx, ramp(0, 1, DIMS(1, 3, 4, 1)), F32(picks, 2, 1, 3, 3), F32(two, 2), half,
		      F32(ones, 1, 2), F32(r, 1, 2, 2, 2));
	CHECK_INT(y->dim[1], 2);
	CHECK_INT(y->dim[3], 2);
	/* bias + channel bias 6 and 8; above left of (0,0) (0,2) (2,0) is outside, of (2,2) is 5 */
	float want[] = { 6, 8 + 1, 6, 10 + 3, 6, 16 + 5, 11, 18 + 7 };
	check_values("conv stride 2", y, want, 0);
}

static void test_padding_is_four_numbers(void)
{
	float one[] = { 1 };
	struct conv_attr a = { 1, 1, 1, 1, 0, 0, 2 };
	float want[] = { 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0 };

	check_values("conv padding",
		     op_conv2d(ctx, ramp(1, 1, DIMS(1, 2, 2, 1)), F32(one, 1, 1, 1, 1), NULL, a,
			       NULL, NULL),
		     want, 0);
}

/* Equal scores average the values; a large score picks one; the causal mask hides later keys. */
static void test_attention(void)
{
	float zero[8] = { 0 }, v[] = { 1, 10, 3, 30, 5, 50, 7, 70 }, average[] = { 4, 40 };
	float causal[] = { 1, 10, 2, 20, 3, 30, 4, 40 };
	float q[] = { 1, -1 }, k[] = { 0, 0, 50, 0, 0, 50, 0, 0 }, picked[] = { 3, 30 };
	float head2[] = { 3, 40 - 80.0f / 3 };

	check_values("mean", op_attention(ctx, F32(zero, 1, 1, 2), F32(zero, 1, 4, 2),
					  F32(v, 1, 4, 2), 1, 1, false), average, 1e-5);
	check_values("causal", op_attention(ctx, F32(zero, 1, 4, 2), F32(zero, 1, 4, 2),
					    F32(v, 1, 4, 2), 1, 1, true), causal, 1e-5);
	check_values("pick", op_attention(ctx, F32(q, 1, 1, 2), F32(k, 1, 4, 2), F32(v, 1, 4, 2), 1,
					  2, false), picked, 1e-5);
	/* two heads of width 1: the second one's query is -1, so key 2 (score -50) is left out */
	head2[1] = (10 + 30 + 70) / 3.0f;
	check_values("heads", op_attention(ctx, F32(q, 1, 1, 2), F32(k, 1, 4, 2),
					   F32(v, 1, 4, 2), 2, 1, false), head2, 1e-5);
}

static void test_softmax(void)
{
	float x[] = { 0, logf(3), 1000, 1000, -1000, -1000 + logf(4) };
	float want[] = { 0.25f, 0.75f, 0.5f, 0.5f, 0.2f, 0.8f };

	check_values("softmax", op_softmax(ctx, F32(x, 3, 2)), want, 1e-5);
}

static void test_group_norm(void)
{
	float scale[] = { 1, 2, 3, 4 }, shift[] = { 0, 0, 1, 1 }, want[8];
	/* [1,1,2,4], two groups: {0,1,4,5} mean 2.5, {2,3,6,7} mean 4.5; both variance 17/4 */
	struct tensor *x = ramp(0, 1, DIMS(1, 1, 2, 4)), *w = F32(scale, 4), *b = F32(shift, 4), *m;
	double inverse = 1 / sqrt(17 / 4.0 + 0.5);
	float stats[] = { 4, 2.5f, 17, 4, 4.5f, 17 };

	for (int i = 0; i < 8; i++) {
		double v = (i - (i % 4 < 2 ? 2.5 : 4.5)) * inverse * scale[i % 4] + shift[i % 4];
		want[i] = (float)(v / (1 + exp(-v)));
	}
	check_values("group_norm", op_group_norm(ctx, x, w, b, 2, 0.5f, ACT_SILU), want, 1e-6);
	m = op_group_norm_moments(ctx, x, 2);
	check_values("moments", m, stats, 1e-6);
	check_values("apply", op_group_norm_apply(ctx, x, w, b, m, 2, 0.5f, ACT_SILU), want, 1e-6);
}

static void test_layer_norm(void)
{
	float scale[] = { 1, 2, 3 }, shift[] = { 0, 1, 2 };
	float unit = (float)(1 / sqrt(2 / 3.0 + 1)), want[6], plain[6];

	for (int i = 0; i < 6; i++) {
		plain[i] = (float)(i % 3 - 1) * unit;
		want[i] = plain[i] * scale[i % 3] + shift[i % 3];
	}
	check_values("layer_norm", op_layer_norm(ctx, ramp(5, 1, DIMS(2, 3)), F32(scale, 3),
						 F32(shift, 3), 1), want, 1e-6);
	check_values("layer_norm plain", op_layer_norm(ctx, ramp(5, 1, DIMS(2, 3)), NULL, NULL, 1),
		     plain, 1e-6);
}

static void test_activations(void)
{
	/* values at 1 and -2, from tables of the logistic, normal and tanh functions */
	float x[] = { 1, -2 };
	const struct { enum act act; float want[2]; } t[] = {
		{ ACT_NONE, { 1, -2 } },
		{ ACT_SILU, { 0.7310586f, -0.2384058f } },
		{ ACT_GELU, { 0.8413447f, -0.0455003f } },
		{ ACT_GELU_TANH, { 0.8411920f, -0.0454023f } },
		{ ACT_QUICK_GELU, { 0.8457958f, -0.0643414f } },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		check_values(act_name(t[i].act), op_activation(ctx, F32(x, 2), t[i].act), t[i].want,
			     2e-7);
}

/* Relative accuracy far below zero: x Phi(x) at -8, from a table of the normal distribution. */
static void test_gelu_tail(void)
{
	float x[] = { -8 }, want[] = { -4.976768e-15f };

	check_values("gelu(-8)", op_activation(ctx, F32(x, 1), ACT_GELU), want, 1e-20);
}

static void test_pointwise(void)
{
	float add[] = { 10, 12, 14, 16 }, channel[] = { 0, 11, 2, 13, 24, 35, 26, 37 };
	float per[] = { 0, 10, 20, 30 }, axpby[] = { -10, -9, -8, -7 };
	float rows[] = { 0, 11, 22, 33, 4, 15, 26, 37 }, clamped[] = { -1, 0, 0.5f, 0.5f };
	struct tensor *x = ramp(0, 1, DIMS(2, 2)), *y = ramp(10, 1, DIMS(2, 2)), *into;
	struct tensor *big = ramp(0, 1, DIMS(2, 2, 2));

	check_values("add", op_add(ctx, x, y), add, 0);
	check_values("add_channel", op_add_channel(ctx, big, F32(per, 2, 2)), channel, 0);
	check_values("add_rows", op_add_rows(ctx, big, F32(per, 2, 2)), rows, 0);
	check_values("clamp", op_clamp(ctx, x, 1, -1, -2, 0.5f), clamped, 0);
	into = op_axpby(ctx, 2, x, -1, y, x);
	CHECK(into == x, "the result is not where it was asked for");
	check_values("axpby", x, axpby, 0);
}

static void test_storage(void)
{
	float x[] = { 1.00390625f, 1.01171875f, -3e38f, 0.1f }; /* two ties between bf16 values */
	float rounded[] = { 1.0f, 1.015625f, -3.004055e38f, 0.10009765625f };
	struct tensor *h = op_cast(ctx, F32(x, 4), DT_BF16, NULL), *f, *sum;
	float mixed[] = { 2.00390625f, 2.02734375f, 0, 0.2000977f };
	int32_t whole[] = { -7, 0, 16777217 }; /* the last one is rounded to even */
	float want[] = { -7, 0, 16777216 };

	check_values("cast from i32", op_cast(ctx, input_i32(ctx, DIMS(3), whole), DT_F32, NULL),
		     want, 0);
	CHECK_INT(h->dtype, DT_BF16);
	f = op_cast(ctx, h, DT_F32, NULL);
	check_values("cast", f, rounded, 1e32);
	CHECK_NEAR(((float *)f->data)[1], 1.015625, 0);
	CHECK_NEAR(((float *)f->data)[0], 1, 0);
	x[2] = 2.9907e38f;
	sum = op_axpby(ctx, 1, F32(x, 4), 1, h, NULL);
	CHECK_INT(sum->dtype, DT_F32);
	mixed[2] = x[2] + ((float *)f->data)[2];
	check_values("mixed axpby", sum, mixed, 1e-7);
}

static void test_layout(void)
{
	float a[] = { 0, 1, 10, 11, 2, 3, 12, 13 }, b[] = { 0, 1, 2, 3, 10, 11, 12, 13 };
	float mid[] = { 2, 3, 6, 7 }, up[] = { 0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3 };
	float looked_up[] = { 4, 5, 0, 1 }, gathered[] = { 2, 3, 4, 5 };
	int32_t ids[] = { 2, 0 }, index[] = { 1, 0 };
	struct tensor *x = ramp(0, 1, DIMS(2, 2)), *y = ramp(10, 1, DIMS(2, 2)), *v;

	check_values("concat 1", op_concat(ctx, x, y, 1), a, 0);
	check_values("concat 0", op_concat(ctx, x, y, 0), b, 0);
	check_values("slice", op_slice(ctx, ramp(0, 1, DIMS(2, 2, 2)), 1, 1, 1), mid, 0);
	check_values("upsample", op_upsample(ctx, ramp(0, 1, DIMS(1, 2, 2, 1))), up, 0);
	check_values("embed",
		     op_embed(ctx, input_i32(ctx, DIMS(1, 2), ids), ramp(0, 1, DIMS(3, 2))),
		     looked_up, 0);
	check_values("gather_rows", op_gather_rows(ctx, ramp(0, 1, DIMS(2, 2, 2)),
						   input_i32(ctx, DIMS(2), index)), gathered, 0);
	v = op_view(ctx, x, DIMS(4, 1));
	CHECK(v->data == x->data && v->dim[0] == 4, "a view moved the bytes");
}

static void test_timestep(void)
{
	float t[] = { 999, 0 }, want[8];

	for (int m = 0; m < 2; m++)
		for (int i = 0; i < 2; i++) {
			float angle = t[m] * (float)(i ? 0.01 : 1);
			want[4 * m + i] = (float)cos(angle);
			want[4 * m + 2 + i] = (float)sin(angle);
		}
	check_values("timestep", op_timestep_embed(ctx, F32(t, 2), 4, true, 0), want, 1e-5);
}

/* With inputs that are bf16 values already, only the final rounding may differ. */
static void test_bf16_rounds_once(void)
{
	struct tensor *x = op_cast(ctx, ramp(-1, 0.0625f, DIMS(1, 6, 6, 4)), DT_BF16, NULL);
	struct tensor *w = op_cast(ctx, ramp(-0.5f, 0.03125f, DIMS(8, 4, 3, 3)), DT_BF16, NULL);
	struct conv_attr a = { 3, 3, 1, 1, 1, 1, 1 };
	struct tensor *low = op_conv2d(ctx, x, w, NULL, a, NULL, NULL);
	struct tensor *high = op_conv2d(ctx, op_cast(ctx, x, DT_F32, NULL),
					op_cast(ctx, w, DT_F32, NULL), NULL, a, NULL, NULL);
	float want[6 * 6 * 8];

	for (int i = 0; i < 6 * 6 * 8; i++)
		want[i] = bf16_to_f32(f32_to_bf16(((float *)high->data)[i]));
	CHECK_INT(low->dtype, DT_BF16);
	check_values("bf16", low, want, 0);
}

int main(void)
{
	struct weights *w = weights_new(1);

	ctx = ctx_new(&backend_ref, DT_F32, w);
	ctx_step_begin(ctx, PASS_RUN, NULL);
	test_linear();
	test_conv2d();
	test_padding_is_four_numbers();
	test_attention();
	test_softmax();
	test_group_norm();
	test_layer_norm();
	test_activations();
	test_gelu_tail();
	test_pointwise();
	test_storage();
	test_layout();
	test_timestep();
	test_bf16_rounds_once();
	CHECK(ctx_step_end(ctx) == 0, "%s", ctx->err.msg);
	ctx_free(ctx);
	weights_free(w);
	return test_end();
}
