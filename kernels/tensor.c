/* SPDX-License-Identifier: MIT */
#include "tensor.h"

#include <stdio.h>
#include <string.h>

#include "err.h"

const char *dtype_name(enum dtype t)
{
	static const char *const name[] = { "fp32", "bf16", "i32" };
	return name[t];
}

bool tensor_same_shape(const struct tensor *a, const struct tensor *b)
{
	if (a->ndim != b->ndim)
		return false;
	for (int i = 0; i < a->ndim; i++)
		if (a->dim[i] != b->dim[i])
			return false;
	return true;
}

const char *tensor_shape(const struct tensor *t, char *buf, size_t len)
{
	size_t used = 0;

	if (!t)
		return "-";
	for (int i = 0; i < t->ndim && used < len; i++)
		used += (size_t)snprintf(buf + used, len - used, "%s%lld", i ? "," : "[",
					 (long long)t->dim[i]);
	if (used < len)
		snprintf(buf + used, len - used, "]");
	return buf;
}

void tensor_to_f32(const struct tensor *t, float *dst)
{
	int64_t n = tensor_elems(t);
	const uint16_t *h = t->data;

	die_if(t->dtype == DT_I32, "tensor_to_f32 of integers");
	if (t->dtype == DT_F32)
		memcpy(dst, t->data, (size_t)n * sizeof *dst);
	else
		for (int64_t i = 0; i < n; i++)
			dst[i] = bf16_to_f32(h[i]);
}

void tensor_from_f32(struct tensor *t, const float *src)
{
	int64_t n = tensor_elems(t);
	uint16_t *h = t->data;

	die_if(t->dtype == DT_I32, "tensor_from_f32 to integers");
	if (t->dtype == DT_F32)
		memcpy(t->data, src, (size_t)n * sizeof *src);
	else
		for (int64_t i = 0; i < n; i++)
			h[i] = f32_to_bf16(src[i]);
}
