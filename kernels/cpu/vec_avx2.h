/* SPDX-License-Identifier: MIT
 *
 * vec.h for AVX2 with FMA.
 */
#ifndef BENCH_VEC_AVX2_H
#define BENCH_VEC_AVX2_H

#include <immintrin.h>

#define VEC 8
typedef __m256 vf;
typedef __m256 vm;

INLINE vf vf_set(float x)
{
	return _mm256_set1_ps(x);
}

INLINE vf vf_load(const float *p)
{
	return _mm256_loadu_ps(p);
}

INLINE void vf_store(float *p, vf v)
{
	_mm256_storeu_ps(p, v);
}

INLINE vf vf_load_bf16(const uint16_t *p)
{
	__m256i w = _mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)p));
	return _mm256_castsi256_ps(_mm256_slli_epi32(w, 16));
}

INLINE void vf_store_bf16(uint16_t *p, vf v)
{
	__m256i u = _mm256_castps_si256(v);
	__m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
	__m256i half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
	__m256i quiet = _mm256_or_si256(u, _mm256_set1_epi32(0x400000));
	__m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));

	u = _mm256_srli_epi32(_mm256_blendv_epi8(_mm256_add_epi32(u, half), quiet, nan), 16);
	_mm_storeu_si128((void *)p, _mm_packus_epi32(_mm256_castsi256_si128(u),
						     _mm256_extracti128_si256(u, 1)));
}

INLINE vf vf_load_i32(const int32_t *p)
{
	return _mm256_cvtepi32_ps(_mm256_loadu_si256((const void *)p));
}

INLINE vf vf_fma(vf a, vf b, vf c)
{
	return _mm256_fmadd_ps(a, b, c);
}

/* The second where either is not a number. */
INLINE vf vf_max(vf a, vf b)
{
	return _mm256_max_ps(a, b);
}

INLINE vf vf_min(vf a, vf b)
{
	return _mm256_min_ps(a, b);
}

/* The bits of v where mask has them. */
INLINE vf vf_bits(vf v, uint32_t mask)
{
	return _mm256_and_ps(v, _mm256_castsi256_ps(_mm256_set1_epi32((int)mask)));
}

INLINE vm vf_less(vf a, vf b)
{
	return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}

INLINE vf vf_select(vm m, vf yes, vf no)
{
	return _mm256_blendv_ps(no, yes, m);
}

INLINE vf vf_round(vf v)
{
	return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* The sum of the halves. */
INLINE vec4 vec_fold(vf v)
{
	return _mm256_castps256_ps128(v) + _mm256_extractf128_ps(v, 1);
}

INLINE vf vec_floor(vf v)
{
	return _mm256_floor_ps(v);
}

/* 2^n for whole n in [-126, 127] */
INLINE vf vec_power(vf n)
{
	__m256i e = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
	return _mm256_castsi256_ps(_mm256_slli_epi32(e, 23));
}

#include "vec_small.h"

#endif
