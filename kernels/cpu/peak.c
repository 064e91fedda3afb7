/* SPDX-License-Identifier: MIT */
#include "peak.h"

#include "clock.h"

#define CHUNK_OPS   4000000
#define CHUNK_S     2e-5
#define WINDOW_S    0.002
#define WINDOWS_MAX 64

/* Mixed signs, magnitudes near 1: sums stay finite for hours. */
#define F(i) ((i) % 2 ? -0.5f - (i) / 64.0f : 0.5f + (i) / 64.0f)
#define F4(i) F(i), F(i + 1), F(i + 2), F(i + 3)
#define F16(i) { F4(i), F4(i + 4), F4(i + 8), F4(i + 12) }
const float peak_operand_fp32[2][16] = { F16(0), F16(5) };

#define H(i) (uint16_t)(((i) % 2 ? 0xbf00 : 0x3f00) + 5 * (i))
#define H4(i) H(i), H(i + 1), H(i + 2), H(i + 3)
#define H16(i) H4(i), H4(i + 4), H4(i + 8), H4(i + 12)
const uint16_t peak_operand_bf16[2][32] = { { H16(0), H16(2) }, { H16(3), H16(7) } };

#define B(i) (int8_t)(37 * (i) % 127 - 63)
#define B4(i) B(i), B(i + 1), B(i + 2), B(i + 3)
#define B16(i) B4(i), B4(i + 4), B4(i + 8), B4(i + 12)
const int8_t peak_operand_int8[2][64] = { { B16(0), B16(16), B16(32), B16(48) },
					  { B16(9), B16(25), B16(41), B16(57) } };

const char *peak_name(enum peak p)
{
	static const char *const name[] = { "fp32", "bf16", "int8" };
	return name[p];
}

/* The kernel of the highest level at or below `level` that has one for this format. */
static const struct peak_kernel *kernel_for(enum isa level, enum peak p)
{
	static const struct peak_kernel *const of[ISA_COUNT] = { peak_c, peak_avx2, peak_avx512,
								 peak_bf16, peak_amx };

	for (int l = level; l > ISA_C; l--) {
		if (l == ISA_AVX512 && peak_vnni[p].run && __builtin_cpu_supports("avx512vnni"))
			return &peak_vnni[p];
		if (of[l][p].run)
			return &of[l][p];
	}
	return &peak_c[p];
}

bool peak_has(enum isa level, enum peak p)
{
	return kernel_for(level, p)->run;
}

/* Wakes the vector units; returns the loops of about CHUNK_S: long against a reading of the clock
 * and against setting up tiles, short against any measurement. */
static int64_t wake(const struct peak_kernel *k)
{
	int64_t loops = 1 + CHUNK_OPS / k->ops_per_loop;

	for (;; loops *= 2) {
		double start = clock_s();
		k->run(loops);
		if (clock_s() - start >= CHUNK_S)
			return loops;
	}
}

/* Runs for about `seconds`; returns the operations and how long it really took. */
static double run_for(const struct peak_kernel *k, int64_t loops, double seconds, double *elapsed)
{
	double start = clock_s();
	int64_t done = 0;

	do {
		k->run(loops);
		done += loops;
		*elapsed = clock_s() - start;
	} while (*elapsed < seconds);
	return (double)(done * k->ops_per_loop);
}

double peak_run(enum isa level, enum peak p, double seconds)
{
	return peak_run_threads(level, p, 1, seconds);
}

double peak_run_threads(enum isa level, enum peak p, int threads, double seconds)
{
	const struct peak_kernel *k = kernel_for(level, p);
	double rate = 0;

	(void)threads; /* without OpenMP there is one */
#pragma omp parallel num_threads(threads) reduction(+ : rate) if (threads > 1)
	if (k->run) {
		double elapsed, ops = run_for(k, wake(k), seconds, &elapsed);
		rate += ops / elapsed;
	}
	return rate;
}

/* Each thread goes through the windows on its own: no time is lost at a barrier between them. */
static double run_windows(const struct peak_kernel *k, int threads, int windows, double *rate)
{
	double share = 0;

	(void)threads;
#pragma omp parallel num_threads(threads) reduction(+ : share) if (threads > 1)
	{
		int64_t loops = wake(k);
		double start = clock_s(), ops = 0, elapsed;
		for (int w = 0; w < windows; w++) {
			double done = run_for(k, loops, WINDOW_S, &elapsed);
			ops += done;
#pragma omp atomic
			rate[w] += done / elapsed;
		}
		share += ops / (clock_s() - start);
	}
	return share;
}

struct peak_block peak_block(enum isa level, enum peak p, int threads, double seconds)
{
	const struct peak_kernel *k = kernel_for(level, p);
	double rate[WINDOWS_MAX] = { 0 };
	int windows = (int)(seconds / WINDOW_S);
	struct peak_block b = { 0 };

	if (!k->run)
		return b;
	windows = windows < 1 ? 1 : windows > WINDOWS_MAX ? WINDOWS_MAX : windows;
	b.mean = run_windows(k, threads, windows, rate);
	for (int w = 0; w < windows; w++)
		b.best = rate[w] > b.best ? rate[w] : b.best;
	return b;
}

double core_frequency(double seconds)
{
	const int64_t adds_per_call = 1 << 14;
	int64_t done = 0;
	double start = clock_s(), elapsed;

	do {
		int64_t x = 0, n = adds_per_call / 8;
		/* each addition waits for the one before: one cycle each */
		__asm__ volatile("1:\n\t"
				 "add %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\t"
				 "add %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\t"
				 "dec %1\n\tjnz 1b"
				 : "+r"(x), "+r"(n)
				 :
				 : "cc");
		done += adds_per_call;
		elapsed = clock_s() - start;
	} while (elapsed < seconds);
	return (double)done / elapsed;
}
