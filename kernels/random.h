/* SPDX-License-Identifier: MIT
 *
 * Between random.c and its fast part, cpu/random_simd.c.
 */
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include "tensor.h"

/* Salmon et al. 2011, table 2 and section 4.3. */
#define PHILOX_ROUNDS 10
#define PHILOX_M0 0xD2511F53u
#define PHILOX_M1 0xCD9E8D57u
#define PHILOX_W0 0x9E3779B9u
#define PHILOX_W1 0xBB67AE85u

/* A value is mean + step * (sum of the four bytes of a word - RANDOM_MIDDLE). */
#define RANDOM_MIDDLE 510

struct random_job {
	uint64_t seed, key;
	float mean, step;
	enum dtype dtype;
};

/* Values of the blocks [block, block + n), four each, as far as whole vectors go; returns the
 * number of blocks done. */
typedef int64_t random_blocks(const struct random_job *job, uint64_t block, int64_t n, void *dst);

#endif
