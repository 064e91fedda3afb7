/* SPDX-License-Identifier: MIT
 *
 * A block of gemm_amx.c: 32 rows and 32 columns are summed in four tiles; per step of 32 k it takes
 * four tile loads for four products, 64 cycles. In the shadow of the products, after some tile
 * instructions: the end of the block before (bias, activation, residual), and fetching the next
 * weights. Steps are straight-line code: branches that are hard to foresee cost as much as the
 * products.
 */
#ifndef BENCH_GEMM_AMX_BLOCK_H
#define BENCH_GEMM_AMX_BLOCK_H

#include "amx_tile.h"
#include "gemm_amx_finish.h"

/* What is fetched while a block is summed: the lines that its end will want, one of each tile of
 * rows after each step, and from each step of the weights that come next some lines. */
struct fetch {
	const char *y[2], *residual[2]; /* or NULL */
	int64_t stride;                 /* bytes between rows */
	const char *w, *w_end;
	int64_t w_lines;
};

/* A block of sums: two tiles of rows, a panel, some steps. */
struct block {
	const char *a[2], *w;
	int64_t a_stride;        /* bytes between the rows of a tile */
	const int32_t *step;     /* where each step is in a tile of rows, bytes */
	int64_t steps;
	bool first;              /* of K */
	bool narrow;             /* the panel has 16 columns of the result, or fewer */
	const float *from;       /* the sums of the steps before, unless it is the first */
	float *to;
	struct fetch fetch;
};

/* ---- whole panels ---------------------------------------------------------------------------- */

#define SUM(t) ((t) * TILE * TILE)

INLINE void load_sums(const struct block *b)
{
	if (b->first) {
		tile_zero(0);
		tile_zero(1);
		tile_zero(2);
		tile_zero(3);
		return;
	}
	tile_load(0, b->from + SUM(0), TILE);
	tile_load(1, b->from + SUM(1), TILE);
	tile_load(2, b->from + SUM(2), TILE);
	tile_load(3, b->from + SUM(3), TILE);
}

INLINE void store_sums(const struct block *b)
{
	tile_store(0, b->to + SUM(0), TILE);
	tile_store(1, b->to + SUM(1), TILE);
	tile_store(2, b->to + SUM(2), TILE);
	tile_store(3, b->to + SUM(3), TILE);
}

INLINE void fetch_rows(const struct fetch *f, int64_t row)
{
	for (int i = 0; i < 2; i++) {
		if (f->y[i])
			__builtin_prefetch(f->y[i] + row * f->stride, 1);
		if (f->residual[i])
			_mm_prefetch(f->residual[i] + row * f->stride, _MM_HINT_T1);
	}
}

/* With a branch for each: one that finds its line near delays the tiles, too. */
INLINE void fetch_weights(struct fetch *f)
{
	const char *w = f->w;

	if (w >= f->w_end)
		return;
	f->w += W_STEP;
	_mm_prefetch(w, _MM_HINT_T1);
	if (f->w_lines > 1)
		_mm_prefetch(w + 1 * LINE, _MM_HINT_T1);
	if (f->w_lines > 2)
		_mm_prefetch(w + 2 * LINE, _MM_HINT_T1);
	if (f->w_lines > 3)
		_mm_prefetch(w + 3 * LINE, _MM_HINT_T1);
	for (int64_t n = 4; n < f->w_lines; n++)
		_mm_prefetch(w + n * LINE, _MM_HINT_T1);
}

#define AT(p, offset) ((const float *)((p) + (offset)))

/* Step i, and the next `rows` rows of each tile of the block before. */
INLINE void multiply_step(const struct block *b, struct fetch *f, int64_t i, const struct ending *e,
			  const int64_t rows, const enum act act, const bool added)
{
	const int64_t a_stride = b->a_stride / 4, w_stride = COLS;
	const char *w = b->w + i * W_STEP;
	const int32_t at = b->step[i];

	tile_load(6, AT(w, 0), w_stride);
	tile_stream(4, AT(b->a[0], at), a_stride);
	tile_dot(0, 4, 6);
	fetch_weights(f);
	tile_load(7, AT(w, LINE), w_stride);
	tile_dot(1, 4, 7);
	for (int64_t row = i * rows; row < smaller((i + 1) * rows, TILE); row++) {
		finish_row(e, 0, row, act, added);
		finish_row(e, 1, row, act, added);
	}
	tile_stream(5, AT(b->a[1], at), a_stride);
	tile_dot(2, 5, 6);
	tile_dot(3, 5, 7);
}

