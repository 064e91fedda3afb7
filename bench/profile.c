/* SPDX-License-Identifier: MIT */
#include "profile.h"

#include <stdlib.h>

#include "workload.h"

/* The slot of this key: the one that holds it, or the empty one where it belongs. */
static int *find_slot(const struct profile *p, int stage, const struct scope *scope, enum op op)
{
	uint64_t mask = 2 * (uint64_t)p->capacity - 1;
	uint64_t key = ((uint64_t)scope->id * OP_COUNT + op) * STAGES_MAX + (uint64_t)stage;

	for (uint64_t at = key * 0x9e3779b97f4a7c15u >> 32;; at++) {
		int *slot = &p->slot[at & mask];
		const struct profile_row *r = &p->row[*slot - 1];
		if (!*slot || (r->scope == scope && r->op == op && r->stage == stage))
			return slot;
	}
}

static void grow(struct profile *p)
{
	p->capacity = p->capacity ? 2 * p->capacity : 1024;
	p->row = realloc(p->row, (size_t)p->capacity * sizeof *p->row);
	free(p->slot);
	p->slot = calloc(2 * (size_t)p->capacity, sizeof *p->slot);
	die_if(!p->row || !p->slot, "out of memory");
	for (int i = 0; i < p->n; i++)
		*find_slot(p, p->row[i].stage, p->row[i].scope, p->row[i].op) = i + 1;
}

void profile_add(struct profile *p, int stage, const struct scope *scope, enum op op,
		 const struct cost *cost, int64_t times, int64_t ns)
{
	int *slot;

	if (p->n == p->capacity)
		grow(p);
	slot = find_slot(p, stage, scope, op);
	if (!*slot) {
		p->row[p->n] = (struct profile_row){ .stage = stage, .scope = scope, .op = op };
		*slot = ++p->n;
	}
	cost_add(&p->row[*slot - 1].cost, cost, times);
	p->row[*slot - 1].ns += ns;
}

void profile_clear(struct profile *p)
{
	free(p->row);
	free(p->slot);
	*p = (struct profile){ 0 };
}

static void count(void *arg, const struct ctx *c, const struct op_call *call,
		  const struct cost *cost)
{
	struct profile_hook *h = arg;
	profile_add(h->profile, h->stage, c->scope, call->op, cost, h->times, 0);
}

struct op_hook profile_counting_hook(struct profile_hook *h)
{
	return (struct op_hook){ .end = count, .arg = h };
}
