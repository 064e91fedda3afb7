/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <stdlib.h>

#include "err.h"

struct buffer {
	size_t bytes, offset;
	int first, last; /* ticks, both inclusive */
};

struct plan {
	struct buffer *buffer;
	int count, capacity, tick;
	size_t bytes, live_max;
};

struct plan *plan_new(void)
{
	struct plan *p = calloc(1, sizeof *p);
	die_if(!p, "out of memory");
	return p;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	free(p->buffer);
	free(p);
}

int plan_add(struct plan *p, size_t bytes)
{
	if (p->count == p->capacity) {
		p->capacity = p->capacity ? 2 * p->capacity : 1024;
		p->buffer = realloc(p->buffer, (size_t)p->capacity * sizeof *p->buffer);
		die_if(!p->buffer, "out of memory");
	}
	bytes = (bytes + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
	p->buffer[p->count] = (struct buffer){ bytes, 0, p->tick, p->tick };
	return p->count++;
}

void plan_touch(struct plan *p, int buffer)
{
	p->buffer[buffer].last = p->tick;
}

void plan_tick(struct plan *p)
{
	p->tick++;
}

static int larger_first(const void *a, const void *b)
{
	const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->first < y->first ? -1 : x->first > y->first;
}

/* Inserts b into the list of placed buffers, ordered by offset, at the lowest place that is free
 * during its life. */
static void place(struct buffer **placed, int n, struct buffer *b)
{
	size_t at = 0;
	int k;

	for (int i = 0; i < n; i++) {
		const struct buffer *o = placed[i];
		if (o->last < b->first || o->first > b->last)
			continue;
		if (o->offset >= at + b->bytes)
			break;
		if (o->offset + o->bytes > at)
			at = o->offset + o->bytes;
	}
	b->offset = at;
	for (k = n; k > 0 && placed[k - 1]->offset > at; k--)
		placed[k] = placed[k - 1];
	placed[k] = b;
}

static size_t most_alive(const struct plan *p)
{
	size_t *change = calloc((size_t)p->tick + 2, sizeof *change), live = 0, most = 0;

	die_if(!change, "out of memory");
	for (int i = 0; i < p->count; i++) {
		change[p->buffer[i].first] += p->buffer[i].bytes;
		change[p->buffer[i].last + 1] -= p->buffer[i].bytes; /* wraps, and back */
	}
	for (int t = 0; t <= p->tick; t++) {
		live += change[t];
		if (live > most)
			most = live;
	}
	free(change);
	return most;
}

size_t plan_solve(struct plan *p)
{
	struct buffer **order = malloc(2 * sizeof *order * (size_t)(p->count + 1));
	struct buffer **placed = order + p->count + 1;

	die_if(!order, "out of memory");
	for (int i = 0; i < p->count; i++)
		order[i] = &p->buffer[i];
	qsort(order, (size_t)p->count, sizeof *order, larger_first);
	p->bytes = 0;
	for (int i = 0; i < p->count; i++) {
		place(placed, i, order[i]);
		if (order[i]->offset + order[i]->bytes > p->bytes)
			p->bytes = order[i]->offset + order[i]->bytes;
	}
	p->live_max = most_alive(p);
	free(order);
	return p->bytes;
}

size_t plan_bytes(const struct plan *p)
{
	return p->bytes;
}

size_t plan_live_max(const struct plan *p)
{
	return p->live_max;
}

int plan_count(const struct plan *p)
{
	return p->count;
}

size_t plan_size(const struct plan *p, int buffer)
{
	return p->buffer[buffer].bytes;
}

size_t plan_offset(const struct plan *p, int buffer)
{
	return p->buffer[buffer].offset;
}
