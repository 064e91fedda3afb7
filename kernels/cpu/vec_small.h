/* SPDX-License-Identifier: MIT
 *
 * What AVX-512 has as instructions, for the levels that do not: part loads and stores, scaling by
 * powers of two. Included by vec_avx2.h and vec_c.h.
 */
#ifndef BENCH_VEC_SMALL_H
#define BENCH_VEC_SMALL_H

INLINE vf vf_load_part(const float *p, int n)
{
	float a[VEC] = { 0 };

	memcpy(a, p, (size_t)n * sizeof *a);
	return vf_load(a);
}

INLINE void vf_store_part(float *p, int n, vf v)
{
	float a[VEC];

	vf_store(a, v);
	memcpy(p, a, (size_t)n * sizeof *a);
}

INLINE vf vf_load_bf16_part(const uint16_t *p, int n)
{
	uint16_t a[VEC] = { 0 };

	memcpy(a, p, (size_t)n * sizeof *a);
	return vf_load_bf16(a);
}

INLINE void vf_store_bf16_part(uint16_t *p, int n, vf v)
{
	uint16_t a[VEC];

	vf_store_bf16(a, v);
	memcpy(p, a, (size_t)n * sizeof *a);
}

/* Exponents beyond these end in zero or infinity all the same; a NaN stays. */
INLINE vf vec_exponent(vf e)
{
	return vf_min(vf_set(254), vf_max(vf_set(-252), e));
}

/* v - floor(v), zero for infinity */
INLINE vf vf_fraction(vf v)
{
	v = vec_exponent(v);
	return v - vec_floor(v);
}

/* v * 2^floor(e), with overflow to infinity and gradual underflow: in two steps, because 2^floor(e)
 * alone may not be a normal number. */
INLINE vf vf_scale(vf v, vf e)
{
	vf n = vec_floor(vec_exponent(e)), half = vec_floor(n * 0.5f);
	return v * vec_power(half) * vec_power(n - half);
}

INLINE vf vf_recip_rough(vf v)
{
	return 1.0f / v;
}

#endif
