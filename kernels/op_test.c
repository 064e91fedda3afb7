/* SPDX-License-Identifier: MIT
 *
 * The op layer without any arithmetic: shape rules, cost rules, errors that stick, the hook, and
 * chains of backends. All on dry passes or on backends made here.
 */
#include <stdlib.h>

#include "ctx.h"
#include "test_abort.h"

static struct weights *weights;
static struct ctx *ctx;

#define DIMS(...) (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / 8), (int64_t[]){ __VA_ARGS__ }
#define T(...) ctx_tensor(ctx, DT_F32, DIMS(__VA_ARGS__))
#define BF16(...) ctx_tensor(ctx, DT_BF16, DIMS(__VA_ARGS__))
#define I32(...) ctx_tensor(ctx, DT_I32, DIMS(__VA_ARGS__))

static void start(enum pass pass, const struct backend *b)
{
	weights = weights_new(1);
	ctx = ctx_new(b, DT_F32, weights);
	ctx_step_begin(ctx, pass, NULL);
}

static void stop(void)
{
	ctx_free(ctx);
	weights_free(weights);
}

/* ---- shape rules ----------------------------------------------------------------------------- */

static void check_shape(const char *what, const struct tensor *y, enum dtype dtype,
			const char *want)
{
	char got[64];

	CHECK(strcmp(tensor_shape(y, got, sizeof got), want) == 0, "%s gives %s, want %s", what,
	      got, want);
	CHECK(y->dtype == dtype, "%s gives %s", what, dtype_name(y->dtype));
}

static void test_result_shapes(void)
{
	struct conv_attr same = { 3, 3, 1, 1, 1, 1, 1 }, half = { 3, 3, 2, 0, 1, 0, 1 };
	struct tensor *image = T(2, 9, 8, 4);

	check_shape("linear", op_linear(ctx, T(2, 5, 3), T(7, 3), T(7), ACT_NONE, T(2, 5, 7)),
		    DT_F32, "[2,5,7]");
	check_shape("linear geglu", op_linear(ctx, BF16(5, 3), BF16(8, 3), NULL, ACT_GEGLU, NULL),
		    DT_BF16, "[5,4]");
	check_shape("conv", op_conv2d(ctx, image, T(6, 4, 3, 3), T(6), same, T(2, 6), NULL), DT_F32,
		    "[2,9,8,6]");
	check_shape("conv stride 2", op_conv2d(ctx, image, T(6, 4, 3, 3), NULL, half, NULL, NULL),
		    DT_F32, "[2,4,4,6]");
	check_shape("group_norm", op_group_norm(ctx, image, T(4), T(4), 2, 0, ACT_SILU), DT_F32,
		    "[2,9,8,4]");
	check_shape("moments", op_group_norm_moments(ctx, BF16(2, 9, 8, 4), 2), DT_F32, "[2,2,3]");
	check_shape("apply",
		    op_group_norm_apply(ctx, image, T(4), T(4), T(2, 2, 3), 2, 0, ACT_NONE), DT_F32,
		    "[2,9,8,4]");
	check_shape("attention", op_attention(ctx, T(2, 5, 8), T(2, 7, 8), T(2, 7, 8), 4, 1, false),
		    DT_F32, "[2,5,8]");
	check_shape("geglu", op_geglu(ctx, T(2, 8)), DT_F32, "[2,4]");
	check_shape("concat", op_concat(ctx, image, T(2, 9, 8, 3), 3), DT_F32, "[2,9,8,7]");
	check_shape("slice", op_slice(ctx, image, 1, 2, 7), DT_F32, "[2,7,8,4]");
	check_shape("upsample", op_upsample(ctx, image), DT_F32, "[2,18,16,4]");
	check_shape("embed", op_embed(ctx, I32(2, 7), BF16(50, 8)), DT_BF16, "[2,7,8]");
	check_shape("timestep", op_timestep_embed(ctx, T(3), 8, true, 0), DT_F32, "[3,8]");
	check_shape("gather_rows", op_gather_rows(ctx, T(2, 7, 8), I32(2)), DT_F32, "[2,8]");
	check_shape("cast", op_cast(ctx, image, DT_BF16, NULL), DT_BF16, "[2,9,8,4]");
	check_shape("view", op_view(ctx, image, DIMS(2, 72, 4)), DT_F32, "[2,72,4]");
	CHECK(ctx->err.code == ERR_NONE, "%s", ctx->err.msg);
	CHECK(op_cast(ctx, image, DT_F32, NULL) == image, "a cast to the same storage made a copy");
}

