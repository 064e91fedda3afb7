/* SPDX-License-Identifier: MIT
 *
 * Bandwidth of memory: one pass over a buffer that is far larger than the caches, split into one
 * contiguous piece per thread. A copy writes past the caches, so it moves exactly twice its size.
 */
#include "peak.h"

#include <string.h>

#include "clock.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef uint64_t vec __attribute__((vector_size(64), aligned(64)));

static volatile uint64_t sink;

static uint64_t read_piece(const char *src, size_t bytes)
{
	const vec *v = (const vec *)src;
	vec a = { 0 }, b = a, c = a, d = a;

	for (size_t i = 0; i + 4 <= bytes / sizeof *v; i += 4) {
		a ^= v[i];
		b ^= v[i + 1];
		c ^= v[i + 2];
		d ^= v[i + 3];
	}
	a ^= b ^ c ^ d;
	return a[0] ^ a[1] ^ a[2] ^ a[3] ^ a[4] ^ a[5] ^ a[6] ^ a[7];
}

static void copy_piece(char *dst, const char *src, size_t bytes)
{
#ifdef __SSE2__
	__m128i *to = (__m128i *)dst;
	const __m128i *from = (const __m128i *)src;

	for (size_t i = 0; i + 4 <= bytes / sizeof *to; i += 4) {
		__m128i a = _mm_load_si128(from + i), b = _mm_load_si128(from + i + 1);
		__m128i c = _mm_load_si128(from + i + 2), d = _mm_load_si128(from + i + 3);
		_mm_stream_si128(to + i, a);
		_mm_stream_si128(to + i + 1, b);
		_mm_stream_si128(to + i + 2, c);
		_mm_stream_si128(to + i + 3, d);
	}
	_mm_sfence();
#else
	memcpy(dst, src, bytes);
#endif
}

double stream_read(const void *src, size_t bytes, int threads)
{
	size_t piece = bytes / (size_t)threads / 4096 * 4096;
	uint64_t sum = 0;
	double start = clock_s();

#pragma omp parallel for num_threads(threads) schedule(static) reduction(^ : sum)
	for (int t = 0; t < threads; t++)
		sum ^= read_piece((const char *)src + (size_t)t * piece, piece);
	sink = sum;
	return (double)(piece * (size_t)threads) / (clock_s() - start);
}

double stream_copy(void *dst, const void *src, size_t bytes, int threads)
{
	size_t piece = bytes / (size_t)threads / 4096 * 4096;
	double start = clock_s();

#pragma omp parallel for num_threads(threads) schedule(static)
	for (int t = 0; t < threads; t++)
		copy_piece((char *)dst + (size_t)t * piece, (const char *)src + (size_t)t * piece,
			   piece);
	return 2 * (double)(piece * (size_t)threads) / (clock_s() - start);
}
