/* SPDX-License-Identifier: MIT
 *
 * Peaks against the clock of the core, best of many short windows of each: a kernel that spills its
 * accumulators or waits for them falls far below its instruction's known rate.
 */
#include "peak.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

/* Operations per cycle that every processor of the level reaches at least: one FMA unit of the
 * level's width; the bf16 and byte dot products are never slower than FMA. */
static const double least[ISA_COUNT][PEAK_COUNT] = {
	[ISA_C] = { 4, 0, 0 },
	[ISA_AVX2] = { 16, 0, 16 },
	[ISA_AVX512] = { 32, 0, 32 },
	[ISA_BF16] = { 32, 32, 64 },
	[ISA_AMX] = { 32, 512, 1024 },
};

static double per_cycle(enum isa level, enum peak p)
{
	double rate = 0, hz = 0;

	for (int i = 0; i < 60; i++) {
		hz = fmax(hz, core_frequency(0.0002));
		rate = fmax(rate, peak_run(level, p, 0.0005));
	}
	return rate / hz;
}

static void test_levels(void)
{
	for (int level = ISA_C; level <= (int)isa_machine(); level++) {
		for (int p = 0; p < PEAK_COUNT; p++) {
			double want = least[level][p], got;
			CHECK(peak_has(level, p) == (want > 0), "%s %s", isa_name(level),
			      peak_name(p));
			got = per_cycle(level, p);
			CHECK(got >= 0.8 * want, "%s %s: %.1f operations per cycle, want %.0f",
			      isa_name(level), peak_name(p), got, want);
			CHECK(got <= 8192, "%s %s: %.1f operations per cycle", isa_name(level),
			      peak_name(p), got);
		}
	}
}

/* Two threads on one core do no more than one; on two cores they do twice as much. */
static void test_threads(void)
{
	double one = 0, two = 0;

	for (int i = 0; i < 20; i++) {
		one = fmax(one, peak_run_threads(isa_machine(), PEAK_FP32, 1, 0.002));
		two = fmax(two, peak_run_threads(isa_machine(), PEAK_FP32, 2, 0.002));
	}
	CHECK(two > 0.4 * one && two < 2.5 * one, "one thread %.1f G, two %.1f G", one * 1e-9,
	      two * 1e-9);
}

static void test_block(void)
{
	struct peak_block b = peak_block(ISA_C, PEAK_FP32, 1, 0.01);

	CHECK(b.mean > 0 && b.best > 0.8 * b.mean && isfinite(b.best), "mean %g, best %g", b.mean,
	      b.best);
	b = peak_block(ISA_C, PEAK_BF16, 1, 0.001);
	CHECK(b.mean == 0 && b.best == 0, "plain C has no bf16");
}

static void test_stream(void)
{
	size_t bytes = 8 << 20;
	char *a = aligned_alloc(4096, bytes), *b = aligned_alloc(4096, bytes);

	if (!a || !b) {
		CHECK(0, "no memory");
		return;
	}
	for (size_t i = 0; i < bytes; i++)
		a[i] = (char)(i * 7 >> 5);
	for (int threads = 1; threads <= 2; threads++) {
		memset(b, 0, bytes);
		CHECK(stream_read(a, bytes, threads) > 1e7, "read");
		CHECK(stream_copy(b, a, bytes, threads) > 1e7, "copy");
		CHECK(memcmp(a, b, bytes) == 0, "the copy with %d threads differs", threads);
	}
	free(a);
	free(b);
}

int main(void)
{
	test_levels();
	test_threads();
	test_block();
	test_stream();
	return test_end();
}
