/* SPDX-License-Identifier: MIT */
#include "scratch.h"

#include <stdlib.h>

#include "err.h"

void scratch_init(struct scratch_pool *p)
{
	*p = (struct scratch_pool){ 0 };
	pthread_mutex_init(&p->lock, NULL);
}

void scratch_clear(struct scratch_pool *p)
{
	for (struct scratch *s = p->free, *next; s; s = next) {
		next = s->next;
		free(s);
	}
	pthread_mutex_destroy(&p->lock);
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
	s = aligned_alloc(64, sizeof *s + p->want);
	die_if(!s, "no memory for %zu bytes of scratch", p->want);
	s->bytes = p->want;
	p->held += s->bytes;
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
	if (!bytes)
		return;
	pthread_mutex_lock(&p->lock);
	raise_want(p, bytes);
	put(p, take(p));
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
	pthread_mutex_lock(&p->lock);
	put(p, s);
	pthread_mutex_unlock(&p->lock);
}
