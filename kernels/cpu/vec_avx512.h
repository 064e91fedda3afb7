/* SPDX-License-Identifier: MIT
 *
 * vec.h for AVX-512 (F, BW, DQ, VL), and with AVX512_BF16 its conversion, which takes denormal
 * numbers for zero.
 */
#ifndef BENCH_VEC_AVX512_H
#define BENCH_VEC_AVX512_H

#include <immintrin.h>

#define VEC 16
typedef __m512 vf;
typedef __mmask16 vm;

INLINE __mmask16 vec_first(int n)
{
	return (__mmask16)((1u << n) - 1);
}

INLINE vf vf_set(float x)
{
	return _mm512_set1_ps(x);
}

INLINE vf vf_load(const float *p)
{
	return _mm512_loadu_ps(p);
}

INLINE vf vf_load_part(const float *p, int n)
{
	return _mm512_maskz_loadu_ps(vec_first(n), p);
}

INLINE void vf_store(float *p, vf v)
{
	_mm512_storeu_ps(p, v);
}

INLINE void vf_store_part(float *p, int n, vf v)
{
	_mm512_mask_storeu_ps(p, vec_first(n), v);
}

INLINE vf vec_widen(__m256i h)
{
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

INLINE __m256i vec_narrow(vf v)
{
#if defined(SIMD_bf16)
	return (__m256i)_mm512_cvtneps_pbh(v);
#else
	__m512i u = _mm512_castps_si512(v);
	__m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
	__m512i half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
	__m512i quiet = _mm512_or_si512(u, _mm512_set1_epi32(0x400000));
	__mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);

	u = _mm512_mask_mov_epi32(_mm512_add_epi32(u, half), nan, quiet);
	return _mm512_cvtepi32_epi16(_mm512_srli_epi32(u, 16));
#endif
}

INLINE vf vf_load_bf16(const uint16_t *p)
{
	return vec_widen(_mm256_loadu_si256((const void *)p));
}

INLINE vf vf_load_bf16_part(const uint16_t *p, int n)
{
	return vec_widen(_mm256_maskz_loadu_epi16(vec_first(n), p));
}

INLINE void vf_store_bf16(uint16_t *p, vf v)
{
	_mm256_storeu_si256((void *)p, vec_narrow(v));
}

INLINE void vf_store_bf16_part(uint16_t *p, int n, vf v)
{
	_mm256_mask_storeu_epi16(p, vec_first(n), vec_narrow(v));
}

INLINE vf vf_load_i32(const int32_t *p)
{
	return _mm512_cvtepi32_ps(_mm512_loadu_si512(p));
}

INLINE vf vf_fma(vf a, vf b, vf c)
{
	return _mm512_fmadd_ps(a, b, c);
}

/* The second where either is not a number. */
INLINE vf vf_max(vf a, vf b)
{
	return _mm512_max_ps(a, b);
}

INLINE vf vf_min(vf a, vf b)
{
	return _mm512_min_ps(a, b);
}

/* The bits of v where mask has them. */
INLINE vf vf_bits(vf v, uint32_t mask)
{
	return _mm512_and_ps(v, _mm512_castsi512_ps(_mm512_set1_epi32((int)mask)));
}

INLINE vm vf_less(vf a, vf b)
{
	return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

INLINE vf vf_select(vm m, vf yes, vf no)
{
	return _mm512_mask_blend_ps(m, no, yes);
}

INLINE vf vf_round(vf v)
{
	return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* v - floor(v), zero for infinity */
INLINE vf vf_fraction(vf v)
{
	return _mm512_reduce_ps(v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

/* v * 2^floor(e), with overflow to infinity and gradual underflow */
INLINE vf vf_scale(vf v, vf e)
{
	return _mm512_scalef_ps(v, e);
}

/* The sum of the quarters. */
INLINE vec4 vec_fold(vf v)
{
	__m256 h = _mm512_castps512_ps256(v) + _mm512_extractf32x8_ps(v, 1);

	return _mm256_castps256_ps128(h) + _mm256_extractf128_ps(h, 1);
}

/* 1/v with relative error 2^-14 */
INLINE vf vf_recip_rough(vf v)
{
	return _mm512_rcp14_ps(v);
}

#endif
