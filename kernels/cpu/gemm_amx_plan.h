/* SPDX-License-Identifier: MIT
 *
 * How gemm_amx.c cuts a product: into pieces (rows or a patch of the image, times some panels) that
 * threads take one by one, and pieces into chunks of K, whose rows are packed into the second-level
 * cache. A tile holds 16 rows and a step of 32 k.
 *
 * A chunk of a matrix, or of an image whose windows hardly overlap or have few channels, is
 * gathered: [tile][step][16][32]. Else it is a strip, the pixels of the patch and what its windows
 * reach, by blocks of 32 channels: [block][line][column][32]; a tile of any tap is then 16 rows of
 * it.
 */
#ifndef BENCH_GEMM_AMX_PLAN_H
#define BENCH_GEMM_AMX_PLAN_H

#include "gemm.h"

enum {
	TILE = 16,                    /* rows of x, and columns of w, in a tile */
	STEP = 32,                    /* k in a tile */
	LINE = 2 * STEP,              /* bytes of a row of a tile */
	COLS = 2 * TILE,              /* of a panel */
	A_TILE = TILE * LINE,         /* bytes */
	W_STEP = COLS * LINE,         /* bytes of a panel for one step */
	BLOCK_SUMS = 4 * TILE * TILE, /* floats of two tiles of rows and a panel */
	BLOCK_STEPS = 20,             /* 40 KiB of a panel: they stay in the first-level cache */

	/* For the second-level cache, found by trying (SPEED.md). */
	CHUNK_STEPS = 54,
	TILES_4 = 8,     /* of rows, of a piece of a matrix with K of up to 4 steps, */
	TILES_20 = 28,   /* up to 20, */
	TILES_40 = 16,   /* up to 40, */
	TILES_MORE = 16, /* and more */
	PATCH_TILES = 32,             /* of a convolution, at most; and at least: */
	LEAST_PATCH_TILES = 16,
	STRIP_BYTES = 840 << 10,
	STRIP_CHUNK_BYTES = 512 << 10,
	STRIP_STEPS = 1024,
	MOST_TILES = PATCH_TILES,

	PIECES = 4,             /* of each thread, at least: they are not equally fast */
	PIECE_PANELS = 40,            /* at most, where there are several chunks; */
	STRIP_PANELS = 20,            /* of strips */
	STREAM_BYTES = 1 << 20,       /* of a result, at least */
};

struct plan {
	bool strip;
	int64_t blocks;        /* of 32 channels */
	int64_t steps;         /* of K */
	int64_t chunk;         /* blocks of a strip, or steps, that a chunk has at most */
	int64_t chunks;
	int64_t tiles;         /* of a piece at most, even */
	int64_t down, across;  /* patch: lines of the result, tiles of 16 columns */
	int64_t height, width; /* of the strip */
	int64_t panels;        /* of a piece at most */
	int64_t row_pieces, panel_pieces;
};

static inline int64_t plan_even(int64_t n)
{
	return (n + 1) / 2 * 2;
}

/* Of the image along one direction, for n results. */
static inline int64_t plan_reach(int64_t n, int64_t stride, int64_t kernel)
{
	return (n - 1) * stride + kernel;
}

/* Of a strip, 32 channels. */
static inline int64_t plan_block_bytes(const struct plan *p)
{
	return p->height * p->width * LINE;
}

/* The strip of a patch; returns bytes of 32 channels. */
static inline int64_t plan_reaches(struct plan *p, const struct conv_attr *a, int64_t down,
				   int64_t across)
{
	p->down = down;
	p->across = across;
	p->height = plan_reach(down, a->stride, a->kh);
	p->width = plan_reach(across * TILE, a->stride, a->kw);
	return plan_block_bytes(p);
}

/* As many tiles as the cache holds with all their channels; the most with some of them where these
 * would be too few. False: gather. */
static inline bool plan_patch(struct plan *p, const struct gemm_image *m)
{
	const struct conv_attr *a = &m->attr;
	int64_t across = smaller(ceil_div(m->out_width, TILE), 4);
	int64_t most = smaller(m->out_height, PATCH_TILES / across), down = most;

	if (a->kh * a->kw <= a->stride * a->stride || a->kh * a->kw > STRIP_STEPS)
		return false;
	while (down * across > LEAST_PATCH_TILES &&
	       p->blocks * plan_reaches(p, a, down, across) > STRIP_BYTES)
		down--;
	if (p->blocks * plan_reaches(p, a, down, across) > STRIP_BYTES)
		down = most; /* some channels at a time, then */
	while (plan_reaches(p, a, down, across) > STRIP_BYTES && down > 1)
		down = (down + 1) / 2;
	while (plan_reaches(p, a, down, across) > STRIP_BYTES && across > 1)
		across /= 2;
	down = ceil_div(m->out_height, ceil_div(m->out_height, down)); /* even shares */
	return plan_reaches(p, a, down, across) <= STRIP_BYTES;
}

