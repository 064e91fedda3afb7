/* SPDX-License-Identifier: MIT
 *
 * The load pass: weights of linear and convolution go from their plain layout into the one that the
 * first call with them wants; all others stay plain.
 */
#include <stdlib.h>
#include <string.h>

#include "finish.h"
#include "onednn.h"
#include "slab.h"

enum { WEIGHT = 1 }; /* its place in op_call.in */

/* The plain weight as oneDNN sees it: [K,N] of a matrix stored [N,K], or [O,I,kh,kw]. */
static dn_md plain_layout(const struct packed *p, const struct tensor *w)
{
	int64_t inputs = w->dim[1], kh = w->ndim == 4 ? w->dim[2] : 1,
		kw = w->ndim == 4 ? w->dim[3] : 1;
	dnnl_dims_t matrix = { inputs, p->columns }, kernel = { w->dim[0], inputs, kh, kw };

	if (!p->conv)
		return dn_md_new(p->dtype, 2, matrix, (int64_t[]){ 1, inputs });
	return dn_md_new(p->dtype, 4, kernel, (int64_t[]){ inputs * kh * kw, kh * kw, kw, 1 });
}

/* The outputs of part j, gathered: half of them from u, half from g. */
static const void *part_values(const struct packed *p, int j, const char *plain, size_t row_bytes,
			       char *buffer)
{
	size_t half = (size_t)p->columns / 2 * row_bytes;

	if (p->parts == 1)
		return plain;
	memcpy(buffer, plain + (size_t)j * half, half);
	memcpy(buffer + half, plain + (size_t)(p->parts + j) * half, half);
	return buffer;
}

static bool fill_parts(struct packed *p, const struct tensor *w, const void *plain)
{
	size_t row_bytes = (size_t)tensor_elems(w) / (size_t)w->dim[0] * dtype_bytes(p->dtype);
	char *buffer = p->parts > 1 ? malloc((size_t)p->columns * row_bytes) : NULL;
	dn_md from = plain_layout(p, w);
	bool ok = p->parts == 1 || buffer;

	for (int j = 0; j < p->parts && ok; j++) {
		void *data = slab_alloc(dn_md_bytes(p->layout));
		if (!data) {
			ok = false;
			break;
		}
		p->memory[j] = dn_memory(p->layout, data);
		dn_reorder(from, part_values(p, j, plain, row_bytes, buffer), p->memory[j]);
	}
	dn_md_free(from);
	free(buffer);
	return ok;
}

static dn_md prepare(struct dnnl *d, const struct op_call *call, int64_t columns, dn_md layout)
{
	struct linear l;

	if (call->op == OP_CONV2D && !conv_is_linear(call))
		return conv_prepare(d, call, layout);
	l = linear_of(call);
	return linear_prepare(d, &l, columns, layout);
}

static bool by_conv(const struct op_call *call)
{
	return call->op == OP_CONV2D && !conv_is_linear(call);
}

struct gemm_weight own_weight(const struct dnnl *d, const struct op_call *call)
{
	const struct tensor *w = call->in[WEIGHT];
	struct gemm_weight own = {
		.kernel = d->own[w->dtype], .outputs = w->dim[0],
		.inputs = tensor_elems(w) / w->dim[0],
		.taps = by_conv(call) ? w->dim[2] * w->dim[3] : 1,
		.gated = call->op == OP_LINEAR && call->attr.linear.act == ACT_GEGLU,
	};

	if (own.kernel && by_conv(call) && !gemm_takes_images(own.kernel))
		own.kernel = NULL;
	return own;
}

/* For gemm.h. */
static struct packed *packed_own(const struct op_call *call, const struct gemm_weight *own,
				 const void *plain)
{
	struct packed *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->conv = by_conv(call);
	p->own = *own;
	p->own.panel = slab_alloc(packed_bytes(p));
	if (p->own.panel) {
		gemm_pack(&p->own, plain);
		return p;
	}
	free(p);
	return NULL;
}

/* The type of the plain values that packed_new() takes. Our own product needs no type but its own,
 * even where oneDNN was first told of a lower level and cannot compute in it. */
static enum dtype packed_dtype(const struct dnnl *d, const struct op_call *call)
{
	enum dtype dtype = call->in[WEIGHT]->dtype;
	return own_weight(d, call).kernel ? dtype : compute_dtype(d, dtype);
}

struct packed *packed_new(struct dnnl *d, const struct op_call *call, const void *plain)
{
	struct linear l = linear_of(call);
	struct gemm_weight own = own_weight(d, call);
	int parts = linear_parts(&l);
	struct packed *p;

