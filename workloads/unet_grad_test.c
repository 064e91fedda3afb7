/* SPDX-License-Identifier: MIT
 *
 * The gradient of a whole tiny SDXL U-Net, for 50 random parameters, against finite differences;
 * that the backward pass replayed from its memory plan gives the same bits; and that the cpu
 * backend agrees.
 *
 * L = sum r_j y_j with random r, in fp32 on the ref backend. The 4-point central difference with
 * step h errs by O(h^4), so large gradients take small steps, and by the rounding of L over h. An
 * output has a relative rounding error of about twice 2^-24, its own and that of the layers before,
 * all independent; so L is off by 2 delta, delta = 2^-24 |r y|, the difference by 2 delta 0.95/h,
 * and four deviations of that are 8 delta/h. The bound is 1e-3 |g| + 8 delta/h; most parameters
 * must hold the first part alone.
 */
#include <stdlib.h>

#include "cpu/cpu.h"
#include "grad.h"
#include "test.h"
#include "tiny_unet.h"

#define SIDE 8
#define OUTPUTS (SIDE * SIDE * TINY_CHANNELS)
#define PARAMETERS 50

static struct unet_config model;
static struct weights *weights;
static struct ctx *ctx;
static float r[OUTPUTS];

static T *forward(enum pass pass, struct plan *plan)
{
	ctx_step_begin(ctx, pass, plan);
	return tiny_unet(ctx, &model,
			 tiny_input(ctx, 1, 4, (int64_t[]){ 1, SIDE, SIDE, TINY_CHANNELS }));
}

/* The loss; `norm`, if asked for, is |r y|. */
static double loss(double *norm)
{
	const float *y = forward(PASS_RUN, NULL)->data;
	double sum = 0, squares = 0;

	for (int i = 0; i < OUTPUTS; i++) {
		double term = (double)r[i] * y[i];
		sum += term;
		squares += term * term;
	}
	if (norm)
		*norm = sqrt(squares);
	return sum;
}

/* One step with backward. grad[p]: the gradient of parameter p, allocated when it is NULL. */
static void gradients(struct tape *tape, enum pass pass, struct plan *plan, float **grad)
{
	T *y;

	ctx->tape = tape;
	y = forward(pass, plan);
	tape_backward(ctx, tape, y, input_f32(ctx, y->ndim, y->dim, r));
	CHECK(ctx_step_end(ctx) == 0, "%s", ctx->err.msg);
	for (int p = 0; p < weights_count(weights) && ctx_has_values(ctx); p++) {
		const struct param *param = weights_at(weights, p);
		T *g = tape_grad(tape, &param->tensor);

		CHECK(g && tensor_same_shape(g, &param->tensor), "no gradient of %s", param->path);
		if (!grad[p])
			grad[p] = malloc(tensor_bytes(&param->tensor));
		tensor_to_f32(g, grad[p]);
	}
	ctx->tape = NULL;
}

static double difference(float *x, double h)
{
	float at = *x;
	double l[4];

	for (int i = 0; i < 4; i++) {
		*x = at + (float)((double[]){ 2, 1, -1, -2 }[i] * h);
		l[i] = loss(NULL);
	}
	*x = at;
	return (8 * (l[1] - l[2]) - (l[0] - l[3])) / (12 * h);
}

/* One random element of one parameter; all elements of the model are equally likely. */
static struct param *pick(int k, int64_t *at)
{
	uint32_t random[4];
	int p = 0;

	philox4x32((uint64_t)k, 1, 7, random);
	*at = (int64_t)(random[0] % (uint64_t)weights_elems(weights, ""));
	while (*at >= tensor_elems(&weights_at(weights, p)->tensor))
		*at -= tensor_elems(&weights_at(weights, p++)->tensor);
	return weights_at(weights, p);
}

static void test_differences(float **grad)
{
	double delta;
	int strict = 0;

	loss(&delta);
	delta *= 0x1p-24;
	for (int k = 0; k < PARAMETERS; k++) {
		int64_t at;
		struct param *p = pick(k, &at);
		double g = grad[p->index][at];
		double h = fabs(g) > 1 ? 0x1p-6 : fabs(g) > 0.1 ? 0x1p-5 : 0x1p-4;
		double error = fabs(difference((float *)p->tensor.data + at, h) - g);

		CHECK(error <= 1e-3 * fabs(g) + 8 * delta / h, "%s[%lld] is %.6g, off by %.2g",
		      p->path, (long long)at, g, error);
		strict += error <= 1e-3 * fabs(g);
	}
	CHECK(strict > PARAMETERS / 2, "only %d of %d hold the bound without rounding", strict,
	      PARAMETERS);
}

