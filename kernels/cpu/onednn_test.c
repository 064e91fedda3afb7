/* SPDX-License-Identifier: MIT
 *
 * Linear and convolution against the ref backend: every epilogue, odd sizes, explicit padding, both
 * storages, at every level that the machine has. oneDNN takes its level once per process, so each
 * level is tested in a child.
 *
 * Bound per element: |y - ref| <= r |ref| + a. The reference is exact to fp64. r is half a unit in
 * the last place of bf16 (2^-8), and for fp32 the rounding of sums of up to 3000 products of either
 * sign, which grows as the root of their number: 60 * 2^-24 = 4e-6. a covers terms that nearly
 * cancel: for fp32 2e-5; for bf16 2e-4, because activations are then good to 2e-5 of a term (up to
 * 8).
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctx.h"
#include "cpu.h"
#include "guard.h"
#include "test.h"

static enum isa level;
static struct cpu cpu;
static struct backend backend = {
	.name = "onednn",
	.run = { [OP_LINEAR] = dnnl_run_linear, [OP_CONV2D] = dnnl_run_conv2d },
	.workspace = dnnl_workspace,
	.load = dnnl_load,
	.state = &cpu,
};

#include "onednn_bench.h"

/* ---- tensors between guard zones ------------------------------------------------------------- */

static struct guard guards[8];
static int n_guards;

static struct tensor guarded(enum dtype dtype, int ndim, const int64_t *dim)
{
	struct tensor t = { .ndim = ndim, .dtype = dtype, .buffer = -1 };

	memcpy(t.dim, dim, (size_t)ndim * sizeof *dim);
	guards[n_guards] = guard_new(tensor_bytes(&t));
	t.data = guards[n_guards++].data;
	return t;
}

static struct tensor filled(uint64_t seed, enum dtype dtype, int ndim, const int64_t *dim)
{
	struct tensor t = guarded(dtype, ndim, dim);

	random_fill(seed, 1, 0, tensor_elems(&t), 0.1f, 1, dtype, t.data);
	return t;
}

/* Checks and frees all tensors of a case. */
static void release_all(const char *what)
{
	for (; n_guards > 0; n_guards--) {
		CHECK(guard_intact(&guards[n_guards - 1]), "%s %s: wrote before a tensor",
		      isa_name(level), what);
		guard_free(&guards[n_guards - 1]);
	}
}

/* ---- one case -------------------------------------------------------------------------------- */

/* Tensors of a call; absent ones have no data. */
struct operands {
	struct tensor x, bias, channel_bias, residual, y, again, want;
};

static struct tensor *optional(struct tensor *t)
{
	return t->data ? t : NULL;
}

/* The call with its weight, run or loaded by the context's backend; `out` takes the result. */
static void issue(struct ctx *c, struct op_call call, struct operands *o, struct tensor *w,
		  struct tensor *out)
{
	bool conv = call.op == OP_CONV2D;

	call.in[0] = &o->x;
	call.in[1] = w;
	call.in[2] = optional(&o->bias);
	call.in[3] = optional(conv ? &o->channel_bias : &o->residual);
	call.in[4] = conv ? optional(&o->residual) : NULL;
	call.out[0] = out;
	op_run(c, &call);
	CHECK(c->err.code == 0, "%s", c->err.msg);
}

static void reference(struct op_call call, struct weights *weights, const struct tensor *w,
		      struct operands *o)
{
	struct ctx *c = ctx_new(&backend_ref, w->dtype, weights);
	struct tensor plain = guarded(w->dtype, w->ndim, w->dim);

	weights_fill(weights, w->param, w->dtype, plain.data, NULL);
	ctx_step_begin(c, PASS_RUN, NULL);
	issue(c, call, o, &plain, &o->want);
	ctx_step_end(c);
	ctx_free(c);
}

