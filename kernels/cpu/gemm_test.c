/* SPDX-License-Identifier: MIT
 *
 * The memory of gemm.h: weights, operands and scratch lie between guards, at every level, with one
 * to three threads. Values against ref: onednn_test.c; here x is zero, so that each result is the
 * bias of its column, and a place that nobody wrote shows.
 */
#include <omp.h>

#include "gemm.h"
#include "guard.h"
#include "test.h"

/* With a kernel: two square images, whose channels are the inputs; rows is then their side. */
struct shape {
	int64_t rows, inputs, outputs;
	int kernel, stride;
};

enum { PLAIN, PANEL, X, RESIDUAL, Y, SCRATCH, BIAS, PARTS };

static void check_results(const struct gemm *g, const char *what)
{
	const struct gemm_weight *w = g->w;
	int64_t cols = gemm_cols(w), wrong = 0;

	for (int64_t i = 0; i < g->rows * cols; i++) {
		float got = w->kernel->dtype == DT_BF16 ? bf16_to_f32(((uint16_t *)g->y)[i]) :
							  ((float *)g->y)[i];
		wrong += got != (w->gated ? 0 : g->bias[i % cols]);
	}
	CHECK(wrong == 0, "%s: %lld results are not the bias", what, (long long)wrong);
}

static struct gemm_image image_of(const struct shape *s)
{
	int64_t pad = s->stride == 1 ? s->kernel / 2 : 0;
	int64_t out = s->kernel ? (s->rows + 2 * pad - s->kernel) / s->stride + 1 : 0;

	return (struct gemm_image){ .height = s->rows, .width = s->rows, .channels = s->inputs,
				    .out_height = out, .out_width = out,
				    .attr = { s->kernel, s->kernel, s->stride, (int)pad, (int)pad,
					      (int)pad, (int)pad } };
}

static void check(const struct gemm_kernel *k, const struct shape *s, bool gated, bool added)
{
	const struct gemm_image m = image_of(s);
	int64_t taps = s->kernel ? s->kernel * s->kernel : 1;
	int64_t rows = s->kernel ? 2 * m.out_height * m.out_width : s->rows;
	struct gemm_weight w = { .kernel = k, .inputs = s->inputs * taps, .outputs = s->outputs,
				 .taps = taps, .gated = gated };
	size_t size = dtype_bytes(k->dtype), results = (size_t)(rows * gemm_cols(&w)) * size;
	const size_t bytes[PARTS] = {
		[PLAIN] = (size_t)(w.inputs * s->outputs) * size,
		[PANEL] = gemm_weight_bytes(&w),
		[X] = (size_t)(s->rows * (s->kernel ? 2 * s->rows : 1) * s->inputs) * size,
		[RESIDUAL] = results,
		[Y] = results,
		[SCRATCH] = gemm_scratch(&w, rows, s->kernel ? &m : NULL),
		[BIAS] = (size_t)s->outputs * sizeof(float),
	};
	struct guard part[PARTS];
	char what[96];

	snprintf(what, sizeof what, "%s [%lld,%lld] -> %lld%s k%d s%d, %d threads", gemm_name(k),
		 (long long)s->rows, (long long)s->inputs, (long long)s->outputs,
		 gated ? added ? " gated, added" : " gated" : "", s->kernel, s->stride,
		 omp_get_max_threads());
	for (int i = 0; i < PARTS; i++) {
		part[i] = guard_new(bytes[i]);
		if (i == PLAIN || i == X || i == RESIDUAL)
			memset(part[i].data, 0, bytes[i]);
	}
	for (int64_t i = 0; i < s->outputs; i++) /* of u zero, where there is a gate */
		((float *)part[BIAS].data)[i] = gated && i < s->outputs / 2 ? 0 : (float)(i % 99);
	w.panel = part[PANEL].data;
	gemm_pack(&w, part[PLAIN].data);
	struct gemm g = { .rows = rows, .x = part[X].data,
			  .residual = added ? part[RESIDUAL].data : NULL,
			  .image = s->kernel ? &m : NULL, .w = &w,
			  .bias = (float *)part[BIAS].data, .y = part[Y].data,
			  .act = gated ? ACT_GEGLU : ACT_NONE,
			  .scratch = (float *)part[SCRATCH].data };
	gemm_run(&g);
	check_results(&g, what);
	for (int i = 0; i < PARTS; i++) {
		CHECK(guard_intact(&part[i]), "%s: wrote before part %d", what, i);
		guard_free(&part[i]);
	}
}

static void test_kernel(const struct gemm_kernel *k)
{
	static const struct shape shape[] = {
		{ 1, 3, 2, 0, 0 },      { 7, 33, 18, 0, 0 },    { 500, 333, 700, 0, 0 },
		{ 250, 650, 1300, 0, 0 }, { 1100, 12, 2048, 0, 0 }, { 241, 321, 642, 0, 0 },
		{ 6, 320, 16, 0, 0 },   { 600, 640, 50, 0, 0 },   { 530, 650, 2048, 0, 0 },
		{ 134, 1300, 146, 0, 0 }, { 9, 1, 62, 0, 0 },
	};
	static const struct shape image[] = {
		{ 9, 1, 40, 3, 1 },  { 21, 3, 33, 3, 2 },   { 23, 4, 70, 3, 1 },
		{ 40, 8, 20, 5, 1 }, { 51, 3, 40, 16, 16 }, { 32, 16, 20, 16, 16 },
		{ 21, 40, 4, 3, 1 }, { 18, 40, 36, 4, 4 },
	};
	static const struct shape large = { (1 << 20) + 3, 4, 32, 0, 0 }; /* than caches */

	for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
		for (int threads = 1; threads <= 3; threads++) {
			omp_set_num_threads(threads);
			check(k, &shape[i], false, true);
			check(k, &shape[i], true, true);
			check(k, &shape[i], true, false);
		}
	for (size_t i = 0; gemm_takes_images(k) && i < sizeof image / sizeof *image; i++)
		for (int threads = 1; threads <= 3; threads++) {
			omp_set_num_threads(threads);
			check(k, &image[i], false, true);
		}
	omp_set_num_threads(2);
	check(k, &large, false, true);
}

int main(void)
{
	for (int level = ISA_C; level <= (int)isa_machine(); level++)
		for (int dtype = DT_F32; dtype <= DT_BF16; dtype++) {
			const struct gemm_kernel *k =
				gemm_kernel_at((enum isa)level, (enum dtype)dtype);
			if (k)
				test_kernel(k);
		}
	if (isa_machine() >= ISA_BF16)
		test_kernel(&gemm_amx_emulated);
	return test_passed + test_failed ? test_end() : test_skip("no product of our own here");
}
