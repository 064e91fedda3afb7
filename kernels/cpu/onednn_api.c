/* SPDX-License-Identifier: MIT */
#include "onednn_api.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dn_check(dnnl_status_t status, const char *what)
{
	die_if(status == dnnl_out_of_memory, "no memory for oneDNN in %s", what);
	die_if(status != dnnl_success, "oneDNN refused %s (status %d)", what, (int)status);
}

const char *dnnl_describe(void)
{
	static char text[32];
	const dnnl_version_t *v = dnnl_version();

	snprintf(text, sizeof text, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
	return text;
}

static dnnl_engine_t engine;

static void make_engine(void)
{
	dn_check(dnnl_engine_create(&engine, dnnl_cpu, 0), "the processor");
}

dnnl_engine_t dn_engine(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_engine);
	return engine;
}

enum isa dn_set_isa(enum isa level)
{
	static const dnnl_cpu_isa_t limit[ISA_COUNT] = {
		[ISA_C] = dnnl_cpu_isa_sse41,
		[ISA_AVX2] = dnnl_cpu_isa_avx2,
		[ISA_AVX512] = dnnl_cpu_isa_avx512_core,
		[ISA_BF16] = dnnl_cpu_isa_avx512_core_bf16,
		[ISA_AMX] = dnnl_cpu_isa_avx512_core_amx,
	};
	enum isa holds = ISA_COUNT;
	dnnl_cpu_isa_t effective;

	dnnl_set_max_cpu_isa(limit[level]);
	effective = dnnl_get_effective_cpu_isa();
	while (--holds > ISA_C)
		if ((effective & limit[holds]) == limit[holds])
			break;
	return holds;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static dnnl_data_type_t data_type(enum dtype t)
{
	return t == DT_BF16 ? dnnl_bf16 : dnnl_f32;
}

dn_md dn_md_new(enum dtype dtype, int ndim, const dnnl_dims_t dim, const int64_t *stride)
{
	dnnl_data_type_t type = data_type(dtype);
#if DNNL_VERSION_MAJOR >= 3
	dnnl_memory_desc_t md;

	if (stride)
		dn_check(dnnl_memory_desc_create_with_strides(&md, ndim, dim, type, stride),
			 "strides");
	else
		dn_check(
			dnnl_memory_desc_create_with_tag(&md, ndim, dim, type, dnnl_format_tag_any),
			"a shape");
#else
	dnnl_memory_desc_t *md = malloc(sizeof *md);

	die_if(!md, "out of memory");
	if (stride)
		dn_check(dnnl_memory_desc_init_by_strides(md, ndim, dim, type, stride), "strides");
	else
		dn_check(dnnl_memory_desc_init_by_tag(md, ndim, dim, type, dnnl_format_tag_any),
			 "a shape");
#endif
	return md;
}

dn_md dn_md_copy(dn_md md)
{
#if DNNL_VERSION_MAJOR >= 3
	dnnl_memory_desc_t copy;

	dn_check(dnnl_memory_desc_clone(&copy, md), "a copy");
#else
	dnnl_memory_desc_t *copy = malloc(sizeof *copy);

	die_if(!copy, "out of memory");
	*copy = *md;
#endif
	return copy;
}

void dn_md_free(dn_md md)
{
#if DNNL_VERSION_MAJOR >= 3
	if (md)
		dnnl_memory_desc_destroy((dnnl_memory_desc_t)md);
#else
	free((void *)md);
#endif
}

size_t dn_md_bytes(dn_md md)
{
	return dnnl_memory_desc_get_size(md);
}

bool dn_md_equal(dn_md a, dn_md b)
{
	return dnnl_memory_desc_equal(a, b) == 1;
}

/* ---- primitives ------------------------------------------------------------------------------ */

static void append_eltwise(dnnl_post_ops_t p, dnnl_alg_kind_t kind, float alpha)
{
#if DNNL_VERSION_MAJOR >= 3
	dn_check(dnnl_post_ops_append_eltwise(p, kind, alpha, 0), "an activation");
#else
	dn_check(dnnl_post_ops_append_eltwise(p, 1, kind, alpha, 0), "an activation");
#endif
}

static void append_act(dnnl_post_ops_t p, enum act act)
{
	switch (act) {
	case ACT_NONE:
		break;
	case ACT_SILU:
		append_eltwise(p, dnnl_eltwise_swish, 1);
		break;
	case ACT_GELU:
		append_eltwise(p, dnnl_eltwise_gelu_erf, 0);
		break;
	case ACT_GELU_TANH:
		append_eltwise(p, dnnl_eltwise_gelu_tanh, 0);
		break;
	case ACT_QUICK_GELU:
		append_eltwise(p, dnnl_eltwise_swish, 1.702f);
		break;
	case ACT_GEGLU:
		die_if(1, "geglu is not a function of one value");
	}
}

static dnnl_primitive_attr_t make_attr(const struct dn_epilogue *e)
{
	dnnl_primitive_attr_t attr;
	dnnl_post_ops_t p;

	dn_check(dnnl_primitive_attr_create(&attr), "attributes");
	dn_check(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user),
		 "scratch");
	dn_check(dnnl_primitive_attr_set_fpmath_mode(attr, dnnl_fpmath_mode_strict), "strict fp32");
	dn_check(dnnl_post_ops_create(&p), "an epilogue");
	append_act(p, e->act);
	if (e->other)
		dn_check(dnnl_post_ops_append_binary(p, dnnl_binary_add, e->other), "a residual");
#if DNNL_VERSION_MAJOR >= 3
	if (e->accumulate)
		dn_check(dnnl_post_ops_append_sum(p, 1, 0, dnnl_data_type_undef), "a sum");
#else
	if (e->accumulate)
		dn_check(dnnl_post_ops_append_sum(p, 1), "a sum");
#endif
	dn_check(dnnl_primitive_attr_set_post_ops(attr, p), "an epilogue");
	dnnl_post_ops_destroy(p);
	return attr;
}

