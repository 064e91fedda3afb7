/* SPDX-License-Identifier: MIT
 *
 * The bulk of random_fill (random.c) in vectors of four Philox blocks: a 64-bit place holds one
 * 32-bit word in its lower half, as the multiplication takes it; what the upper half holds does not
 * matter until words are joined. Products and sums are rounded apart, as in random.c: the bits are
 * the same. 256 bits on all levels: about 2 GB/s of bf16 a core, more than packing takes away.
 * Level c has no fast part. How to test: random_test.c.
 */
#include "simd.h"

#if !defined(SIMD_c)

#include <immintrin.h>

enum { BLOCKS = 4 };

static inline __m256i xor3(__m256i a, __m256i b, __m256i c)
{
	return _mm256_xor_si256(_mm256_xor_si256(a, b), c);
}

/* Words 0 to 3 of BLOCKS blocks. */
static inline void philox(const struct random_job *job, uint64_t block, __m256i c[4])
{
	const __m256i m0 = _mm256_set1_epi32((int)PHILOX_M0);
	const __m256i m1 = _mm256_set1_epi32((int)PHILOX_M1);
	uint32_t k0 = (uint32_t)job->seed, k1 = (uint32_t)(job->seed >> 32);

	c[0] = _mm256_add_epi64(_mm256_set1_epi64x((long long)block),
				_mm256_setr_epi64x(0, 1, 2, 3));
	c[1] = _mm256_srli_epi64(c[0], 32);
	c[2] = _mm256_set1_epi32((int)job->key);
	c[3] = _mm256_set1_epi32((int)(job->key >> 32));
	for (int round = 0; round < PHILOX_ROUNDS; round++) {
		__m256i p0 = _mm256_mul_epu32(c[0], m0), p1 = _mm256_mul_epu32(c[2], m1);

		c[0] = xor3(_mm256_srli_epi64(p1, 32), c[1], _mm256_set1_epi32((int)k0));
		c[1] = p1;
		c[2] = xor3(_mm256_srli_epi64(p0, 32), c[3], _mm256_set1_epi32((int)k1));
		c[3] = p0;
		k0 += PHILOX_W0;
		k1 += PHILOX_W1;
	}
}

/* Two words of each block side by side: a in the lower half of a place, b in the upper. */
static inline __m256i joined(__m256i a, __m256i b)
{
	return _mm256_blend_epi32(a, _mm256_slli_epi64(b, 32), 0xaa);
}

static inline __m256 values(const struct random_job *job, __m256i words)
{
	__m256i pairs = _mm256_maddubs_epi16(words, _mm256_set1_epi8(1));
	__m256i sums = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
	__m256 v = _mm256_cvtepi32_ps(_mm256_sub_epi32(sums, _mm256_set1_epi32(RANDOM_MIDDLE)));

	v = _mm256_mul_ps(_mm256_set1_ps(job->step), v);
	return _mm256_add_ps(_mm256_set1_ps(job->mean), v);
}

/* bf16 bits of finite numbers, in the lower halves. */
static inline __m256i rounded(__m256 v)
{
	__m256i u = _mm256_castps_si256(v);
	__m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));

	u = _mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
	return _mm256_srli_epi32(u, 16);
}

static inline void store_f32(float *dst, __m256 a, __m256 b)
{
	_mm256_storeu_ps(dst, a);
	_mm256_storeu_ps(dst + 8, b);
}

static inline void store_bf16(uint16_t *dst, __m256 a, __m256 b)
{
	__m256i packed = _mm256_packus_epi32(rounded(a), rounded(b));

	_mm256_storeu_si256((void *)dst, _mm256_permute4x64_epi64(packed, 0xd8));
}

int64_t SIMD(random)(const struct random_job *job, uint64_t block, int64_t n, void *dst)
{
	const struct random_job copy = *job; /* which no store can change */
	int64_t i = 0;

	for (; i + BLOCKS <= n; i += BLOCKS) {
		__m256i c[4], even, odd;
		__m256 a, b;

		philox(&copy, block + (uint64_t)i, c);
		even = _mm256_unpacklo_epi64(joined(c[0], c[1]), joined(c[2], c[3]));
		odd = _mm256_unpackhi_epi64(joined(c[0], c[1]), joined(c[2], c[3]));
		a = values(&copy, _mm256_permute2x128_si256(even, odd, 0x20));
		b = values(&copy, _mm256_permute2x128_si256(even, odd, 0x31));
		if (copy.dtype == DT_F32)
			store_f32((float *)dst + 4 * i, a, b);
		else
			store_bf16((uint16_t *)dst + 4 * i, a, b);
	}
	return i;
}

#endif
