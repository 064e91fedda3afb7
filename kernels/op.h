/* SPDX-License-Identifier: MIT
 *
 * The operations that models are written with, and the one function through which all of them go.
 *
 * A model calls the builders below; a builder fills a `struct op_call` and hands it to op_run(),
 * which applies the shape rule, places the result in the memory plan, applies the cost rule, calls
 * the hook and the backend, and appends to the gradient tape. After an error (ctx->err) every op
 * does nothing and returns a tensor without elements, so models need no checks.
 *
 * Storage is fp32 or bf16, accumulation is fp32. An optional tensor may be NULL.
 * How to test: op_test.c (rules), ref/ and cpu/ tests (values), grad_test.c (gradients).
 */
#ifndef BENCH_OP_H
#define BENCH_OP_H

#include "cost.h"
#include "tensor.h"

struct ctx;

enum op {
	/* forward */
	OP_LINEAR,
	OP_CONV2D,
	OP_GROUP_NORM,
	OP_GROUP_NORM_MOMENTS,
	OP_GROUP_NORM_APPLY,
	OP_LAYER_NORM,
	OP_ATTENTION,
	OP_SOFTMAX,
	OP_ACTIVATION,
	OP_GEGLU,
	OP_ADD,
	OP_ADD_CHANNEL,
	OP_ADD_ROWS,
	OP_AXPBY,
	OP_CLAMP,
	OP_CAST,
	OP_CONCAT,
	OP_SLICE,
	OP_UPSAMPLE,
	OP_EMBED,
	OP_TIMESTEP_EMBED,
	OP_GATHER_ROWS,
	OP_VIEW,
	/* backward */
	OP_LINEAR_DX,
	OP_LINEAR_DW,
	OP_CONV2D_DX,
	OP_CONV2D_DW,
	OP_GROUP_NORM_BWD,
	OP_GROUP_NORM_MOMENTS_BWD,
	OP_GROUP_NORM_APPLY_BWD,
	OP_LAYER_NORM_BWD,
	OP_ATTENTION_BWD,
	OP_SOFTMAX_BWD,
	OP_ACTIVATION_BWD,
	OP_GEGLU_BWD,
	OP_CLAMP_BWD,
	OP_SUM_ROWS,
	OP_SUM_SPATIAL,
	OP_SUM_BATCH,
	OP_UPSAMPLE_BWD,
	OP_EMBED_BWD,
	OP_TIMESTEP_EMBED_BWD,
	OP_SCATTER_ROWS,
	OP_PAD_SLICE,
	OP_COUNT
};

enum act { ACT_NONE, ACT_SILU, ACT_GELU, ACT_GELU_TANH, ACT_QUICK_GELU, ACT_GEGLU };
const char *act_name(enum act a);

/* Zero padding is four numbers, so that a rank's halo can replace the inner ones. */
struct conv_attr {
	int kh, kw, stride;
	int top, bottom, left, right;
};

union op_attr {
	struct { enum act act; } linear;
	struct conv_attr conv;
	struct { int groups; float eps; enum act act; } norm;
	struct { int heads; bool causal; float scale; } attn;
	struct { enum act act; } act;
	struct { float a, b; } axpby;
	struct { float scale, shift, lo, hi; } clamp;
	struct { enum dtype dtype; } cast;
	struct { int axis; int64_t start, len; } slice; /* concat uses axis only */
	struct { int64_t width; bool cos_first; float shift; } timestep;
	struct {
		int ndim;
		int64_t dim[TENSOR_DIMS];
	} view; /* also the wanted shape of backward ops */
};

#define OP_INPUTS 6
#define OP_OUTPUTS 3

/* in[] has a fixed meaning per position and op, see op_table.c; out[] is filled by op_run(). */
struct op_call {
	enum op op;
	union op_attr attr;
	struct tensor *in[OP_INPUTS];
	struct tensor *out[OP_OUTPUTS];
	void *workspace; /* scratch of backend->workspace() bytes, NULL in dry passes */
	size_t workspace_bytes;
};

/* One row per op. */
struct op_info {
	const char *name;
	int required;  /* the first `required` inputs must be there */
	int outputs;
	const char *inputs;                                       /* their names, for messages */
	const char *(*shape)(const struct op_call *,
			     struct tensor out[]);                /* NULL or the complaint */
	void (*cost)(const struct op_call *, struct cost *);      /* NULL: bytes only */
	/* Emits the ops that turn the gradient of out[0] into those of the inputs with want[i]; see
	 * grad.h. */
	void (*grad)(struct ctx *, const struct op_call *, const bool want[], struct tensor *dout,
		     struct tensor *din[]);
};
extern const struct op_info op_table[OP_COUNT];

/* Runs the call through the context; returns out[0]. `out` of the caller may name an existing
 * tensor in out[0] (state updated in place); then nothing is allocated. Multi-output ops hand
 * back all results in call->out. */
