/* SPDX-License-Identifier: MIT
 *
 * What the bf16 kernels (vdpbf16ps and AMX) share: operands are pairs of bf16, and the weights are
 * rounded to bf16 as they overwrite the scores.
 */
#ifndef BENCH_ATTENTION_BF16_H
#define BENCH_ATTENTION_BF16_H

#include "attention_zmm.h"

#define PAIR 2

static const float exp2_sixteenths[16] __attribute__((aligned(64))) = {
	1.0f, 1.04427378f, 1.09050773f, 1.13878863f, 1.18920712f, 1.24185781f, 1.29683955f,
	1.35425555f, 1.41421356f, 1.47682615f, 1.54221083f, 1.61049033f, 1.68179283f, 1.75625216f,
	1.83400809f, 1.91520656f,
};
static const float exp2_slopes[16] __attribute__((aligned(64))) = {
	0.69314718f, 0.72383543f, 0.75588235f, 0.78934813f, 0.82429556f, 0.86079024f, 0.89890068f,
	0.93869842f, 0.98025814f, 1.02365787f, 1.06897909f, 1.11630689f, 1.16573026f, 1.21734221f,
	1.27123995f, 1.32752527f,
};

/* 2^x: a table of sixteenths and a tangent */
static inline vec vec_exp2(vec x)
{
	const vec magic = vec_set(0x1.8p19f);
	vec t = _mm512_add_ps(x, magic), n = _mm512_sub_ps(t, magic), r = _mm512_sub_ps(x, n);
	vec root = _mm512_permutexvar_ps(_mm512_castps_si512(t), _mm512_load_ps(exp2_sixteenths));
	vec slope = _mm512_permutexvar_ps(_mm512_castps_si512(t), _mm512_load_ps(exp2_slopes));

	return _mm512_scalef_ps(_mm512_fmadd_ps(r, slope, root), n);
}

static inline void store_weights(float *p, vec x, vec y)
{
	_mm512_storeu_si512(p, (__m512i)_mm512_cvtne2ps_pbh(y, x));
}

#endif
