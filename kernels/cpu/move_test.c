/* SPDX-License-Identifier: MIT
 *
 * Ops that move bytes, and the embedding of times, against ref (see simd_check.h): the same bits.
 */
#include "simd_check.h"

static struct tensor shaped(int ndim, const int64_t *dim)
{
	struct tensor t = { .ndim = ndim };

	memcpy(t.dim, dim, (size_t)ndim * sizeof *dim);
	return t;
}

/* A tensor [2,3,5,C] is joined with one that differs along the axis, and cut along it. */
static void test_concat_slice(enum dtype t, int axis, int64_t cols)
{
	struct op_call concat = { .op = OP_CONCAT, .attr.slice.axis = axis };
	struct op_call slice = { .op = OP_SLICE, .attr.slice = { axis, 1, 0 } };
	int64_t x[] = { 2, 3, 5, cols }, y[] = { 2, 3, 5, cols }, sum[] = { 2, 3, 5, cols };
	struct tensor shape;

	y[axis] = 2 * x[axis] + 1;
	sum[axis] = x[axis] + y[axis];
	shape = shaped(4, sum);
	concat.in[0] = randoms(t, 0, 1, 4, x);
	concat.in[1] = randoms(t, 0, 1, 4, y);
	check_shaped("concat", concat, &shape, t, EXACT, 0);
	slice.in[0] = randoms(t, 0, 1, 4, sum);
	slice.attr.slice.len = y[axis];
	shape = shaped(4, y);
	check_shaped("slice", slice, &shape, t, EXACT, 0);
}

static void test_upsample(enum dtype t, int64_t height, int64_t width, int64_t cols)
{
	struct op_call call = { .op = OP_UPSAMPLE };
	struct tensor shape = shaped(4, (int64_t[]){ 2, 2 * height, 2 * width, cols });

	call.in[0] = randoms(t, 0, 1, DIMS(2, height, width, cols));
	check_shaped("upsample", call, &shape, t, EXACT, 0);
}

static void test_look_ups(enum dtype t, int64_t cols)
{
	struct op_call embed = { .op = OP_EMBED }, gather = { .op = OP_GATHER_ROWS };
	struct tensor words = shaped(3, (int64_t[]){ 2, 3, cols });
	struct tensor rows = shaped(2, (int64_t[]){ 3, cols });

	embed.in[0] = make(DT_I32, DIMS(2, 3));
	memcpy(embed.in[0]->data, (int32_t[]){ 0, 6, 3, 3, 6, 1 }, 24);
	embed.in[1] = randoms(t, 0, 1, DIMS(7, cols));
	check_shaped("embed", embed, &words, t, EXACT, 0);
	gather.in[0] = randoms(t, 0, 1, DIMS(3, 5, cols));
	gather.in[1] = make(DT_I32, DIMS(3));
	memcpy(gather.in[1]->data, (int32_t[]){ 4, 0, 2 }, 12);
	check_shaped("gather_rows", gather, &rows, t, EXACT, 0);
}

/* fp32 sines of the same fp32 angles: the last place of sinf and cosf. */
static void test_timestep_embed(int64_t width, bool cos_first, float shift)
{
	struct op_call call = { .op = OP_TIMESTEP_EMBED,
				.attr.timestep = { width, cos_first, shift } };
	struct tensor shape = shaped(2, (int64_t[]){ 3, width });

	call.in[0] = make(DT_F32, DIMS(3));
	memcpy(call.in[0]->data, (float[]){ 0, 981, 0.5f }, 12);
	check_shaped("timestep_embed", call, &shape, DT_F32, 1e-7, 1e-7);
}

/* A cast of integers, which ref does not read. */
static void test_cast_i32(void)
{
	int32_t x[37];
	float y[37];
	struct tensor in = { .ndim = 1, .dim = { 37 }, .dtype = DT_I32, .data = x };
	struct tensor out = { .ndim = 1, .dim = { 37 }, .dtype = DT_F32, .data = y };
	struct op_call call = { .op = OP_CAST, .in = { &in }, .out = { &out } };

	for (int i = 0; i < 37; i++)
		x[i] = (i - 18) * 100003;
	for (int level = 0; level < LEVELS && level <= (int)isa_machine(); level++) {
		memset(y, 0, sizeof y);
		run_at(level, &call);
		for (int i = 0; i < 37; i++)
			CHECK(y[i] == (float)x[i], "%d became %.9g", x[i], (double)y[i]);
	}
}

int main(void)
{
	report_levels();
	for (enum dtype t = DT_F32; t <= DT_BF16; t++) {
		for (int axis = 0; axis < 4; axis++) {
			test_concat_slice(t, axis, 1);
			test_concat_slice(t, axis, 33);
			test_concat_slice(t, axis, 4321);
		}
		test_upsample(t, 1, 1, 1);
		test_upsample(t, 3, 5, 3);
		test_upsample(t, 16, 8, 64);
		test_look_ups(t, 1);
		test_look_ups(t, 5000);
	}
	test_timestep_embed(2, false, 0);
	test_timestep_embed(320, true, 0);
	test_timestep_embed(256, false, 1);
	test_cast_i32();
	return test_end();
}
