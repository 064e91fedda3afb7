/* SPDX-License-Identifier: MIT
 *
 * Ops that work element by element: activations, GEGLU, sums with and without broadcast, axpby,
 * clamp, cast. Every operand has its own storage; the result may lie on an operand of the same
 * storage. Activations whose result is bf16 use the rough functions of vec_math.h. How to test:
 * pointwise_test.c.
 */
#include "err.h"
#include "simd.h"
#include "vec_math.h"

typedef vf map(vf x, vf y, const union op_attr *attr);

/* Elements of a tensor from one on. */
struct span {
	void *data;
	enum dtype dtype;
};

INLINE struct span span_at(const struct tensor *t, int64_t first)
{
	return (struct span){ (char *)t->data + (size_t)first * dtype_bytes(t->dtype), t->dtype };
}

INLINE void map_loop(struct span out, struct span x, struct span y, int64_t n,
		     const union op_attr *attr, map *f)
{
	int64_t i = 0;

	for (; i + VEC <= n; i += VEC)
		vf_put(out.data, out.dtype, i, f(vf_get(x.data, x.dtype, i),
						 vf_get(y.data, y.dtype, i), attr));
	if (i < n) {
		int rest = (int)(n - i);
		vf_put_part(out.data, out.dtype, i, rest,
			    f(vf_get_part(x.data, x.dtype, i, rest),
			      vf_get_part(y.data, y.dtype, i, rest), attr));
	}
}

/* out[i] = f(x[i], y[i]). `f` is a constant and disappears into the loop; so does the storage where
 * all operands have the same. An f of one operand gets it twice. */
INLINE void map_span(struct span out, struct span x, struct span y, int64_t n,
		     const union op_attr *attr, map *f)
{
	const union op_attr a = *attr; /* a copy that no store can change */
	bool same = x.dtype == out.dtype && y.dtype == out.dtype;

	if (same && out.dtype == DT_BF16)
		map_loop((struct span){ out.data, DT_BF16 }, (struct span){ x.data, DT_BF16 },
			 (struct span){ y.data, DT_BF16 }, n, &a, f);
	else if (same)
		map_loop((struct span){ out.data, DT_F32 }, (struct span){ x.data, DT_F32 },
			 (struct span){ y.data, DT_F32 }, n, &a, f);
	else
		map_loop(out, x, y, n, &a, f);
}

/* ---- element by element ---------------------------------------------------------------------- */

INLINE void map_piece(const struct op_call *call, int64_t from, int64_t to, map *f)
{
	const struct tensor *y = call->in[1] ? call->in[1] : call->in[0];

	map_span(span_at(call->out[0], from), span_at(call->in[0], from), span_at(y, from),
		 to - from, &call->attr, f);
}