/* The descriptor, or NULL where there is no implementation; frees attr. */
static dnnl_primitive_desc_t made(dnnl_status_t status, dnnl_primitive_desc_t pd,
				  dnnl_primitive_attr_t attr, const char *what)
{
	dnnl_primitive_attr_destroy(attr);
	if (status == dnnl_unimplemented)
		return NULL;
	dn_check(status, what);
	return pd;
}

dnnl_primitive_desc_t dn_matmul(const struct dn_operands *o, const struct dn_epilogue *e)
{
	dnnl_primitive_attr_t attr = make_attr(e);
	dnnl_primitive_desc_t pd = NULL;
	dnnl_status_t status;

#if DNNL_VERSION_MAJOR >= 3
	status = dnnl_matmul_primitive_desc_create(&pd, dn_engine(), o->x, o->w, o->bias, o->y,
						   attr);
#else
	dnnl_matmul_desc_t d;

	status = dnnl_matmul_desc_init(&d, o->x, o->w, o->bias, o->y);
	if (status == dnnl_success)
		status = dnnl_primitive_desc_create(&pd, &d, attr, dn_engine(), NULL);
#endif
	return made(status, pd, attr, "a matrix product");
}

dnnl_primitive_desc_t dn_conv(const struct dn_operands *o, const struct dn_epilogue *e,
			      const struct conv_attr *a)
{
	dnnl_primitive_attr_t attr = make_attr(e);
	dnnl_primitive_desc_t pd = NULL;
	dnnl_dims_t stride = { a->stride, a->stride }, dilation = { 0, 0 };
	dnnl_dims_t before = { a->top, a->left }, after = { a->bottom, a->right };
	dnnl_status_t status;

#if DNNL_VERSION_MAJOR >= 3
	status = dnnl_convolution_forward_primitive_desc_create(
		&pd, dn_engine(), dnnl_forward_inference, dnnl_convolution_direct, o->x, o->w,
		o->bias, o->y, stride, dilation, before, after, attr);
#else
	dnnl_convolution_desc_t d;

	status = dnnl_dilated_convolution_forward_desc_init(
		&d, dnnl_forward_inference, dnnl_convolution_direct, o->x, o->w, o->bias, o->y,
		stride, dilation, before, after);
	if (status == dnnl_success)
		status = dnnl_primitive_desc_create(&pd, &d, attr, dn_engine(), NULL);
#endif
	return made(status, pd, attr, "a convolution");
}

dn_md dn_pd_weights(dnnl_primitive_desc_t pd)
{
	return dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
}

dn_md dn_pd_scratch(dnnl_primitive_desc_t pd)
{
	return dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
}

const char *dn_pd_name(dnnl_primitive_desc_t pd)
{
	const char *name = "";

	dn_check(dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name), "a name");
	return name;
}

/* ---- memory ---------------------------------------------------------------------------------- */

dnnl_memory_t dn_memory(dn_md md, const void *data)
{
	dnnl_memory_t m;

	dn_check(dnnl_memory_create(&m, md, dn_engine(), (void *)data), "an operand");
	return m;
}

void *dn_memory_data(dnnl_memory_t m)
{
	void *data = NULL;

	dn_check(dnnl_memory_get_data_handle(m, &data), "an address");
	return data;
}

void dn_memory_set(dnnl_memory_t m, const void *data)
{
	dn_check(dnnl_memory_set_data_handle(m, (void *)data), "an address");
}

static dn_md md_of(dnnl_memory_t m)
{
	dn_md md;

	dn_check(dnnl_memory_get_memory_desc(m, &md), "a layout");
	return md;
}

void dn_reorder(dn_md from_md, const void *from, dnnl_memory_t to)
{
	dnnl_exec_arg_t arg[] = { { DNNL_ARG_FROM, dn_memory(from_md, from) },
				  { DNNL_ARG_TO, to } };
	dnnl_primitive_desc_t pd;
	dnnl_primitive_t p;
	dnnl_stream_t stream;

	dn_check(dnnl_reorder_primitive_desc_create(&pd, from_md, dn_engine(), md_of(to),
						    dn_engine(), NULL), "a reorder");
	dn_check(dnnl_primitive_create(&p, pd), "a reorder");
	dn_check(dnnl_stream_create(&stream, dn_engine(), dnnl_stream_default_flags), "a stream");
	dn_check(dnnl_primitive_execute(p, stream, 2, arg), "a reorder");
	dn_check(dnnl_stream_wait(stream), "a reorder");
	dnnl_stream_destroy(stream);
	dnnl_memory_destroy(arg[0].memory);
	dnnl_primitive_destroy(p);
	dnnl_primitive_desc_destroy(pd);
}