static void compare(const struct operands *o, const char *what)
{
	int64_t n = tensor_elems(&o->y);
	float *got = malloc((size_t)n * sizeof *got);
	const float *want = o->want.data;
	double r = o->y.dtype == DT_BF16 ? 0x1p-8 : 4e-6;
	double a = o->y.dtype == DT_BF16 ? 2e-4 : 2e-5, worst = 0;
	int64_t at = 0;

	die_if(!got, "out of memory");
	tensor_to_f32(&o->y, got);
	for (int64_t i = 0; i < n; i++) {
		double excess = fabs((double)got[i] - (double)want[i]) /
				(r * fabs((double)want[i]) + a);
		if (!(excess <= worst))
			worst = excess, at = i;
	}
	CHECK(worst <= 1, "%s %s %s: %g at %lld, want %g (%.2f of the bound)", isa_name(level),
	      dtype_name(o->y.dtype), what, (double)got[at], (long long)at, (double)want[at],
	      worst);
	CHECK(memcmp(o->y.data, o->again.data, tensor_bytes(&o->y)) == 0,
	      "%s %s: another result the second time", isa_name(level), what);
	free(got);
}

/* Our own products give the same bits for every number of threads; oneDNN's need not. */
static void check_threads(struct ctx *c, struct op_call call, struct tensor *w, struct operands *o,
			  const char *what)
{
	for (int threads = 1; threads <= 3; threads += 2) {
		omp_set_num_threads(threads);
		ctx_step_begin(c, PASS_RUN, NULL);
		issue(c, call, o, w, &o->again);
		ctx_step_end(c);
		CHECK(memcmp(o->y.data, o->again.data, tensor_bytes(&o->y)) == 0,
		      "%s %s: %d threads give another result", isa_name(level), what, threads);
	}
	omp_set_num_threads(2);
}

/* Loads the weight as `loaded` wants it, runs `call` with it twice, compares with ref. */
static void check_call(struct op_call loaded, struct op_call call, int ndim, const int64_t *w_dim,
		       struct operands *o, const char *what)
{
	struct weights *weights = weights_new(7);
	struct ctx *c = ctx_new(&backend, o->x.dtype, weights);
	struct tensor *w;

	ctx_step_begin(c, PASS_LOAD, NULL);
	w = param(c, "weight", INIT_FAN_IN, ndim, w_dim);
	issue(c, loaded, o, w, NULL);
	ctx_step_end(c);
	CHECK(w->param->packed_bytes >= tensor_bytes(w) && !w->data, "%s: not packed", what);
	ctx_step_begin(c, PASS_RUN, NULL);
	issue(c, call, o, w, &o->y);
	issue(c, call, o, w, &o->again);
	ctx_step_end(c);
	reference(call, weights, w, o);
	compare(o, what);
	if (((struct packed *)w->param->packed)->own.kernel)
		check_threads(c, call, w, o, what);
	ctx_free(c);
	weights_free(weights);
}

/* ---- linear ---------------------------------------------------------------------------------- */

struct linear_case {
	int64_t rows, inputs, outputs;
	bool bias, residual;
	enum act loaded, act;
};

static void check_linear(const struct linear_case *k, enum dtype dtype)
{
	int64_t outputs = k->act == ACT_GEGLU ? k->outputs / 2 : k->outputs;
	int64_t x[] = { 1, k->rows, k->inputs }, y[] = { 1, k->rows, outputs };
	struct operands o = { .x = filled(1, dtype, 3, x), .y = guarded(dtype, 3, y),
			      .again = guarded(dtype, 3, y), .want = guarded(DT_F32, 3, y) };
	struct op_call loaded = { .op = OP_LINEAR, .attr.linear.act = k->loaded }, call = loaded;
	char what[160];

	if (k->bias)
		o.bias = filled(2, DT_F32, 1, &k->outputs);
	if (k->residual && k->loaded == k->act)
		o.residual = filled(3, dtype, 3, y);
	call.attr.linear.act = k->act;
	snprintf(what, sizeof what, "linear [%lld,%lld] -> %lld %s%s%s (packed for %s)",
		 (long long)k->rows, (long long)k->inputs, (long long)k->outputs, act_name(k->act),
		 k->bias ? " bias" : "", k->residual ? " residual" : "", act_name(k->loaded));
	check_call(loaded, call, 2, (int64_t[]){ k->outputs, k->inputs }, &o, what);
	release_all(what);
}

