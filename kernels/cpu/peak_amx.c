/* SPDX-License-Identifier: MIT
 *
 * Peak of AMX: tiles of 16 rows of 64 bytes, four accumulators (a product takes 16 cycles and its
 * result is there after about 52), two tiles of each operand. One instruction is 16x16x32 MACs of
 * bf16 or 16x16x64 of bytes. Tiles are configured and released around each run.
 */
#include "peak.h"

#include <string.h>

struct tile_config { /* the 64 bytes of ldtilecfg, palette 1 */
	uint8_t palette, start_row, reserved[14];
	uint16_t row_bytes[16];
	uint8_t rows[16];
} __attribute__((aligned(64)));

/* Tiles 0-3 accumulate, 4 and 5 are the left operand, 6 and 7 the right one. */
#define BF16 \
	"tdpbf16ps %%tmm6, %%tmm4, %%tmm0\n\t" \
	"tdpbf16ps %%tmm7, %%tmm4, %%tmm1\n\t" \
	"tdpbf16ps %%tmm6, %%tmm5, %%tmm2\n\t" \
	"tdpbf16ps %%tmm7, %%tmm5, %%tmm3\n\t"
#define INT8 \
	"tdpbusd %%tmm6, %%tmm4, %%tmm0\n\t" \
	"tdpbusd %%tmm7, %%tmm4, %%tmm1\n\t" \
	"tdpbusd %%tmm6, %%tmm5, %%tmm2\n\t" \
	"tdpbusd %%tmm7, %%tmm5, %%tmm3\n\t"

#define ZERO(r) "tilezero %%tmm" #r "\n\t"
#define TILE_LOOP(BODY)                                                                   \
	__asm__ volatile("ldtilecfg %1\n\t" PEAK_4(ZERO)                                  \
			 "tileloadd (%2,%3,1), %%tmm4\n\t"                                \
			 "tileloadd 64(%2,%3,1), %%tmm5\n\t"                              \
			 "tileloadd 128(%2,%3,1), %%tmm6\n\t"                             \
			 "tileloadd 192(%2,%3,1), %%tmm7\n\t"                             \
			 PEAK_LOOP(BODY BODY BODY BODY) "tilerelease"                     \
			 : "+r"(loops)                                                    \
			 : "m"(config), "r"(data), "r"(stride)                            \
			 : "cc", "memory")

static struct tile_config tiles(void)
{
	struct tile_config c = { .palette = 1 };

	for (int i = 0; i < 8; i++) {
		c.row_bytes[i] = 64;
		c.rows[i] = 16;
	}
	return c;
}

/* 19 rows of 64 bytes: the four tiles start one row apart. */
static void fill(char *data, const void *two_rows)
{
	for (int row = 0; row < 19; row++)
		memcpy(data + 64 * row, (const char *)two_rows + 64 * (row % 2), 64);
}

static void bf16(int64_t loops)
{
	struct tile_config config = tiles();
	char data[19 * 64];
	int64_t stride = 64;

	fill(data, peak_operand_bf16);
	TILE_LOOP(BF16);
}

static void int8(int64_t loops)
{
	struct tile_config config = tiles();
	char data[19 * 64];
	int64_t stride = 64;

	fill(data, peak_operand_int8);
	TILE_LOOP(INT8);
}

const struct peak_kernel peak_amx[PEAK_COUNT] = {
	[PEAK_BF16] = { bf16, 16 * 2 * 16 * 16 * 32 },
	[PEAK_INT8] = { int8, 16 * 2 * 16 * 16 * 64 },
};