	if (own.kernel)
		return packed_own(call, &own, plain);
	p = calloc(1, sizeof *p + (size_t)parts * sizeof p->memory[0]);
	if (!p)
		return NULL;
	p->dtype = compute_dtype(d, call->in[WEIGHT]->dtype);
	p->conv = by_conv(call);
	p->parts = parts;
	p->columns = l.outputs / parts;
	p->layout = dn_md_copy(prepare(d, call, p->columns, NULL));
	if (fill_parts(p, call->in[WEIGHT], plain))
		return p;
	packed_free(p);
	return NULL;
}

void packed_free(void *packed)
{
	struct packed *p = packed;

	for (int j = 0; j < p->parts && p->memory[j]; j++) {
		slab_free(dn_memory_data(p->memory[j]));
		dnnl_memory_destroy(p->memory[j]);
	}
	dn_md_free(p->layout);
	slab_free(p->own.panel);
	free(p);
}

size_t packed_bytes(const struct packed *p)
{
	if (p->own.kernel)
		return gemm_weight_bytes(&p->own);
	return (size_t)p->parts * dn_md_bytes(p->layout);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Plain values of `w` in its own type, then in `dtype` if that is another one. They lie in blocks
 * that all weights use in turn, so they stay in the cache where it is large, and their pages are
 * touched only once. False: out of memory, or an error of the source. */
static bool plain_values(struct dnnl *d, struct ctx *c, const struct tensor *w, enum dtype dtype,
			 void *plain, void *wide)
{
	if (w->data)
		memcpy(plain, w->data, tensor_bytes(w));
	else if (weights_fill(c->weights, w->param, w->dtype, plain, &c->err) != 0)
		return false;
	if (dtype != w->dtype)
		widen(d->level, plain, wide, tensor_elems(w));
	return true;
}

/* The packed weight of the call; sets the context's error where there is no memory. */
static struct packed *pack(struct dnnl *d, struct ctx *c, const struct op_call *call)
{
	const struct tensor *w = call->in[WEIGHT];
	enum dtype dtype = packed_dtype(d, call);
	bool converted = dtype != w->dtype;
	struct scratch *plain = scratch_take(&d->plain, tensor_bytes(w));
	struct scratch *wide =
		converted ? scratch_take(&d->wide, (size_t)tensor_elems(w) * dtype_bytes(dtype)) :
			    NULL;
	struct packed *p = NULL;

	if (plain && !wide == !converted &&
	    plain_values(d, c, w, dtype, plain->data, converted ? wide->data : NULL))
		p = packed_new(d, call, converted ? wide->data : plain->data);
	scratch_put(&d->plain, plain);
	scratch_put(&d->wide, wide);
	if (!p)
		err_set(&c->err, ERR_FAILED,
			"no memory for the %zu bytes of %s: free some, or choose "
			"a smaller model",
			tensor_bytes(w), w->param ? w->param->path : "a weight");
	return p;
}

static void load_weight(struct dnnl *d, struct ctx *c, const struct op_call *call)
{
	struct param *param = call->in[WEIGHT]->param;
	struct packed *p = param->packed;

	if (p) {
		if (!p->own.kernel)
			prepare(d, call, p->columns, p->layout);
		return;
	}
	p = pack(d, c, call);
	if (!p)
		return;
	param->packed = p;
	param->free_packed = packed_free;
	param->packed_bytes = packed_bytes(p);
}

void dnnl_load(const struct backend *b, struct ctx *c, const struct op_call *call)
{
	bool packs = call->op == OP_LINEAR || call->op == OP_CONV2D;

	for (int i = 0; i < OP_INPUTS; i++) {
		if (!call->in[i] || !call->in[i]->param)
			continue;
		if (packs && i == WEIGHT)
			load_weight(cpu_of(b)->dnnl, c, call);
		else
			weights_fill_plain(c->weights, call->in[i]->param, &c->err);
	}
}

struct packed *packed_borrow(struct dnnl *d, struct ctx *c, const struct op_call *call)
{
	const struct tensor *w = call->in[WEIGHT];
	struct packed *p = w->param ? w->param->packed : NULL;

	if (!p)
		return pack(d, c, call);
	die_if(p->conv != by_conv(call), "%s is packed for another kind of convolution",
	       w->param->path);
	return p;
}

void packed_return(const struct op_call *call, struct packed *p)
{
	const struct tensor *w = call->in[WEIGHT];

	if (!w->param || w->param->packed != p)
		packed_free(p);
}

/* Exact for gemm.h; oneDNN's layouts pad odd channels, less than a thousandth of any real model. */
size_t dnnl_weight_bytes(const struct backend *b, const struct op_call *call, int input)
{
	const struct dnnl *d = cpu_of(b)->dnnl;
	const struct tensor *w = call->in[input];
	struct gemm_weight own;

	if (input != WEIGHT || (call->op != OP_LINEAR && call->op != OP_CONV2D))
		return tensor_bytes(w);
	own = own_weight(d, call);
	if (own.kernel)
		return gemm_weight_bytes(&own);
	return (size_t)tensor_elems(w) * dtype_bytes(compute_dtype(d, w->dtype));
}
