/* SPDX-License-Identifier: MIT
 *
 * Attention with AMX tiles: 2 x 2 accumulators of 16 x 16, so 32 queries by 32 keys (or columns of V)
 * per tile of the kernel. A panel of 16 steps x 16 lanes is what tdpbf16ps wants as right operand; rows
 * of queries and of weights are its left operand as they are.
 *
 * Compiled a second time with the tiles emulated (attention_amx_emulated_bf16.c).
 */
#include "attention_bf16.h"

#define ROWS 32
#define PANEL 2
#define KEY_ALIGN 32
#define TILE 16

#include "attention_amx_tile.h"
#include "attention_flash.h"

/* Tiles 0..3: sums of (rows 0-15, 16-31) x (lanes 0-15, 16-31); 4, 5 left and 6, 7 right operands. */
static void product_wide(const float *a, int64_t stride, const float *b, int64_t steps)
{
	for (int64_t s = 0; s < steps; s += TILE, b += 2 * TILE * LANES) {
		tile_load(6, b, 2 * LANES);
		tile_load(4, a + s, stride);
		tile_dot(0, 4, 6);
		tile_load(7, b + LANES, 2 * LANES);
		tile_dot(1, 4, 7);
		tile_load(5, a + TILE * stride + s, stride);
		tile_dot(2, 5, 6);
		tile_dot(3, 5, 7);
	}
}

static void product_narrow(const float *a, int64_t stride, const float *b, int64_t steps)
{
	for (int64_t s = 0; s < steps; s += TILE, b += TILE * LANES) {
		tile_load(6, b, LANES);
		tile_load(4, a + s, stride);
		tile_dot(0, 4, 6);
		tile_load(5, a + TILE * stride + s, stride);
		tile_dot(2, 5, 6);
	}
}

static void scores(struct tile *t, const float *k)
{
	const int64_t stride = ATTENTION_SCORE_STRIDE, lower = TILE * stride;

	for (int64_t left = vectors_of(t->keys), col = 0; left && col < t->seen; ) {
		int n = panel_share(left);
		float *s = t->s + col;

		tile_zero(0);
		tile_zero(2);
		if (n == 2) {
			tile_zero(1);
			tile_zero(3);
			product_wide(t->q, t->dh_words, k, t->dh_words);
			tile_store(1, s + LANES, stride);
			tile_store(3, s + lower + LANES, stride);
		} else {
			product_narrow(t->q, t->dh_words, k, t->dh_words);
		}
		tile_store(0, s, stride);
		tile_store(2, s + lower, stride);
		k += t->dh_words * n * LANES;
		col += n * LANES;
		left -= n;
	}
	for (int i = 0; i < ROWS; i++)
		mask_row(t, i, t->seen);
}

static void rescale(const struct tile *t)
{
	for (int i = 0; i < ROWS; i++)
		for (int64_t j = 0; t->alpha[i] != 1 && j < t->dh_cols; j += LANES) {
			float *o = t->o + i * t->dh_cols + j;

			vec_store(o, vec_mul(vec_load(o), vec_set(t->alpha[i])));
		}
}

static void accumulate(struct tile *t, const float *v)
{
	int64_t steps = value_steps(t->seen), panel_steps = value_steps(t->keys);
	const int64_t stride = t->dh_cols, lower = TILE * stride;

	for (int64_t i = 0; i < ROWS; i++)
		for (int64_t j = 0; j < t->padded; j += CHUNK)
			weigh(t, i, j);
	rescale(t);
	for (int64_t left = t->dh_cols / LANES, col = 0; left; ) {
		int n = panel_share(left);
		float *o = t->o + col;

		tile_load(0, o, stride);
		tile_load(2, o + lower, stride);
		if (n == 2) {
			tile_load(1, o + LANES, stride);
			tile_load(3, o + lower + LANES, stride);
			product_wide(t->s, ATTENTION_SCORE_STRIDE, v, steps);
			tile_store(1, o + LANES, stride);
			tile_store(3, o + lower + LANES, stride);
		} else {
			product_narrow(t->s, ATTENTION_SCORE_STRIDE, v, steps);
		}
		tile_store(0, o, stride);
		tile_store(2, o + lower, stride);
		v += panel_steps * n * LANES;
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
