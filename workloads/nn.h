/* SPDX-License-Identifier: MIT
 *
 * Layers: an op together with the parameters that it declares. A layer called "conv1" inside the
 * scope "down_blocks.0.resnets.1" uses "down_blocks.0.resnets.1.conv1.weight" and ".bias", which
 * are the names in the model's files. Options come as designated initialisers at the end of the
 * call:
 *
 *     h = conv(c, h, "conv2", out, 3, .residual = x);
 *     q = linear(c, x, "to_q", width, .no_bias = true);
 *
 * T and C are short for the two types that every line of a model mentions.
 */
#ifndef BENCH_NN_H
#define BENCH_NN_H

#include "ctx.h"

typedef struct tensor T;
typedef struct ctx C;

struct layer {
	bool no_bias;
	enum act act;    /* ACT_GEGLU: `out` counts the outputs before they are halved */
	T *residual;     /* added to the result */
	T *channel_bias; /* conv: [N,O], added at every place of the image */
	int stride;      /* conv: 0 means 1 */
	bool pad_end;    /* conv: pad one row and column at the end only, none before */
};

/* x [..,K] -> [..,out] */
#define linear(c, x, name, out, ...) nn_linear(c, x, name, out, (struct layer){ __VA_ARGS__ })
T *nn_linear(C *c, T *x, const char *name, int64_t out, struct layer o);

/* x [N,H,W,I] -> [N,H',W',out], square kernel, zero padding that keeps the size at stride 1 */
#define conv(c, x, name, out, kernel, ...) \
	nn_conv(c, x, name, out, kernel, (struct layer){ __VA_ARGS__ })
T *nn_conv(C *c, T *x, const char *name, int64_t out, int kernel, struct layer o);

T *group_norm(C *c, T *x, const char *name, int groups, double eps, enum act act);
T *layer_norm(C *c, T *x, const char *name, double eps);

/* softmax(q k^T / sqrt(D/heads)) v */
T *attention(C *c, T *q, T *k, T *v, int heads, bool causal);

T *tokens(C *c, T *x);         /* [N,H,W,C] -> [N,H*W,C] */
T *image_like(C *c, T *x, T *like); /* back: H and W of `like` */

/* All of x times s. */
T *scaled(C *c, T *x, double s);

#endif
