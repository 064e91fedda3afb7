/* SPDX-License-Identifier: MIT
 *
 * The load pass: every weight is read or drawn and packed for the calls that use it, and all memory
 * is taken, so that a timed step finds everything in place.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "interrupt.h"
#include "measure.h"
#include "units.h"

/* A backend in front of the real one for the length of the load pass: shows how far it is. */
struct loading {
	struct backend backend;
	const struct backend *real;
	struct progress *progress;
	int64_t done, total;
	double start_s;
	unsigned char *seen; /* per parameter */
};

static void count_loaded(struct loading *l, const struct op_call *call)
{
	for (int i = 0; i < OP_INPUTS; i++) {
		const struct param *p = call->in[i] ? call->in[i]->param : NULL;
		if (!p || l->seen[p->index])
			continue;
		l->seen[p->index] = 1;
		l->done += (int64_t)tensor_bytes(&p->tensor);
	}
}

static void load_and_show(const struct backend *self, struct ctx *c, const struct op_call *call)
{
	struct loading *l = self->state;
	const struct backend *b = l->real;
	double elapsed;
	char text[64];

	if (interrupted()) {
		err_set(&c->err, ERR_INTERRUPTED, "interrupted");
		return;
	}
	while (b && !b->load)
		b = b->next;
	if (b)
		b->load(b, c, call);
	for (int i = 0; !b && i < OP_INPUTS; i++)
		if (call->in[i] && call->in[i]->param)
			weights_fill_plain(c->weights, call->in[i]->param, &c->err);
	count_loaded(l, call);
	elapsed = clock_s() - l->start_s;
	snprintf(text, sizeof text, "weights  %s",
		 text_si((double)l->done / (elapsed + 1e-9), "B/s").s);
	progress_draw(l->progress, text, (double)l->done, (double)l->total,
		      elapsed * (double)(l->total - l->done) / (double)(l->done + 1));
}

static struct loading loading_begin(const struct point *p, struct progress *progress)
{
	const struct weights *w = p->w->weights;
	struct loading l = { .real = p->ctx->backend, .progress = progress, .start_s = clock_s() };

	l.backend = (struct backend){ .name = "loading", .next = l.real,
				      .is_virtual = l.real->is_virtual,
				      .needs_plain = l.real->needs_plain, .load = load_and_show };
	for (int i = 0; i < weights_count(w); i++)
		l.total += (int64_t)tensor_bytes(&weights_at(w, i)->tensor);
	l.seen = calloc((size_t)weights_count(w) + 1, 1);
	die_if(!l.seen, "out of memory");
	return l;
}

static int load_weights(struct point *p, struct progress *progress)
{
	struct loading l = loading_begin(p, progress);
	int rc = 0;

	l.backend.state = &l;
	p->ctx->backend = &l.backend;
	for (int i = 0; i < p->w->n_stages && !rc; i++) {
		ctx_step_begin(p->ctx, PASS_LOAD, NULL);
		p->w->step(p->w, p->ctx, i, 0);
		rc = ctx_step_end(p->ctx);
	}
	p->ctx->backend = l.real;
	free(l.seen);
	progress_clear(progress);
	return rc;
}

/* One arena for all stages, touched here and not in the timed region. */
static int reserve(struct point *p)
{
	size_t bytes = 0;

	for (const struct backend *b = p->ctx->backend; b; b = b->next)
		if (b->loaded)
			b->loaded(b);
	malloc_trim(0); /* what packing needed goes back before activations come */
	for (int i = 0; i < p->w->n_stages; i++)
		bytes = plan_bytes(p->plan[i]) > bytes ? plan_bytes(p->plan[i]) : bytes;
	return ctx_reserve(p->ctx, bytes) || ctx_reserve_states(p->ctx) ? -(int)p->ctx->err.code :
									  0;
}

int measure_load(struct measurement *m, struct point *p, struct progress *progress, struct err *e)
{
	double start = clock_s();
	struct ctx *c = p->ctx;

	c->cancel = &interrupt_flag;
	if (!c->backend->is_virtual &&
	    (load_weights(p, progress) || weights_finish(p->w->weights, &c->err) || reserve(p)))
		return err_set(e, c->err.code, "%s", c->err.msg);
	m->load_s = clock_s() - start;
	return 0;
}
