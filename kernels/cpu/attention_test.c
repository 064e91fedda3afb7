/* SPDX-License-Identifier: MIT
 *
 * Attention at every level that the machine has, against a loop in double precision, with every
 * buffer flush against a page that cannot be touched. The AMX kernel runs with emulated tiles too.
 *
 * Tolerances are norms of the error over norms of the result. fp32: a few roundings of 6e-8 in
 * scores of up to ten, 2e-6. bf16 storage: the result is rounded, each element by 2^-8 of itself at
 * most. bf16 arithmetic rounds the weights too, but the norm of each kind of rounding is at most
 * 2^-8 / sqrt(3) (uniform errors), so that 2^-8 bounds both together.
 *
 * `attention_test --bench [LEVEL]` measures instead of testing.
 */
#define _DEFAULT_SOURCE
#include <omp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attention.h"
#include "clock.h"
#include "cpu.h"
#include "peak.h"
#include "test.h"

struct variant {
	const char *name;
	enum isa level;
	enum dtype dtype;
	const struct attention_kernel *kernel; /* NULL: what the level chooses */
	double tolerance;
};

static const struct variant variants[] = {
	{ "c fp32", ISA_C, DT_F32, NULL, 2e-6 },
	{ "c bf16", ISA_C, DT_BF16, NULL, 0x1p-8 },
	{ "avx2 fp32", ISA_AVX2, DT_F32, NULL, 2e-6 },
	{ "avx2 bf16", ISA_AVX2, DT_BF16, NULL, 0x1p-8 },
	{ "avx512 fp32", ISA_AVX512, DT_F32, NULL, 2e-6 },
	{ "avx512 bf16", ISA_AVX512, DT_BF16, NULL, 0x1p-8 },
	{ "bf16 fp32", ISA_BF16, DT_F32, NULL, 2e-6 },
	{ "bf16", ISA_BF16, DT_BF16, NULL, 0x1p-8 },
	{ "amx fp32", ISA_AMX, DT_F32, NULL, 2e-6 },
	{ "amx", ISA_AMX, DT_BF16, NULL, 0x1p-8 },
	{ "amx emulated", ISA_BF16, DT_BF16, &attention_amx_emulated, 0x1p-8 },
};

#define VARIANTS ((int)(sizeof variants / sizeof *variants))

static bool available(const struct variant *v)
{
	return v->level <= isa_machine();
}

/* ---- guarded memory -------------------------------------------------------------------------- */

/* `bytes` that end where a page without access begins; the page before them has none either. */
struct guarded {
	unsigned char *map, *data;
	size_t map_bytes, bytes;
};

#define CANARY 0xa5

static struct guarded guarded_new(size_t bytes, size_t align)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), inner = (bytes + page - 1) / page * page;
	struct guarded g = { .map_bytes = inner + 2 * page, .bytes = bytes };

	g.map = mmap(NULL, g.map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	die_if(g.map == MAP_FAILED, "no address space");
	die_if(inner && mprotect(g.map + page, inner, PROT_READ | PROT_WRITE), "mprotect");
	memset(g.map + page, CANARY, inner);
	g.data = g.map + page + (inner - bytes) / align * align;
	return g;
}

/* Nothing before or after the data was written. */
static bool guarded_intact(const struct guarded *g)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const unsigned char *end = g->map + g->map_bytes - page;

	for (const unsigned char *p = g->map + page; p < end; p++)
		if ((p < g->data || p >= g->data + g->bytes) && *p != CANARY)
			return false;
	return true;
}

static void guarded_free(struct guarded *g)
{
	munmap(g->map, g->map_bytes);
}

/* ---- one problem ----------------------------------------------------------------------------- */

struct problem {
	const struct variant *variant;
	struct tensor q, k, v, out;
	struct guarded memory[4];
	struct op_call call;
};

static float uniform(uint64_t *state) /* in (-1, 1) */
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (float)(int32_t)(*state >> 32) * 0x1p-31f;
}

static void set(struct tensor *t, int64_t i, float x)
{
	if (t->dtype == DT_F32)
		((float *)t->data)[i] = x;
	else
		((uint16_t *)t->data)[i] = f32_to_bf16(x);
}

static void fill(struct tensor *t, uint64_t seed, float amplitude)
{
	for (int64_t i = 0; i < tensor_elems(t); i++)
		set(t, i, amplitude * uniform(&seed));
}

