/* SPDX-License-Identifier: MIT
 *
 * Attention with AMX tiles of 16 rows by 16 words. Sixteen steps of packed keys or values are what
 * tdpbf16ps wants as right operand; rows of queries and of weights are its left operand as they
 * are. attention_amx_stream.h is the fast way; here is the one with a running maximum, for masks
 * and for scores that are too far apart. Its sums are four tiles: 32 rows x 2 vectors, which reads
 * the least per product, or 16 rows x 4 vectors where the weights are computed.
 *
 * Compiled a second time with the tiles emulated (attention_amx_emulated_bf16.c).
 */
#include "attention_bf16.h"

#define ROWS 32
#define PANEL 1 /* tiles of right operands are then contiguous */
#define KEY_ALIGN 32
#define TILE 16

/* In the order in which vpackusdw would leave them, see key_of_step. */
static inline void store_chunk(float *p, vec x, vec y)
{
	const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
	__m512i natural = (__m512i)_mm512_cvtne2ps_pbh(y, x);

	_mm512_storeu_si512(p, _mm512_permutexvar_epi64(order, natural));
}

#define STORE_CHUNK store_chunk

#include "amx_tile.h"
#include "attention_flash.h"
#include "attention_amx_pack.h"

/* Tiles 0..3 += 32 rows of a x n <= 2 vectors of b, over 16 steps. Words from row to row of a, from
 * its first half to the second, and from vector to vector of b. */
static inline void dot_square(const float *a, int64_t a_stride, int64_t a_half, const float *b,
			      int64_t b_next, int n)
{
	tile_load(6, b, LANES);
	tile_load(4, a, a_stride);
	tile_dot(0, 4, 6);
	tile_load(5, a + a_half, a_stride);
	tile_dot(2, 5, 6);
	if (n == 1)
		return;
	tile_load(7, b + b_next, LANES);
	tile_dot(1, 4, 7);
	tile_dot(3, 5, 7);
}

/* Tiles 0..n-1 += 16 rows of a x n vectors of b, over 16 steps. */
static inline void dot_wide(const float *a, int64_t a_stride, const float *b, int64_t b_next, int n)
{
	tile_load(4, a, a_stride);
	tile_load(5, b, LANES);
	tile_dot(0, 4, 5);
	if (n > 1) {
		tile_load(6, b + b_next, LANES);
		tile_dot(1, 4, 6);
	}
	if (n > 2) {
		tile_load(7, b + 2 * b_next, LANES);
		tile_dot(2, 4, 7);
	}
	if (n > 3) {
		tile_load(5, b + 3 * b_next, LANES);
		tile_dot(3, 4, 5);
	}
}

static inline void zero_sums(void)
{
	tile_zero(0);
	tile_zero(1);
	tile_zero(2);
	tile_zero(3);
}

static inline void load_square(const float *c, int64_t stride, int n)
{
	tile_load(0, c, stride);
	tile_load(2, c + TILE * stride, stride);
	if (n == 1)
		return;
	tile_load(1, c + LANES, stride);
	tile_load(3, c + TILE * stride + LANES, stride);
}

static inline void store_square(float *c, int64_t stride, int n)
{
	tile_store(0, c, stride);
	tile_store(2, c + TILE * stride, stride);
	if (n == 1)
		return;
	tile_store(1, c + LANES, stride);
	tile_store(3, c + TILE * stride + LANES, stride);
}

static inline void load_wide(const float *c, int64_t stride, int n)
{
	tile_load(0, c, stride);
	if (n > 1)
		tile_load(1, c + LANES, stride);
	if (n > 2)
		tile_load(2, c + 2 * LANES, stride);
	if (n > 3)
		tile_load(3, c + 3 * LANES, stride);
}

static inline void store_wide(float *c, int64_t stride, int n)
{
	tile_store(0, c, stride);
	if (n > 1)
		tile_store(1, c + LANES, stride);
	if (n > 2)
		tile_store(2, c + 2 * LANES, stride);
	if (n > 3)
		tile_store(3, c + 3 * LANES, stride);
}

