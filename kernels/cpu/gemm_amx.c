/* SPDX-License-Identifier: MIT
 *
 * gemm.h with AMX tiles: blocks of 32 rows and 32 columns (gemm_amx_block.h), and what feeds them.
 *
 * - 20 steps of a panel stay in the first-level cache while all rows of the piece pass by, from the
 *   second-level cache, where they are packed by tiles. The rows are loaded with a hint that they
 *   need not stay. From 20 steps to the next the sums wait in the second-level cache.
 * - A result of more than a megabyte goes past the caches, by whole lines, because a store into
 *   them reads each line first and writes it back later; of a GEGLU two panels make a line.
 *
 * Compiled a second time with the tiles emulated (gemm_amx_emulated_bf16.c).
 */
#include <omp.h>
#include <stdatomic.h>

#define SIMD_bf16
#include "gemm_amx_block.h"
#include "gemm_amx_pack.h"

/* A tile of rows: where it is packed, and which rows of the result it makes. */
struct tile {
	int64_t at, first;
	int rows;
};

struct worker {
	const struct gemm *g;
	const struct plan *plan;
	char *chunk;
	float *sums;
	int32_t *steps;          /* where each step of a chunk is in a tile of rows, bytes */
	bool streams;            /* the result does, past the caches */
	struct tile tile[MOST_TILES]; /* of the piece in hand */
	int64_t tiles;
	struct ending ending;    /* of the block before */
	float done[BLOCK_SUMS] __attribute__((aligned(64))); /* sums of all steps, to be finished */
	float bias[2][COLS];     /* of the panel in hand and of the one before */
	int bias_in_hand;
	char half[MOST_TILES][TILE * LINE / 2] __attribute__((aligned(64))); /* see struct ending */
};

/* ---- a block --------------------------------------------------------------------------------- */

/* The end of the block before, with nothing beside it. */
static void finish_waiting(struct worker *k)
{
	if (k->ending.waits)
		product_of(k->g)->finish(&k->ending);
	k->ending.waits = false;
}

/* Beside the end of the block before, unless edges make that irregular. */
static void multiply_block(struct worker *k, const struct block *b)
{
	if (b->narrow) {
		finish_waiting(k);
		multiply_narrow(b);
	} else if (k->ending.waits && k->ending.whole) {
		product_of(k->g)->multiply(b, &k->ending);
		k->ending.waits = false;
	} else {
		finish_waiting(k);
		multiply(b, &k->ending, false, ACT_NONE, false);
	}
}

/* ---- a chunk --------------------------------------------------------------------------------- */

static struct tile strip_tile(const struct worker *k, const struct piece *p, int64_t t)
{
	const struct gemm_image *m = k->g->image;
	const struct plan *plan = k->plan;
	int64_t down = t / plan->across, right = t % plan->across * TILE;
	int64_t line = p->top + down, column = p->left + right;
	int64_t rows = smaller(m->out_width - column, TILE);

	if (down >= plan->down || line >= m->out_height || rows < 0)
		rows = 0;
	return (struct tile){ .at = (down * plan->width + right) * m->attr.stride * LINE,
			      .first = (p->sample * m->out_height + line) * m->out_width + column,
			      .rows = (int)rows };
}

static struct tile gathered_tile(const struct worker *k, const struct piece *p, int64_t t)
{
	int64_t rows = smaller(p->rows - t * TILE, TILE);

	return (struct tile){ .at = t * k->plan->chunk * A_TILE, .first = p->row + t * TILE,
			      .rows = rows < 0 ? 0 : (int)rows };
}

/* Those that have rows; one without makes their number even. */
static void set_tiles(struct worker *k, const struct piece *p)
{
	k->tiles = 0;
	for (int64_t t = 0; t < k->plan->tiles; t++) {
		struct tile tile = k->plan->strip ? strip_tile(k, p, t) : gathered_tile(k, p, t);

		if (tile.rows > 0)
			k->tile[k->tiles++] = tile;
	}
	if (k->tiles % 2) {
		k->tile[k->tiles] = k->tile[k->tiles - 1];
		k->tile[k->tiles++].rows = 0;
	}
}

/* The part of a chunk's steps that a block takes. */
struct part {
	int64_t from, n;
};

static struct part part_of(int64_t steps, int64_t i)
{
	int64_t parts = ceil_div(steps, BLOCK_STEPS), share = ceil_div(steps, parts);
	return (struct part){ i * share, smaller(share, steps - i * share) };
}

/* What is the same for all blocks of a chunk. */
struct chunk {
	const struct piece *piece;
	const char *rows;        /* packed */
	int64_t first;           /* block of channels or step of K */
	int64_t steps, parts;
	bool last;
};

