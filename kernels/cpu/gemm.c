/* SPDX-License-Identifier: MIT */
#include "gemm.h"

#include <omp.h>
#include <stdlib.h>

#include "err.h"

#define BLOCK_ROWS 192 /* that one panel meets at most before the next: more wins nothing */

/* Columns of the result that one panel makes. */
static int64_t panel_cols(const struct gemm_weight *w)
{
	return w->gated ? GEMM_COLS / 2 : GEMM_COLS;
}

static int64_t panels_of(const struct gemm_weight *w)
{
	int64_t cols = w->gated ? w->outputs / 2 : w->outputs;
	return (cols + panel_cols(w) - 1) / panel_cols(w);
}

static int64_t panel_values(const struct gemm_weight *w)
{
	return (w->inputs + 1) / 2 * 2 * GEMM_COLS;
}

size_t gemm_weight_bytes(int64_t outputs, int64_t inputs, bool gated)
{
	struct gemm_weight w = { .inputs = inputs, .outputs = outputs, .gated = gated };
	return (size_t)(panels_of(&w) * panel_values(&w)) * sizeof *w.panel;
}

/* The output that column c of a panel computes; -1: none, the panel is wider than the weight. */
static int64_t output_of(const struct gemm_weight *w, int64_t panel, int c)
{
	int64_t half = w->outputs / 2, o = panel * panel_cols(w);

	if (!w->gated)
		return o + c < w->outputs ? o + c : -1;
	o += c % (GEMM_COLS / 2);
	return o >= half ? -1 : c < GEMM_COLS / 2 ? o : half + o;
}

static void pack_panel(const struct gemm_weight *w, const uint16_t *plain, int64_t panel)
{
	enum { STEP = 32 }; /* of k: a cache line of each row at a time */
	uint16_t *to = w->panel + panel * panel_values(w);
	const uint16_t *row[GEMM_COLS];

	for (int c = 0; c < GEMM_COLS; c++) {
		int64_t o = output_of(w, panel, c);
		row[c] = o < 0 ? NULL : plain + o * w->inputs;
	}
	for (int64_t k0 = 0; k0 < w->inputs; k0 += STEP) {
		int64_t k1 = k0 + STEP < w->inputs ? k0 + STEP : w->inputs;
		for (int c = 0; c < GEMM_COLS; c++)
			for (int64_t k = k0; k < k1; k += 2) {
				uint16_t *pair = to + (k / 2 * GEMM_COLS + c) * 2;
				pair[0] = row[c] ? row[c][k] : 0;
				pair[1] = row[c] && k + 1 < w->inputs ? row[c][k + 1] : 0;
			}
	}
}

static void unpack_panel(const struct gemm_weight *w, uint16_t *plain, int64_t panel)
{
	const uint16_t *from = w->panel + panel * panel_values(w);

	for (int c = 0; c < GEMM_COLS; c++) {
		int64_t o = output_of(w, panel, c);
		for (int64_t k = 0; o >= 0 && k < w->inputs; k++)
			plain[o * w->inputs + k] = from[(k / 2 * GEMM_COLS + c) * 2 + k % 2];
	}
}

void gemm_pack(const struct gemm_weight *w, const uint16_t *plain)
{
	int64_t panels = panels_of(w);

#pragma omp parallel for schedule(static)
	for (int64_t p = 0; p < panels; p++)
		pack_panel(w, plain, p);
}

/* The same weight in the other order of panels: for one that was packed for a GEGLU and is used
 * without it, or the other way round. Slow, and rare. */
static void repack(const struct gemm_weight *from, struct gemm_weight *to)
{
	uint16_t *plain = malloc((size_t)(from->outputs * from->inputs) * sizeof *plain);

	*to = (struct gemm_weight){ .inputs = from->inputs, .outputs = from->outputs,
				    .gated = !from->gated };
	to->panel = aligned_alloc(64, gemm_weight_bytes(to->outputs, to->inputs, to->gated));
	die_if(!plain || !to->panel, "out of memory");
	for (int64_t p = 0; p < panels_of(from); p++)
		unpack_panel(from, plain, p);
	gemm_pack(to, plain);
	free(plain);
}

/* Rows of one block: many enough to use a panel well, few enough for every thread to get several.
 */
static int64_t block_rows(const struct gemm *g, int64_t panels)
{
	int64_t share = g->rows * panels / (4 * omp_get_max_threads());
	int64_t rows = share < BLOCK_ROWS ? share : BLOCK_ROWS;

	return rows < GEMM_ROWS ? GEMM_ROWS : rows / GEMM_ROWS * GEMM_ROWS;
}

/* Panels are handed out one by one, because threads of a shared machine are not equally fast. */
static void run_panels(const struct gemm *g)
{
	int64_t panels = panels_of(g->w), rows = block_rows(g, panels);
	int64_t blocks = (g->rows + rows - 1) / rows;

#pragma omp parallel for schedule(dynamic) if (blocks * panels > 1)
	for (int64_t i = 0; i < blocks * panels; i++) {
		int64_t from = i / panels * rows,
			to = from + rows < g->rows ? from + rows : g->rows;
		gemm_panel_bf16(g, i % panels, from, to);
	}
}

void gemm_run(const struct gemm *g)
{
	struct gemm_weight other;
	struct gemm again = *g;

	if (g->w->gated == (g->act == ACT_GEGLU)) {
		run_panels(g);
		return;
	}
	again.w = &other;
	repack(g->w, &other);
	run_panels(&again);
	free(other.panel);
}
