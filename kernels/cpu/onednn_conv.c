/* SPDX-License-Identifier: MIT
 *
 * y = conv(x, w) + bias + channel_bias + residual, images [N,H,W,C]. With a channel bias each
 * sample is a product of its own whose bias is the sum of the two. For oneDNN the residual is
 * copied into y and accumulated on: oneDNN 2.x leaves its best implementation when it is an operand
 * instead.
 */
#include <string.h>

#include "finish.h"
#include "onednn.h"

#define COPY_BYTES 65536 /* that one thread copies at a time */

bool conv_is_linear(const struct op_call *call)
{
	const struct conv_attr *a = &call->attr.conv;

	return a->kh == 1 && a->kw == 1 && a->stride == 1 && !a->top && !a->bottom && !a->left &&
	       !a->right;
}

struct linear linear_of(const struct op_call *call)
{
	bool conv = call->op == OP_CONV2D;
	const struct tensor *x = call->in[0], *w = call->in[1], *bias = call->in[2];
	const struct tensor *channel_bias = conv ? call->in[3] : NULL;
	struct linear l = {
		.rows = tensor_rows(x) / (channel_bias ? x->dim[0] : 1),
		.inputs = w->dim[1], .outputs = w->dim[0],
		.act = conv ? ACT_NONE : call->attr.linear.act,
		.bias_given = bias || channel_bias,
		.bias = bias ? bias->data : NULL,
		.x = x, .residual = call->in[conv ? 4 : 3], .y = call->out[0],
		.workspace = call->workspace,
	};
	return l;
}

static int64_t per_sample(const struct tensor *image)
{
	return tensor_elems(image) / image->dim[0];
}

/* Pixels of all samples, or of one where each has a bias of its own. */
int64_t conv_rows(const struct op_call *call)
{
	const struct tensor *y = call->out[0];
	return tensor_rows(y) / (call->in[3] ? y->dim[0] : 1);
}

/* Floats at the front of the workspace that hold the bias of one sample. */
static int64_t bias_floats(const struct op_call *call)
{
	return call->in[3] ? (call->out[0]->dim[3] + 15) / 16 * 16 : 0;
}

/* Windows that lie outside the image: oneDNN 2.6 forgets the residual there. */
static bool has_empty_windows(const struct conv_attr *a)
{
	return a->top >= a->kh || a->bottom >= a->kh || a->left >= a->kw || a->right >= a->kw;
}

/* Where oneDNN cannot do it all: sample by sample, through a buffer of fp32 sums, and of fp32
 * inputs if bf16 is computed in it. */
struct buffers {
	int64_t x_floats, sum_floats;
};

static struct buffers buffers_of(const struct dnnl *d, const struct op_call *call)
{
	const struct tensor *x = call->in[0];
	struct buffers b = { 0, 0 };

	if (compute_dtype(d, x->dtype) != x->dtype)
		b.x_floats = per_sample(x);
	if (b.x_floats || (call->in[4] && has_empty_windows(&call->attr.conv)))
		b.sum_floats = per_sample(call->out[0]);
	return b;
}

size_t conv_workspace(const struct dnnl *d, const struct op_call *call)
{
	size_t bias_bytes = (size_t)bias_floats(call) * sizeof(float);
	struct buffers b = buffers_of(d, call);

	if (conv_is_linear(call)) {
		struct linear l = linear_of(call);
		return bias_bytes + linear_workspace(d, &l);
	}
	if (own_weight(d, call).kernel)
		return bias_bytes;
	return bias_bytes + (size_t)(b.x_floats + b.sum_floats) * sizeof(float);
}

static const struct prim *convolution(struct dnnl *d, const struct op_call *call, dn_md layout)
{
	const struct tensor *x = call->in[0], *y = call->out[0];
	bool buffered = buffers_of(d, call).sum_floats > 0;
	struct prim_key key;

	memset(&key, 0, sizeof key);
	key.conv = true;
	key.in = compute_dtype(d, x->dtype);
	key.out = buffered ? DT_F32 : key.in;
	key.bias = call->in[2] || call->in[3];
	key.accumulate = call->in[4] && !buffered;
	key.n = buffered || call->in[3] ? 1 : x->dim[0];
	key.height = x->dim[1];
	key.width = x->dim[2];
	key.inputs = x->dim[3];
	key.out_height = y->dim[1];
	key.out_width = y->dim[2];
	key.outputs = y->dim[3];
	key.attr = call->attr.conv;
	return prim_get(d, &key, layout);
}

dn_md conv_prepare(struct dnnl *d, const struct op_call *call, dn_md layout)
{
	return convolution(d, call, layout)->w;
}

/* bias + channel_bias of sample n, in the workspace; the bias alone where there is no other. */
static const float *bias_of(const struct op_call *call, int64_t n)
{
	const struct tensor *bias = call->in[2], *more = call->in[3];
	const float *b = bias ? bias->data : NULL;
	float *sum = call->workspace;

	if (!more)
		return b;
	for (int64_t o = 0, at = n * more->dim[1]; o < more->dim[1]; o++, at++)
		sum[o] = (b ? b[o] : 0) + (more->dtype == DT_F32 ?
						   ((const float *)more->data)[at] :
						   bf16_to_f32(((const uint16_t *)more->data)[at]));
	return sum;
}

