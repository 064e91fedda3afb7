/* SPDX-License-Identifier: MIT
 *
 * Building blocks that the U-Net and the VAE share. The caller has pushed the block's scope.
 */
#ifndef BENCH_BLOCKS_H
#define BENCH_BLOCKS_H

#include "nn.h"

/* Residual block (He et al. 2016; Ho et al. 2020): x [N,H,W,C] -> [N,H,W,out]. `emb` [N,E] is the
 * time embedding after its SiLU, or NULL for a block that knows no time. */
T *resnet_block(C *c, T *x, T *emb, int64_t out, int groups, double eps);

/* Nearest x2, then a 3x3 convolution. */
T *upsample_block(C *c, T *x);

#endif
