/* SPDX-License-Identifier: MIT
 *
 * The harness allocates nothing in a repeated step: every op of a timed region would pay for it.
 * Counts the calls of malloc and its kin, after a first step has sized everything. (oneDNN
 * allocates about eight times per product, some 0.1 ms of a U-Net step.)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

#include "options.h"
#include "point.h"
#include "test.h"

#ifdef __SANITIZE_ADDRESS__
int main(void)
{
	return test_skip("the sanitizer has its own malloc");
}
#else

static volatile long calls; /* the compiler believes that malloc changes nothing of ours */

void *malloc(size_t n)
{
	static void *(*real)(size_t);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "malloc");
	calls++;
	return real(n);
}

void *realloc(void *p, size_t n)
{
	static void *(*real)(void *, size_t);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "realloc");
	calls++;
	return real(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
	static void *(*real)(size_t, size_t);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "aligned_alloc");
	calls++;
	return real(align, n);
}

static int step(struct point *p, int stage)
{
	ctx_step_begin(p->ctx, PASS_RUN, p->plan[stage]);
	p->w->step(p->w, p->ctx, stage, 0);
	return ctx_step_end(p->ctx);
}

static void test_steps(char *workload)
{
	char *argv[] = { "bench", "run", workload };
	struct err e = { 0 };
	struct options o;
	struct point p;
	long before;

	CHECK(!options_parse(&o, 3, argv, &e) && !point_open(&p, &o, &backend_null, &e), "%s",
	      e.msg);
	for (int i = 0; i < p.w->n_stages; i++) {
		CHECK_INT(step(&p, i), 0);
		before = calls;
		CHECK_INT(step(&p, i), 0);
		CHECK(calls == before, "%s: %ld allocations", p.w->stage[i].name, calls - before);
	}
	point_close(&p);
}

int main(void)
{
	long before = calls;

	void *volatile p = malloc(10);

	free(p);
	CHECK(calls > before, "the counter does not count");
	test_steps("sdxl-20steps");
	return test_end();
}
#endif