static void scores(struct tile *t, const float *k)
{
	const int64_t next = t->dh_words * LANES;

	for (int64_t left = vectors_of(t->keys), col = 0; left > 0 && col < t->seen; left -= 2) {
		int pair = left < 2 ? 1 : 2;

		zero_sums();
		for (int64_t s = 0; s < t->dh_words; s += TILE)
			dot_square(t->q + s, t->dh_words, TILE * t->dh_words, k + s * LANES, next,
				   pair);
		store_square(t->s + col, ATTENTION_SCORE_STRIDE, pair);
		k += pair * next;
		col += pair * LANES;
	}
	for (int i = 0; i < ROWS; i++)
		mask_row(t, i, t->seen);
}

/* The tiles are added to, so what they start from is scaled in memory; rarely after the first
 * blocks. */
static void rescale(const struct tile *t)
{
	for (int i = 0; i < ROWS; i++)
		for (int64_t j = 0; t->alpha[i] != 1 && j < t->dh_cols; j += LANES) {
			float *o = t->o + i * t->dh_cols + j;

			vec_store(o, vec_mul(vec_load(o), vec_set(t->alpha[i])));
		}
}

static void weigh_half(struct tile *t, int row, int64_t first)
{
	for (int i = 0; i < TILE; i++)
		weigh(t, row + i, first);
}

/* The first n columns of values: weighs each chunk while the tiles multiply the chunk before. */
static void values_first(struct tile *t, const float *v, int64_t next, int n)
{
	for (int row = 0; row < ROWS; row += TILE) {
		const float *p = t->s + row * ATTENTION_SCORE_STRIDE;
		float *o = t->o + row * t->dh_cols;

		load_wide(o, t->dh_cols, n);
		weigh_half(t, row, 0);
		for (int64_t first = 0; first < t->padded; first += CHUNK) {
			dot_wide(p + first / PAIR, ATTENTION_SCORE_STRIDE, v + first / PAIR * LANES,
				 next, n);
			if (first + CHUNK < t->padded)
				weigh_half(t, row, first + CHUNK);
		}
		store_wide(o, t->dh_cols, n);
	}
}

static void values_pair(const struct tile *t, float *o, const float *v, int64_t next, int n)
{
	load_square(o, t->dh_cols, n);
	for (int64_t s = 0; s < t->padded / PAIR; s += TILE)
		dot_square(t->s + s, ATTENTION_SCORE_STRIDE, TILE * ATTENTION_SCORE_STRIDE,
			   v + s * LANES, next, n);
	store_square(o, t->dh_cols, n);
}

static void accumulate(struct tile *t, const float *v)
{
	const int64_t next = value_steps(t->keys) * LANES, cols = t->dh_cols / LANES;

	if (t->fresh)
		memset(t->o, 0, 4 * (size_t)(ROWS * t->dh_cols));
	else
		rescale(t);
	values_first(t, v, next, cols < 4 ? (int)cols : 4);
	for (int64_t j = 4; j < cols; j += 2)
		values_pair(t, t->o + j * LANES, v + j * next, next, j + 1 < cols ? 2 : 1);
}

#include "attention_amx_stream.h"

static void attend_with_tiles(const struct attention *a, int64_t head, int64_t first_row,
			      float *scratch)
{
	tile_begin();
	if (!stream(a, head, first_row, scratch))
		attend(a, head, first_row, scratch);
	tile_end();
}

#ifdef AMX_EMULATED
#define KERNEL attention_amx_emulated
#else
#define KERNEL attention_amx
#endif

const struct attention_kernel KERNEL = {
	.lanes = LANES, .pair = PAIR, .rows = QUERIES, .word_align = TILE, .pack = pack,
	.attend = attend_with_tiles,
};