static void test_linear(enum dtype dtype)
{
	static const int64_t size[][3] = { { 1, 3, 2 }, { 2, 40, 24 }, { 7, 33, 18 },
					   { 77, 64, 96 }, { 30, 1280, 66 }, { 154, 100, 640 } };

	for (size_t i = 0; i < sizeof size / sizeof *size; i++)
		for (int act = ACT_NONE; act <= ACT_GEGLU; act++)
			for (int with = 0; with < 4; with += 1 + (int)(i % 2)) {
				struct linear_case k = { size[i][0], size[i][1], size[i][2],
							 with & 1,   with & 2,   act,
							 act };
				check_linear(&k, dtype);
			}
}

/* Weights in parts, blocks of rows with a remainder, and a weight used otherwise than it was
 * packed. */
static void test_linear_parts(enum dtype dtype)
{
	static const struct linear_case odd[] = {
		/* blocks of k, rows and columns */
		{ 500, 333, 700, true, true, ACT_NONE, ACT_NONE },
		{ 250, 650, 1300, true, true, ACT_GEGLU, ACT_GEGLU },
		{ 1100, 12, 2048, true, true, ACT_GEGLU, ACT_GEGLU },
		{ 1100, 12, 2048, true, false, ACT_GEGLU, ACT_NONE },
		{ 45, 1800, 70, true, true, ACT_GELU, ACT_GELU },
		{ 290, 2100, 200, true, true, ACT_GEGLU, ACT_GEGLU },
		{ 1101, 40, 1984, true, false, ACT_GEGLU, ACT_GEGLU }, /* past the caches: */
		{ 530, 700, 2048, true, false, ACT_GEGLU, ACT_GEGLU },
		{ 530, 700, 1024, true, true, ACT_SILU, ACT_SILU },
		{ 33, 12, 3072, true, false, ACT_NONE, ACT_GEGLU },
		{ 33, 12, 3072, false, false, ACT_GEGLU, ACT_SILU },
		/* every number of rows of a last tile, and of vectors of a last panel */
		{ 17, 1, 80, true, false, ACT_NONE, ACT_NONE },
		{ 13, 17, 104, true, true, ACT_SILU, ACT_SILU },
		{ 130, 31, 97, false, true, ACT_QUICK_GELU, ACT_QUICK_GELU },
		{ 11, 1, 62, true, true, ACT_GEGLU, ACT_GEGLU },
		{ 138, 2700, 100, true, true, ACT_NONE, ACT_NONE },
		{ 129, 2600, 114, true, false, ACT_GEGLU, ACT_GEGLU },
	};

	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		check_linear(&odd[i], dtype);
}

/* ---- convolution ----------------------------------------------------------------------------- */

struct conv_case {
	int64_t n, height, width, inputs, outputs;
	struct conv_attr attr;
};

/* with: bit 0 bias, bit 1 channel bias, bit 2 residual */
static void check_conv(const struct conv_case *k, int with, enum dtype dtype)
{
	const struct conv_attr *a = &k->attr;
	int64_t x[] = { k->n, k->height, k->width, k->inputs };
	int64_t y[] = { k->n, (k->height + a->top + a->bottom - a->kh) / a->stride + 1,
			(k->width + a->left + a->right - a->kw) / a->stride + 1, k->outputs };
	struct operands o = { .x = filled(1, dtype, 4, x), .y = guarded(dtype, 4, y),
			      .again = guarded(dtype, 4, y), .want = guarded(DT_F32, 4, y) };
	struct op_call call = { .op = OP_CONV2D, .attr.conv = *a };
	char what[160];

	if (with & 1)
		o.bias = filled(2, DT_F32, 1, &k->outputs);
	if (with & 2)
		o.channel_bias = filled(4, dtype, 2, (int64_t[]){ k->n, k->outputs });
	if (with & 4)
		o.residual = filled(3, dtype, 4, y);
	snprintf(what, sizeof what, "conv %lldx[%lld,%lld] %lld -> %lld k%d s%d pad %d%d%d%d%s%s%s",
		 (long long)k->n, (long long)k->height, (long long)k->width, (long long)k->inputs,
		 (long long)k->outputs, a->kh, a->stride, a->top, a->bottom, a->left, a->right,
		 with & 1 ? " bias" : "", with & 2 ? " channel" : "", with & 4 ? " residual" : "");
	check_call(call, call, 4, (int64_t[]){ k->outputs, k->inputs, a->kh, a->kw }, &o, what);
	release_all(what);
}

