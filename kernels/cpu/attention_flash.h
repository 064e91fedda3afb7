/* SPDX-License-Identifier: MIT
 *
 * Tiled attention with a running softmax (Milakov & Gimelshein 2018; Dao et al. 2022), written once
 * and compiled for each level: the including file defines the vector operations and the two matrix
 * products.
 *
 * For a tile of ROWS queries and a block of keys:
 *   scores       S = Q K^T            lanes are keys, query words are broadcast
 *   softmax      P = 2^(c S - m)      in place; m the running maximum, c = scale log2(e)
 *   accumulate   O = alpha O + P V    lanes are columns of V, words of P are broadcast
 * so no operand is transposed on the way. P overwrites S; as bf16 it fills half of each row.
 *
 * Right operands lie in panels of up to PANEL vectors, [step][vector][lane] words, one step being
 * one word of the summed dimension. The vectors of a block are shared out evenly over its panels.
 */
#ifndef BENCH_ATTENTION_FLASH_H
#define BENCH_ATTENTION_FLASH_H

#include <math.h>
#include <string.h>

#include "attention.h"

/* Arrays with one value per row of a tile fill whole vectors. */
#define ROW_VALUES ((ROWS + LANES - 1) / LANES * LANES)

/* One tile and one block of keys; strides in words. */
struct tile {
	const float *q;     /* [ROWS][dh_words] */
	float *s;           /* [ROWS][ATTENTION_SCORE_STRIDE] scores, then weights */
	float *o;           /* [ROWS][dh_cols] */
	float *max;         /* [ROW_VALUES] running maximum of c S */
	float *total;       /* [ROWS][LANES] lanes of the running sum of weights */
	int64_t dh_words, dh_cols;
	int64_t keys;       /* of this block */
	int64_t seen;       /* of these, the last query of the tile sees so many */
	int64_t padded;     /* seen, rounded up to whole CHUNKs */
	bool fresh;         /* the first block: nothing in o yet */
	float c;
	float alpha[ROW_VALUES];
	vec top[ROWS];      /* lanes of the maximum score of this block */
};

/* Keys that are weighed at a time. */
#define CHUNK (2 * LANES)

/* Score of a key that a query does not see, and the maximum before the first key. Times c it is far
 * below every real score, and finite. */
#define UNSEEN (-1e30f)

static inline int64_t vectors_of(int64_t cols)
{
	return (cols + LANES - 1) / LANES;
}

/* How weights are stored, where that is not the order of the keys. */
#ifndef STORE_CHUNK
#define STORE_CHUNK store_weights
#endif

/* The next of `panels` panels takes its even share of the `vectors` that remain. */
static inline int panel_share(int64_t vectors)
{
	int64_t panels = (vectors + PANEL - 1) / PANEL;

	return (int)((vectors + panels - 1) / panels);
}

/* Steps of the panels of values. */
static inline int64_t value_steps(int64_t keys)
{
	return (keys + KEY_ALIGN - 1) / KEY_ALIGN * (KEY_ALIGN / PAIR);
}

/* Fills s and top. */
static void scores(struct tile *t, const float *k);
/* Weighs the scores, and o = alpha o + weights v. */
static void accumulate(struct tile *t, const float *v);

/* ---- operands -------------------------------------------------------------------------------- */

/* Words [w0, w0 + words) of a row of dh elements; zero beyond them. */
static inline void row_words(const struct attention *a, float *dst, const void *x, int64_t first,
			     int64_t w0, int64_t words)
{
	int64_t e0 = w0 * PAIR, left = a->dh - e0, n = words * PAIR < left ? words * PAIR : left;
	const uint16_t *half = (const uint16_t *)x + first + e0;

	if (n < words * PAIR)
		memset(dst, 0, 4 * (size_t)words);
	if (n <= 0)
		return;
	if (PAIR == 2)
		memcpy(dst, half, 2 * (size_t)n);
	else if (a->dtype == DT_F32)
		memcpy(dst, (const float *)x + first + e0, 4 * (size_t)n);
	else
		for (int64_t i = 0; i < n; i++)
			dst[i] = bf16_to_f32(half[i]);
}

