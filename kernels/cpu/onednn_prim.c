/* SPDX-License-Identifier: MIT
 *
 * The primitives of oneDNN: made on demand, kept for ever, executed.
 */
#include <stdlib.h>
#include <string.h>

#include "onednn.h"

#define MAX_ARGS 6

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

/* Operands for one execution, kept with the primitive: only addresses change from one to the next.
 * NULL where the key has none. */
struct operands {
	struct operands *next;
	dnnl_memory_t x, bias, other, y, scratch;
};

static struct operands *operands_new(const struct prim *p)
{
	struct operands *o = calloc(1, sizeof *o);

	die_if(!o, "out of memory");
	o->x = dn_memory(p->x, NULL);
	o->bias = p->bias ? dn_memory(p->bias, NULL) : NULL;
	o->other = p->key.other ? dn_memory(p->y, NULL) : NULL;
	o->y = dn_memory(p->y, NULL);
	o->scratch = p->scratch_bytes ? dn_memory(dn_pd_scratch(p->pd), NULL) : NULL;
	return o;
}

static void operands_free(struct operands *o)
{
	const dnnl_memory_t all[] = { o->x, o->bias, o->other, o->y, o->scratch };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i])
			dnnl_memory_destroy(all[i]);
	free(o);
}

/* An empty head with one set behind it, so that the first execution finds its own. */
static struct operands *operands_head(const struct prim *p)
{
	struct operands *head = calloc(1, sizeof *head);

	die_if(!head, "out of memory");
	head->next = operands_new(p);
	return head;
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
	p->operands = operands_head(p);
	dn_md_free(any);
	return p;
}

static void prim_free(struct prim *p)
{
	for (struct operands *o = p->operands, *next; o; o = next) {
		next = o->next;
		operands_free(o);
	}
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
		scratch_want(&d->scratch, p->scratch_bytes);
	}
	pthread_mutex_unlock(&d->lock);
	return p;
}

/* ---- running --------------------------------------------------------------------------------- */

/* Ranks that share a backend may execute a primitive at the same time. */
static struct operands *operands_take(struct dnnl *d, const struct prim *p)
{
	struct operands *o;

	pthread_mutex_lock(&d->lock);
	o = p->operands->next;
	if (o)
		p->operands->next = o->next;
	pthread_mutex_unlock(&d->lock);
	return o ? o : operands_new(p);
}

static void operands_put(struct dnnl *d, const struct prim *p, struct operands *o)
{
	pthread_mutex_lock(&d->lock);
	o->next = p->operands->next;
	p->operands->next = o;
	pthread_mutex_unlock(&d->lock);
}

struct arg_list {
	dnnl_exec_arg_t arg[MAX_ARGS];
	int n;
};

static void add_arg(struct arg_list *l, int which, dnnl_memory_t m, const void *data)
{
	if (!m)
		return;
	dn_memory_set(m, data);
	l->arg[l->n++] = (dnnl_exec_arg_t){ which, m };
}

void prim_run(struct dnnl *d, const struct prim *p, const struct prim_data *data)
{
	struct scratch *s = p->scratch_bytes ? scratch_take(&d->scratch, p->scratch_bytes) : NULL;
	struct operands *o = operands_take(d, p);
	struct arg_list l = { .n = 1, .arg = { { DNNL_ARG_WEIGHTS, data->w } } };

	add_arg(&l, DNNL_ARG_SRC, o->x, data->x);
	add_arg(&l, DNNL_ARG_BIAS, o->bias, data->bias);
	add_arg(&l, DNNL_ARG_ATTR_MULTIPLE_POST_OP(p->key.act != ACT_NONE) | DNNL_ARG_SRC_1,
		o->other, data->other);
	add_arg(&l, DNNL_ARG_DST, o->y, data->y);
	add_arg(&l, DNNL_ARG_SCRATCHPAD, o->scratch, s ? s->data : NULL);
	dn_check(dnnl_primitive_execute(p->run, d->stream, l.n, l.arg), "to run");
	dn_check(dnnl_stream_wait(d->stream), "to run");
	operands_put(d, p, o);
	if (s)
		scratch_put(&d->scratch, s);
}

void prims_free(struct dnnl *d)
{
	for (int i = 0; i < PRIM_BUCKETS; i++) {
		for (struct prim *p = d->bucket[i], *next; p; p = next) {
			next = p->next;
			prim_free(p);
		}
	}
}
