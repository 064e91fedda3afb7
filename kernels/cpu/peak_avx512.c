/* SPDX-License-Identifier: MIT
 *
 * Peak of AVX-512: 24 accumulators of 512 bits. Bytes with and without the VNNI dot product, which
 * some processors of this level have.
 */
#include "peak_zmm.h"

#define FMA(r)  "vfmadd231ps %%zmm24, %%zmm25, %%zmm" #r "\n\t"
#define VNNI(r) "vpdpbusd %%zmm24, %%zmm25, %%zmm" #r "\n\t"
#define DOT(r)                                          \
	"vpmaddubsw %%zmm24, %%zmm25, %%zmm27\n\t"      \
	"vpmaddwd %%zmm24, %%zmm27, %%zmm27\n\t"        \
	"vpaddd %%zmm27, %%zmm" #r ", %%zmm" #r "\n\t"

static void fp32(int64_t loops)
{
	PEAK_ZMM(loops, peak_operand_fp32, FMA);
}

static void int8(int64_t loops)
{
	PEAK_ZMM(loops, peak_operand_int8, DOT);
}

static void int8_vnni(int64_t loops)
{
	PEAK_ZMM(loops, peak_operand_int8, VNNI);
}

const struct peak_kernel peak_avx512[PEAK_COUNT] = {
	[PEAK_FP32] = { fp32, 24 * 16 * 2 },
	[PEAK_INT8] = { int8, 24 * 64 * 2 },
};

const struct peak_kernel peak_vnni[PEAK_COUNT] = {
	[PEAK_INT8] = { int8_vnni, 24 * 64 * 2 },
};
