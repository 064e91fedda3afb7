/* SPDX-License-Identifier: MIT
 *
 * Attention in fp32 with AVX2 and FMA.
 */
#include <immintrin.h>

#define LANES 8
#define PAIR 1
#define ROWS 6
#define PANEL 2
#define KEY_ALIGN 1

#include "attention.h"

typedef __m256 vec;

static inline vec vec_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void vec_store(float *p, vec x) { _mm256_storeu_ps(p, x); }
static inline vec vec_set(float x) { return _mm256_set1_ps(x); }
static inline vec vec_broadcast(const float *p) { return _mm256_broadcast_ss(p); }
static inline vec vec_add(vec x, vec y) { return _mm256_add_ps(x, y); }
static inline vec vec_mul(vec x, vec y) { return _mm256_mul_ps(x, y); }
static inline vec vec_max(vec x, vec y) { return _mm256_max_ps(x, y); }
static inline vec vec_fms(vec x, vec y, vec z) { return _mm256_fmsub_ps(x, y, z); }
static inline vec vec_dot(vec acc, vec a, vec b) { return _mm256_fmadd_ps(a, b, acc); }

static inline float vec_hmax(vec x)
{
	__m128 y = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));

	y = _mm_max_ps(y, _mm_movehl_ps(y, y));
	return _mm_cvtss_f32(_mm_max_ss(y, _mm_movehdup_ps(y)));
}

static inline float vec_hsum(vec x)
{
	__m128 y = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));

	y = _mm_add_ps(y, _mm_movehl_ps(y, y));
	return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
}

/* Lanes below n of x, the others of y; n may be negative or beyond the vector. */
static inline vec vec_keep(vec x, int64_t n, vec y)
{
	__m256 lane = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);

	return _mm256_blendv_ps(y, x, _mm256_cmp_ps(lane, vec_set((float)n), _CMP_LT_OQ));
}

/* 2^x to 2e-7 (EXP2_C1..5 in attention.h), 0 where the result would be subnormal. */
static inline vec vec_exp2(vec x)
{
	vec n = _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	vec r = _mm256_sub_ps(x, n);
	vec p = _mm256_fmadd_ps(vec_set(EXP2_C5), r, vec_set(EXP2_C4));
	__m256i e = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);

	p = _mm256_fmadd_ps(p, r, vec_set(EXP2_C3));
	p = _mm256_fmadd_ps(p, r, vec_set(EXP2_C2));
	p = _mm256_fmadd_ps(p, r, vec_set(EXP2_C1));
	p = _mm256_fmadd_ps(p, r, vec_set(1.0f));
	p = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), e));
	return _mm256_andnot_ps(_mm256_cmp_ps(x, vec_set(EXP2_MIN), _CMP_LT_OQ), p);
}

static inline void store_weights(float *p, vec x, vec y)
{
	vec_store(p, x);
	vec_store(p + LANES, y);
}

#include "attention_vector.h"

const struct attention_kernel attention_avx2 = {
	.lanes = LANES, .pair = PAIR, .rows = ROWS, .word_align = 1, .pack = pack, .attend = attend,
};
