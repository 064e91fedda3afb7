/* SPDX-License-Identifier: MIT */
#include "ctx.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "grad.h"
#include "nvtx.h"

/* Tensor structs of a step come in blocks that are kept from step to step. */
#define NODES_PER_BLOCK 1024

struct node_block {
	struct node_block *next;
	int used;
	struct tensor node[NODES_PER_BLOCK];
};

struct heap_buffer {
	struct heap_buffer *next;
	char bytes[] __attribute__((aligned(64)));
};

/* ---- scopes and parameters ----------------------------------------------------------------- */

void scope_push(struct ctx *c, const char *name)
{
	c->scope = scope_child(c->scope, name);
	if (c->pass == PASS_RUN)
		nvtx_push(c->scope->name);
}

void scope_push_index(struct ctx *c, const char *name, int i)
{
	char full[64];

	snprintf(full, sizeof full, "%s.%d", name, i);
	scope_push(c, full);
}

void scope_pop(struct ctx *c)
{
	die_if(!c->scope->parent, "scope_pop at the root");
	c->scope->cursor = NULL;
	c->scope = c->scope->parent;
	if (c->pass == PASS_RUN)
		nvtx_pop();
}

static char *join_path(const struct scope *s, const char *name)
{
	char *path = malloc(strlen(s->path) + strlen(name) + 2);

	die_if(!path, "out of memory");
	sprintf(path, "%s%s%s", s->path, *s->path ? "." : "", name);
	return path;
}

/* Declares the parameter, or finds it: another rank may have declared it before. */
static struct param *declare(struct ctx *c, const char *name, enum init init, int ndim,
			     const int64_t *dim)
{
	char *path = join_path(c->scope, name);
	struct param *p = weights_find(c->weights, path);
	struct scope *s = c->scope;

	if (p)
		free(path);
	else
		p = weights_add(c->weights, path, init, ndim == 1 ? DT_F32 : c->dtype, ndim, dim);
	s->params = realloc(s->params, (size_t)(s->n_params + 1) * sizeof *s->params);
	die_if(!s->params, "out of memory");
	return s->params[s->n_params++] = p;
}

struct tensor *param(struct ctx *c, const char *name, enum init init, int ndim, const int64_t *dim)
{
	size_t skip = strlen(c->scope->path) + (*c->scope->path != 0);
	struct param *p = NULL;

	if (c->err.code)
		return &c->dead;
	for (int i = 0; i < c->scope->n_params && !p; i++)
		if (strcmp(c->scope->params[i]->path + skip, name) == 0)
			p = c->scope->params[i];
	if (!p)
		p = declare(c, name, init, ndim, dim);
	die_if(p->tensor.ndim != ndim, "%s is used with two shapes", p->path);
	for (int i = 0; i < ndim; i++)
		die_if(p->tensor.dim[i] != dim[i], "%s is used with two shapes", p->path);
	return &p->tensor;
}

/* ---- tensors ------------------------------------------------------------------------------- */

bool ctx_has_values(const struct ctx *c)
{
	return c->pass == PASS_RUN && !c->backend->is_virtual;
}

enum dtype ctx_dtype(const struct ctx *c)
{
	return c->dtype;
}

static struct tensor *new_node(struct ctx *c)
{
	struct node_block *b = c->nodes;

	if (!b || b->used == NODES_PER_BLOCK) {
		b = c->spare_nodes;
		if (b)
			c->spare_nodes = b->next;
		else
			b = malloc(sizeof *b);
		die_if(!b, "out of memory");
		b->used = 0;
		b->next = c->nodes;
		c->nodes = b;
	}
	return &b->node[b->used++];
}

/* The bytes of a step without a plan: one malloc each, so that a sanitizer sees every overrun. */
static void *heap_alloc(struct ctx *c, size_t bytes)
{
	struct heap_buffer *h = aligned_alloc(64, sizeof *h + (bytes + 63) / 64 * 64);

	if (!h) {
		err_set(&c->err, ERR_FAILED, "no memory for a tensor of %zu bytes", bytes);
		return NULL;
	}
	h->next = c->heap;
	c->heap = h;
	return h->bytes;
}

