/* SPDX-License-Identifier: MIT */
#include "blocks.h"

T *resnet_block(C *c, T *x, T *emb, int64_t out, int groups, double eps)
{
	T *h, *skip = x;

	h = group_norm(c, x, "norm1", groups, eps, ACT_SILU);
	h = conv(c, h, "conv1", out, 3,
		 .channel_bias = emb ? linear(c, emb, "time_emb_proj", out) : NULL);
	h = group_norm(c, h, "norm2", groups, eps, ACT_SILU);
	if (tensor_cols(x) != out)
		skip = conv(c, x, "conv_shortcut", out, 1);
	return conv(c, h, "conv2", out, 3, .residual = skip);
}

T *upsample_block(C *c, T *x)
{
	return conv(c, op_upsample(c, x), "conv", tensor_cols(x), 3);
}
