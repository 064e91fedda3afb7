/* SPDX-License-Identifier: MIT
 *
 * The AMX instructions that attention_amx.c and gemm_amx.c use. With AMX_EMULATED the same eight
 * tiles are memory and tdpbf16ps is a loop, so that the kernel's logic is tested on machines
 * without tiles. Like the intrinsics, the macros need constant tile numbers. Every tile has 16 rows
 * of 64 bytes; strides are in words.
 */
#ifndef BENCH_AMX_TILE_H
#define BENCH_AMX_TILE_H

#include <stdint.h>
#include <string.h>

#ifndef AMX_EMULATED
#include <immintrin.h>

static inline void tile_begin(void)
{
	static const struct {
		uint8_t palette, start_row, reserved[14];
		uint16_t row_bytes[16];
		uint8_t rows[16];
	} __attribute__((aligned(64))) config = {
		.palette = 1,
		.row_bytes = { 64, 64, 64, 64, 64, 64, 64, 64 },
		.rows = { 16, 16, 16, 16, 16, 16, 16, 16 },
	};

	_tile_loadconfig(&config);
}

/* Compilers (gcc before 14) do not know that these instructions touch memory, and would move
 * ordinary loads and stores across them. */
#define TILE_FENCE() __asm__ volatile("" ::: "memory")

#define tile_end() _tile_release()
#define tile_zero(t) _tile_zero(t)
#define tile_load(t, p, stride)                             \
	do {                                                \
		TILE_FENCE();                               \
		_tile_loadd(t, p, (size_t)(stride) * 4);    \
	} while (0)
/* Of what is used once: leaves the first-level cache to the rest. */
#define tile_stream(t, p, stride)                           \
	do {                                                \
		TILE_FENCE();                               \
		_tile_stream_loadd(t, p, (size_t)(stride) * 4); \
	} while (0)
#define tile_store(t, p, stride)                            \
	do {                                                \
		_tile_stored(t, p, (size_t)(stride) * 4);   \
		TILE_FENCE();                               \
	} while (0)
#define tile_dot(c, a, b) _tile_dpbf16ps(c, a, b)

#else

static _Thread_local struct { float word[16][16]; } emulated_tile[8];

static inline void tile_begin(void) { memset(emulated_tile, 0xff, sizeof emulated_tile); }
static inline void tile_end(void) { memset(emulated_tile, 0xff, sizeof emulated_tile); }
static inline void tile_zero(int t) { memset(emulated_tile[t].word, 0, 1024); }

static inline void tile_load(int t, const float *p, int64_t stride)
{
	for (int i = 0; i < 16; i++)
		memcpy(emulated_tile[t].word[i], p + i * stride, 64);
}

#define tile_stream tile_load

static inline void tile_store(int t, float *p, int64_t stride)
{
	for (int i = 0; i < 16; i++)
		memcpy(p + i * stride, emulated_tile[t].word[i], 64);
}

static inline float tile_half(float word, int upper)
{
	union { float f; uint32_t u; } w = { .f = word };

	w.u = upper ? w.u & 0xffff0000u : w.u << 16;
	return w.f;
}

static inline void tile_dot(int c, int a, int b)
{
	for (int i = 0; i < 16; i++)
		for (int k = 0; k < 16; k++)
			for (int j = 0; j < 16; j++) {
				float x = emulated_tile[a].word[i][k],
				      y = emulated_tile[b].word[k][j];

				emulated_tile[c].word[i][j] += tile_half(x, 0) * tile_half(y, 0);
				emulated_tile[c].word[i][j] += tile_half(x, 1) * tile_half(y, 1);
			}
}
#endif

#endif
