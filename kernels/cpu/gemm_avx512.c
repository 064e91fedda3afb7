/* SPDX-License-Identifier: MIT
 *
 * gemm.h on AVX-512: a tile of 9 rows and 48 columns is summed in 27 of the 32 registers; per k it
 * takes three loads of weights and nine broadcasts for 27 multiply-adds, because each load costs
 * speed, even from the first-level cache. A block of a panel streams from the second-level cache.
 * GCC keeps the accumulators in registers only where every index is a constant after unrolling:
 * look at the inner loop in the assembly when this is changed.
 */
#define SIMD_avx512
#define ROWS 9
#define VECS 3
#define BLOCK_K 1280    /* 240 KiB of a panel, so that most sums never wait for another block */
#define AHEAD 0         /* steps of VEC k that x is fetched ahead: the hardware follows it */
#define LINES 4         /* of the next weights that are fetched in each of these steps */
#define PIECE_ROWS 126  /* 630 KiB of packed rows in the second-level cache */
#define PIECE_PANELS 27 /* that share the packing of these rows: 1280 columns */

#include "vec.h"

#include "gemm_blocked.h"

/* oneDNN's convolution is as fast in fp32, but not where it has to widen bf16. */
const struct gemm_kernel gemm_avx512_fp32 =
	GEMM_BLOCKED("own:avx512_fp32", DT_F32, piece_fp32, false);
const struct gemm_kernel gemm_avx512_wide =
	GEMM_BLOCKED("own:avx512_wide", DT_BF16, piece_bf16, true);