/* The sentence names scope, op, every shape and the reason; the next call may be tried again. */
static void check_refused(const struct tensor *y, const char *op, const char *shapes,
			  const char *why)
{
	const char *parts[] = { "unet.conv_in: ", op, shapes, why };

	CHECK(y == &ctx->dead, "%s was not refused", op);
	CHECK(ctx->err.code == ERR_USAGE, "%s gives code %d", op, ctx->err.code);
	for (int i = 0; i < 4; i++)
		CHECK(strstr(ctx->err.msg, parts[i]), "no \"%s\" in \"%s\"", parts[i],
		      ctx->err.msg);
	ctx->err = (struct err){ 0 };
}

static void test_matmul_refusals(void)
{
	struct conv_attr a = { 3, 3, 1, 0, 0, 0, 0 };

	check_refused(op_linear(ctx, T(2, 3), T(5, 4), NULL, ACT_NONE, NULL), "linear(x, weight",
		      "[2,3] [5,4]", "does not fit");
	check_refused(op_linear(ctx, BF16(2, 4), T(5, 4), NULL, ACT_NONE, NULL), "linear", "[2,4]",
		      "differ in storage");
	check_refused(op_linear(ctx, T(2, 4), T(5, 4), T(4), ACT_NONE, NULL), "linear",
		      "[2,4] [5,4] [4]", "bias");
	check_refused(op_linear(ctx, T(2, 4), T(5, 4), NULL, ACT_GEGLU, NULL), "linear", "[5,4]",
		      "even");
	check_refused(op_linear(ctx, T(2, 4), T(5, 4), NULL, ACT_NONE, T(2, 4)), "linear", "[2,4]",
		      "residual");
	check_refused(op_conv2d(ctx, T(1, 4, 4, 3), T(8, 4, 3, 3), NULL, a, NULL, NULL), "conv2d(x",
		      "[1,4,4,3] [8,4,3,3]", "does not fit");
	check_refused(op_conv2d(ctx, T(1, 4, 2, 3), T(8, 3, 3, 3), NULL, a, NULL, NULL), "conv2d",
		      "[1,4,2,3]", "smaller than the kernel");
	check_refused(op_conv2d(ctx, T(1, 4, 4, 3), BF16(8, 3, 3, 3), NULL, a, NULL, NULL),
		      "conv2d", "[1,4,4,3]", "storage");
	check_refused(op_conv2d(ctx, T(1, 4, 4, 3), T(8, 3, 3, 3), T(3), a, NULL, NULL), "conv2d",
		      "[8,3,3,3] [3]", "bias");
	check_refused(op_conv2d(ctx, T(1, 4, 4, 3), T(8, 3, 3, 3), NULL, a, T(2, 8), NULL),
		      "conv2d", "[2,8]", "channel bias");
	check_refused(op_conv2d(ctx, T(1, 4, 4, 3), T(8, 3, 3, 3), NULL, a, NULL, T(1, 4, 4, 8)),
		      "conv2d", "[1,4,4,8]", "residual");
	check_refused(op_attention(ctx, T(1, 4, 8), T(1, 5, 8), T(1, 6, 8), 2, 1, false),
		      "attention(q, k, v)", "[1,4,8] [1,5,8] [1,6,8]", "alike");
	check_refused(op_attention(ctx, T(1, 4, 8), T(2, 5, 8), T(2, 5, 8), 2, 1, false),
		      "attention", "[2,5,8]", "batch or width");
	check_refused(op_attention(ctx, T(1, 4, 8), T(1, 5, 8), T(1, 5, 8), 3, 1, false),
		      "attention", "[1,5,8]", "heads");
}

