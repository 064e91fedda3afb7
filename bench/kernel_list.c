/* SPDX-License-Identifier: MIT */
#include "kernel_list.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct collector {
	struct kernel_list *list;
	const struct point *point;
	int64_t times;
};

static void describe(struct kernel *k, const struct op_call *call)
{
	size_t used = 0;
	char one[48];

	for (int i = 0; i < OP_INPUTS; i++)
		if (call->in[i] && (call->in[i]->ndim > 1 || i == 0))
			used += (size_t)snprintf(k->shape + used, sizeof k->shape - used, "%s%s",
						 used ? " " : "",
						 tensor_shape(call->in[i], one, sizeof one));
}

static struct kernel kernel_of(const struct op_call *call, const struct cost *cost,
			       const struct point *p)
{
	struct kernel k;

	memset(&k, 0, sizeof k); /* compared byte by byte */
	k.op = call->op;
	memcpy(&k.attr, &call->attr, sizeof k.attr);
	for (int i = 0; i < OP_INPUTS; i++) {
		const struct tensor *t = call->in[i];
		if (!t)
			continue;
		k.in[i].dtype = t->dtype;
		k.in[i].weight = t->param != NULL;
		k.in[i].init = t->param ? t->param->init : INIT_FAN_IN;
		k.in[i].ndim = t->ndim;
		memcpy(k.in[i].dim, t->dim, sizeof k.in[i].dim);
		for (int d = t->ndim; d < TENSOR_DIMS; d++)
			k.in[i].dim[d] = 0;
	}
	k.dtype = p->w->dtype;
	k.cost = *cost;
	describe(&k, call);
	return k;
}

static void collect(void *arg, const struct ctx *c, const struct op_call *call,
		    const struct cost *cost)
{
	const struct collector *by = arg;
	struct kernel_list *l = by->list;
	struct kernel k = kernel_of(call, cost, by->point);

	(void)c;
	if (call->op == OP_VIEW)
		return; /* moves nothing */
	for (int i = 0; i < l->n; i++)
		if (memcmp(&l->kernel[i], &k, offsetof(struct kernel, calls)) == 0) {
			l->kernel[i].calls += by->times;
			return;
		}
	if (l->n == l->capacity) {
		l->capacity = 2 * l->capacity + 64;
		l->kernel = realloc(l->kernel, (size_t)l->capacity * sizeof *l->kernel);
		die_if(!l->kernel, "out of memory");
	}
	k.calls = by->times;
	snprintf(k.workload, sizeof k.workload, "%s", by->point->preset->name);
	l->kernel[l->n++] = k;
}

int kernel_list_add(struct kernel_list *l, const struct options *o, struct err *e)
{
	struct point p;
	struct collector by = { .list = l, .point = &p };

	if (!point_open(&p, o, &backend_null, e)) {
		p.ctx->hook = (struct op_hook){ .end = collect, .arg = &by };
		for (int i = 0; i < p.w->n_stages && !p.ctx->err.code; i++) {
			by.times = p.w->stage[i].steps;
			ctx_step_begin(p.ctx, PASS_RUN, NULL);
			p.w->step(p.w, p.ctx, i, 0);
			ctx_step_end(p.ctx);
		}
		if (p.ctx->err.code)
			err_set(e, p.ctx->err.code, "%s", p.ctx->err.msg);
	}
	point_close(&p);
	return -(int)e->code;
}

void kernel_list_clear(struct kernel_list *l)
{
	free(l->kernel);
	*l = (struct kernel_list){ 0 };
}

static bool matches(const char *text, const char *pattern)
{
	return strpbrk(pattern, "*?") ? fnmatch(pattern, text, 0) == 0
				      : strstr(text, pattern) != NULL;
}

bool kernel_matches(const struct kernel *k, const char *pattern)
{
	return matches(op_table[k->op].name, pattern) || matches(k->shape, pattern) ||
	       matches(k->workload, pattern);
}
