/* SPDX-License-Identifier: MIT
 *
 * What the bf16 kernels (vdpbf16ps and AMX) share: operands are pairs of bf16, and the weights are
 * rounded to bf16 as they overwrite the scores.
 */
#ifndef BENCH_ATTENTION_BF16_H
#define BENCH_ATTENTION_BF16_H

#include "attention_zmm.h"

#define PAIR 2

/* 2^(i/16), and its slope there: times ln 2. */
static const float exp2_root[16] __attribute__((aligned(64))) = {
	1.0f,         1.04427378f, 1.09050773f, 1.13878863f, 1.18920712f, 1.24185781f,
	1.29683955f,  1.35425555f, 1.41421356f, 1.47682615f, 1.54221083f, 1.61049033f,
	1.68179283f,  1.75625216f, 1.83400809f, 1.91520656f,
};
static const float exp2_slope[16] __attribute__((aligned(64))) = {
	0.693147181f, 0.723835428f, 0.75588236f,  0.789348131f, 0.824295559f, 0.860790241f,
	0.898900681f, 0.938698414f, 0.980258143f, 1.02365788f,  1.06897909f,  1.11630683f,
	1.16572996f,  1.21734123f,  1.27123753f,  1.32752003f,
};

/* 2^x to 2.4e-4, a sixteenth of the rounding to bf16 that follows: the tangent at the nearest
 * sixteenth. One multiply-add where a polynomial needs three; on the processors that have
 * vdpbf16ps the rest runs on other ports than the products do. Exactly 1 at 0, so that a maximum
 * that stays rescales nothing. Adding 1.5 * 2^19 leaves sixteenths in the low bits. */
static inline vec vec_exp2(vec x)
{
	const vec shift = vec_set(0x1.8p19f);
	vec shifted = vec_add(x, shift), n = _mm512_sub_ps(shifted, shift);
	__m512i i = _mm512_castps_si512(shifted);
	vec root = _mm512_permutexvar_ps(i, _mm512_load_ps(exp2_root));
	vec slope = _mm512_permutexvar_ps(i, _mm512_load_ps(exp2_slope));

	return _mm512_scalef_ps(_mm512_fmadd_ps(_mm512_sub_ps(x, n), slope, root), n);
}

static inline void store_weights(float *p, vec x, vec y)
{
	_mm512_storeu_si512(p, (__m512i)_mm512_cvtne2ps_pbh(y, x));
}

#endif
