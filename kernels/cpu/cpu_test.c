/* SPDX-License-Identifier: MIT
 *
 * The CPU backend as a whole: a small model with every kind of op, through dry pass, load pass,
 * memory plan and run, forward and backward, against ref at every level of this machine.
 */
#include "cpu.h"

#include <stdlib.h>

#include "ctx.h"
#include "grad.h"
#include "test.h"

#define DIMS(...) (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / 8), (int64_t[]){ __VA_ARGS__ }

enum { N = 2, SIDE = 10, WIDTH = 24, OUT = N * SIDE * SIDE * WIDTH };

static struct tensor *conv(struct ctx *c, const char *name, struct tensor *x, int64_t outputs)
{
	struct conv_attr same = { 3, 3, 1, 1, 1, 1, 1 };
	struct tensor *w, *b;

	scope_push(c, name);
	w = param(c, "weight", INIT_FAN_IN, DIMS(outputs, x->dim[3], 3, 3));
	b = param(c, "bias", INIT_BIAS, DIMS(outputs));
	x = op_conv2d(c, x, w, b, same, NULL, NULL);
	scope_pop(c);
	return x;
}

static struct tensor *linear(struct ctx *c, const char *name, struct tensor *x, int64_t outputs,
			     enum act act)
{
	struct tensor *w;

	scope_push(c, name);
	w = param(c, "weight", INIT_FAN_IN, DIMS(outputs, tensor_cols(x)));
	x = op_linear(c, x, w, NULL, act, NULL);
	scope_pop(c);
	return x;
}

static struct tensor *norm(struct ctx *c, const char *name, struct tensor *x, bool group)
{
	struct tensor *scale, *shift;

	scope_push(c, name);
	scale = param(c, "weight", INIT_SCALE, DIMS(tensor_cols(x)));
	shift = param(c, "bias", INIT_BIAS, DIMS(tensor_cols(x)));
	x = group ? op_group_norm(c, x, scale, shift, 4, 1e-5f, ACT_SILU)
		  : op_layer_norm(c, x, scale, shift, 1e-5f);
	scope_pop(c);
	return x;
}

/* An image, words and a time, as in a U-Net block. */
static struct tensor *model(struct ctx *c)
{
	float noise[N * SIDE * SIDE * 4], time[N] = { 3, 900 };
	int32_t ids[N * 3] = { 0, 4, 2, 3, 1, 0 };
	int64_t tokens[] = { N, SIDE * SIDE, WIDTH }, image[] = { N, SIDE, SIDE, WIDTH };
	struct tensor *x, *skip, *words, *t;

	random_fill(9, 9, 0, N * SIDE * SIDE * 4, 0, 1, DT_F32, noise);
	x = op_cast(c, input_f32(c, DIMS(N, SIDE, SIDE, 4), noise), ctx_dtype(c), NULL);
	t = op_timestep_embed(c, input_f32(c, DIMS(N), time), 16, true, 0);
	t = linear(c, "time", op_cast(c, t, ctx_dtype(c), NULL), WIDTH, ACT_SILU);
	words = op_embed(c, input_i32(c, DIMS(N, 3), ids),
			 param(c, "table", INIT_FAN_IN, DIMS(5, WIDTH)));
	skip = conv(c, "in", x, WIDTH);
	x = op_add_channel(c, norm(c, "norm1", skip, true), t);
	x = norm(c, "norm2", op_view(c, x, 3, tokens), false);
	x = op_add(c, x, op_attention(c, x, words, words, 2, 0.3f, false));
	x = op_geglu(c, linear(c, "up", x, 2 * WIDTH, ACT_NONE));
	x = op_axpby(c, 0.5f, op_view(c, skip, 3, tokens), 2, op_softmax(c, x), NULL);
	x = op_concat(c, op_view(c, x, 4, image), op_clamp(c, skip, 1, 0, -1, 1), 3);
	x = op_slice(c, op_upsample(c, x), 1, SIDE / 2, SIDE);
	x = conv(c, "out", op_slice(c, x, 2, 0, SIDE), WIDTH);
	return op_activation(c, x, ACT_GELU);
}

struct result {
	float out[OUT], *grad;
	int64_t grads;
};

