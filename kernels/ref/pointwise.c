/* SPDX-License-Identifier: MIT
 *
 * Sums with and without broadcast, clamp and cast. Results may overwrite an operand.
 */
#include "ref.h"

REF_RUN(add)
{
	struct tensor *y = call->out[0];

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(y); i++)
		put(y, i, (double)get(call->in[0], i) + get(call->in[1], i));
}

/* x [N,..,C] + v [N,C] */
REF_RUN(add_channel)
{
	struct tensor *y = call->out[0];
	int64_t cols = tensor_cols(y), sample = tensor_elems(y) / y->dim[0];

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(y); i++)
		put(y, i, (double)get(call->in[0], i) +
				  get(call->in[1], i / sample * cols + i % cols));
}

/* x [N,L,C] + v [L,C] */
REF_RUN(add_rows)
{
	struct tensor *y = call->out[0];
	int64_t sample = tensor_elems(call->in[1]);

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(y); i++)
		put(y, i, (double)get(call->in[0], i) + get(call->in[1], i % sample));
}

REF_RUN(axpby)
{
	struct tensor *y = call->out[0];
	double a = call->attr.axpby.a, b = call->attr.axpby.b;

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(y); i++)
		put(y, i, a * get(call->in[0], i) + b * get(call->in[1], i));
}

/* A value that is not a number stays one. */
REF_RUN(clamp)
{
	struct tensor *y = call->out[0];
	double scale = call->attr.clamp.scale, shift = call->attr.clamp.shift;
	double lo = call->attr.clamp.lo, hi = call->attr.clamp.hi;

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(y); i++) {
		double v = scale * get(call->in[0], i) + shift;
		put(y, i, v < lo ? lo : v > hi ? hi : v);
	}
}

/* From whole numbers too. */
REF_RUN(cast)
{
	const struct tensor *x = call->in[0];
	struct tensor *y = call->out[0];

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(y); i++)
		put(y, i, x->dtype == DT_I32 ? (float)((const int32_t *)x->data)[i] : get(x, i));
}
