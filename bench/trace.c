/* SPDX-License-Identifier: MIT */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"

struct trace {
	struct trace_record *record;
	int64_t n, capacity;
	int64_t begin_ns;
};

static void begin(void *arg, const struct ctx *c, const struct op_call *call)
{
	struct trace *t = arg;

	(void)c;
	(void)call;
	t->begin_ns = clock_ns();
}

static void end(void *arg, const struct ctx *c, const struct op_call *call, const struct cost *cost)
{
	int64_t now = clock_ns();
	struct trace *t = arg;

	if (t->n == t->capacity)
		return;
	t->record[t->n++] = (struct trace_record){ c->scope, call->op, t->begin_ns,
						       now - t->begin_ns, *cost };
}

struct trace *trace_new(int64_t calls)
{
	struct trace *t = calloc(1, sizeof *t);

	die_if(!t, "out of memory");
	t->capacity = calls;
	t->record = malloc((size_t)calls * sizeof *t->record);
	die_if(!t->record, "out of memory");
	memset(t->record, 0, (size_t)calls * sizeof *t->record); /* touched before any timing */
	return t;
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	free(t->record);
	free(t);
}

struct op_hook trace_hook(struct trace *t)
{
	return (struct op_hook){ .begin = begin, .end = end, .arg = t };
}

const struct trace_record *trace_records(const struct trace *t, int64_t *n)
{
	*n = t->n;
	return t->record;
}

void trace_flush(struct trace *t, struct profile *p, int stage)
{
	for (int64_t i = 0; i < t->n; i++) {
		const struct trace_record *r = &t->record[i];
		profile_add(p, stage, r->scope, r->op, &r->cost, 1, r->ns);
	}
	t->n = 0;
}
