/* SPDX-License-Identifier: MIT
 *
 * gemm.h on AVX2 with FMA: a tile of 6 rows and 16 columns is summed in 12 of the 16 registers; per
 * k it takes two loads of weights and six broadcasts for 12 multiply-adds. GCC keeps the
 * accumulators in registers only where every index is a constant after unrolling: look at the inner
 * loop in the assembly when this is changed.
 */
#define SIMD_avx2
#define ROWS 6
#define VECS 2
#define BLOCK_K 320     /* 20 KiB of a panel: the first-level cache also passes the rows of x */
#define AHEAD 20        /* steps of VEC k that x is fetched ahead */
#define LINES 0         /* of the next weights in each step: instead, some at the start of a tile */
#define PIECE_ROWS 240  /* 300 KiB of packed rows in the second-level cache */
#define PIECE_PANELS 40 /* that share the packing of these rows */

#include "vec.h"

#include "gemm_blocked.h"

const struct gemm_kernel gemm_avx2_fp32 = GEMM_BLOCKED("own:avx2_fp32", DT_F32, piece_fp32, true);
const struct gemm_kernel gemm_avx2_bf16 = GEMM_BLOCKED("own:avx2_bf16", DT_BF16, piece_bf16, true);
