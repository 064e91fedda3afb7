/* SPDX-License-Identifier: MIT
 *
 * Group norm (Wu & He 2018), whole and in two halves, and layer norm (Ba et al. 2016). Moments are
 * taken in two passes in fp64 and are biased: var = (sum of squared deviations) / elements.
 */
#include <math.h>
#include <stdlib.h>

#include "ref.h"

struct moments {
	double elements, mean, squares; /* squares: sum of squared deviations from the mean */
};

/* Moments of group g of sample n of x [N,..,C]. */
static struct moments group_moments(const struct tensor *x, int groups, int64_t n, int64_t g)
{
	int64_t channels = tensor_cols(x), width = channels / groups;
	int64_t pixels = tensor_rows(x) / x->dim[0], first = n * pixels * channels + g * width;
	struct moments m = { .elements = (double)(pixels * width) };

	for (int64_t p = 0; p < pixels; p++)
		for (int64_t j = 0; j < width; j++)
			m.mean += get(x, first + p * channels + j);
	m.mean /= m.elements;
	for (int64_t p = 0; p < pixels; p++)
		for (int64_t j = 0; j < width; j++) {
			double d = get(x, first + p * channels + j) - m.mean;
			m.squares += d * d;
		}
	return m;
}

/* y = act((x - mean) / sqrt(var + eps) * scale + shift) over one group. */
static void normalise_group(const struct op_call *call, struct moments m, int64_t n, int64_t g)
{
	const struct tensor *x = call->in[0], *scale = call->in[1], *shift = call->in[2];
	int64_t channels = tensor_cols(x), width = channels / call->attr.norm.groups;
	int64_t pixels = tensor_rows(x) / x->dim[0];
	double inverse = 1 / sqrt(m.squares / m.elements + call->attr.norm.eps);

	for (int64_t p = 0; p < pixels; p++)
		for (int64_t ch = g * width; ch < (g + 1) * width; ch++) {
			int64_t at = (n * pixels + p) * channels + ch;
			double v = (get(x, at) - m.mean) * inverse;
			v = v * (scale ? get(scale, ch) : 1) + (shift ? get(shift, ch) : 0);
			put(call->out[0], at, ref_act(call->attr.norm.act, v));
		}
}

REF_RUN(group_norm)
{
	int groups = call->attr.norm.groups;

	(void)self, (void)c;
	for (int64_t n = 0; n < call->in[0]->dim[0]; n++)
		for (int64_t g = 0; g < groups; g++)
			normalise_group(call, group_moments(call->in[0], groups, n, g), n, g);
}

REF_RUN(group_norm_moments)
{
	int groups = call->attr.norm.groups;

	(void)self, (void)c;
	for (int64_t i = 0; i < call->in[0]->dim[0] * groups; i++) {
		struct moments m = group_moments(call->in[0], groups, i / groups, i % groups);
		put(call->out[0], 3 * i, m.elements);
		put(call->out[0], 3 * i + 1, m.mean);
		put(call->out[0], 3 * i + 2, m.squares);
	}
}

REF_RUN(group_norm_apply)
{
	const struct tensor *moments = call->in[3];
	int groups = call->attr.norm.groups;

	(void)self, (void)c;
	for (int64_t i = 0; i < call->in[0]->dim[0] * groups; i++) {
		struct moments m = { get(moments, 3 * i), get(moments, 3 * i + 1),
				     get(moments, 3 * i + 2) };
		normalise_group(call, m, i / groups, i % groups);
	}
}

REF_RUN(layer_norm)
{
	const struct tensor *x = call->in[0], *scale = call->in[1], *shift = call->in[2];
	int64_t cols = tensor_cols(x);

	(void)self, (void)c;
	for (int64_t row = 0; row < tensor_rows(x); row++) {
		double mean = 0, squares = 0, inverse;

		for (int64_t j = 0; j < cols; j++)
			mean += get(x, row * cols + j) / (double)cols;
		for (int64_t j = 0; j < cols; j++)
			squares += pow(get(x, row * cols + j) - mean, 2);
		inverse = 1 / sqrt(squares / (double)cols + call->attr.norm.eps);
		for (int64_t j = 0; j < cols; j++)
			put(call->out[0], row * cols + j,
			    (get(x, row * cols + j) - mean) * inverse *
					    (scale ? get(scale, j) : 1) +
				    (shift ? get(shift, j) : 0));
	}
}
