/* SPDX-License-Identifier: MIT
 *
 * bench kernels: every op at the shapes that the workloads use, correct first, then fast. Sorted by
 * the time of all its calls in one repetition.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "json.h"
#include "kernel_bench.h"
#include "machine.h"
#include "roofline.h"
#include "table.h"
#include "units.h"

#define SECONDS 0.05 /* of each kernel */

struct line {
	const struct kernel *k;
	struct kernel_result r;
	double limit_s;
	const char *bound;
};

struct kernels {
	struct kernel_list list;
	struct line *line;
	int n;
	struct roof roof;
};

/* The workload that the pattern names, or all that are not miniatures. */
static int collect(struct kernels *ks, const struct options *o, struct err *e)
{
	const char *pattern = o->n_args ? o->arg[0] : NULL;
	struct options one = *o;
	bool named = false;

	one.n_args = 1;
	for (int i = 0; i < n_presets; i++)
		named |= pattern && strcmp(presets[i].name, pattern) == 0;
	for (int i = 0; i < n_presets && !e->code; i++) {
		bool mini = strstr(presets[i].name, "-mini") != NULL;
		one.arg[0] = presets[i].name;
		if (named ? strcmp(presets[i].name, pattern) == 0 : !mini)
			kernel_list_add(&ks->list, &one, e);
	}
	ks->line = calloc((size_t)ks->list.n + 1, sizeof *ks->line);
	die_if(!ks->line, "out of memory");
	for (int i = 0; i < ks->list.n; i++)
		if (!pattern || named || kernel_matches(&ks->list.kernel[i], pattern))
			ks->line[ks->n++].k = &ks->list.kernel[i];
	if (!ks->n && !e->code)
		err_set(e, ERR_USAGE,
			"no op, shape or workload matches '%.60s'; `bench list` names "
			"workloads, `bench macs WORKLOAD --by op` ops",
			pattern);
	return -(int)e->code;
}

static int measure(struct kernels *ks, const struct device *d, struct progress *progress,
		   struct err *e)
{
	char text[96];

	interrupt_catch();
	for (int i = 0; i < ks->n && !e->code; i++) {
		struct line *l = &ks->line[i];
		snprintf(text, sizeof text, "%s %.60s", op_table[l->k->op].name, l->k->shape);
		progress_draw(progress, text, i, ks->n, -1);
		if (interrupted())
			return err_set(e, ERR_INTERRUPTED, "interrupted");
		kernel_measure(l->k, d, SECONDS, &l->r, e);
		l->limit_s = roof_limit_s(&ks->roof, &l->k->cost);
		l->bound = roof_bound(&ks->roof, &l->k->cost);
	}
	progress_clear(progress);
	return -(int)e->code;
}

static int longest_first(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	double dx = (double)x->k->calls * x->r.median, dy = (double)y->k->calls * y->r.median;

	return (dx < dy) - (dx > dy);
}

static bool is_wrong(const struct line *l)
{
	return !(l->r.error <= kernel_tolerance(l->k));
}

/* ---- text --------------------------------------------------------------------------------------
 */

static double rate_of(const struct line *l, const char **unit)
{
	const struct cost *c = &l->k->cost;
	bool flops = cost_core_macs(c) && strcmp(l->bound, "memory") != 0;

	*unit = flops ? "FLOP/s" : "B/s";
	return (flops ? 2 * (double)cost_core_macs(c)
		      : (double)(c->bytes_read + c->bytes_written)) / l->r.median;
}

static void print_table(const struct kernels *ks)
{
	struct table t;
	int scaled = 0;

	table_begin(&t, "op|shape|>calls|>error|>best|>median|>rate|limit|>of limit");
	for (int i = 0; i < ks->n; i++) {
		const struct line *l = &ks->line[i];
		const char *unit;
		double rate = rate_of(l, &unit);
		table_add(&t, "%s", op_table[l->k->op].name);
		table_add(&t, "%s", l->k->shape);
		table_add(&t, "%s", text_count(l->k->calls).s);
		table_add(&t, "%.1e%s%s", l->r.error, l->r.scaled_by > 1 ? "*" : "",
			  is_wrong(l) ? " WRONG" : "");
		table_add(&t, "%s", text_seconds(l->r.best).s);
		table_add(&t, "%s", text_seconds(l->r.median).s);
		table_add(&t, "%s", text_si(rate, unit).s);
		table_add(&t, "%s", l->r.median < l->limit_s ? "cache" : l->bound);
		table_add(&t, "%s", text_percent(l->limit_s / l->r.median).s);
		scaled += l->r.scaled_by > 1;
	}
	table_print(&t, stdout, "");
	table_end(&t);
	printf("calls in one repetition; error against the plain C reference%s\n",
	       scaled ? "; * at a smaller height, width or\nlength, where the reference would "
			"take over a second" : "");
}

