/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "scratch.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "err.h"

#define HUGE_PAGE ((size_t)2 << 20)

void scratch_init(struct scratch_pool *p)
{
	*p = (struct scratch_pool){ 0 };
	pthread_mutex_init(&p->lock, NULL);
}

/* Half a megabyte is worth a huge page: in small pages, which lie anywhere, the second-level cache
 * holds less of it. */
static size_t alignment(size_t bytes)
{
	return sizeof(struct scratch) + bytes >= HUGE_PAGE / 4 ? HUGE_PAGE : 64;
}

static struct scratch *block_new(size_t bytes)
{
	size_t align = alignment(bytes);
	size_t all = (sizeof(struct scratch) + bytes + align - 1) / align * align;
	struct scratch *s = aligned_alloc(align, all);

	if (!s)
		return NULL;
	if (align == HUGE_PAGE)
		madvise(s, all, MADV_HUGEPAGE);
	s->bytes = all - sizeof *s;
	return s;
}

/* A free block that is large enough, or a new one; smaller ones are dropped on the way. */
static struct scratch *take(struct scratch_pool *p)
{
	struct scratch *s;

	while ((s = p->free) != NULL) {
		p->free = s->next;
		if (s->bytes >= p->want)
			return s;
		p->held -= s->bytes;
		free(s);
	}
	s = block_new(p->want);
	p->held += s ? s->bytes : 0;
	return s;
}

static void put(struct scratch_pool *p, struct scratch *s)
{
	s->next = p->free;
	p->free = s;
}

static void raise_want(struct scratch_pool *p, size_t bytes)
{
	bytes = (bytes + 63) / 64 * 64;
	if (bytes > p->want)
		p->want = bytes;
}

void scratch_want(struct scratch_pool *p, size_t bytes)
{
	struct scratch *s;

	if (!bytes)
		return;
	pthread_mutex_lock(&p->lock);
	raise_want(p, bytes);
	s = take(p);
	die_if(!s, "no memory for %zu bytes of scratch", p->want);
	put(p, s);
	pthread_mutex_unlock(&p->lock);
}

struct scratch *scratch_take(struct scratch_pool *p, size_t bytes)
{
	struct scratch *s;

	pthread_mutex_lock(&p->lock);
	raise_want(p, bytes);
	s = take(p);
	pthread_mutex_unlock(&p->lock);
	return s;
}

void scratch_put(struct scratch_pool *p, struct scratch *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&p->lock);
	put(p, s);
	pthread_mutex_unlock(&p->lock);
}

void scratch_trim(struct scratch_pool *p)
{
	pthread_mutex_lock(&p->lock);
	for (struct scratch *s = p->free, *next; s; s = next) {
		next = s->next;
		p->held -= s->bytes;
		free(s);
	}
	p->free = NULL;
	pthread_mutex_unlock(&p->lock);
}

void scratch_clear(struct scratch_pool *p)
{
	scratch_trim(p);
	pthread_mutex_destroy(&p->lock);
}
