/* SPDX-License-Identifier: MIT
 *
 * The tile of gemm.h. GCC keeps the accumulators in registers only where every index is a constant
 * after unrolling: look at the inner loops in the assembly when this is changed (no load or store
 * of a zmm register but the four of the weights).
 */
#include <immintrin.h>
#include <string.h>

#include "gemm.h"

#define SIMD_bf16
#include "vec_math.h"

#define UNROLL _Pragma("GCC unroll 8")

enum {
	VECS = GEMM_COLS / VEC,
	AHEAD = 48, /* pairs of k before the end of a tile: far enough to reach memory in time, near
		     * enough that the first-level cache still has the lines */
};

/* One tile: rows of x, a panel, and where the result goes. */
struct tile {
	const uint16_t *x, *panel, *residual;
	const float *bias;      /* of the panel's columns */
	uint16_t *y;
	int64_t inputs, stride; /* from row to row: of x; of y and residual */
	int cols;               /* of the result; those of the panel where `plain` */
	bool plain;             /* no activation: the result is stored out of the registers */
};

typedef __m512 sums_t[GEMM_ROWS][VECS];

INLINE void add_products(sums_t acc, const int rows, const struct tile *t, int64_t from, int64_t to)
{
	const uint16_t *x = t->x, *w = t->panel;
	const int64_t stride = t->inputs;

	for (int64_t k = from; k < to; k++) {
		__m512bh b[VECS];

		UNROLL for (int v = 0; v < VECS; v++)
			b[v] = (__m512bh)_mm512_load_si512(w + (k * VECS + v) * 2 * VEC);
		UNROLL for (int r = 0; r < rows; r++) {
			int pair;
			memcpy(&pair, x + r * stride + 2 * k, sizeof pair);
			UNROLL for (int v = 0; v < VECS; v++) acc[r][v] = _mm512_dpbf16_ps(
				acc[r][v], (__m512bh)_mm512_set1_epi32(pair), b[v]);
		}
	}
}

/* An odd last k: its partner is a weight of zero, and here also a zero of x, because what follows
 * the row may not be a number. */
INLINE void add_last(sums_t acc, const int rows, const struct tile *t)
{
	const uint16_t *w = t->panel + t->inputs / 2 * VECS * 2 * VEC;

	UNROLL for (int r = 0; r < rows; r++) {
		int last = t->x[r * t->inputs + t->inputs - 1];
		UNROLL for (int v = 0; v < VECS; v++)
			acc[r][v] = _mm512_dpbf16_ps(acc[r][v], (__m512bh)_mm512_set1_epi32(last),
						     (__m512bh)_mm512_load_si512(w + v * 2 * VEC));
	}
}

/* The lines that the end of the tile will touch arrive while it is summed. */
INLINE void fetch_ahead(const struct tile *t, const int rows)
{
	for (int r = 0; r < rows; r++)
		for (int j = 0; j < t->cols; j += 32) {
			__builtin_prefetch(t->y + r * t->stride + j, 1);
			if (t->residual)
				__builtin_prefetch(t->residual + r * t->stride + j);
		}
}

INLINE void store_plain(sums_t acc, const int rows, const struct tile *t)
{
	UNROLL for (int r = 0; r < rows; r++)
		UNROLL for (int v = 0; v < VECS; v++) {
			int64_t at = r * t->stride + v * VEC;
			vf sum = acc[r][v];
			if (t->residual)
				sum += vf_load_bf16(t->residual + at);
			vf_store_bf16(t->y + at, sum);
		}
}

/* bias + sum over k: stored, or left in `sums` [rows][GEMM_COLS]. */
INLINE void multiply(const struct tile *t, const int rows, float *sums)
{
	const int64_t pairs = t->inputs / 2, most = pairs > AHEAD ? pairs - AHEAD : 0;
	sums_t acc;

	UNROLL for (int r = 0; r < rows; r++)
		UNROLL for (int v = 0; v < VECS; v++)
			acc[r][v] = vf_load(t->bias + VEC * v);
	add_products(acc, rows, t, 0, most);
	fetch_ahead(t, rows);
	add_products(acc, rows, t, most, pairs);
	if (t->inputs % 2)
		add_last(acc, rows, t);
	if (t->plain) {
		store_plain(acc, rows, t);
		return;
	}
	UNROLL for (int r = 0; r < rows; r++)
		UNROLL for (int v = 0; v < VECS; v++)
			vf_store(sums + r * GEMM_COLS + VEC * v, acc[r][v]);
}

