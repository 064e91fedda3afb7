/* SPDX-License-Identifier: MIT
 *
 * random_fill: the same bits at every level, thread count and cut as the definition in random.c,
 * here written once more from philox4x32, and frozen for all time by a hash.
 * `random_test --bench` prints the rate.
 */
#include <omp.h>
#include <stdlib.h>

#include "clock.h"
#include "cpu/cpu.h"
#include "guard.h"
#include "test.h"
#include "weights.h"

static float value(uint64_t seed, uint64_t key, int64_t i, float mean, float step)
{
	uint32_t word[4], w;
	volatile float product; /* rounded before it is added */
	int sum = -510;

	philox4x32((uint64_t)i / 4, key, seed, word);
	w = word[i % 4];
	for (int b = 0; b < 4; b++)
		sum += w >> 8 * b & 255;
	product = step * (float)sum;
	return mean + product;
}

/* Elements [first, first + n) against the definition. */
static void check_span(const char *what, enum dtype t, int64_t first, int64_t n, float mean,
		       float deviation)
{
	const uint64_t seed = 0x123456789abcdef0, key = 0xfedcba9876543210;
	struct guard g = guard_new((size_t)n * dtype_bytes(t));
	float step = deviation / sqrtf(21845.0f);
	int64_t bad = 0;

	random_fill(seed, key, first, n, mean, deviation, t, g.data);
	for (int64_t i = 0; i < n; i++) {
		float want = value(seed, key, first + i, mean, step);
		uint16_t half = f32_to_bf16(want);

		bad += t == DT_F32 ? memcmp(g.data + 4 * i, &want, 4) != 0
				   : memcmp(g.data + 2 * i, &half, 2) != 0;
	}
	CHECK(bad == 0 && guard_intact(&g), "%s %s: %lld of %lld from %lld differ", what,
	      dtype_name(t), (long long)bad, (long long)n, (long long)first);
	guard_free(&g);
}

static void test_level(enum isa level)
{
	const int64_t border = 4 * ((int64_t)1 << 32); /* where the counter passes 32 bits */

	isa_limit(level);
	for (enum dtype t = DT_F32; t <= DT_BF16; t++) {
		for (int64_t n = 1; n < 40; n++)
			check_span(isa_name(level), t, n % 7, n, 0, 1);
		check_span(isa_name(level), t, border - 50, 101, 1, 0.02f);
		check_span(isa_name(level), t, 3, 100001, 0.3f, 0.02f);
		check_span(isa_name(level), t, 0, 1000, 0, 1e-40f); /* denormal numbers */
	}
}

/* FNV-1a of a million bf16 values: weights of recorded runs must not change. */
static void test_frozen(void)
{
	enum { N = 1000000 };
	uint16_t *v = malloc(N * sizeof *v);

	for (int threads = 1; threads <= 3; threads++) {
		uint64_t h = 0xcbf29ce484222325u;

		omp_set_num_threads(threads);
		random_fill(42, random_key("unet.conv_in.weight"), 0, N, 0, 0.1f, DT_BF16, v);
		for (int i = 0; i < N; i++)
			h = (h ^ v[i]) * 0x100000001b3u;
		CHECK(h == 0x6a8cffc4a54a99dd, "%d threads: %016llx", threads,
		      (unsigned long long)h);
	}
	free(v);
}

static int bench(void)
{
	enum { N = 1 << 20 }; /* short pieces: the best is undisturbed */
	void *v = calloc(N, sizeof(float));

	for (enum isa level = ISA_C; level <= isa_machine(); level++)
		for (enum dtype t = DT_F32; t <= DT_BF16; t++) {
			double best = 1e9;

			isa_limit(level);
			for (int round = 0; round < 100; round++) {
				double start = clock_s();

				random_fill(1, 2, 0, N, 0, 1, t, v);
				best = fmin(best, clock_s() - start);
			}
			printf("%-6s %s: %.2f GB/s\n", isa_name(level), dtype_name(t),
			       1e-9 * N * (double)dtype_bytes(t) / best);
		}
	free(v);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--bench") == 0)
		return bench();
	for (enum isa level = ISA_C; level <= isa_machine(); level++)
		test_level(level);
	test_frozen();
	return test_end();
}