/* Inputs are uniform in (-2, 2). */
static struct problem problem_new(const struct variant *variant, int64_t batch, int heads,
				  int64_t lq, int64_t lk, int64_t dh, bool causal)
{
	struct problem p = { .variant = variant };
	struct tensor *t[] = { &p.q, &p.k, &p.v, &p.out };

	for (int i = 0; i < 4; i++) {
		*t[i] = (struct tensor){ .dim = { batch, i == 0 || i == 3 ? lq : lk, heads * dh },
					 .ndim = 3, .dtype = variant->dtype };
		p.memory[i] = guarded_new(tensor_bytes(t[i]), dtype_bytes(variant->dtype));
		t[i]->data = p.memory[i].data;
		if (i < 3)
			fill(t[i], (uint64_t)(1 + i), 2);
	}
	p.call = (struct op_call){ .op = OP_ATTENTION,
				   .attr.attn = { heads, causal, 1 / sqrtf((float)dh) } };
	return p;
}

/* The call points into the problem, which the caller may have moved. */
static struct op_call *problem_call(struct problem *p)
{
	p->call.in[0] = &p->q;
	p->call.in[1] = &p->k;
	p->call.in[2] = &p->v;
	p->call.out[0] = &p->out;
	return &p->call;
}

static void problem_free(struct problem *p)
{
	for (int i = 0; i < 4; i++)
		guarded_free(&p->memory[i]);
}

static const struct attention_kernel *kernel(const struct variant *v)
{
	return v->kernel ? v->kernel : attention_kernel_at(v->level, v->dtype);
}

static size_t workspace_bytes(struct problem *p)
{
	return attention_workspace(kernel(p->variant), problem_call(p));
}

/* Scratch of all threads. */
static size_t scratch_bytes(struct problem *p)
{
	return (size_t)omp_get_max_threads() *
	       attention_scratch(kernel(p->variant), problem_call(p));
}

static void run_once(struct problem *p, float *scratch)
{
	attention_run(kernel(p->variant), problem_call(p), omp_get_max_threads(), scratch);
}

/* With workspace and scratch full of NaN between guards. */
static void run(struct problem *p)
{
	struct guarded w = guarded_new(workspace_bytes(p), 64);
	struct guarded s = guarded_new(scratch_bytes(p), 64);

	memset(w.data, 0xff, w.bytes);
	memset(s.data, 0xff, s.bytes);
	p->call.workspace = w.data;
	p->call.workspace_bytes = w.bytes;
	run_once(p, (void *)s.data);
	CHECK(guarded_intact(&w), "%s: wrote past the workspace", p->variant->name);
	CHECK(guarded_intact(&s), "%s: wrote past the scratch", p->variant->name);
	guarded_free(&s);
	for (int i = 0; i < 4; i++)
		CHECK(guarded_intact(&p->memory[i]), "%s: wrote past tensor %d", p->variant->name,
		      i);
	guarded_free(&w);
}

/* ---- the specification ----------------------------------------------------------------------- */

/* One query of one head: q, k, v and out point at its columns, `width` from token to token. */
static void reference_row(const float *q, const float *k, const float *v, int64_t keys, int64_t dh,
			  int64_t width, double scale, double *weight, float *out)
{
	double most = -INFINITY, sum = 0;

	for (int64_t j = 0; j < keys; j++) {
		weight[j] = 0;
		for (int64_t d = 0; d < dh; d++)
			weight[j] += scale * q[d] * k[j * width + d];
		most = fmax(most, weight[j]);
	}
	for (int64_t j = 0; j < keys; j++)
		sum += weight[j] = exp(weight[j] - most);
	for (int64_t d = 0; d < dh; d++) {
		double o = 0;

		for (int64_t j = 0; j < keys; j++)
			o += weight[j] / sum * v[j * width + d];
		out[d] = (float)o;
	}
}

static float *floats(const struct tensor *t)
{
	float *x = malloc(sizeof(float) * (size_t)tensor_elems(t));

	tensor_to_f32(t, x);
	return x;
}

