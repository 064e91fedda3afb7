/* SPDX-License-Identifier: MIT
 *
 * The memory that a point will take, known before anything is allocated: the dry pass gives
 * weights, states and the plan of every stage; the rest is what the program holds already, what
 * loading needs on the way, and what the libraries build for themselves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "point.h"
#include "units.h"

#define HUGE_PAGE (2 << 20)

/* What comes on top, measured (bytes): tables and the database; pages of oneDNN; the code that it
 * generates for each shape of a convolution and of a matrix product that is not our own; its
 * tables, which grow with the images of its convolutions. */
#define OWN_BYTES                (2 << 20)
#define LIBRARY_BYTES            (3 << 20)
#define CONV_BYTES               (100 << 10)
#define PRODUCT_BYTES            (80 << 10)
#define TABLES_OF_ACTIVATIONS(n) ((n) / 16)
#define SHAPES_MAX               512

static int64_t round_up(int64_t n, int64_t to)
{
	return (n + to - 1) / to * to;
}

struct shape {
	enum op op;
	int64_t dim[2 * TENSOR_DIMS]; /* of the input and of the weight */
};

/* Weights by the calls that load them, and the shapes that the library makes code for. */
struct survey {
	const struct backend *backend;
	unsigned char *seen; /* per parameter */
	int64_t bytes, largest, scratch;
	struct shape shape[SHAPES_MAX];
	int shapes, convs;
};

static int64_t loaded_bytes(const struct backend *b, const struct op_call *call, int i)
{
	return (int64_t)(b->weight_bytes ? b->weight_bytes(b, call, i)
					 : tensor_bytes(call->in[i]));
}

static void add_shape(struct survey *s, const struct op_call *call)
{
	const struct tensor *x = call->in[0], *w = call->in[1];
	const struct backend *b = s->backend;
	struct shape key = { .op = call->op };

	if (s->shapes == SHAPES_MAX || !b->generates || !b->generates(b, call))
		return;
	memcpy(key.dim, x->dim, (size_t)x->ndim * sizeof *x->dim);
	memcpy(key.dim + TENSOR_DIMS, w->dim, (size_t)w->ndim * sizeof *w->dim);
	for (int i = 0; i < s->shapes; i++)
		if (s->shape[i].op == key.op &&
		    memcmp(s->shape[i].dim, key.dim, sizeof key.dim) == 0)
			return;
	s->shape[s->shapes++] = key;
	s->convs += call->op == OP_CONV2D;
}

static void survey_call(void *arg, const struct ctx *c, const struct op_call *call,
			const struct cost *cost)
{
	struct survey *s = arg;

	(void)c;
	(void)cost;
	if (s->backend->scratch_bytes) {
		int64_t n = (int64_t)s->backend->scratch_bytes(s->backend, call);
		s->scratch = n > s->scratch ? n : s->scratch;
	}
	if (call->op == OP_CONV2D || call->op == OP_LINEAR)
		add_shape(s, call);
	for (int i = 0; i < OP_INPUTS; i++) {
		const struct param *p = call->in[i] ? call->in[i]->param : NULL;
		int64_t n;
		if (!p || s->seen[p->index])
			continue;
		s->seen[p->index] = 1;
		n = loaded_bytes(s->backend, call, i);
		s->bytes += round_up(n, 64);
		s->largest = n > s->largest ? n : s->largest;
	}
}

/* A pass that computes nothing and shows every call. */
static void survey(const struct point *p, struct survey *s)
{
	*s = (struct survey){ .backend = p->ctx->backend };
	s->seen = calloc((size_t)weights_count(p->w->weights) + 1, 1);
	die_if(!s->seen, "out of memory");
	p->ctx->backend = &backend_null;
	p->ctx->hook = (struct op_hook){ .end = survey_call, .arg = s };
	for (int i = 0; i < p->w->n_stages; i++) {
		ctx_step_begin(p->ctx, PASS_RUN, NULL);
		p->w->step(p->w, p->ctx, i, 0);
		ctx_step_end(p->ctx);
	}
	p->ctx->backend = s->backend;
	p->ctx->hook = (struct op_hook){ 0 };
	free(s->seen);
}

static int64_t library_bytes(const struct survey *s, int64_t activations)
{
	if (!s->shapes) /* does without the library */
		return 0;
	return LIBRARY_BYTES + s->convs * CONV_BYTES + (s->shapes - s->convs) * PRODUCT_BYTES +
	       (s->convs ? TABLES_OF_ACTIVATIONS(activations) : 0);
}