static void test_conv(enum dtype dtype)
{
	static const struct conv_case k[] = {
		{ 2, 8, 8, 32, 64, { 3, 3, 1, 1, 1, 1, 1 } },
		{ 1, 9, 7, 5, 7, { 3, 3, 1, 1, 1, 1, 1 } },
		{ 2, 10, 6, 4, 80, { 3, 3, 1, 1, 1, 1, 1 } },
		{ 1, 9, 12, 96, 4, { 3, 3, 1, 1, 1, 1, 1 } },
		{ 1, 11, 5, 128, 3, { 3, 3, 1, 1, 1, 1, 1 } },
		{ 2, 8, 10, 48, 96, { 3, 3, 2, 1, 1, 1, 1 } },
		{ 1, 8, 8, 16, 24, { 3, 3, 2, 0, 1, 0, 1 } }, /* the downsampling of the encoder */
		{ 1, 6, 8, 64, 64, { 3, 3, 1, 0, 1, 1, 1 } }, /* halos: rows of a neighbour */
		{ 1, 6, 8, 64, 64, { 3, 3, 1, 1, 0, 1, 1 } },
		{ 1, 6, 9, 20, 33, { 3, 3, 1, 0, 0, 1, 0 } },
		{ 1, 5, 5, 33, 17, { 3, 3, 1, 2, 3, 1, 0 } },
		{ 2, 6, 5, 96, 48, { 1, 1, 1, 0, 0, 0, 0 } },
		{ 1, 4, 4, 4, 4, { 1, 1, 1, 0, 0, 0, 0 } },
		{ 1, 8, 8, 16, 32, { 1, 1, 2, 0, 0, 0, 0 } },
		{ 1, 1, 1, 8, 8, { 3, 3, 1, 1, 1, 1, 1 } },
		{ 1, 12, 12, 3, 32, { 4, 4, 4, 0, 0, 0, 0 } }, /* patches of a vision tower */
		{ 2, 17, 19, 72, 40, { 3, 3, 1, 1, 1, 1, 1 } }, /* blocks of k end inside a tap */
		{ 1, 19, 70, 330, 34, { 3, 3, 1, 1, 1, 1, 1 } }, /* several patches and panels, */
		{ 1, 9, 60, 1100, 10, { 3, 3, 1, 1, 1, 1, 1 } }, /* and strips of some channels */
		{ 1, 20, 40, 64, 40, { 3, 3, 1, 1, 1, 1, 1 } },
		{ 2, 40, 70, 96, 48, { 3, 3, 2, 0, 1, 0, 1 } },
		{ 1, 30, 100, 32, 20, { 3, 3, 1, 4, 3, 3, 5 } },
		{ 1, 32, 32, 160, 32, { 4, 4, 4, 0, 0, 0, 0 } }, /* windows in chunks of K */
		{ 1, 9, 37, 1, 40, { 3, 3, 1, 1, 1, 1, 1 } }, /* few channels */
		{ 2, 13, 21, 3, 33, { 3, 3, 2, 1, 1, 1, 1 } },
		{ 1, 11, 23, 5, 34, { 5, 5, 1, 2, 2, 2, 2 } },
		{ 2, 20, 41, 8, 70, { 3, 3, 1, 1, 1, 1, 1 } },
		{ 1, 9, 15, 16, 20, { 3, 3, 1, 1, 0, 0, 2 } },
		{ 1, 9, 15, 17, 20, { 3, 3, 1, 1, 1, 1, 1 } },
		{ 2, 12, 21, 4, 20, { 3, 3, 1, 4, 3, 3, 5 } },
		{ 1, 9, 30, 4, 10, { 1, 7, 1, 0, 0, 3, 3 } },
		{ 1, 80, 3, 1, 8, { 64, 1, 1, 0, 0, 0, 0 } },
		{ 2, 48, 51, 3, 40, { 16, 16, 16, 0, 0, 0, 0 } },
		{ 1, 32, 48, 16, 12, { 16, 16, 16, 0, 0, 0, 0 } }, /* in chunks of K */
	};

	for (size_t i = 0; i < sizeof k / sizeof *k; i++)
		for (int with = (int)(i % 2); with < 8; with += 2 + (int)(i % 3))
			check_conv(&k[i], with, dtype);
}

