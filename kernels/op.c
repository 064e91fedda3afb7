/* SPDX-License-Identifier: MIT
 *
 * op_run(): the one way through which every operation of every model goes.
 */
#include "op.h"

#include <stdio.h>
#include <string.h>

#include "ctx.h"
#include "grad.h"
#include "nvtx.h"
#include "op_rules.h"

const char *act_name(enum act a)
{
	static const char *const name[] = { "none", "silu", "gelu", "gelu_tanh", "quick_gelu",
					    "geglu" };
	return name[a];
}

const struct backend *backend_for(const struct backend *b, enum op op)
{
	while (b && !b->run[op] && !b->rewrite[op])
		b = b->next;
	return b;
}

struct tensor *op_refuse(struct ctx *c, const struct op_call *call, const char *why)
{
	const struct op_info *info = &op_table[call->op];
	char shapes[256] = "", one[64];

	for (int i = 0; i < OP_INPUTS; i++) {
		size_t used = strlen(shapes);
		if (call->in[i])
			snprintf(shapes + used, sizeof shapes - used, "%s%s", used ? " " : "",
				 tensor_shape(call->in[i], one, sizeof one));
	}
	model_fail(c, "%s(%s) with %s: %s", info->name, info->inputs, shapes, why);
	return &c->dead;
}

/* Shapes of the results; allocates those the caller did not bring. */
static const char *make_outputs(struct ctx *c, struct op_call *call)
{
	const struct op_info *info = &op_table[call->op];
	struct tensor shape[OP_OUTPUTS] = { 0 };
	const char *complaint = info->shape(call, shape);
	bool split = false;

	if (complaint)
		return complaint;
	for (int i = 0; i < OP_INPUTS; i++)
		split |= call->in[i] && call->in[i]->split;
	for (int i = 0; i < info->outputs; i++) {
		if (call->out[i] && !tensor_same_shape(call->out[i], &shape[i]))
			return "the given result has another shape";
		if (!call->out[i])
			call->out[i] = ctx_tensor(c, shape[i].dtype, shape[i].ndim, shape[i].dim);
		call->out[i]->split = split;
	}
	return NULL;
}

static void touch_buffers(struct ctx *c, const struct op_call *call)
{
	if (!c->plan || c->pass != PASS_DRY)
		return;
	for (int i = 0; i < OP_INPUTS; i++)
		if (call->in[i])
			ctx_touch(c, call->in[i]);
	for (int i = 0; i < OP_OUTPUTS; i++)
		if (call->out[i])
			ctx_touch(c, call->out[i]);
	plan_tick(c->plan);
}

static int64_t bytes_of(struct tensor *const t[], int n)
{
	int64_t sum = 0;
	for (int i = 0; i < n; i++)
		sum += t[i] ? (int64_t)tensor_bytes(t[i]) : 0;
	return sum;
}

static struct cost count(struct ctx *c, const struct op_call *call)
{
	struct cost cost = { .calls = 1,
			     .bytes_read = bytes_of(call->in, OP_INPUTS),
			     .bytes_written = bytes_of(call->out, OP_OUTPUTS) };

	if (op_table[call->op].cost)
		op_table[call->op].cost(call, &cost);
	cost_add(&c->cost, &cost, 1);
	if (c->cost_by_op)
		cost_add(&c->cost_by_op[call->op], &cost, 1);
	return cost;
}

/* Without a rule of the backend, weights are loaded in their plain layout. */
static void load(struct ctx *c, const struct op_call *call)
{
	const struct backend *b = c->backend;

	while (b && !b->load)
		b = b->next;
	if (b) {
		b->load(b, c, call);
		return;
	}
	for (int i = 0; i < OP_INPUTS; i++)
		if (call->in[i] && call->in[i]->param)
			weights_fill_plain(c->weights, call->in[i]->param, &c->err);
}

static void execute(struct ctx *c, const struct backend *b, const struct op_call *call,
		    const struct cost *cost)
{
	if (c->cancel && *c->cancel) {
		err_set(&c->err, ERR_INTERRUPTED, "interrupted");
		return;
	}
	if (c->hook.begin)
		c->hook.begin(c->hook.arg, c, call);
	nvtx_push(op_table[call->op].name);
	b->run[call->op](b, c, call);
	nvtx_pop();
	if (c->hook.end)
		c->hook.end(c->hook.arg, c, call, cost);
}

/* Scratch is asked of the first backend in the chain that has a rule for it. */
static size_t workspace_bytes(const struct ctx *c, const struct op_call *call)
{
	const struct backend *b = c->backend;

	while (b && !b->workspace)
		b = b->next;
	return b ? b->workspace(b, call) : 0;
}

struct tensor *op_run(struct ctx *c, struct op_call *call)
{
	const struct backend *b = backend_for(c->backend, call->op);
	const char *complaint;
	struct cost cost;

	if (c->err.code)
		return &c->dead;
	die_if(!b, "no backend runs %s", op_table[call->op].name);
	for (int i = 0; i < op_table[call->op].required; i++)
		die_if(!call->in[i], "%s in %s lacks input %d (%s)", op_table[call->op].name,
		       c->scope->path, i, op_table[call->op].inputs);
	if (b->rewrite[call->op])
		return b->rewrite[call->op](b, c, call);
	complaint = make_outputs(c, call);
	if (complaint)
		return op_refuse(c, call, complaint);
	call->workspace_bytes = workspace_bytes(c, call);
	call->workspace = ctx_workspace(c, call->workspace_bytes);
	touch_buffers(c, call);
	cost = count(c, call);
	if (c->pass == PASS_LOAD)
		load(c, call);
	else if (c->pass == PASS_RUN && !c->err.code)
		execute(c, b, call, &cost);
	if (c->tape)
		tape_append(c, call);
	return call->out[0];
}

struct tensor *op_run_on(struct ctx *c, const struct backend *next, struct op_call *call)
{
	const struct backend *mine = c->backend;
	struct tensor *out;

	c->backend = next;
	out = op_run(c, call);
	c->backend = mine;
	return out;
}
