/* SPDX-License-Identifier: MIT
 *
 * onednn_test --bench [fp32|bf16 [WORD [onednn]]]: every linear and convolution of an SDXL U-Net
 * step (batch 2, 1024x1024) and of its VAE decoder, beside the register peak of the same moment.
 * WORD picks the shapes whose line contains it. Each shape runs for a while and its best time
 * counts; with one thread the clock is the processor time of the thread, which a busy machine
 * disturbs least. The last lines weigh the shapes by their number of calls. With a third word
 * gemm.h is left out. Included by onednn_test.c only.
 */
#ifndef BENCH_ONEDNN_BENCH_H
#define BENCH_ONEDNN_BENCH_H

#include <omp.h>
#include <sys/mman.h>
#include <time.h>

#include "onednn.h"
#include "peak.h"

enum bench_extra { PLAIN, BIAS, CHANNEL, RESIDUAL, GATED };

struct bench_shape {
	int calls;                /* in one step, or one decode */
	int n, size, inputs, outputs; /* size: side of the input image; linear: rows, with n = 1 */
	int kernel, stride;       /* kernel 0: linear */
	enum bench_extra extra;
};

static const struct bench_shape bench_unet[] = {
	{ 45, 1, 8192, 640, 640, 0, 1, PLAIN },
	{ 25, 1, 8192, 640, 640, 0, 1, RESIDUAL },
	{ 10, 1, 8192, 640, 5120, 0, 1, GATED },
	{ 10, 1, 8192, 2560, 640, 0, 1, RESIDUAL },
	{ 20, 1, 154, 2048, 640, 0, 1, PLAIN },
	{ 246, 1, 2048, 1280, 1280, 0, 1, PLAIN },
	{ 126, 1, 2048, 1280, 1280, 0, 1, RESIDUAL },
	{ 60, 1, 2048, 1280, 10240, 0, 1, GATED },
	{ 60, 1, 2048, 5120, 1280, 0, 1, RESIDUAL },
	{ 120, 1, 154, 2048, 1280, 0, 1, PLAIN },
	{ 1, 2, 128, 4, 320, 3, 1, BIAS },
	{ 1, 2, 128, 320, 4, 3, 1, BIAS },
	{ 2, 2, 128, 320, 320, 3, 1, CHANNEL },
	{ 5, 2, 128, 320, 320, 3, 1, RESIDUAL },
	{ 2, 2, 128, 640, 320, 3, 1, CHANNEL },
	{ 1, 2, 128, 960, 320, 3, 1, CHANNEL },
	{ 1, 2, 128, 640, 640, 3, 1, BIAS },
	{ 1, 2, 128, 320, 320, 3, 2, BIAS },
	{ 1, 2, 64, 320, 640, 3, 1, CHANNEL },
	{ 1, 2, 64, 640, 640, 3, 1, CHANNEL },
	{ 5, 2, 64, 640, 640, 3, 1, RESIDUAL },
	{ 1, 2, 64, 960, 640, 3, 1, CHANNEL },
	{ 1, 2, 64, 1280, 640, 3, 1, CHANNEL },
	{ 1, 2, 64, 1920, 640, 3, 1, CHANNEL },
	{ 1, 2, 64, 640, 640, 3, 2, BIAS },
	{ 1, 2, 64, 1280, 1280, 3, 1, BIAS },
	{ 1, 2, 32, 640, 1280, 3, 1, CHANNEL },
	{ 3, 2, 32, 1280, 1280, 3, 1, CHANNEL },
	{ 7, 2, 32, 1280, 1280, 3, 1, RESIDUAL },
	{ 1, 2, 32, 1920, 1280, 3, 1, CHANNEL },
	{ 2, 2, 32, 2560, 1280, 3, 1, CHANNEL },
	{ 2, 2, 128, 640, 320, 1, 1, BIAS },
	{ 1, 2, 128, 960, 320, 1, 1, BIAS },
	{ 1, 2, 64, 320, 640, 1, 1, BIAS },
	{ 1, 2, 64, 960, 640, 1, 1, BIAS },
	{ 1, 2, 64, 1280, 640, 1, 1, BIAS },
	{ 1, 2, 64, 1920, 640, 1, 1, BIAS },
	{ 1, 2, 32, 640, 1280, 1, 1, BIAS },
	{ 1, 2, 32, 1920, 1280, 1, 1, BIAS },
	{ 2, 2, 32, 2560, 1280, 1, 1, BIAS },
};

