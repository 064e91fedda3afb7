/* SPDX-License-Identifier: MIT
 *
 * Peak of the baseline of the architecture: multiply and add on vectors of 128 bits. There is no
 * arithmetic on bf16 or bytes worth the name at this level.
 */
#include "peak.h"

#include <string.h>

typedef float vec __attribute__((vector_size(16)));

static volatile float sink;

/* Each product looks new to the optimiser, or it would leave the loop. */
#define MAC(s)                               \
	do {                                 \
		__asm__("" : "+x"(a));       \
		s += a * b;                  \
	} while (0)

static void fp32(int64_t loops)
{
	vec a, b, s0 = { 0 }, s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;

	memcpy(&a, peak_operand_fp32[0], sizeof a);
	memcpy(&b, peak_operand_fp32[1], sizeof b);
	for (int64_t i = 0; i < loops; i++) {
		MAC(s0);
		MAC(s1);
		MAC(s2);
		MAC(s3);
		MAC(s4);
		MAC(s5);
		MAC(s6);
		MAC(s7);
	}
	s0 += s1 + s2 + s3 + s4 + s5 + s6 + s7;
	sink = s0[0] + s0[1] + s0[2] + s0[3];
}

const struct peak_kernel peak_c[PEAK_COUNT] = {
	[PEAK_FP32] = { fp32, 8 * 4 * 2 },
};