static void print_json(const struct kernels *ks, const struct device *d)
{
	json_t *rows = json_array();

	for (int i = 0; i < ks->n; i++) {
		const struct line *l = &ks->line[i];
		json_array_append_new(
			rows, json_pack("{s:s,s:s,s:s,s:s,s:I,s:o,s:b,s:i,s:f,s:f,s:f,s:i,s:o,s:s,"
					"s:f}", "op", op_table[l->k->op].name, "shape", l->k->shape,
					"workload", l->k->workload, "dtype",
					dtype_name(l->k->dtype), "calls", (json_int_t)l->k->calls,
					"error", json_number(l->r.error), "correct", !is_wrong(l),
					"checked_at_divisor", l->r.scaled_by, "best_s", l->r.best,
					"median_s", l->r.median, "worst_s", l->r.worst, "samples",
					l->r.n, "cost", json_cost(&l->k->cost), "bound", l->bound,
					"limit_s", l->limit_s));
	}
	json_print(json_pack("{s:s,s:i,s:s,s:{s:f,s:f},s:o}", "schema", "bench.kernels/1",
			     "threads", d->threads, "isa", isa_name(d->isa), "roof", "flops",
			     ks->roof.flops, "bytes_per_s", ks->roof.bytes, "kernels", rows),
		   stdout);
}

/* ---- the database ------------------------------------------------------------------------------
 */

/* Kept with the calibrations of the machine, kind "op NAME SHAPES", unit s. */
static int store(struct db *db, const struct kernels *ks, const struct device *d,
		 const struct machine *m, struct err *e)
{
	struct db_host host = machine_host(m);

	for (int i = 0; i < ks->n; i++) {
		const struct line *l = &ks->line[i];
		char kind[256];
		struct db_calibration row = { .kind = kind, .dtype = dtype_name(l->k->dtype),
					      .isa = isa_name(d->isa), .unit = "s",
					      .threads = d->threads, .best = l->r.best,
					      .median = l->r.median, .worst = l->r.worst,
					      .n = l->r.n, .at_unix_ns = db_now_unix_ns() };
		snprintf(kind, sizeof kind, "op %s %s", op_table[l->k->op].name, l->k->shape);
		if (db_put_calibration(db, &host, &row, 1))
			return err_set(e, ERR_DB, "%s", db_error(db));
	}
	return 0;
}

static void finish(struct kernels *ks, const struct options *o, const struct device *d,
		   const struct machine *m, struct db *db, struct err *e)
{
	int wrong = 0;

	qsort(ks->line, (size_t)ks->n, sizeof *ks->line, longest_first);
	if (opt_flag(o, OPT_JSON))
		print_json(ks, d);
	else
		print_table(ks);
	if (db && store(db, ks, d, m, e))
		return;
	for (int i = 0; i < ks->n; i++)
		wrong += is_wrong(&ks->line[i]);
	if (wrong)
		err_set(e, ERR_PARITY, "%d of %d kernels differ from the reference by more than "
			"rounding", wrong, ks->n);
}

int cmd_kernels(const struct options *o, struct err *e)
{
	struct kernels ks = { 0 };
	struct progress progress;
	struct machine m;
	struct device d;
	struct db *db = NULL;

	machine_read(&m);
	progress_init(&progress, opt_flag(o, OPT_QUIET));
	if (!device_open(&d, o, e) && !collect(&ks, o, e)) {
		if (!opt_flag(o, OPT_NO_DB) && db_open(&db, opt_text(o, OPT_DB), DB_CREATE))
			err_set(e, ERR_DB, "%s", db_error(db));
		else if (!roof_find(&ks.roof, db, &m, &d, ks.line[0].k->dtype, &progress, e) &&
			 !measure(&ks, &d, &progress, e))
			finish(&ks, o, &d, &m, db, e);
	}
	db_close(db);
	kernel_list_clear(&ks.list);
	free(ks.line);
	device_close(&d);
	return -(int)e->code;
}
