/* SPDX-License-Identifier: MIT */
#include "simd.h"

const struct simd_kernels *simd_kernels_at(enum isa level)
{
	static const struct simd_kernels *const table[ISA_COUNT] = {
		[ISA_C] = &simd_kernels_c,
		[ISA_AVX2] = &simd_kernels_avx2,
		[ISA_AVX512] = &simd_kernels_avx512,
		[ISA_BF16] = &simd_kernels_bf16,
		[ISA_AMX] = &simd_kernels_bf16, /* tiles multiply matrices only */
	};
	return table[level];
}
