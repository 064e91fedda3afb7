/* SPDX-License-Identifier: MIT
 *
 * bench macs: exact counts by stage, op, part of the model, or layer. The table shows G or M with
 * three digits, JSON and CSV the integers.
 */
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "json.h"
#include "options.h"
#include "point.h"
#include "table.h"
#include "units.h"

struct line {
	char name[256];
	struct cost cost;
};

struct lines {
	struct line *line;
	int n, capacity;
	struct cost total;
};

static void add_line(struct lines *l, const char *name, const struct cost *cost)
{
	int i = l->n - 1;

	/* names come in runs, so the search from the end is short */
	while (i >= 0 && strcmp(l->line[i].name, name) != 0)
		i--;
	if (i < 0) {
		if (l->n == l->capacity) {
			l->capacity = l->capacity ? 2 * l->capacity : 64;
			l->line = realloc(l->line, (size_t)l->capacity * sizeof *l->line);
			die_if(!l->line, "out of memory");
		}
		i = l->n++;
		l->line[i] = (struct line){ 0 };
		snprintf(l->line[i].name, sizeof l->line[i].name, "%s", name);
	}
	cost_add(&l->line[i].cost, cost, 1);
	cost_add(&l->total, cost, 1);
}

/* The path cut after `depth` components. */
static void fold(const char *path, int64_t depth, char *buf, size_t len)
{
	snprintf(buf, len, "%s", *path ? path : "(pipeline)");
	for (char *p = strchr(buf, '.'); p; p = strchr(p + 1, '.'))
		if (--depth <= 0) {
			*p = 0;
			return;
		}
}

static void name_of(const struct point *p, const struct profile_row *r, const char *by,
		    int64_t depth, char *buf, size_t len)
{
	int part;

	if (strcmp(by, "stage") == 0) {
		snprintf(buf, len, "%s", p->w->stage[r->stage].name);
	} else if (strcmp(by, "op") == 0) {
		snprintf(buf, len, "%s", op_table[r->op].name);
	} else if (strcmp(by, "part") == 0) {
		part = point_part(p, r->scope->path);
		snprintf(buf, len, "%s", part < 0 ? "(pipeline)" : p->w->parts[part]);
	} else {
		fold(r->scope->path, depth, buf, len);
	}
}

static void collect(struct lines *l, const struct point *p, const struct profile *profile,
		    const char *by, int64_t depth)
{
	for (int i = 0; i < profile->n; i++) {
		char name[256];
		name_of(p, &profile->row[i], by, depth, name, sizeof name);
		add_line(l, name, &profile->row[i].cost);
	}
}

static bool has_macs(const struct cost *c)
{
	return cost_torchprofile_macs(c) > 0;
}

static void scaled_row(struct table *t, const char *name, const struct cost *c, double unit)
{
	const int64_t macs[] = { c->macs_conv, c->macs_linear, c->macs_attn, cost_core_macs(c),
				 cost_noattn_macs(c), cost_torchprofile_macs(c) };

	table_add(t, "%s", name);
	table_add(t, "%s", text_count(c->calls).s);
	for (size_t i = 0; i < sizeof macs / sizeof *macs; i++) {
		if (macs[i])
			table_add(t, "%.3f", (double)macs[i] / unit);
		else
			table_add(t, "-");
	}
}

static void print_table(const struct lines *l, const char *by)
{
	double unit = cost_core_macs(&l->total) >= 100000000000 ? 1e9 : 1e6;
	struct table t;
	char head[160];

	snprintf(head, sizeof head,
		 "%s|>calls|>conv|>linear|>attention|>core|>noattn|>torchprofile", by);
	table_begin(&t, head);
	for (int i = 0; i < l->n; i++)
		if (has_macs(&l->line[i].cost) || strcmp(by, "layer") != 0)
			scaled_row(&t, l->line[i].name, &l->line[i].cost, unit);
	scaled_row(&t, "total", &l->total, unit);
	printf("%sMAC of one run; 1 MAC = 2 FLOP; core = conv + linear + attention, "
	       "noattn = conv + linear\n\n", unit == 1e9 ? "G" : "M");
	table_print(&t, stdout, "");
	table_end(&t);
}

static void print_csv(const struct lines *l, const char *by)
{
	struct table t;
	char head[256];

	snprintf(head, sizeof head, "%s|calls|conv_macs|linear_macs|attention_macs|core_macs|"
				    "noattn_macs|torchprofile_macs|norm_elems|geglu_products|"
				    "bytes_read|bytes_written", by);
	table_begin(&t, head);
	for (int i = 0; i < l->n; i++) {
		const struct cost *c = &l->line[i].cost;
		const int64_t v[] = { c->calls, c->macs_conv, c->macs_linear, c->macs_attn,
				      cost_core_macs(c), cost_noattn_macs(c),
				      cost_torchprofile_macs(c), c->norm_elems, c->mul_elems,
				      c->bytes_read, c->bytes_written };
		table_add(&t, "%s", l->line[i].name);
		for (size_t k = 0; k < sizeof v / sizeof *v; k++)
			table_add(&t, "%lld", (long long)v[k]);
	}
	table_csv(&t, stdout);
	table_end(&t);
}

static void print_json(const struct point *p, const struct lines *l, const char *by)
{
	json_t *rows = json_array();

	for (int i = 0; i < l->n; i++) {
		json_t *row = json_cost(&l->line[i].cost);
		json_object_set_new(row, by, json_string(l->line[i].name));
		json_array_append_new(rows, row);
	}
	json_print(json_pack("{s:s,s:s,s:s,s:o,s:o,s:o}", "schema", "bench.macs/1", "workload",
			     p->preset->name, "by", by, "settings",
			     json_settings(&p->settings, 0), "rows", rows, "total",
			     json_cost(&l->total)), stdout);
}

int cmd_macs(const struct options *o, struct err *e)
{
	const char *by = opt_text(o, OPT_BY);
	int64_t depth = opt_given(o, OPT_DEPTH) ? opt_int(o, OPT_DEPTH) : 64;
	struct profile profile = { 0 };
	struct lines l = { 0 };
	struct point p;

	if (opt_given(o, OPT_DEPTH) && strcmp(by, "layer") != 0)
		return err_set(e, ERR_USAGE, "--depth folds layers: it goes with --by layer");
	if (!point_open(&p, o, &backend_null, e) && !point_profile(&p, &profile, e)) {
		collect(&l, &p, &profile, by, depth);
		if (opt_flag(o, OPT_JSON))
			print_json(&p, &l, by);
		else if (opt_flag(o, OPT_CSV))
			print_csv(&l, by);
		else
			print_table(&l, by);
	}
	free(l.line);
	profile_clear(&profile);
	point_close(&p);
	return -(int)e->code;
}