static void negate_words(float *x, int64_t words)
{
	uint32_t bits, sign = PAIR == 2 ? 0x80008000u : 0x80000000u;

	for (int64_t i = 0; i < words; i++) {
		memcpy(&bits, x + i, 4);
		bits ^= sign;
		memcpy(x + i, &bits, 4);
	}
}

static int64_t token_of(const struct attention *a, int64_t len, int64_t head, int64_t pos)
{
	return (head / a->heads * len + pos) * a->width + head % a->heads * a->dh;
}

/* Where the packed block of keys or values that begins with key `first` lies. */
static float *packed_keys(const struct attention *a, int64_t head, int64_t first)
{
	return a->packed_k + head % a->round_heads * a->head_k_words + first * a->dh_words;
}

static float *packed_values(const struct attention *a, int64_t head, int64_t first)
{
	return a->packed_v + head % a->round_heads * a->head_v_words + first / PAIR * a->dh_cols;
}

/* ---- softmax --------------------------------------------------------------------------------- */

/* The scores of a row whose query sees only `n` keys: the others vanish. */
static void mask_row(struct tile *t, int row, int64_t n)
{
	float *s = t->s + row * ATTENTION_SCORE_STRIDE;
	vec top = vec_set(UNSEEN);

	for (int64_t i = 0; i < t->padded; i += LANES) {
		if (i + LANES > n)
			vec_store(s + i, vec_keep(vec_load(s + i), n - i, vec_set(UNSEEN)));
		top = vec_max(top, vec_load(s + i));
	}
	t->top[row] = top;
}

/* Raises the running maxima; what was summed under the old ones shrinks by alpha. */
static void raise_max(struct tile *t)
{
	float top[ROW_VALUES] = { 0 };

	for (int i = 0; i < ROWS; i++)
		top[i] = t->c * vec_hmax(t->top[i]);
	for (int i = 0; i < ROWS; i += LANES) {
		vec old = vec_load(t->max + i), max = vec_max(old, vec_load(top + i));

		vec_store(t->alpha + i, vec_exp2(vec_fms(old, vec_set(1), max)));
		vec_store(t->max + i, max);
	}
	for (int i = 0; i < ROWS; i++)
		vec_store(t->total + i * LANES, vec_mul(vec_load(t->total + i * LANES),
							vec_set(t->alpha[i])));
}

/* Turns one chunk of scores of a row into weights. */
static inline __attribute__((always_inline)) void weigh(struct tile *t, int row, int64_t first)
{
	float *s = t->s + row * ATTENTION_SCORE_STRIDE, *total = t->total + row * LANES;
	vec c = vec_set(t->c), max = vec_set(t->max[row]);
	vec x = vec_exp2(vec_fms(vec_load(s + first), c, max));
	vec y = vec_exp2(vec_fms(vec_load(s + first + LANES), c, max));

	vec_store(total, vec_add(vec_load(total), vec_add(x, y)));
	STORE_CHUNK(s + first / PAIR, x, y);
}

/* ---- one query block ------------------------------------------------------------------------- */

/* Divides a row by the sum of its weights and stores it; o is overwritten. */
static void store_row(const struct attention *a, int64_t first, float *o, vec total)
{
	vec inverse = vec_set(1 / vec_hsum(total));

	if (PAIR == 2) {
		/* the second half of an odd last vector is whatever follows (after the last row the
		 * scores), and not copied */
		for (int64_t i = 0; i < a->dh_cols; i += 2 * LANES)
			store_weights(o + i / 2, vec_mul(vec_load(o + i), inverse),
				      vec_mul(vec_load(o + i + LANES), inverse));
		memcpy((uint16_t *)a->out + first, o, 2 * (size_t)a->dh);
		return;
	}
	for (int64_t i = 0; i < a->dh_cols; i += LANES)
		vec_store(o + i, vec_mul(vec_load(o + i), inverse));
	if (a->dtype == DT_F32) {
		memcpy((float *)a->out + first, o, 4 * (size_t)a->dh);
	} else {
		for (int64_t i = 0; i < a->dh; i++)
			((uint16_t *)a->out)[first + i] = f32_to_bf16(o[i]);
	}
}

