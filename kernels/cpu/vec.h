/* SPDX-License-Identifier: MIT
 *
 * A vector of fp32 as wide as the instruction-set level allows: 16 numbers for avx512 and bf16, 8
 * for avx2, 4 for c (the compiler's own vectors, which every architecture has). Included by
 * x_simd.c files only, which are compiled once per level.
 *
 * vf is a vector, vm the result of a comparison; + - * / work on vf as they are. Storage is fp32 or
 * bf16 (rounded to nearest even), the arithmetic is fp32. A "part" is the first n < VEC numbers:
 * the rest is neither read nor written in memory, and reads as zero.
 */
#ifndef BENCH_VEC_H
#define BENCH_VEC_H

#include <string.h>

#include "tensor.h"

#define INLINE static inline __attribute__((always_inline))

typedef float vec4 __attribute__((vector_size(16)));

#if defined(SIMD_avx512) || defined(SIMD_bf16)
#include "vec_avx512.h"
#elif defined(SIMD_avx2)
#include "vec_avx2.h"
#else
#include "vec_c.h"
#endif

/* VEC numbers of storage t from element i of p. */
INLINE vf vf_get(const void *p, enum dtype t, int64_t i)
{
	return t == DT_BF16 ? vf_load_bf16((const uint16_t *)p + i) : vf_load((const float *)p + i);
}

INLINE void vf_put(void *p, enum dtype t, int64_t i, vf v)
{
	if (t == DT_BF16)
		vf_store_bf16((uint16_t *)p + i, v);
	else
		vf_store((float *)p + i, v);
}

INLINE vf vf_get_part(const void *p, enum dtype t, int64_t i, int n)
{
	return t == DT_BF16 ? vf_load_bf16_part((const uint16_t *)p + i, n)
			    : vf_load_part((const float *)p + i, n);
}

INLINE void vf_put_part(void *p, enum dtype t, int64_t i, int n, vf v)
{
	if (t == DT_BF16)
		vf_store_bf16_part((uint16_t *)p + i, n, v);
	else
		vf_store_part((float *)p + i, n, v);
}

/* v with x from place n on. */
INLINE vf vf_fill(vf v, int n, float x)
{
	float a[VEC];

	vf_store(a, v);
	for (int i = n; i < VEC; i++)
		a[i] = x;
	return vf_load(a);
}

/* Sum and maximum over the vector, halves first. */
INLINE float vf_sum(vf v)
{
	vec4 q = vec_fold(v);

	q += __builtin_shufflevector(q, q, 2, 3, 0, 1);
	return q[0] + q[1];
}

INLINE float vf_largest(vf v)
{
	float a[VEC];

	vf_store(a, v);
	for (int i = 1; i < VEC; i++)
		a[0] = a[i] > a[0] ? a[i] : a[0];
	return a[0];
}

#endif
