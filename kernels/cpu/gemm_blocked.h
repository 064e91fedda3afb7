/* SPDX-License-Identifier: MIT
 *
 * gemm.h in fp32 arithmetic, for storage fp32 and bf16, written once for vectors of any width: the
 * including file says how many rows and vectors a tile has, how much of K a block, and how memory
 * is fetched ahead.
 *
 * A piece goes through K block by block. The rows of x (or the windows of an image: no copy of the
 * image is ever made) are packed as fp32 for the second-level cache; then panel by panel the block
 * of weights, widened to fp32 if it is bf16, stays near while all rows pass by. Sums wait in memory
 * from block to block, a panel's rows in a straight line. Each sum runs over k in order: blocks of
 * K depend on the weight alone.
 */
#ifndef BENCH_GEMM_BLOCKED_H
#define BENCH_GEMM_BLOCKED_H

#define COLS (VECS * VEC)

#include "gemm_finish.h"

#define UNROLL _Pragma("GCC unroll 16")

/* ---- scratch of a thread --------------------------------------------------------------------- */

static inline int64_t blocks_of(const struct gemm_weight *w)
{
	return ceil_div(w->inputs, BLOCK_K);
}

/* Whole vectors of k. */
static inline int64_t padded(int64_t k)
{
	return ceil_div(k, VEC) * VEC;
}

/* Of one block: even shares. */
static inline int64_t block_k(const struct gemm_weight *w)
{
	return padded(ceil_div(w->inputs, blocks_of(w)));
}

/* Rows of COLS sums that wait for the next block; those of a tile where there is none. */
static inline int64_t waiting_rows(const struct gemm_weight *w, int64_t whole)
{
	return blocks_of(w) > 1 ? whole * smaller(gemm_panels(w), PIECE_PANELS) : ROWS;
}

/* Weights widened to fp32. */
static inline int64_t widened_floats(const struct gemm_weight *w)
{
	return w->kernel->dtype == DT_F32 ? 0 : block_k(w) * COLS;
}

static int64_t scratch_floats(const struct gemm_weight *w, int64_t rows)
{
	int64_t whole = ceil_div(rows, ROWS) * ROWS;
	return widened_floats(w) + whole * block_k(w) + waiting_rows(w, whole) * COLS;
}

/* What a piece works on. */
struct work {
	const struct gemm *g;
	const struct gemm_piece *p;
	int64_t k, n;             /* the block of K: first, number */
	bool first, last;         /* block */
	float *x, *panel, *sums;  /* packed rows, [n][COLS], [panels][rows][COLS] or [ROWS][COLS] */
};

/* ---- packing --------------------------------------------------------------------------------- */

/* Values [at, at + n) of p are needed soon: in the first-level cache (near 3) or the second (2). */
INLINE void fetch(const void *p, int64_t at, int64_t n, const enum dtype t, const int near)
{
	const char *from = (const char *)p + at * (int64_t)dtype_bytes(t);

	for (int64_t i = 0; i < n * (int64_t)dtype_bytes(t); i += 64)
		__builtin_prefetch(from + i, 0, near);
}

/* Rows are packed by tiles, [tile][k/VEC][ROWS][VEC]: equal columns of the rows of a tile lie near
 * each other. Rows that are whole would lie a multiple of some power of two apart, and the
 * first-level cache of many processors answers such loads slowly. */
#define STEP (ROWS * VEC)

INLINE float *packed_row(const struct work *b, int64_t row)
{
	return b->x + row / ROWS * ROWS * padded(b->n) + row % ROWS * VEC;
}

/* Values [at, at + n) of `from`, or zeros where it is NULL, to [k, k + n) of a packed row. */
INLINE void pack_values(float *row, int64_t k, const void *from, int64_t at, int64_t n,
			const enum dtype t)
{
	while (n > 0) {
		float *to = row + k / VEC * STEP + k % VEC;
		int64_t some;

		for (; k % VEC == 0 && n >= VEC; k += VEC, at += VEC, n -= VEC, to += STEP)
			vf_store(to, from ? vf_get(from, t, at) : vf_set(0));
		if (n == 0)
			break;
		some = smaller(VEC - k % VEC, n);
		vf_store_part(to, (int)some,
			      from ? vf_get_part(from, t, at, (int)some) : vf_set(0));
		k += some;
		at += some;
		n -= some;
	}
}

/* Block of the window of output pixel `row`: for each tap some channels of a pixel, or zeros. */
INLINE void pack_window(float *to, const struct work *b, int64_t row, const enum dtype t)
{
	const struct gemm_image *m = b->g->image;
	int64_t column = row % m->out_width, line = row / m->out_width % m->out_height;
	int64_t sample = row / m->out_width / m->out_height, c = b->k % m->channels;

	for (int64_t k = 0, n; k < b->n; k += n, c = 0) {
		int64_t tap = (b->k + k) / m->channels;
		int64_t h = line * m->attr.stride - m->attr.top + tap / m->attr.kw;
		int64_t v = column * m->attr.stride - m->attr.left + tap % m->attr.kw;
		bool inside = h >= 0 && h < m->height && v >= 0 && v < m->width;

		n = m->channels - c < b->n - k ? m->channels - c : b->n - k;
		pack_values(to, k, inside ? b->g->x : NULL,
			    ((sample * m->height + h) * m->width + v) * m->channels + c, n, t);
	}
}

