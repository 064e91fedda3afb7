/* SPDX-License-Identifier: MIT
 *
 * Linear and convolution by gemm.h where it has a kernel for the level and storage, and by oneDNN
 * elsewhere. There a primitive is made once per shape, epilogue and weight layout and kept
 * (onednn_prim.c); weights are packed in the load pass (onednn_load.c) and used by onednn_linear.c
 * and onednn_conv.c.
 *
 * oneDNN's part of storage bf16 on a level without bf16 instructions is computed in fp32: weights
 * are packed as fp32, rows and samples are converted on the way in and out. Inside cpu/ only. How
 * to test: onednn_test.c.
 */
#ifndef BENCH_ONEDNN_H
#define BENCH_ONEDNN_H

#include <pthread.h>

#include "ctx.h"
#include "gemm.h"
#include "onednn_api.h"
#include "scratch.h"

/* What a primitive computes. Compared byte by byte: start from a zeroed one. */
struct prim_key {
	enum dtype in, out;             /* storage of x and w; of y and the residual */
	enum act act;
	bool bias, other, accumulate;
	bool conv;
	int64_t rows, inputs, outputs;  /* matrix product: [rows,inputs] x [inputs,outputs] */
	int64_t n, height, width, out_height, out_width; /* convolution */
	struct conv_attr attr;
};

struct prim {
	struct prim_key key;
	dn_md x, w, bias, y;
	dnnl_primitive_desc_t pd;
	dnnl_primitive_t run;
	size_t scratch_bytes;
	const char *name; /* of the implementation */
	struct operands *operands; /* head of the list of free ones */
	struct prim *next;
};

#define PRIM_BUCKETS 256

struct dnnl {
	enum isa level;       /* that oneDNN may use */
	const struct gemm_kernel *own[DT_BF16 + 1]; /* by storage; NULL: no product of our own */
	dnnl_stream_t stream;
	struct scratch_pool scratch; /* in which primitives work */
	struct scratch_pool plain, wide; /* values on their way to a packed weight */
	pthread_mutex_t lock; /* of what follows: ranks may share a backend */
	struct prim *bucket[PRIM_BUCKETS];
};

/* The primitive for this key and weight layout, made when it is new; layout NULL: oneDNN's choice.
 */
const struct prim *prim_get(struct dnnl *d, const struct prim_key *key, dn_md layout);

/* Operands of one execution; NULL where the key has none. */
struct prim_data {
	const void *x, *bias, *other;
	dnnl_memory_t w;
	void *y;
};
void prim_run(struct dnnl *d, const struct prim *p, const struct prim_data *data);

void prims_free(struct dnnl *d);

/* Packed weights (param->packed): for our own product, or for oneDNN. There the weight of a GEGLU
 * comes in parts: part j holds `columns`/2 outputs of u and the same ones of g, so that the product
 * of a part can be combined while it is in the cache; without GEGLU one part has all columns. */
struct packed {
	bool conv;
	struct gemm_weight own; /* own.kernel NULL: oneDNN's, which is the rest */
	enum dtype dtype;
	int parts;
	int64_t columns;
	dn_md layout;           /* the same for all parts */
	dnnl_memory_t memory[]; /* of each part */
};

/* Storage in which a call on tensors of this type is computed. */
enum dtype compute_dtype(const struct dnnl *d, enum dtype storage);

/* Packs the weight that `call` needs, from plain values of type compute_dtype. NULL: out of
 * memory. */
struct packed *packed_new(struct dnnl *d, const struct op_call *call, const void *plain);
void packed_free(void *p);
size_t packed_bytes(const struct packed *p);

/* param->packed, or weights that are packed for this call alone: packed_return() frees those. NULL:
 * the error is in the context. */
struct packed *packed_borrow(struct dnnl *d, struct ctx *c, const struct op_call *call);
void packed_return(const struct op_call *call, struct packed *p);

/* A linear, or a convolution with a 1x1 kernel that is one. */
struct linear {
	int64_t rows, inputs, outputs; /* of the product: GEGLU halves the result */
	enum act act;
	bool bias_given;               /* in the load pass there are no values */
	const float *bias;
	const struct tensor *x, *residual;
	struct tensor *y;
	int64_t first;   /* row of x, y and residual that the product begins with */
	float *workspace; /* linear_workspace() bytes */
	float *scratch;   /* dnnl_scratch() bytes */
};

/* The weight of this call as gemm.h takes it, without a panel; kernel NULL: it is oneDNN's. */
struct gemm_weight own_weight(const struct dnnl *d, const struct op_call *call);

size_t linear_workspace(const struct dnnl *d, const struct linear *l);
int linear_parts(const struct linear *l); /* in which a weight of this call is best packed */

/* Makes the primitives; layout NULL: oneDNN chooses. Returns the layout (borrowed). */
dn_md linear_prepare(struct dnnl *d, const struct linear *l, int64_t columns, dn_md layout);
void linear_run(struct dnnl *d, const struct linear *l, const struct packed *w);

/* The same for convolutions. */
size_t conv_workspace(const struct dnnl *d, const struct op_call *call);
dn_md conv_prepare(struct dnnl *d, const struct op_call *call, dn_md layout);
void conv_run(struct dnnl *d, const struct op_call *call, const struct packed *w, float *scratch);
int64_t conv_rows(const struct op_call *call); /* of one product */
struct gemm_image conv_image(const struct op_call *call);

/* A convolution with a 1x1 kernel and nothing around it is a linear. */
bool conv_is_linear(const struct op_call *call);
struct linear linear_of(const struct op_call *call); /* of one sample if it has a channel bias */

#endif
