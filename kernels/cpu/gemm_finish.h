/* SPDX-License-Identifier: MIT
 *
 * The end of a tile of gemm.h whose sums lie in memory, with COLS columns per row: activation or
 * GEGLU, residual, and the storage of the result. Included by the kernels of the levels.
 */
#ifndef BENCH_GEMM_FINISH_H
#define BENCH_GEMM_FINISH_H

#include "gemm.h"
#include "vec_math.h"

struct finish_tile {
	const float *sums;    /* [rows][COLS] */
	int rows, cols;       /* of the result */
	void *y;              /* rows of storage t, `stride` values apart, as the residual's */
	const void *residual; /* may be NULL */
	int64_t stride;
};

/* The first n results of a vector: where half a panel is no whole vector, the rest of the gate may
 * lie behind all sums. */
INLINE vf finish_value(const float *sums, int n, enum act act, enum dtype t)
{
	vf v = vf_load(sums), gate;

	if (act != ACT_GEGLU)
		return vf_act(act, t == DT_BF16, v);
	gate = n == VEC ? vf_load(sums + COLS / 2) : vf_load_part(sums + COLS / 2, n);
	return v * vf_act(ACT_GELU, t == DT_BF16, gate);
}

INLINE void finish_tile_as(const struct finish_tile *f, const enum act act, const enum dtype t)
{
	const float *sums = f->sums;

	for (int r = 0; r < f->rows; r++, sums += COLS) {
		int64_t at = r * f->stride;
		int j = 0, rest;

		for (; j + VEC <= f->cols; j += VEC) {
			vf v = finish_value(sums + j, VEC, act, t);
			if (f->residual)
				v += vf_get(f->residual, t, at + j);
			vf_put(f->y, t, at + j, v);
		}
		rest = f->cols - j;
		if (rest > 0) {
			vf v = finish_value(sums + j, rest, act, t);
			if (f->residual)
				v += vf_get_part(f->residual, t, at + j, rest);
			vf_put_part(f->y, t, at + j, rest, v);
		}
	}
}

INLINE void finish_tile(const struct finish_tile *f, enum act act, const enum dtype t)
{
	switch (act) {
	case ACT_NONE:
		finish_tile_as(f, ACT_NONE, t);
		break;
	case ACT_SILU:
		finish_tile_as(f, ACT_SILU, t);
		break;
	case ACT_GELU:
		finish_tile_as(f, ACT_GELU, t);
		break;
	case ACT_GELU_TANH:
		finish_tile_as(f, ACT_GELU_TANH, t);
		break;
	case ACT_QUICK_GELU:
		finish_tile_as(f, ACT_QUICK_GELU, t);
		break;
	case ACT_GEGLU:
		finish_tile_as(f, ACT_GEGLU, t);
		break;
	}
}

/* Bias of the columns of a panel, zero where there is none. */
static inline void panel_bias(const struct gemm *g, int64_t panel, float *bias)
{
	int64_t first = panel * gemm_panel_cols(g->w);
	size_t bytes = (size_t)gemm_cols_of(g->w, panel) * sizeof *bias;

	memset(bias, 0, COLS * sizeof *bias);
	if (!g->bias)
		return;
	memcpy(bias, g->bias + first, bytes);
	if (g->w->gated)
		memcpy(bias + COLS / 2, g->bias + g->w->outputs / 2 + first, bytes);
}

/* Results are stored here soon: the lines that the end of a tile will touch. */
INLINE void fetch_result(const struct finish_tile *f, const enum dtype t)
{
	const int line = (int)(64 / dtype_bytes(t));

	for (int r = 0; r < f->rows; r++)
		for (int j = 0; j < f->cols; j += line) {
			size_t at = (size_t)(r * f->stride + j) * dtype_bytes(t);
			__builtin_prefetch((char *)f->y + at, 1);
			if (f->residual)
				__builtin_prefetch((const char *)f->residual + at);
		}
}

#endif