static void test_planned(struct tape *tape, float **heap)
{
	int n = weights_count(weights);
	float **planned = calloc((size_t)n, sizeof *planned);
	struct plan *plan = plan_new();

	gradients(tape, PASS_DRY, plan, NULL);
	ctx_reserve(ctx, plan_bytes(plan));
	memset(ctx->arena, 0xff, plan_bytes(plan));
	gradients(tape, PASS_RUN, plan, planned);
	for (int p = 0; p < n; p++) {
		const struct param *param = weights_at(weights, p);

		CHECK(memcmp(planned[p], heap[p], tensor_bytes(&param->tensor)) == 0,
		      "the gradient of %s differs when planned", param->path);
		free(planned[p]);
	}
	free(planned);
	plan_free(plan);
}

/* Forward on the cpu backend, backward where it has kernels. Sums of up to some hundred fp32
 * products in another order: 1e-4 of the norm over all parameters. */
static void test_cpu(struct tape *tape, float **want)
{
	struct backend *cpu = backend_cpu_new(isa_machine());
	struct weights *ref_weights = weights;
	struct ctx *ref_ctx = ctx;
	int n = weights_count(weights);
	float **grad = calloc((size_t)n, sizeof *grad);
	double diff = 0, norm = 0;

	weights = weights_new(4);
	ctx = ctx_new(cpu, DT_F32, weights);
	gradients(tape, PASS_LOAD, NULL, NULL);
	gradients(tape, PASS_RUN, NULL, grad);
	for (int p = 0; p < n; p++) {
		for (int64_t i = 0; i < tensor_elems(&weights_at(weights, p)->tensor); i++) {
			double w = (double)want[p][i], d = (double)grad[p][i] - w;
			diff += d * d;
			norm += w * w;
		}
		free(grad[p]);
	}
	CHECK(diff <= 1e-8 * norm, "off by %.2g", sqrt(diff / norm));
	free(grad);
	ctx_free(ctx);
	weights_free(weights);
	backend_cpu_free(cpu);
	ctx = ref_ctx;
	weights = ref_weights;
}

/* Backward takes twice the products of forward, attention 5/2, less what no parameter needs: the
 * gradients of the latent and of the inputs of the three linear layers that read inputs. */
static void test_cost(struct tape *tape)
{
	struct cost forward_cost, both;

	forward(PASS_DRY, NULL);
	forward_cost = ctx->cost;
	gradients(tape, PASS_DRY, NULL, NULL);
	both = ctx->cost;
	CHECK_INT(2 * (both.macs_attn - forward_cost.macs_attn), 5 * forward_cost.macs_attn);
	CHECK_INT(3 * forward_cost.macs_conv - both.macs_conv,
		  OUTPUTS * model.channels[0] * 9); /* conv_in */
	CHECK(both.macs_linear < 3 * forward_cost.macs_linear &&
		      both.macs_linear > 2.9 * (double)forward_cost.macs_linear,
	      "linear: %lld forward, %lld in all", (long long)forward_cost.macs_linear,
	      (long long)both.macs_linear);
}

int main(void)
{
	struct tape *tape = tape_new();
	struct err e = { 0 };
	float **grad;
	int n;

	CHECK(tiny_unet_read(&model, &e) == 0, "%s", e.msg);
	weights = weights_new(4);
	ctx = ctx_new(&backend_ref, DT_F32, weights);
	random_fill(1, 99, 0, OUTPUTS, 0, 1, DT_F32, r);
	gradients(tape, PASS_LOAD, NULL, NULL);
	n = weights_count(weights);
	grad = calloc((size_t)n, sizeof *grad);
	gradients(tape, PASS_RUN, NULL, grad);
	test_differences(grad);
	test_planned(tape, grad);
	test_cpu(tape, grad);
	test_cost(tape);
	for (int p = 0; p < n; p++)
		free(grad[p]);
	free(grad);
	tape_free(tape);
	ctx_free(ctx);
	weights_free(weights);
	return test_end();
}
