/* SPDX-License-Identifier: MIT
 *
 * Attention with AMX tiles of 16 rows by 16 words. A panel of 16 steps is what tdpbf16ps wants as
 * right operand; rows of queries and of weights are its left operand as they are. Sums are four
 * tiles: 32 rows x 2 vectors, which reads the least per product, or 16 rows x 4 vectors where the
 * weights are computed, so that for heads of 64 all of P V runs in the shadow of the exponentials.
 *
 * Compiled a second time with the tiles emulated (attention_amx_emulated_bf16.c).
 */
#include "attention_bf16.h"

#define ROWS 32
#define PANEL 4
#define KEY_ALIGN 32
#define TILE 16

#include "attention_amx_tile.h"
#include "attention_flash.h"

/* Tiles 0..3 += 32 rows of a x n <= 2 vectors of b, over 16 steps; strides in words. */
static inline void dot_square(const float *a, int64_t a_stride, const float *b, int64_t b_stride,
			      int n)
{
	tile_load(6, b, b_stride);
	tile_load(4, a, a_stride);
	tile_dot(0, 4, 6);
	tile_load(5, a + TILE * a_stride, a_stride);
	tile_dot(2, 5, 6);
	if (n == 1)
		return;
	tile_load(7, b + LANES, b_stride);
	tile_dot(1, 4, 7);
	tile_dot(3, 5, 7);
}

/* Tiles 0..n-1 += 16 rows of a x n vectors of b, over 16 steps. */
static inline void dot_wide(const float *a, int64_t a_stride, const float *b, int n)
{
	const int64_t b_stride = n * LANES;

	tile_load(4, a, a_stride);
	tile_load(5, b, b_stride);
	tile_dot(0, 4, 5);
	if (n > 1) {
		tile_load(6, b + LANES, b_stride);
		tile_dot(1, 4, 6);
	}
	if (n > 2) {
		tile_load(7, b + 2 * LANES, b_stride);
		tile_dot(2, 4, 7);
	}
	if (n > 3) {
		tile_load(5, b + 3 * LANES, b_stride);
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
	for (int64_t left = vectors_of(t->keys), col = 0; left && col < t->seen; ) {
		int n = panel_share(left);

		for (int j = 0; j < n; j += 2) {
			int pair = n - j < 2 ? 1 : 2;

			zero_sums();
			for (int64_t s = 0; s < t->dh_words; s += TILE)
				dot_square(t->q + s, t->dh_words, k + (s * n + j) * LANES,
					   n * LANES, pair);
			store_square(t->s + col + j * LANES, ATTENTION_SCORE_STRIDE, pair);
		}
		k += t->dh_words * n * LANES;
		col += n * LANES;
		left -= n;
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

/* The first panel of n vectors: weighs each chunk while the tiles multiply the chunk before. */
static void value_panel_first(struct tile *t, const float *v, int n)
{
	for (int row = 0; row < ROWS; row += TILE) {
		const float *p = t->s + row * ATTENTION_SCORE_STRIDE;
		float *o = t->o + row * t->dh_cols;

		load_wide(o, t->dh_cols, n);
		weigh_half(t, row, 0);
		for (int64_t first = 0; first < t->padded; first += CHUNK) {
			dot_wide(p + first / PAIR, ATTENTION_SCORE_STRIDE,
				 v + first / PAIR * n * LANES, n);
			if (first + CHUNK < t->padded)
				weigh_half(t, row, first + CHUNK);
		}
		store_wide(o, t->dh_cols, n);
	}
}

static void value_panel(const struct tile *t, const float *v, int64_t col, int n)
{
	for (int j = 0; j < n; j += 2) {
		int pair = n - j < 2 ? 1 : 2;
		float *o = t->o + col + j * LANES;

		load_square(o, t->dh_cols, pair);
		for (int64_t s = 0; s < t->padded / PAIR; s += TILE)
			dot_square(t->s + s, ATTENTION_SCORE_STRIDE, v + (s * n + j) * LANES,
				   n * LANES, pair);
		store_square(o, t->dh_cols, pair);
	}
}

static void accumulate(struct tile *t, const float *v)
{
	if (t->fresh)
		memset(t->o, 0, 4 * (size_t)(ROWS * t->dh_cols));
	else
		rescale(t);
	for (int64_t left = t->dh_cols / LANES, col = 0; left; ) {
		int n = panel_share(left);

		if (col == 0)
			value_panel_first(t, v, n);
		else
			value_panel(t, v, col, n);
		v += value_steps(t->keys) * n * LANES;
		col += n * LANES;
		left -= n;
	}
}

static void attend_with_tiles(const struct attention *a, int64_t head, int64_t first_row,
			      float *scratch)
{
	tile_begin();
	attend(a, head, first_row, scratch);
	tile_end();
}

#ifdef AMX_EMULATED
#define KERNEL attention_amx_emulated
#else
#define KERNEL attention_amx
#endif

const struct attention_kernel KERNEL = {
	.lanes = LANES, .pair = PAIR, .rows = ROWS, .word_align = TILE, .pack = pack,
	.attend = attend_with_tiles,
};
