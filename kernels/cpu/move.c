/* SPDX-License-Identifier: MIT
 *
 * Ops that only move bytes (concat, slice, upsample, look-ups), and the sinusoidal embedding of
 * times, a few hundred numbers. The C library's memcpy knows the machine, so these are the same on
 * every level. How to test: move_test.c.
 */
#include "move.h"

#include <math.h>
#include <string.h>

#include "err.h"

enum { PIECE_BYTES = 1 << 16 };

/* Bytes below one index of `axis`: indices along the axis lie that far apart. */
static int64_t axis_bytes(const struct tensor *t, int axis)
{
	int64_t n = (int64_t)dtype_bytes(t->dtype);

	for (int i = axis + 1; i < t->ndim; i++)
		n *= t->dim[i];
	return n;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Bytes [from, to) of the result, whose rows are a row of x, then a row of y. */
static void concat_piece(const struct op_call *call, int64_t from, int64_t to)
{
	const struct tensor *x = call->in[0], *y = call->in[1];
	int axis = call->attr.slice.axis;
	int64_t one = axis_bytes(x, axis);
	int64_t bytes_x = x->dim[axis] * one, bytes_y = y->dim[axis] * one;
	char *out = call->out[0]->data;

	while (from < to) {
		int64_t row = from / (bytes_x + bytes_y), at = from % (bytes_x + bytes_y), n;

		if (at < bytes_x) {
			n = smaller(bytes_x - at, to - from);
			memcpy(out + from, (char *)x->data + row * bytes_x + at, (size_t)n);
		} else {
			n = smaller(bytes_x + bytes_y - at, to - from);
			memcpy(out + from, (char *)y->data + row * bytes_y + at - bytes_x,
			       (size_t)n);
		}
		from += n;
	}
}

static void concat(const struct op_call *call)
{
	cpu_parallel(call, (int64_t)tensor_bytes(call->out[0]), PIECE_BYTES, concat_piece);
}

static void slice_piece(const struct op_call *call, int64_t from, int64_t to)
{
	const struct tensor *x = call->in[0];
	int axis = call->attr.slice.axis;
	int64_t one = axis_bytes(x, axis), bytes = call->attr.slice.len * one;
	const char *first = (const char *)x->data + call->attr.slice.start * one;
	char *out = call->out[0]->data;

	while (from < to) {
		int64_t row = from / bytes, at = from % bytes, n = smaller(bytes - at, to - from);

		memcpy(out + from, first + row * x->dim[axis] * one + at, (size_t)n);
		from += n;
	}
}

static void slice(const struct op_call *call)
{
	cpu_parallel(call, (int64_t)tensor_bytes(call->out[0]), PIECE_BYTES, slice_piece);
}

/* Rows of x [N*H, W, C]: each becomes two rows of the result, of pixels that come twice. */
static void upsample_piece(const struct op_call *call, int64_t from, int64_t to)
{
	const struct tensor *x = call->in[0];
	size_t pixel = (size_t)axis_bytes(x, 2), row = (size_t)x->dim[2] * pixel;

	for (int64_t i = from; i < to; i++) {
		const char *in = (const char *)x->data + (size_t)i * row;
		char *out = (char *)call->out[0]->data + (size_t)i * 4 * row;

		for (int64_t w = 0; w < x->dim[2]; w++, in += pixel, out += 2 * pixel) {
			memcpy(out, in, pixel);
			memcpy(out + pixel, in, pixel);
		}
		memcpy(out, out - 2 * row, 2 * row);
	}
}

static void upsample(const struct op_call *call)
{
	cpu_parallel(call, call->in[0]->dim[0] * call->in[0]->dim[1], 1, upsample_piece);
}

/* Row `row` of a table of `rows` rows becomes row i of the result. */
static void look_up(const struct op_call *call, const struct tensor *table, int64_t rows,
		    int64_t row, int64_t i)
{
	size_t bytes = (size_t)tensor_cols(table) * dtype_bytes(table->dtype);

	die_if(row < 0 || row >= rows, "row %lld of a table of %lld", (long long)row,
	       (long long)rows);
	memcpy((char *)call->out[0]->data + (size_t)i * bytes,
	       (const char *)table->data + (size_t)row * bytes, bytes);
}

static void embed_piece(const struct op_call *call, int64_t from, int64_t to)
{
	const struct tensor *table = call->in[1];
	const int32_t *id = call->in[0]->data;

	for (int64_t i = from; i < to; i++)
		look_up(call, table, table->dim[0], id[i], i);
}

static void embed(const struct op_call *call)
{
	cpu_parallel(call, tensor_elems(call->in[0]), cpu_piece_rows(tensor_cols(call->in[1])),
		     embed_piece);
}

static void gather_rows(const struct op_call *call)
{
	const struct tensor *x = call->in[0];
	const int32_t *index = call->in[1]->data;

	for (int64_t n = 0; n < x->dim[0]; n++) {
		die_if(index[n] < 0 || index[n] >= x->dim[1], "gather_rows: index %d of %lld rows",
		       index[n], (long long)x->dim[1]);
		look_up(call, x, tensor_rows(x), n * x->dim[1] + index[n], n);
	}
}

/* w_i = exp(-ln(10000) i/(half - shift)); [sin(t w) | cos(t w)] or the cosines first. In fp32 and
 * in just this order, as the models were trained: one rounding of w moves the sine by 5e-5. */
static void timestep_embed(const struct op_call *call)
{
	const struct tensor *t = call->in[0];
	int64_t width = call->attr.timestep.width, half = width / 2;
	int64_t sin_at = call->attr.timestep.cos_first ? half : 0;
	float last = (float)half - call->attr.timestep.shift;
	float *out = call->out[0]->data;

	for (int64_t m = 0; m < t->dim[0]; m++, out += width)
		for (int64_t i = 0; i < half; i++) {
			float exponent = -(float)log(10000) * (float)i;
			float w = (float)exp(exponent / last);
			float angle = ((const float *)t->data)[m] * w;

			out[sin_at + i] = sinf(angle);
			out[half - sin_at + i] = cosf(angle);
		}
}

simd_run *const move_run[OP_COUNT] = {
	[OP_CONCAT] = concat,
	[OP_SLICE] = slice,
	[OP_UPSAMPLE] = upsample,
	[OP_EMBED] = embed,
	[OP_TIMESTEP_EMBED] = timestep_embed,
	[OP_GATHER_ROWS] = gather_rows,
};
