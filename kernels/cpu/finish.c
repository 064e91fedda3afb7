/* SPDX-License-Identifier: MIT */
#include "finish.h"

#define PIECE 8192 /* numbers that one thread converts at a time */

static const struct finish_kernels *kernels(enum isa level)
{
	static const struct finish_kernels *const table[ISA_COUNT] = {
		&simd_finish_c,    &simd_finish_avx2, &simd_finish_avx512,
		&simd_finish_bf16, &simd_finish_bf16,
	};
	return table[level];
}

void finish_rows(enum isa level, const struct finish *f)
{
	const struct finish_kernels *k = kernels(level);

#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < f->rows; row++)
		k->row(f, row);
}

void widen(enum isa level, const uint16_t *from, float *to, int64_t n)
{
	const struct finish_kernels *k = kernels(level);

#pragma omp parallel for schedule(static) if (n > PIECE)
	for (int64_t i = 0; i < n; i += PIECE)
		k->widen(from + i, to + i, i + PIECE < n ? PIECE : n - i);
}
