/* SPDX-License-Identifier: MIT
 *
 * The bulk of random_fill (random.c) in vectors of Philox blocks, two at level c and four above: a
 * 64-bit place holds one 32-bit word in its lower half, as the multiplication takes it; what the
 * upper half holds does not matter until words are joined. Products and sums are rounded apart, as
 * in random.c: the bits are the same. 256 bits are enough for the levels above avx2: about 2 GB/s
 * of bf16 a core, more than packing takes away. How to test: random_test.c.
 */
#include "simd.h"

#include <string.h>

#if defined(SIMD_c)
#define BLOCKS 2
#define ORDER  { 0, 1 }
#else
#define BLOCKS 4
#define ORDER  { 0, 1, 2, 3 }
#endif
#define BYTES  (8 * BLOCKS)

typedef uint64_t place __attribute__((vector_size(BYTES)));
typedef uint32_t word __attribute__((vector_size(BYTES)));
typedef int32_t whole __attribute__((vector_size(BYTES)));
typedef int16_t half __attribute__((vector_size(BYTES)));
typedef float real __attribute__((vector_size(BYTES)));

/* product: lower halves of the places, 32 x 32 bits. byte_sums: of the four bytes of each word.
 * pairs_of: words 0 to 3 of block after block from the joined words 01 and 23. upper: the upper
 * halves of a, then those of b. */
#if defined(SIMD_c) && !defined(__SSE2__)

static inline place product(place a, uint32_t m)
{
	return (a & 0xffffffff) * m;
}

static inline whole byte_sums(place w)
{
	word pairs = ((word)w & 0xff00ff) + ((word)w >> 8 & 0xff00ff);
	return (whole)((pairs & 0xffff) + (pairs >> 16));
}

static inline half upper(word a, word b)
{
	return __builtin_shufflevector((half)a, (half)b, 1, 3, 5, 7, 9, 11, 13, 15);
}

#elif defined(SIMD_c)
#include <emmintrin.h>

static inline place product(place a, uint32_t m)
{
	return (place)_mm_mul_epu32((__m128i)a, _mm_set1_epi32((int)m));
}

static inline whole byte_sums(place w)
{
	word pairs = ((word)w & 0xff00ff) + ((word)w >> 8 & 0xff00ff);
	return (whole)_mm_madd_epi16((__m128i)pairs, _mm_set1_epi16(1));
}

static inline half upper(word a, word b)
{
	return (half)_mm_packs_epi32((__m128i)((whole)a >> 16), (__m128i)((whole)b >> 16));
}

#else
#include <immintrin.h>

static inline place product(place a, uint32_t m)
{
	return (place)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi32((int)m));
}

static inline whole byte_sums(place w)
{
	__m256i pairs = _mm256_maddubs_epi16((__m256i)w, _mm256_set1_epi8(1));
	return (whole)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

static inline half upper(word a, word b)
{
	__m256i packed =
		_mm256_packs_epi32((__m256i)((whole)a >> 16), (__m256i)((whole)b >> 16));
	return (half)_mm256_permute4x64_epi64(packed, 0xd8);
}

#endif

/* Words 0 to 3 of BLOCKS blocks. */
static inline void philox(const struct random_job *job, uint64_t block, place c[4])
{
	const place zero = { 0 }, order = ORDER;
	uint32_t k0 = (uint32_t)job->seed, k1 = (uint32_t)(job->seed >> 32);

	c[0] = block + order;
	c[1] = c[0] >> 32;
	c[2] = zero + (uint32_t)job->key;
	c[3] = zero + (job->key >> 32);
	for (int round = 0; round < PHILOX_ROUNDS; round++) {
		place p0 = product(c[0], PHILOX_M0), p1 = product(c[2], PHILOX_M1);

		c[0] = (p1 >> 32) ^ c[1] ^ (zero + k0);
		c[1] = p1;
		c[2] = (p0 >> 32) ^ c[3] ^ (zero + k1);
		c[3] = p0;
		k0 += PHILOX_W0;
		k1 += PHILOX_W1;
	}
}

/* Two words of each block side by side: a in the lower half of a place, b in the upper. */
static inline place joined(place a, place b)
{
	return (a & 0xffffffff) | b << 32;
}

/* The words of all blocks in order: the first half of them in *first, the rest in *second. */
static inline void in_order(const place c[4], place *first, place *second)
{
	place low = joined(c[0], c[1]), high = joined(c[2], c[3]);
#if BLOCKS == 2
	*first = __builtin_shufflevector(low, high, 0, 2);
	*second = __builtin_shufflevector(low, high, 1, 3);
#else
	*first = __builtin_shufflevector(low, high, 0, 4, 1, 5);
	*second = __builtin_shufflevector(low, high, 2, 6, 3, 7);
#endif
}

static inline real values(const struct random_job *job, place words)
{
	real v = __builtin_convertvector(byte_sums(words) - RANDOM_MIDDLE, real);

	v = job->step * v;
	return job->mean + v;
}

/* Finite numbers whose upper halves are rounded to bf16. */
static inline word rounded(real v)
{
	word u = (word)v;

	return u + 0x7fff + (u >> 16 & 1);
}

int64_t SIMD(random)(const struct random_job *job, uint64_t block, int64_t n, void *dst)
{
	const struct random_job copy = *job; /* which no store can change */
	int64_t i = 0;

	for (; i + BLOCKS <= n; i += BLOCKS) {
		place c[4], first, second;
		real v[2];

		philox(&copy, block + (uint64_t)i, c);
		in_order(c, &first, &second);
		v[0] = values(&copy, first);
		v[1] = values(&copy, second);
		if (copy.dtype == DT_F32) {
			memcpy((float *)dst + 4 * i, v, sizeof v);
		} else {
			half h = upper(rounded(v[0]), rounded(v[1]));
			memcpy((uint16_t *)dst + 4 * i, &h, sizeof h);
		}
	}
	return i;
}
