/* SPDX-License-Identifier: MIT
 *
 * bench macs: exact counts by stage, op, part of the model, or layer. The table shows G or M with
 * three digits, JSON and CSV the integers.
 */
#include <string.h>

#include "backend.h"
#include "grouping.h"
#include "json.h"
#include "options.h"
#include "point.h"
#include "table.h"
#include "units.h"

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

static void print_table(const struct grouping *l, const char *by)
{
	double unit = cost_core_macs(&l->total.cost) >= 100000000000 ? 1e9 : 1e6;
	struct table t;
	char head[160];

	snprintf(head, sizeof head,
		 "%s|>calls|>conv|>linear|>attention|>core|>noattn|>torchprofile", by);
	table_begin(&t, head);
	for (int i = 0; i < l->n; i++)
		if (has_macs(&l->group[i].cost) || strcmp(by, "layer") != 0)
			scaled_row(&t, l->group[i].name, &l->group[i].cost, unit);
	scaled_row(&t, "total", &l->total.cost, unit);
	printf("%sMAC of one run; 1 MAC = 2 FLOP; core = conv + linear + attention, "
	       "noattn = conv + linear\n\n", unit == 1e9 ? "G" : "M");
	table_print(&t, stdout, "");
	table_end(&t);
}

static void print_csv(const struct grouping *l, const char *by)
{
	struct table t;
	char head[256];

	snprintf(head, sizeof head, "%s|calls|conv_macs|linear_macs|attention_macs|core_macs|"
				    "noattn_macs|torchprofile_macs|norm_elems|geglu_products|"
				    "bytes_read|bytes_written", by);
	table_begin(&t, head);
	for (int i = 0; i < l->n; i++) {
		const struct cost *c = &l->group[i].cost;
		const int64_t v[] = { c->calls, c->macs_conv, c->macs_linear, c->macs_attn,
				      cost_core_macs(c), cost_noattn_macs(c),
				      cost_torchprofile_macs(c), c->norm_elems, c->mul_elems,
				      c->bytes_read, c->bytes_written };
		table_add(&t, "%s", l->group[i].name);
		for (size_t k = 0; k < sizeof v / sizeof *v; k++)
			table_add(&t, "%lld", (long long)v[k]);
	}
	table_csv(&t, stdout);
	table_end(&t);
}

static void print_json(const struct point *p, const struct grouping *l, const char *by)
{
	json_t *rows = json_array();

	for (int i = 0; i < l->n; i++) {
		json_t *row = json_cost(&l->group[i].cost);
		json_object_set_new(row, by, json_string(l->group[i].name));
		json_array_append_new(rows, row);
	}
	json_print(json_pack("{s:s,s:s,s:s,s:o,s:o,s:o}", "schema", "bench.macs/1", "workload",
			     p->preset->name, "by", by, "settings",
			     json_settings(&p->settings, 0), "rows", rows, "total",
			     json_cost(&l->total.cost)), stdout);
}

int cmd_macs(const struct options *o, struct err *e)
{
	const char *by = opt_given(o, OPT_BY) ? opt_text(o, OPT_BY) : "stage";
	int64_t depth = opt_given(o, OPT_DEPTH) ? opt_int(o, OPT_DEPTH) : 64;
	struct profile profile = { 0 };
	struct grouping l = { 0 };
	struct point p;

	if (opt_given(o, OPT_DEPTH) && strcmp(by, "layer") != 0)
		return err_set(e, ERR_USAGE, "--depth folds layers: it goes with --by layer");
	if (!point_open(&p, o, &backend_null, e) && !point_profile(&p, &profile, e)) {
		grouping_fill(&l, &p, &profile, by, depth, NULL);
		if (opt_flag(o, OPT_JSON))
			print_json(&p, &l, by);
		else if (opt_flag(o, OPT_CSV))
			print_csv(&l, by);
		else
			print_table(&l, by);
	}
	grouping_clear(&l);
	profile_clear(&profile);
	point_close(&p);
	return -(int)e->code;
}
