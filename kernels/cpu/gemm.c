/* SPDX-License-Identifier: MIT */
#include "gemm.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define PIECES 8 /* of each thread, at least: they are not equally fast */

const struct gemm_kernel *gemm_kernel_at(enum isa level, enum dtype dtype)
{
	static const struct gemm_kernel *const kernel[ISA_COUNT][DT_BF16 + 1] = {
		[ISA_AVX2] = { [DT_F32] = &gemm_avx2_fp32, [DT_BF16] = &gemm_avx2_bf16 },
		[ISA_AVX512] = { [DT_F32] = &gemm_avx512_fp32, [DT_BF16] = &gemm_avx512_wide },
		[ISA_BF16] = { [DT_F32] = &gemm_avx512_fp32, [DT_BF16] = &gemm_bf16 },
		[ISA_AMX] = { [DT_F32] = &gemm_avx512_fp32, [DT_BF16] = &gemm_amx },
	};
	return kernel[level][dtype];
}

bool gemm_takes_images(const struct gemm_kernel *k)
{
	return k->images;
}

const char *gemm_name(const struct gemm_kernel *k)
{
	return k->name;
}

/* ---- weights --------------------------------------------------------------------------------- */

size_t gemm_weight_bytes(const struct gemm_weight *w)
{
	int64_t values = gemm_panel_k(w) * w->kernel->cols;
	return (size_t)(gemm_panels(w) * values) * dtype_bytes(w->kernel->dtype);
}

/* The output that column c of a panel computes; -1: none, the panel is wider than the weight. */
static int64_t output_of(const struct gemm_weight *w, int64_t panel, int c)
{
	int64_t half = w->outputs / 2, o = panel * gemm_panel_cols(w);

	if (!w->gated)
		return o + c < w->outputs ? o + c : -1;
	o += c % gemm_panel_cols(w);
	return o >= half ? -1 : c < gemm_panel_cols(w) ? o : half + o;
}

static size_t row_bytes(const struct gemm_weight *w)
{
	return (size_t)w->inputs * dtype_bytes(w->kernel->dtype);
}

static inline __attribute__((always_inline)) void move(void *packed, void *plain, bool unpack,
						       const size_t size)
{
	memcpy(unpack ? plain : packed, unpack ? packed : plain, size);
}

/* Between channels [from,to) of a plain weight of one output and column c of its panel. */
static inline __attribute__((always_inline)) void
move_channels(const struct gemm_weight *w, char *panel, char *plain, int c, int64_t from,
	      int64_t to, bool unpack, const size_t size, const int pair)
{
	const int64_t cols = w->kernel->cols, taps = w->taps;

	for (int64_t tap = 0; tap < taps; tap++)
		for (int64_t i = from; i < to; i++) {
			int64_t k = gemm_k(w, tap, i);
			int64_t at = (k / pair * cols + c) * pair + k % pair;
			move(panel + (size_t)at * size, plain + (size_t)(i * taps + tap) * size,
			     unpack, size);
		}
}

/* Rows of a matrix are whole words of 32 bits, as they lie together in a panel: an fp32 value, or
 * a pair of bf16. */
static bool has_words(const struct gemm_weight *w)
{
	size_t word = (size_t)w->kernel->pair * dtype_bytes(w->kernel->dtype);

	return word == sizeof(uint32_t) && w->taps == 1 && row_bytes(w) % word == 0;
}

/* The whole panel of such a matrix: a line of every row, turned round, at a time. */
static void pack_words(const struct gemm_weight *w, const char *plain, int64_t panel)
{
	enum { LINE = 16 }; /* words */
	const int64_t cols = w->kernel->cols, words = (int64_t)row_bytes(w) / 4;
	uint32_t *packed = (uint32_t *)gemm_panel(w, panel);
	const char *row[64];

	die_if(cols > 64, "a panel of more than 64 columns");
	for (int c = 0; c < cols; c++)
		row[c] = plain + (size_t)output_of(w, panel, c) * row_bytes(w);
	for (int64_t from = 0; from < words; from += LINE)
		for (int64_t k = from; k < smaller(from + LINE, words); k++)
			for (int c = 0; c < cols; c++)
				memcpy(&packed[k * cols + c], row[c] + 4 * k, 4);
}

/* Between the plain rows of a panel and the panel. */
static void move_panel(const struct gemm_weight *w, char *plain, int64_t panel, bool unpack)
{
	enum { STEP = 32 }; /* of channels: a cache line or two of each row at a time */
	const struct gemm_kernel *k = w->kernel;
	int64_t channels = w->inputs / w->taps;
	char *packed = (char *)gemm_panel(w, panel);

	for (int64_t from = 0; from < channels; from += STEP)
		for (int c = 0; c < k->cols; c++) {
			int64_t o = output_of(w, panel, c), to = smaller(from + STEP, channels);
			char *row = plain + (size_t)(o < 0 ? 0 : o) * row_bytes(w);

			if (o < 0)
				continue;
			if (k->dtype == DT_F32)
				move_channels(w, packed, row, c, from, to, unpack, 4, 1);
			else if (k->pair == 1)
				move_channels(w, packed, row, c, from, to, unpack, 2, 1);
			else
				move_channels(w, packed, row, c, from, to, unpack, 2, 2);
		}
}