/* The next buffer of the step: recorded, replayed from the plan, or on the heap. */
static void *next_buffer(struct ctx *c, size_t bytes, int *buffer)
{
	*buffer = -1;
	if (c->plan && c->pass == PASS_DRY) {
		*buffer = plan_add(c->plan, bytes);
	} else if (c->plan && ctx_has_values(c)) {
		*buffer = c->next_buffer++;
		die_if(*buffer >= plan_count(c->plan) || plan_size(c->plan, *buffer) < bytes ||
			       plan_offset(c->plan, *buffer) + bytes > c->arena_bytes,
		       "the step left its memory plan at buffer %d in %s", *buffer,
		       c->scope->path);
		return c->arena + plan_offset(c->plan, *buffer);
	} else if (ctx_has_values(c)) {
		return heap_alloc(c, bytes);
	}
	return NULL;
}

struct tensor *ctx_tensor(struct ctx *c, enum dtype dtype, int ndim, const int64_t *dim)
{
	struct tensor *t = new_node(c);

	*t = (struct tensor){ .ndim = ndim, .dtype = dtype };
	memcpy(t->dim, dim, (size_t)ndim * sizeof *dim);
	t->data = next_buffer(c, tensor_bytes(t), &t->buffer);
	return t;
}

struct tensor *ctx_view(struct ctx *c, struct tensor *x, int ndim, const int64_t *dim)
{
	struct tensor *t = new_node(c);

	*t = *x;
	t->ndim = ndim;
	memcpy(t->dim, dim, (size_t)ndim * sizeof *dim);
	return t;
}

void ctx_touch(struct ctx *c, const struct tensor *x)
{
	if (c->plan && c->pass == PASS_DRY && x->buffer >= 0)
		plan_touch(c->plan, x->buffer);
}

void *ctx_workspace(struct ctx *c, size_t bytes)
{
	int buffer;
	return bytes ? next_buffer(c, bytes, &buffer) : NULL;
}

static struct tensor *input(struct ctx *c, enum dtype dtype, int ndim, const int64_t *dim,
			    const void *data)
{
	struct tensor *t;

	if (c->err.code)
		return &c->dead;
	t = ctx_tensor(c, dtype, ndim, dim);
	if (t->data)
		memcpy(t->data, data, tensor_bytes(t));
	return t;
}

struct tensor *input_f32(struct ctx *c, int ndim, const int64_t *dim, const float *data)
{
	return input(c, DT_F32, ndim, dim, data);
}

struct tensor *input_i32(struct ctx *c, int ndim, const int64_t *dim, const int32_t *data)
{
	return input(c, DT_I32, ndim, dim, data);
}

/* ---- states ---------------------------------------------------------------------------------- */

static struct state_tensor *find_state(struct ctx *c, const char *name)
{
	struct state_tensor *s = c->states;
	while (s && strcmp(s->name, name) != 0)
		s = s->next;
	return s;
}

struct tensor *ctx_state(struct ctx *c, const char *name)
{
	struct state_tensor *s = find_state(c, name);
	return s ? &s->tensor : NULL;
}

struct tensor *state(struct ctx *c, const char *name, enum dtype dtype, int ndim,
		     const int64_t *dim)
{
	struct state_tensor *s = find_state(c, name);

	if (c->err.code)
		return &c->dead;
	if (!s) {
		s = calloc(1, sizeof *s);
		die_if(!s || !(s->name = strdup(name)), "out of memory");
		s->tensor = (struct tensor){ .ndim = ndim, .dtype = dtype, .buffer = -1 };
		memcpy(s->tensor.dim, dim, (size_t)ndim * sizeof *dim);
		s->next = c->states;
		c->states = s;
	}
	if (!s->tensor.data && ctx_has_values(c))
		ctx_reserve_states(c);
	return &s->tensor;
}

size_t ctx_state_bytes(const struct ctx *c)
{
	size_t n = 0;
	for (const struct state_tensor *s = c->states; s; s = s->next)
		n += tensor_bytes(&s->tensor);
	return n;
}

