/* SPDX-License-Identifier: MIT */
#include "weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARTS 8

struct part {
	char *prefix; /* "unet." or "" */
	struct weight_source source;
};

struct weights {
	uint64_t seed;
	struct param **param;
	int count, capacity;
	int *slot;   /* hash table of param indices + 1, linear probing, at most half full */
	int slots;
	struct part part[MAX_PARTS];
	int parts;
};

struct weights *weights_new(uint64_t seed)
{
	struct weights *w = calloc(1, sizeof *w);
	die_if(!w, "out of memory");
	w->seed = seed;
	return w;
}

static void param_free(struct param *p)
{
	if (p->free_packed)
		p->free_packed(p->packed);
	if (!p->mapped)
		free(p->tensor.data);
	free((char *)p->path);
	free(p);
}

void weights_free(struct weights *w)
{
	if (!w)
		return;
	for (int i = 0; i < w->count; i++)
		param_free(w->param[i]);
	for (int i = 0; i < w->parts; i++) {
		if (w->part[i].source.close)
			w->part[i].source.close(w->part[i].source.state);
		free(w->part[i].prefix);
	}
	free(w->param);
	free(w->slot);
	free(w);
}

void weights_attach(struct weights *w, const char *part, struct weight_source source)
{
	struct part *p = &w->part[w->parts++];
	size_t n = strlen(part);

	die_if(w->parts > MAX_PARTS, "more than %d weight parts", MAX_PARTS);
	p->prefix = malloc(n + 2);
	die_if(!p->prefix, "out of memory");
	memcpy(p->prefix, part, n);
	strcpy(p->prefix + n, n ? "." : "");
	p->source = source;
}

/* The slot of this path: the one that holds it, or the empty one where it belongs. */
static int *find_slot(const struct weights *w, const char *path)
{
	uint64_t at = random_key(path);

	for (;; at++) {
		int *slot = &w->slot[at & (uint64_t)(w->slots - 1)];
		if (!*slot || strcmp(w->param[*slot - 1]->path, path) == 0)
			return slot;
	}
}

static void grow(struct weights *w)
{
	w->capacity = w->capacity ? 2 * w->capacity : 512;
	w->slots = 2 * w->capacity;
	w->param = realloc(w->param, (size_t)w->capacity * sizeof *w->param);
	free(w->slot);
	w->slot = calloc((size_t)w->slots, sizeof *w->slot);
	die_if(!w->param || !w->slot, "out of memory");
	for (int i = 0; i < w->count; i++)
		*find_slot(w, w->param[i]->path) = i + 1;
}

struct param *weights_add(struct weights *w, char *path, enum init init, enum dtype dtype, int ndim,
			  const int64_t *dim)
{
	struct param *p = calloc(1, sizeof *p);

	die_if(!p, "out of memory");
	if (w->count == w->capacity)
		grow(w);
	p->path = path;
	p->init = init;
	p->index = w->count;
	p->tensor = (struct tensor){ .ndim = ndim, .dtype = dtype, .buffer = -1, .param = p };
	memcpy(p->tensor.dim, dim, (size_t)ndim * sizeof *dim);
	w->param[w->count++] = p;
	*find_slot(w, path) = w->count;
	return p;
}

int weights_count(const struct weights *w)
{
	return w->count;
}

struct param *weights_at(const struct weights *w, int i)
{
	return w->param[i];
}

struct param *weights_find(const struct weights *w, const char *path)
{
	int *slot = w->count ? find_slot(w, path) : NULL;
	return slot && *slot ? w->param[*slot - 1] : NULL;
}

static bool in_part(const struct param *p, const char *part)
{
	size_t n = strlen(part);
	return n == 0 || (strncmp(p->path, part, n) == 0 && p->path[n] == '.');
}

int64_t weights_elems(const struct weights *w, const char *part)
{
	int64_t n = 0;
	for (int i = 0; i < w->count; i++)
		if (in_part(w->param[i], part))
			n += tensor_elems(&w->param[i]->tensor);
	return n;
}

int weights_tensors(const struct weights *w, const char *part)
{
	int n = 0;
	for (int i = 0; i < w->count; i++)
		n += in_part(w->param[i], part);
	return n;
}

/* Mean and deviation of the random values of a parameter. */
static void init_scale(const struct param *p, float *mean, float *deviation)
{
	int64_t fan_in = tensor_elems(&p->tensor) / p->tensor.dim[0];

	*mean = p->init == INIT_SCALE ? 1.0f : 0.0f;
	*deviation = p->init == INIT_FAN_IN ? 1.0f / sqrtf((float)fan_in) : 0.02f;
}

/* The part that the parameter is read from; NULL: it is drawn. */
static const struct part *part_of(const struct weights *w, const struct param *p)
{
	for (int i = 0; i < w->parts; i++)
		if (strncmp(p->path, w->part[i].prefix, strlen(w->part[i].prefix)) == 0)
			return &w->part[i];
	return NULL;
}

static int read_param(const struct part *part, const struct param *p, enum dtype dtype, void *dst,
		      struct err *e)
{
	return part->source.read(part->source.state, p->path + strlen(part->prefix), &p->tensor,
				 dtype, dst, e);
}

int weights_fill(struct weights *w, const struct param *p, enum dtype dtype, void *dst,
		 struct err *e)
{
	const struct part *part = part_of(w, p);
	float mean, deviation;

	if (part)
		return read_param(part, p, dtype, dst, e);
	init_scale(p, &mean, &deviation);
	random_fill(w->seed, random_key(p->path), 0, tensor_elems(&p->tensor), mean, deviation,
		    dtype, dst);
	return 0;
}

int weights_fill_plain(struct weights *w, struct param *p, struct err *e)
{
	if (p->tensor.data)
		return 0;
	/* 64 spare bytes: kernels may read whole vectors */
	p->tensor.data = aligned_alloc(64, (tensor_bytes(&p->tensor) + 127) / 64 * 64);
	if (!p->tensor.data)
		return err_set(e, ERR_FAILED, "no memory for the %zu bytes of %s",
			       tensor_bytes(&p->tensor), p->path);
	return weights_fill(w, p, p->tensor.dtype, p->tensor.data, e);
}

int weights_check(struct weights *w, struct err *e)
{
	for (int i = 0; i < w->count; i++) {
		const struct param *p = w->param[i];
		const struct part *part = part_of(w, p);
		int failed = part ? read_param(part, p, p->tensor.dtype, NULL, e) : 0;
		if (failed)
			return failed;
	}
	return weights_finish(w, e);
}

int weights_finish(struct weights *w, struct err *e)
{
	for (int i = 0; i < w->parts; i++) {
		struct weight_source *s = &w->part[i].source;
		int failed = s->finish ? s->finish(s->state, e) : 0;
		if (failed)
			return failed;
	}
	return 0;
}

size_t weights_bytes(const struct weights *w)
{
	size_t n = 0;
	for (int i = 0; i < w->count; i++)
		n += w->param[i]->packed_bytes +
		     (w->param[i]->tensor.data ? tensor_bytes(&w->param[i]->tensor) : 0);
	return n;
}
