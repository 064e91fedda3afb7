/* SPDX-License-Identifier: MIT
 *
 * The primitives of oneDNN: made on demand, kept for ever, executed.
 */
#include <stdlib.h>
#include <string.h>

#include "onednn.h"

#define MAX_ARGS 6

struct scratch {
	struct scratch *next;
	size_t bytes;
	char data[] __attribute__((aligned(64)));
};

/* ---- making ---------------------------------------------------------------------------------- */

static void matmul_operands(const struct prim_key *k, struct prim *p)
{
	dnnl_dims_t x = { k->rows, k->inputs }, y = { k->rows, k->outputs };
	dnnl_dims_t bias = { 1, k->outputs };

	p->x = dn_md_new(k->in, 2, x, (int64_t[]){ k->inputs, 1 });
	p->y = dn_md_new(k->out, 2, y, (int64_t[]){ k->outputs, 1 });
	p->bias = k->bias ? dn_md_new(DT_F32, 2, bias, (int64_t[]){ k->outputs, 1 }) : NULL;
}

/* oneDNN names the dimensions of an image N, C, H, W whatever their order in memory. */
static dn_md image_md(enum dtype dtype, int64_t n, int64_t channels, int64_t height, int64_t width)
{
	dnnl_dims_t dim = { n, channels, height, width };
	int64_t stride[] = { height * width * channels, 1, width * channels, channels };

	return dn_md_new(dtype, 4, dim, stride);
}

static void conv_operands(const struct prim_key *k, struct prim *p)
{
	dnnl_dims_t bias = { k->outputs };

	p->x = image_md(k->in, k->n, k->inputs, k->height, k->width);
	p->y = image_md(k->out, k->n, k->outputs, k->out_height, k->out_width);
	p->bias = k->bias ? dn_md_new(DT_F32, 1, bias, (int64_t[]){ 1 }) : NULL;
}

static dn_md any_weights(const struct prim_key *k)
{
	dnnl_dims_t matrix = { k->inputs, k->outputs };
	dnnl_dims_t kernel = { k->outputs, k->inputs, k->attr.kh, k->attr.kw };

	return k->conv ? dn_md_new(k->in, 4, kernel, NULL) : dn_md_new(k->in, 2, matrix, NULL);
}

static dnnl_primitive_desc_t describe(const struct prim *p, dn_md w)
{
	const struct prim_key *k = &p->key;
	struct dn_operands o = { p->x, w, p->bias, p->y };
	struct dn_epilogue e = { k->act, k->other ? p->y : NULL, k->accumulate };

	return k->conv ? dn_conv(&o, &e, &k->attr) : dn_matmul(&o, &e);
}

static struct prim *prim_new(const struct prim_key *key, dn_md layout)
{
	struct prim *p = calloc(1, sizeof *p);
	dn_md any = layout ? NULL : any_weights(key);
	dnnl_primitive_desc_t pd;

	die_if(!p, "out of memory");
	p->key = *key;
	if (key->conv)
		conv_operands(key, p);
	else
		matmul_operands(key, p);
	pd = describe(p, layout ? layout : any);
	die_if(!pd, "%s has no implementation of %s %lld -> %lld", dnnl_describe(),
	       key->conv ? "a convolution" : "a matrix product", (long long)key->inputs,
	       (long long)key->outputs);
	p->pd = pd;
	p->w = dn_pd_weights(pd);
	p->scratch_bytes = dn_md_bytes(dn_pd_scratch(pd));
	p->name = dn_pd_name(pd);
	dn_check(dnnl_primitive_create(&p->run, pd), "a primitive");
	dn_md_free(any);
	return p;
}

static void prim_free(struct prim *p)
{
	dnnl_primitive_destroy(p->run);
	dnnl_primitive_desc_destroy(p->pd);
	dn_md_free(p->x);
	dn_md_free(p->bias);
	dn_md_free(p->y);
	free(p);
}

