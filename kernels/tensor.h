/* SPDX-License-Identifier: MIT
 *
 * A tensor: a shape, a storage type and (outside dry passes) bytes.
 *
 * Layout is always dense and row major. Images are [N,H,W,C], tokens [N,L,C], so the step from
 * image to tokens is a view. Weights keep the shapes of their PyTorch files: convolution
 * [O,I,kh,kw], linear [O,I]. Dimension letters: N batch, C channels, H W image, L tokens,
 * D width, G groups, O/I output/input features.
 */
#ifndef BENCH_TENSOR_H
#define BENCH_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype { DT_F32, DT_BF16, DT_I32 };

#define TENSOR_DIMS 4

struct param;

struct tensor {
	int64_t dim[TENSOR_DIMS];
	int ndim;
	enum dtype dtype;
	int buffer;          /* number in the memory plan; -1: memory that is not planned */
	bool split;          /* rows of the image are shared out over ranks (parallel/) */
	void *data;          /* NULL in dry passes and on the null backend */
	struct param *param; /* set when this is a weight */
};

static inline size_t dtype_bytes(enum dtype t)
{
	return t == DT_BF16 ? 2 : 4;
}

const char *dtype_name(enum dtype t); /* "fp32", "bf16", "i32" */

static inline int64_t tensor_elems(const struct tensor *t)
{
	int64_t n = 1;
	for (int i = 0; i < t->ndim; i++)
		n *= t->dim[i];
	return n;
}

static inline size_t tensor_bytes(const struct tensor *t)
{
	return (size_t)tensor_elems(t) * dtype_bytes(t->dtype);
}

/* Length of the last dimension, and the number of such rows. */
static inline int64_t tensor_cols(const struct tensor *t)
{
	return t->dim[t->ndim - 1];
}

static inline int64_t tensor_rows(const struct tensor *t)
{
	int64_t n = 1;
	for (int i = 0; i < t->ndim - 1; i++)
		n *= t->dim[i];
	return n;
}

bool tensor_same_shape(const struct tensor *a, const struct tensor *b);

/* Writes "[2,64,64,640]" into buf and returns buf. NULL gives "-". */
const char *tensor_shape(const struct tensor *t, char *buf, size_t len);

/* bf16 is the upper half of an fp32; rounding is to nearest even, NaN stays NaN. */
static inline float bf16_to_f32(uint16_t h)
{
	union { uint32_t u; float f; } v = { .u = (uint32_t)h << 16 };
	return v.f;
}

static inline uint16_t f32_to_bf16(float f)
{
	union { float f; uint32_t u; } v = { .f = f };
	if ((v.u & 0x7fffffffu) > 0x7f800000u)
		return (uint16_t)(v.u >> 16 | 0x40);
	return (uint16_t)((v.u + 0x7fffu + (v.u >> 16 & 1)) >> 16);
}

/* Copies all elements to or from fp32, whatever the storage (fp32 or bf16). */
void tensor_to_f32(const struct tensor *t, float *dst);
void tensor_from_f32(struct tensor *t, const float *src);

#endif
