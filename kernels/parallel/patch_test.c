/* SPDX-License-Identifier: MIT
 *
 * Patch parallelism, op by op: an image split over 2, 3 and 4 ranks (threads) gives what one rank
 * gives, and without any one of the overrides it visibly does not. On the ref backend in fp32,
 * where only group norm is rounded differently: a mean of ten deviations is exact to 2^-21 of a
 * deviation in fp32, once per rank and once merged, so 1e-6 is allowed there and nothing elsewhere.
 */
#include <stdlib.h>

#include "ctx.h"
#include "grad.h"
#include "parallel/patch.h"
#include "test.h"

#define BATCH 2
#define HEIGHT 24
#define WIDTH 3
#define CHANNELS 4
#define MAX_RANKS 4
#define OUT_MAX (BATCH * HEIGHT * WIDTH * 8)

#define DIMS(...) (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / 8), (int64_t[]){ __VA_ARGS__ }

/* A model of one or a few ops: x is the (possibly split) image, the result an image or tokens. */
typedef struct tensor *model_fn(struct ctx *c, struct tensor *x);

static struct tensor *values(struct ctx *c, uint64_t key, float mean, int ndim, const int64_t *dim)
{
	struct tensor *t = ctx_tensor(c, DT_F32, ndim, dim);

	if (t->data)
		random_fill(3, key, 0, tensor_elems(t), mean, 1, DT_F32, t->data);
	return t;
}

/* ---- the models ------------------------------------------------------------------------------ */

#define CONV(c, x, out, kernel, ...)                                                       \
	op_conv2d(c, x, values(c, 2, 0, DIMS(out, (x)->dim[3], kernel, kernel)),           \
		  values(c, 3, 0, DIMS(out)), (struct conv_attr){ kernel, kernel, __VA_ARGS__ }, \
		  NULL, NULL)

static struct tensor *conv3(struct ctx *c, struct tensor *x)
{
	struct tensor *per_sample = values(c, 4, 0, DIMS(BATCH, CHANNELS));
	struct conv_attr same = { 3, 3, 1, 1, 1, 1, 1 };

	return op_conv2d(c, x, values(c, 2, 0, DIMS(CHANNELS, CHANNELS, 3, 3)), NULL, same,
			 per_sample, x);
}

static struct tensor *conv5(struct ctx *c, struct tensor *x)
{
	return CONV(c, x, 8, 5, 1, 2, 2, 2, 2);
}

static struct tensor *conv1(struct ctx *c, struct tensor *x)
{
	return CONV(c, x, 8, 1, 1, 0, 0, 0, 0);
}

static struct tensor *conv_half(struct ctx *c, struct tensor *x)
{
	return CONV(c, x, 8, 3, 2, 1, 1, 1, 1);
}

/* Padding at the end only, as in the VAE's encoder. */
static struct tensor *conv_half_end(struct ctx *c, struct tensor *x)
{
	return CONV(c, x, 8, 3, 2, 0, 1, 0, 1);
}

/* A mean of ten deviations: moments that are merged carelessly lose their digits. */
static struct tensor *group_norm(struct ctx *c, struct tensor *x)
{
	x = op_clamp(c, x, 1, 10, -INFINITY, INFINITY);
	return op_group_norm(c, x, values(c, 6, 1, DIMS(CHANNELS)), values(c, 7, 0, DIMS(CHANNELS)),
			     2, 1e-5f, ACT_SILU);
}

static struct tensor *as_tokens(struct ctx *c, struct tensor *x)
{
	return op_view(c, x, DIMS(BATCH, x->dim[1] * x->dim[2], x->dim[3]));
}

static struct tensor *attention(struct ctx *c, struct tensor *x)
{
	struct tensor *t = as_tokens(c, x), *k = op_activation(c, t, ACT_SILU);

	return op_attention(c, t, k, op_activation(c, t, ACT_GELU), 2, 0.5f, false);
}

static struct tensor *cross_attention(struct ctx *c, struct tensor *x)
{
	struct tensor *text = values(c, 8, 0, DIMS(BATCH, 5, CHANNELS));

