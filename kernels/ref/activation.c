/* SPDX-License-Identifier: MIT
 *
 * Activation functions and their derivatives.
 *   silu        x sigma(x)                                   (Elfwing et al. 2018)
 *   gelu        x Phi(x) = x (1 + erf(x/sqrt 2))/2           (Hendrycks & Gimpel 2016)
 *   gelu_tanh   x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))/2
 *   quick_gelu  x sigma(1.702 x)
 *   geglu       [u|g] -> u gelu(g)                           (Shazeer 2020)
 */
#include <math.h>

#include "err.h"
#include "ref.h"

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

/* Phi; (1 + erf)/2 would cancel in the lower tail. */
static double normal_cdf(double x)
{
	return erfc(-x * M_SQRT1_2) / 2;
}

static double gelu_tanh_argument(double x)
{
	return M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x);
}

double ref_act(enum act act, double x)
{
	switch (act) {
	case ACT_NONE:
		return x;
	case ACT_SILU:
		return x * sigmoid(x);
	case ACT_GELU:
		return x * normal_cdf(x);
	case ACT_GELU_TANH:
		return x * (1 + tanh(gelu_tanh_argument(x))) / 2;
	case ACT_QUICK_GELU:
		return x * sigmoid(1.702 * x);
	case ACT_GEGLU:
		break;
	}
	die_if(1, "%s is not a function of one value", act_name(act));
}

/* d/dx of x sigma(a x) */
static double swish_derivative(double a, double x)
{
	double s = sigmoid(a * x);
	return s + a * x * s * (1 - s);
}

static double gelu_tanh_derivative(double x)
{
	double t = tanh(gelu_tanh_argument(x));
	double slope = M_2_SQRTPI * M_SQRT1_2 * (1 + 3 * 0.044715 * x * x);

	return (1 + t) / 2 + x * (1 - t * t) * slope / 2;
}

double ref_act_derivative(enum act act, double x)
{
	switch (act) {
	case ACT_NONE:
		return 1;
	case ACT_SILU:
		return swish_derivative(1, x);
	case ACT_GELU:
		return normal_cdf(x) + x * exp(-x * x / 2) * M_2_SQRTPI * M_SQRT1_2 / 2;
	case ACT_GELU_TANH:
		return gelu_tanh_derivative(x);
	case ACT_QUICK_GELU:
		return swish_derivative(1.702, x);
	case ACT_GEGLU:
		break;
	}
	die_if(1, "%s is not a function of one value", act_name(act));
}

REF_RUN(activation)
{
	const struct tensor *x = call->in[0];
	struct tensor *y = call->out[0];

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(x); i++)
		put(y, i, ref_act(call->attr.act.act, get(x, i)));
}

REF_RUN(geglu)
{
	const struct tensor *x = call->in[0];
	struct tensor *y = call->out[0];
	int64_t cols = tensor_cols(y);

	(void)self, (void)c;
	for (int64_t i = 0; i < tensor_elems(y); i++) {
		int64_t u = i / cols * 2 * cols + i % cols;
		put(y, i, get(x, u) * ref_act(ACT_GELU, get(x, u + cols)));
	}
}
