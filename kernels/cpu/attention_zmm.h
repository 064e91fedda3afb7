/* SPDX-License-Identifier: MIT
 *
 * The 512-bit vector operations of attention_flash.h, for the levels from AVX-512 on.
 */
#ifndef BENCH_ATTENTION_ZMM_H
#define BENCH_ATTENTION_ZMM_H

#include <immintrin.h>

#define LANES 16
typedef __m512 vec;

static inline vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vec_store(float *p, vec x) { _mm512_storeu_ps(p, x); }
static inline vec vec_set(float x) { return _mm512_set1_ps(x); }
static inline vec vec_broadcast(const float *p) { return _mm512_set1_ps(*p); }
static inline vec vec_add(vec x, vec y) { return _mm512_add_ps(x, y); }
static inline vec vec_mul(vec x, vec y) { return _mm512_mul_ps(x, y); }
static inline vec vec_max(vec x, vec y) { return _mm512_max_ps(x, y); }
static inline vec vec_fms(vec x, vec y, vec z) { return _mm512_fmsub_ps(x, y, z); }
static inline float vec_hmax(vec x) { return _mm512_reduce_max_ps(x); }
static inline float vec_hsum(vec x) { return _mm512_reduce_add_ps(x); }

/* Lanes below n of x, the others of y; n may be negative or beyond the vector. */
static inline vec vec_keep(vec x, int64_t n, vec y)
{
	__mmask16 keep = n <= 0 ? 0 : n >= LANES ? 0xffff : (__mmask16)((1u << n) - 1);

	return _mm512_mask_mov_ps(y, keep, x);
}

#endif
