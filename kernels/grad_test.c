/* SPDX-License-Identifier: MIT
 *
 * The gradient of every op for every input against finite differences, on the ref backend in fp32.
 *
 * L = sum r_j y_j with random r. The 4-point central difference
 *   (8 (L(x+h) - L(x-h)) - (L(x+2h) - L(x-2h))) / 12h
 * errs by O(h^4) and by rounding, about 2^-24 |y| / h: with h = 2^-6 both are below 1e-5 of a
 * gradient of order one. The bound is 1e-4 of the norm of the whole gradient of that input.
 */
#include <stdlib.h>

#include "ctx.h"
#include "grad.h"
#include "test_abort.h"

#define STEP (1.0 / 64)
#define BOUND 1e-4
#define MAX_ELEMS 512

struct operand {
	int ndim;
	int64_t dim[TENSOR_DIMS];
	enum dtype dtype; /* DT_I32: fixed indices, no gradient */
	float mean;
};

struct grad_case {
	const char *name;
	struct tensor *(*f)(struct ctx *c, struct tensor *in[]);
	struct operand in[OP_INPUTS];
};

static struct weights *weights;
static struct ctx *ctx;
static float value[OP_INPUTS][MAX_ELEMS], analytic[OP_INPUTS][MAX_ELEMS];
static const int32_t indices[] = { 2, 0, 1, 2, 0, 0 };

static int64_t elems(const struct operand *o)
{
	int64_t n = 1;

	for (int i = 0; i < o->ndim; i++)
		n *= o->dim[i];
	return n;
}

static void random_values(uint64_t key, int64_t n, float mean, float *dst)
{
	random_fill(11, key, 0, n, mean, 1, DT_F32, dst);
}

/* ---- the machine ----------------------------------------------------------------------------- */

static struct tensor *forward(const struct grad_case *t, struct tensor *in[])
{
	ctx_step_begin(ctx, PASS_RUN, NULL);
	for (int i = 0; i < OP_INPUTS && t->in[i].ndim; i++) {
		const struct operand *o = &t->in[i];
		in[i] = o->dtype == DT_I32 ? input_i32(ctx, o->ndim, o->dim, indices)
					   : input_f32(ctx, o->ndim, o->dim, value[i]);
		if (ctx->tape && o->dtype != DT_I32)
			tape_watch(ctx->tape, in[i]);
	}
	return t->f(ctx, in);
}

static double loss(const struct grad_case *t)
{
	struct tensor *in[OP_INPUTS] = { 0 }, *y = forward(t, in);
	float r[MAX_ELEMS];
	double sum = 0;

	random_values(99, tensor_elems(y), 0, r);
	for (int64_t j = 0; j < tensor_elems(y); j++)
		sum += (double)r[j] * ((const float *)y->data)[j];
	return sum;
}

static double difference(const struct grad_case *t, float *x)
{
	float at = *x;
	double l[4];

	for (int i = 0; i < 4; i++) {
		*x = at + (float)((double[]){ 2, 1, -1, -2 }[i] * STEP);
		l[i] = loss(t);
	}
	*x = at;
	return (8 * (l[1] - l[2]) - (l[0] - l[3])) / (12 * STEP);
}

/* Fills analytic[]; an input that nothing flows into has a zero gradient. */
static void backward(const struct grad_case *t)
{
	struct tensor *in[OP_INPUTS] = { 0 }, *y, *g;
	float r[MAX_ELEMS];

	ctx->tape = tape_new();
	y = forward(t, in);
	random_values(99, tensor_elems(y), 0, r);
	tape_backward(ctx, ctx->tape, y, input_f32(ctx, y->ndim, y->dim, r));
	CHECK(ctx->err.code == ERR_NONE, "%s: %s", t->name, ctx->err.msg);
	for (int i = 0; i < OP_INPUTS && in[i]; i++) {
		memset(analytic[i], 0, sizeof analytic[i]);
		g = tape_grad(ctx->tape, in[i]);
		CHECK(!g || tensor_same_shape(g, in[i]), "%s: gradient %d has another shape",
		      t->name, i);
		if (g)
			tensor_to_f32(g, analytic[i]);
	}
	tape_free(ctx->tape);
	ctx->tape = NULL;
}