static double error_of(const struct problem *p)
{
	float *q = floats(&p->q), *k = floats(&p->k), *v = floats(&p->v), *got = floats(&p->out);
	float *want = floats(&p->out);
	int64_t width = p->q.dim[2], lq = p->q.dim[1], lk = p->k.dim[1];
	int64_t heads = p->call.attr.attn.heads, dh = width / heads;
	double *weight = malloc(sizeof(double) * (size_t)lk), error;

	for (int64_t r = 0; r < p->q.dim[0] * lq * heads; r++) {
		int64_t n = r / (lq * heads), i = r / heads % lq, h = r % heads;
		int64_t keys = p->call.attr.attn.causal && i + 1 < lk ? i + 1 : lk;
		int64_t at_q = (n * lq + i) * width + h * dh, at_k = n * lk * width + h * dh;

		reference_row(q + at_q, k + at_k, v + at_k, keys, dh, width,
			      p->call.attr.attn.scale, weight, want + at_q);
	}
	error = relative_error(got, want, tensor_elems(&p->out));
	free(q), free(k), free(v), free(got), free(want), free(weight);
	return error;
}

static void check(struct problem *p, double tolerance)
{
	char q[64], k[64];
	double error;

	run(p);
	error = error_of(p);
	CHECK(error <= tolerance, "%s: q %s, k %s, %d heads%s, scale %g: error %.3g > %.3g",
	      p->variant->name, tensor_shape(&p->q, q, sizeof q), tensor_shape(&p->k, k, sizeof k),
	      p->call.attr.attn.heads, p->call.attr.attn.causal ? ", causal" : "",
	      p->call.attr.attn.scale, error, tolerance);
	problem_free(p);
}

/* ---- tests ----------------------------------------------------------------------------------- */

/* Around the edges of vectors, panels, chunks and blocks. */
static void test_shapes(const struct variant *v)
{
	static const int lk[] = { 1,  2,  3,  15,  16,  17,  31,  33,  48,  64,
				  65, 77, 96, 127, 129, 511, 513, 545, 1025 };
	static const int dh[] = {
		1, 2, 3, 8, 15, 16, 17, 31, 33, 40, 64, 72, 80, 130, 160, 257, 320
	};
	static const int lq[] = { 1, 2, 5, 6, 7, 13, 31, 33, 97 };
	uint64_t state = 7;

	for (int i = 0; i < 48; i++) {
		int keys = lk[i % 19], width = dh[(i * 5 + 3) % 17], rows = lq[i % 9];
		struct problem p =
			problem_new(v, 1 + i % 2, 1 + i % 3, rows, keys, width, i % 4 == 1);

		if (i % 3 == 0)
			fill(&p.q, state += 1, 12); /* the maximum moves from block to block */
		check(&p, v->tolerance);
	}
}

/* The shapes of the models, a few queries long. */
static void test_models(const struct variant *v)
{
	static const struct { int heads, lq, lk, dh; bool causal; } model[] = {
		{ 10, 13, 1500, 64, false }, { 20, 13, 77, 64, false }, { 1, 13, 700, 512, false },
		{ 8, 13, 300, 40, false },   { 8, 13, 300, 80, false }, { 8, 13, 300, 160, false },
		{ 16, 13, 300, 72, false },  { 12, 77, 77, 64, true },
	};

	for (size_t i = 0; i < sizeof model / sizeof *model; i++) {
		struct problem p = problem_new(v, 2, model[i].heads, model[i].lq, model[i].lk,
					       model[i].dh, model[i].causal);
		check(&p, v->tolerance);
	}
}

/* Row i of a causal result is the last row of attention over the first i + 1 tokens. */
static void test_causal(const struct variant *v)
{
	struct problem all = problem_new(v, 1, 1, 600, 600, 24, true);

	run(&all);
	for (int n = 1; n <= 600; n = n * 3 / 2 + 1) {
		struct problem some = problem_new(v, 1, 1, n, n, 24, false);
		float *want, *got = floats(&all.out);

		run(&some);
		want = floats(&some.out);
		CHECK(relative_error(got + 24 * (n - 1), want + 24 * (n - 1), 24) <=
			      2 * v->tolerance, "%s: row %d", v->name, n - 1);
		free(want), free(got);
		problem_free(&some);
	}
	problem_free(&all);
}

/* One key: its value, in bf16 to the bit, in fp32 but for the roundings of a weight and its
 * inverse. */
static void test_one_key(const struct variant *v)
{
	struct problem p = problem_new(v, 2, 3, 9, 1, 20, false);
	float *value = floats(&p.v), *got;

	run(&p);
	got = floats(&p.out);
	for (int i = 0; i < 2 * 9 * 60; i++)
		CHECK_NEAR(got[i], value[i / 540 * 60 + i % 60], v->dtype == DT_F32 ? 1e-6 : 0);
	free(value), free(got);
	problem_free(&p);
}

