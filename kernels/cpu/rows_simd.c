/* SPDX-License-Identifier: MIT
 *
 * Layer norm (Ba et al. 2016) and softmax: each row of the last dimension on its own. A row is read
 * from memory once and stays in the first-level cache for the further sweeps.
 *
 * The mean of layer norm is corrected by the second sweep, which sums d = x - mean as well as d^2:
 * rounding of a large mean does not reach the result. How to test: norm_test.c.
 */
#include <math.h>

#include "err.h"
#include "simd.h"
#include "vec_math.h"

/* ---- layer norm ------------------------------------------------------------------------------ */

INLINE float sum_row(const void *x, enum dtype t, int64_t at, int64_t cols)
{
	vf sum[4] = { vf_set(0), vf_set(0), vf_set(0), vf_set(0) };
	int64_t i = 0;

	for (; i + 4 * VEC <= cols; i += 4 * VEC)
		for (int j = 0; j < 4; j++)
			sum[j] += vf_get(x, t, at + i + j * VEC);
	for (; i + VEC <= cols; i += VEC)
		sum[0] += vf_get(x, t, at + i);
	if (i < cols)
		sum[1] += vf_get_part(x, t, at + i, (int)(cols - i));
	return vf_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/* Sums of d = x - mean and of d^2. */
INLINE void sum_deviations(const void *x, enum dtype t, int64_t at, int64_t cols, float mean,
			   float *sum, float *squares)
{
	vf s[4] = { vf_set(0), vf_set(0), vf_set(0), vf_set(0) };
	vf q[4] = { vf_set(0), vf_set(0), vf_set(0), vf_set(0) };
	int64_t i = 0;

	for (; i + 4 * VEC <= cols; i += 4 * VEC)
		for (int j = 0; j < 4; j++) {
			vf d = vf_get(x, t, at + i + j * VEC) - mean;
			s[j] += d;
			q[j] = vf_fma(d, d, q[j]);
		}
	for (; i + VEC <= cols; i += VEC) {
		vf d = vf_get(x, t, at + i) - mean;
		s[0] += d;
		q[0] = vf_fma(d, d, q[0]);
	}
	if (i < cols) {
		int n = (int)(cols - i);
		vf d = vf_fill(vf_get_part(x, t, at + i, n) - mean, n, 0);
		s[1] += d;
		q[1] = vf_fma(d, d, q[1]);
	}
	*sum = vf_sum((s[0] + s[1]) + (s[2] + s[3]));
	*squares = vf_sum((q[0] + q[1]) + (q[2] + q[3]));
}

/* y = (x - mean) * inverse + rest, then * scale + shift where they are given. */
struct affine {
	float mean, inverse, rest;
	const struct tensor *scale, *shift;
};

INLINE vf affine_of(const struct affine *f, vf x, int64_t i, int n)
{
	vf v = vf_fma(x - f->mean, vf_set(f->inverse), vf_set(f->rest));

	if (f->scale && n == VEC)
		v *= vf_get(f->scale->data, f->scale->dtype, i);
	else if (f->scale)
		v *= vf_get_part(f->scale->data, f->scale->dtype, i, n);
	if (f->shift && n == VEC)
		v += vf_get(f->shift->data, f->shift->dtype, i);
	else if (f->shift)
		v += vf_get_part(f->shift->data, f->shift->dtype, i, n);
	return v;
}

INLINE void normalise_row(const struct op_call *call, enum dtype t, int64_t at, int64_t cols)
{
	const void *x = call->in[0]->data;
	void *out = call->out[0]->data;
	struct affine f = { .mean = sum_row(x, t, at, cols) / (float)cols, .scale = call->in[1],
			    .shift = call->in[2] };
	float sum, squares;
	double error, variance;
	int64_t i = 0;

	sum_deviations(x, t, at, cols, f.mean, &sum, &squares);
	error = (double)sum / (double)cols;
	variance = (double)squares / (double)cols - error * error;
	f.inverse = (float)(1 / sqrt(variance + (double)call->attr.norm.eps));
	f.rest = -(float)error * f.inverse;
	for (; i + VEC <= cols; i += VEC)
		vf_put(out, t, at + i, affine_of(&f, vf_get(x, t, at + i), i, VEC));
	if (i < cols) {
		int n = (int)(cols - i);
		vf_put_part(out, t, at + i, n,
			    affine_of(&f, vf_get_part(x, t, at + i, n), i, n));
	}
}

static void layer_norm_piece(const struct op_call *call, int64_t from, int64_t to)
{
	int64_t cols = tensor_cols(call->in[0]);

	if (call->in[0]->dtype == DT_BF16)
		for (int64_t row = from; row < to; row++)
			normalise_row(call, DT_BF16, row * cols, cols);
	else
		for (int64_t row = from; row < to; row++)
			normalise_row(call, DT_F32, row * cols, cols);
}

/* ---- softmax --------------------------------------------------------------------------------- */

INLINE float largest_of_row(const void *x, enum dtype t, int64_t at, int64_t cols)
{
	vf most = vf_set(-INFINITY);
	int64_t i = 0;

	for (; i + VEC <= cols; i += VEC)
		most = vf_max(most, vf_get(x, t, at + i));
	if (i < cols) {
		int n = (int)(cols - i);
		most = vf_max(most, vf_fill(vf_get_part(x, t, at + i, n), n, -INFINITY));
	}
	return vf_largest(most);
}

/* e^(x - most) */
INLINE vf weight_of(enum dtype t, vf x, float most)
{
	return t == DT_BF16 ? vf_exp2_rough((x - most) * LOG2_E) : vf_exp(x - most);
}

INLINE float sum_of_weights(const void *x, enum dtype t, int64_t at, int64_t cols, float most)
{
	vf sum = vf_set(0);
	int64_t i = 0;

	for (; i + VEC <= cols; i += VEC)
		sum += weight_of(t, vf_get(x, t, at + i), most);
	if (i < cols) {
		int n = (int)(cols - i);
		sum += vf_fill(weight_of(t, vf_get_part(x, t, at + i, n), most), n, 0);
	}
	return vf_sum(sum);
}

/* The exponentials are computed twice, so that a bf16 result is rounded once. */
INLINE void softmax_row(const struct op_call *call, enum dtype t, int64_t at, int64_t cols)
{
	const void *x = call->in[0]->data;
	void *out = call->out[0]->data;
	float most = largest_of_row(x, t, at, cols);
	float scale = 1 / sum_of_weights(x, t, at, cols, most);
	int64_t i = 0;

	for (; i + VEC <= cols; i += VEC)
		vf_put(out, t, at + i, weight_of(t, vf_get(x, t, at + i), most) * scale);
	if (i < cols) {
		int n = (int)(cols - i);
		vf_put_part(out, t, at + i, n,
			    weight_of(t, vf_get_part(x, t, at + i, n), most) * scale);
	}
}

static void softmax_piece(const struct op_call *call, int64_t from, int64_t to)
{
	int64_t cols = tensor_cols(call->in[0]);

	if (call->in[0]->dtype == DT_BF16)
		for (int64_t row = from; row < to; row++)
			softmax_row(call, DT_BF16, row * cols, cols);
	else
		for (int64_t row = from; row < to; row++)
			softmax_row(call, DT_F32, row * cols, cols);
}

static void run_rows(const struct op_call *call, cpu_piece *piece)
{
	const struct tensor *x = call->in[0];

	die_if(call->out[0]->dtype != x->dtype, "norms and softmax do not change the storage");
	cpu_parallel(call, tensor_rows(x), cpu_piece_rows(tensor_cols(x)), piece);
}

void SIMD(layer_norm)(const struct op_call *call)
{
	run_rows(call, layer_norm_piece);
}

void SIMD(softmax)(const struct op_call *call)
{
	run_rows(call, softmax_piece);
}
