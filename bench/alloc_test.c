/* SPDX-License-Identifier: MIT
 *
 * Nothing is allocated inside a timed step: every op of it would pay for that. The calls of malloc
 * and its kin are counted in the whole process, libraries and their threads included, on the null
 * backend and on the real one at every level.
 *
 * What no caller can avoid is counted apart. dnnl_primitive_execute() keeps the arguments of each
 * call in a hash table of its own (an entry each, the table, and what some implementations add to
 * it): that is held to a few hundred bytes a call. The "gemm:jit" implementations, which oneDNN
 * takes for products in fp32 and for convolutions without AVX2, pack their operands into memory of
 * their own: that is only told.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <dnnl.h>

#include "measure.h"
#include "test.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
int main(void)
{
	return test_skip("the sanitizer has its own malloc");
}
#else

#define ENTRIES_PER_CALL 16   /* six arguments, the table, spare for other versions */
#define BYTES_PER_CALL   1024

struct count {
	atomic_long calls, bytes;
};

/* Outside of dnnl_primitive_execute(), inside, and inside of one that packs. */
static struct count ours, theirs, packing;
static struct count *_Atomic now = &ours;
static long executions, packing_executions;

static void count(size_t n)
{
	struct count *c = atomic_load(&now);

	atomic_fetch_add(&c->calls, 1);
	atomic_fetch_add(&c->bytes, (long)n);
}

/* What glibc's functions are called when a program has its own. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

void *malloc(size_t n)
{
	count(n);
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	count(n * size);
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	count(n);
	return __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
	count(n);
	return __libc_memalign(align, n);
}

int posix_memalign(void **p, size_t align, size_t n)
{
	count(n);
	*p = __libc_memalign(align, n);
	return *p ? 0 : ENOMEM;
}

static const char *implementation(const_dnnl_primitive_t p)
{
	const_dnnl_primitive_desc_t pd;
	const char *name = "";

	if (dnnl_primitive_get_primitive_desc(p, &pd) == dnnl_success)
		dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
	return name;
}

dnnl_status_t dnnl_primitive_execute(const_dnnl_primitive_t p, dnnl_stream_t stream, int n,
				     const dnnl_exec_arg_t *arg)
{
	static dnnl_status_t (*real)(const_dnnl_primitive_t, dnnl_stream_t, int,
				     const dnnl_exec_arg_t *);
	bool packs = strstr(implementation(p), "gemm:jit");
	dnnl_status_t status;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "dnnl_primitive_execute");
	executions += !packs;
	packing_executions += packs;
	atomic_store(&now, packs ? &packing : &theirs);
	status = real(p, stream, n, arg);
	atomic_store(&now, &ours);
	return status;
}

static void test_counters(void)
{
	long before = ours.calls;
	void *volatile p = malloc(10);
	void *volatile q = calloc(1, 10);

	p = realloc(p, 20);
	free(p);
	free(q);
	p = aligned_alloc(64, 64);
	free(p);
	CHECK_INT(ours.calls - before, 4);
}

static int step(struct point *p, int stage)
{
	ctx_step_begin(p->ctx, PASS_RUN, p->plan[stage]);
	p->w->step(p->w, p->ctx, stage, 0);
	return ctx_step_end(p->ctx);
}

static void check_step(struct point *p, const char *what, int stage)
{
	long calls = ours.calls, bytes = ours.bytes, entries = theirs.calls, small = theirs.bytes;
	long runs = executions;

	CHECK_INT(step(p, stage), 0);
	calls = ours.calls - calls;
	bytes = ours.bytes - bytes;
	runs = executions - runs;
	CHECK(calls == 0, "%s %s: %ld allocations of %ld bytes", what, p->w->stage[stage].name,
	      calls, bytes);
	CHECK(theirs.calls - entries <= ENTRIES_PER_CALL * runs &&
		      theirs.bytes - small <= BYTES_PER_CALL * runs,
	      "%s %s: oneDNN allocated %ld times, %ld bytes, in %ld executions", what,
	      p->w->stage[stage].name, theirs.calls - entries, theirs.bytes - small, runs);
}

/* The first step of a stage too: one that is long enough is measured without a warm-up. */
static void test_steps(int argc, char **argv)
{
	struct progress progress;
	struct measurement m = { 0 };
	struct err e = { 0 };
	struct options o;
	struct device d;
	struct point p;

	progress_init(&progress, true);
	CHECK(!options_parse(&o, argc, argv, &e) && !device_open(&d, &o, &e), "%s", e.msg);
	CHECK(!point_open(&p, &o, d.backend, &e) && !measure_load(&m, &p, &progress, &e), "%s",
	      e.msg);
	for (int i = 0; i < p.w->n_stages; i++) {
		check_step(&p, argv[argc - 1], i);
		check_step(&p, argv[argc - 1], i);
	}
	point_close(&p);
	device_close(&d);
	measure_end(&m);
}

static void test_levels(void)
{
	static const char *const dtype[] = { "dtype=bf16", "dtype=fp32" };

	for (enum isa level = ISA_C; level <= isa_machine(); level++)
		for (int i = 0; i < 2; i++) {
			char what[64], *argv[] = { "bench", "run", "sdxl-20steps-mini", "--set",
						   (char *)dtype[i], "--isa", what };

			snprintf(what, sizeof what, "%s", isa_name(level));
			test_steps(7, argv);
		}
}

static void tell(const char *what, const struct count *c, long n)
{
	if (n)
		printf("%s: %.1f allocations, %.0f bytes per execution, %ld executions\n", what,
		       (double)c->calls / (double)n, (double)c->bytes / (double)n, n);
}

int main(void)
{
	test_counters();
	test_steps(5, (char *[]){ "bench", "run", "sdxl-20steps", "--backend", "null" });
	test_levels();
	tell("all but gemm:jit", &theirs, executions);
	tell("gemm:jit", &packing, packing_executions);
	return test_end();
}
#endif
