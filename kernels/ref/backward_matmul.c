/* SPDX-License-Identifier: MIT
 *
 * Gradients of linear and convolution. They are the forward sums read the other way round:
 *   y += x w  gives  dx += dy w  and  dw += dy x  for the same triples of elements.
 */
#include <stdlib.h>

#include "ref.h"

static void store(struct tensor *t, const double *value)
{
	for (int64_t i = 0; i < tensor_elems(t); i++)
		put(t, i, value[i]);
}

/* dx[r,k] = sum_o dy[r,o] w[o,k] */
REF_RUN(linear_dx)
{
	const struct tensor *dy = call->in[0], *w = call->in[1];
	int64_t outputs = w->dim[0], width = w->dim[1];
	float *wf = ref_copy_f32(w);
	double *sum = ref_doubles(width);

	(void)self, (void)c;
	for (int64_t row = 0; row < tensor_rows(dy); row++) {
		for (int64_t k = 0; k < width; k++)
			sum[k] = 0;
		for (int64_t o = 0; o < outputs; o++) {
			double d = get(dy, row * outputs + o);
			for (int64_t k = 0; k < width; k++)
				sum[k] += d * wf[o * width + k];
		}
		for (int64_t k = 0; k < width; k++)
			put(call->out[0], row * width + k, sum[k]);
	}
	free(sum);
	free(wf);
}

/* dw[o,k] = sum_r dy[r,o] x[r,k] */
REF_RUN(linear_dw)
{
	const struct tensor *x = call->in[0], *dy = call->in[1];
	int64_t outputs = tensor_cols(dy), width = tensor_cols(x);
	float *xf = ref_copy_f32(x);
	double *dw = ref_doubles(outputs * width);

	(void)self, (void)c;
	for (int64_t row = 0; row < tensor_rows(x); row++)
		for (int64_t o = 0; o < outputs; o++) {
			double d = get(dy, row * outputs + o);
			for (int64_t k = 0; k < width; k++)
				dw[o * width + k] += d * xf[row * width + k];
		}
	store(call->out[0], dw);
	free(dw);
	free(xf);
}

/* ---- convolution ----------------------------------------------------------------------------- */

/* One kernel tap of one output pixel: first elements of y[n,h,w,:], x[n,h',w',:], w[0,0,p,q]. */
struct tap {
	int64_t y, x, w;
};

typedef void tap_fn(void *arg, struct tap at);

/* Calls f for every tap that lies inside the image x; y is the result's shape. */
static void for_each_tap(const struct tensor *x, const struct tensor *y, const struct conv_attr *a,
			 tap_fn *f, void *arg)
{
	int64_t pixels = y->dim[1] * y->dim[2];

	for (int64_t r = 0; r < tensor_rows(y); r++)
		for (int64_t pq = 0; pq < a->kh * a->kw; pq++) {
			int64_t n = r / pixels, p = pq / a->kw, q = pq % a->kw;
			int64_t h = r % pixels / y->dim[2] * a->stride + p - a->top;
			int64_t w = r % y->dim[2] * a->stride + q - a->left;
			struct tap at = { r * y->dim[3],
					  ((n * x->dim[1] + h) * x->dim[2] + w) * x->dim[3], pq };
			if (h >= 0 && h < x->dim[1] && w >= 0 && w < x->dim[2])
				f(arg, at);
		}
}

struct conv_sum {
	const float *dy, *other;      /* other: weight, or x */
	double *sum;                  /* dx, or dw */
	int64_t inputs, outputs, taps;
};

static void add_dx(void *arg, struct tap at)
{
	const struct conv_sum *s = arg;

	for (int64_t o = 0; o < s->outputs; o++)
		for (int64_t i = 0; i < s->inputs; i++)
			s->sum[at.x + i] += (double)s->dy[at.y + o] *
					    s->other[(o * s->inputs + i) * s->taps + at.w];
}

static void add_dw(void *arg, struct tap at)
{
	const struct conv_sum *s = arg;

	for (int64_t o = 0; o < s->outputs; o++)
		for (int64_t i = 0; i < s->inputs; i++)
			s->sum[(o * s->inputs + i) * s->taps + at.w] +=
				(double)s->dy[at.y + o] * s->other[at.x + i];
}

REF_RUN(conv2d_dx)
{
	const struct tensor *dy = call->in[0], *w = call->in[1];
	struct tensor *dx = call->out[0];
	float *dyf = ref_copy_f32(dy), *wf = ref_copy_f32(w);
	struct conv_sum s = { dyf, wf, ref_doubles(tensor_elems(dx)), w->dim[1], w->dim[0],
			      w->dim[2] * w->dim[3] };

	(void)self, (void)c;
	for_each_tap(dx, dy, &call->attr.conv, add_dx, &s);
	store(dx, s.sum);
	free(s.sum);
	free(wf);
	free(dyf);
}

REF_RUN(conv2d_dw)
{
	const struct tensor *x = call->in[0], *dy = call->in[1];
	struct tensor *dw = call->out[0];
	float *dyf = ref_copy_f32(dy), *xf = ref_copy_f32(x);
	struct conv_sum s = { dyf, xf, ref_doubles(tensor_elems(dw)), x->dim[3], dy->dim[3],
			      dw->dim[2] * dw->dim[3] };

	(void)self, (void)c;
	for_each_tap(x, dy, &call->attr.conv, add_dw, &s);
	store(dw, s.sum);
	free(s.sum);
	free(xf);
	free(dyf);
}
