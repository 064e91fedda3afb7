/* SPDX-License-Identifier: MIT
 *
 * Our own matrix product, for the levels and types where it is faster than oneDNN's:
 *
 *   y [M,N] = act(x [M,K] w^T + bias) + residual
 *
 * where x is a matrix, or the windows of an image, which makes it a convolution: row m is then the
 * window of output pixel m, and k counts through its taps and channels (gemm_k()).
 *
 * Weights are packed in panels of as many columns as a tile of sums has, [panel][K/pair][column]
 * [pair]; a panel stays near while the rows of a piece pass by. For GEGLU the first half of a panel
 * holds columns of u and the other half the same ones of g, so that their product is formed where
 * the sums are. Goto & van de Geijn 2008 for the blocking. This file knows no instruction set:
 * gemm_bf16.c sums over all of K in registers, gemm_blocked.h over blocks of k, gemm_amx.c over
 * blocks of k in tiles.
 *
 * How to test: onednn_test.c (values), gemm_test.c (memory).
 */
#ifndef BENCH_GEMM_H
#define BENCH_GEMM_H

#include "cpu.h"

struct gemm_kernel;

struct gemm_weight {
	const struct gemm_kernel *kernel;
	int64_t inputs, outputs; /* inputs: all of K */
	int64_t taps;            /* of a convolution kernel; 1 for a matrix */
	bool gated;              /* panels are [u|g] */
	void *panel;             /* values of kernel->dtype */
};

/* An image [N,height,width,channels] whose windows are the rows. */
struct gemm_image {
	int64_t height, width, channels, out_height, out_width;
	struct conv_attr attr;
};

struct gemm {
	int64_t rows;
	const void *x, *residual;       /* of kernel->dtype, as y; residual may be NULL */
	const struct gemm_image *image; /* NULL: x is a matrix */
	const struct gemm_weight *w;
	const float *bias;              /* may be NULL */
	enum act act;                   /* fast where w->gated fits it */
	void *y;
	float *scratch;                 /* gemm_scratch() bytes, aligned to 64 */
};

/* The kernel of this level for this storage; NULL: oneDNN is faster, or there is none. */
const struct gemm_kernel *gemm_kernel_at(enum isa level, enum dtype dtype);
bool gemm_takes_images(const struct gemm_kernel *k);
const char *gemm_name(const struct gemm_kernel *k);

/* By shape; w->panel is not looked at. */
size_t gemm_weight_bytes(const struct gemm_weight *w);

/* Bytes that all threads work in while so many rows are multiplied; image: as in struct gemm.
 * w->gated is that of the product, not how w->panel is packed. */
size_t gemm_scratch(const struct gemm_weight *w, int64_t rows, const struct gemm_image *image);

/* Packs `plain`, a matrix [outputs,inputs] or a kernel [outputs,channels,taps], into w->panel
 * (gemm_weight_bytes(), aligned to 64), on all threads. */
void gemm_pack(const struct gemm_weight *w, const void *plain);

/* On all threads; the result does not depend on their number. */
void gemm_run(const struct gemm *g);

/* ---- one level each -------------------------------------------------------------------------- */

/* Rows and panels that one thread multiplies at a time. */
struct gemm_piece {
	int64_t row, rows, panel, panels;
};

struct gemm_kernel {
	const char *name;
	enum dtype dtype;
	int rows, cols, pair;             /* of a tile; k that lie together in a panel */
	int step;                         /* channels that all taps take before the next, unless
					   * gemm_dense(); 0: all */
	int64_t piece_rows, piece_panels; /* at most */
	bool images;

	/* Floats that one thread needs for a piece of `rows` rows; NULL: none. */
	int64_t (*scratch)(const struct gemm_weight *w, int64_t rows);
	void (*piece)(const struct gemm *g, const struct gemm_piece *p, float *scratch);

	/* Instead of the two above, where a kernel cuts its own pieces: bytes that all threads
	 * need, and the whole product. */
	size_t (*scratch_all)(const struct gemm_weight *w, int64_t rows,
			      const struct gemm_image *image);
	void (*run)(const struct gemm *g);
};

extern const struct gemm_kernel gemm_avx2_fp32, gemm_avx2_bf16, gemm_avx512_fp32,
	gemm_avx512_wide, gemm_bf16, gemm_amx, gemm_amx_emulated;

static inline int64_t ceil_div(int64_t n, int64_t by)
{
	return (n + by - 1) / by;
}

static inline int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Columns of the result that one panel makes, and all that the weight makes. */
static inline int gemm_panel_cols(const struct gemm_weight *w)
{
	return w->gated ? w->kernel->cols / 2 : w->kernel->cols;
}

static inline int64_t gemm_cols(const struct gemm_weight *w)
{
	return w->gated ? w->outputs / 2 : w->outputs;
}

static inline int64_t gemm_panels(const struct gemm_weight *w)
{
	return ceil_div(gemm_cols(w), gemm_panel_cols(w));
}

/* k of one tap in a panel that is not dense: its channels, padded to whole steps or pairs. */
static inline int64_t gemm_tap_k(const struct gemm_weight *w)
{
	int64_t step = w->kernel->step ? w->kernel->step : w->kernel->pair;
	return (w->inputs / w->taps + step - 1) / step * step;
}

/* Few channels: they would fill half of a step or less. Then k counts through the channels of a
 * tap, and on with the next tap. */
static inline bool gemm_dense(const struct gemm_weight *w)
{
	return w->kernel->step && w->taps > 1 && 2 * w->inputs <= w->taps * w->kernel->step;
}

/* All k of a panel. */
static inline int64_t gemm_panel_k(const struct gemm_weight *w)
{
	if (gemm_dense(w))
		return ceil_div(w->inputs, w->kernel->step) * w->kernel->step;
	return w->taps * gemm_tap_k(w);
}

/* Where in K a tap of a channel is. */
static inline int64_t gemm_k(const struct gemm_weight *w, int64_t tap, int64_t channel)
{
	if (gemm_dense(w))
		return tap * (w->inputs / w->taps) + channel;
	int64_t step = w->kernel->step ? w->kernel->step : gemm_tap_k(w);
	return (channel / step * w->taps + tap) * step + channel % step;
}

/* The panel, and how many of its columns the result has. */
static inline const void *gemm_panel(const struct gemm_weight *w, int64_t panel)
{
	int64_t values = gemm_panel_k(w) * w->kernel->cols;
	return (const char *)w->panel + (size_t)(panel * values) * dtype_bytes(w->kernel->dtype);
}

static inline int gemm_cols_of(const struct gemm_weight *w, int64_t panel)
{
	int64_t left = gemm_cols(w) - panel * gemm_panel_cols(w);
	return left < gemm_panel_cols(w) ? (int)left : gemm_panel_cols(w);
}

#endif