void gemm_pack(const struct gemm_weight *w, const void *plain)
{
	int64_t panels = gemm_panels(w);
	size_t bytes = gemm_weight_bytes(w) / (size_t)panels;
	bool padded = gemm_panel_k(w) != w->inputs;

#pragma omp parallel for schedule(static)
	for (int64_t p = 0; p < panels; p++) {
		bool full = gemm_cols_of(w, p) == gemm_panel_cols(w);

		if (!full || padded)
			memset((void *)gemm_panel(w, p), 0, bytes); /* places that hold nothing */
		if (full && has_words(w))
			pack_words(w, plain, p);
		else
			move_panel(w, (void *)plain, p, false);
	}
}

/* The same weight in the other order of panels: for one that was packed for a GEGLU and is used
 * without it, or the other way round. Slow, and rare. */
static void repack(const struct gemm_weight *from, struct gemm_weight *to)
{
	char *plain = malloc((size_t)from->outputs * row_bytes(from));

	*to = *from;
	to->gated = !from->gated;
	to->panel = aligned_alloc(64, gemm_weight_bytes(to));
	die_if(!plain || !to->panel, "out of memory");
	for (int64_t p = 0; p < gemm_panels(from); p++)
		move_panel(from, plain, p, true);
	gemm_pack(to, plain);
	free(plain);
}

/* ---- products -------------------------------------------------------------------------------- */

/* How rows and panels are cut: pieces as large as the kernel likes them, but several for every
 * thread. */
struct cut {
	int64_t rows, panels; /* of a piece */
	int64_t row_pieces, panel_pieces;
};

static struct cut cut(const struct gemm *g)
{
	const struct gemm_kernel *k = g->w->kernel;
	int64_t wanted = (int64_t)PIECES * omp_get_max_threads(), panels = gemm_panels(g->w);
	struct cut c = { .panel_pieces = ceil_div(panels, k->piece_panels) };
	int64_t rows = smaller(k->piece_rows, g->rows * c.panel_pieces / wanted);

	if (rows < smaller(k->piece_rows, 16 * k->rows)) /* rather fewer panels then */
		rows = smaller(k->piece_rows, 16 * k->rows);
	c.row_pieces = ceil_div(g->rows, rows);
	c.rows = ceil_div(ceil_div(g->rows, c.row_pieces), k->rows) * k->rows;
	c.row_pieces = ceil_div(g->rows, c.rows);
	if (c.panel_pieces * c.row_pieces < wanted)
		c.panel_pieces = smaller(panels, ceil_div(wanted, c.row_pieces));
	c.panels = ceil_div(panels, c.panel_pieces);
	c.panel_pieces = ceil_div(panels, c.panels);
	return c;
}

/* Of one thread. */
static size_t scratch_bytes(const struct gemm_weight *w, int64_t rows)
{
	const struct gemm_kernel *k = w->kernel;

	if (!k->scratch)
		return 0;
	return (size_t)k->scratch(w, smaller(rows, k->piece_rows)) * sizeof(float);
}

size_t gemm_scratch(const struct gemm_weight *w, int64_t rows, const struct gemm_image *image)
{
	if (w->kernel->scratch_all)
		return w->kernel->scratch_all(w, rows, image);
	return scratch_bytes(w, rows) * (size_t)omp_get_max_threads();
}

/* Pieces are handed out one by one, because threads of a shared machine are not equally fast. */
static void run_pieces(const struct gemm *g)
{
	if (g->w->kernel->run) {
		g->w->kernel->run(g);
		return;
	}
	struct cut c = cut(g);
	int64_t pieces = c.row_pieces * c.panel_pieces, panels = gemm_panels(g->w);
	size_t each = scratch_bytes(g->w, g->rows) / sizeof(float);

#pragma omp parallel for schedule(dynamic) if (pieces > 1)
	for (int64_t i = 0; i < pieces; i++) {
		struct gemm_piece p = { .row = i / c.panel_pieces * c.rows,
					.panel = i % c.panel_pieces * c.panels };

		p.rows = smaller(c.rows, g->rows - p.row);
		p.panels = smaller(c.panels, panels - p.panel);
		g->w->kernel->piece(g, &p, g->scratch + (size_t)omp_get_thread_num() * each);
	}
}

void gemm_run(const struct gemm *g)
{
	struct gemm_weight other;
	struct gemm again = *g;

	if (g->w->gated == (g->act == ACT_GEGLU)) {
		run_pieces(g);
		return;
	}
	again.w = &other;
	repack(g->w, &other);
	run_pieces(&again);
	free(other.panel);
}
