/* SPDX-License-Identifier: MIT
 *
 * Packing a chunk (gemm_amx_plan.h). With nothing beside it: stores between tile loads cost more.
 */
#ifndef BENCH_GEMM_AMX_PACK_H
#define BENCH_GEMM_AMX_PACK_H

#include <immintrin.h>

#include "gemm_amx_plan.h"

/* Which part of the product a piece is. */
struct piece {
	int64_t row, rows;           /* of a matrix or of windows that are gathered */
	int64_t sample, top, left;   /* patch: its first result */
	int64_t panel, panels;
};

struct packer {
	const struct gemm *g;
	const struct plan *plan;
	const struct piece *piece;
	int64_t first, n; /* blocks or steps of the chunk */
	char *chunk;
};

/* The lines of one row of the product, or of one pixel of a strip. */
struct run {
	const char *from; /* they lie one after the other in memory, but those of windows */
	char *to;
	int64_t number;
	bool inside;      /* the image, or the matrix; else zeros */
};

/* The pixel that a tap of the window of a result reads; NULL: outside the image. */
static inline const char *window_pixel(const struct gemm *g, int64_t row, int64_t tap)
{
	const struct gemm_image *m = g->image;
	const struct conv_attr *a = &m->attr;
	int64_t column = row % m->out_width, line = row / m->out_width % m->out_height;
	int64_t sample = row / m->out_width / m->out_height;
	int64_t y = line * a->stride - a->top + tap / a->kw;
	int64_t x = column * a->stride - a->left + tap % a->kw;

	if (y < 0 || y >= m->height || x < 0 || x >= m->width)
		return NULL;
	return (const char *)g->x +
	       ((sample * m->height + y) * m->width + x) * m->channels * 2;
}

static inline struct run strip_run(const struct packer *k, int64_t number)
{
	const struct gemm_image *m = k->g->image;
	const struct conv_attr *a = &m->attr;
	int64_t line = number / k->plan->width, column = number % k->plan->width;
	int64_t y = k->piece->top * a->stride - a->top + line;
	int64_t x = k->piece->left * a->stride - a->left + column;
	int64_t pixel = (k->piece->sample * m->height + y) * m->width + x;
	struct run r = { .from = (const char *)k->g->x, .to = k->chunk + number * LINE,
			 .inside = y >= 0 && y < m->height && x >= 0 && x < m->width };

	if (r.inside)
		r.from += pixel * m->channels * 2 + k->first * LINE;
	return r;
}

static inline struct run gathered_run(const struct packer *k, int64_t number)
{
	int64_t tile = number / TILE, row = number % TILE;
	struct run r = { .from = (const char *)k->g->x, .number = number,
			 .to = k->chunk + tile * k->plan->chunk * A_TILE + row * LINE,
			 .inside = number < k->piece->rows };

	if (r.inside && !k->g->image)
		r.from += (k->piece->row + number) * k->g->w->inputs * 2 + k->first * LINE;
	return r;
}

/* What a line of a block of channels has of them; the last block may have less. */
static inline __mmask32 line_mask(const struct packer *k, int64_t block)
{
	int64_t left = k->g->w->inputs / k->g->w->taps - block * STEP;
	return left >= STEP ? ~(__mmask32)0 : ((__mmask32)1 << left) - 1;
}

static inline void pack_windows(const struct packer *k, const struct run *r)
{
	const int64_t taps = k->g->w->taps;

	for (int64_t i = 0; i < k->n; i++) {
		int64_t tap = (k->first + i) % taps, block = (k->first + i) / taps;
		const char *from = window_pixel(k->g, k->piece->row + r->number, tap);
		__m512i line = _mm512_setzero_si512();

		if (from)
			line = _mm512_maskz_loadu_epi16(line_mask(k, block), from + block * LINE);
		_mm512_store_si512(r->to + i * A_TILE, line);
	}
}

static inline void pack_zeros(const struct packer *k, const struct run *r, int64_t step)
{
	for (int64_t i = 0; i < k->n; i++)
		_mm512_store_si512(r->to + i * step, _mm512_setzero_si512());
}

/* ---- windows of few channels, whose lines lie close in K ------------------------------------- */

/* Values of a line of each window that belong to one step of K. */
struct stretch {
	int64_t at;       /* where its step would begin in the image, bytes from the window */
	int32_t line;     /* of the window */
	int32_t from;     /* where the line begins in the step; it may begin before */
	__mmask32 values; /* in the step */
	bool ends;        /* the step */
};

enum { MOST_STRETCHES = CHUNK_STEPS * STEP };

/* Of 32 values those from `from` up to `to`, either may lie outside. */
static inline __mmask32 values_mask(int64_t from, int64_t to)
{
	uint64_t below = from <= 0 ? 0 : ((uint64_t)1 << smaller(from, STEP)) - 1;
	uint64_t up_to = to <= 0 ? 0 : ((uint64_t)1 << smaller(to, STEP)) - 1;

	return (__mmask32)(up_to & ~below);
}

