/* SPDX-License-Identifier: MIT
 *
 * The part of oneDNN that we use, the same for both generations of its C interface: 2.x hands
 * memory descriptors around as structs and describes an operation before it makes a primitive of
 * it, 3.x hides the descriptors behind pointers and has no operation descriptors. Nothing else in
 * the project includes dnnl.h.
 *
 * Names begin with dn_. Inside cpu/ only. How to test: onednn_test.c, built against both.
 */
#ifndef BENCH_ONEDNN_API_H
#define BENCH_ONEDNN_API_H

#include <dnnl.h>

#include "cpu.h"

/* A memory descriptor: shape, storage, layout. */
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t dn_md;
#else
typedef const dnnl_memory_desc_t *dn_md;
#endif

/* Aborts on a status that only a bug of ours can cause. */
void dn_check(dnnl_status_t status, const char *what);

dnnl_engine_t dn_engine(void); /* the processor; one for the process */

/* Limits the instructions that oneDNN may use. Works once per process, before its first primitive;
 * returns the level that holds. */
enum isa dn_set_isa(enum isa level);

/* A descriptor with these steps between elements, NULL: a layout of oneDNN's choice. Owned. */
dn_md dn_md_new(enum dtype dtype, int ndim, const dnnl_dims_t dim, const int64_t *stride);
dn_md dn_md_copy(dn_md md);
void dn_md_free(dn_md md); /* NULL: nothing */
size_t dn_md_bytes(dn_md md);
bool dn_md_equal(dn_md a, dn_md b);

/* What is applied to a result before it is stored: act, then += other (`other` is like the
 * result), then += what the result's memory held before. */
struct dn_epilogue {
	enum act act;
	dn_md other; /* NULL: none */
	bool accumulate;
};

/* Operands of a primitive; bias NULL: none. */
struct dn_operands {
	dn_md x, w, bias, y;
};

/* y [M,N] = x [M,K] w [K,N] + bias [1,N]; fp32 arithmetic is never replaced by a faster one.
 * Returns NULL when oneDNN has no implementation. Owned. */
dnnl_primitive_desc_t dn_matmul(const struct dn_operands *o, const struct dn_epilogue *e);

/* y [N,O,H,W] = convolution of x [N,I,H,W] with w [O,I,kh,kw] + bias [O]. */
dnnl_primitive_desc_t dn_conv(const struct dn_operands *o, const struct dn_epilogue *e,
			      const struct conv_attr *a);

dn_md dn_pd_weights(dnnl_primitive_desc_t pd); /* borrowed: the layout that it wants */
dn_md dn_pd_scratch(dnnl_primitive_desc_t pd); /* borrowed */
const char *dn_pd_name(dnnl_primitive_desc_t pd); /* "brg:avx512_core_bf16" */

dnnl_memory_t dn_memory(dn_md md, const void *data); /* owned; the data is borrowed */
void *dn_memory_data(dnnl_memory_t m);
void dn_memory_set(dnnl_memory_t m, const void *data); /* borrowed, as in dn_memory */

/* The same values in another layout. */
void dn_reorder(dn_md from_md, const void *from, dnnl_memory_t to);

#endif
