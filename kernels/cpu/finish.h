/* SPDX-License-Identifier: MIT
 *
 * The end of a linear or convolution whose sums of products lie in a buffer of fp32: what is left
 * is the activation that halves the row, the residual, and the storage of the result.
 */
#ifndef BENCH_FINISH_H
#define BENCH_FINISH_H

#include "cpu.h"

/* Rows of sums, `width` numbers apart. For ACT_GEGLU a row holds u and, width/2 further on, g, and
 * becomes u gelu(g); else it stays as it is. `cols` results per row go to columns [at, at + cols)
 * of y, whose rows are `stride` apart; so is the residual (may be NULL). */
struct finish {
	const float *sums;
	int64_t rows, width, cols;
	enum act act;
	enum dtype dtype; /* of y and residual */
	void *y;
	const void *residual;
	int64_t at, stride;
};

/* On all threads. */
void finish_rows(enum isa level, const struct finish *f);

/* n numbers of bf16 as fp32, on all threads. */
void widen(enum isa level, const uint16_t *from, float *to, int64_t n);

/* ---- one instruction-set level each (finish_simd.c) -------------------------------------------
 */

struct finish_kernels {
	void (*row)(const struct finish *f, int64_t row);
	void (*widen)(const uint16_t *from, float *to, int64_t n);
};

extern const struct finish_kernels simd_finish_c, simd_finish_avx2, simd_finish_avx512,
	simd_finish_bf16;

#endif