	return op_attention(c, as_tokens(c, x), text, text, 2, 0.5f, false);
}

/* Ops that need nothing from the others. */
static struct tensor *pointwise(struct ctx *c, struct tensor *x)
{
	x = op_upsample(c, op_concat(c, x, op_activation(c, x, ACT_SILU), 3));
	x = op_linear(c, x, values(c, 2, 0, DIMS(2, 2 * CHANNELS)), NULL, ACT_GELU, NULL);
	return op_slice(c, op_layer_norm(c, x, NULL, NULL, 1e-5f), 3, 1, 1);
}

/* All of it in a row, with a skip connection. */
static struct tensor *network(struct ctx *c, struct tensor *x)
{
	struct tensor *skip = conv3(c, x), *y = group_norm(c, skip);

	y = op_view(c, attention(c, y), DIMS(BATCH, x->dim[1], WIDTH, CHANNELS));
	y = op_add(c, conv3(c, y), skip);
	return conv_half(c, y);
}

/* ---- one run --------------------------------------------------------------------------------- */

struct run {
	model_fn *model;
	enum op dropped;  /* this override is taken out; OP_COUNT: none */
	bool planned;
	const float *image;
	float *out;       /* [BATCH, rows, row_elems] of all ranks */
	int64_t row_elems, rows;
	struct cost cost[MAX_RANKS];
	int result[MAX_RANKS];
	char msg[MAX_RANKS][1024];
};

static struct tensor *cut_rows(struct ctx *c, const float *image, int rank, int ranks)
{
	int64_t rows = HEIGHT / ranks, row = WIDTH * CHANNELS;
	struct tensor *x = ctx_tensor(c, DT_F32, DIMS(BATCH, rows, WIDTH, CHANNELS));

	x->split = ranks > 1;
	for (int n = 0; n < BATCH && x->data; n++)
		memcpy((float *)x->data + n * rows * row, image + (n * HEIGHT + rank * rows) * row,
		       (size_t)(rows * row) * sizeof(float));
	return x;
}

static void put_rows(struct run *r, const struct tensor *y, int rank, int ranks)
{
	int64_t sample = tensor_elems(y) / BATCH;

	for (int n = 0; n < BATCH; n++)
		memcpy(r->out + (n * ranks + rank) * sample, (float *)y->data + n * sample,
		       (size_t)sample * sizeof(float));
}

static void run_pass(struct run *r, struct ctx *c, struct comm *comm, enum pass pass,
		     struct plan *plan)
{
	struct tensor *y;

	ctx_step_begin(c, pass, plan);
	y = r->model(c, cut_rows(c, r->image, comm->rank, comm->ranks));
	r->result[comm->rank] = ctx_step_end(c);
	if (r->result[comm->rank])
		comm_abort(comm);
	else if (pass == PASS_RUN)
		put_rows(r, y, comm->rank, comm->ranks);
}

static void run_rank(struct comm *comm, void *arg)
{
	struct run *r = arg;
	struct weights *w = weights_new(1);
	struct backend *patch = patch_new(&backend_ref, comm);
	struct ctx *c = ctx_new(patch, DT_F32, w);
	struct plan *plan = r->planned ? plan_new() : NULL;

	if (r->dropped < OP_COUNT)
		patch->rewrite[r->dropped] = NULL;
	if (plan) {
		run_pass(r, c, comm, PASS_DRY, plan);
		ctx_reserve(c, plan_bytes(plan));
		memset(c->arena, 0xff, plan_bytes(plan));
		r->cost[comm->rank] = c->cost;
	}
	run_pass(r, c, comm, PASS_RUN, plan);
	if (plan && memcmp(&r->cost[comm->rank], &c->cost, sizeof c->cost) != 0)
		r->result[comm->rank] = -1;
	r->cost[comm->rank] = c->cost;
	snprintf(r->msg[comm->rank], sizeof r->msg[0], "%s", c->err.msg);
	ctx_free(c);
	plan_free(plan);
	patch_free(patch);
	weights_free(w);
}