/* ---- levels ---------------------------------------------------------------------------------- */

/* A weight that is no parameter: packed for each call. */
static void test_plain_weight(enum dtype dtype)
{
	struct operands o = { .x = filled(1, dtype, 2, (int64_t[]){ 9, 20 }),
			      .y = guarded(dtype, 2, (int64_t[]){ 9, 12 }),
			      .want = guarded(dtype, 2, (int64_t[]){ 9, 12 }) };
	struct tensor w = filled(5, dtype, 2, (int64_t[]){ 12, 20 });
	struct op_call call = { .op = OP_LINEAR, .attr.linear.act = ACT_SILU };
	const struct backend *b[] = { &backend, &backend_ref };
	float got[9 * 12], want[9 * 12];

	for (int i = 0; i < 2; i++) {
		struct ctx *c = ctx_new(b[i], dtype, NULL);
		ctx_step_begin(c, PASS_RUN, NULL);
		issue(c, call, &o, &w, i ? &o.want : &o.y);
		ctx_step_end(c);
		ctx_free(c);
	}
	tensor_to_f32(&o.y, got);
	tensor_to_f32(&o.want, want);
	CHECK(relative_error(got, want, 9 * 12) < (dtype == DT_BF16 ? 2e-3 : 1e-6), "%g",
	      relative_error(got, want, 9 * 12));
	release_all("a plain weight");
}

/* A product to be tested instead of the level's own, or NULL. */
static const struct gemm_kernel *instead;

static int test_level(void)
{
	cpu = (struct cpu){ .level = level, .dnnl = dnnl_new(level) };
	scratch_init(&cpu.scratch);
	if (instead)
		cpu.dnnl->own[instead->dtype] = instead;
	for (int dtype = instead ? (int)instead->dtype : DT_F32; dtype <= DT_BF16; dtype++) {
		test_linear(dtype);
		test_linear_parts(dtype);
		test_conv(dtype);
		test_plain_weight(dtype);
	}
	dnnl_free(cpu.dnnl);
	scratch_clear(&cpu.scratch);
	fflush(stdout);
	return test_failed;
}

/* Runs the level in a child, which reports its counts through a pipe. */
static void spawn_level(void)
{
	int pipes[2], counts[2] = { 0, 1 }, status = 0;
	pid_t child;

	die_if(pipe(pipes), "no pipe");
	fflush(stdout);
	child = fork();
	die_if(child < 0, "no child");
	if (child == 0) {
		test_level();
		counts[0] = test_passed;
		counts[1] = test_failed;
		_exit(write(pipes[1], counts, sizeof counts) != sizeof counts);
	}
	close(pipes[1]);
	CHECK(read(pipes[0], counts, sizeof counts) == sizeof counts, "level %s died",
	      isa_name(level));
	close(pipes[0]);
	waitpid(child, &status, 0);
	CHECK(status == 0, "level %s ended with status %d", isa_name(level), status);
	test_passed += counts[0];
	test_failed += counts[1];
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--bench") == 0)
		return bench(argv + 2);
	for (int l = ISA_C; l <= (int)isa_machine(); l++) {
		level = l;
		spawn_level();
	}
	if (isa_machine() >= ISA_BF16) {
		level = ISA_BF16;
		instead = &gemm_amx_emulated;
		spawn_level();
	}
	return test_end();
}
