/* SPDX-License-Identifier: MIT
 *
 * bench kernels: every op at the shapes that the workloads use, correct first, then fast. What
 * takes most of a repetition, as far as the roofline tells, is measured first, so that a budget
 * leaves out the least. Printed by the time of all calls in one repetition.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "interrupt.h"
#include "json.h"
#include "kernel_bench.h"
#include "machine.h"
#include "policy.h"
#include "roofline.h"
#include "table.h"
#include "units.h"

#define SECONDS 0.05 /* of each kernel */

struct line {
	const struct kernel *k;
	struct kernel_result r;
	double limit_s; /* of one call, by the roofline */
	double takes_s; /* to check and time it, about */
	const char *bound;
	bool measured;
};

struct kernels {
	struct kernel_list list;
	struct line *line;
	int n;       /* measured ones come first when all is done */
	int all;     /* with those that were left out */
	double share; /* of the limits of all calls: that of the measured ones */
	double budget_s;
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

static double of_all_calls(const struct line *l)
{
	return (double)l->k->calls * l->limit_s;
}

static int most_work_first(const void *a, const void *b)
{
	double x = of_all_calls(a), y = of_all_calls(b);

	return (x < y) - (x > y);
}

/* Limits and times of all kernels; says how long they take. */
static void plan(struct kernels *ks, struct progress *progress)
{
	double all_s = 0;

	for (int i = 0; i < ks->n; i++) {
		struct line *l = &ks->line[i];
		l->limit_s = roof_limit_s(&ks->roof, &l->k->cost);
		l->bound = roof_bound(&ks->roof, &l->k->cost);
		l->takes_s = kernel_estimate_s(l->k, SECONDS, l->limit_s);
		all_s += l->takes_s;
	}
	qsort(ks->line, (size_t)ks->n, sizeof *ks->line, most_work_first);
	if (all_s > ks->budget_s)
		progress_say(progress, "%d kernels, about %s; those with most of the work, for %s "
			     "(--budget all: every one)", ks->n, text_left(all_s).s,
			     text_left(ks->budget_s).s);
	else
		progress_say(progress, "%d kernels, about %s", ks->n, text_left(all_s).s);
}

/* Until the budget is spent; one that would end later is left out, a shorter one may still fit. */
static int measure(struct kernels *ks, const struct device *d, struct progress *progress,
		   struct err *e)
{
	double start = clock_s(), spent = 0, predicted = 0;
	char text[96];

	interrupt_catch();
	for (int i = 0; i < ks->n && !e->code && !interrupted(); i++) {
		struct line *l = &ks->line[i];
		double slower = predicted > 1 && spent > predicted ? spent / predicted : 1;
		if (i && spent + slower * l->takes_s > ks->budget_s)
			continue;
		snprintf(text, sizeof text, "%s %.60s", op_table[l->k->op].name, l->k->shape);
		progress_draw(progress, text, i, ks->n, -1);
		kernel_measure(l->k, d, SECONDS, &l->r, e);
		l->measured = !e->code;
		predicted += l->takes_s;
		spent = clock_s() - start;
	}
	progress_clear(progress);
	return -(int)e->code;
}

/* Only measured kernels stay. */
static void keep_measured(struct kernels *ks)
{
	double all = 0, kept = 0;

	ks->all = ks->n;
	ks->n = 0;
	for (int i = 0; i < ks->all; i++) {
		all += of_all_calls(&ks->line[i]);
		if (!ks->line[i].measured)
			continue;
		kept += of_all_calls(&ks->line[i]);
		ks->line[ks->n++] = ks->line[i];
	}
	ks->share = all > 0 ? kept / all : (double)ks->n / ks->all;
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
			"take long" : "");
	if (ks->n < ks->all)
		printf("%d of %d kernels, with %s of the work by the roofline; `--budget all` "
		       "measures every one\n", ks->n, ks->all, text_percent(ks->share).s);
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
	json_print(json_pack("{s:s,s:i,s:s,s:{s:f,s:f},s:i,s:f,s:o}", "schema", "bench.kernels/1",
			     "threads", d->threads, "isa", isa_name(d->isa), "roof", "flops",
			     ks->roof.flops, "bytes_per_s", ks->roof.bytes, "left_out",
			     ks->all - ks->n, "share_of_limit_time", ks->share, "kernels", rows),
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

	keep_measured(ks);
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
	if (interrupted())
		err_set(e, ERR_INTERRUPTED, "interrupted after %d of %d kernels", ks->n, ks->all);
}

static int read_budget(struct kernels *ks, const struct options *o, struct err *e)
{
	const char *text = opt_text(o, OPT_KERNELS_BUDGET);

	ks->budget_s = INFINITY;
	if (strcmp(text, "all") != 0 && parse_duration(text, &ks->budget_s))
		return err_set(e, ERR_USAGE, "--budget is '%.40s': it takes a time as 90s, 15m or "
			       "2h, or all", text);
	return 0;
}

int cmd_kernels(const struct options *o, struct err *e)
{
	struct kernels ks = { 0 };
	struct progress progress;
	struct machine m;
	struct device d;
	struct db *db = NULL;

	if (read_budget(&ks, o, e))
		return -(int)e->code;
	machine_read(&m);
	progress_init(&progress, opt_flag(o, OPT_QUIET));
	if (!device_open(&d, o, e) && !collect(&ks, o, e)) {
		if (!opt_flag(o, OPT_NO_DB) && db_open(&db, opt_text(o, OPT_DB), DB_CREATE))
			err_set(e, ERR_DB, "%s", db_error(db));
		else if (!roof_find(&ks.roof, db, &m, &d, ks.line[0].k->dtype, &progress, e)) {
			plan(&ks, &progress);
			if (!measure(&ks, &d, &progress, e))
				finish(&ks, o, &d, &m, db, e);
		}
	}
	db_close(db);
	kernel_list_clear(&ks.list);
	free(ks.line);
	device_close(&d);
	return -(int)e->code;
}
