/* SPDX-License-Identifier: MIT
 *
 * Attention with vdpbf16ps: each lane adds the products of two bf16 pairs to an fp32 sum.
 */
#include "attention_bf16.h"

#define ROWS 6
#define PANEL 4
#define KEY_ALIGN 2

static inline vec vec_dot(vec acc, vec a, vec b)
{
	return _mm512_dpbf16_ps(acc, (__m512bh)a, (__m512bh)b);
}

#include "attention_vector.h"

const struct attention_kernel attention_bf16 = {
	.lanes = LANES, .pair = PAIR, .rows = ROWS, .word_align = 1, .pack = pack, .attend = attend,
};
