/* SPDX-License-Identifier: MIT
 *
 * A whole U-Net with its image split over ranks: nothing in the model knows of it. The tiny one is
 * computed by 2 and 4 ranks as threads and equals one rank's, on the ref and the cpu backend; the
 * multiply-accumulates of the ranks add up exactly, also those of SDXL at full size (dry passes).
 */
#include <stdlib.h>

#include "builtin.h"
#include "cpu/cpu.h"
#include "parallel/patch.h"
#include "test.h"
#include "tiny_unet.h"

#define BATCH TINY_BATCH_MAX
#define HEIGHT 16
#define WIDTH 8
#define ROW (WIDTH * TINY_CHANNELS)
#define MAX_RANKS 8

/* ---- costs of split and of repeated work ----------------------------------------------------- */

struct shares {
	struct cost split;    /* calls on this rank's part of the image */
	struct cost repeated; /* calls that every rank does in full: time, text keys and values */
};

static void add_share(void *arg, const struct ctx *c, const struct op_call *call,
		      const struct cost *cost)
{
	struct shares *s = arg;

	(void)c;
	cost_add(call->out[0]->split ? &s->split : &s->repeated, cost, 1);
}

static void check_work(const char *what, const struct cost *got, const struct cost *want)
{
	CHECK(got->macs_conv == want->macs_conv && got->macs_linear == want->macs_linear &&
		      got->macs_attn == want->macs_attn && got->norm_elems == want->norm_elems &&
		      got->mul_elems == want->mul_elems && got->exp_elems == want->exp_elems,
	      "%s: core MACs %lld instead of %lld", what, (long long)cost_core_macs(got),
	      (long long)cost_core_macs(want));
}

/* The split work of all ranks and the repeated work of one make the work of a single rank. */
static void check_shares(const struct shares *s, int ranks, const struct cost *single)
{
	struct cost sum = s[0].repeated;

	for (int r = 0; r < ranks; r++) {
		cost_add(&sum, &s[r].split, 1);
		check_work("repeated", &s[r].repeated, &s[0].repeated);
		CHECK(cost_core_macs(&s[r].split) > cost_core_macs(&s[r].repeated), "rank %d: %lld "
		      "MACs of its own", r, (long long)cost_core_macs(&s[r].split));
	}
	CHECK(cost_core_macs(&s[0].repeated) > 0, "nothing is repeated");
	check_work("sum over ranks", &sum, single);
}

/* ---- the tiny model -------------------------------------------------------------------------- */

struct run {
	const struct unet_config *model;
	struct weights *weights; /* all declared and filled before ranks share them */
	bool cpu;                /* on the cpu backend instead of ref */
	enum op dropped;         /* this override is taken out; OP_COUNT: none */
	float image[BATCH * HEIGHT * ROW], out[BATCH * HEIGHT * ROW];
	struct shares shares[MAX_RANKS];
	char msg[MAX_RANKS][1024];
};

static T *forward(struct run *run, C *c, int rank, int ranks)
{
	int64_t rows = HEIGHT / ranks;
	T *x = ctx_tensor(c, DT_F32, 4, (int64_t[]){ BATCH, rows, WIDTH, TINY_CHANNELS });

	x->split = ranks > 1;
	for (int n = 0; n < BATCH && x->data; n++)
		memcpy((float *)x->data + n * rows * ROW,
		       run->image + (n * HEIGHT + rank * rows) * ROW,
		       (size_t)(rows * ROW) * sizeof(float));
	return tiny_unet(c, run->model, x);
}

static void keep_rows(struct run *run, const T *y, int rank, int ranks)
{
	int64_t rows = HEIGHT / ranks;

	for (int n = 0; n < BATCH; n++)
		memcpy(run->out + (n * HEIGHT + rank * rows) * ROW,
		       (float *)y->data + n * rows * ROW, (size_t)(rows * ROW) * sizeof(float));
}