static void test_norm_and_pointwise_refusals(void)
{
	struct tensor *x = T(2, 5, 8);

	check_refused(op_group_norm(ctx, x, T(8), T(8), 3, 0, ACT_NONE), "group_norm", "[2,5,8]",
		      "multiple");
	check_refused(op_group_norm(ctx, x, T(4), T(8), 2, 0, ACT_NONE), "group_norm", "[4]",
		      "per channel");
	check_refused(op_group_norm_moments(ctx, T(5, 8), 2), "group_norm_moments", "[5,8]",
		      "multiple");
	check_refused(op_group_norm_apply(ctx, x, T(8), T(8), T(2, 4, 3), 2, 0, ACT_NONE),
		      "group_norm_apply", "[2,4,3]", "moments");
	check_refused(op_layer_norm(ctx, x, T(7), NULL, 0), "layer_norm", "[7]", "per column");
	check_refused(op_geglu(ctx, T(2, 5)), "geglu", "[2,5]", "even");
	check_refused(op_add(ctx, x, T(2, 8, 5)), "add", "[2,5,8] [2,8,5]", "different shapes");
	check_refused(op_add_channel(ctx, x, T(2, 5)), "add_channel", "[2,5]", "[N,C]");
	check_refused(op_add_rows(ctx, x, T(2, 8)), "add_rows", "[2,8]", "[L,C]");
	check_refused(op_axpby(ctx, 1, x, 1, T(2, 5), NULL), "axpby", "[2,5]", "different shapes");
	check_refused(op_axpby(ctx, 1, x, 1, x, T(5, 2, 8)), "axpby", "[2,5,8]",
		      "result has another shape");
}

static void test_layout_refusals(void)
{
	struct tensor *x = T(2, 5, 8);

	check_refused(op_concat(ctx, x, T(2, 4, 8), 2), "concat", "[2,4,8]", "outside the joined");
	check_refused(op_concat(ctx, x, T(5, 8), 1), "concat", "[5,8]", "rank");
	check_refused(op_concat(ctx, x, x, 3), "concat", "[2,5,8]", "rank");
	check_refused(op_slice(ctx, x, 1, 3, 3), "slice", "[2,5,8]", "leaves the tensor");
	check_refused(op_slice(ctx, x, 1, -1, 2), "slice", "[2,5,8]", "leaves the tensor");
	check_refused(op_upsample(ctx, x), "upsample", "[2,5,8]", "image");
	check_refused(op_embed(ctx, T(2, 7), T(50, 8)), "embed", "[2,7] [50,8]", "integers");
	check_refused(op_timestep_embed(ctx, T(3), 7, true, 0), "timestep_embed", "[3]", "even");
	check_refused(op_gather_rows(ctx, x, I32(3)), "gather_rows", "[3]", "index");
	check_refused(op_view(ctx, x, DIMS(2, 41)), "view", "[2,5,8]", "number of elements");
}

static void test_shapes(void)
{
	start(PASS_DRY, &backend_null);
	test_result_shapes();
	scope_push(ctx, "unet");
	scope_push(ctx, "conv_in");
	test_matmul_refusals();
	test_norm_and_pointwise_refusals();
	test_layout_refusals();
	stop();
}

/* ---- cost rules ------------------------------------------------------------------------------ */

static struct cost spent(void)
{
	struct cost now = ctx->cost;

	ctx->cost = (struct cost){ 0 };
	return now;
}

static void test_matmul_costs(void)
{
	struct conv_attr half = { 3, 3, 2, 1, 1, 1, 1 };
	struct cost cost;

	op_linear(ctx, BF16(2, 5, 3), BF16(8, 3), T(8), ACT_GEGLU, NULL);
	cost = spent();
	CHECK_INT(cost.calls, 1);
	CHECK_INT(cost.macs_linear, 2 * 5 * 3 * 8);
	CHECK_INT(cost.mul_elems, 2 * 5 * 4);
	CHECK_INT(cost.bytes_read, 2 * (2 * 5 * 3 + 8 * 3) + 4 * 8);
	CHECK_INT(cost.bytes_written, 2 * 2 * 5 * 4);

	op_conv2d(ctx, T(2, 8, 6, 4), T(10, 4, 3, 3), NULL, half, NULL, NULL);
	cost = spent();
	CHECK_INT(cost.macs_conv, 4 * 10 * 9 * (4 * 3) * 2);
	CHECK_INT(cost_core_macs(&cost), cost.macs_conv);

	op_attention(ctx, T(2, 5, 8), T(2, 7, 8), T(2, 7, 8), 4, 1, false);
	cost = spent();
	CHECK_INT(cost.macs_attn, 2 * 4 * 2 * 5 * 7 * 2);
	CHECK_INT(cost.exp_elems, 4 * 5 * 7 * 2);
	CHECK_INT(cost_noattn_macs(&cost), 0);
	CHECK_INT(cost.bytes_read, 4 * (2 * 5 * 8 + 2 * 2 * 7 * 8));
}