static void run_linear(struct dnnl *d, const struct op_call *call, const struct packed *w,
		       float *scratch)
{
	struct linear l = linear_of(call);

	l.scratch = scratch;
	if (call->workspace)
		l.workspace = (float *)call->workspace + bias_floats(call);
	for (int64_t n = 0; n * l.rows < tensor_rows(call->in[0]); n++) {
		l.first = n * l.rows;
		l.bias = bias_of(call, n);
		linear_run(d, &l, w);
	}
}

struct gemm_image conv_image(const struct op_call *call)
{
	const struct tensor *x = call->in[0], *y = call->out[0];

	return (struct gemm_image){ .height = x->dim[1], .width = x->dim[2], .channels = x->dim[3],
				    .out_height = y->dim[1], .out_width = y->dim[2],
				    .attr = call->attr.conv };
}

/* As the product of the windows of the image and the weight. */
static void run_windows(const struct op_call *call, const struct gemm_weight *w, float *scratch)
{
	const struct tensor *x = call->in[0], *y = call->out[0], *residual = call->in[4];
	const struct gemm_image image = conv_image(call);
	struct gemm g = { .rows = conv_rows(call), .image = &image, .w = w, .scratch = scratch };

	for (int64_t row = 0; row < tensor_rows(y); row += g.rows) {
		int64_t n = row / (y->dim[1] * y->dim[2]);
		size_t size = dtype_bytes(x->dtype), at = (size_t)(row * y->dim[3]) * size;

		g.x = (const char *)x->data + (size_t)(n * per_sample(x)) * size;
		g.y = (char *)y->data + at;
		g.residual = residual ? (const char *)residual->data + at : NULL;
		g.bias = bias_of(call, n);
		gemm_run(&g);
	}
}

static void copy(void *to, const void *from, size_t bytes)
{
#pragma omp parallel for schedule(static) if (bytes > COPY_BYTES)
	for (size_t i = 0; i < bytes; i += COPY_BYTES)
		memcpy((char *)to + i, (const char *)from + i,
		       i + COPY_BYTES < bytes ? COPY_BYTES : bytes - i);
}

/* Samples from n on, as many as the primitive takes, straight from x to y. */
static void run_direct(struct dnnl *d, const struct op_call *call, const struct prim *p,
		       struct prim_data *data, int64_t n)
{
	const struct tensor *residual = call->in[4], *y = call->out[0];
	size_t sample_bytes = (size_t)per_sample(y) * dtype_bytes(y->dtype);

	data->y = (char *)y->data + (size_t)n * sample_bytes;
	if (residual)
		copy(data->y, (const char *)residual->data + (size_t)n * sample_bytes,
		     (size_t)p->key.n * sample_bytes);
	prim_run(d, p, data);
}

/* Sample n through the buffers. */
static void run_buffered(struct dnnl *d, const struct op_call *call, const struct prim *p,
			 struct prim_data *data, int64_t n)
{
	const struct tensor *residual = call->in[4], *y = call->out[0];
	struct buffers b = buffers_of(d, call);
	float *x32 = (float *)call->workspace + bias_floats(call), *sums = x32 + b.x_floats;
	size_t at = (size_t)(n * per_sample(y)) * dtype_bytes(y->dtype);
	struct finish f = { .sums = sums, .act = ACT_NONE, .dtype = y->dtype,
			    .rows = y->dim[1] * y->dim[2], .width = y->dim[3], .cols = y->dim[3],
			    .stride = y->dim[3], .y = (char *)y->data + at,
			    .residual = residual ? (const char *)residual->data + at : NULL };

	if (b.x_floats) {
		widen(d->level, data->x, x32, b.x_floats);
		data->x = x32;
	}
	data->y = sums;
	prim_run(d, p, data);
	finish_rows(d->level, &f);
}

void conv_run(struct dnnl *d, const struct op_call *call, const struct packed *w, float *scratch)
{
	const struct tensor *x = call->in[0];
	const struct prim *p;

	if (conv_is_linear(call)) {
		run_linear(d, call, w, scratch);
		return;
	}
	if (w->own.kernel) {
		run_windows(call, &w->own, scratch);
		return;
	}
	p = convolution(d, call, w->layout);
	for (int64_t n = 0; n < x->dim[0]; n += p->key.n) {
		size_t at = (size_t)(n * per_sample(x)) * dtype_bytes(x->dtype);
		struct prim_data data = { .x = (const char *)x->data + at, .w = w->memory[0],
					  .bias = bias_of(call, n) };
		if (buffers_of(d, call).sum_floats)
			run_buffered(d, call, p, &data, n);
		else
			run_direct(d, call, p, &data, n);
	}
}
