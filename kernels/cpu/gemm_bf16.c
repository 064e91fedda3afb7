/* SPDX-License-Identifier: MIT
 *
 * gemm.h on AVX-512 with vdpbf16ps. A tile of 6 rows and 64 columns is summed in 24 registers over
 * all of K, straight from x; per pair of k it takes four loads of weights and six broadcasts for 24
 * dot products. The panel streams from the second-level cache. GCC keeps the accumulators in
 * registers only where every index is a constant after unrolling: look at the inner loops in the
 * assembly when this is changed (no load or store of a zmm register but the four of the weights).
 */
#include <immintrin.h>
#include <string.h>

#define SIMD_bf16
#define COLS 64
#include "gemm_finish.h"

#define UNROLL _Pragma("GCC unroll 8")

enum {
	ROWS = 6,
	VECS = COLS / VEC,
	AHEAD = 48, /* pairs of k before the end of a tile: far enough to reach memory in time, near
		     * enough that the first-level cache still has the lines */
};

/* One tile: rows of x, a panel, and where the result goes. */
struct tile {
	const uint16_t *x, *panel;
	const float *bias; /* of the panel's columns */
	int64_t inputs;
	struct finish_tile end;
	bool plain;        /* no activation: the result is stored out of the registers */
};

typedef __m512 sums_t[ROWS][VECS];

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

INLINE void store_plain(sums_t acc, const int rows, const struct tile *t)
{
	UNROLL for (int r = 0; r < rows; r++)
		UNROLL for (int v = 0; v < VECS; v++) {
			int64_t at = r * t->end.stride + v * VEC;
			vf sum = acc[r][v];
			if (t->end.residual)
				sum += vf_get(t->end.residual, DT_BF16, at);
			vf_put(t->end.y, DT_BF16, at, sum);
		}
}

/* bias + sum over k: stored, or left in `sums` [rows][COLS]. */
INLINE void multiply(const struct tile *t, const int rows, float *sums)
{
	const int64_t pairs = t->inputs / 2, most = pairs > AHEAD ? pairs - AHEAD : 0;
	sums_t acc;

	UNROLL for (int r = 0; r < rows; r++)
		UNROLL for (int v = 0; v < VECS; v++)
			acc[r][v] = vf_load(t->bias + VEC * v);
	add_products(acc, rows, t, 0, most);
	fetch_result(&t->end, DT_BF16);
	add_products(acc, rows, t, most, pairs);
	if (t->inputs % 2)
		add_last(acc, rows, t);
	if (t->plain) {
		store_plain(acc, rows, t);
		return;
	}
	UNROLL for (int r = 0; r < rows; r++)
		UNROLL for (int v = 0; v < VECS; v++)
			vf_store(sums + r * COLS + VEC * v, acc[r][v]);
}

typedef void multiply_rows(const struct tile *t, float *sums);

static void multiply_1(const struct tile *t, float *sums) { multiply(t, 1, sums); }
static void multiply_2(const struct tile *t, float *sums) { multiply(t, 2, sums); }
static void multiply_3(const struct tile *t, float *sums) { multiply(t, 3, sums); }
static void multiply_4(const struct tile *t, float *sums) { multiply(t, 4, sums); }
static void multiply_5(const struct tile *t, float *sums) { multiply(t, 5, sums); }
static void multiply_6(const struct tile *t, float *sums) { multiply(t, 6, sums); }

static void piece(const struct gemm *g, const struct gemm_piece *p, float *scratch)
{
	static multiply_rows *const multiply_n[] = { NULL,       multiply_1, multiply_2, multiply_3,
						     multiply_4, multiply_5, multiply_6 };
	const struct gemm_weight *w = g->w;
	int64_t first = p->panel * gemm_panel_cols(w);
	float bias[COLS], sums[ROWS * COLS] __attribute__((aligned(64)));
	struct tile t = {
		.panel = gemm_panel(w, p->panel), .bias = bias, .inputs = w->inputs,
		.end = { .sums = sums, .cols = gemm_cols_of(w, p->panel), .stride = gemm_cols(w) },
	};

	(void)scratch;
	t.plain = g->act == ACT_NONE && t.end.cols == COLS;
	panel_bias(g, p->panel, bias);
	for (int64_t row = p->row; row < p->row + p->rows; row += ROWS) {
		int64_t at = row * t.end.stride + first, left = p->row + p->rows - row;

		t.x = (const uint16_t *)g->x + row * w->inputs;
		t.end.rows = left < ROWS ? (int)left : ROWS;
		t.end.y = (uint16_t *)g->y + at;
		t.end.residual = g->residual ? (const uint16_t *)g->residual + at : NULL;
		multiply_n[t.end.rows](&t, sums);
		if (!t.plain)
			finish_tile(&t.end, g->act, DT_BF16);
	}
}

const struct gemm_kernel gemm_bf16 = {
	.name = "own:avx512_bf16", .dtype = DT_BF16, .rows = ROWS, .cols = COLS, .pair = 2,
	.piece_rows = 192, /* that one panel meets before the next: more wins nothing */
	.piece_panels = 1, .piece = piece,
};