static void check_gradient(const struct grad_case *t)
{
	float numeric[MAX_ELEMS];

	for (int i = 0; i < OP_INPUTS && t->in[i].ndim; i++)
		random_values((uint64_t)i, elems(&t->in[i]), t->in[i].mean, value[i]);
	backward(t);
	for (int i = 0; i < OP_INPUTS && t->in[i].ndim; i++) {
		double error;

		if (t->in[i].dtype == DT_I32)
			continue;
		for (int64_t j = 0; j < elems(&t->in[i]); j++)
			numeric[j] = (float)difference(t, &value[i][j]);
		error = relative_error(analytic[i], numeric, elems(&t->in[i]));
		CHECK(error <= BOUND, "%s: gradient of input %d is off by %.2g", t->name, i, error);
		CHECK(relative_error(numeric, (float[MAX_ELEMS]){ 0 }, elems(&t->in[i])) > 0.01,
		      "%s: input %d has no influence", t->name, i);
	}
}

/* ---- the ops --------------------------------------------------------------------------------- */

#define CASE(name) static struct tensor *f_##name(struct ctx *c, struct tensor *in[])

CASE(linear) { return op_linear(c, in[0], in[1], in[2], ACT_NONE, NULL); }
CASE(linear_silu) { return op_linear(c, in[0], in[1], in[2], ACT_SILU, in[3]); }
CASE(linear_geglu) { return op_linear(c, in[0], in[1], in[2], ACT_GEGLU, in[3]); }
CASE(conv_same)
{
	struct conv_attr a = { 3, 3, 1, 1, 1, 1, 1 };
	return op_conv2d(c, in[0], in[1], in[2], a, in[3], in[4]);
}
/* Stride 2 on even and odd sizes: rows are left unread, or padding is. */
CASE(conv_half)
{
	struct conv_attr a = { 3, 3, 2, 1, 1, 1, 1 };
	return op_conv2d(c, in[0], in[1], in[2], a, NULL, NULL);
}
CASE(conv_bare)
{
	struct conv_attr a = { 2, 3, 2, 0, 0, 0, 1 };
	return op_conv2d(c, in[0], in[1], NULL, a, NULL, NULL);
}
CASE(group_norm) { return op_group_norm(c, in[0], in[1], in[2], 2, 1e-5f, ACT_NONE); }
CASE(group_norm_silu) { return op_group_norm(c, in[0], in[1], in[2], 2, 1e-5f, ACT_SILU); }
CASE(group_norm_plain) { return op_group_norm(c, in[0], NULL, NULL, 2, 1e-5f, ACT_NONE); }
CASE(group_norm_halves)
{
	struct tensor *m = op_group_norm_moments(c, in[0], 2);
	return op_group_norm_apply(c, in[0], in[1], in[2], m, 2, 1e-5f, ACT_SILU);
}
CASE(moments)
{
	int64_t dim[] = { 2, 2, 2 };
	struct tensor *m = op_slice(c, op_group_norm_moments(c, in[0], 2), 2, 1, 2);
	return op_view(c, m, 3, dim);
}
CASE(layer_norm) { return op_layer_norm(c, in[0], in[1], in[2], 1e-5f); }
CASE(layer_norm_plain) { return op_layer_norm(c, in[0], NULL, NULL, 1e-5f); }
CASE(attention) { return op_attention(c, in[0], in[1], in[2], 2, 0.5f, false); }
CASE(attention_causal) { return op_attention(c, in[0], in[1], in[2], 2, 0.5f, true); }
CASE(attention_self) { return op_attention(c, in[0], in[0], in[0], 2, 0.5f, false); }
CASE(softmax) { return op_softmax(c, in[0]); }
CASE(silu) { return op_activation(c, in[0], ACT_SILU); }
CASE(gelu) { return op_activation(c, in[0], ACT_GELU); }
CASE(gelu_tanh) { return op_activation(c, in[0], ACT_GELU_TANH); }
CASE(quick_gelu) { return op_activation(c, in[0], ACT_QUICK_GELU); }
CASE(geglu) { return op_geglu(c, in[0]); }
CASE(add) { return op_add(c, in[0], in[1]); }
CASE(add_channel) { return op_add_channel(c, in[0], in[1]); }
CASE(add_rows) { return op_add_rows(c, in[0], in[1]); }
CASE(axpby) { return op_axpby(c, 0.75f, in[0], -1.5f, in[1], NULL); }
/* The limits are far from every value, so that no difference straddles a corner. */
CASE(clamp) { return op_clamp(c, in[0], 0.5f, 0.1f, -4, 4); }
CASE(clamp_cut)
{
	return op_add(c, op_clamp(c, in[0], 2, 0, 90, 99), op_clamp(c, in[0], 1, 0, -9, 9));
}
CASE(concat) { return op_concat(c, in[0], in[1], 1); }
CASE(concat_last) { return op_concat(c, in[0], in[1], 2); }
CASE(slice) { return op_slice(c, in[0], 1, 1, 2); }
CASE(slice_first) { return op_slice(c, in[0], 0, 1, 1); }
CASE(upsample) { return op_upsample(c, in[0]); }
CASE(embed) { return op_embed(c, in[0], in[1]); }
CASE(timestep) { return op_timestep_embed(c, in[0], 6, false, 0); }
CASE(timestep_cos) { return op_timestep_embed(c, in[0], 6, true, 1); }
CASE(gather) { return op_gather_rows(c, in[0], in[1]); }
CASE(view)
{
	int64_t dim[] = { 4, 6 };
	return op_softmax(c, op_view(c, in[0], 2, dim));
}
/* Values used several times, and through different ops. */
CASE(reuse)
{
	struct tensor *y = op_activation(c, in[0], ACT_SILU), *z = op_add(c, y, in[0]);
	return op_axpby(c, 2, op_add(c, z, y), 3, op_add(c, z, z), NULL);
}
CASE(none) { return op_activation(c, in[0], ACT_NONE); }

