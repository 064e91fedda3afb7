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
	char *half[2];           /* of a GEGLU that streams: the left halves of the lines */
	bool right;              /* this block makes their right halves */
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

INLINE void store_part(char *y, const char *residual, int cols, vf v)
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
	store_part(y, residual, e->cols, u);
	if (!gated)
		store_part(y + LINE / 2, residual ? residual + LINE / 2 : NULL, e->cols - TILE, v);
}

/* Half a line of a GEGLU that goes past the caches waits for the other half. */
INLINE void store_half(const struct ending *e, char *y, char *half, vf u)
{
	if (e->right)
		store_line(y - LINE / 2, _mm256_load_si256((const void *)half), vec_narrow(u),
			   true);
	else
		_mm256_store_si256((void *)half, vec_narrow(u));
}

INLINE void finish_row(const struct ending *e, int64_t tile, int64_t row, const enum act act,
		       const bool added)
{
	const int64_t at = row * e->stride;
	const float *sums = e->sums + tile * 2 * TILE * TILE + row * TILE;
	const char *residual = added ? e->residual[tile] + at : NULL;
	const bool gated = act == ACT_GEGLU;
	vf u = vf_load(sums) + vf_load(e->bias);
	vf v = vf_load(sums + TILE * TILE) + vf_load(e->bias + TILE);

	v = vf_act(gated ? ACT_GELU : act, true, v);
	if (gated)
		u *= v;
	else
		u = vf_act(act, true, u);
	if (gated && e->streams)
		store_half(e, e->y[tile] + at, e->half[tile] + row * LINE / 2, u);
	else if (e->whole)
		store_whole(e, e->y[tile] + at, residual, u, v, gated);
	else
		store_cut(e, e->y[tile] + at, residual, u, v, gated);
}

/* All rows at once. */
INLINE void finish_rows(const struct ending *e, const enum act act, const bool added)
{
	for (int64_t tile = 0; tile < 2; tile++)
		for (int64_t row = 0; row < e->rows[tile]; row++)
			finish_row(e, tile, row, act, added);
}

#endif