static float image[BATCH * HEIGHT * WIDTH * CHANNELS];

static struct run run_model(model_fn *model, int ranks, enum op dropped, bool planned, float *out)
{
	struct run r = { .model = model, .dropped = dropped, .planned = planned, .image = image,
			 .out = out };

	random_fill(3, 1, 0, BATCH * HEIGHT * WIDTH * CHANNELS, 0, 1, DT_F32, image);
	memset(out, 0, OUT_MAX * sizeof *out);
	comm_run_threads(ranks, run_rank, &r);
	return r;
}

/* ---- the tests ------------------------------------------------------------------------------- */

static float one[OUT_MAX], many[OUT_MAX];

static void check_same(const char *what, model_fn *model, double tolerance)
{
	struct run whole = run_model(model, 1, OP_COUNT, false, one);

	for (int ranks = 2; ranks <= MAX_RANKS; ranks++) {
		struct run split = run_model(model, ranks, OP_COUNT, false, many);
		struct cost sum = { 0 };
		double error = relative_error(many, one, OUT_MAX);

		for (int i = 0; i < ranks; i++) {
			CHECK(split.result[i] == 0, "%s: rank %d: %s", what, i, split.msg[i]);
			cost_add(&sum, &split.cost[i], 1);
		}
		CHECK(error <= tolerance, "%s on %d ranks is off by %.2g", what, ranks, error);
		CHECK_INT(cost_core_macs(&sum), cost_core_macs(&whole.cost[0]));
		CHECK_INT(sum.norm_elems, whole.cost[0].norm_elems);
		CHECK_INT(sum.exp_elems, whole.cost[0].exp_elems);
	}
}

static void test_ops(void)
{
	check_same("conv 3x3", conv3, 0);
	check_same("conv 5x5", conv5, 0);
	check_same("conv 1x1", conv1, 0);
	check_same("conv stride 2", conv_half, 0);
	check_same("conv stride 2, padded at the end", conv_half_end, 0);
	check_same("group norm", group_norm, 1e-6);
	check_same("attention", attention, 0);
	check_same("cross attention", cross_attention, 0);
	check_same("pointwise", pointwise, 0);
	check_same("network", network, 1e-6);
}

/* Each override is needed: without it the result is visibly wrong, or is refused. */
static void test_dropped(void)
{
	const struct { enum op op; model_fn *model; } t[] = {
		{ OP_CONV2D, conv3 },		{ OP_CONV2D, conv_half_end },
		{ OP_GROUP_NORM, group_norm },	{ OP_ATTENTION, attention },
		{ OP_CONV2D, network },		{ OP_GROUP_NORM, network },
		{ OP_ATTENTION, network },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		double error;

		run_model(t[i].model, 1, OP_COUNT, false, one);
		run_model(t[i].model, 2, t[i].op, false, many);
		error = relative_error(many, one, OUT_MAX);
		CHECK(error > 1e-2, "without %s (case %d) the error is only %.2g",
		      op_table[t[i].op].name, (int)i, error);
	}
}

/* Halos and gathered keys lie in the memory plan of each rank; the dry pass counts the same. */
static void test_planned(void)
{
	struct run r;

	run_model(network, 1, OP_COUNT, false, one);
	for (int ranks = 2; ranks <= MAX_RANKS; ranks++) {
		r = run_model(network, ranks, OP_COUNT, true, many);
		CHECK(relative_error(many, one, OUT_MAX) <= 1e-6, "%d ranks: off by %.2g", ranks,
		      relative_error(many, one, OUT_MAX));
		for (int i = 0; i < ranks; i++)
			CHECK(r.result[i] == 0, "%d ranks: rank %d: %s", ranks, i, r.msg[i]);
	}
}