static void run_rank(struct comm *comm, void *arg)
{
	struct run *run = arg;
	struct backend *cpu = run->cpu ? backend_cpu_new(isa_machine()) : NULL;
	struct backend *patch = patch_new(cpu ? cpu : &backend_ref, comm);
	struct ctx *c = ctx_new(patch, DT_F32, run->weights);
	struct plan *plan = plan_new();
	T *y;

	if (run->dropped < OP_COUNT)
		patch->rewrite[run->dropped] = NULL;
	ctx_step_begin(c, PASS_DRY, plan);
	forward(run, c, comm->rank, comm->ranks);
	ctx_step_end(c);
	ctx_reserve(c, plan_bytes(plan));
	c->hook = (struct op_hook){ .end = add_share, .arg = &run->shares[comm->rank] };
	ctx_step_begin(c, PASS_RUN, plan);
	y = forward(run, c, comm->rank, comm->ranks);
	if (ctx_step_end(c))
		comm_abort(comm);
	else
		keep_rows(run, y, comm->rank, comm->ranks);
	memcpy(run->msg[comm->rank], c->err.msg, sizeof c->err.msg);
	ctx_free(c);
	plan_free(plan);
	patch_free(patch);
	backend_cpu_free(cpu);
}

/* One rank without the strategy; declares and fills the weights. */
static struct cost run_single(struct run *run)
{
	struct backend *cpu = run->cpu ? backend_cpu_new(isa_machine()) : NULL;
	struct ctx *c = ctx_new(cpu ? cpu : &backend_ref, DT_F32, run->weights);
	struct cost cost;
	T *y;

	ctx_step_begin(c, PASS_LOAD, NULL);
	forward(run, c, 0, 1);
	ctx_step_begin(c, PASS_RUN, NULL);
	y = forward(run, c, 0, 1);
	CHECK(ctx_step_end(c) == 0, "%s", c->err.msg);
	keep_rows(run, y, 0, 1);
	cost = c->cost;
	ctx_free(c);
	backend_cpu_free(cpu);
	return cost;
}

static void split_over(struct run *run, int ranks, enum op dropped)
{
	run->dropped = dropped;
	memset(run->shares, 0, sizeof run->shares);
	memset(run->out, 0, sizeof run->out);
	comm_run_threads(ranks, run_rank, run);
}

static struct run run;
static float want[BATCH * HEIGHT * ROW];

/* Runs on one rank, whose output becomes `want`. */
static struct cost start(const struct unet_config *model, bool cpu)
{
	struct cost single;

	run.model = model;
	run.cpu = cpu;
	run.weights = weights_new(4);
	random_fill(1, 5, 0, BATCH * HEIGHT * ROW, 0, 1, DT_F32, run.image);
	single = run_single(&run);
	memcpy(want, run.out, sizeof want);
	return single;
}

static void check_ranks(int ranks, const struct cost *single)
{
	double error;

	split_over(&run, ranks, OP_COUNT);
	error = relative_error(run.out, want, BATCH * HEIGHT * ROW);
	CHECK(error <= 1e-5, "%d ranks: off by %.2g; %s", ranks, error, run.msg[0]);
	check_shares(run.shares, ranks, single);
}

static void test_ref(const struct unet_config *model)
{
	const enum op overrides[] = { OP_CONV2D, OP_GROUP_NORM, OP_ATTENTION };
	struct cost single = start(model, false);

	check_ranks(2, &single);
	check_ranks(4, &single);
	for (int i = 0; i < 3; i++) {
		split_over(&run, 2, overrides[i]);
		CHECK(relative_error(run.out, want, BATCH * HEIGHT * ROW) > 1e-2,
		      "%s is not needed", op_table[overrides[i]].name);
	}
	/* eight ranks would have two rows each, too few for three levels */
	split_over(&run, 8, OP_COUNT);
	CHECK(strstr(run.msg[0], "multiples of 4"), "eight ranks: \"%s\"", run.msg[0]);
	weights_free(run.weights);
}

