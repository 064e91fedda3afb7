/* SPDX-License-Identifier: MIT
 *
 * Packing for attention_amx.c: vectors of keys as [step][lane] words, columns of values as
 * [step][lane] words, so that 16 steps are a tile in one piece.
 */
#ifndef BENCH_ATTENTION_AMX_PACK_H
#define BENCH_ATTENTION_AMX_PACK_H

static inline int64_t least(int64_t x, int64_t y)
{
	return x < y ? x : y;
}

static inline __mmask32 first_halves(int64_t n)
{
	return n <= 0 ? 0 : n >= 32 ? 0xffffffff : (1u << n) - 1;
}

/* The largest of elements without signs: a bound, and infinity where one of them was no number. */
static float largest_half(__m512i x)
{
	uint16_t half[32], largest = 0;

	_mm512_storeu_si512(half, x);
	for (int i = 0; i < 32; i++)
		largest = half[i] > largest ? half[i] : largest;
	return largest < 0x7f80 ? bf16_to_f32(largest) : INFINITY;
}

/* 32 elements from column `col` of a token, zeros beyond the head. */
static inline __m512i token_words(const struct attention *a, const void *x, int64_t first,
				  int64_t col)
{
	return _mm512_maskz_loadu_epi16(first_halves(a->dh - col),
					(const uint16_t *)x + first + col);
}

/* Pairs of rows, then pairs of pairs: within each quarter of 128 bits the words are transposed. */
static inline void transpose_quarters(__m512i r[4])
{
	__m512i a = _mm512_unpacklo_epi32(r[0], r[1]), b = _mm512_unpackhi_epi32(r[0], r[1]);
	__m512i c = _mm512_unpacklo_epi32(r[2], r[3]), d = _mm512_unpackhi_epi32(r[2], r[3]);

	r[0] = _mm512_unpacklo_epi64(a, c);
	r[1] = _mm512_unpackhi_epi64(a, c);
	r[2] = _mm512_unpacklo_epi64(b, d);
	r[3] = _mm512_unpackhi_epi64(b, d);
}

/* The quarters of four vectors, transposed: vectors 4 i + j hold words 4 x + j of rows 4 i to
 * 4 i + 3 in quarter x. */
static inline void store_quarters(float *dst, const __m512i r[16], int j)
{
	__m512i a = _mm512_shuffle_i32x4(r[j], r[4 + j], 0x88);
	__m512i b = _mm512_shuffle_i32x4(r[j], r[4 + j], 0xdd);
	__m512i c = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0x88);
	__m512i d = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0xdd);

	_mm512_storeu_si512(dst + j * LANES, _mm512_shuffle_i32x4(a, c, 0x88));
	_mm512_storeu_si512(dst + (4 + j) * LANES, _mm512_shuffle_i32x4(b, d, 0x88));
	_mm512_storeu_si512(dst + (8 + j) * LANES, _mm512_shuffle_i32x4(a, c, 0xdd));
	_mm512_storeu_si512(dst + (12 + j) * LANES, _mm512_shuffle_i32x4(b, d, 0xdd));
}

/* Transposes 16 words of 16 keys; returns the largest elements, signs off. */
static __m512i pack_key_tile(const struct attention *a, float *dst, int64_t token0, int64_t keys,
			     int64_t col)
{
	__m512i row[LANES], most = _mm512_setzero_si512();

#pragma GCC unroll 16
	for (int i = 0; i < LANES; i++) {
		row[i] = i < keys ? token_words(a, a->k, token0 + i * a->width, col) :
				    _mm512_setzero_si512();
		most = _mm512_max_epu16(most,
					_mm512_and_si512(row[i], _mm512_set1_epi16(0x7fff)));
	}
#pragma GCC unroll 4
	for (int i = 0; i < LANES; i += 4)
		transpose_quarters(row + i);
#pragma GCC unroll 4
	for (int j = 0; j < 4; j++)
		store_quarters(dst, row, j);
	return most;
}

/* Returns the largest element. */
static float pack_keys(const struct attention *a, float *dst, int64_t token0, int64_t keys)
{
	__m512i most = _mm512_setzero_si512();

	for (int64_t i = 0; i < keys; i += LANES)
		for (int64_t w = 0; w < a->dh_words; w += TILE, dst += TILE * LANES)
			most = _mm512_max_epu16(most,
						pack_key_tile(a, dst, token0 + i * a->width,
							      keys - i, w * PAIR));
	return largest_half(most);
}

/* The key that is in the lower halves of step s; the next is in the upper halves. vpackusdw leaves
 * weights in this order: four of one vector of scores, four of the next in turn. */
static inline int64_t key_of_step(int64_t s)
{
	return (s & ~15) * 2 + (s & 12) + (s & 2) * 8 + (s & 1) * 2;
}

static inline __m512i value_half(const struct attention *a, int64_t first, bool any, int64_t col)
{
	__mmask16 m = any ? (__mmask16)first_halves(a->dh - col) : 0;

	return _mm512_cvtepu16_epi32(
		_mm256_maskz_loadu_epi16(m, (const uint16_t *)a->v + first + col));
}

static void pack_values(const struct attention *a, float *dst, int64_t token0, int64_t keys)
{
	const int64_t steps = value_steps(keys);

	for (int64_t s = 0; s < steps; s++) {
		int64_t key = key_of_step(s), token = token0 + key * a->width;

		for (int64_t col = 0; col < a->dh_cols; col += LANES) {
			__m512i lower = value_half(a, token, key < keys, col);
			__m512i upper = value_half(a, token + a->width, key + 1 < keys, col);

			_mm512_storeu_si512(dst + col * steps + s * LANES,
					    _mm512_or_si512(lower, _mm512_slli_epi32(upper, 16)));
		}
	}
}

/* Of the elements of the block of keys that begins with key `first`. */
static inline float *key_bound(const struct attention *a, int64_t head, int64_t first)
{
	return packed_keys(a, head, 0) + a->head_k_words - 1 - first / a->block_keys;
}

static void pack(const struct attention *a, int64_t head, int64_t first)
{
	int64_t keys = least(a->lk - first, a->block_keys);
	int64_t token0 = token_of(a, a->lk, head, first);

	*key_bound(a, head, first) = pack_keys(a, packed_keys(a, head, first), token0, keys);
	pack_values(a, packed_values(a, head, first), token0, keys);
}

#endif
