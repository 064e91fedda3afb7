/* SPDX-License-Identifier: MIT */
#include "nn.h"

#include <math.h>

static T *bias_of(C *c, int64_t out, const struct layer *o)
{
	return o->no_bias ? NULL : param(c, "bias", INIT_BIAS, 1, &out);
}

T *nn_linear(C *c, T *x, const char *name, int64_t out, struct layer o)
{
	T *w, *y;

	scope_push(c, name);
	w = param(c, "weight", INIT_FAN_IN, 2, (int64_t[]){ out, tensor_cols(x) });
	y = op_linear(c, x, w, bias_of(c, out, &o), o.act, o.residual);
	scope_pop(c);
	return y;
}

T *nn_conv(C *c, T *x, const char *name, int64_t out, int kernel, struct layer o)
{
	int before = o.pad_end ? 0 : kernel / 2, after = o.pad_end ? 1 : kernel / 2;
	struct conv_attr a = { kernel, kernel, o.stride ? o.stride : 1,
			       before, after, before, after };
	T *w, *y;

	scope_push(c, name);
	w = param(c, "weight", INIT_FAN_IN, 4, (int64_t[]){ out, tensor_cols(x), kernel, kernel });
	y = op_conv2d(c, x, w, bias_of(c, out, &o), a, o.channel_bias, o.residual);
	scope_pop(c);
	return y;
}

T *group_norm(C *c, T *x, const char *name, int groups, double eps, enum act act)
{
	int64_t channels = tensor_cols(x);
	T *w, *b, *y;

	scope_push(c, name);
	w = param(c, "weight", INIT_SCALE, 1, &channels);
	b = param(c, "bias", INIT_BIAS, 1, &channels);
	y = op_group_norm(c, x, w, b, groups, (float)eps, act);
	scope_pop(c);
	return y;
}

T *layer_norm(C *c, T *x, const char *name, double eps)
{
	int64_t width = tensor_cols(x);
	T *w, *b, *y;

	scope_push(c, name);
	w = param(c, "weight", INIT_SCALE, 1, &width);
	b = param(c, "bias", INIT_BIAS, 1, &width);
	y = op_layer_norm(c, x, w, b, (float)eps);
	scope_pop(c);
	return y;
}

T *attention(C *c, T *q, T *k, T *v, int heads, bool causal)
{
	double dh = (double)tensor_cols(q) / heads;
	return op_attention(c, q, k, v, heads, (float)(1 / sqrt(dh)), causal);
}

T *tokens(C *c, T *x)
{
	return op_view(c, x, 3, (int64_t[]){ x->dim[0], x->dim[1] * x->dim[2], x->dim[3] });
}

T *image_like(C *c, T *x, T *like)
{
	return op_view(c, x, 4, (int64_t[]){ x->dim[0], like->dim[1], like->dim[2], x->dim[2] });
}

T *scaled(C *c, T *x, double s)
{
	return op_axpby(c, (float)s, x, 0, x, NULL);
}
