/* SPDX-License-Identifier: MIT
 *
 * One loop of 24 accumulators of 512 bits, zmm0..zmm23, with operands in zmm24 and zmm25: what the
 * AVX-512 peak kernels share.
 */
#ifndef BENCH_PEAK_ZMM_H
#define BENCH_PEAK_ZMM_H

#include "peak.h"

#define PEAK_ZMM_ZERO(r) "vpxord %%zmm" #r ", %%zmm" #r ", %%zmm" #r "\n\t"

#define PEAK_ZMM(loops, operand, INSN)                                                          \
	__asm__ volatile("vmovups %1, %%zmm24\n\t"                                              \
			 "vmovups %2, %%zmm25\n\t" PEAK_24(PEAK_ZMM_ZERO)                       \
				 PEAK_LOOP(PEAK_24(INSN)) "vzeroupper"                          \
			 : "+r"(loops)                                                          \
			 : "m"(operand[0]), "m"(operand[1])                                     \
			 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",      \
			   "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",         \
			   "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21",       \
			   "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "cc")

#endif