/* The end of the block before, if it `waits`, is spread over the first steps. Copies, because the
 * compiler takes every tile instruction for one that may write anything else. */
INLINE void multiply(const struct block *block, const struct ending *ending, const bool waits,
		     const enum act act, const bool added)
{
	const struct block b = *block;
	const struct ending e = *ending;
	struct fetch f = b.fetch;
	int64_t i = 0;

	load_sums(&b);
	if (b.steps >= TILE)
		for (; i < TILE; i++) {
			multiply_step(&b, &f, i, &e, waits ? 1 : 0, act, added);
			fetch_rows(&f, i);
		}
	else if (waits)
		for (; i < b.steps; i++) {
			const int64_t rows = ceil_div(TILE, b.steps);

			multiply_step(&b, &f, i, &e, rows, act, added);
			for (int64_t row = i * rows; row < smaller((i + 1) * rows, TILE); row++)
				fetch_rows(&f, row);
		}
	for (; i < b.steps; i++)
		multiply_step(&b, &f, i, &e, 0, act, added);
	store_sums(&b);
}

/* ---- a narrow block -------------------------------------------------------------------------- */

/* The right tiles take every second step instead of columns that nobody wants: with two tiles of
 * sums each product would wait for the one before. Rows and the left half of the weights of one
 * block of channels stay in the first-level cache for all taps. */
INLINE void multiply_half(const struct block *b, struct fetch *f, int64_t i, const bool right)
{
	const int64_t a_stride = b->a_stride / 4, w_stride = COLS;
	const int32_t at = b->step[i];

	tile_load(6, AT(b->w, i * W_STEP), w_stride);
	tile_load(4, AT(b->a[0], at), a_stride);
	tile_load(5, AT(b->a[1], at), a_stride);
	if (right) {
		tile_dot(1, 4, 6);
		tile_dot(3, 5, 6);
	} else {
		tile_dot(0, 4, 6);
		tile_dot(2, 5, 6);
	}
	fetch_weights(f);
}

static void multiply_narrow(const struct block *block)
{
	const struct block b = *block;
	struct fetch f = b.fetch;
	int64_t i = 0;

	load_sums(&b);
	for (; i + 2 <= b.steps; i += 2) {
		multiply_half(&b, &f, i, false);
		multiply_half(&b, &f, i + 1, true);
	}
	if (i < b.steps)
		multiply_half(&b, &f, i, false);
	store_sums(&b);
}

/* To the left ones, when all steps are summed. */
static void add_right_sums(float *sums)
{
	for (int tile = 0; tile < 4; tile += 2)
		for (int i = 0; i < TILE * TILE; i += VEC)
			vf_store(sums + SUM(tile) + i, vf_load(sums + SUM(tile) + i) +
							       vf_load(sums + SUM(tile + 1) + i));
}

/* ---- with the end of the block before -------------------------------------------------------- */

/* For one activation, with a residual or without: a block beside the end of the block before, and
 * that end alone. */
struct product {
	void (*multiply)(const struct block *b, const struct ending *before);
	void (*finish)(const struct ending *e);
};

#define PRODUCT(name, act, added)                                                            \
	static void multiply_##name(const struct block *b, const struct ending *before)      \
	{                                                                                    \
		multiply(b, before, true, act, added);                                       \
	}                                                                                    \
	static void finish_##name(const struct ending *e)                                    \
	{                                                                                    \
		finish_rows(e, act, added);                                                  \
	}                                                                                    \
	static const struct product product_##name = { multiply_##name, finish_##name };

#define PRODUCTS(act) PRODUCT(act, act, false) PRODUCT(act##_ADDED, act, true)

PRODUCTS(ACT_NONE)
PRODUCTS(ACT_SILU)
PRODUCTS(ACT_GELU)
PRODUCTS(ACT_GELU_TANH)
PRODUCTS(ACT_QUICK_GELU)
PRODUCTS(ACT_GEGLU)

#define BOTH(act) [act] = { &product_##act, &product_##act##_ADDED }

static const struct product *product_of(const struct gemm *g)
{
	static const struct product *const product[][2] = {
		BOTH(ACT_NONE),      BOTH(ACT_SILU),       BOTH(ACT_GELU),
		BOTH(ACT_GELU_TANH), BOTH(ACT_QUICK_GELU), BOTH(ACT_GEGLU),
	};
	return product[g->act][g->residual != NULL];
}

#endif
