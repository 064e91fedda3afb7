/* SPDX-License-Identifier: MIT
 *
 * Peak of AVX-512 with dot products of bf16: 24 accumulators of 512 bits.
 */
#include "peak_zmm.h"

#define DOT(r) "vdpbf16ps %%zmm24, %%zmm25, %%zmm" #r "\n\t"

static void bf16(int64_t loops)
{
	PEAK_ZMM(loops, peak_operand_bf16, DOT);
}

const struct peak_kernel peak_bf16[PEAK_COUNT] = {
	[PEAK_BF16] = { bf16, 24 * 32 * 2 },
};
