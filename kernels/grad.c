/* SPDX-License-Identifier: MIT
 *
 * The gradient tape: a list of calls, and what is known of each tensor, found by its address.
 * Addresses are unique within a step; the tape is cleared between steps.
 */
#include "grad.h"

#include <stdlib.h>

#include "ctx.h"

struct entry {
	struct op_call call;
	struct scope *scope;
	bool want[OP_INPUTS];
};

struct known {
	const struct tensor *tensor; /* NULL: the slot is empty */
	struct tensor *grad;
	bool wanted;  /* its gradient is needed */
	bool kept;    /* and must last until the end of the step */
	bool on_tape; /* input or result of a taped call: its value must stay */
};

struct tape {
	struct entry *entry;
	int count, capacity;
	bool walked;        /* backward was called */
	struct known *slot; /* hash table, linear probing, at most half full */
	size_t slots, used;
};

/* ---- what is known of a tensor --------------------------------------------------------------- */

/* The slot of x: the one that holds it, or the empty one where it belongs. */
static struct known *find(const struct tape *t, const struct tensor *x)
{
	size_t at = (size_t)((uintptr_t)x * 0x9e3779b97f4a7c15u >> 20);

	while (t->slot[at & (t->slots - 1)].tensor && t->slot[at & (t->slots - 1)].tensor != x)
		at++;
	return &t->slot[at & (t->slots - 1)];
}

static void grow_slots(struct tape *t)
{
	struct known *old = t->slot;
	size_t n = t->slots;

	t->slots = n ? 2 * n : 1024;
	t->slot = calloc(t->slots, sizeof *t->slot);
	die_if(!t->slot, "out of memory");
	for (size_t i = 0; i < n; i++)
		if (old[i].tensor)
			*find(t, old[i].tensor) = old[i];
	free(old);
}

/* The slot of x, made when it is new; valid until the next new one. */
static struct known *know(struct tape *t, const struct tensor *x)
{
	struct known *k;

	if (2 * t->used >= t->slots)
		grow_slots(t);
	k = find(t, x);
	if (!k->tensor) {
		*k = (struct known){ .tensor = x, .wanted = x->param, .kept = x->param };
		t->used++;
	}
	return k;
}

struct tensor *tape_grad(const struct tape *t, const struct tensor *x)
{
	return t->slots ? find(t, x)->grad : NULL;
}

void tape_watch(struct tape *t, const struct tensor *x)
{
	struct known *k = know(t, x);

	k->wanted = k->kept = true;
}

/* ---- recording ------------------------------------------------------------------------------- */

struct tape *tape_new(void)
{
	struct tape *t = calloc(1, sizeof *t);
	die_if(!t, "out of memory");
	return t;
}

void tape_free(struct tape *t)
{
	if (!t)
		return;
	free(t->entry);
	free(t->slot);
	free(t);
}

void tape_clear(struct tape *t)
{
	t->count = 0;
	t->used = 0;
	t->walked = false;
	for (size_t i = 0; i < t->slots; i++)
		t->slot[i] = (struct known){ 0 };
}

static struct entry *new_entry(struct tape *t)
{
	if (t->count == t->capacity) {
		t->capacity = t->capacity ? 2 * t->capacity : 1024;
		t->entry = realloc(t->entry, (size_t)t->capacity * sizeof *t->entry);
		die_if(!t->entry, "out of memory");
	}
	return &t->entry[t->count];
}

static void refuse_overwriting(const struct ctx *c, const struct op_call *call)
{
	for (int i = 0; i < OP_OUTPUTS; i++)
		die_if(call->out[i] && know(c->tape, call->out[i])->on_tape,
		       "%s in %s overwrites a tensor that the gradient tape still needs",
		       op_table[call->op].name, c->scope->path);
}

static void mark(struct tape *t, struct tensor *const tensor[], int n, bool wanted)
{
	for (int i = 0; i < n; i++)
		if (tensor[i]) {
			struct known *k = know(t, tensor[i]);
			k->on_tape = true;
			k->wanted |= wanted;
		}
}

/* A call that no wanted gradient can flow through is left out. */
void tape_append(struct ctx *c, const struct op_call *call)
{
	struct tape *t = c->tape;
	struct entry *e = new_entry(t);
	bool any = false;

	*e = (struct entry){ .call = *call, .scope = c->scope };
	for (int i = 0; i < OP_INPUTS; i++)
		any |= e->want[i] = call->in[i] && know(t, call->in[i])->wanted;
	if (any)
		mark(t, call->in, OP_INPUTS, false);
	refuse_overwriting(c, call);
	if (!any)
		return;
	mark(t, call->out, OP_OUTPUTS, true);
	t->count++;
}

/* ---- backward -------------------------------------------------------------------------------- */

/* x was used once more: its gradients add up. */
static void accumulate(struct ctx *c, struct tape *t, const struct tensor *x, struct tensor *dx)
{
	struct known *k = know(t, x);

	if (!x->param)
		dx = op_cast(c, dx, x->dtype, NULL);
	k->grad = k->grad ? op_add(c, k->grad, dx) : dx;
}

static void step_back(struct ctx *c, struct tape *t, const struct entry *e)
{
	const struct op_info *info = &op_table[e->call.op];
	struct tensor *dout = tape_grad(t, e->call.out[0]), *din[OP_INPUTS] = { 0 };

	if (!dout)
		return;
	die_if(!info->grad, "%s has no gradient rule", info->name);
	c->scope = e->scope;
	info->grad(c, &e->call, e->want, dout, din);
	for (int i = 0; i < OP_INPUTS && !c->err.code; i++)
		if (din[i])
			accumulate(c, t, e->call.in[i], din[i]);
}

void tape_backward(struct ctx *c, struct tape *t, struct tensor *y, struct tensor *dy)
{
	struct tape *recording = c->tape;
	struct scope *scope = c->scope;

	if (c->err.code)
		return;
	die_if(!tensor_same_shape(y, dy),
	       "the gradient to start from is not shaped like its tensor");
	die_if(t->walked, "tape_backward twice in one step");
	t->walked = true;
	c->tape = NULL;
	accumulate(c, t, y, dy);
	for (int i = t->count - 1; i >= 0 && !c->err.code; i--)
		step_back(c, t, &t->entry[i]);
	for (size_t i = 0; i < t->slots; i++)
		if (t->slot[i].kept && t->slot[i].grad)
			ctx_touch(c, t->slot[i].grad);
	c->scope = scope;
	c->tape = recording;
}