static const struct bench_shape bench_vae[] = {
	{ 1, 1, 128, 4, 512, 3, 1, BIAS },
	{ 4, 1, 16384, 512, 512, 0, 1, PLAIN },
	{ 5, 1, 128, 512, 512, 3, 1, BIAS },
	{ 5, 1, 128, 512, 512, 3, 1, RESIDUAL },
	{ 4, 1, 256, 512, 512, 3, 1, BIAS },
	{ 3, 1, 256, 512, 512, 3, 1, RESIDUAL },
	{ 1, 1, 512, 512, 512, 3, 1, BIAS },
	{ 1, 1, 512, 512, 256, 3, 1, BIAS },
	{ 2, 1, 512, 256, 256, 3, 1, BIAS },
	{ 3, 1, 512, 256, 256, 3, 1, RESIDUAL },
	{ 1, 1, 512, 512, 256, 1, 1, BIAS },
	{ 1, 1, 1024, 256, 256, 3, 1, BIAS },
	{ 1, 1, 1024, 256, 128, 3, 1, BIAS },
	{ 2, 1, 1024, 128, 128, 3, 1, BIAS },
	{ 3, 1, 1024, 128, 128, 3, 1, RESIDUAL },
	{ 1, 1, 1024, 256, 128, 1, 1, BIAS },
	{ 1, 1, 1024, 128, 3, 3, 1, BIAS },
};

/* ---- one shape ------------------------------------------------------------------------------- */