/* Those of a chunk; returns their number. */
static inline int64_t list_stretches(const struct packer *k, struct stretch *s)
{
	const struct gemm_image *m = k->g->image;
	int64_t values = m->attr.kw * m->channels, n = 0;

	for (int64_t step = k->first * STEP; step < (k->first + k->n) * STEP; step += STEP) {
		int64_t i = step / values;

		for (; i < m->attr.kh && i * values < step + STEP; i++) {
			int64_t from = i * values - step;

			s[n++] = (struct stretch){
				.at = (i * m->width * m->channels - from) * 2, .line = (int32_t)i,
				.from = (int32_t)from, .values = values_mask(from, from + values),
			};
		}
		s[n - 1].ends = true;
	}
	return n;
}

/* A window, and which of its lines and which values of these lie inside the image. */
struct window {
	int64_t column, line, sample; /* of the result */
	int64_t at;                   /* in x, bytes; it may lie outside */
	int64_t top, bottom, from, to;
	bool inside;                  /* all of it */
};

static inline void window_place(struct window *w, const struct gemm_image *m)
{
	const struct conv_attr *a = &m->attr;
	int64_t x = w->column * a->stride - a->left, y = w->line * a->stride - a->top;

	w->at = ((w->sample * m->height + y) * m->width + x) * m->channels * 2;
	w->top = -y;
	w->bottom = m->height - y;
	w->from = -x * m->channels;
	w->to = (m->width - x) * m->channels;
	w->inside = x >= 0 && y >= 0 && x + a->kw <= m->width && y + a->kh <= m->height;
}

static inline void window_next(struct window *w, const struct gemm_image *m)
{
	if (++w->column < m->out_width)
		return;
	w->column = 0;
	if (++w->line < m->out_height)
		return;
	w->line = 0;
	w->sample++;
}

static inline __mmask32 stretch_inside(const struct stretch *s, const struct window *w)
{
	if (s->line < w->top || s->line >= w->bottom)
		return 0;
	return s->values & values_mask(s->from + w->from, s->from + w->to);
}

/* What a mask leaves out may lie outside of x. */
static inline void pack_window(const struct gemm *g, const struct window *w,
			       const struct stretch *s, int64_t n, char *to)
{
	__m512i line = _mm512_setzero_si512();

	for (int64_t i = 0; i < n; i++) {
		const void *from = (const void *)((uintptr_t)g->x + (uintptr_t)(w->at + s[i].at));
		__mmask32 values = w->inside ? s[i].values : stretch_inside(&s[i], w);

		line = _mm512_mask_loadu_epi16(line, values, from);
		if (s[i].ends) {
			_mm512_store_si512(to, line);
			line = _mm512_setzero_si512();
			to += A_TILE;
		}
	}
}

static inline void pack_dense(const struct packer *k)
{
	const struct gemm_image *m = k->g->image;
	int64_t row = k->piece->row;
	struct window w = { .column = row % m->out_width,
			    .line = row / m->out_width % m->out_height,
			    .sample = row / m->out_width / m->out_height };
	struct stretch stretch[MOST_STRETCHES];
	int64_t n = list_stretches(k, stretch);

	for (int64_t i = 0; i < k->plan->tiles * TILE; i++) {
		struct run r = gathered_run(k, i);

		if (!r.inside) {
			pack_zeros(k, &r, A_TILE);
			continue;
		}
		window_place(&w, m);
		pack_window(k->g, &w, stretch, n, r.to);
		window_next(&w, m);
	}
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Lines `step` apart in the chunk; what comes next in x is fetched, `ahead` bytes further on. */
static inline void pack_lines(const struct packer *k, const struct run *r, int64_t step,
			      int64_t ahead)
{
	const char *from = r->from;
	char *to = r->to;
	int64_t whole = k->n - (line_mask(k, k->first + k->n - 1) != ~(__mmask32)0);

	for (int64_t i = 0; i < whole; i++, from += LINE, to += step) {
		_mm_prefetch(from + ahead, _MM_HINT_T0);
		_mm512_store_si512(to, _mm512_loadu_si512(from));
	}
	if (whole < k->n)
		_mm512_store_si512(to, _mm512_maskz_loadu_epi16(line_mask(k, k->first + whole),
								from));
}

static inline void pack_chunk(const struct packer *k)
{
	const bool strip = k->plan->strip, windows = k->g->image && !strip;
	int64_t step = strip ? plan_block_bytes(k->plan) : A_TILE;
	int64_t ahead = strip ? 2048 : k->g->w->inputs * 2; /* of a matrix: the next row */
	int64_t runs = strip ? k->plan->height * k->plan->width : k->plan->tiles * TILE;

	if (gemm_dense(k->g->w)) {
		pack_dense(k);
		return;
	}
	for (int64_t i = 0; i < runs; i++) {
		struct run r = strip ? strip_run(k, i) : gathered_run(k, i);

		if (!r.inside)
			pack_zeros(k, &r, step);
		else if (windows)
			pack_windows(k, &r);
		else
			pack_lines(k, &r, step, ahead);
	}
}

#endif