static const char *weights_of(const struct worker *k, const struct chunk *c, int64_t panel)
{
	int64_t first = c->first * (k->plan->strip ? k->g->w->taps : 1);
	return (const char *)gemm_panel(k->g->w, panel) + first * W_STEP;
}

/* The weights that come after part i of this panel, in as many shares as there are blocks. */
static void fetch_next(const struct worker *k, const struct chunk *c, struct fetch *f,
		       int64_t panel, int64_t i)
{
	bool more = i + 1 < c->parts, other = panel + 1 < c->piece->panel + c->piece->panels;
	struct part next = part_of(c->steps, more ? i + 1 : 0);

	f->w = weights_of(k, c, more || !other ? panel : panel + 1) + next.from * W_STEP;
	f->w_end = f->w + (more || other ? next.n * W_STEP : 0);
	f->w_lines = ceil_div(W_STEP / LINE, k->tiles / 2);
}

/* The next share. */
static void fetch_on(struct fetch *f, int64_t shares)
{
	f->w += f->w_lines * LINE;
	if (shares * f->w_lines >= W_STEP / LINE)
		f->w_end = f->w;
}

/* What the tiles from t on make of a panel. */
static struct ending result_of(const struct worker *k, int64_t panel, int64_t t)
{
	const struct gemm *g = k->g;
	int64_t cols = gemm_cols(g->w), column = panel * gemm_panel_cols(g->w);
	struct ending e = { .bias = k->bias[k->bias_in_hand], .cols = gemm_cols_of(g->w, panel),
			    .stride = cols * 2, .streams = k->streams, .waits = true };

	for (int i = 0; i < 2; i++) {
		int64_t at = (k->tile[t + i].first * cols + column) * 2;
		e.rows[i] = k->tile[t + i].rows;
		e.y[i] = (char *)g->y + at;
		e.half[i] = (char *)k->half[t + i];
		e.residual[i] = g->residual ? (const char *)g->residual + at : NULL;
	}
	e.right = panel % 2 == 1; /* pieces begin and end between two lines, see plan_panels() */
	e.whole = e.rows[0] + e.rows[1] == 2 * TILE && e.cols == gemm_panel_cols(g->w);
	return e;
}

static void fetch_result_of(struct fetch *f, const struct ending *e)
{
	for (int i = 0; i < 2; i++) {
		f->y[i] = e->whole && !e->streams ? e->y[i] : NULL;
		f->residual[i] = e->whole ? e->residual[i] : NULL;
	}
	f->stride = e->stride;
}

/* Two tiles of rows from tile t on. */
static void run_block(struct worker *k, const struct chunk *c, struct block *b, int64_t panel,
		      int64_t t, bool ends)
{
	b->a[0] = c->rows + k->tile[t].at;
	b->a[1] = c->rows + k->tile[t + 1].at;
	if (ends) {
		struct ending result = result_of(k, panel, t);

		result.sums = b->to;
		fetch_result_of(&b->fetch, &result);
		multiply_block(k, b);
		if (b->narrow)
			add_right_sums(b->to);
		k->ending = result;
	} else {
		multiply_block(k, b);
	}
}

static void run_panel(struct worker *k, const struct chunk *c, int64_t panel)
{
	int64_t pairs = k->tiles / 2;
	int64_t waiting = k->plan->chunks > 1 ? panel - c->piece->panel : 0;
	int64_t stride = k->plan->strip ? k->g->image->attr.stride : 1;

	for (int64_t i = 0; i < c->parts; i++) {
		struct part part = part_of(c->steps, i);
		struct block b = { .w = weights_of(k, c, panel) + part.from * W_STEP,
				   .a_stride = LINE * stride,
				   .step = k->steps + part.from, .steps = part.n,
				   .first = c->first == 0 && i == 0,
				   .narrow = gemm_cols_of(k->g->w, panel) <= TILE &&
					     !k->g->w->gated };
		bool ends = c->last && i + 1 == c->parts;

		fetch_next(k, c, &b.fetch, panel, i);
		for (int64_t pair = 0; pair < pairs; pair++) {
			float *sums = k->sums + (waiting * pairs + pair) * BLOCK_SUMS;

			b.from = sums;
			b.to = ends ? k->done : sums;
			run_block(k, c, &b, panel, 2 * pair, ends);
			fetch_on(&b.fetch, pair + 1);
		}
	}
}

