/* SPDX-License-Identifier: MIT
 *
 * y[n,h,w,o] = bias[o] + channel_bias[n,o] + residual[n,h,w,o]
 *            + sum_{p,q,i} x[n, h*stride + p - top, w*stride + q - left, i] * weight[o,i,p,q]
 * with zeros outside the image.
 */
#include <stdlib.h>

#include "ref.h"

/* weight [O,I,kh,kw] as [kh,kw,I,O], so that the inner loop runs along contiguous outputs. */
static float *outputs_last(const struct tensor *w)
{
	int64_t outputs = w->dim[0], inputs = w->dim[1], taps = w->dim[2] * w->dim[3];
	float *t = ref_floats(tensor_elems(w));

	for (int64_t o = 0; o < outputs; o++)
		for (int64_t i = 0; i < inputs; i++)
			for (int64_t tap = 0; tap < taps; tap++)
				t[(tap * inputs + i) * outputs + o] =
					get(w, (o * inputs + i) * taps + tap);
	return t;
}

/* sum[o] += the products of one kernel tap at the pixel whose first channel is element `pixel`. */
static void add_tap(const struct tensor *x, int64_t pixel, const float *wt, int64_t outputs,
		    double *sum)
{
	for (int64_t i = 0; i < x->dim[3]; i++) {
		double xi = get(x, pixel + i);
		for (int64_t o = 0; o < outputs; o++)
			sum[o] += xi * wt[i * outputs + o];
	}
}

/* All products of the output at (n, row, col). */
static void add_window(const struct op_call *call, const float *wt, int64_t n, int64_t row,
		       int64_t col, double *sum)
{
	const struct tensor *x = call->in[0];
	const struct conv_attr *a = &call->attr.conv;
	int64_t height = x->dim[1], width = x->dim[2], inputs = x->dim[3];
	int64_t outputs = call->in[1]->dim[0];

	for (int64_t p = 0; p < a->kh; p++) {
		int64_t h = row * a->stride + p - a->top;
		if (h < 0 || h >= height)
			continue;
		for (int64_t q = 0; q < a->kw; q++) {
			int64_t w = col * a->stride + q - a->left;
			if (w >= 0 && w < width)
				add_tap(x, ((n * height + h) * width + w) * inputs,
					wt + (p * a->kw + q) * inputs * outputs, outputs, sum);
		}
	}
}

REF_RUN(conv2d)
{
	const struct tensor *bias = call->in[2], *channel_bias = call->in[3];
	const struct tensor *residual = call->in[4];
	struct tensor *y = call->out[0];
	int64_t outputs = y->dim[3], pixels = y->dim[1] * y->dim[2];
	float *wt = outputs_last(call->in[1]);
	double *sum = ref_doubles(outputs);

	(void)self, (void)c;
	for (int64_t r = 0; r < tensor_rows(y); r++) {
		int64_t n = r / pixels, row = r % pixels / y->dim[2], col = r % y->dim[2];

		for (int64_t o = 0; o < outputs; o++)
			sum[o] = (bias ? get(bias, o) : 0) +
				 (channel_bias ? get(channel_bias, n * outputs + o) : 0) +
				 (residual ? get(residual, r * outputs + o) : 0);
		add_window(call, wt, n, row, col, sum);
		for (int64_t o = 0; o < outputs; o++)
			put(y, r * outputs + o, sum[o]);
	}
	free(sum);
	free(wt);
}