/* Keeps the gradients of all parameters, one after the other. */
static void keep_gradients(struct ctx *c, const struct weights *w, struct result *r)
{
	r->grads = weights_elems(w, "");
	r->grad = malloc((size_t)r->grads * sizeof *r->grad);
	r->grads = 0;
	for (int i = 0; i < weights_count(w); i++) {
		struct tensor *g = tape_grad(c->tape, &weights_at(w, i)->tensor);

		CHECK(g, "no gradient of %s", weights_at(w, i)->path);
		if (g && g->data)
			tensor_to_f32(g, r->grad + r->grads);
		r->grads += tensor_elems(&weights_at(w, i)->tensor);
	}
}

/* One pass; with a tape also backward from a gradient of ones (the result itself will do). */
static int pass(struct ctx *c, enum pass which, struct plan *plan, struct weights *w,
		struct result *r)
{
	struct tensor *y;

	ctx_step_begin(c, which, plan);
	y = model(c);
	if (c->tape)
		tape_backward(c, c->tape, y, y);
	if (which == PASS_RUN) {
		tensor_to_f32(y, r->out);
		if (c->tape)
			keep_gradients(c, w, r);
	}
	return ctx_step_end(c);
}

static struct result run(const struct backend *b, enum dtype dtype, bool backward)
{
	struct weights *w = weights_new(1);
	struct ctx *c = ctx_new(b, dtype, w);
	struct plan *plan = plan_new();
	struct result r = { .grad = NULL };

	if (backward)
		c->tape = tape_new();
	CHECK_INT(pass(c, PASS_DRY, plan, w, NULL), 0);
	CHECK_INT(pass(c, PASS_LOAD, NULL, w, NULL), 0);
	CHECK_INT(ctx_reserve(c, plan_bytes(plan)), 0);
	CHECK_INT(pass(c, PASS_RUN, plan, w, &r), 0);
	CHECK(!c->err.code, "%s", c->err.msg);
	if (!backward && b != &backend_ref)
		CHECK(!weights_find(w, "in.weight")->tensor.data, "held plain and packed");
	tape_free(c->tape);
	ctx_free(c);
	weights_free(w);
	plan_free(plan);
	return r;
}

/* fp32: sums of up to 432 products and the norms, a few units of 2^-24. bf16: both round each
 * result to 2^-8 at most, but not always the same way: one such step may remain everywhere. */
static void test_level(enum isa level, enum dtype dtype, const struct result *want)
{
	struct backend *b = backend_cpu_new(level), *other = backend_cpu_new(ISA_C);
	struct result got = run(b, dtype, dtype == DT_F32);
	double error = relative_error(got.out, want->out, OUT);

	CHECK_INT(backend_cpu_level(b), level);
	CHECK_INT(backend_cpu_level(other), ISA_C);
	CHECK(error <= (dtype == DT_F32 ? 1e-6 : 0x1p-8), "%s %s: relative error %.3g",
	      isa_name(level), dtype_name(dtype), error);
	if (dtype == DT_F32) {
		error = relative_error(got.grad, want->grad, want->grads);
		CHECK(error <= 1e-6, "%s: relative error %.3g of the gradients", isa_name(level),
		      error);
	}
	free(got.grad);
	backend_cpu_free(b);
	backend_cpu_free(other);
}

static void test_table(void)
{
	struct backend *b = backend_cpu_new(isa_machine());

	for (int op = 0; op < OP_LINEAR_DX; op++)
		CHECK(op == OP_VIEW || b->run[op], "%s falls back to ref", op_table[op].name);
	for (int op = OP_LINEAR_DX; op < OP_COUNT; op++)
		CHECK(backend_for(b, (enum op)op), "nobody runs %s", op_table[op].name);
	backend_cpu_free(b);
	backend_cpu_free(NULL);
}

int main(void)
{
	struct result f32 = run(&backend_ref, DT_F32, true);
	struct result bf16 = run(&backend_ref, DT_BF16, false);

	test_table();
	for (enum isa level = ISA_C; level < ISA_COUNT; level++) {
		if (level > isa_machine()) {
			printf("level %s: not available on this machine, skipped\n",
			       isa_name(level));
			continue;
		}
		test_level(level, DT_F32, &f32);
		test_level(level, DT_BF16, &bf16);
	}
	free(f32.grad);
	return test_end();
}
