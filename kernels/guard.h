/* SPDX-License-Identifier: MIT
 *
 * Buffers for tests that notice every step outside: the last byte lies just before a page that
 * cannot be touched, and the bytes before the first one are filled and checked. For tests only.
 */
#ifndef BENCH_GUARD_H
#define BENCH_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GUARD_PAGE 65536 /* at least the page of any machine */
#define GUARD_FILL 0xa5

struct guard {
	unsigned char *map, *data; /* data: `bytes` bytes up to the guard page */
	size_t bytes, whole;
};

static inline struct guard guard_new(size_t bytes)
{
	size_t body = (bytes + GUARD_PAGE - 1) / GUARD_PAGE * GUARD_PAGE + GUARD_PAGE;
	struct guard g = { .bytes = bytes, .whole = body + GUARD_PAGE };

	g.map = mmap(NULL, g.whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g.map == MAP_FAILED || mprotect(g.map + body, GUARD_PAGE, PROT_NONE))
		abort();
	g.data = g.map + body - bytes;
	madvise(g.map, body, MADV_HUGEPAGE); /* as the arena of a run */
	memset(g.data - 4096, GUARD_FILL, bytes + 4096);
	return g;
}

/* Nothing was written in the 4096 bytes before the buffer. */
static inline bool guard_intact(const struct guard *g)
{
	for (int i = 1; i <= 4096; i++)
		if (g->data[-i] != GUARD_FILL)
			return false;
	return true;
}

static inline void guard_free(struct guard *g)
{
	if (g->map)
		munmap(g->map, g->whole);
	g->map = NULL;
}

#endif
