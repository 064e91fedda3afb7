/* SPDX-License-Identifier: MIT
 *
 * What this processor can do at most: arithmetic out of registers, one kernel per number format and
 * instruction-set level, and bytes from memory. Every "share of peak" divides by these.
 *
 * The loops are written in assembly, because a compiler that keeps one accumulator in memory costs
 * a factor of ten. Accumulators are many enough to hide the latency of every known core (24 of 512
 * bits, 12 of 256 bits, 4 tiles). How to test: peak_test.c.
 */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

enum peak {
	PEAK_FP32, /* fused multiply-add, or multiply and add */
	PEAK_BF16, /* vdpbf16ps or tdpbf16ps: pairs of bf16 into fp32 */
	PEAK_INT8, /* unsigned times signed bytes into int32 */
	PEAK_COUNT
};

const char *peak_name(enum peak p); /* "fp32", "bf16", "int8" */

/* True when `level` has instructions for this format. isa_machine() must have it. */
bool peak_has(enum isa level, enum peak p);

/* Operations per second (1 MAC = 2) of the calling thread over about `seconds`; 0: not available.
 */
double peak_run(enum isa level, enum peak p, double seconds);

/* The same on `threads` OpenMP threads at once: the sum of their rates. */
double peak_run_threads(enum isa level, enum peak p, int threads, double seconds);

/* A block of about `seconds`, up to 0.1, cut into windows of two milliseconds: the mean over the
 * block, and the best window, which comes near the peak even while other programs take the cores at
 * times. */
struct peak_block {
	double mean, best;
};
struct peak_block peak_block(enum isa level, enum peak p, int threads, double seconds);

/* Cycles per second of the calling thread's core: a chain of additions, one cycle each. */
double core_frequency(double seconds);

/* Bytes per second on `threads` OpenMP threads over the buffers, each of `bytes` (a multiple of
 * 4096 for each thread). Copy counts the bytes read and the bytes written, past the caches. */
double stream_read(const void *src, size_t bytes, int threads);
double stream_copy(void *dst, const void *src, size_t bytes, int threads);

/* ---- between the files of this folder -------------------------------------------------------- */

/* Runs `loops` times a block of ops_per_loop operations; run NULL: the level lacks it. */
struct peak_kernel {
	void (*run)(int64_t loops);
	int64_t ops_per_loop;
};

extern const struct peak_kernel peak_c[PEAK_COUNT];
extern const struct peak_kernel peak_avx2[PEAK_COUNT];
extern const struct peak_kernel peak_avx512[PEAK_COUNT];
extern const struct peak_kernel peak_vnni[PEAK_COUNT]; /* in peak_avx512.c */
extern const struct peak_kernel peak_bf16[PEAK_COUNT];
extern const struct peak_kernel peak_amx[PEAK_COUNT];

/* Operands: finite numbers of mixed sign, so that neither power nor denormals mislead. */
extern const float peak_operand_fp32[2][16];
extern const uint16_t peak_operand_bf16[2][32];
extern const int8_t peak_operand_int8[2][64];

/* M(0) M(1) ... for the accumulators of an assembly block. */
#define PEAK_4(M)  M(0) M(1) M(2) M(3)
#define PEAK_12(M) PEAK_4(M) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11)
#define PEAK_24(M) \
	PEAK_12(M) M(12) M(13) M(14) M(15) M(16) M(17) M(18) M(19) M(20) M(21) M(22) M(23)

#define PEAK_LOOP(BODY) "1:\n\t" BODY "dec %0\n\tjnz 1b\n\t"

#endif