struct tensor *op_run(struct ctx *c, struct op_call *call);

/* ---- builders, in the order of the enum ---------------------------------------------------- */

/* y = act(x w^T + bias) + residual. x [..,K], w [O,K], bias [O], residual like y. ACT_GEGLU halves
 * the result: [u|g] -> u*gelu(g), y [..,O/2]. */
struct tensor *op_linear(struct ctx *c, struct tensor *x, struct tensor *w, struct tensor *bias,
			 enum act act, struct tensor *residual);

/* y = conv(x, w) + bias + channel_bias + residual. x [N,H,W,I], w [O,I,kh,kw], bias [O],
 * channel_bias [N,O] (the time embedding of a residual block), residual like y. */
struct tensor *op_conv2d(struct ctx *c, struct tensor *x, struct tensor *w, struct tensor *bias,
			 struct conv_attr attr, struct tensor *channel_bias,
			 struct tensor *residual);

/* y = act((x - mean) / sqrt(var + eps) * w + b), moments over H, W and C/groups (Wu & He 2018,
 * biased variance). x [N,H,W,C] or [N,L,C], w b [C]. act: ACT_NONE or ACT_SILU. */
struct tensor *op_group_norm(struct ctx *c, struct tensor *x, struct tensor *w, struct tensor *b,
			     int groups, float eps, enum act act);
/* The same in two halves, for ranks that share the moments: [N,G,3] fp32 = elements, mean and sum
 * of squared deviations per group (mergeable by Chan et al. 1979); apply normalises with them. */
struct tensor *op_group_norm_moments(struct ctx *c, struct tensor *x, int groups);
struct tensor *op_group_norm_apply(struct ctx *c, struct tensor *x, struct tensor *w,
				   struct tensor *b, struct tensor *moments, int groups, float eps,
				   enum act act);

/* Over the last dimension (Ba et al. 2016). w, b [C] or NULL. */
struct tensor *op_layer_norm(struct ctx *c, struct tensor *x, struct tensor *w, struct tensor *b,
			     float eps);

/* softmax(scale q k^T [+ causal mask]) v per head. q [N,Lq,D], k v [N,Lk,D], D = heads*dh; head h
 * owns columns [h*dh, (h+1)*dh). The score matrix is never stored. */
struct tensor *op_attention(struct ctx *c, struct tensor *q, struct tensor *k, struct tensor *v,
			    int heads, float scale, bool causal);

struct tensor *op_softmax(struct ctx *c, struct tensor *x); /* over the last dimension */
struct tensor *op_activation(struct ctx *c, struct tensor *x, enum act act);
struct tensor *op_geglu(struct ctx *c, struct tensor *x); /* [..,2D] -> [..,D]: u*gelu(g) */
struct tensor *op_add(struct ctx *c, struct tensor *x, struct tensor *y);
struct tensor *op_add_channel(struct ctx *c, struct tensor *x,
			      struct tensor *y); /* [N,..,C] + [N,C] */
struct tensor *op_add_rows(struct ctx *c, struct tensor *x, struct tensor *y); /* [N,L,C] + [L,C] */

/* a*x + b*y. With `into` the result is written there (it may be x or y) and keeps into's dtype. */
struct tensor *op_axpby(struct ctx *c, float a, struct tensor *x, float b, struct tensor *y,
			struct tensor *into);

/* min(max(scale*x + shift, lo), hi) */
struct tensor *op_clamp(struct ctx *c, struct tensor *x, float scale, float shift, float lo,
			float hi);

/* Changes storage; with `into` copies into an existing tensor of the same shape. */
struct tensor *op_cast(struct ctx *c, struct tensor *x, enum dtype dtype, struct tensor *into);

struct tensor *op_concat(struct ctx *c, struct tensor *x, struct tensor *y, int axis);
struct tensor *op_slice(struct ctx *c, struct tensor *x, int axis, int64_t start, int64_t len);
struct tensor *op_upsample(struct ctx *c,
			   struct tensor *x); /* nearest x2: [N,H,W,C] -> [N,2H,2W,C] */

/* Rows of a table: ids [N,L] i32, table [V,D] -> [N,L,D]. Ids are checked on input. */
struct tensor *op_embed(struct ctx *c, struct tensor *ids, struct tensor *table);

/* Sinusoidal embedding (Vaswani et al. 2017 as in diffusers): t [M] fp32 -> [M,width];
 * w_i = exp(-ln(10000) i/(width/2 - shift)), [sin|cos] or [cos|sin]. */
struct tensor *op_timestep_embed(struct ctx *c, struct tensor *t, int64_t width, bool cos_first,
				 float shift);

/* One row per sample: x [N,L,C], index [N] i32 -> [N,C]. */
struct tensor *op_gather_rows(struct ctx *c, struct tensor *x, struct tensor *index);

/* The same bytes under another shape. */
struct tensor *op_view(struct ctx *c, struct tensor *x, int ndim, const int64_t *dim);

#endif