struct memory_need point_memory(const struct point *p)
{
	struct memory_need m = { .states = (int64_t)ctx_state_bytes(p->ctx) };
	struct survey s;

	if (p->ctx->backend->is_virtual)
		return m;
	survey(p, &s);
	m.weights = s.backend->weight_bytes ? round_up(s.bytes, HUGE_PAGE) : s.bytes;
	for (int i = 0; i < p->w->n_stages; i++) {
		int64_t n = round_up((int64_t)plan_bytes(p->plan[i]), HUGE_PAGE);
		m.activations = n > m.activations ? n : m.activations;
	}
	m.program = memory_resident();
	m.library = OWN_BYTES + s.scratch + library_bytes(&s, m.activations);
	/* one weight is held twice while it is packed; that is over before there are activations */
	m.staging = s.largest > m.activations ? s.largest - m.activations : 0;
	m.total = m.weights + m.states + m.activations + m.staging + m.program + m.library;
	return m;
}

/* ---- what would fit ----------------------------------------------------------------------------
 */

static bool has_key(const struct settings *s, const char *key)
{
	for (int i = 0; i < s->n; i++)
		if (strcmp(s->def[i].key, key) == 0)
			return s->value[i] != NULL;
	return false;
}

/* Memory of the point with other settings; -1 when those are refused. */
static int64_t need_with(const struct point *p, const char *const *set)
{
	struct point other;
	struct err e = { 0 };
	int64_t need = -1;

	if (!point_open_like(&other, p, set, &e))
		need = point_memory(&other).total;
	point_close(&other);
	return need;
}

static bool fits_batch_one(const struct point *p, int64_t free_bytes, char *buf, size_t len)
{
	int64_t need = need_with(p, (const char *[]){ "batch", "1", NULL });

	snprintf(buf, len, "batch=1");
	return need >= 0 && need <= free_bytes;
}

static bool fits_bf16(const struct point *p, int64_t free_bytes, char *buf, size_t len)
{
	int64_t need = need_with(p, (const char *[]){ "dtype", "bf16", NULL });

	snprintf(buf, len, "dtype=bf16");
	return need >= 0 && need <= free_bytes;
}

/* The largest size of the same shape, in steps of a sixteenth, with one image and the small type.
 */
static bool fits_smaller(const struct point *p, int64_t free_bytes, char *buf, size_t len)
{
	int64_t width = settings_int(&p->settings, "width");
	int64_t height = settings_int(&p->settings, "height");

	for (int i = 15; i > 0; i--) {
		char w[24], h[24];
		int64_t need;
		snprintf(w, sizeof w, "%lld", (long long)(width * i / 16 / 64 * 64));
		snprintf(h, sizeof h, "%lld", (long long)(height * i / 16 / 64 * 64));
		need = need_with(p, (const char *[]){ "width", w, "height", h, "batch", "1",
						      "dtype", "bf16", NULL });
		snprintf(buf, len, "width=%s height=%s batch=1 dtype=bf16", w, h);
		if (need >= 0 && need <= free_bytes)
			return true;
	}
	return false;
}

static bool find_fit(const struct point *p, int64_t free_bytes, char *buf, size_t len)
{
	const struct settings *s = &p->settings;

	if (has_key(s, "dtype") && p->w->dtype == DT_F32 && fits_bf16(p, free_bytes, buf, len))
		return true;
	if (has_key(s, "batch") && settings_int(s, "batch") > 1 &&
	    fits_batch_one(p, free_bytes, buf, len))
		return true;
	return has_key(s, "width") && has_key(s, "height") && has_key(s, "batch") &&
	       has_key(s, "dtype") && fits_smaller(p, free_bytes, buf, len);
}

int point_check_memory(const struct point *p, struct err *e)
{
	struct memory_need m = point_memory(p);
	int64_t free_bytes = memory_available() + m.program;
	char fit[128];

	if (m.total <= free_bytes)
		return 0;
	if (!find_fit(p, free_bytes, fit, sizeof fit))
		snprintf(fit, sizeof fit, "nothing smaller of this workload either");
	return err_set(e, ERR_FAILED,
		       "%s needs %s (weights %s, activations %s) and %s are free: it was not "
		       "started; what would fit: %s",
		       p->preset->name, text_bytes((double)m.total).s,
		       text_bytes((double)m.weights).s, text_bytes((double)m.activations).s,
		       text_bytes((double)free_bytes).s, fit);
}