#define NDIM(...) (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / 8)
#define F(...) { .ndim = NDIM(__VA_ARGS__), .dim = { __VA_ARGS__ } }
#define IDS(...) { .ndim = NDIM(__VA_ARGS__), .dim = { __VA_ARGS__ }, .dtype = DT_I32 }
#define TIMES(...) { .ndim = NDIM(__VA_ARGS__), .dim = { __VA_ARGS__ }, .mean = 2 }
#define X F(2, 3, 4)

static const struct grad_case cases[] = {
	{ "linear", f_linear, { X, F(5, 4), F(5) } },
	{ "linear silu", f_linear_silu, { X, F(5, 4), F(5), F(2, 3, 5) } },
	{ "linear geglu", f_linear_geglu, { X, F(6, 4), F(6), F(2, 3, 3) } },
	{ "conv same", f_conv_same, { F(2, 3, 4, 2), F(3, 2, 3, 3), F(3),
				      F(2, 3), F(2, 3, 4, 3) } },
	{ "conv half", f_conv_half, { F(1, 4, 5, 2), F(3, 2, 3, 3), F(3) } },
	{ "conv bare", f_conv_bare, { F(2, 5, 4, 2), F(2, 2, 2, 3) } },
	{ "group norm", f_group_norm, { F(2, 2, 3, 4), F(4), F(4) } },
	{ "group norm silu", f_group_norm_silu, { X, F(4), F(4) } },
	{ "group norm plain", f_group_norm_plain, { X } },
	{ "group norm halves", f_group_norm_halves, { X, F(4), F(4) } },
	{ "moments", f_moments, { X } },
	{ "layer norm", f_layer_norm, { X, F(4), F(4) } },
	{ "layer norm plain", f_layer_norm_plain, { X } },
	{ "attention", f_attention, { X, F(2, 5, 4), F(2, 5, 4) } },
	{ "attention causal", f_attention_causal, { X, X, X } },
	{ "attention self", f_attention_self, { X } },
	{ "softmax", f_softmax, { X } },
	{ "silu", f_silu, { X } },
	{ "gelu", f_gelu, { X } },
	{ "gelu_tanh", f_gelu_tanh, { X } },
	{ "quick_gelu", f_quick_gelu, { X } },
	{ "geglu", f_geglu, { X } },
	{ "add", f_add, { X, X } },
	{ "add_channel", f_add_channel, { F(2, 2, 3, 4), F(2, 4) } },
	{ "add_rows", f_add_rows, { X, F(3, 4) } },
	{ "axpby", f_axpby, { X, X } },
	{ "clamp", f_clamp, { X } },
	{ "clamp cut", f_clamp_cut, { X } },
	{ "concat", f_concat, { X, F(2, 2, 4) } },
	{ "concat last", f_concat_last, { X, F(2, 3, 2) } },
	{ "slice", f_slice, { X } },
	{ "slice first", f_slice_first, { X } },
	{ "upsample", f_upsample, { F(2, 2, 3, 2) } },
	{ "embed", f_embed, { IDS(2, 3), F(3, 4) } },
	{ "timestep", f_timestep, { TIMES(3) } },
	{ "timestep cos", f_timestep_cos, { TIMES(3) } },
	{ "gather", f_gather, { X, IDS(2) } },
	{ "view", f_view, { X } },
	{ "reuse", f_reuse, { X } },
	{ "activation none", f_none, { X } },
};

