/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "slab.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>

#define HUGE_PAGE  ((size_t)2 << 20)
#define SLAB_BYTES ((size_t)256 << 20) /* what is never touched costs nothing */
#define ALIGN      ((size_t)64)

struct slab {
	char *map; /* as mapped; the slab struct lies at its first huge page boundary */
	size_t map_bytes, bytes, used;
	int pieces;
};

/* Before each piece. */
struct piece {
	struct slab *slab;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slab *current; /* is filled; one of its pieces is ours until it is full */

static size_t round_up(size_t n, size_t unit)
{
	return (n + unit - 1) / unit * unit;
}

static struct slab *slab_map(size_t bytes)
{
	size_t map_bytes = round_up(bytes, HUGE_PAGE) + HUGE_PAGE;
	char *map =
		mmap(NULL, map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct slab *s;

	if (map == MAP_FAILED)
		return NULL;
	s = (struct slab *)round_up((uintptr_t)map, HUGE_PAGE);
	bytes = round_up(bytes, HUGE_PAGE);
	madvise(s, bytes, MADV_HUGEPAGE);
	*s = (struct slab){ .map = map, .map_bytes = map_bytes, .bytes = bytes,
			    .used = round_up(sizeof *s, ALIGN) };
	return s;
}

/* One piece less; the current slab starts over when only our own hold is left. */
static void slab_drop(struct slab *s)
{
	if (--s->pieces == 0)
		munmap(s->map, s->map_bytes);
	else if (s == current && s->pieces == 1)
		s->used = round_up(sizeof *s, ALIGN);
}

/* A slab with room; large pieces get one of their own. */
static struct slab *slab_with(size_t need)
{
	struct slab *s = current, *full;

	if (s && s->bytes - s->used >= need)
		return s;
	if (need > SLAB_BYTES / 2)
		return slab_map(need + round_up(sizeof *s, ALIGN));
	s = slab_map(SLAB_BYTES);
	if (!s)
		return NULL;
	full = current;
	current = s;
	s->pieces = 1;
	if (full)
		slab_drop(full);
	return s;
}

void *slab_alloc(size_t bytes)
{
	size_t need = round_up(bytes, ALIGN) + ALIGN;
	char *p = NULL;
	struct slab *s;

	pthread_mutex_lock(&lock);
	s = slab_with(need);
	if (s) {
		p = (char *)s + s->used + ALIGN;
		((struct piece *)(p - ALIGN))->slab = s;
		s->used += need;
		s->pieces++;
	}
	pthread_mutex_unlock(&lock);
	return p;
}

void slab_free(void *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&lock);
	slab_drop(((struct piece *)((char *)p - ALIGN))->slab);
	pthread_mutex_unlock(&lock);
}