static inline void plan_strip(struct plan *p, const struct gemm_image *m, int64_t rows)
{
	int64_t taps = m->attr.kh * m->attr.kw, samples = rows / m->out_height / m->out_width;
	bool whole = p->blocks * plan_block_bytes(p) <= STRIP_BYTES;
	int64_t bytes = whole ? STRIP_BYTES : STRIP_CHUNK_BYTES;
	int64_t most = smaller(ceil_div(bytes, plan_block_bytes(p)), STRIP_STEPS / taps);

	p->strip = true;
	p->chunks = ceil_div(p->blocks, most);
	p->chunk = ceil_div(p->blocks, p->chunks);
	p->tiles = plan_even(p->down * p->across);
	p->row_pieces = samples * ceil_div(m->out_height, p->down) *
			ceil_div(ceil_div(m->out_width, TILE), p->across);
}

static inline void plan_gather(struct plan *p, int64_t rows, int threads)
{
	int64_t tiles = ceil_div(rows, TILE), most = p->steps <= 4 ? TILES_4 :
						      p->steps <= 20 ? TILES_20 :
						      p->steps <= 40 ? TILES_40 : TILES_MORE;

	p->chunks = ceil_div(p->steps, CHUNK_STEPS);
	p->chunk = ceil_div(p->steps, p->chunks);
	p->row_pieces = ceil_div(tiles, most);
	if (p->row_pieces > 1) /* else threads share the weights, which each reads once */
		p->row_pieces = ceil_div(p->row_pieces, threads) * threads;
	p->tiles = plan_even(ceil_div(tiles, p->row_pieces));
	p->row_pieces = ceil_div(tiles, p->tiles);
}

/* How panels are shared out: few pieces of many panels pack rows less often. */
static inline void plan_panels(struct plan *p, const struct gemm_weight *w, int threads)
{
	int64_t panels = gemm_panels(w), most = p->strip ? STRIP_PANELS : PIECE_PANELS;
	int64_t wanted = p->row_pieces == 1 ? threads : (int64_t)PIECES * threads;

	p->panel_pieces = p->chunks > 1 ? ceil_div(panels, most) : 1;
	if (p->row_pieces * p->panel_pieces < wanted)
		p->panel_pieces = smaller(panels, ceil_div(wanted, p->row_pieces));
	p->panels = ceil_div(panels, p->panel_pieces);
	if (w->gated) /* two make whole lines of the result */
		p->panels = plan_even(p->panels);
	p->panel_pieces = ceil_div(panels, p->panels);
}

/* The order of the sums over K depends on the weight and the image alone. */
static inline struct plan plan_of(const struct gemm_weight *w, int64_t rows,
				  const struct gemm_image *image, int threads)
{
	struct plan p = { .blocks = gemm_tap_k(w) / STEP };

	p.steps = gemm_panel_k(w) / STEP;
	if (image && !gemm_dense(w) && plan_patch(&p, image))
		plan_strip(&p, image, rows);
	else
		plan_gather(&p, rows, threads);
	plan_panels(&p, w, threads);
	return p;
}

/* ---- scratch of one thread: a chunk, sums, where its steps are ------------------------------- */

static inline int64_t plan_chunk_bytes(const struct plan *p)
{
	return p->strip ? p->chunk * plan_block_bytes(p) : p->chunk * p->tiles * A_TILE;
}

static inline int64_t plan_sums_bytes(const struct plan *p)
{
	int64_t blocks = p->tiles / 2 * (p->chunks > 1 ? p->panels : 1);
	return blocks * BLOCK_SUMS * (int64_t)sizeof(float);
}

static inline int64_t plan_chunk_steps(const struct plan *p)
{
	return p->strip ? p->chunk * (p->steps / p->blocks) : p->chunk;
}

static inline size_t plan_bytes(const struct plan *p)
{
	int64_t table = plan_chunk_steps(p) * (int64_t)sizeof(int32_t);
	return (size_t)(plan_chunk_bytes(p) + plan_sums_bytes(p) + (table + 63) / 64 * 64);
}

#endif
