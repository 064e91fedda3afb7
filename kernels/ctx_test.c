/* SPDX-License-Identifier: MIT
 *
 * The context: parameters, states, and that a step replayed from its memory plan gives the same
 * bits as one where every tensor has its own malloc.
 */
#include <stdlib.h>

#include "ctx.h"
#include "test.h"

#define DIMS(...) (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / 8), (int64_t[]){ __VA_ARGS__ }

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

/* A small model with a skip connection, a view, a state that is read and written, and workspace. */
static struct tensor *model(struct ctx *c)
{
	float noise[2 * 6 * 6 * 4];
	struct tensor *x, *skip, *memory;

	random_fill(9, 9, 0, 2 * 6 * 6 * 4, 0, 1, DT_F32, noise);
	memory = state(c, "memory", DT_F32, DIMS(2, 6, 6, 4));
	x = op_cast(c, input_f32(c, DIMS(2, 6, 6, 4), noise), ctx_dtype(c), NULL);
	x = skip = conv(c, "in", x, 8);
	for (int i = 0; i < 3; i++) {
		scope_push_index(c, "mid", i);
		x = op_activation(c, conv(c, "conv", x, 8), ACT_SILU);
		scope_pop(c);
	}
	x = op_concat(c, x, skip, 3);
	x = op_view(c, x, DIMS(2, 36, 16));
	x = op_attention(c, x, x, x, 2, 0.3f, false);
	x = conv(c, "out", op_view(c, x, DIMS(2, 6, 6, 16)), 4);
	op_axpby(c, 0.5f, memory, 1, x, memory);
	return x;
}

static size_t sum_of_buffers(const struct plan *plan)
{
	size_t sum = 0;

	for (int i = 0; i < plan_count(plan); i++)
		sum += plan_size(plan, i);
	return sum;
}

/* Both the result and the state after two steps; `plan` NULL: every tensor on its own. */
static void run_twice(enum dtype dtype, bool planned, float *result, float *memory)
{
	struct weights *w = weights_new(1);
	struct ctx *c = ctx_new(&backend_ref, dtype, w);
	struct plan *plan = planned ? plan_new() : NULL;

	ctx_step_begin(c, PASS_DRY, plan);
	model(c);
	CHECK_INT(ctx_step_end(c), 0);
	ctx_step_begin(c, PASS_LOAD, NULL);
	model(c);
	CHECK_INT(ctx_step_end(c), 0);
	if (planned)
		CHECK_INT(ctx_reserve(c, plan_bytes(plan)), 0);
	for (int i = 0; i < 2; i++) {
		ctx_step_begin(c, PASS_RUN, plan);
		tensor_to_f32(model(c), result);
		CHECK_INT(ctx_step_end(c), 0);
	}
	tensor_to_f32(ctx_state(c, "memory"), memory);
	if (planned)
		CHECK(plan_bytes(plan) < sum_of_buffers(plan) / 2, "%zu bytes: nothing is shared",
		      plan_bytes(plan));
	ctx_free(c);
	weights_free(w);
	plan_free(plan);
}

static void test_replay(enum dtype dtype)
{
	float heap[288], planned[288], memory[288], planned_memory[288];

	run_twice(dtype, false, heap, memory);
	run_twice(dtype, true, planned, planned_memory);
	CHECK(memcmp(heap, planned, sizeof heap) == 0, "%s: the result differs", dtype_name(dtype));
	CHECK(memcmp(memory, planned_memory, sizeof memory) == 0, "%s: the state differs",
	      dtype_name(dtype));
	CHECK(relative_error(memory, heap, 288) > 0.1, "the state was not updated twice");
	CHECK(isfinite(heap[0]) && heap[0] != 0, "no values");
}

/* A planned tensor lies in the arena, at its offset. */
static void test_planned_memory(void)
{
	struct weights *w = weights_new(1);
	struct ctx *c = ctx_new(&backend_ref, DT_F32, w);
	struct plan *plan = plan_new();

	ctx_step_begin(c, PASS_DRY, plan);
	ctx_tensor(c, DT_F32, DIMS(100));
	ctx_step_end(c);
	CHECK_INT(plan_count(plan), 1);
	CHECK_INT(plan_bytes(plan), 448);
	ctx_reserve(c, plan_bytes(plan));
	ctx_step_begin(c, PASS_RUN, plan);
	CHECK(ctx_tensor(c, DT_F32, DIMS(100))->data == c->arena, "not in the arena");
	CHECK(c->arena_bytes >= 448, "the arena is too small");
	ctx_free(c);
	weights_free(w);
	plan_free(plan);
}

/* Vectors stay fp32, matrices take the run's storage; a second context finds the same ones. */
static void test_parameters(void)
{
	struct weights *w = weights_new(1);
	struct ctx *a = ctx_new(&backend_null, DT_BF16, w), *b = ctx_new(&backend_null, DT_BF16, w);
	struct tensor *weight, *bias;

	scope_push(a, "unet");
	scope_push_index(a, "blocks", 3);
	weight = param(a, "weight", INIT_FAN_IN, DIMS(4, 5));
	bias = param(a, "bias", INIT_BIAS, DIMS(4));
	CHECK_STR(weight->param->path, "unet.blocks.3.weight");
	CHECK_INT(weight->dtype, DT_BF16);
	CHECK_INT(bias->dtype, DT_F32);
	CHECK(param(a, "bias", INIT_BIAS, DIMS(4)) == bias, "declared twice");
	scope_push(b, "unet");
	scope_push(b, "blocks.3");
	CHECK(param(b, "weight", INIT_FAN_IN, DIMS(4, 5)) == weight, "not shared");
	CHECK_INT(weights_count(w), 2);
	ctx_free(a);
	ctx_free(b);
	weights_free(w);
}

static void test_states(void)
{
	struct weights *w = weights_new(1);
	struct ctx *c = ctx_new(&backend_ref, DT_F32, w);
	struct tensor *s;

	ctx_step_begin(c, PASS_DRY, NULL);
	CHECK(!ctx_state(c, "latents"), "a state that nobody declared");
	s = state(c, "latents", DT_F32, DIMS(3, 5));
	state(c, "steps", DT_I32, DIMS(1));
	CHECK(!s->data, "a dry pass took memory");
	CHECK_INT(ctx_state_bytes(c), 64);
	CHECK_INT(ctx_reserve_states(c), 0);
	ctx_step_begin(c, PASS_RUN, NULL);
	CHECK(state(c, "latents", DT_F32, DIMS(3, 5)) == s && s == ctx_state(c, "latents"), "lost");
	CHECK(((float *)s->data)[14] == 0, "not zero at first");
	CHECK(state(c, "late", DT_F32, DIMS(2))->data,
	      "a state declared while running has no memory");
	ctx_free(c);
	weights_free(w);
}

static void test_model_fail(void)
{
	struct weights *w = weights_new(1);
	struct ctx *c = ctx_new(&backend_null, DT_F32, w);
	float x = 1;

	ctx_step_begin(c, PASS_DRY, NULL);
	scope_push(c, "vae");
	model_fail(c, "the latent has %d channels, not %d", 5, 4);
	model_fail(c, "second");
	CHECK_STR(c->err.msg, "vae: the latent has 5 channels, not 4");
	CHECK(input_f32(c, DIMS(1), &x) == &c->dead, "an input after an error");
	CHECK_INT(ctx_step_end(c), -ERR_USAGE);
	ctx_free(c);
	weights_free(w);
}

int main(void)
{
	test_replay(DT_F32);
	test_replay(DT_BF16);
	test_planned_memory();
	test_parameters();
	test_states();
	test_model_fail();
	return test_end();
}
