/* SPDX-License-Identifier: MIT
 *
 * malloc and its kin of the program itself, which libraries use too: glibc's own, counted while
 * allocations.h says so. Linked into build/bench only; tests and fuzzers keep the system's.
 */
#include <errno.h>
#include <stdlib.h>

#include "allocations.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

/* What glibc's functions are called when a program has its own. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

static inline void count(void)
{
	if (atomic_load_explicit(&allocations.on, memory_order_relaxed))
		atomic_fetch_add_explicit(&allocations.calls, 1, memory_order_relaxed);
}

void *malloc(size_t n)
{
	count();
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	count();
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	count();
	return __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
	count();
	return __libc_memalign(align, n);
}

int posix_memalign(void **p, size_t align, size_t n)
{
	count();
	*p = __libc_memalign(align, n);
	return *p ? 0 : ENOMEM;
}

__attribute__((constructor)) static void counted(void)
{
	allocations.known = true;
}

#endif
