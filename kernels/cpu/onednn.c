/* SPDX-License-Identifier: MIT */
#include "onednn.h"

#include <stdlib.h>

struct dnnl *dnnl_new(enum isa level)
{
	struct dnnl *d = calloc(1, sizeof *d);
	enum isa most = dn_set_isa(level);

	die_if(!d, "out of memory");
	d->level = level < most ? level : most;
	for (int t = DT_F32; t <= DT_BF16; t++)
		d->own[t] = gemm_kernel_at(level, (enum dtype)t);
	scratch_init(&d->scratch);
	scratch_init(&d->plain);
	scratch_init(&d->wide);
	pthread_mutex_init(&d->lock, NULL);
	dn_check(dnnl_stream_create(&d->stream, dn_engine(), dnnl_stream_default_flags),
		 "a stream");
	return d;
}

void dnnl_free(struct dnnl *d)
{
	if (!d)
		return;
	prims_free(d);
	scratch_clear(&d->scratch);
	scratch_clear(&d->plain);
	scratch_clear(&d->wide);
	dnnl_stream_destroy(d->stream);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

void dnnl_loaded(struct dnnl *d)
{
	scratch_trim(&d->plain);
	scratch_trim(&d->wide);
}

size_t dnnl_workspace(const struct backend *b, const struct op_call *call)
{
	const struct dnnl *d = cpu_of(b)->dnnl;
	struct linear l;

	if (call->op == OP_CONV2D)
		return conv_workspace(d, call);
	if (call->op != OP_LINEAR)
		return 0;
	l = linear_of(call);
	return linear_workspace(d, &l);
}

bool dnnl_generates(const struct backend *b, const struct op_call *call)
{
	return (call->op == OP_CONV2D || call->op == OP_LINEAR) &&
	       !own_weight(cpu_of(b)->dnnl, call).kernel;
}

/* Of our own products; oneDNN's is in d->scratch. */
size_t dnnl_scratch(const struct backend *b, const struct op_call *call)
{
	struct gemm_image image;
	struct gemm_weight own;

	if (call->op != OP_CONV2D && call->op != OP_LINEAR)
		return 0;
	own = own_weight(cpu_of(b)->dnnl, call);
	if (!own.kernel)
		return 0;
	if (call->op == OP_LINEAR)
		return gemm_scratch(&own, tensor_rows(call->in[0]), NULL);
	image = conv_image(call);
	return gemm_scratch(&own, conv_rows(call), conv_is_linear(call) ? NULL : &image);
}

/* NULL: none is needed. */
static struct scratch *take_scratch(const struct backend *b, const struct op_call *call)
{
	size_t bytes = dnnl_scratch(b, call);
	struct scratch *s = bytes ? scratch_take(&cpu_of(b)->scratch, bytes) : NULL;

	die_if(bytes && !s, "no memory for %zu bytes of scratch", bytes);
	return s;
}

static void put_scratch(const struct backend *b, struct scratch *s)
{
	if (s)
		scratch_put(&cpu_of(b)->scratch, s);
}

void dnnl_run_linear(const struct backend *b, struct ctx *c, const struct op_call *call)
{
	struct dnnl *d = cpu_of(b)->dnnl;
	struct packed *w = packed_borrow(d, c, call);
	struct linear l = linear_of(call);
	struct scratch *s;

	if (!w)
		return;
	s = take_scratch(b, call);
	l.scratch = s ? (float *)s->data : NULL;
	linear_run(d, &l, w);
	put_scratch(b, s);
	packed_return(call, w);
}

void dnnl_run_conv2d(const struct backend *b, struct ctx *c, const struct op_call *call)
{
	struct dnnl *d = cpu_of(b)->dnnl;
	struct packed *w = packed_borrow(d, c, call);
	struct scratch *s;

	if (!w)
		return;
	s = take_scratch(b, call);
	conv_run(d, call, w, s ? (float *)s->data : NULL);
	put_scratch(b, s);
	packed_return(call, w);
}
