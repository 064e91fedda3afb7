/* SPDX-License-Identifier: MIT
 *
 * Attention in fp32 with AVX-512.
 */
#include "attention.h"
#include "attention_zmm.h"

#define PAIR 1
#define ROWS 6
#define PANEL 4
#define KEY_ALIGN 1

static inline vec vec_dot(vec acc, vec a, vec b) { return _mm512_fmadd_ps(a, b, acc); }

/* 2^x to 2e-7 (EXP2_C1..5 in attention.h). */
static inline vec vec_exp2(vec x)
{
	vec n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	vec r = _mm512_sub_ps(x, n);
	vec p = _mm512_fmadd_ps(vec_set(EXP2_C5), r, vec_set(EXP2_C4));

	p = _mm512_fmadd_ps(p, r, vec_set(EXP2_C3));
	p = _mm512_fmadd_ps(p, r, vec_set(EXP2_C2));
	p = _mm512_fmadd_ps(p, r, vec_set(EXP2_C1));
	p = _mm512_fmadd_ps(p, r, vec_set(1.0f));
	return _mm512_scalef_ps(p, n);
}

static inline void store_weights(float *p, vec x, vec y)
{
	vec_store(p, x);
	vec_store(p + LANES, y);
}

#include "attention_vector.h"

const struct attention_kernel attention_avx512 = {
	.lanes = LANES, .pair = PAIR, .rows = ROWS, .word_align = 1, .pack = pack, .attend = attend,
};