/* A middle rank sends its first and last row of each sample; all send moments, keys and values. */
static void test_bytes_sent(void)
{
	const int64_t row = BATCH * WIDTH * CHANNELS * sizeof(float), rows = HEIGHT / 3;
	struct run r = run_model(conv3, 3, OP_COUNT, false, many);

	CHECK_INT(r.cost[0].bytes_sent, row);
	CHECK_INT(r.cost[1].bytes_sent, 2 * row);
	CHECK_INT(r.cost[2].bytes_sent, row);
	r = run_model(conv_half, 3, OP_COUNT, false, many); /* reaches up only */
	CHECK_INT(r.cost[0].bytes_sent, row);
	CHECK_INT(r.cost[2].bytes_sent, 0);
	r = run_model(conv1, 3, OP_COUNT, false, many);
	CHECK_INT(r.cost[1].bytes_sent, 0);
	r = run_model(group_norm, 3, OP_COUNT, false, many);
	CHECK_INT(r.cost[1].bytes_sent, 2 * BATCH * 2 * 3 * (int64_t)sizeof(float));
	r = run_model(attention, 3, OP_COUNT, false, many);
	CHECK_INT(r.cost[1].bytes_sent, 2 * 2 * rows * row);
	r = run_model(cross_attention, 3, OP_COUNT, false, many);
	CHECK_INT(r.cost[1].bytes_sent, 0);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static struct tensor *valid_conv(struct ctx *c, struct tensor *x)
{
	return CONV(c, x, 8, 3, 1, 0, 0, 1, 1);
}

static struct tensor *odd_rows(struct ctx *c, struct tensor *x)
{
	return conv_half(c, conv_half(c, x)); /* 24/4 rows, then 3 */
}

static struct tensor *wide_reach(struct ctx *c, struct tensor *x)
{
	return CONV(c, x, 8, 15, 1, 7, 7, 7, 7);
}

static struct tensor *causal(struct ctx *c, struct tensor *x)
{
	struct tensor *t = as_tokens(c, x);

	return op_attention(c, t, t, t, 2, 1, true);
}

static struct tensor *cut(struct ctx *c, struct tensor *x)
{
	return op_slice(c, x, 1, 0, 2);
}

static struct tensor *join(struct ctx *c, struct tensor *x)
{
	return op_concat(c, x, x, 1);
}

static struct tensor *pick(struct ctx *c, struct tensor *x)
{
	int32_t index[BATCH] = { 0 };

	return op_gather_rows(c, as_tokens(c, x), input_i32(c, DIMS(BATCH), index));
}

static struct tensor *taped(struct ctx *c, struct tensor *x)
{
	struct tape *tape = tape_new();
	struct tensor *y;

	c->tape = tape;
	y = group_norm(c, x);
	c->tape = NULL;
	tape_free(tape);
	return y;
}

static struct tensor *fail_here(struct ctx *c, struct tensor *x)
{
	x = conv3(c, x);
	if (((struct comm *)c->backend->state)->rank == 1)
		model_fail(c, "rank 1 fails");
	return conv3(c, x);
}

static void check_refused(model_fn *model, const char *why)
{
	struct run r = run_model(model, 4, OP_COUNT, false, many);

	for (int i = 0; i < 4; i++) {
		CHECK(r.result[i] != 0, "\"%s\": rank %d went on", why, i);
		CHECK(strstr(r.msg[i], why), "no \"%s\" in \"%s\"", why, r.msg[i]);
	}
}

static void test_refusals(void)
{
	struct run r;

	check_refused(valid_conv, "changes the number of rows");
	check_refused(odd_rows, "multiple of the stride");
	check_refused(wide_reach, "fewer rows than its neighbour");
	check_refused(causal, "causal mask");
	check_refused(cut, "joined or cut");
	check_refused(join, "joined or cut");
	check_refused(pick, "gather_rows");
	check_refused(taped, "gradients");
	r = run_model(fail_here, 3, OP_COUNT, false, many);
	CHECK(strstr(r.msg[1], "rank 1 fails"), "%s", r.msg[1]);
	CHECK(strstr(r.msg[0], "another rank stopped"), "%s", r.msg[0]);
	CHECK(strstr(r.msg[2], "another rank stopped"), "%s", r.msg[2]);
}

int main(void)
{
	test_ops();
	test_dropped();
	test_planned();
	test_bytes_sent();
	test_refusals();
	return test_end();
}
