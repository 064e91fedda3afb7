/* SPDX-License-Identifier: MIT
 *
 * Counter-based random weights: Philox4x32-10 (Salmon et al. 2011) keyed by (seed, path). Element i is
 * word i%4 of block i/4. A word becomes a nearly normal number by adding its four bytes
 * (Irwin-Hall, n = 4): the sum minus 510 has mean 0 and variance 4*(256^2-1)/12 = 21845 exactly. Only
 * integers and one multiplication, so every machine gets the same bits.
 */
#include <math.h>

#include "weights.h"

#define PHILOX_M0 0xD2511F53u
#define PHILOX_M1 0xCD9E8D57u
#define PHILOX_W0 0x9E3779B9u
#define PHILOX_W1 0xBB67AE85u

void philox4x32(uint64_t counter, uint64_t stream, uint64_t seed, uint32_t out[4])
{
	uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32);
	uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
	uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);

	for (int round = 0; round < 10; round++) {
		uint64_t p0 = (uint64_t)PHILOX_M0 * c0, p1 = (uint64_t)PHILOX_M1 * c2;
		c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)p1;
		c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)p0;
		k0 += PHILOX_W0;
		k1 += PHILOX_W1;
	}
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
}

static int byte_sum(uint32_t w)
{
	return (int)((w & 255) + (w >> 8 & 255) + (w >> 16 & 255) + (w >> 24));
}

void random_fill(uint64_t seed, uint64_t key, int64_t first, int64_t n, float mean, float deviation,
		 enum dtype dtype, void *dst)
{
	float step = deviation / sqrtf(21845.0f);
	uint32_t word[4];

	for (int64_t i = first; i < first + n; i++) {
		if (i == first || i % 4 == 0)
			philox4x32((uint64_t)i / 4, key, seed, word);
		float v = mean + step * (float)(byte_sum(word[i % 4]) - 510);
		if (dtype == DT_F32)
			((float *)dst)[i - first] = v;
		else
			((uint16_t *)dst)[i - first] = f32_to_bf16(v);
	}
}

uint64_t random_key(const char *path)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 0x100000001b3u;
	return h;
}