int ctx_reserve_states(struct ctx *c)
{
	for (struct state_tensor *s = c->states; s; s = s->next) {
		size_t bytes = (tensor_bytes(&s->tensor) + 63) / 64 * 64;
		if (s->tensor.data)
			continue;
		s->tensor.data = aligned_alloc(64, bytes);
		if (!s->tensor.data)
			return err_set(&c->err, ERR_FAILED, "no memory for the state %s", s->name);
		memset(s->tensor.data, 0, bytes);
	}
	return 0;
}

/* ---- steps ----------------------------------------------------------------------------------- */

struct ctx *ctx_new(const struct backend *backend, enum dtype dtype, struct weights *weights)
{
	struct ctx *c = calloc(1, sizeof *c);

	die_if(!c, "out of memory");
	nvtx_start();
	c->backend = backend;
	c->dtype = dtype;
	c->weights = weights;
	c->root = c->scope = scope_root_new();
	c->dead = (struct tensor){ .ndim = TENSOR_DIMS, .buffer = -1 };
	return c;
}

static void free_heap(struct ctx *c)
{
	while (c->heap) {
		struct heap_buffer *next = c->heap->next;
		free(c->heap);
		c->heap = next;
	}
}

/* All blocks are kept for the next step, so that a repeated step allocates nothing. */
static void reuse_nodes(struct ctx *c)
{
	while (c->nodes) {
		struct node_block *next = c->nodes->next;
		c->nodes->next = c->spare_nodes;
		c->spare_nodes = c->nodes;
		c->nodes = next;
	}
}

static void free_nodes(struct ctx *c)
{
	reuse_nodes(c);
	while (c->spare_nodes) {
		struct node_block *next = c->spare_nodes->next;
		free(c->spare_nodes);
		c->spare_nodes = next;
	}
}

void ctx_free(struct ctx *c)
{
	if (!c)
		return;
	free_heap(c);
	free_nodes(c);
	for (struct state_tensor *s = c->states, *next; s; s = next) {
		next = s->next;
		free(s->tensor.data);
		free(s->name);
		free(s);
	}
	if (c->arena)
		munmap(c->arena, c->arena_bytes);
	scope_root_free(c->root);
	free(c);
}

void ctx_step_begin(struct ctx *c, enum pass pass, struct plan *plan)
{
	free_heap(c);
	reuse_nodes(c);
	if (c->tape)
		tape_clear(c->tape);
	c->pass = pass;
	c->plan = pass == PASS_LOAD ? NULL : plan;
	c->next_buffer = 0;
	c->scope = c->root;
	c->root->cursor = NULL;
	c->cost = (struct cost){ 0 };
	if (c->cost_by_op)
		memset(c->cost_by_op, 0, OP_COUNT * sizeof *c->cost_by_op);
}

int ctx_step_end(struct ctx *c)
{
	if (c->plan && c->pass == PASS_DRY)
		plan_solve(c->plan);
	return -(int)c->err.code;
}

int ctx_reserve(struct ctx *c, size_t bytes)
{
	const size_t huge = 2u << 20;

	bytes = (bytes + huge - 1) / huge * huge;
	if (bytes <= c->arena_bytes)
		return 0;
	if (c->arena)
		munmap(c->arena, c->arena_bytes);
	c->arena_bytes = 0;
	c->arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c->arena == MAP_FAILED) {
		c->arena = NULL;
		return err_set(&c->err, ERR_FAILED, "no memory for %zu bytes of activations",
			       bytes);
	}
	madvise(c->arena, bytes, MADV_HUGEPAGE);
	for (size_t i = 0; i < bytes; i += 4096)
		c->arena[i] = 0;
	c->arena_bytes = bytes;
	return 0;
}

void model_fail(struct ctx *c, const char *fmt, ...)
{
	char why[640];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	err_set(&c->err, ERR_USAGE, "%s: %s", *c->scope->path ? c->scope->path : "model", why);
}
