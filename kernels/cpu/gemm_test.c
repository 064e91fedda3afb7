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

struct shape {
	int64_t rows, inputs, outputs;
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

static void check(const struct gemm_kernel *k, const struct shape *s, bool gated)
{
	struct gemm_weight w = { .kernel = k, .inputs = s->inputs, .outputs = s->outputs,
				 .taps = 1, .gated = gated };
	size_t size = dtype_bytes(k->dtype), results = (size_t)(s->rows * gemm_cols(&w)) * size;
	const size_t bytes[PARTS] = {
		[PLAIN] = (size_t)(s->inputs * s->outputs) * size,
		[PANEL] = gemm_weight_bytes(&w),
		[X] = (size_t)(s->rows * s->inputs) * size,
		[RESIDUAL] = results,
		[Y] = results,
		[SCRATCH] = gemm_scratch(&w, s->rows, NULL),
		[BIAS] = (size_t)s->outputs * sizeof(float),
	};
	struct guard part[PARTS];
	char what[96];

	snprintf(what, sizeof what, "%s [%lld,%lld] -> %lld%s, %d threads", gemm_name(k),
		 (long long)s->rows, (long long)s->inputs, (long long)s->outputs,
		 gated ? " gated" : "", omp_get_max_threads());
	for (int i = 0; i < PARTS; i++) {
		part[i] = guard_new(bytes[i]);
		if (i == PLAIN || i == X || i == RESIDUAL)
			memset(part[i].data, 0, bytes[i]);
	}
	for (int64_t i = 0; i < s->outputs; i++) /* of u zero, where there is a gate */
		((float *)part[BIAS].data)[i] = gated && i < s->outputs / 2 ? 0 : (float)(i % 99);
	w.panel = part[PANEL].data;
	gemm_pack(&w, part[PLAIN].data);
	struct gemm g = { .rows = s->rows, .x = part[X].data, .residual = part[RESIDUAL].data,
			  .w = &w, .bias = (float *)part[BIAS].data, .y = part[Y].data,
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
		{ 1, 3, 2 },        { 7, 33, 18 },    { 500, 333, 700 }, { 250, 650, 1300 },
		{ 1100, 12, 2048 }, { 241, 321, 642 }, { 6, 320, 16 },   { 600, 640, 50 },
	};

	static const struct shape large = { (1 << 20) + 3, 4, 32 }; /* than caches */

	for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
		for (int threads = 1; threads <= 3; threads++) {
			omp_set_num_threads(threads);
			check(k, &shape[i], false);
			check(k, &shape[i], true);
		}
	omp_set_num_threads(2);
	check(k, &large, false);
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
