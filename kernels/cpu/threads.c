/* SPDX-License-Identifier: MIT
 *
 * The one parallel loop of our own kernels. Each thread gets one contiguous run of pieces, so that
 * it walks through memory in order. A single piece is not worth waking anybody.
 */
#include "simd.h"

void cpu_parallel(const struct op_call *call, int64_t n, int64_t size, cpu_piece *piece)
{
	int64_t pieces = (n + size - 1) / size;

#pragma omp parallel for schedule(static) if (pieces > 1)
	for (int64_t i = 0; i < pieces; i++)
		piece(call, i * size, i + 1 < pieces ? (i + 1) * size : n);
}