/* Scores of +-10000: equal large ones share the weight, small ones get none, nothing overflows. */
static void test_large_scores(const struct variant *v)
{
	for (int sign = -1; sign <= 1; sign += 2) {
		struct problem p = problem_new(v, 1, 1, 7, 1030, 4, false);

		for (int64_t i = 0; i < tensor_elems(&p.q); i++)
			set(&p.q, i, (float)(sign * 64));
		for (int64_t i = 0; i < tensor_elems(&p.k); i++)
			set(&p.k, i, i / 4 % 5 == 4 ? 78 : -78);
		check(&p, v->tolerance);
	}
}

/* Keys halfway, or the last one, that outweigh all before them by 2^29 and by 2^58. */
static void test_late_maximum(const struct variant *v)
{
	for (int late = 300; late <= 599; late += 299)
		for (float x = 2.5f; x <= 5; x *= 2) {
			struct problem p = problem_new(v, 1, 1, 40, 600, 4, false);

			for (int64_t i = 0; i < tensor_elems(&p.q); i++)
				set(&p.q, i, 4);
			for (int64_t i = 0; i < tensor_elems(&p.k); i++)
				set(&p.k, i, i / 4 < late ? 0 : x);
			check(&p, v->tolerance);
		}
}

/* One weight beyond the range of the fast way, beside one that still counts there. */
static void test_two_late_keys(const struct variant *v)
{
	struct problem p = problem_new(v, 1, 1, 40, 600, 4, false);

	for (int64_t i = 0; i < tensor_elems(&p.q); i++)
		set(&p.q, i, 4);
	for (int64_t i = 0; i < tensor_elems(&p.k); i++)
		set(&p.k, i, i / 4 == 300 ? 2.9375f : i / 4 == 599 ? 5 : 0);
	check(&p, v->tolerance);
}

/* Weights of 1e-39 vanish; subnormal inputs may count as zero but do no other harm. */
static void test_subnormals(const struct variant *v)
{
	struct problem p = problem_new(v, 1, 1, 7, 100, 1, false);
	float *got;

	for (int i = 0; i < 7; i++)
		set(&p.q, i, 1);
	for (int i = 0; i < 100; i++)
		set(&p.k, i, i ? -90 : 0);
	check(&p, v->tolerance);
	p = problem_new(v, 1, 1, 7, 100, 40, false);
	for (int64_t i = 0; i < tensor_elems(&p.v); i++)
		set(&p.v, i, 1e-39f);
	run(&p);
	got = floats(&p.out);
	for (int i = 0; i < 7 * 40; i++)
		CHECK(got[i] >= 0 && got[i] < 2e-39f, "%s: %g", v->name, got[i]);
	free(got);
	problem_free(&p);
}

static void test_scales(const struct variant *v)
{
	static const float scale[] = { 0, -0.3f, 3 };

	for (int i = 0; i < 3; i++) {
		struct problem p = problem_new(v, 1, 2, 8, 70, 9, i == 1);

		p.call.attr.attn.scale = scale[i];
		check(&p, v->tolerance * (i == 2 ? 4 : 1)); /* scores four times as large */
	}
}

/* A query that is not a number spoils its own row and no other. */
static void test_nan(const struct variant *v)
{
	struct problem p = problem_new(v, 1, 1, 12, 50, 8, false);
	float *got;

	set(&p.q, 5 * 8 + 2, NAN);
	run(&p);
	got = floats(&p.out);
	for (int i = 0; i < 12 * 8; i++)
		CHECK(!isnan(got[i]) == (i / 8 != 5), "%s: row %d is %g", v->name, i / 8, got[i]);
	free(got);
	problem_free(&p);
}

/* A key that is not a number spoils every row, whatever its sign and place. */
static void test_nan_key(const struct variant *v)
{
	for (int key = 3; key <= 300; key += 297)
		for (int sign = -1; sign <= 1; sign += 2) {
			struct problem p = problem_new(v, 1, 1, 40, 600, 4, false);
			int64_t numbers = 0;
			float *got;

			set(&p.k, 4 * key, sign < 0 ? -NAN : NAN);
			run(&p);
			got = floats(&p.out);
			for (int i = 0; i < 40 * 4; i++)
				numbers += !isnan(got[i]);
			CHECK(numbers == 0, "%s: key %d: %lld numbers", v->name, key,
			      (long long)numbers);
			free(got);
			problem_free(&p);
		}
}

