/* SPDX-License-Identifier: MIT
 *
 * y = act(x w^T + bias) + residual as matrix products. Where oneDNN can store the result directly,
 * activation and residual are part of the primitive. Otherwise (GEGLU; bf16 computed as fp32) the
 * product goes to a buffer of fp32 sums, a block of rows and one part of the columns at a time, and
 * finish.h takes it from there while it is in the cache.
 */
#include <stdlib.h>
#include <string.h>

#include "finish.h"
#include "onednn.h"

#define BLOCK_FLOATS ((int64_t)1 << 20) /* of a buffer: a share of the third-level cache */
#define PART_OUTPUTS 512                /* of u, and of g, in one part of a GEGLU weight */

enum dtype compute_dtype(const struct dnnl *d, enum dtype storage)
{
	return d->level < ISA_BF16 ? DT_F32 : storage;
}

int linear_parts(const struct linear *l)
{
	if (l->act != ACT_GEGLU || l->outputs % (2 * PART_OUTPUTS))
		return 1;
	return (int)(l->outputs / (2 * PART_OUTPUTS));
}

/* Where a product goes: straight into y, or through a buffer in blocks of rows. */
struct route {
	bool converted, direct;
	int64_t rows, columns;        /* of one product */
	int64_t x_floats, sum_floats; /* of the buffers, by shapes alone */
};

static int64_t buffer_floats(int64_t rows, int64_t cols)
{
	int64_t most = cols > BLOCK_FLOATS ? cols : BLOCK_FLOATS;
	return rows * cols < most ? rows * cols : most;
}

static struct route route_of(const struct dnnl *d, const struct linear *l, int64_t columns)
{
	struct route r = { .rows = l->rows, .columns = columns };

	r.converted = compute_dtype(d, l->x->dtype) != l->x->dtype;
	r.direct = !r.converted && l->act != ACT_GEGLU && columns == l->outputs;
	if (r.direct)
		return r;
	r.sum_floats = buffer_floats(l->rows, l->outputs);
	if (r.sum_floats / columns < r.rows)
		r.rows = r.sum_floats / columns;
	if (!r.converted)
		return r;
	r.x_floats = buffer_floats(l->rows, l->inputs);
	if (r.x_floats / l->inputs < r.rows)
		r.rows = r.x_floats / l->inputs;
	return r;
}

size_t linear_workspace(const struct dnnl *d, const struct linear *l)
{
	struct route r = route_of(d, l, l->outputs);

	if (d->own[l->x->dtype])
		return 0;
	return (size_t)(r.x_floats + r.sum_floats) * sizeof(float);
}

static const struct prim *product(struct dnnl *d, const struct linear *l, const struct route *r,
				  int64_t rows, dn_md layout)
{
	struct prim_key key;

	memset(&key, 0, sizeof key);
	key.in = compute_dtype(d, l->x->dtype);
	key.out = r->direct ? key.in : DT_F32;
	key.act = l->act == ACT_GEGLU ? ACT_NONE : l->act;
	key.bias = l->bias_given;
	key.other = r->direct && l->residual;
	key.rows = rows;
	key.inputs = l->inputs;
	key.outputs = r->columns;
	return prim_get(d, &key, layout);
}

dn_md linear_prepare(struct dnnl *d, const struct linear *l, int64_t columns, dn_md layout)
{
	struct route r = route_of(d, l, columns);

	layout = product(d, l, &r, r.rows, layout)->w;
	if (l->rows % r.rows)
		product(d, l, &r, l->rows % r.rows, layout);
	return layout;
}

static const void *element(const struct tensor *t, int64_t i)
{
	return t ? (const char *)t->data + (size_t)i * dtype_bytes(t->dtype) : NULL;
}

/* Sums of `rows` rows from `row` on and of part j into the result. A part is [u_j|g_j]. */
static void finish_part(const struct dnnl *d, const struct linear *l, const struct packed *w,
			const float *sums, int64_t row, int64_t rows, int j)
{
	int64_t half = w->columns / 2, cols = tensor_cols(l->y);
	int pieces = l->act == ACT_GEGLU || w->parts == 1 ? 1 : 2;

	for (int i = 0; i < pieces; i++) {
		struct finish f = {
			.sums = sums + i * half, .rows = rows, .width = w->columns, .act = l->act,
			.cols = pieces == 2 || l->act == ACT_GEGLU ? half : cols,
			.dtype = l->y->dtype, .stride = cols, .at = j * half + i * l->outputs / 2,
			.y = (void *)element(l->y, (l->first + row) * cols),
			.residual = element(l->residual, (l->first + row) * cols),
		};
		finish_rows(d->level, &f);
	}
}

/* The bias of part j: of u_j, then of g_j. */
static const float *part_bias(const struct linear *l, const struct packed *w, int j, float *buffer)
{
	int64_t half = w->columns / 2;

	if (!l->bias || w->parts == 1)
		return l->bias;
	memcpy(buffer, l->bias + j * half, (size_t)half * sizeof *buffer);
	memcpy(buffer + half, l->bias + l->outputs / 2 + j * half, (size_t)half * sizeof *buffer);
	return buffer;
}

/* A block of rows that is not direct. */
static void run_block(struct dnnl *d, const struct linear *l, const struct packed *w,
		      const struct route *r, float *buffer, int64_t row, int64_t rows)
{
	const struct prim *p = product(d, l, r, rows, w->layout);
	struct prim_data data = { .x = element(l->x, (l->first + row) * l->inputs),
				  .y = buffer + r->x_floats };
	float bias[2 * PART_OUTPUTS];

	if (r->converted) {
		widen(d->level, data.x, buffer, rows * l->inputs);
		data.x = buffer;
	}
	for (int j = 0; j < w->parts; j++) {
		data.w = w->memory[j];
		data.bias = part_bias(l, w, j, bias);
		prim_run(d, p, &data);
		finish_part(d, l, w, data.y, row, rows, j);
	}
}

static void run_gemm(const struct linear *l, const struct gemm_weight *w)
{
	struct gemm g = { .rows = l->rows, .w = w, .bias = l->bias, .act = l->act,
			  .x = element(l->x, l->first * l->inputs),
			  .y = (void *)element(l->y, l->first * tensor_cols(l->y)),
			  .residual = element(l->residual, l->first * tensor_cols(l->y)),
			  .scratch = l->scratch };
	gemm_run(&g);
}

static void run_onednn(struct dnnl *d, const struct linear *l, const struct packed *w)
{
	struct route r = route_of(d, l, w->columns);
	float *buffer = l->workspace, *own = NULL;

	if (r.direct) {
		int64_t cols = l->outputs;
		struct prim_data data = { .x = element(l->x, l->first * l->inputs),
					  .w = w->memory[0], .bias = l->bias,
					  .other = element(l->residual, l->first * cols),
					  .y = (void *)element(l->y, l->first * cols) };
		prim_run(d, product(d, l, &r, l->rows, w->layout), &data);
		return;
	}
	if (!buffer) { /* a GEGLU weight, used without it: rare enough for a buffer of its own */
		buffer = own = malloc((size_t)(r.x_floats + r.sum_floats) * sizeof *own);
		die_if(!own, "out of memory");
	}
	for (int64_t row = 0; row < l->rows; row += r.rows)
		run_block(d, l, w, &r, buffer, row,
			  row + r.rows < l->rows ? r.rows : l->rows - row);
	free(own);
}

void linear_run(struct dnnl *d, const struct linear *l, const struct packed *w)
{
	if (w->own.kernel)
		run_gemm(l, &w->own);
	else
		run_onednn(d, l, w);
}
