/* SPDX-License-Identifier: MIT
 *
 * Packing of keys and values for attention_vector.h, for any vector width.
 */
#ifndef BENCH_ATTENTION_PACK_H
#define BENCH_ATTENTION_PACK_H

/* Transposes the words of LANES keys; key j of the call is in lane j. Steps are `stride` apart. */
static void pack_key_lanes(const struct attention *a, float *dst, int64_t stride, int64_t token0,
			   int64_t keys)
{
	float row[LANES][16];

	for (int64_t w = 0; w < a->dh_words; w += 16) {
		int64_t words = a->dh_words - w < 16 ? a->dh_words - w : 16;

		for (int64_t j = 0; j < LANES; j++)
			if (j < keys)
				row_words(a, row[j], a->k, token0 + j * a->width, w, 16);
			else
				memset(row[j], 0, sizeof row[j]);
		for (int64_t s = 0; s < words; s++, dst += stride)
			for (int64_t j = 0; j < LANES; j++)
				dst[j] = row[j][s];
	}
}

static void pack_keys(const struct attention *a, float *dst, int64_t token0, int64_t keys)
{
	for (int64_t left = vectors_of(keys), col = 0; left; ) {
		int nv = panel_share(left);

		for (int j = 0; j < nv; j++, col += LANES) {
			pack_key_lanes(a, dst + j * LANES, nv * LANES, token0 + col * a->width,
				       keys - col);
		}
		dst += a->dh_words * nv * LANES;
		left -= nv;
	}
}

/* Columns of one word row of values: of one key, or of a key and the next. */
static inline void value_words(const struct attention *a, float *dst, const void *x, const void *y,
			       int64_t cols)
{
	const uint16_t *lo = x, *hi = y;

	if (PAIR == 2)
		for (int64_t j = 0; j < cols; j++) {
			uint32_t word = lo[j] | (uint32_t)hi[j] << 16;
			memcpy(dst + j, &word, 4);
		}
	else if (a->dtype == DT_F32)
		memcpy(dst, x, 4 * (size_t)cols);
	else
		for (int64_t j = 0; j < cols; j++)
			dst[j] = bf16_to_f32(lo[j]);
}

static void pack_value_panel(const struct attention *a, float *dst, int64_t token0, int64_t keys,
			     int64_t col, int64_t lanes)
{
	static const uint16_t zero[PANEL * LANES];
	int64_t steps = value_steps(keys), cols = a->dh - col < lanes ? a->dh - col : lanes;
	int64_t row_bytes = a->width * (int64_t)dtype_bytes(a->dtype);
	const char *v = (const char *)a->v + (size_t)(token0 + col) * dtype_bytes(a->dtype);

	for (int64_t s = 0; s < steps; s++, dst += lanes) {
		int64_t key = s * PAIR;

		if (cols < lanes || key >= keys)
			memset(dst, 0, 4 * (size_t)lanes);
		if (key >= keys)
			continue;
		value_words(a, dst, v + key * row_bytes,
			    key + 1 < keys ? (const void *)(v + (key + 1) * row_bytes) : zero,
			    cols);
	}
}

static void pack_values(const struct attention *a, float *dst, int64_t token0, int64_t keys)
{
	for (int64_t left = vectors_of(a->dh), col = 0; left; ) {
		int nv = panel_share(left);

		pack_value_panel(a, dst, token0, keys, col, nv * LANES);
		dst += value_steps(keys) * nv * LANES;
		col += nv * LANES;
		left -= nv;
	}
}

static void pack(const struct attention *a, int64_t head, int64_t first)
{
	int64_t keys = a->lk - first < a->block_keys ? a->lk - first : a->block_keys;
	int64_t token0 = token_of(a, a->lk, head, first);

	pack_keys(a, packed_keys(a, head, first), token0, keys);
	pack_values(a, packed_values(a, head, first), token0, keys);
}

#endif