/* The same bits and the same workspace for every number of threads. */
static void test_threads(const struct variant *v)
{
	struct problem p = problem_new(v, 2, 3, 230, 600, 40, false);
	size_t bytes = tensor_bytes(&p.out), workspace;
	void *first = malloc(bytes);
	int threads = omp_get_max_threads();

	omp_set_num_threads(1);
	run(&p);
	memcpy(first, p.out.data, bytes);
	workspace = workspace_bytes(&p);
	for (int n = 2; n <= 4; n++) {
		omp_set_num_threads(n);
		run(&p);
		CHECK(!memcmp(first, p.out.data, bytes), "%s: %d threads differ", v->name, n);
		CHECK_INT(workspace_bytes(&p), workspace);
	}
	omp_set_num_threads(threads);
	free(first);
	problem_free(&p);
}

/* ---- speed ----------------------------------------------------------------------------------- */

static void bench_shape(const struct variant *v, int64_t heads, int64_t lq, int64_t lk, int64_t dh)
{
	int64_t batch = dh == 512 ? 1 : 2;
	enum peak format = v->dtype == DT_BF16 && peak_has(v->level, PEAK_BF16) ? PEAK_BF16 :
										  PEAK_FP32;
	struct problem p = problem_new(v, batch, (int)heads, lq, lk, dh, false);
	double flop = 4.0 * (double)(batch * heads * lq * lk * dh), best = INFINITY, peak = 0,
	       spent = 0;
	float *scratch;

	p.call.workspace_bytes = workspace_bytes(&p);
	p.call.workspace = aligned_alloc(64, p.call.workspace_bytes);
	scratch = aligned_alloc(64, scratch_bytes(&p));
	for (int i = 0; i < 3 || spent < 1; i++) {
		double start = clock_s(), rate;

		run_once(&p, scratch);
		spent += clock_s() - start;
		best = fmin(best, clock_s() - start);
		rate = peak_run_threads(v->level, format, omp_get_max_threads(), 0.01);
		peak = fmax(peak, rate);
	}
	printf("%-12s %2d x %2d heads  Lq %5d  Lk %5d  dh %3d  %9.3f ms  %7.1f GFLOP/s  %5.1f %% "
	       "of %s "
	       "peak\n",
	       v->name, (int)batch, (int)heads, (int)lq, (int)lk, (int)dh, best * 1e3,
	       flop / best * 1e-9, 100 * flop / best / peak, peak_name(format));
	fflush(stdout);
	free(p.call.workspace);
	free(scratch);
	problem_free(&p);
}

static int bench(const char *only)
{
	static const int shape[][4] = { { 10, 4096, 4096, 64 }, { 20, 1024, 1024, 64 },
					{ 1, 16384, 16384, 512 }, { 10, 4096, 77, 64 },
					{ 20, 1024, 77, 64 }, { 8, 4096, 4096, 40 },
					{ 8, 1024, 1024, 80 }, { 8, 256, 256, 160 },
					{ 16, 1024, 1024, 72 } };

	for (int i = 0; i < VARIANTS; i++)
		for (int s = 0; s < (int)(sizeof shape / sizeof *shape); s++) {
			bool slow = shape[s][3] == 512 && variants[i].level < ISA_BF16;

			if (available(&variants[i]) && !variants[i].kernel && !slow &&
			    (!only || !strcmp(only, variants[i].name)))
				bench_shape(&variants[i], shape[s][0], shape[s][1], shape[s][2],
					    shape[s][3]);
		}
	return 0;
}

int main(int argc, char **argv)
{
	int threads = omp_get_max_threads();

	if (argc > 1 && !strcmp(argv[1], "--bench"))
		return bench(argc > 2 ? argv[2] : NULL);
	for (int i = 0; i < VARIANTS; i++) {
		const struct variant *v = &variants[i];

		if (!available(v))
			continue;
		test_models(v);
		test_threads(v);
		omp_set_num_threads(1); /* the rest is too small to share */
		test_shapes(v);
		test_causal(v);
		test_one_key(v);
		test_large_scores(v);
		test_late_maximum(v);
		test_two_late_keys(v);
		test_subnormals(v);
		test_scales(v);
		test_nan(v);
		test_nan_key(v);
		omp_set_num_threads(threads);
	}
	return test_end();
}
