/* SPDX-License-Identifier: MIT
 *
 * Peak of AVX2: 12 accumulators of 256 bits. Bytes take three instructions (products of pairs,
 * pairs of pairs, sum), as every int8 kernel without dot-product instructions.
 */
#include "peak.h"

#define CLOBBERS \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
		"xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc"

#define ZERO(r) "vpxor %%ymm" #r ", %%ymm" #r ", %%ymm" #r "\n\t"
#define FMA(r)  "vfmadd231ps %%ymm12, %%ymm13, %%ymm" #r "\n\t"
#define DOT(r)                                          \
	"vpmaddubsw %%ymm12, %%ymm13, %%ymm15\n\t"      \
	"vpmaddwd %%ymm14, %%ymm15, %%ymm15\n\t"        \
	"vpaddd %%ymm15, %%ymm" #r ", %%ymm" #r "\n\t"

static void fp32(int64_t loops)
{
	__asm__ volatile("vmovups %1, %%ymm12\n\t"
			 "vmovups %2, %%ymm13\n\t" PEAK_12(ZERO) PEAK_LOOP(PEAK_12(FMA))
			 "vzeroupper"
			 : "+r"(loops)
			 : "m"(peak_operand_fp32[0]), "m"(peak_operand_fp32[1])
			 : CLOBBERS);
}

static void int8(int64_t loops)
{
	__asm__ volatile("vmovups %1, %%ymm12\n\t"
			 "vmovups %2, %%ymm13\n\t"
			 "vpcmpeqw %%ymm14, %%ymm14, %%ymm14\n\t"
			 "vpsrlw $15, %%ymm14, %%ymm14\n\t" PEAK_12(ZERO) PEAK_LOOP(PEAK_12(DOT))
			 "vzeroupper"
			 : "+r"(loops)
			 : "m"(peak_operand_int8[0]), "m"(peak_operand_int8[1])
			 : CLOBBERS);
}

const struct peak_kernel peak_avx2[PEAK_COUNT] = {
	[PEAK_FP32] = { fp32, 12 * 8 * 2 },
	[PEAK_INT8] = { int8, 12 * 32 * 2 },
};
