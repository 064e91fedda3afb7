/* SPDX-License-Identifier: MIT
 *
 * Our own matrix product for bf16 on AVX-512 with vdpbf16ps, where the end of a linear (activation,
 * GEGLU, residual) costs oneDNN several percent:
 *
 *   y [M,N] = act(x [M,K] w^T + bias) + residual
 *
 * A tile of 6 rows and 64 columns is summed in 24 registers over all of K; per pair of k it takes
 * four loads of weights and six broadcasts for 24 dot products. Weights are packed in panels of 64
 * columns, [panel][K/2][64][2]; a panel streams from the second-level cache while the rows of a
 * block pass by. For GEGLU a panel holds 32 columns of u and the same 32 of g, so that their
 * product is formed where the sums are. Goto & van de Geijn 2008 for the blocking.
 *
 * How to test: onednn_test.c at level bf16.
 */
#ifndef BENCH_GEMM_H
#define BENCH_GEMM_H

#include "op.h"

enum { GEMM_ROWS = 6, GEMM_COLS = 64 };

struct gemm_weight {
	int64_t inputs, outputs;
	bool gated;      /* panels are [u|g] */
	uint16_t *panel;
};

struct gemm {
	int64_t rows;
	const uint16_t *x, *residual; /* residual may be NULL */
	const struct gemm_weight *w;
	const float *bias;            /* may be NULL */
	enum act act;                 /* fast where w->gated fits it */
	uint16_t *y;
};

size_t gemm_weight_bytes(int64_t outputs, int64_t inputs, bool gated);

/* Packs `plain` [outputs,inputs] into w->panel (gemm_weight_bytes, aligned to 64), on all threads.
 */
void gemm_pack(const struct gemm_weight *w, const uint16_t *plain);

/* On all threads; the result does not depend on their number. */
void gemm_run(const struct gemm *g);

/* ---- gemm_bf16.c ----------------------------------------------------------------------------- */

/* Rows [from,to) of the columns of one panel. */
void gemm_panel_bf16(const struct gemm *g, int64_t panel, int64_t from, int64_t to);

#endif