INLINE void pack_rows(const struct work *b, const enum dtype t)
{
	const int64_t inputs = b->g->w->inputs;

	for (int64_t r = 0; r < b->p->rows; r++) {
		int64_t row = b->p->row + r;

		if (b->g->image) {
			pack_window(packed_row(b, r), b, row, t);
			continue;
		}
		fetch(b->g->x, (row + 8) * inputs + b->k, b->n, t, 3);
		pack_values(packed_row(b, r), 0, b->g->x, row * inputs + b->k, b->n, t);
	}
}

/* The block of a panel as fp32. */
INLINE const float *widened(const struct work *b, int64_t panel, const enum dtype t)
{
	const void *w = gemm_panel(b->g->w, panel);

	if (t == DT_F32)
		return (const float *)w + b->k * COLS;
	for (int64_t i = 0; i < b->n * COLS; i += VEC)
		vf_store(b->panel + i, vf_get(w, t, b->k * COLS + i));
	return b->panel;
}

/* ---- a tile ---------------------------------------------------------------------------------- */

struct tile {
	const float *x, *panel;    /* packed rows, [k][COLS] */
	int64_t k;
	const float *from;         /* what the sums start with, rows `from_step` apart */
	int64_t from_step;
	float *sums;               /* [rows][COLS] */
	const char *next;          /* to be fetched meanwhile: next_bytes() */
};

typedef vf sums_t[ROWS][VECS];

/* What a tile of n k fetches of the next block of weights, LINES for each step of VEC k: more at
 * once, and loads of this block wait for them. */
INLINE int64_t next_bytes(int64_t n)
{
	return n / VEC * LINES * 64;
}

INLINE void fetch_step(const float *x, const char *next)
{
	for (int i = 0; i < (AHEAD ? STEP : 0); i += 16)
		__builtin_prefetch(x + AHEAD * STEP + i);
	for (int i = 0; i < LINES; i++)
		__builtin_prefetch(next + 64 * i, 0, 2);
}

/* One k, whose values of x lie VEC apart. */
INLINE void add_products(sums_t acc, const float *x, const float *w, const int rows,
			 const int vecs)
{
	vf b[VECS];

	UNROLL for (int v = 0; v < vecs; v++)
		b[v] = vf_load(w + v * VEC);
	UNROLL for (int r = 0; r < rows; r++) {
		vf a = vf_set(x[r * VEC]);
		UNROLL for (int v = 0; v < vecs; v++)
			acc[r][v] = vf_fma(a, b[v], acc[r][v]);
	}
}

INLINE void multiply(const struct tile *t, const int rows, const int vecs)
{
	const float *x = t->x, *w = t->panel;
	const char *next = t->next;
	sums_t acc;

	UNROLL for (int r = 0; r < rows; r++)
		UNROLL for (int v = 0; v < vecs; v++)
			acc[r][v] = vf_load(t->from + r * t->from_step + v * VEC);
	for (int64_t k = t->k / VEC; k > 0; k--, x += STEP, next += next_bytes(VEC)) {
		fetch_step(x, next);
		/* unrolled further, GCC moves the sums from register to register */
		_Pragma("GCC unroll 1") for (int i = 0; i < VEC; i++, w += COLS)
			add_products(acc, x + i, w, rows, vecs);
	}
	for (int64_t k = t->k % VEC; k > 0; k--, x++, w += COLS)
		add_products(acc, x, w, rows, vecs);
	UNROLL for (int r = 0; r < rows; r++)
		UNROLL for (int v = 0; v < vecs; v++)
			vf_store(t->sums + r * COLS + v * VEC, acc[r][v]);
}

typedef void multiply_rows(const struct tile *t);

/* One function per size, each with all registers to itself. */
#define MULTIPLY(rows, vecs)                                           \
	static void multiply_##rows##_##vecs(const struct tile *t)     \
	{                                                              \
		multiply(t, rows, vecs);                               \
	}

#if VECS == 2
#define MULTIPLY_ROWS(rows) MULTIPLY(rows, 1) MULTIPLY(rows, 2)
#define OF_ROWS(rows)       { multiply_##rows##_1, multiply_##rows##_2 }
#else
#define MULTIPLY_ROWS(rows) MULTIPLY(rows, 1) MULTIPLY(rows, 2) MULTIPLY(rows, 3)
#define OF_ROWS(rows)       { multiply_##rows##_1, multiply_##rows##_2, multiply_##rows##_3 }
#endif

MULTIPLY_ROWS(1)
MULTIPLY_ROWS(2)
MULTIPLY_ROWS(3)
MULTIPLY_ROWS(4)
MULTIPLY_ROWS(5)
MULTIPLY_ROWS(6)
#if ROWS > 6
MULTIPLY_ROWS(7)
MULTIPLY_ROWS(8)
MULTIPLY_ROWS(9)
#endif

