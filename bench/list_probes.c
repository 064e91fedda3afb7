/* SPDX-License-Identifier: MIT */
#include "list_probes.h"

#include <string.h>

#include "counters.h"
#include "json.h"
#include "probe.h"
#include "table.h"

/* ---- probes ------------------------------------------------------------------------------------
 */

static void probes_table(const struct probes *p)
{
	struct table t;
	char text[1024];

	table_begin(&t, "probe|unit|what it is");
	for (int i = 0; i < probes_count(p); i++) {
		const struct probe *x = probes_at(p, i);
		if (*x->why)
			continue;
		table_add(&t, "%s", x->name);
		table_add(&t, "%s", x->unit);
		table_add(&t, "%s", x->what);
	}
	table_print(&t, stdout, "");
	table_end(&t);
	printf("\n");
	for (int i = 0; probes_missing(p, i, text, sizeof text); i++)
		printf("not available: %s\n", text);
}

static json_t *probes_json(const struct probes *p)
{
	json_t *list = json_array();

	for (int i = 0; i < probes_count(p); i++) {
		const struct probe *x = probes_at(p, i);
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:b,s:o}", "name", x->name,
						      "unit", x->unit, "what", x->what, "available",
						      !*x->why, "reason",
						      *x->why ? json_string(x->why) : json_null()));
	}
	return list;
}

/* ---- counters ----------------------------------------------------------------------------------
 */

/* Tries a group on this thread; "" in `why` when it counts. */
static void try_group(const struct counter_group *g, char *why, size_t len)
{
	struct counters *c;

	*why = 0;
	c = counters_open(g, 1, why, len);
	if (c)
		*why = 0;
	counters_close(c);
}

static void group_rows(const struct counter_group *g, const char *why)
{
	printf("%s: %s\n", g->name, g->what);
	for (int i = 0; i < g->n_metrics; i++)
		printf("  %s [%s] = %s\n    %s\n", g->metric[i].name, g->metric[i].unit,
		       g->metric[i].formula, g->metric[i].what);
	if (*why)
		printf("  not available: %s\n", why);
}

static json_t *group_json(const struct counter_group *g, const char *why)
{
	json_t *metrics = json_array();

	for (int i = 0; i < g->n_metrics; i++) {
		const struct counter_metric *m = &g->metric[i];
		json_array_append_new(metrics, json_pack("{s:s,s:s,s:s,s:s}", "name", m->name,
							 "unit", m->unit, "formula", m->formula,
							 "what", m->what));
	}
	return json_pack("{s:s,s:s,s:b,s:o,s:o}", "name", g->name, "what", g->what, "available",
			 !*why, "reason", *why ? json_string(why) : json_null(), "metrics",
			 metrics);
}

/* Prints the groups, or returns them as JSON. */
static json_t *each_group(bool json)
{
	json_t *list = json ? json_array() : NULL;

	for (int i = 0; counter_group_name(i); i++) {
		struct counter_group g;
		struct err e = { 0 };
		char why[160];
		die_if(counter_group_load(&g, counter_group_name(i), &e), "%s", e.msg);
		try_group(&g, why, sizeof why);
		if (json)
			json_array_append_new(list, group_json(&g, why));
		else
			group_rows(&g, why);
	}
	return list;
}

void list_probes(const struct options *o)
{
	struct probes *p = opt_flag(o, OPT_PROBES) ? probes_open(NULL, 1) : NULL;
	bool counters = opt_flag(o, OPT_LIST_COUNTERS);
	json_t *j = json_object();

	if (opt_flag(o, OPT_JSON)) {
		json_object_set_new(j, "schema", json_string("bench.list/1"));
		if (p)
			json_object_set_new(j, "probes", probes_json(p));
		if (counters)
			json_object_set_new(j, "counters", each_group(true));
		json_print(j, stdout);
	} else {
		json_decref(j);
		if (p)
			probes_table(p);
		if (counters)
			each_group(false);
	}
	probes_close(p);
}