static double bench_clock(void)
{
	struct timespec t;

	clock_gettime(omp_get_max_threads() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Operands in huge pages, as in a run; taken from one arena that is used again for each shape. */
static struct tensor bench_tensor(enum dtype dtype, int ndim, const int64_t *dim, bool first)
{
	static const size_t arena_bytes = (size_t)5 << 30, huge = (size_t)2 << 20;
	static char *arena, *free_from;
	struct tensor t = { .ndim = ndim, .dtype = dtype, .buffer = -1 };

	memcpy(t.dim, dim, (size_t)ndim * sizeof *dim);
	if (!arena) {
		arena = mmap(NULL, arena_bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		die_if(arena == MAP_FAILED, "no memory");
		madvise(arena, arena_bytes, MADV_HUGEPAGE);
	}
	if (first)
		free_from = arena;
	t.data = free_from;
	free_from += (tensor_bytes(&t) + huge - 1) / huge * huge;
	die_if(free_from > arena + arena_bytes, "the arena is too small");
	random_fill(3, 3, 0, tensor_elems(&t) % (1 << 22), 0, 1, dtype, t.data);
	return t;
}

struct bench_call {
	struct op_call call;
	struct tensor x, bias, more, residual, y;
	double macs;
};

static void bench_operands(const struct bench_shape *s, enum dtype dtype, struct bench_call *b)
{
	bool conv = s->kernel > 0, gated = s->extra == GATED;
	int pad = s->kernel / 2, side = s->size / s->stride,
	    out = gated ? s->outputs / 2 : s->outputs;
	int64_t x[] = { s->n, s->size, s->size, s->inputs }, y[] = { s->n, side, side, out };
	int64_t o[] = { s->outputs }, more[] = { s->n, s->outputs };

	if (!conv)
		x[0] = 1, x[1] = 1, x[2] = s->size, y[0] = 1, y[1] = 1, y[2] = s->size;
	b->x = bench_tensor(dtype, 4, x, true);
	b->y = bench_tensor(dtype, 4, y, false);
	b->bias = bench_tensor(DT_F32, 1, o, false);
	b->more = bench_tensor(dtype, 2, more, false);
	b->residual = bench_tensor(dtype, 4, y, false);
	b->macs = (double)tensor_rows(&b->y) * s->inputs * s->outputs *
		  (conv ? s->kernel * s->kernel : 1);
	b->call = (struct op_call){ .op = conv ? OP_CONV2D : OP_LINEAR };
	if (conv)
		b->call.attr.conv = (struct conv_attr){ s->kernel, s->kernel, s->stride, pad,
							pad - (s->stride - 1), pad,
							pad - (s->stride - 1) };
	else
		b->call.attr.linear.act = gated ? ACT_GEGLU : ACT_NONE;
	b->call.in[0] = &b->x;
	b->call.in[2] = s->extra == PLAIN ? NULL : &b->bias;
	b->call.in[3] = s->extra == CHANNEL ? &b->more : NULL;
	if (s->extra == RESIDUAL)
		b->call.in[conv ? 4 : 3] = &b->residual;
}

/* Name of the implementation that the only weight of these uses. */
static const char *bench_name(const struct dnnl *d, const struct tensor *w)
{
	const struct packed *p = w->param->packed;

	if (p->own.kernel)
		return gemm_name(p->own.kernel);
	for (int i = 0; i < PRIM_BUCKETS; i++)
		if (d->bucket[i])
			return d->bucket[i]->name;
	return "?";
}

static bool bench_without_own;

struct bench_sum {
	double macs, seconds;
};

/* Best of some windows, each shorter than a time slice of the system. */
static double bench_peak(enum dtype dtype)
{
	enum peak p = dtype == DT_BF16 && peak_has(level, PEAK_BF16) ? PEAK_BF16 : PEAK_FP32;
	double best = 0;

	for (int i = 0; i < 10; i++)
		best = fmax(best, peak_run_threads(level, p, omp_get_max_threads(), 0.001));
	return best;
}

static double bench_best(struct ctx *c, struct bench_call *b, enum dtype dtype, double *peak)
{
	double best = INFINITY, from = bench_clock();

	for (int i = 0; i < 3 || (i < 100 && bench_clock() - from < 0.5); i++) {
		double t;
		*peak = fmax(*peak, bench_peak(dtype));
		t = bench_clock();
		op_run(c, &b->call);
		best = fmin(best, bench_clock() - t);
	}
	return best;
}

static void bench_shape_run(const struct bench_shape *s, enum dtype dtype, const char *word,
			    struct bench_sum *sum)
{
	static const char *const extra[] = { "", " bias", " channel", " residual", " geglu" };
	static double peak; /* best so far */
	struct weights *weights;
	struct bench_call b = { 0 };
	struct ctx *c;
	char line[128];
	double t;

	snprintf(line, sizeof line, "%s %dx%d %d -> %d k%d s%d%s", s->kernel ? "conv" : "linear",
		 s->n, s->size, s->inputs, s->outputs, s->kernel, s->stride, extra[s->extra]);
	if (word && !strstr(line, word))
		return;
	weights = weights_new(1);
	c = ctx_new(&backend, dtype, weights);
	cpu.dnnl = dnnl_new(level);
	if (bench_without_own)
		memset(cpu.dnnl->own, 0, sizeof cpu.dnnl->own);
	bench_operands(s, dtype, &b);
	ctx_step_begin(c, PASS_LOAD, NULL);
	b.call.in[1] = param(c, "weight", INIT_FAN_IN, s->kernel ? 4 : 2,
			     (int64_t[]){ s->outputs, s->inputs, s->kernel, s->kernel });
	b.call.out[0] = &b.y;
	op_run(c, &b.call);
	ctx_step_begin(c, PASS_RUN, NULL);
	t = bench_best(c, &b, dtype, &peak);
	die_if(c->err.code, "%s", c->err.msg);
	printf("%3d x %-42s %8.2f ms %7.1f GFLOP/s %5.1f %%  %s\n", s->calls, line, 1e3 * t,
	       2e-9 * b.macs / t, 200 * b.macs / t / peak, bench_name(cpu.dnnl, b.call.in[1]));
	fflush(stdout);
	sum->macs += s->calls * b.macs;
	sum->seconds += s->calls * t;
	ctx_free(c);
	weights_free(weights);
	dnnl_free(cpu.dnnl);
}

static void bench_table(const char *title, const struct bench_shape *s, size_t n, enum dtype dtype,
			const char *word)
{
	struct bench_sum sum = { 0, 0 };
	double peak = 0;

	for (size_t i = 0; i < n; i++)
		bench_shape_run(&s[i], dtype, word, &sum);
	for (int i = 0; i < 20; i++)
		peak = fmax(peak, bench_peak(dtype));
	if (sum.seconds > 0)
		printf("%s %s: %.1f GMAC in %.3f s, %.1f GFLOP/s, %.1f %% of %.1f\n\n", title,
		       dtype_name(dtype), 1e-9 * sum.macs, sum.seconds,
		       2e-9 * sum.macs / sum.seconds, 200 * sum.macs / sum.seconds / peak,
		       1e-9 * peak);
}

/* words: those after --bench, up to NULL */
static int bench(char **words)
{
	enum dtype dtype = words[0] && strcmp(words[0], "fp32") == 0 ? DT_F32 : DT_BF16;
	const char *word = words[0] ? words[1] : NULL;

	bench_without_own = word && words[2];
	level = isa_machine();
	cpu.level = level;
	scratch_init(&cpu.scratch);
	printf("%s, level %s, %d threads, %s\n", dnnl_describe(), isa_name(level),
	       omp_get_max_threads(), dtype_name(dtype));
	bench_table("U-Net", bench_unet, sizeof bench_unet / sizeof *bench_unet, dtype, word);
	bench_table("VAE", bench_vae, sizeof bench_vae / sizeof *bench_vae, dtype, word);
	return 0;
}

#endif