/* By rows - 1, and by the vectors of the panel that the result has - 1. */
static multiply_rows *const multiply_n[ROWS][VECS] = {
	OF_ROWS(1), OF_ROWS(2), OF_ROWS(3), OF_ROWS(4), OF_ROWS(5), OF_ROWS(6),
#if ROWS > 6
	OF_ROWS(7), OF_ROWS(8), OF_ROWS(9),
#endif
};

/* ---- a piece --------------------------------------------------------------------------------- */

/* The block of weights that comes after this one, and the share of each tile in fetching it. */
struct next_block {
	const void *w;
	int64_t at, share;
};

static struct next_block next_block(const struct work *b, int64_t panel)
{
	bool more = panel + 1 < b->p->panel + b->p->panels;

	return (struct next_block){
		.w = gemm_panel(b->g->w, more ? panel + 1 : b->p->panel),
		.at = (more ? b->k : b->k + b->n) * COLS,
		.share = b->n * COLS * ROWS / (b->p->rows + ROWS),
	};
}

/* What is needed after this tile: some of the next block of weights, unless the tile fetches it
 * itself; and the sums of the next tile. */
INLINE void fetch_ahead(const struct work *b, struct next_block *next, const float *sums,
			const enum dtype t)
{
	if (LINES == 0)
		fetch(next->w, next->at, next->share, t, 2);
	next->at += next->share;
	for (int i = 0; i < (b->first && b->last ? 0 : ROWS * COLS); i += 16)
		__builtin_prefetch(sums + ROWS * COLS + i, 1);
}

/* Of the rows of the piece and one panel, where they wait. */
INLINE float *sums_of(const struct work *b, int64_t panel)
{
	return b->sums + (panel - b->p->panel) * b->p->rows * COLS;
}

/* All rows of the piece and one panel. */
INLINE void multiply_panel(const struct work *b, int64_t panel, const enum dtype t)
{
	const struct gemm *g = b->g;
	float bias[COLS];
	const bool waits = !b->first || !b->last; /* sums, for another block */
	struct next_block next = next_block(b, panel);
	struct tile tile = { .x = b->x, .panel = widened(b, panel, t), .k = b->n,
			     .sums = waits ? sums_of(b, panel) : b->sums,
			     .from_step = b->first ? 0 : COLS,
			     .next = (const char *)next.w +
				     next.at * (int64_t)dtype_bytes(t) };
	struct finish_tile end = { .rows = ROWS, .cols = gemm_cols_of(g->w, panel),
				   .stride = gemm_cols(g->w) };
	const int64_t first = panel * gemm_panel_cols(g->w), x_step = ROWS * padded(b->n);
	const int vecs = g->w->gated ? VECS : (end.cols + VEC - 1) / VEC;

	panel_bias(g, panel, bias);
	for (int64_t r = 0; r < b->p->rows; r += ROWS) {
		int64_t at = (b->p->row + r) * end.stride + first, left = b->p->rows - r;

		end.rows = left < ROWS ? (int)left : ROWS;
		tile.from = b->first ? bias : tile.sums;
		fetch_ahead(b, &next, tile.sums, t);
		if (b->last) {
			end.sums = tile.sums;
			end.y = (char *)g->y + at * (int64_t)dtype_bytes(t);
			end.residual = !g->residual ? NULL :
				       (const char *)g->residual + at * (int64_t)dtype_bytes(t);
			fetch_result(&end, t);
		}
		multiply_n[end.rows - 1][vecs - 1](&tile);
		if (b->last)
			finish_tile(&end, g->act, t);
		tile.sums += waits ? ROWS * COLS : 0;
		tile.x += x_step;
		tile.next += next_bytes(b->n);
	}
}

INLINE void piece_as(const struct gemm *g, const struct gemm_piece *p, float *scratch,
		     const enum dtype t)
{
	const int64_t inputs = g->w->inputs, step = block_k(g->w);
	struct work b = { .g = g, .p = p, .panel = scratch, .x = scratch + widened_floats(g->w) };

	b.sums = b.x + ceil_div(p->rows, ROWS) * ROWS * step;
	for (b.k = 0; b.k < inputs; b.k += step) {
		b.n = inputs - b.k < step ? inputs - b.k : step;
		b.first = b.k == 0;
		b.last = b.k + b.n == inputs;
		pack_rows(&b, t);
		for (int64_t panel = p->panel; panel < p->panel + p->panels; panel++)
			multiply_panel(&b, panel, t);
	}
}

static void piece_fp32(const struct gemm *g, const struct gemm_piece *p, float *scratch)
{
	piece_as(g, p, scratch, DT_F32);
}

static void piece_bf16(const struct gemm *g, const struct gemm_piece *p, float *scratch)
{
	piece_as(g, p, scratch, DT_BF16);
}

#define GEMM_BLOCKED(label, type, run, windows)                                                \
	{                                                                                      \
		.name = label, .dtype = type, .rows = ROWS, .cols = COLS, .pair = 1,           \
		.piece_rows = PIECE_ROWS, .piece_panels = PIECE_PANELS, .images = windows,     \
		.scratch = scratch_floats, .piece = run,                                       \
	}

#endif
