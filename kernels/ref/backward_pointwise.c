/* SPDX-License-Identifier: MIT
 *
 * Gradients of activations and clamp, and the sums that undo a broadcast.
 */
#include <stdlib.h>

#include "ref.h"

REF_RUN(activation_bwd)
{
	const struct tensor *x = call->in[0], *dy = call->in[1];

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(x); i++)
		put(call->out[0], i,
		    get(dy, i) * ref_act_derivative(call->attr.act.act, get(x, i)));
}

/* y = u gelu(g): du = dy gelu(g), dg = dy u gelu'(g) */
REF_RUN(geglu_bwd)
{
	const struct tensor *x = call->in[0], *dy = call->in[1];
	int64_t cols = tensor_cols(dy);

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(dy); i++) {
		int64_t u = i / cols * 2 * cols + i % cols, g = u + cols;
		double d = get(dy, i);

		put(call->out[0], u, d * ref_act(ACT_GELU, get(x, g)));
		put(call->out[0], g, d * get(x, u) * ref_act_derivative(ACT_GELU, get(x, g)));
	}
}

/* Nothing passes where the value was cut off. */
REF_RUN(clamp_bwd)
{
	const struct tensor *x = call->in[0], *dy = call->in[1];
	double scale = call->attr.clamp.scale, shift = call->attr.clamp.shift;

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(x); i++) {
		double v = scale * get(x, i) + shift;
		bool cut = v < call->attr.clamp.lo || v > call->attr.clamp.hi;
		put(call->out[0], i, cut ? 0 : scale * get(dy, i));
	}
}

/* Stores the sums and frees them. */
static void put_sums(struct tensor *y, double *sum)
{
	for (int64_t i = 0; i < tensor_elems(y); i++)
		put(y, i, sum[i]);
	free(sum);
}

REF_RUN(sum_rows)
{
	const struct tensor *x = call->in[0];
	double *sum = ref_doubles(tensor_cols(x));

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(x); i++)
		sum[i % tensor_cols(x)] += get(x, i);
	put_sums(call->out[0], sum);
}

/* [N,..,C] -> [N,C] */
REF_RUN(sum_spatial)
{
	const struct tensor *x = call->in[0];
	int64_t cols = tensor_cols(x), sample = tensor_elems(x) / x->dim[0];
	double *sum = ref_doubles(x->dim[0] * cols);

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(x); i++)
		sum[i / sample * cols + i % cols] += get(x, i);
	put_sums(call->out[0], sum);
}

/* [N,..] -> [..] */
REF_RUN(sum_batch)
{
	const struct tensor *x = call->in[0];
	int64_t sample = tensor_elems(x) / x->dim[0];
	double *sum = ref_doubles(sample);

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(x); i++)
		sum[i % sample] += get(x, i);
	put_sums(call->out[0], sum);
}