static void run_chunk(struct worker *k, const struct chunk *c)
{
	for (int64_t panel = c->piece->panel; panel < c->piece->panel + c->piece->panels; panel++) {
		if (c->last) {
			k->bias_in_hand = !k->bias_in_hand;
			panel_bias(k->g, panel, k->bias[k->bias_in_hand]);
		}
		run_panel(k, c, panel);
	}
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static struct piece piece_of(const struct gemm *g, const struct plan *p, int64_t number)
{
	int64_t rows = number / p->panel_pieces, across, down;
	struct piece piece = { .panel = number % p->panel_pieces * p->panels };

	piece.panels = smaller(p->panels, gemm_panels(g->w) - piece.panel);
	if (!p->strip) {
		piece.row = rows * p->tiles * TILE;
		piece.rows = smaller(p->tiles * TILE, g->rows - piece.row);
		return piece;
	}
	across = ceil_div(ceil_div(g->image->out_width, TILE), p->across);
	down = ceil_div(g->image->out_height, p->down);
	piece.left = rows % across * p->across * TILE;
	piece.top = rows / across % down * p->down;
	piece.sample = rows / across / down;
	return piece;
}

static void list_steps(struct worker *k)
{
	const struct plan *p = k->plan;
	int64_t taps = k->g->w->taps, kw = p->strip ? k->g->image->attr.kw : 1;

	for (int64_t i = 0; i < plan_chunk_steps(p); i++) {
		int64_t block = i / taps, tap = i % taps;
		int64_t pixel = tap / kw * p->width + tap % kw;

		k->steps[i] = (int32_t)(p->strip ? block * plan_block_bytes(p) + pixel * LINE :
						   i * A_TILE);
	}
}

static struct worker worker_new(const struct gemm *g, const struct plan *p, char *scratch)
{
	int64_t bytes = plan_chunk_bytes(p);
	struct worker k = { .g = g, .plan = p, .chunk = scratch,
			    .sums = (float *)(scratch + bytes) };

	k.steps = (int32_t *)((char *)k.sums + plan_sums_bytes(p));
	/* whole lines; the two halves of a GEGLU's line leave no room for a residual */
	k.streams = gemm_cols(g->w) % COLS == 0 && (uintptr_t)g->y % LINE == 0 &&
		    g->rows * gemm_cols(g->w) * 2 >= STREAM_BYTES &&
		    !(g->w->gated && g->residual);
	list_steps(&k);
	return k;
}

static void run_piece(struct worker *k, const struct piece *piece)
{
	const struct plan *p = k->plan;
	int64_t all = p->strip ? p->blocks : p->steps, taps = p->strip ? k->g->w->taps : 1;

	set_tiles(k, piece);
	for (int64_t first = 0; first < all; first += p->chunk) {
		int64_t n = smaller(p->chunk, all - first), steps = n * taps;
		struct packer pack = { .g = k->g, .plan = p, .piece = piece, .first = first, .n = n,
				       .chunk = k->chunk };
		struct chunk c = { .piece = piece, .rows = k->chunk, .first = first,
				   .steps = steps, .parts = ceil_div(steps, BLOCK_STEPS),
				   .last = first + n == all };

		pack_chunk(&pack);
		run_chunk(k, &c);
	}
}

static void run(const struct gemm *g)
{
	int threads = omp_get_max_threads();
	struct plan p = plan_of(g->w, g->rows, g->image, threads);
	int64_t pieces = p.row_pieces * p.panel_pieces;
	size_t each = plan_bytes(&p);
	atomic_llong next_piece = 0;

#pragma omp parallel num_threads(threads)
	{
		struct worker k =
			worker_new(g, &p, (char *)g->scratch + (size_t)omp_get_thread_num() * each);
		tile_begin();
		for (int64_t i; (i = atomic_fetch_add(&next_piece, 1)) < pieces; ) {
			struct piece piece = piece_of(g, &p, i);
			run_piece(&k, &piece);
		}
		finish_waiting(&k);
		_mm_sfence();
		tile_end();
	}
}

static size_t scratch_all(const struct gemm_weight *w, int64_t rows, const struct gemm_image *image)
{
	int threads = omp_get_max_threads();
	struct plan p = plan_of(w, rows, image, threads);

	return plan_bytes(&p) * (size_t)threads;
}

#ifdef AMX_EMULATED
#define KERNEL gemm_amx_emulated
#define NAME "own:amx_emulated"
#else
#define KERNEL gemm_amx
#define NAME "own:amx"
#endif

const struct gemm_kernel KERNEL = {
	.name = NAME, .dtype = DT_BF16, .rows = 2 * TILE, .cols = COLS, .pair = 2, .step = STEP,
	.images = true, .scratch_all = scratch_all, .run = run,
};
