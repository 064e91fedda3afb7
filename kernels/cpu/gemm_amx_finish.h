/* SPDX-License-Identifier: MIT
 *
 * The end of a block of gemm_amx.c: bias, activation or GEGLU, residual, and the storage of the
 * result, a row at a time, so that it can be done between the products of the next block.
 */
#ifndef BENCH_GEMM_AMX_FINISH_H
#define BENCH_GEMM_AMX_FINISH_H

#include "gemm_amx_plan.h"
#include "gemm_finish.h"

/* The result of a block, whose sums are [row tile][column tile][16][16]. */
struct ending {
	const float *sums, *bias;
	char *y[2];              /* of each tile of rows */
	const char *residual[2]; /* or NULL */
	int rows[2], cols;
	int64_t stride;          /* bytes between rows */
	bool streams;            /* past the caches */
	bool whole;              /* no row or column is missing */
	bool waits;              /* is not finished */
};

/* A whole line of the result; past the caches, which would read it first, or into them. */
INLINE void store_line(char *y, __m256i left, __m256i right, bool past)
{
	__m512i line = _mm512_inserti64x4(_mm512_castsi256_si512(left), right, 1);

	if (past)
		_mm512_stream_si512((void *)y, line);
	else
		_mm512_storeu_si512((void *)y, line);
}

INLINE void finish_part(char *y, const char *residual, int cols, vf v)
{
	if (cols >= TILE) {
		if (residual)
			v += vf_get(residual, DT_BF16, 0);
		vf_put(y, DT_BF16, 0, v);
	} else if (cols > 0) {
		if (residual)
			v += vf_get_part(residual, DT_BF16, 0, cols);
		vf_put_part(y, DT_BF16, 0, cols, v);
	}
}

/* A row of a whole block, after its activation; of a GEGLU only u. */
INLINE void store_whole(const struct ending *e, char *y, const char *residual, vf u, vf v,
			const bool gated)
{
	if (residual) {
		u += vf_get(residual, DT_BF16, 0);
		if (!gated)
			v += vf_get(residual, DT_BF16, TILE);
	}
	if (gated)
		vf_put(y, DT_BF16, 0, u);
	else
		store_line(y, vec_narrow(u), vec_narrow(v), e->streams);
}

/* The same of a block that the edge of the result cuts. */
INLINE void store_cut(const struct ending *e, char *y, const char *residual, vf u, vf v,
		      const bool gated)
{
	finish_part(y, residual, e->cols, u);
	if (!gated)
		finish_part(y + LINE / 2, residual ? residual + LINE / 2 : NULL, e->cols - TILE, v);
}

INLINE void finish_row(const struct ending *e, int64_t row, const enum act act)
{
	const int64_t tile = row / TILE, at = row % TILE * e->stride;
	const float *sums = e->sums + tile * 2 * TILE * TILE + row % TILE * TILE;
	const char *residual = e->residual[tile] ? e->residual[tile] + at : NULL;
	const bool gated = act == ACT_GEGLU;
	vf u = vf_load(sums) + vf_load(e->bias);
	vf v = vf_load(sums + TILE * TILE) + vf_load(e->bias + TILE);

	if (row % TILE >= e->rows[tile])
		return;
	v = vf_act(gated ? ACT_GELU : act, true, v);
	if (gated)
		u *= v;
	else
		u = vf_act(act, true, u);
	if (e->whole)
		store_whole(e, e->y[tile] + at, residual, u, v, gated);
	else
		store_cut(e, e->y[tile] + at, residual, u, v, gated);
}

/* Rows that are finished after each of so many steps. */
INLINE int64_t rows_each(int64_t steps)
{
	return steps >= TILE ? 2 : ceil_div(2 * TILE, steps);
}

/* So many rows after a step of a block, two by straight-line code; all at once where some are
 * missing. */
INLINE void finish_rows(struct ending *e, int64_t step, int64_t steps, int64_t each,
			const enum act act)
{
	if (e->whole && each == 2) {
		if (step < TILE) {
			finish_row(e, 2 * step, act);
			finish_row(e, 2 * step + 1, act);
		}
	} else if (e->whole || step == 0) {
		int64_t to = e->whole ? smaller((step + 1) * each, 2 * TILE) : 2 * TILE;

		for (int64_t row = step * each; row < to; row++)
			finish_row(e, row, act);
	}
	if (step + 1 == steps)
		e->waits = false;
}

/* Lines that finish_row() will want, two after each step while the block is summed, if it has as
 * many steps: more at a time delay the tiles by more than they win. */
INLINE void fetch_rows(const struct ending *e, int64_t step, int64_t each)
{
	const int64_t tile = step / (TILE / 2), at = 2 * step % TILE * e->stride;

	if (each > 2 || step >= TILE || 2 * step % TILE >= e->rows[tile])
		return;
	if (!e->streams) {
		__builtin_prefetch(e->y[tile] + at, 1);
		__builtin_prefetch(e->y[tile] + at + e->stride, 1);
	}
	if (e->residual[tile]) {
		__builtin_prefetch(e->residual[tile] + at);
		__builtin_prefetch(e->residual[tile] + at + e->stride);
	}
}

#endif