/* Every op of the forward half of the enum is on the tape of some case above. */
static bool covered[OP_COUNT];

static void note(void *arg, const struct ctx *c, const struct op_call *call)
{
	(void)arg, (void)c;
	covered[call->op] = true;
}

static void test_every_op(void)
{
	ctx->hook.begin = note;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_gradient(&cases[i]);
	ctx->hook.begin = NULL;
	for (int op = 0; op < OP_COUNT; op++)
		CHECK(covered[op] || op == OP_VIEW || op == OP_CAST, "no case runs %s",
		      op_table[op].name);
	for (int op = 0; op < OP_LINEAR_DX; op++)
		CHECK(op_table[op].grad, "%s has no gradient rule", op_table[op].name);
}

/* ---- the tape -------------------------------------------------------------------------------- */

#define DIMS(...) (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / 8), (int64_t[]){ __VA_ARGS__ }

/* Two layers with one shared weight, a bf16-capable chain with a skip. */
static struct tensor *model(struct ctx *c, struct tensor **x, struct tensor **w)
{
	float noise[2 * 3 * 4];
	struct tensor *y, *scale, *shift;

	random_values(1, 24, 0, noise);
	scope_push(c, "model");
	*x = op_cast(c, input_f32(c, DIMS(2, 3, 4), noise), ctx_dtype(c), NULL);
	*w = param(c, "weight", INIT_FAN_IN, DIMS(4, 4));
	scale = param(c, "scale", INIT_SCALE, DIMS(4));
	shift = param(c, "shift", INIT_BIAS, DIMS(4));
	y = op_linear(c, *x, *w, shift, ACT_SILU, *x);
	y = op_layer_norm(c, y, scale, shift, 1e-5f);
	scope_push(c, "second");
	y = op_linear(c, y, *w, NULL, ACT_NONE, y);
	scope_pop(c);
	scope_pop(c);
	return y;
}

/* One step with backward; the gradient of the shared weight. */
static void model_gradient(struct ctx *c, enum pass pass, struct plan *plan, float *dw)
{
	struct tensor *x, *w, *y, *dy;
	float r[24];

	ctx_step_begin(c, pass, plan);
	y = model(c, &x, &w);
	random_values(99, 24, 0, r);
	dy = op_cast(c, input_f32(c, DIMS(2, 3, 4), r), y->dtype, NULL);
	tape_backward(c, c->tape, y, dy);
	CHECK(!tape_grad(c->tape, x), "a gradient that nobody asked for");
	CHECK_INT(tape_grad(c->tape, w)->dtype, DT_F32);
	if (ctx_has_values(c))
		tensor_to_f32(tape_grad(c->tape, w), dw);
	CHECK(ctx_step_end(c) == 0, "%s", c->err.msg);
}

static struct ctx *model_ctx(enum dtype dtype, struct weights **w)
{
	struct ctx *c;

	*w = weights_new(5);
	c = ctx_new(&backend_ref, dtype, *w);
	c->tape = tape_new();
	model_gradient(c, PASS_LOAD, NULL, NULL);
	return c;
}

static void model_ctx_free(struct ctx *c, struct weights *w)
{
	tape_free(c->tape);
	ctx_free(c);
	weights_free(w);
}