#define POINTWISE(name, ...)                                                       \
	static inline vf name##_of(vf x, vf y, const union op_attr *attr)          \
	{                                                                          \
		(void)x, (void)y, (void)attr;                                      \
		return __VA_ARGS__;                                                \
	}                                                                          \
	static void name##_piece(const struct op_call *call, int64_t from, int64_t to) \
	{                                                                          \
		map_piece(call, from, to, name##_of);                              \
	}

POINTWISE(add, x + y)
POINTWISE(axpby, vf_fma(vf_set(attr->axpby.a), x, vf_set(attr->axpby.b) * y))
POINTWISE(clamp, vf_min(vf_set(attr->clamp.hi),
			vf_max(vf_set(attr->clamp.lo),
			       vf_fma(x, vf_set(attr->clamp.scale), vf_set(attr->clamp.shift)))))
POINTWISE(copy, x)
POINTWISE(silu, vf_act(ACT_SILU, false, x))
POINTWISE(gelu, vf_act(ACT_GELU, false, x))
POINTWISE(gelu_tanh, vf_act(ACT_GELU_TANH, false, x))
POINTWISE(quick_gelu, vf_act(ACT_QUICK_GELU, false, x))
POINTWISE(silu_rough, vf_act(ACT_SILU, true, x))
POINTWISE(gelu_rough, vf_act(ACT_GELU, true, x))
POINTWISE(gelu_tanh_rough, vf_act(ACT_GELU_TANH, true, x))
POINTWISE(quick_gelu_rough, vf_act(ACT_QUICK_GELU, true, x))

static void run_pieces(const struct op_call *call, cpu_piece *piece)
{
	cpu_parallel(call, tensor_elems(call->out[0]), CPU_PIECE, piece);
}

void SIMD(add)(const struct op_call *call)
{
	run_pieces(call, add_piece);
}

void SIMD(axpby)(const struct op_call *call)
{
	run_pieces(call, axpby_piece);
}

void SIMD(clamp)(const struct op_call *call)
{
	run_pieces(call, clamp_piece);
}

void SIMD(activation)(const struct op_call *call)
{
	static cpu_piece *const piece[][2] = {
		[ACT_NONE] = { copy_piece, copy_piece },
		[ACT_SILU] = { silu_piece, silu_rough_piece },
		[ACT_GELU] = { gelu_piece, gelu_rough_piece },
		[ACT_GELU_TANH] = { gelu_tanh_piece, gelu_tanh_rough_piece },
		[ACT_QUICK_GELU] = { quick_gelu_piece, quick_gelu_rough_piece },
	};
	enum act act = call->attr.act.act;

	die_if(act == ACT_GEGLU, "activation: geglu is not a function of one value");
	run_pieces(call, piece[act][call->out[0]->dtype == DT_BF16]);
}

static void i32_piece(const struct op_call *call, int64_t from, int64_t to)
{
	const int32_t *x = call->in[0]->data;
	const struct span out = span_at(call->out[0], 0);
	int64_t i = from;

	for (; i + VEC <= to; i += VEC)
		vf_put(out.data, out.dtype, i, vf_load_i32(x + i));
	if (i < to) {
		int32_t last[VEC] = { 0 };

		memcpy(last, x + i, (size_t)(to - i) * sizeof *last);
		vf_put_part(out.data, out.dtype, i, (int)(to - i), vf_load_i32(last));
	}
}

void SIMD(cast)(const struct op_call *call)
{
	die_if(call->out[0]->dtype == DT_I32, "cast: no conversion to i32");
	run_pieces(call, call->in[0]->dtype == DT_I32 ? i32_piece : copy_piece);
}

/* ---- row by row ------------------------------------------------------------------------------ */

static void run_rows(const struct op_call *call, cpu_piece *piece)
{
	const struct tensor *out = call->out[0];

	cpu_parallel(call, tensor_rows(out), cpu_piece_rows(tensor_cols(out)), piece);
}

static void add_channel_piece(const struct op_call *call, int64_t from, int64_t to)
{
	const struct tensor *x = call->in[0];
	int64_t cols = tensor_cols(x), rows = tensor_rows(x) / x->dim[0];

	for (int64_t i = from; i < to; i++)
		map_span(span_at(call->out[0], i * cols), span_at(x, i * cols),
			 span_at(call->in[1], i / rows * cols), cols, &call->attr, add_of);
}

void SIMD(add_channel)(const struct op_call *call)
{
	run_rows(call, add_channel_piece);
}

static void add_rows_piece(const struct op_call *call, int64_t from, int64_t to)
{
	const struct tensor *x = call->in[0];
	int64_t cols = tensor_cols(x), rows = x->dim[1];

	for (int64_t i = from; i < to; i++)
		map_span(span_at(call->out[0], i * cols), span_at(x, i * cols),
			 span_at(call->in[1], i % rows * cols), cols, &call->attr, add_of);
}

void SIMD(add_rows)(const struct op_call *call)
{
	run_rows(call, add_rows_piece);
}

static inline vf geglu_of(vf u, vf g, const union op_attr *attr)
{
	(void)attr;
	return u * vf_gelu(g);
}

static inline vf geglu_rough_of(vf u, vf g, const union op_attr *attr)
{
	(void)attr;
	return u * vf_gelu_rough(g);
}

static void geglu_piece(const struct op_call *call, int64_t from, int64_t to)
{
	const struct tensor *x = call->in[0], *out = call->out[0];
	int64_t cols = tensor_cols(out);

	for (int64_t i = from; i < to; i++) {
		struct span u = span_at(x, i * 2 * cols), g = span_at(x, i * 2 * cols + cols);

		if (out->dtype == DT_BF16)
			map_span(span_at(out, i * cols), u, g, cols, &call->attr, geglu_rough_of);
		else
			map_span(span_at(out, i * cols), u, g, cols, &call->attr, geglu_of);
	}
}

void SIMD(geglu)(const struct op_call *call)
{
	run_rows(call, geglu_piece);
}