/* Keys of the block at `first` that a query may see. */
static inline int64_t visible(const struct attention *a, int64_t row, int64_t first, int64_t keys)
{
	int64_t n = a->causal ? row + 1 - first : keys;

	return n < keys ? n : keys;
}

/* `row`: place of the first query of the tile in its head; `first`: of the first key of the block.
 */
static void attend_tile(const struct attention *a, struct tile *t, int64_t head, int64_t row,
			int64_t first)
{
	t->keys = a->lk - first < a->block_keys ? a->lk - first : a->block_keys;
	t->seen = visible(a, row + ROWS - 1, first, t->keys);
	if (t->seen <= 0)
		return;
	t->padded = (t->seen + CHUNK - 1) / CHUNK * CHUNK;
	t->fresh = first == 0;
	scores(t, packed_keys(a, head, first));
	for (int i = 0; i < ROWS; i++)
		if (visible(a, row + i, first, t->keys) < t->padded)
			mask_row(t, i, visible(a, row + i, first, t->keys));
	raise_max(t);
	accumulate(t, packed_values(a, head, first));
}

static void copy_queries(const struct attention *a, float *q, int64_t token0, int64_t rows,
			 int64_t padded)
{
	for (int64_t i = 0; i < rows; i++, q += a->dh_words) {
		row_words(a, q, a->q, token0 + i * a->width, 0, a->dh_words);
		if (a->scale < 0)
			negate_words(q, a->dh_words);
	}
	memset(q, 0, 4 * (size_t)((padded - rows) * a->dh_words));
}

static void attend(const struct attention *a, int64_t head, int64_t first_row, float *scratch)
{
	int64_t left = a->lq - first_row, rows = left < a->block_rows ? left : a->block_rows;
	int64_t tiles = (rows + ROWS - 1) / ROWS, last = a->causal ? first_row + rows : a->lk;
	int64_t token0 = token_of(a, a->lq, head, first_row);
	float *q = scratch, *o = q + a->block_rows * a->dh_words;
	float *s = o + a->block_rows * a->dh_cols, *max = s + ROWS * ATTENTION_SCORE_STRIDE;
	float *total = max + a->block_rows / ROWS * ROW_VALUES;
	struct tile t = {
		.s = s, .dh_words = a->dh_words, .dh_cols = a->dh_cols,
		/* a scale of 0 must still tell the unseen from the seen */
		.c = fmaxf(fabsf(a->scale) * (float)M_LOG2E, 1e-20f),
	};

	copy_queries(a, q, token0, rows, tiles * ROWS);
	memset(total, 0, 4 * (size_t)(tiles * ROWS * LANES));
	for (int64_t i = 0; i < tiles * ROW_VALUES; i++)
		max[i] = UNSEEN;
	for (int64_t first = 0; first < a->lk && first < last; first += a->block_keys)
		for (int64_t i = 0; i < tiles; i++) {
			t.q = q + i * ROWS * a->dh_words;
			t.o = o + i * ROWS * a->dh_cols;
			t.max = max + i * ROW_VALUES;
			t.total = total + i * ROWS * LANES;
			attend_tile(a, &t, head, first_row + i * ROWS, first);
		}
	for (int64_t i = 0; i < rows; i++)
		store_row(a, token0 + i * a->width, o + i * a->dh_cols,
			  vec_load(total + i * LANES));
}

#endif
