/* SPDX-License-Identifier: MIT
 *
 * Ops that move elements without changing them; storage of source and result is the same.
 */
#include <string.h>

#include "ref.h"

/* Bytes of one index of `axis` with everything below it: rows along the axis are that far apart. */
static size_t axis_bytes(const struct tensor *t, int axis)
{
	size_t n = dtype_bytes(t->dtype);

	for (int i = axis + 1; i < t->ndim; i++)
		n *= (size_t)t->dim[i];
	return n;
}

static int64_t outer_count(const struct tensor *t, int axis)
{
	int64_t n = 1;

	for (int i = 0; i < axis; i++)
		n *= t->dim[i];
	return n;
}

REF_RUN(concat)
{
	const struct tensor *x = call->in[0], *y = call->in[1];
	int axis = call->attr.slice.axis;
	size_t bytes_x = (size_t)x->dim[axis] * axis_bytes(x, axis);
	size_t bytes_y = (size_t)y->dim[axis] * axis_bytes(y, axis);
	char *to = call->out[0]->data;

	(void)self, (void)c;
	for (int64_t i = 0; i < outer_count(x, axis); i++) {
		memcpy(to, (char *)x->data + (size_t)i * bytes_x, bytes_x);
		memcpy(to + bytes_x, (char *)y->data + (size_t)i * bytes_y, bytes_y);
		to += bytes_x + bytes_y;
	}
}

REF_RUN(slice)
{
	const struct tensor *x = call->in[0];
	int axis = call->attr.slice.axis;
	size_t one = axis_bytes(x, axis), len = (size_t)call->attr.slice.len * one;
	const char *from = (char *)x->data + (size_t)call->attr.slice.start * one;

	(void)self, (void)c;
	for (int64_t i = 0; i < outer_count(x, axis); i++)
		memcpy((char *)call->out[0]->data + (size_t)i * len,
		       from + (size_t)i * (size_t)x->dim[axis] * one, len);
}

/* Nearest neighbour: y[n,h,w,c] = x[n,h/2,w/2,c]. */
REF_RUN(upsample)
{
	const struct tensor *x = call->in[0];
	struct tensor *y = call->out[0];
	int64_t width = y->dim[2], pixels = tensor_rows(y);
	size_t bytes = (size_t)x->dim[3] * dtype_bytes(x->dtype);

	(void)self, (void)c;
	for (int64_t p = 0; p < pixels; p++) {
		int64_t row = p / width / 2 * (width / 2), col = p % width / 2;

		memcpy((char *)y->data + (size_t)p * bytes,
		       (char *)x->data + (size_t)(row + col) * bytes, bytes);
	}
}

REF_RUN(embed)
{
	const struct tensor *table = call->in[1];
	const int32_t *id = call->in[0]->data;
	size_t bytes = (size_t)table->dim[1] * dtype_bytes(table->dtype);

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(call->in[0]); i++)
		memcpy((char *)call->out[0]->data + (size_t)i * bytes,
		       (char *)table->data + (size_t)id[i] * bytes, bytes);
}

REF_RUN(gather_rows)
{
	const struct tensor *x = call->in[0];
	const int32_t *index = call->in[1]->data;
	size_t bytes = (size_t)x->dim[2] * dtype_bytes(x->dtype);

	(void)self, (void)c;
	for (int64_t n = 0; n < x->dim[0]; n++)
		memcpy((char *)call->out[0]->data + (size_t)n * bytes,
		       (char *)x->data + (size_t)(n * x->dim[1] + index[n]) * bytes, bytes);
}
