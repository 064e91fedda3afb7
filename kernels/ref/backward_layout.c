/* SPDX-License-Identifier: MIT
 *
 * Gradients of ops that move elements: each element's gradient goes back where the element came
 * from, adding up where it went to several places.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ref.h"

/* dx[n,h,w,c] = the sum over the 2x2 block that x[n,h,w,c] was repeated to. */
REF_RUN(upsample_bwd)
{
	const struct tensor *dy = call->in[0];
	struct tensor *dx = call->out[0];
	int64_t cols = dx->dim[3], width = dx->dim[2];

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(dx); i++) {
		int64_t ch = i % cols, w = i / cols % width, row = i / cols / width;
		int64_t first = (2 * row * 2 * width + 2 * w) * cols + ch, below = 2 * width * cols;

		put(dx, i, (double)get(dy, first) + get(dy, first + cols) + get(dy, first + below) +
				   get(dy, first + below + cols));
	}
}

REF_RUN(embed_bwd)
{
	const struct tensor *dy = call->in[1];
	const int32_t *id = call->in[0]->data;
	struct tensor *table = call->out[0];
	int64_t cols = tensor_cols(dy);
	double *sum = ref_doubles(tensor_elems(table));

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(dy); i++)
		sum[id[i / cols] * cols + i % cols] += get(dy, i);
	for (int64_t i = 0; i < tensor_elems(table); i++)
		put(table, i, sum[i]);
	free(sum);
}

/* d sin(t w)/dt = w cos(t w), d cos(t w)/dt = -w sin(t w) */
REF_RUN(timestep_embed_bwd)
{
	const struct tensor *t = call->in[0], *dy = call->in[1];
	int64_t width = call->attr.timestep.width, half = width / 2;
	int64_t sin_at = call->attr.timestep.cos_first ? half : 0, cos_at = half - sin_at;

	(void)self, (void)c;
	for (int64_t m = 0; m < t->dim[0]; m++) {
		double sum = 0;
		for (int64_t i = 0; i < half; i++) {
			double w = ref_timestep_frequency(i, half, call->attr.timestep.shift);
			double angle = get(t, m) * w;
			sum += get(dy, m * width + sin_at + i) * w * cos(angle) -
			       get(dy, m * width + cos_at + i) * w * sin(angle);
		}
		put(call->out[0], m, sum);
	}
}

/* Row n of x becomes row index[n] of sample n; the other rows are zero. */
REF_RUN(scatter_rows)
{
	const struct tensor *x = call->in[0];
	const int32_t *index = call->in[1]->data;
	struct tensor *y = call->out[0];
	size_t bytes = (size_t)x->dim[1] * dtype_bytes(x->dtype);

	(void)self, (void)c;
	memset(y->data, 0, tensor_bytes(y));
	for (int64_t n = 0; n < x->dim[0]; n++)
		memcpy((char *)y->data + (size_t)(n * y->dim[1] + index[n]) * bytes,
		       (char *)x->data + (size_t)n * bytes, bytes);
}

/* x along the axis at `start`, zeros before and after. */
REF_RUN(pad_slice)
{
	const struct tensor *x = call->in[0];
	struct tensor *y = call->out[0];
	int axis = call->attr.slice.axis;
	int64_t outer = 1;

	(void)self, (void)c;
	for (int i = 0; i < axis; i++)
		outer *= x->dim[i];
	size_t from = tensor_bytes(x) / (size_t)outer, to = tensor_bytes(y) / (size_t)outer;
	size_t start = from / (size_t)x->dim[axis] * (size_t)call->attr.slice.start;

	memset(y->data, 0, tensor_bytes(y));
	for (int64_t i = 0; i < outer; i++)
		memcpy((char *)y->data + (size_t)i * to + start,
		       (char *)x->data + (size_t)i * from, from);
}