/* The plan of forward and backward gives the same bits as separate buffers, step after step. */
static void test_planned_backward(void)
{
	struct weights *w;
	struct ctx *c = model_ctx(DT_F32, &w);
	struct plan *plan = plan_new();
	float heap[16], planned[16];
	struct cost cost;

	model_gradient(c, PASS_RUN, NULL, heap);
	cost = c->cost;
	model_gradient(c, PASS_DRY, plan, NULL);
	CHECK_INT(c->cost.calls, cost.calls);
	ctx_reserve(c, plan_bytes(plan));
	for (int i = 0; i < 2; i++) {
		memset(c->arena, 0xff, plan_bytes(plan));
		model_gradient(c, PASS_RUN, plan, planned);
		CHECK(memcmp(heap, planned, sizeof heap) == 0, "step %d differs", i);
	}
	CHECK(plan_live_max(plan) <= plan_bytes(plan) && plan_count(plan) > 15, "a strange plan");
	plan_free(plan);
	model_ctx_free(c, w);
}

/* A parameter that is used twice: one gradient, against differences of both uses together. */
static void test_shared_parameter(void)
{
	struct weights *w;
	struct ctx *c = model_ctx(DT_F32, &w);
	struct tape *tape = c->tape;
	float dw[16], numeric[16], r[24];
	struct tensor *x, *weight, *y;

	model_gradient(c, PASS_RUN, NULL, dw);
	random_values(99, 24, 0, r);
	c->tape = NULL;
	for (int j = 0; j < 16; j++) {
		float *v = (float *)weights_find(w, "model.weight")->tensor.data + j, at = *v;
		double l[4] = { 0 };

		for (int i = 0; i < 4; i++) {
			*v = at + (float)((double[]){ 2, 1, -1, -2 }[i] * STEP);
			ctx_step_begin(c, PASS_RUN, NULL);
			y = model(c, &x, &weight);
			for (int k = 0; k < 24; k++)
				l[i] += (double)r[k] * ((float *)y->data)[k];
		}
		*v = at;
		numeric[j] = (float)((8 * (l[1] - l[2]) - (l[0] - l[3])) / (12 * STEP));
	}
	CHECK(relative_error(dw, numeric, 16) <= BOUND, "off by %.2g",
	      relative_error(dw, numeric, 16));
	c->tape = tape;
	model_ctx_free(c, w);
}

/* bf16 keeps 8 bits: after this few ops gradients agree with fp32 within some 2^-8 each, 3 % in
 * all. Weights differ by their rounding too. */
static void test_bf16(void)
{
	struct weights *w32, *w16;
	struct ctx *c32 = model_ctx(DT_F32, &w32), *c16 = model_ctx(DT_BF16, &w16);
	float full[16], half[16];

	model_gradient(c32, PASS_RUN, NULL, full);
	model_gradient(c16, PASS_RUN, NULL, half);
	CHECK(relative_error(half, full, 16) <= 0.03, "off by %.2g",
	      relative_error(half, full, 16));
	CHECK(relative_error(half, full, 16) > 0, "bf16 is exact");
	model_ctx_free(c32, w32);
	model_ctx_free(c16, w16);
}

static int64_t seen_in_second;

static void note_scope(void *arg, const struct ctx *c, const struct op_call *call)
{
	(void)arg;
	if (call->op == OP_LINEAR_DX)
		seen_in_second += strcmp(c->scope->path, "model.second") == 0;
	if (call->op == OP_LAYER_NORM_BWD)
		CHECK_STR(c->scope->path, "model");
}

/* Forward costs once, backward twice more, less the input's gradient that nobody wants. */
static void test_backward_cost(void)
{
	struct cost by_op[OP_COUNT] = { 0 };
	struct weights *w;
	struct ctx *c = model_ctx(DT_F32, &w);
	int64_t one = 2 * 3 * 4 * 4;
	float dw[16];

	memset(by_op, 0, sizeof by_op);
	c->cost_by_op = by_op;
	c->hook.begin = note_scope;
	model_gradient(c, PASS_RUN, NULL, dw);
	CHECK_INT(by_op[OP_LINEAR].macs_linear, 2 * one);
	CHECK_INT(by_op[OP_LINEAR_DW].macs_linear, 2 * one);
	CHECK_INT(by_op[OP_LINEAR_DX].macs_linear, one);
	CHECK_INT(c->cost.macs_linear, 5 * one);
	CHECK_INT(seen_in_second, 1);
	CHECK_STR(c->scope->path, "");
	model_ctx_free(c, w);
}

