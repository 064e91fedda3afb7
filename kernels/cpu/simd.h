/* SPDX-License-Identifier: MIT
 *
 * Our own kernels: norms, softmax, pointwise ops. Each x_simd.c is compiled once per level, with
 * SIMD_LEVEL the level's name; table_simd.c gathers the pieces into
 * one table per level. Ops that only move bytes are the same on every level (move.c).
 *
 * A kernel reads call->in and call->attr and writes call->out; operands may each be fp32 or bf16.
 * Results do not depend on the number of threads: work is cut by shape alone, and sums over pieces
 * are added in a fixed order.
 */
#ifndef BENCH_SIMD_H
#define BENCH_SIMD_H

#include "cpu.h"
#include "op.h"
#include "random.h"

typedef void simd_run(const struct op_call *call);

struct simd_kernels {
	simd_run *run[OP_COUNT]; /* NULL: not an op of these files */
	random_blocks *random;   /* the bulk of random_fill */
};

extern const struct simd_kernels simd_kernels_c, simd_kernels_avx2, simd_kernels_avx512,
	simd_kernels_bf16;
const struct simd_kernels *simd_kernels_at(enum isa level);

/* In an x_simd.c, SIMD(softmax) is simd_softmax_avx512 at level avx512. */
#if defined(SIMD_LEVEL)
#define SIMD_PASTE(name, level) simd_##name##_##level
#define SIMD_EXPAND(name, level) SIMD_PASTE(name, level)
#define SIMD(name) SIMD_EXPAND(name, SIMD_LEVEL)

simd_run SIMD(add), SIMD(axpby), SIMD(clamp), SIMD(activation), SIMD(cast), SIMD(add_channel),
	SIMD(add_rows), SIMD(geglu), SIMD(group_norm), SIMD(group_norm_moments),
	SIMD(group_norm_apply), SIMD(layer_norm), SIMD(softmax);
random_blocks SIMD(random);
#endif

/* Calls piece(call, from, to) for [0,n) cut into pieces of `size`, on all threads. */
typedef void cpu_piece(const struct op_call *call, int64_t from, int64_t to);
void cpu_parallel(const struct op_call *call, int64_t n, int64_t size, cpu_piece *piece);

/* Numbers that one piece of a pointwise op handles: small enough for the first-level cache, large
 * enough to hide the cost of starting. A multiple of every vector width. */
enum { CPU_PIECE = 8192 };

/* Rows of `cols` numbers that make about one piece. */
static inline int64_t cpu_piece_rows(int64_t cols)
{
	return cols < CPU_PIECE ? CPU_PIECE / cols : 1;
}

#endif