static void test_other_costs(void)
{
	struct cost cost;

	op_group_norm(ctx, T(2, 3, 5, 8), T(8), T(8), 2, 0, ACT_SILU);
	op_layer_norm(ctx, T(4, 8), T(8), T(8), 0);
	op_layer_norm(ctx, T(4, 8), NULL, NULL, 0); /* not affine: not counted */
	op_geglu(ctx, T(2, 6));
	op_softmax(ctx, T(3, 7));
	cost = spent();
	CHECK_INT(cost.calls, 5);
	CHECK_INT(cost.norm_elems, 2 * 3 * 5 * 8 + 4 * 8);
	CHECK_INT(cost.mul_elems, 2 * 3);
	CHECK_INT(cost.exp_elems, 3 * 7);
	CHECK_INT(cost_core_macs(&cost), 0);
	CHECK_INT(cost_torchprofile_macs(&cost), cost.norm_elems + cost.mul_elems);

	op_view(ctx, T(4, 8), DIMS(8, 4));
	CHECK_INT(spent().calls, 0);
}

static void test_costs(void)
{
	struct cost by_op[OP_COUNT] = { 0 };

	start(PASS_DRY, &backend_null);
	test_matmul_costs();
	test_other_costs();
	ctx->cost_by_op = by_op;
	op_linear(ctx, T(2, 3), T(4, 3), NULL, ACT_NONE, NULL);
	op_softmax(ctx, T(2, 3));
	op_softmax(ctx, T(2, 3));
	CHECK_INT(by_op[OP_LINEAR].macs_linear, 24);
	CHECK_INT(by_op[OP_SOFTMAX].calls, 2);
	CHECK_INT(by_op[OP_ATTENTION].calls, 0);
	ctx_step_begin(ctx, PASS_DRY, NULL);
	CHECK_INT(by_op[OP_SOFTMAX].calls, 0);
	stop();
}

/* ---- errors, hook and chains of backends ----------------------------------------------------- */

static int runs, rewrites, begins, ends;
static int64_t macs_seen;

static void count_run(const struct backend *self, struct ctx *c, const struct op_call *call)
{
	(void)self, (void)c, (void)call;
	runs++;
}

static void fail_run(const struct backend *self, struct ctx *c, const struct op_call *call)
{
	(void)self, (void)call;
	runs++;
	err_set(&c->err, ERR_FAILED, "the machine failed");
}

/* One softmax becomes two. */
static struct tensor *twice(const struct backend *self, struct ctx *c, struct op_call *call)
{
	struct op_call again = *call;

	rewrites++;
	op_run_on(c, self->next, &again);
	return op_run_on(c, self->next, call);
}

static void begin(void *arg, const struct ctx *c, const struct op_call *call)
{
	(void)c;
	CHECK(arg == &begins && call->out[0], "begin without its argument or result");
	begins++;
}

static void end(void *arg, const struct ctx *c, const struct op_call *call, const struct cost *cost)
{
	(void)arg, (void)call;
	CHECK_STR(c->scope->path, "block");
	macs_seen += cost_core_macs(cost);
	ends++;
}

static const struct backend counting = { .name = "counting",
					 .is_virtual = true,
					 .run = { [0 ... OP_COUNT - 1] = count_run } };
static const struct backend failing = { .name = "failing",
					.next = &counting,
					.is_virtual = true,
					.run = { [OP_ADD] = fail_run } };
static const struct backend doubling = { .name = "doubling",
					 .next = &counting,
					 .is_virtual = true,
					 .rewrite = { [OP_SOFTMAX] = twice } };