static void test_conv_and_attention_cost(void)
{
	struct conv_attr half = { 3, 3, 2, 1, 1, 1, 1 };
	struct ctx *c = ctx_new(&backend_null, DT_F32, weights);
	struct tensor *x, *y;
	struct cost forward;

	c->tape = tape_new();
	ctx_step_begin(c, PASS_DRY, NULL);
	x = ctx_tensor(c, DT_F32, DIMS(2, 8, 8, 4));
	tape_watch(c->tape, x);
	y = op_conv2d(c, x, param(c, "w", INIT_FAN_IN, DIMS(6, 4, 3, 3)), NULL, half, NULL, NULL);
	y = op_view(c, y, DIMS(2, 16, 6));
	y = op_attention(c, y, y, y, 3, 1, false);
	forward = c->cost;
	tape_backward(c, c->tape, y, ctx_tensor(c, DT_F32, DIMS(2, 16, 6)));
	CHECK_INT(c->cost.macs_conv, 3 * forward.macs_conv);
	CHECK_INT(forward.macs_attn, 2 * 2 * 16 * 16 * 6);
	CHECK_INT(c->cost.macs_attn, forward.macs_attn / 2 * 7);
	CHECK_INT(c->cost.exp_elems, 2 * forward.exp_elems);
	tape_free(c->tape);
	ctx_free(c);
}

/* A cast passes the gradient on, in the storage of its input. */
static void test_cast(void)
{
	struct ctx *c = ctx_new(&backend_ref, DT_F32, weights);
	float v[] = { 1, -2, 3, 4 }, r[] = { 0.5f, 2, -1, 8 };
	struct tensor *x, *y, *g;

	c->tape = tape_new();
	ctx_step_begin(c, PASS_RUN, NULL);
	x = input_f32(c, DIMS(4), v);
	tape_watch(c->tape, x);
	y = op_cast(c, x, DT_BF16, NULL);
	tape_backward(c, c->tape, y, input_f32(c, DIMS(4), r));
	g = tape_grad(c->tape, x);
	CHECK(g && g->dtype == DT_F32 && memcmp(g->data, r, sizeof r) == 0, "a cast changed it");
	CHECK_INT(tape_grad(c->tape, y)->dtype, DT_BF16);
	tape_free(c->tape);
	ctx_free(c);
}

/* ---- caller's bugs --------------------------------------------------------------------------- */

static struct tensor *taped_value(struct tensor **x)
{
	float v[] = { 1, 2 };

	ctx->tape = tape_new();
	ctx_step_begin(ctx, PASS_RUN, NULL);
	*x = input_f32(ctx, DIMS(2), v);
	tape_watch(ctx->tape, *x);
	return op_softmax(ctx, *x);
}

static void overwrite_a_result(void)
{
	struct tensor *x, *y = taped_value(&x);

	op_axpby(ctx, 1, y, 1, y, y);
}

static void overwrite_an_input(void)
{
	struct tensor *x, *y = taped_value(&x);

	op_cast(ctx, y, DT_F32, x);
}

static void walk_twice(void)
{
	struct tensor *x, *y = taped_value(&x);

	tape_backward(ctx, ctx->tape, y, y);
	tape_backward(ctx, ctx->tape, y, y);
}

static void test_bugs_abort(void)
{
	check_aborts(overwrite_a_result, "overwriting a taped result");
	check_aborts(overwrite_an_input, "overwriting a taped input");
	check_aborts(walk_twice, "backward twice");
}

int main(void)
{
	weights = weights_new(1);
	ctx = ctx_new(&backend_ref, DT_F32, weights);
	test_every_op();
	test_bugs_abort();
	ctx_free(ctx);
	test_planned_backward();
	test_shared_parameter();
	test_bf16();
	test_backward_cost();
	test_conv_and_attention_cost();
	test_cast();
	weights_free(weights);
	return test_end();
}
