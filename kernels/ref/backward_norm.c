/* SPDX-License-Identifier: MIT
 *
 * Gradients of group norm, whole and in halves, and of layer norm. With h = (x - mean)/sigma,
 * sigma^2 = squares/n + eps, y = h scale + shift and g = dy scale:
 *   dscale = sum dy h, dshift = sum dy,
 *   dx = (g - mean(g) - h mean(g h)) / sigma                                 over one group;
 * in halves, the moments taken as independent inputs:
 *   apply:   dx = g/sigma, dmean = -sum(g)/sigma, dsquares = -sum(g h)/(2 n sigma^2),
 *   moments: dx = dmean/n + 2 (x - mean) dsquares        (the count has no gradient).
 */
#include <math.h>
#include <stdlib.h>

#include "ref.h"

/* The elements of one group: `pixels` runs of `width`, `channels` apart, starting at `first`. */
struct span {
	int64_t first, channels, width, pixels;
};

static struct span group_span(const struct tensor *x, int groups, int64_t i)
{
	int64_t channels = tensor_cols(x), pixels = tensor_rows(x) / x->dim[0];

	return (struct span){ i / groups * pixels * channels + i % groups * (channels / groups),
			      channels, channels / groups, pixels };
}

/* Index of element j of the span, and its channel. */
static int64_t element(const struct span *s, int64_t j)
{
	return s->first + j / s->width * s->channels + j % s->width;
}

struct sums {
	double g, gh; /* sum of g, sum of g h */
};

/* Sums over the span, and the parameters' gradients [2][C]. */
static struct sums add_sums(const struct op_call *call, const struct span *s, double mean,
			    double sigma, double *daffine)
{
	const struct tensor *x = call->in[0], *dy = call->in[1], *scale = call->in[2];
	struct sums sum = { 0, 0 };

	for (int64_t j = 0; j < s->pixels * s->width; j++) {
		int64_t at = element(s, j), ch = at % s->channels;
		double d = get(dy, at), h = (get(x, at) - mean) / sigma;
		double g = scale ? d * get(scale, ch) : d;

		daffine[ch] += d * h;
		daffine[s->channels + ch] += d;
		sum.g += g;
		sum.gh += g * h;
	}
	return sum;
}

/* dx = (g - mean(g) - h mean(g h)) / sigma; with zero sums only g/sigma remains. */
static void put_dx(const struct op_call *call, const struct span *s, double mean, double sigma,
		   struct sums sum)
{
	const struct tensor *x = call->in[0], *dy = call->in[1], *scale = call->in[2];
	double n = (double)(s->pixels * s->width);

	for (int64_t j = 0; j < s->pixels * s->width; j++) {
		int64_t at = element(s, j);
		double h = (get(x, at) - mean) / sigma;
		double g = get(dy, at) * (scale ? get(scale, at % s->channels) : 1);

		put(call->out[0], at, (g - sum.g / n - h * sum.gh / n) / sigma);
	}
}

static void whole_backward(const struct op_call *call, const struct span *s, double *daffine)
{
	const struct tensor *x = call->in[0];
	double n = (double)(s->pixels * s->width), mean = 0, squares = 0, sigma;

	for (int64_t j = 0; j < s->pixels * s->width; j++)
		mean += get(x, element(s, j)) / n;
	for (int64_t j = 0; j < s->pixels * s->width; j++)
		squares += pow(get(x, element(s, j)) - mean, 2);
	sigma = sqrt(squares / n + call->attr.norm.eps);
	put_dx(call, s, mean, sigma, add_sums(call, s, mean, sigma, daffine));
}

static void put_dscale_dshift(const struct op_call *call, double *daffine)
{
	int64_t channels = tensor_cols(call->in[0]);

	for (int64_t ch = 0; ch < channels; ch++) {
		put(call->out[1], ch, daffine[ch]);
		put(call->out[2], ch, daffine[channels + ch]);
	}
	free(daffine);
}

REF_RUN(group_norm_bwd)
{
	const struct tensor *x = call->in[0];
	int groups = call->attr.norm.groups;
	double *daffine = ref_doubles(2 * tensor_cols(x));

	(void)self, (void)c;
	for (int64_t i = 0; i < x->dim[0] * groups; i++) {
		struct span s = group_span(x, groups, i);
		whole_backward(call, &s, daffine);
	}
	put_dscale_dshift(call, daffine);
}

REF_RUN(layer_norm_bwd)
{
	const struct tensor *x = call->in[0];
	int64_t cols = tensor_cols(x);
	double *daffine = ref_doubles(2 * cols);

	(void)self, (void)c;
	for (int64_t row = 0; row < tensor_rows(x); row++) {
		struct span s = { row * cols, cols, cols, 1 };
		whole_backward(call, &s, daffine);
	}
	put_dscale_dshift(call, daffine);
}

REF_RUN(group_norm_apply_bwd)
{
	const struct tensor *x = call->in[0], *moments = call->in[3];
	int groups = call->attr.norm.groups;
	double *daffine = ref_doubles(2 * tensor_cols(x));

	(void)self, (void)c;
	for (int64_t i = 0; i < x->dim[0] * groups; i++) {
		struct span s = group_span(x, groups, i);
		double n = get(moments, 3 * i), mean = get(moments, 3 * i + 1);
		double variance = get(moments, 3 * i + 2) / n + call->attr.norm.eps;
		struct sums sum = add_sums(call, &s, mean, sqrt(variance), daffine);

		put_dx(call, &s, mean, sqrt(variance), (struct sums){ 0, 0 });
		put(call->out[2], 3 * i, 0);
		put(call->out[2], 3 * i + 1, -sum.g / sqrt(variance));
		put(call->out[2], 3 * i + 2, -sum.gh / (2 * n * variance));
	}
	for (int64_t i = 0; i < 2 * tensor_cols(x); i++)
		put(call->out[1], i, daffine[i]);
	free(daffine);
}

REF_RUN(group_norm_moments_bwd)
{
	const struct tensor *x = call->in[0], *moments = call->in[1], *dmoments = call->in[2];
	int groups = call->attr.norm.groups;

	(void)self, (void)c;
	for (int64_t i = 0; i < x->dim[0] * groups; i++) {
		struct span s = group_span(x, groups, i);
		double n = get(moments, 3 * i), mean = get(moments, 3 * i + 1);

		for (int64_t j = 0; j < s.pixels * s.width; j++) {
			int64_t at = element(&s, j);
			put(call->out[0], at, get(dmoments, 3 * i + 1) / n +
				    2 * (get(x, at) - mean) * get(dmoments, 3 * i + 2));
		}
	}
}