typedef void multiply_rows(const struct tile *t, float *sums);

static void multiply_1(const struct tile *t, float *sums) { multiply(t, 1, sums); }
static void multiply_2(const struct tile *t, float *sums) { multiply(t, 2, sums); }
static void multiply_3(const struct tile *t, float *sums) { multiply(t, 3, sums); }
static void multiply_4(const struct tile *t, float *sums) { multiply(t, 4, sums); }
static void multiply_5(const struct tile *t, float *sums) { multiply(t, 5, sums); }
static void multiply_6(const struct tile *t, float *sums) { multiply(t, 6, sums); }

/* ---- the end of a tile with an activation, or with fewer columns than a panel ------------------
 */

INLINE vf result(const float *sums, enum act act)
{
	vf v = vf_load(sums);

	if (act == ACT_GEGLU)
		return v * vf_act(ACT_GELU, true, vf_load(sums + GEMM_COLS / 2));
	return vf_act(act, true, v);
}

INLINE void finish_as(const struct tile *t, int rows, const float *sums, const enum act act)
{
	for (int r = 0; r < rows; r++, sums += GEMM_COLS) {
		int64_t at = r * t->stride;
		int j = 0, rest;

		for (; j + VEC <= t->cols; j += VEC) {
			vf v = result(sums + j, act);
			if (t->residual)
				v += vf_load_bf16(t->residual + at + j);
			vf_store_bf16(t->y + at + j, v);
		}
		rest = t->cols - j;
		if (rest > 0) {
			vf v = result(sums + j, act);
			if (t->residual)
				v += vf_load_bf16_part(t->residual + at + j, rest);
			vf_store_bf16_part(t->y + at + j, rest, v);
		}
	}
}

static void finish(const struct tile *t, int rows, const float *sums, enum act act)
{
	switch (act) {
	case ACT_NONE:
		finish_as(t, rows, sums, ACT_NONE);
		break;
	case ACT_SILU:
		finish_as(t, rows, sums, ACT_SILU);
		break;
	case ACT_GELU:
		finish_as(t, rows, sums, ACT_GELU);
		break;
	case ACT_GELU_TANH:
		finish_as(t, rows, sums, ACT_GELU_TANH);
		break;
	case ACT_QUICK_GELU:
		finish_as(t, rows, sums, ACT_QUICK_GELU);
		break;
	case ACT_GEGLU:
		finish_as(t, rows, sums, ACT_GEGLU);
		break;
	}
}

/* Bias of the columns of a panel, zero where there is none. */
static void panel_bias(const struct gemm *g, int64_t first, int cols, float *bias)
{
	memset(bias, 0, GEMM_COLS * sizeof *bias);
	if (!g->bias)
		return;
	memcpy(bias, g->bias + first, (size_t)cols * sizeof *bias);
	if (g->w->gated)
		memcpy(bias + GEMM_COLS / 2, g->bias + g->w->outputs / 2 + first,
		       (size_t)cols * sizeof *bias);
}

void gemm_panel_bf16(const struct gemm *g, int64_t panel, int64_t from, int64_t to)
{
	static multiply_rows *const multiply_n[] = { NULL,       multiply_1, multiply_2, multiply_3,
						     multiply_4, multiply_5, multiply_6 };
	const struct gemm_weight *w = g->w;
	int width = w->gated ? GEMM_COLS / 2 : GEMM_COLS;
	int64_t all = w->gated ? w->outputs / 2 : w->outputs, first = panel * width;
	float bias[GEMM_COLS];
	float sums[GEMM_ROWS * GEMM_COLS] __attribute__((aligned(64)));
	struct tile t = {
		.panel = w->panel + panel * ((w->inputs + 1) / 2 * 2 * GEMM_COLS),
		.bias = bias, .inputs = w->inputs, .stride = all,
		.cols = all - first < width ? (int)(all - first) : width,
	};

	t.plain = g->act == ACT_NONE && t.cols == GEMM_COLS;
	panel_bias(g, first, t.cols, bias);
	for (int64_t row = from; row < to; row += GEMM_ROWS) {
		int rows = to - row < GEMM_ROWS ? (int)(to - row) : GEMM_ROWS;

		t.x = g->x + row * w->inputs;
		t.y = g->y + row * all + first;
		t.residual = g->residual ? g->residual + row * all + first : NULL;
		multiply_n[rows](&t, sums);
		if (!t.plain)
			finish(&t, rows, sums, g->act);
	}
}