static unsigned bucket_of(const struct prim_key *key)
{
	const unsigned char *byte = (const unsigned char *)key;
	unsigned h = 2166136261u;

	for (size_t i = 0; i < sizeof *key; i++)
		h = (h ^ byte[i]) * 16777619u;
	return (h >> 8) % PRIM_BUCKETS;
}

const struct prim *prim_get(struct dnnl *d, const struct prim_key *key, dn_md layout)
{
	struct prim **bucket = &d->bucket[bucket_of(key)], *p;

	pthread_mutex_lock(&d->lock);
	for (p = *bucket; p; p = p->next)
		if (memcmp(&p->key, key, sizeof *key) == 0 &&
		    (!layout || dn_md_equal(p->w, layout)))
			break;
	if (!p) {
		p = prim_new(key, layout);
		p->next = *bucket;
		*bucket = p;
		if (p->scratch_bytes > d->scratch_bytes)
			d->scratch_bytes = p->scratch_bytes;
	}
	pthread_mutex_unlock(&d->lock);
	return p;
}

/* ---- running --------------------------------------------------------------------------------- */

/* A free block of scratch that is large enough; smaller ones are dropped on the way. */
static struct scratch *scratch_take(struct dnnl *d)
{
	struct scratch *s;

	pthread_mutex_lock(&d->lock);
	while ((s = d->scratch) != NULL) {
		d->scratch = s->next;
		if (s->bytes >= d->scratch_bytes)
			break;
		d->scratch_held -= s->bytes;
		free(s);
	}
	if (!s) {
		size_t bytes = (d->scratch_bytes + 63) / 64 * 64;
		s = aligned_alloc(64, sizeof *s + bytes);
		die_if(!s, "no memory for %zu bytes of scratch", bytes);
		s->bytes = bytes;
		d->scratch_held += bytes;
	}
	pthread_mutex_unlock(&d->lock);
	return s;
}

static void scratch_put(struct dnnl *d, struct scratch *s)
{
	pthread_mutex_lock(&d->lock);
	s->next = d->scratch;
	d->scratch = s;
	pthread_mutex_unlock(&d->lock);
}

struct arg_list {
	dnnl_exec_arg_t arg[MAX_ARGS];
	int n;
};

static void add_arg(struct arg_list *l, int which, dn_md md, const void *data)
{
	l->arg[l->n++] = (dnnl_exec_arg_t){ which, dn_memory(md, data) };
}

void prim_run(struct dnnl *d, const struct prim *p, const struct prim_data *data)
{
	struct scratch *s = p->scratch_bytes ? scratch_take(d) : NULL;
	struct arg_list l = { .n = 1, .arg = { { DNNL_ARG_WEIGHTS, data->w } } };

	add_arg(&l, DNNL_ARG_SRC, p->x, data->x);
	if (p->bias)
		add_arg(&l, DNNL_ARG_BIAS, p->bias, data->bias);
	if (p->key.other)
		add_arg(&l, DNNL_ARG_ATTR_MULTIPLE_POST_OP(p->key.act != ACT_NONE) | DNNL_ARG_SRC_1,
			p->y, data->other);
	add_arg(&l, DNNL_ARG_DST, p->y, data->y);
	if (s)
		add_arg(&l, DNNL_ARG_SCRATCHPAD, dn_pd_scratch(p->pd), s->data);
	dn_check(dnnl_primitive_execute(p->run, d->stream, l.n, l.arg), "to run");
	dn_check(dnnl_stream_wait(d->stream), "to run");
	for (int i = 1; i < l.n; i++)
		dnnl_memory_destroy(l.arg[i].memory);
	if (s)
		scratch_put(d, s);
}

size_t dnnl_scratch_bytes(const struct dnnl *d)
{
	return d->scratch_held;
}

void prims_free(struct dnnl *d)
{
	for (int i = 0; i < PRIM_BUCKETS; i++) {
		for (struct prim *p = d->bucket[i], *next; p; p = next) {
			next = p->next;
			prim_free(p);
		}
	}
	for (struct scratch *s = d->scratch, *next; s; s = next) {
		next = s->next;
		free(s);
	}
}
