/* SPDX-License-Identifier: MIT
 *
 * finish.h at one level. How to test: onednn_test.c (GEGLU, storage that is computed as fp32).
 */
#include "finish.h"
#include "simd.h"
#include "vec_math.h"

/* Result j of the row; n < VEC: only the first n. */
INLINE void finish_at(const struct finish *f, const float *sum, int64_t row, int64_t j, int n,
		      enum dtype t, bool gated)
{
	int64_t to = row * f->stride + f->at + j;
	bool whole = n == VEC;
	vf v = whole ? vf_load(sum + j) : vf_load_part(sum + j, n);

	if (gated) {
		const float *gate = sum + f->width / 2 + j;
		v *= vf_act(ACT_GELU, t == DT_BF16, whole ? vf_load(gate) : vf_load_part(gate, n));
	}
	if (f->residual)
		v += whole ? vf_get(f->residual, t, to) : vf_get_part(f->residual, t, to, n);
	if (whole)
		vf_put(f->y, t, to, v);
	else
		vf_put_part(f->y, t, to, n, v);
}

INLINE void finish_row(const struct finish *f, int64_t row, enum dtype t, bool gated)
{
	const float *sum = f->sums + row * f->width;
	int64_t j = 0;

	for (; j + VEC <= f->cols; j += VEC)
		finish_at(f, sum, row, j, VEC, t, gated);
	if (j < f->cols)
		finish_at(f, sum, row, j, (int)(f->cols - j), t, gated);
}

static void row_of(const struct finish *f, int64_t row)
{
	if (f->act == ACT_GEGLU && f->dtype == DT_BF16)
		finish_row(f, row, DT_BF16, true);
	else if (f->act == ACT_GEGLU)
		finish_row(f, row, DT_F32, true);
	else if (f->dtype == DT_BF16)
		finish_row(f, row, DT_BF16, false);
	else
		finish_row(f, row, DT_F32, false);
}

static void widen_some(const uint16_t *from, float *to, int64_t n)
{
	int64_t i = 0;

	for (; i + VEC <= n; i += VEC)
		vf_store(to + i, vf_load_bf16(from + i));
	if (i < n)
		vf_store_part(to + i, (int)(n - i), vf_load_bf16_part(from + i, (int)(n - i)));
}

const struct finish_kernels SIMD(finish) = { row_of, widen_some };