/* Ranks share the packed weights. oneDNN's own threads are invisible to the thread sanitizer. */
static void test_cpu(const struct unet_config *model)
{
#ifndef __SANITIZE_THREAD__
	struct cost single = start(model, true);

	check_ranks(2, &single);
	weights_free(run.weights);
#else
	(void)model;
#endif
}

/* ---- SDXL at full size ----------------------------------------------------------------------- */

/* Dry pass of one rank at 1024x1024. */
static struct cost dry_sdxl(const struct unet_config *m, struct weights *w, int rank, int ranks)
{
	struct comm comm = { .rank = rank, .ranks = ranks };
	struct backend *patch = patch_new(&backend_null, &comm);
	struct ctx *c = ctx_new(patch, DT_BF16, w);
	struct cost cost;
	T *x, *t, *context, *pooled, *ids;

	ctx_step_begin(c, PASS_DRY, NULL);
	x = ctx_tensor(c, DT_BF16, 4, (int64_t[]){ 1, 128 / ranks, 128, 4 });
	x->split = ranks > 1;
	t = ctx_tensor(c, DT_F32, 1, (int64_t[]){ 1 });
	context = ctx_tensor(c, DT_BF16, 3, (int64_t[]){ 1, 77, m->context_width });
	pooled = ctx_tensor(c, DT_BF16, 2, (int64_t[]){ 1, m->pooled_width });
	ids = ctx_tensor(c, DT_F32, 2, (int64_t[]){ 1, UNET_TIME_IDS });
	unet(c, m, x, t, context, pooled, ids);
	CHECK(ctx_step_end(c) == 0, "%s", c->err.msg);
	cost = c->cost;
	ctx_free(c);
	patch_free(patch);
	return cost;
}

/* Convolution, attention and norms are shared out; of the linear layers the time embedding and the
 * keys and values of the text are repeated on each rank. */
static void test_sdxl(void)
{
	const int64_t time = (320 + 1280) * 1280 + (2816 + 1280) * 1280;
	const int64_t projections = (5 * 320 + 5 * 640 + 7 * 1280) * 1280; /* 17 residual blocks */
	const int64_t blocks = 10 * 640 + 60 * 1280; /* widths of 70 transformer blocks */
	const int64_t text = 2 * 77 * 2048 * blocks;
	const int64_t repeated = time + projections + text;
	struct weights *w = weights_new(0);
	struct unet_config m;
	struct err e = { 0 };
	struct config f;
	struct cost single;

	config_of_part(&f, NULL, "sdxl-base", "unet", &e);
	unet_read(&f, &m);
	config_close(&f);
	CHECK(!e.code, "%s", e.msg);
	single = dry_sdxl(&m, w, 0, 1);
	for (int ranks = 2; ranks <= 8; ranks *= 2) {
		struct cost sum = { 0 };

		for (int r = 0; r < ranks; r++) {
			struct cost one = dry_sdxl(&m, w, r, ranks);
			CHECK(one.bytes_sent > 0, "rank %d sends nothing", r);
			cost_add(&sum, &one, 1);
		}
		CHECK_INT(sum.macs_conv, single.macs_conv);
		CHECK_INT(sum.macs_attn, single.macs_attn);
		CHECK_INT(sum.norm_elems, single.norm_elems);
		CHECK_INT(sum.exp_elems, single.exp_elems);
		CHECK_INT(sum.macs_linear - single.macs_linear, (ranks - 1) * repeated);
	}
	weights_free(w);
}

int main(void)
{
	struct unet_config model;
	struct err e = { 0 };

	CHECK(tiny_unet_read(&model, &e) == 0, "%s", e.msg);
	test_ref(&model);
	test_cpu(&model);
	test_sdxl();
	return test_end();
}
