/* SPDX-License-Identifier: MIT
 *
 * Attention in fp32 for any machine: the compiler's own vectors of four.
 */
#define LANES 4
#define PAIR 1
#define ROWS 4
#define PANEL 2
#define KEY_ALIGN 1

#include <math.h>
#include <string.h>

#include "attention.h"

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int32_t vec_int __attribute__((vector_size(4 * LANES)));
typedef uint32_t vec_bits
	__attribute__((vector_size(4 * LANES))); /* wraps where integers may not */

static inline vec vec_load(const float *p)
{
	vec x;
	memcpy(&x, p, sizeof x);
	return x;
}

static inline void vec_store(float *p, vec x) { memcpy(p, &x, sizeof x); }
static inline vec vec_set(float x) { return (vec){ x, x, x, x }; }
static inline vec vec_broadcast(const float *p) { return vec_set(*p); }
static inline vec vec_add(vec x, vec y) { return x + y; }
static inline vec vec_mul(vec x, vec y) { return x * y; }
static inline vec vec_fms(vec x, vec y, vec z) { return x * y - z; }
static inline vec vec_dot(vec acc, vec a, vec b) { return acc + a * b; }
static inline float vec_hmax(vec x) { return fmaxf(fmaxf(x[0], x[1]), fmaxf(x[2], x[3])); }
static inline float vec_hsum(vec x) { return (x[0] + x[1]) + (x[2] + x[3]); }

static inline vec vec_max(vec x, vec y)
{
	vec_int greater = x > y;
	return (vec)((greater & (vec_int)x) | (~greater & (vec_int)y));
}

/* Lanes below n of x, the others of y; n may be negative or beyond the vector. */
static inline vec vec_keep(vec x, int64_t n, vec y)
{
	for (int i = 0; i < LANES; i++)
		x[i] = i < n ? x[i] : y[i];
	return x;
}

/* 2^x to 2e-7 (EXP2_C1..5 in attention.h), 0 where the result would be subnormal. Adding 1.5 * 2^23
 * leaves the nearest integer in the low bits. */
static inline vec vec_exp2(vec x)
{
	vec shifted = x + 0x1.8p23f, r = x - (shifted - 0x1.8p23f);
	vec p = EXP2_C5 * r + EXP2_C4;

	p = p * r + EXP2_C3;
	p = p * r + EXP2_C2;
	p = p * r + EXP2_C1;
	p = p * r + 1.0f;
	return (vec)(((vec_bits)p + ((vec_bits)shifted << 23)) & ~(vec_bits)(x < EXP2_MIN));
}

static inline void store_weights(float *p, vec x, vec y)
{
	vec_store(p, x);
	vec_store(p + LANES, y);
}

#include "attention_vector.h"

const struct attention_kernel attention_c = {
	.lanes = LANES, .pair = PAIR, .rows = ROWS, .word_align = 1, .pack = pack, .attend = attend,
};
