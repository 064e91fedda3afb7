/* SPDX-License-Identifier: MIT
 *
 * vec.h in the compiler's own vectors: SSE2 on x86-64, NEON on AArch64, no intrinsics.
 */
#ifndef BENCH_VEC_C_H
#define BENCH_VEC_C_H

#define VEC 4
typedef float vf __attribute__((vector_size(16)));
typedef int32_t vec_i __attribute__((vector_size(16)));
typedef uint32_t vec_u __attribute__((vector_size(16)));
typedef uint16_t vec_h __attribute__((vector_size(8)));
typedef uint16_t vec_hh __attribute__((vector_size(16)));
typedef vec_i vm;

INLINE vf vf_set(float x)
{
	return (vf){ x, x, x, x };
}

INLINE vf vf_load(const float *p)
{
	vf v;

	memcpy(&v, p, sizeof v);
	return v;
}

INLINE void vf_store(float *p, vf v)
{
	memcpy(p, &v, sizeof v);
}

INLINE vf vf_load_bf16(const uint16_t *p)
{
	vec_h h;

	memcpy(&h, p, sizeof h);
	return (vf)(__builtin_convertvector(h, vec_u) << 16);
}

INLINE vf vf_select(vm m, vf yes, vf no)
{
	return (vf)((m & (vec_i)yes) | (~m & (vec_i)no));
}

INLINE void vf_store_bf16(uint16_t *p, vf v)
{
	vec_u u = (vec_u)v, rounded = u + 0x7fff + (u >> 16 & 1);
	vec_hh all = (vec_hh)vf_select(v == v, (vf)rounded, (vf)(u | 0x400000));
	vec_h upper = __builtin_shufflevector(all, all, 1, 3, 5, 7); /* little endian */

	memcpy(p, &upper, sizeof upper);
}

INLINE vf vf_load_i32(const int32_t *p)
{
	vec_i v;

	memcpy(&v, p, sizeof v);
	return __builtin_convertvector(v, vf);
}

/* Two roundings: this level has no fused operation. */
INLINE vf vf_fma(vf a, vf b, vf c)
{
	return a * b + c;
}

/* The second where either is not a number. */
INLINE vf vf_max(vf a, vf b)
{
	return vf_select(a > b, a, b);
}

INLINE vf vf_min(vf a, vf b)
{
	return vf_select(a < b, a, b);
}

/* The bits of v where mask has them. */
INLINE vf vf_bits(vf v, uint32_t mask)
{
	return (vf)((vec_u)v & mask);
}

INLINE vm vf_less(vf a, vf b)
{
	return a < b;
}

/* Adding 1.5 * 2^23 leaves no room for a fraction; for |v| < 2^22. */
INLINE vf vf_round(vf v)
{
	return v + 12582912.0f - 12582912.0f;
}

INLINE vec4 vec_fold(vf v)
{
	return v;
}

INLINE vf vec_floor(vf v)
{
	vf n = vf_round(v);
	return n - vf_select(v < n, vf_set(1), vf_set(0));
}

/* 2^n for whole n in [-126, 127] */
INLINE vf vec_power(vf n)
{
	return (vf)((__builtin_convertvector(n, vec_i) + 127) << 23);
}

#include "vec_small.h"

#endif
