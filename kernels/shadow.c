/* SPDX-License-Identifier: MIT */
#include "shadow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctx.h"

struct shadow {
	struct backend base;
	const struct backend *tested, *trusted;
	struct shadow_worst worst[OP_COUNT];
};

static float *as_f32(const struct tensor *t)
{
	float *v = malloc((size_t)tensor_elems(t) * sizeof *v);

	die_if(!v, "out of memory");
	if (t->dtype == DT_I32)
		for (int64_t i = 0; i < tensor_elems(t); i++)
			v[i] = (float)((const int32_t *)t->data)[i];
	else
		tensor_to_f32(t, v);
	return v;
}

static double relative_difference(const struct tensor *got, const struct tensor *want)
{
	float *a = as_f32(got), *b = as_f32(want);
	double difference = 0, norm = 0;

	for (int64_t i = 0; i < tensor_elems(want); i++) {
		double d = (double)a[i] - (double)b[i];
		difference += d * d;
		norm += (double)b[i] * (double)b[i];
	}
	free(a);
	free(b);
	if (!isfinite(difference))
		return INFINITY;
	return norm > 0 ? sqrt(difference / norm) : sqrt(difference);
}

static void compare(struct shadow *s, const struct ctx *c, const struct op_call *call,
		    struct tensor *const trusted[])
{
	struct shadow_worst *w = &s->worst[call->op];

	w->calls++;
	for (int i = 0; i < op_table[call->op].outputs; i++) {
		double error = relative_difference(call->out[i], trusted[i]);
		if (error <= w->error)
			continue;
		w->error = error;
		snprintf(w->path, sizeof w->path, "%s", c->scope->path);
	}
}

/* The trusted backend goes first and writes elsewhere: a call may overwrite its input. */
static void run(const struct backend *self, struct ctx *c, const struct op_call *call)
{
	struct shadow *s = self->state;
	const struct backend *tested = backend_for(s->tested, call->op);
	const struct backend *trusted = backend_for(s->trusted, call->op);
	struct tensor copy[OP_OUTPUTS], *out[OP_OUTPUTS] = { 0 };
	struct op_call second = *call;

	for (int i = 0; i < op_table[call->op].outputs; i++) {
		copy[i] = *call->out[i];
		copy[i].data = aligned_alloc(64, (tensor_bytes(&copy[i]) + 127) / 64 * 64);
		die_if(!copy[i].data, "out of memory");
		out[i] = second.out[i] = &copy[i];
	}
	trusted->run[call->op](trusted, c, &second);
	tested->run[call->op](tested, c, call);
	if (!c->err.code)
		compare(s, c, call, out);
	for (int i = 0; i < op_table[call->op].outputs; i++)
		free(copy[i].data);
}

static const struct backend *with_workspace(const struct backend *b)
{
	while (b && !b->workspace)
		b = b->next;
	return b;
}

static const struct backend *with_load(const struct backend *b)
{
	while (b && !b->load)
		b = b->next;
	return b;
}

static void load(const struct backend *self, struct ctx *c, const struct op_call *call)
{
	const struct shadow *s = self->state;
	const struct backend *tested = with_load(s->tested);

	if (tested)
		tested->load(tested, c, call);
	for (int i = 0; i < OP_INPUTS; i++)
		if (call->in[i] && call->in[i]->param)
			weights_fill_plain(c->weights, call->in[i]->param, &c->err);
}

/* Plain for the trusted one, and what the tested one packs. */
static size_t weight_bytes(const struct backend *self, const struct op_call *call, int input)
{
	const struct backend *tested = ((const struct shadow *)self->state)->tested;
	size_t plain = tensor_bytes(call->in[input]);

	return plain + (tested->weight_bytes ? tested->weight_bytes(tested, call, input) : 0);
}

/* The larger of what the two want. */
static size_t workspace(const struct backend *self, const struct op_call *call)
{
	const struct shadow *s = self->state;
	const struct backend *a = with_workspace(s->tested), *b = with_workspace(s->trusted);
	size_t need_a = a ? a->workspace(a, call) : 0, need_b = b ? b->workspace(b, call) : 0;

	return need_a > need_b ? need_a : need_b;
}

struct backend *backend_shadow_new(const struct backend *tested, const struct backend *trusted)
{
	struct shadow *s = calloc(1, sizeof *s);

	die_if(!s, "out of memory");
	s->base = (struct backend){ .name = "shadow", .needs_plain = true, .workspace = workspace,
				    .load = load, .weight_bytes = weight_bytes, .state = s };
	s->tested = tested;
	s->trusted = trusted;
	for (int op = 0; op < OP_COUNT; op++)
		if (backend_for(tested, (enum op)op) && backend_for(trusted, (enum op)op))
			s->base.run[op] = run;
	return &s->base;
}

void backend_shadow_free(struct backend *b)
{
	free(b ? b->state : NULL);
}

const struct shadow_worst *backend_shadow_worst(const struct backend *b, enum op op)
{
	return &((const struct shadow *)b->state)->worst[op];
}