static void test_errors_stick(void)
{
	struct tensor *x, *y;

	start(PASS_RUN, &failing);
	runs = 0;
	x = op_softmax(ctx, T(2, 3));
	op_add(ctx, x, x); /* the backend fails here */
	y = op_linear(ctx, x, T(4, 99), NULL, ACT_GELU, NULL);
	CHECK(y == &ctx->dead, "an op after an error gave a result");
	y = op_view(ctx, op_concat(ctx, y, x, 7), DIMS(3, 3));
	CHECK(y == &ctx->dead, "a view after an error gave a result");
	CHECK(op_softmax(ctx, T(2, 3)) == &ctx->dead, "a good call after an error gave a result");
	CHECK(param(ctx, "weight", INIT_BIAS, 1, (int64_t[]){ 3 }) == &ctx->dead, "a parameter");
	CHECK_INT(runs, 2);
	CHECK_INT(ctx->cost.calls, 2);
	CHECK_STR(ctx->err.msg, "the machine failed");
	CHECK_INT(ctx_step_end(ctx), -ERR_FAILED);
	stop();
}

static void test_cancel(void)
{
	volatile sig_atomic_t stop_now = 0;
	struct tensor *x;

	start(PASS_RUN, &counting);
	ctx->cancel = &stop_now;
	runs = 0;
	x = op_softmax(ctx, T(2, 3));
	stop_now = 1;
	op_softmax(ctx, op_softmax(ctx, x));
	CHECK_INT(runs, 1);
	CHECK_INT(ctx_step_end(ctx), -ERR_INTERRUPTED);
	stop();
}

static void test_hook(void)
{
	start(PASS_RUN, &doubling);
	ctx->hook = (struct op_hook){ begin, end, &begins };
	scope_push(ctx, "block");
	op_linear(ctx, op_softmax(ctx, T(2, 3)), T(4, 3), NULL, ACT_NONE, NULL);
	CHECK_INT(begins, 3);
	CHECK_INT(ends, 3);
	CHECK_INT(macs_seen, 2 * 3 * 4);
	stop();
}

/* What is counted is what is really computed, not what was asked for. */
static void test_rewrite(void)
{
	struct tensor *x;

	start(PASS_RUN, &doubling);
	runs = rewrites = 0;
	x = T(2, 3);
	x->split = true;
	x = op_softmax(ctx, x);
	CHECK(x->split, "a result of a split input is not split");
	CHECK(!op_softmax(ctx, T(2, 3))->split, "a result of whole inputs is split");
	op_add(ctx, x, x);
	CHECK_INT(rewrites, 2);
	CHECK_INT(runs, 5);
	CHECK_INT(ctx->cost.exp_elems, 4 * 6);
	CHECK(ctx->backend == &doubling, "op_run_on left another backend behind");
	CHECK(backend_for(&doubling, OP_ADD) == &counting, "the chain was not followed");
	CHECK(!backend_for(NULL, OP_ADD), "found a backend in nothing");
	stop();
}

static void test_dry_and_load_run_nothing(void)
{
	start(PASS_DRY, &counting);
	runs = 0;
	op_softmax(ctx, T(2, 3));
	ctx_step_begin(ctx, PASS_LOAD, NULL);
	op_softmax(ctx, T(2, 3));
	CHECK_INT(runs, 0);
	stop();
}

/* ---- caller's bugs --------------------------------------------------------------------------- */

static void lack_an_input(void)
{
	op_add(ctx, T(2, 3), NULL);
}

static void pop_the_root(void)
{
	scope_pop(ctx);
}

static void use_no_backend(void)
{
	static const struct backend empty = { .name = "empty" };

	ctx->backend = &empty;
	op_softmax(ctx, T(2, 3));
}

/* One tensor more than the dry pass saw. */
static void leave_the_plan(void)
{
	struct plan *plan = plan_new();

	ctx->backend = &backend_ref;
	ctx_step_begin(ctx, PASS_DRY, plan);
	T(2, 3);
	ctx_step_end(ctx);
	ctx_reserve(ctx, plan_bytes(plan));
	ctx_step_begin(ctx, PASS_RUN, plan);
	T(2, 3);
	T(2, 3);
}

static void test_bugs_abort(void)
{
	start(PASS_DRY, &backend_null);
	check_aborts(lack_an_input, "a missing input");
	check_aborts(pop_the_root, "scope_pop at the root");
	check_aborts(use_no_backend, "an op that no backend has");
	check_aborts(leave_the_plan, "a step that needs more than its plan");
	stop();
}

int main(void)
{
	test_shapes();
	test_costs();
	test_errors_stick();
	test_cancel();
	test_hook();
	test_rewrite();
	test_dry_and_load_run_nothing();
	test_bugs_abort();
	return test_end();
}
