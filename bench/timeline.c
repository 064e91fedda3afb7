/* SPDX-License-Identifier: MIT
 *
 * Slices are written as complete events ("ph":"X"): on the first track stage > step > scopes > op,
 * on the second the reference blocks. A scope reaches from the beginning of its first op to the end
 * of its last one before another scope's turn. Times are microseconds with three decimals, from the
 * first step on.
 */
#include "timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64

struct op_slice {
	const struct scope *scope;
	enum op op;
	int64_t begin_ns, ns, core_macs, bytes;
};

struct step_slice {
	int stage, step;
	int64_t begin_ns, end_ns;
	int64_t first, n; /* ops */
};

struct block_slice {
	int64_t begin_ns, end_ns;
	double rate;
};

struct timeline {
	struct op_slice *op;
	int64_t n_ops, ops_room;
	struct step_slice *step;
	int64_t n_steps, steps_room;
	struct block_slice *block;
	int64_t n_blocks, blocks_room;
};

struct timeline *timeline_new(void)
{
	struct timeline *t = calloc(1, sizeof *t);

	die_if(!t, "out of memory");
	return t;
}

void timeline_free(struct timeline *t)
{
	if (!t)
		return;
	free(t->op);
	free(t->step);
	free(t->block);
	free(t);
}

/* ---- collecting --------------------------------------------------------------------------------
 */

static void *grown(void *array, int64_t need, int64_t *room, size_t size)
{
	if (need <= *room)
		return array;
	*room = 2 * need;
	array = realloc(array, (size_t)*room * size);
	die_if(!array, "out of memory");
	return array;
}

void timeline_step(struct timeline *t, int stage, int step, int64_t begin_ns, int64_t end_ns,
		   const struct trace *trace)
{
	const struct trace_record *r;
	int64_t n;

	if (!t)
		return;
	r = trace_records(trace, &n);
	t->op = grown(t->op, t->n_ops + n, &t->ops_room, sizeof *t->op);
	t->step = grown(t->step, t->n_steps + 1, &t->steps_room, sizeof *t->step);
	t->step[t->n_steps++] = (struct step_slice){ stage, step, begin_ns, end_ns, t->n_ops, n };
	for (int64_t i = 0; i < n; i++)
		t->op[t->n_ops++] = (struct op_slice){
			r[i].scope, r[i].op, r[i].begin_ns, r[i].ns, cost_core_macs(&r[i].cost),
			r[i].cost.bytes_read + r[i].cost.bytes_written };
}

void timeline_block(struct timeline *t, int64_t begin_ns, int64_t end_ns, double rate)
{
	if (!t)
		return;
	t->block = grown(t->block, t->n_blocks + 1, &t->blocks_room, sizeof *t->block);
	t->block[t->n_blocks++] = (struct block_slice){ begin_ns, end_ns, rate };
}

/* ---- writing -----------------------------------------------------------------------------------
 */

struct writer {
	FILE *to;
	int64_t zero_ns;
	const struct scope *open[DEPTH_MAX]; /* from the outermost on */
	int64_t begin_ns[DEPTH_MAX];
	int depth;
};

/* Names come from code, configuration files and tensors' paths: quotes cannot be excluded. */
static void write_name(FILE *to, const char *name)
{
	fputc('"', to);
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;
		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c < ' ')
			fprintf(to, "\\u%04x", c);
		else
			fputc(c, to);
	}
	fputc('"', to);
}

/* The beginning of a slice's object; what may follow are more keys and the end. */
static void begin_slice(struct writer *w, const char *name, const char *kind, int track,
			int64_t begin_ns, int64_t ns)
{
	int64_t at = begin_ns - w->zero_ns;

	fputs(",\n{\"ph\":\"X\",\"pid\":1,\"tid\":", w->to);
	fprintf(w->to, "%d,\"cat\":\"%s\",\"name\":", track, kind);
	write_name(w->to, name);
	fprintf(w->to, ",\"ts\":%lld.%03d,\"dur\":%lld.%03d", (long long)(at / 1000),
		(int)(at % 1000), (long long)(ns / 1000), (int)(ns % 1000));
}

static void write_slice(struct writer *w, const char *name, const char *kind, int64_t begin_ns,
			int64_t end_ns)
{
	begin_slice(w, name, kind, 1, begin_ns, end_ns - begin_ns);
	fputc('}', w->to);
}

static void close_scopes(struct writer *w, int depth, int64_t end_ns)
{
	while (w->depth > depth) {
		w->depth--;
		write_slice(w, w->open[w->depth]->name, "scope", w->begin_ns[w->depth], end_ns);
	}
}

/* The chain from below the root to s; returns its length, at most DEPTH_MAX. */
static int chain_of(const struct scope *s, const struct scope **chain)
{
	int n = 0, skip;

	for (const struct scope *p = s; p->parent; p = p->parent)
		n++;
	skip = n > DEPTH_MAX ? n - DEPTH_MAX : 0;
	for (int i = n; s->parent; s = s->parent)
		if (--i < n - skip)
			chain[i] = s;
	return n - skip;
}

