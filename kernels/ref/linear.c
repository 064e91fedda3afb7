/* SPDX-License-Identifier: MIT
 *
 * y = act(x w^T + bias) + residual.
 */
#include <stdlib.h>

#include "ref.h"

/* w [O,K] as [K,O], so that the inner loop runs along contiguous outputs. */
static float *transposed(const struct tensor *w)
{
	int64_t outputs = w->dim[0], width = w->dim[1];
	float *t = ref_floats(outputs * width);

	for (int64_t o = 0; o < outputs; o++)
		for (int64_t k = 0; k < width; k++)
			t[k * outputs + o] = get(w, o * width + k);
	return t;
}

/* Stores one row of sums through the epilogue. */
static void finish_row(const struct op_call *call, int64_t row, const double *sum, int64_t outputs)
{
	const struct tensor *residual = call->in[3];
	struct tensor *y = call->out[0];
	enum act act = call->attr.linear.act;
	int64_t cols = tensor_cols(y);

	for (int64_t j = 0; j < cols; j++) {
		double v = act == ACT_GEGLU ? sum[j] * ref_act(ACT_GELU, sum[outputs / 2 + j])
					    : ref_act(act, sum[j]);
		if (residual)
			v += get(residual, row * cols + j);
		put(y, row * cols + j, v);
	}
}

REF_RUN(linear)
{
	const struct tensor *x = call->in[0], *w = call->in[1], *bias = call->in[2];
	int64_t outputs = w->dim[0], width = w->dim[1];
	float *wt = transposed(w);
	double *sum = ref_doubles(outputs);

	(void)self, (void)c;
	for (int64_t row = 0; row < tensor_rows(x); row++) {
		for (int64_t o = 0; o < outputs; o++)
			sum[o] = bias ? get(bias, o) : 0;
		for (int64_t k = 0; k < width; k++) {
			double xk = get(x, row * width + k);
			for (int64_t o = 0; o < outputs; o++)
				sum[o] += xk * wt[k * outputs + o];
		}
		finish_row(call, row, sum, outputs);
	}
	free(sum);
	free(wt);
}
