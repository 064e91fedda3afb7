/* SPDX-License-Identifier: MIT
 *
 * Normal random numbers for initial latents: Philox counters (Salmon et al. 2011), then Box &
 * Muller (1958) in double. Element i depends on (seed, i) only, so an image of a batch is the image
 * it would be alone.
 */
#ifndef BENCH_NOISE_H
#define BENCH_NOISE_H

#include <stdint.h>

/* out[i] = normal number i of this seed, 0 <= i < n */
void noise_fill(uint64_t seed, int64_t n, float *out);

/* [N,C,H,W] -> [N,H,W,C] */
void nchw_to_nhwc(const float *src, int64_t n, int64_t c, int64_t h, int64_t w, float *dst);
void nhwc_to_nchw(const float *src, int64_t n, int64_t c, int64_t h, int64_t w, float *dst);

#endif
