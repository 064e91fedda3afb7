/* SPDX-License-Identifier: MIT
 *
 * The values of a safetensors file: read in blocks and converted to the types we compute with.
 */
#include <stdio.h>
#include <string.h>

#include "safetensors.h"

#define BLOCK 16384 /* values converted at a time: everything stays in the L2 cache */

/* binary16: the exponent is moved to fp32's place; a subnormal is an integer times 2^-24, which
 * does not care for flush-to-zero. Chosen by a mask, so that compilers vectorise it. */
static inline uint32_t f16_bits(uint16_t h)
{
	uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13;
	union { float f; uint32_t u; } small = { .f = (float)(h & 0x7fff) * 0x1p-24f };
	uint32_t is_small = -(uint32_t)(magnitude < 1u << 23);
	uint32_t is_special = -(uint32_t)(magnitude >= 31u << 23); /* infinity, NaN */
	uint32_t normal = magnitude + (112u << 23) + (is_special & 112u << 23);

	return (small.u & is_small) | (normal & ~is_small) | (uint32_t)(h & 0x8000) << 16;
}

static void f32_from_f16(const uint16_t *src, float *dst, int n)
{
#pragma omp simd
	for (int i = 0; i < n; i++) {
		union { uint32_t u; float f; } v = { .u = f16_bits(src[i]) };
		dst[i] = v.f;
	}
}

static void f32_from_bf16(const uint16_t *src, float *dst, int n)
{
#pragma omp simd
	for (int i = 0; i < n; i++)
		dst[i] = bf16_to_f32(src[i]);
}

static void bf16_from_f32(const float *src, uint16_t *dst, int n)
{
#pragma omp simd
	for (int i = 0; i < n; i++)
		dst[i] = f32_to_bf16(src[i]);
}

union block {
	char bytes[BLOCK * 8];
	uint8_t u8[BLOCK];
	int8_t i8[BLOCK];
	int16_t i16[BLOCK];
	uint16_t u16[BLOCK];
	int32_t i32[BLOCK];
	uint32_t u32[BLOCK];
	float f32[BLOCK];
	double f64[BLOCK];
	int64_t i64[BLOCK];
	uint64_t u64[BLOCK];
};

/* Value i of an integer block; false when it does not fit in 63 bits. */
static bool integer_at(const union block *b, enum st_dtype t, int i, int64_t *v)
{
	switch (t) {
	case ST_BOOL:
	case ST_U8: *v = b->u8[i]; return true;
	case ST_I8: *v = b->i8[i]; return true;
	case ST_I16: *v = b->i16[i]; return true;
	case ST_U16: *v = b->u16[i]; return true;
	case ST_I32: *v = b->i32[i]; return true;
	case ST_U32: *v = b->u32[i]; return true;
	case ST_I64: *v = b->i64[i]; return true;
	case ST_U64: *v = (int64_t)b->u64[i]; return b->u64[i] <= INT64_MAX;
	default: return false;
	}
}

static bool is_integer(enum st_dtype t)
{
	return t == ST_BOOL || t == ST_U8 || t == ST_I8 || t == ST_I16 || t == ST_U16 ||
	       t == ST_I32 || t == ST_U32 || t == ST_I64 || t == ST_U64;
}

/* NULL, or why these integers cannot be held. */
static const char *convert_integers(const union block *b, enum st_dtype from, enum dtype to, int n,
				    void *dst)
{
	int64_t limit = to == DT_I32 ? INT32_MAX : 1 << 24;
	int32_t *i32 = dst;
	float *f32 = dst;

	for (int i = 0; i < n; i++) {
		int64_t v;
		if (!integer_at(b, from, i, &v) || v > limit || v < -limit - (to == DT_I32))
			return "holds an integer that is out of range";
		if (to == DT_I32)
			i32[i] = (int32_t)v;
		else
			f32[i] = (float)v;
	}
	return NULL;
}

/* One block as fp32. */
static const char *block_to_f32(const union block *b, enum st_dtype from, int n, float *dst)
{
	switch (from) {
	case ST_F32:
		memcpy(dst, b->f32, (size_t)n * sizeof *dst);
		return NULL;
	case ST_F16:
		f32_from_f16(b->u16, dst, n);
		return NULL;
	case ST_BF16:
		f32_from_bf16(b->u16, dst, n);
		return NULL;
	case ST_F64:
		for (int i = 0; i < n; i++)
			dst[i] = (float)b->f64[i];
		return NULL;
	default:
		return convert_integers(b, from, DT_F32, n, dst);
	}
}

static const char *convert_block(const union block *b, enum st_dtype from, enum dtype to, int n,
				 void *dst)
{
	float f32[BLOCK];
	const char *why;

	if (to == DT_I32)
		return convert_integers(b, from, to, n, dst);
	if (to == DT_F32)
		return block_to_f32(b, from, n, dst);
	why = block_to_f32(b, from, n, f32);
	if (!why)
		bf16_from_f32(f32, dst, n);
	return why;
}

static bool same_type(enum st_dtype from, enum dtype to)
{
	return (from == ST_F32 && to == DT_F32) || (from == ST_BF16 && to == DT_BF16) ||
	       (from == ST_I32 && to == DT_I32);
}

static int read_block(const struct st_file *f, const struct st_tensor *t, int64_t first, int n,
		      enum dtype dtype, void *dst, struct err *e)
{
	size_t size = st_dtype_bytes(t->dtype);
	char *to = (char *)dst + (size_t)first * dtype_bytes(dtype);
	int64_t at = t->offset + first * (int64_t)size;
	union block b;
	const char *why;

	if (same_type(t->dtype, dtype))
		return st_fetch(f, at, (size_t)n * size, to, e);
	if (st_fetch(f, at, (size_t)n * size, &b, e))
		return -ERR_FAILED;
	why = convert_block(&b, t->dtype, dtype, n, to);
	return why ? err_set(e, ERR_FAILED, "%s: tensor %.200s %s", st_path(f), t->name, why) : 0;
}

int st_read(const struct st_file *f, const struct st_tensor *t, enum dtype dtype, void *dst,
	    struct err *e)
{
	int64_t elems = st_elems(t), blocks = (elems + BLOCK - 1) / BLOCK;
	struct err first = { 0 };

	if (t->dtype == ST_F8_E5M2 || t->dtype == ST_F8_E4M3)
		return err_set(e, ERR_FAILED, "%s: tensor %.200s is of type %s; %s", st_path(f),
			       t->name, st_dtype_name(t->dtype), "8-bit floats are not supported");
	if (dtype == DT_I32 && !is_integer(t->dtype))
		return err_set(e, ERR_FAILED, "%s: tensor %.200s is of type %s; %s", st_path(f),
			       t->name, st_dtype_name(t->dtype), "integers are needed");
#pragma omp parallel for schedule(static) if (blocks >= 64)
	for (int64_t i = 0; i < blocks; i++) {
		int n = (int)(elems - i * BLOCK < BLOCK ? elems - i * BLOCK : BLOCK);
		struct err mine = { 0 };
		if (read_block(f, t, i * BLOCK, n, dtype, dst, &mine)) {
#pragma omp critical(st_read_error)
			first = first.code ? first : mine;
		}
	}
	return first.code ? err_set(e, first.code, "%s", first.msg) : 0;
}
