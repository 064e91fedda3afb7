/* SPDX-License-Identifier: MIT
 *
 * Counter-based random weights: Philox4x32-10 (Salmon et al. 2011) keyed by (seed, path). Element i
 * is word i%4 of block i/4. A word becomes a nearly normal number by adding its four bytes
 * (Irwin-Hall, n = 4): the sum minus 510 has mean 0 and variance 4*(256^2-1)/12 = 21845 exactly.
 * Only integers, one multiplication and one addition, each rounded, so every machine, level and
 * thread count gets the same bits. Large fills go through cpu/random_simd.c. How to test:
 * random_test.c.
 */
#include "random.h"

#include <math.h>

#include "cpu/cpu.h"
#include "cpu/simd.h"
#include "weights.h"

void philox4x32(uint64_t counter, uint64_t stream, uint64_t seed, uint32_t out[4])
{
	uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32);
	uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
	uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);

	for (int round = 0; round < PHILOX_ROUNDS; round++) {
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

/* Elements [from, to) of one block. */
static void fill_block(const struct random_job *job, uint64_t block, int from, int to, void *dst)
{
	uint32_t word[4];

	philox4x32(block, job->key, job->seed, word);
	for (int i = from; i < to; i++) {
		float v = job->mean + job->step * (float)(byte_sum(word[i]) - RANDOM_MIDDLE);

		if (job->dtype == DT_F32)
			((float *)dst)[i - from] = v;
		else
			((uint16_t *)dst)[i - from] = f32_to_bf16(v);
	}
}

/* Elements [first, last). */
static void fill(const struct random_job *job, random_blocks *fast, int64_t first, int64_t last,
		 char *dst)
{
	size_t size = dtype_bytes(job->dtype);

	while (first < last) {
		int from = (int)(first % 4);
		int to = last - first < 4 - from ? from + (int)(last - first) : 4;
		int64_t done = 0;

		if (from == 0)
			done = 4 * fast(job, (uint64_t)first / 4, (last - first) / 4, dst);
		if (!done) {
			fill_block(job, (uint64_t)first / 4, from, to, dst);
			done = to - from;
		}
		first += done;
		dst += (size_t)done * size;
	}
}

void random_fill(uint64_t seed, uint64_t key, int64_t first, int64_t n, float mean, float deviation,
		 enum dtype dtype, void *dst)
{
	const int64_t piece = 1 << 15;
	struct random_job job = { seed, key, mean, deviation / sqrtf(21845.0f), dtype };
	random_blocks *fast = simd_kernels_at(isa_allowed())->random;

#pragma omp parallel for schedule(static) if (n > piece)
	for (int64_t i = first / piece; i <= (first + n - 1) / piece; i++) {
		int64_t from = i * piece > first ? i * piece : first;
		int64_t to = (i + 1) * piece < first + n ? (i + 1) * piece : first + n;

		fill(&job, fast, from, to,
		     (char *)dst + (size_t)(from - first) * dtype_bytes(dtype));
	}
}

uint64_t random_key(const char *path)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 0x100000001b3u;
	return h;
}
