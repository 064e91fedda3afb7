/* SPDX-License-Identifier: MIT
 *
 * gemm.h in fp32 arithmetic, for storage fp32 and bf16, written once for vectors of any width: the
 * including file says how many rows and vectors a tile has, and how much of K a block.
 *
 * A piece goes through K block by block. The rows of x (or the windows of an image: no copy of the
 * image is ever made) are packed as fp32 for the second-level cache; then panel by panel the block
 * of weights, widened to fp32 if it is bf16, stays in the first-level cache while all rows pass by.
 * Sums wait in memory from block to block, a panel's rows in a straight line. Each sum runs over k
 * in order: blocks of K depend on the weight alone.
 */
#ifndef BENCH_GEMM_BLOCKED_H
#define BENCH_GEMM_BLOCKED_H

#define COLS (VECS * VEC)

#include "gemm_finish.h"

#define UNROLL _Pragma("GCC unroll 16")

#define AHEAD 20 /* steps of VEC k that x is fetched ahead */

/* ---- scratch of a thread --------------------------------------------------------------------- */

static inline int64_t blocks_of(const struct gemm_weight *w)
{
	return (w->inputs + BLOCK_K - 1) / BLOCK_K;
}

/* Whole vectors of k. */
static inline int64_t padded(int64_t k)
{
	return (k + VEC - 1) / VEC * VEC;
}

/* Of one block: even shares. */
static inline int64_t block_k(const struct gemm_weight *w)
{
	return padded((w->inputs + blocks_of(w) - 1) / blocks_of(w));
}

static inline int64_t panels_at_most(const struct gemm_weight *w)
{
	int64_t panels = (w->outputs + COLS - 1) / COLS + 1; /* in halves, there may be one more */
	return panels < PIECE_PANELS ? panels : PIECE_PANELS;
}

static int64_t scratch_floats(const struct gemm_weight *w, int64_t rows)
{
	int64_t whole = (rows + ROWS - 1) / ROWS * ROWS;
	return whole * block_k(w) + BLOCK_K * COLS + whole * COLS * panels_at_most(w);
}

/* What a piece works on. */
struct work {
	const struct gemm *g;
	const struct gemm_piece *p;
	int64_t k, n;             /* the block of K: first, number */
	bool first, last;         /* block */
	float *x, *panel, *sums;  /* packed rows, [n][COLS], [panels][rows][COLS] */
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
		int64_t some = VEC - k % VEC < n ? VEC - k % VEC : n;

		for (; k % VEC == 0 && n >= VEC; k += VEC, at += VEC, n -= VEC, to += STEP)
			vf_store(to, from ? vf_get(from, t, at) : vf_set(0));
		if (n == 0)
			break;
		some = VEC - k % VEC < n ? VEC - k % VEC : n;
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
};

typedef vf sums_t[ROWS][VECS];

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
	sums_t acc;

	UNROLL for (int r = 0; r < rows; r++)
		UNROLL for (int v = 0; v < vecs; v++)
			acc[r][v] = vf_load(t->from + r * t->from_step + v * VEC);
	for (int64_t k = t->k / VEC; k > 0; k--, x += STEP) {
		for (int i = 0; i < STEP; i += 16)
			__builtin_prefetch(x + AHEAD * STEP + i);
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
#define MULTIPLY(rows)                                              \
	static void multiply_##rows(const struct tile *t)           \
	{                                                           \
		multiply(t, rows, VECS);                            \
	}                                                           \
	static void multiply_##rows##_narrow(const struct tile *t)  \
	{                                                           \
		multiply(t, rows, 1);                               \
	}

MULTIPLY(1)
MULTIPLY(2)
MULTIPLY(3)
MULTIPLY(4)
MULTIPLY(5)
MULTIPLY(6)

/* By the columns of the panel (those of one vector or fewer are narrow) and rows. */
static multiply_rows *const multiply_n[2][ROWS + 1] = {
	{ NULL, multiply_1, multiply_2, multiply_3, multiply_4, multiply_5, multiply_6 },
	{ NULL, multiply_1_narrow, multiply_2_narrow, multiply_3_narrow, multiply_4_narrow,
	  multiply_5_narrow, multiply_6_narrow },
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

/* What is needed after this tile: some of the next block of weights, the sums of the next tile. */
INLINE void fetch_ahead(struct next_block *next, const float *sums, const enum dtype t)
{
	fetch(next->w, next->at, next->share, t, 2);
	next->at += next->share;
	for (int i = 0; i < ROWS * COLS; i += 16)
		__builtin_prefetch(sums + ROWS * COLS + i, 1);
}

/* All rows of the piece and one panel. */
INLINE void multiply_panel(const struct work *b, int64_t panel, const enum dtype t)
{
	const struct gemm *g = b->g;
	float bias[COLS];
	struct tile tile = { .x = b->x, .panel = widened(b, panel, t), .k = b->n,
			     .sums = b->sums + (panel - b->p->panel) * b->p->rows * COLS,
			     .from_step = b->first ? 0 : COLS };
	struct finish_tile end = { .rows = ROWS, .cols = gemm_cols_of(g->w, panel),
				   .stride = gemm_cols(g->w) };
	const int64_t first = panel * gemm_panel_cols(g->w), x_step = ROWS * padded(b->n);
	multiply_rows *const *run = multiply_n[!g->w->gated && end.cols <= VEC];
	struct next_block next = next_block(b, panel);

	panel_bias(g, panel, bias);
	for (int64_t r = 0; r < b->p->rows; r += ROWS) {
		int64_t at = (b->p->row + r) * end.stride + first, left = b->p->rows - r;

		end.rows = left < ROWS ? (int)left : ROWS;
		tile.from = b->first ? bias : tile.sums;
		fetch_ahead(&next, tile.sums, t);
		if (b->last) {
			end.sums = tile.sums;
			end.y = (char *)g->y + at * (int64_t)dtype_bytes(t);
			end.residual = !g->residual ? NULL :
				       (const char *)g->residual + at * (int64_t)dtype_bytes(t);
			fetch_result(&end, t);
		}
		run[end.rows](&tile);
		if (b->last)
			finish_tile(&end, g->act, t);
		tile.sums += ROWS * COLS;
		tile.x += x_step;
	}
}

INLINE void piece_as(const struct gemm *g, const struct gemm_piece *p, float *scratch,
		     const enum dtype t)
{
	const int64_t inputs = g->w->inputs, step = block_k(g->w);
	struct work b = { .g = g, .p = p, .panel = scratch, .x = scratch + BLOCK_K * COLS };

	b.sums = b.x + (p->rows + ROWS - 1) / ROWS * ROWS * step;
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

#define GEMM_BLOCKED(label, type, run)                                                         \
	{                                                                                      \
		.name = label, .dtype = type, .rows = ROWS, .cols = COLS, .pair = 1,           \
		.piece_rows = PIECE_ROWS, .piece_panels = PIECE_PANELS, .images = true,        \
		.scratch = scratch_floats, .piece = run,                                       \
	}

#endif
