/* SPDX-License-Identifier: MIT
 *
 * The two products of attention_flash.h with vector registers: a tile of ROWS x n vectors of
 * accumulators, each step n loads of the panel, ROWS broadcasts and ROWS * n multiply-adds. The
 * loops over the tile are unrolled whole, which is what keeps the accumulators in registers.
 */
#ifndef BENCH_ATTENTION_VECTOR_H
#define BENCH_ATTENTION_VECTOR_H

#include "attention_flash.h"
#include "attention_pack.h"

#define TILE_INLINE static inline __attribute__((always_inline))

/* acc[i][j] += a[i] . b[j] over `steps`, for rows i0 <= i < i1; rows of a are `stride` words apart.
 */
TILE_INLINE void product(vec acc[ROWS][PANEL], const int i0, const int i1, const float *a,
			 int64_t stride, const float *b, int64_t steps, const int n)
{
#pragma GCC unroll 1
	for (int64_t s = 0; s < steps; s++, b += n * LANES) {
		vec col[PANEL];

#pragma GCC unroll 8
		for (int j = 0; j < n; j++)
			col[j] = vec_load(b + j * LANES);
#pragma GCC unroll 16
		for (int i = i0; i < i1; i++) {
			vec w = vec_broadcast(a + i * stride + s);
#pragma GCC unroll 8
			for (int j = 0; j < n; j++)
				acc[i][j] = vec_dot(acc[i][j], w, col[j]);
		}
	}
}

TILE_INLINE void score_rows(struct tile *t, vec acc[ROWS][PANEL], const int i0, const int i1,
			    int64_t col, const int n)
{
#pragma GCC unroll 16
	for (int i = i0; i < i1; i++) {
		vec top = col ? t->top[i] : vec_set(UNSEEN);
#pragma GCC unroll 8
		for (int j = 0; j < n; j++) {
			vec_store(t->s + i * ATTENTION_SCORE_STRIDE + col + j * LANES, acc[i][j]);
			top = vec_max(top, acc[i][j]);
		}
		t->top[i] = top;
	}
}

/* The last steps are taken for one half of the rows after the other, so that the stores of one half
 * hide behind the products of the other. */
TILE_INLINE void score_panel(struct tile *t, const float *k, int64_t col, const int n)
{
	int64_t late = t->dh_words < 4 ? t->dh_words : 4, early = t->dh_words - late;
	const float *k_late = k + early * n * LANES, *q = t->q;
	vec acc[ROWS][PANEL];

#pragma GCC unroll 16
	for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 8
		for (int j = 0; j < n; j++)
			acc[i][j] = vec_set(0);
	product(acc, 0, ROWS, q, t->dh_words, k, early, n);
	product(acc, 0, ROWS / 2, q + early, t->dh_words, k_late, late, n);
	score_rows(t, acc, 0, ROWS / 2, col, n);
	product(acc, ROWS / 2, ROWS, q + early, t->dh_words, k_late, late, n);
	score_rows(t, acc, ROWS / 2, ROWS, col, n);
}

/* With 32 registers the weights of a chunk are computed between the products of the chunk before,
 * where they cost little more than their multiply-adds; with 16, before the products. */
#define INTERLEAVED (LANES == 16)

TILE_INLINE const float *weigh_and_multiply(struct tile *t, vec acc[ROWS][PANEL], const float *v,
					    const int n)
{
	const int steps = CHUNK / PAIR, share = steps / ROWS;

	for (int i = 0; i < ROWS; i++)
		weigh(t, i, 0);
	for (int64_t first = CHUNK; first < t->padded; first += CHUNK) {
		const float *p = t->s + (first - CHUNK) / PAIR;

		for (int i = 0; i < ROWS; i++) {
			product(acc, 0, ROWS, p + i * share, ATTENTION_SCORE_STRIDE, v, share, n);
			v += share * n * LANES;
			weigh(t, i, first);
		}
		product(acc, 0, ROWS, p + ROWS * share, ATTENTION_SCORE_STRIDE, v,
			steps - ROWS * share, n);
		v += (steps - ROWS * share) * n * LANES;
	}
	return v;
}

TILE_INLINE void value_panel(struct tile *t, const float *v, int64_t col, const int n)
{
	int64_t steps = (t->seen + PAIR - 1) / PAIR, done = 0;
	vec acc[ROWS][PANEL];
	float *o = t->o + col;

#pragma GCC unroll 16
	for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 8
		for (int j = 0; j < n; j++)
			acc[i][j] = t->fresh ? vec_set(0) :
					       vec_mul(vec_load(o + i * t->dh_cols + j * LANES),
						       vec_set(t->alpha[i]));
	if (INTERLEAVED && col == 0) {
		v = weigh_and_multiply(t, acc, v, n);
		done = (t->padded - CHUNK) / PAIR;
	}
	product(acc, 0, ROWS, t->s + done, ATTENTION_SCORE_STRIDE, v, steps - done, n);
#pragma GCC unroll 16
	for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 8
		for (int j = 0; j < n; j++)
			vec_store(o + i * t->dh_cols + j * LANES, acc[i][j]);
}

/* One function per width, each with all registers to itself. */
#define DEFINE_WIDTH(n)                                                                            \
	static __attribute__((noinline)) void score_panel_##n(struct tile *t, const float *k,      \
							      int64_t col)                         \
	{                                                                                          \
		score_panel(t, k, col, n);                                                         \
	}                                                                                          \
	static __attribute__((noinline)) void value_panel_##n(struct tile *t, const float *v,      \
							      int64_t col)                         \
	{                                                                                          \
		value_panel(t, v, col, n);                                                         \
	}

typedef void panel_function(struct tile *t, const float *b, int64_t col);

DEFINE_WIDTH(1)
DEFINE_WIDTH(2)
#if PANEL == 4
DEFINE_WIDTH(3)
DEFINE_WIDTH(4)
static panel_function *const score_width[] = { NULL, score_panel_1, score_panel_2, score_panel_3,
					       score_panel_4 };
static panel_function *const value_width[] = { NULL, value_panel_1, value_panel_2, value_panel_3,
					       value_panel_4 };
#else
static panel_function *const score_width[] = { NULL, score_panel_1, score_panel_2 };
static panel_function *const value_width[] = { NULL, value_panel_1, value_panel_2 };
#endif

static void scores(struct tile *t, const float *k)
{
	for (int64_t left = vectors_of(t->keys), col = 0; left && col < t->seen; ) {
		int n = panel_share(left);

		score_width[n](t, k, col);
		k += t->dh_words * n * LANES;
		col += n * LANES;
		left -= n;
	}
}

static void accumulate(struct tile *t, const float *v)
{
	int64_t panel_steps = value_steps(t->keys);

	for (int i = 0; !INTERLEAVED && i < ROWS; i++)
		for (int64_t first = 0; first < t->padded; first += CHUNK)
			weigh(t, i, first);
	for (int64_t left = t->dh_cols / LANES, col = 0; left; ) {
		int n = panel_share(left);

		value_width[n](t, v, col);
		v += panel_steps * n * LANES;
		col += n * LANES;
		left -= n;
	}
}

#endif
