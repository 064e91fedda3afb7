/* SPDX-License-Identifier: MIT
 *
 * Exponential and activation functions on vectors, in two accuracies: the plain names for fp32
 * storage, *_rough for bf16 storage, whose own rounding (relative 2^-8 = 3.9e-3) hides the rest.
 * The errors given here are relative, hold over all inputs, and are checked by pointwise_test.c.
 *
 *   exp        e^x = 2^n e^r, |r| <= ln(2)/2, ln(2) in two parts (Cody & Waite 1980); e^r by a
 *              minimax polynomial of degree 6: 1.5e-7
 *   exp2_rough 2^x = 2^floor(x) 2^f, degree 4 with 2^0 = 1 exact: 3.3e-6 for |x| <= 8, growing with
 *              the rounding of x itself
 *   gelu       x Phi(x), Phi by its tail Q(a) = erfc(a/sqrt(2))/2 = exp(-a^2/2) t P(t), a = |x|,
 *              t = 1/(1 + k a): degree 7 and k = 0.3, degree 4 and k = 0.25 for rough; the form is
 *              that of Hastings (1955), the coefficients are a Remez fit on 0 <= a <= 14.5. It
 *              keeps its relative accuracy in the tail, where (1 + erf)/2 cancels.
 *   sigmoid    1/(1 + exp(-x)); silu, gelu_tanh and quick_gelu are x sigmoid(..), because
 *              (1 + tanh(u))/2 = sigmoid(2u)
 */
#ifndef BENCH_VEC_MATH_H
#define BENCH_VEC_MATH_H

#include "op.h"
#include "vec.h"

#define LOG2_E 1.44269504f

INLINE vf vf_exp(vf x)
{
	/* e^-105 and e^90 round to zero and infinity; a NaN stays */
	vf clamped = vf_min(vf_set(90), vf_max(vf_set(-105), x));
	vf n = vf_round(clamped * LOG2_E);
	vf r = vf_fma(n, vf_set(-0.693359375f), clamped); /* exact: nine bits times eight */
	vf p = vf_set(1.381459724e-3f);

	r = vf_fma(n, vf_set(2.12194440e-4f), r);
	p = vf_fma(p, r, vf_set(8.368716916e-3f));
	p = vf_fma(p, r, vf_set(4.166838808e-2f));
	p = vf_fma(p, r, vf_set(0.1666652063f));
	p = vf_fma(p, r, vf_set(0.4999999345f));
	p = vf_fma(p, r * r, r) + 1.0f;
	return vf_scale(p, n);
}

INLINE vf vf_exp2_rough(vf x)
{
	vf f = vf_fraction(x), p = vf_set(1.342668419e-2f);

	p = vf_fma(p, f, vf_set(5.224247445e-2f));
	p = vf_fma(p, f, vf_set(0.2412802046f));
	p = vf_fma(p, f, vf_set(0.6930448449f));
	p = vf_fma(p, f, vf_set(1));
	return vf_scale(p, x);
}

/* x sigmoid(u) */
INLINE vf vf_gate(vf x, vf u)
{
	return x / (vf_exp(-u) + 1.0f);
}

INLINE vf vf_gate_rough(vf x, vf u)
{
	return x * vf_recip_rough(vf_exp2_rough(u * -LOG2_E) + 1.0f);
}

/* 2 sqrt(2/pi) (x + 0.044715 x^3) */
INLINE vf vf_gelu_tanh_argument(vf x)
{
	return x * vf_fma(x * x, vf_set(7.13548163e-2f), vf_set(1.59576912f));
}

/* x Phi(x) from the tail q = Phi(-|x|) */
INLINE vf vf_gelu_of_tail(vf x, vf q)
{
	return x * vf_select(vf_less(x, vf_set(0)), q, 1.0f - q);
}

INLINE vf vf_gelu(vf x)
{
	/* beyond 16 the tail is zero */
	vf a = vf_min(vf_set(16), vf_bits(x, 0x7fffffff));
	vf t = 1.0f / vf_fma(a, vf_set(0.3f), vf_set(1));
	/* a^2 = square + rest: the upper bits of a have an exact square; half an ulp of a^2 would
	 * cost 5e-6 in the tail */
	vf upper = vf_bits(a, 0xfffff000), most = upper * upper, more = (a - upper) * (a + upper);
	vf square = most + more, rest = most - square + more;
	vf p = vf_set(3.542394412e-2f);

	p = vf_fma(p, t, vf_set(-0.1561592316f));
	p = vf_fma(p, t, vf_set(0.2045579679f));
	p = vf_fma(p, t, vf_set(-5.203493557e-2f));
	p = vf_fma(p, t, vf_set(0.1276921602f));
	p = vf_fma(p, t, vf_set(0.1001758611f));
	p = vf_fma(p, t, vf_set(0.1207121452f));
	p = vf_fma(p, t, vf_set(0.1196320069f));
	p = p * t * vf_exp(square * -0.5f) * vf_fma(rest, vf_set(-0.5f), vf_set(1));
	return vf_gelu_of_tail(x, p);
}

INLINE vf vf_gelu_rough(vf x)
{
	vf a = vf_bits(x, 0x7fffffff), t = vf_recip_rough(vf_fma(a, vf_set(0.25f), vf_set(1)));
	vf p = vf_set(0.240084126f);

	p = vf_fma(p, t, vf_set(-0.100221097f));
	p = vf_fma(p, t, vf_set(0.177267886f));
	p = vf_fma(p, t, vf_set(8.16299688e-2f));
	p = vf_fma(p, t, vf_set(0.10121078f));
	p = p * t * vf_exp2_rough(x * x * (-0.5f * LOG2_E));
	return vf_gelu_of_tail(x, p);
}

/* One value of a pointwise activation; `act` and `rough` are constants of the caller. */
INLINE vf vf_act(enum act act, bool rough, vf x)
{
	vf u = x;

	if (act == ACT_NONE)
		return x;
	if (act == ACT_GELU)
		return rough ? vf_gelu_rough(x) : vf_gelu(x);
	if (act == ACT_GELU_TANH)
		u = vf_gelu_tanh_argument(x);
	if (act == ACT_QUICK_GELU)
		u = x * 1.702f;
	return rough ? vf_gate_rough(x, u) : vf_gate(x, u);
}

#endif