static void enter(struct writer *w, const struct op_slice *op, int64_t last_end_ns)
{
	const struct scope *chain[DEPTH_MAX];
	int n = chain_of(op->scope, chain), common = 0;

	while (common < n && common < w->depth && chain[common] == w->open[common])
		common++;
	close_scopes(w, common, last_end_ns);
	for (; w->depth < n; w->depth++) {
		w->open[w->depth] = chain[w->depth];
		w->begin_ns[w->depth] = op->begin_ns;
	}
}

static void write_op(struct writer *w, const struct op_slice *op)
{
	begin_slice(w, op_table[op->op].name, "op", 1, op->begin_ns, op->ns);
	fprintf(w->to, ",\"args\":{\"core_macs\":%lld,\"bytes\":%lld", (long long)op->core_macs,
		(long long)op->bytes);
	if (op->core_macs && op->ns)
		fprintf(w->to, ",\"GFLOP/s\":%.1f", 2 * (double)op->core_macs / (double)op->ns);
	fputs("}}", w->to);
}

static void write_step(struct writer *w, const struct timeline *t, const struct step_slice *s)
{
	char name[32];
	int64_t end = s->begin_ns;

	snprintf(name, sizeof name, "step %d", s->step);
	write_slice(w, name, "step", s->begin_ns, s->end_ns);
	for (int64_t i = s->first; i < s->first + s->n; i++) {
		const struct op_slice *op = &t->op[i];
		enter(w, op, end);
		write_op(w, op);
		end = op->begin_ns + op->ns;
	}
	close_scopes(w, 0, end);
}

/* Steps of one stage follow each other. */
static void write_steps(struct writer *w, const struct timeline *t, const struct point *p)
{
	for (int64_t i = 0; i < t->n_steps; i++) {
		const struct step_slice *s = &t->step[i];
		int64_t last = i;
		while (last + 1 < t->n_steps && t->step[last + 1].stage == s->stage)
			last++;
		if (!i || t->step[i - 1].stage != s->stage)
			write_slice(w, p->w->stage[s->stage].name, "stage", s->begin_ns,
				    t->step[last].end_ns);
		write_step(w, t, s);
	}
}

static void write_blocks(struct writer *w, const struct timeline *t)
{
	for (int64_t i = 0; i < t->n_blocks; i++) {
		const struct block_slice *b = &t->block[i];
		begin_slice(w, "reference block", "block", 2, b->begin_ns,
			    b->end_ns - b->begin_ns);
		fprintf(w->to, ",\"args\":{\"GFLOP/s\":%.1f}}", 1e-9 * b->rate);
	}
}

static void write_head(struct writer *w, const struct point *p)
{
	static const char *const track[] = { "steps", "reference blocks" };

	fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
	      "{\"ph\":\"M\",\"pid\":1,\"tid\":0,\"name\":\"process_name\",\"args\":{\"name\":",
	      w->to);
	write_name(w->to, p->preset->name);
	fputs("}}", w->to);
	for (int i = 0; i < 2; i++)
		fprintf(w->to, ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"name\":\"thread_name\","
			"\"args\":{\"name\":\"%s\"}}", i + 1, track[i]);
}

static FILE *open_for_writing(const char *path, struct err *e)
{
	FILE *f = fopen(path, "w");

	if (!f)
		err_set(e, ERR_FAILED, "%s cannot be written: %s", path, strerror(errno));
	return f;
}

static int finish_file(FILE *f, const char *path, struct err *e)
{
	int bad = ferror(f);

	if (fclose(f) || bad)
		return err_set(e, ERR_FAILED, "%s was not written completely: %s", path,
			       strerror(errno));
	return 0;
}

int timeline_write(const struct timeline *t, const struct point *p, const char *path,
		   struct err *e)
{
	struct writer w = { .to = open_for_writing(path, e) };

	if (!w.to)
		return -(int)e->code;
	w.zero_ns = t->n_steps ? t->step[0].begin_ns : 0;
	write_head(&w, p);
	write_steps(&w, t, p);
	write_blocks(&w, t);
	fputs("\n]}\n", w.to);
	return finish_file(w.to, path, e);
}

/* ---- folded stacks -----------------------------------------------------------------------------
 */

/* Frames are parted by ';' and the count by the last space. */
static void write_frame(FILE *to, const char *name)
{
	for (; *name; name++)
		fputc(*name == ';' || *name == ' ' || *name == '\n' ? '_' : *name, to);
	fputc(';', to);
}

int folded_write(const struct profile *profile, const struct point *p, const char *path,
		 struct err *e)
{
	FILE *to = open_for_writing(path, e);

	if (!to)
		return -(int)e->code;
	for (int i = 0; i < profile->n; i++) {
		const struct profile_row *r = &profile->row[i];
		const struct scope *chain[DEPTH_MAX];
		int n = chain_of(r->scope, chain);
		write_frame(to, p->w->stage[r->stage].name);
		for (int k = 0; k < n; k++)
			write_frame(to, chain[k]->name);
		fprintf(to, "%s %lld\n", op_table[r->op].name, (long long)r->ns);
	}
	return finish_file(to, path, e);
}
