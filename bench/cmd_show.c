/* SPDX-License-Identifier: MIT
 *
 * bench show: everything that is known of a workload before it runs.
 */
#include <omp.h>
#include <stdio.h>

#include "device.h"
#include "json.h"
#include "options.h"
#include "point.h"
#include "table.h"
#include "units.h"

static void range_of(const struct setting_def *d, char *buf, size_t len)
{
	buf[0] = 0;
	if (d->type == SETTING_INT && d->multiple)
		snprintf(buf, len, "; %.0f to %.0f, multiple of %lld", d->min, d->max,
			 (long long)d->multiple);
	else if (d->type == SETTING_INT || d->type == SETTING_REAL)
		snprintf(buf, len, "; %.10g to %.10g", d->min, d->max);
	else if (d->type == SETTING_CHOICE)
		snprintf(buf, len, "; %s", d->choices);
}

static void show_settings(const struct settings *s)
{
	struct table t;
	char range[128];

	table_begin(&t, "setting|value|what it is");
	for (int i = 0; i < s->n; i++) {
		range_of(&s->def[i], range, sizeof range);
		table_add(&t, "%s", s->def[i].key);
		table_add(&t, "%s", s->value[i] ? s->value[i] : "-");
		table_add(&t, "%s%s", s->def[i].help, range);
	}
	table_print(&t, stdout, "");
	table_end(&t);
}

static void parameter_row(struct table *t, const struct point *p, const char *name,
			  const char *part)
{
	table_add(t, "%s", name);
	table_add(t, "%s", text_count(weights_tensors(p->w->weights, part)).s);
	table_add(t, "%s", text_count(weights_elems(p->w->weights, part)).s);
}

static void show_parameters(const struct point *p)
{
	struct table t;

	table_begin(&t, "part|>tensors|>parameters");
	for (int i = 0; p->w->parts[i]; i++)
		parameter_row(&t, p, p->w->parts[i], p->w->parts[i]);
	parameter_row(&t, p, "total", "");
	table_print(&t, stdout, "");
	table_end(&t);
}

static void cost_row(struct table *t, const char *name, int64_t steps, const struct cost *c)
{
	const int64_t macs[] = { c->macs_conv, c->macs_linear, c->macs_attn, cost_core_macs(c),
				 cost_noattn_macs(c), cost_torchprofile_macs(c) };

	table_add(t, "%s", name);
	table_add(t, "%lld", (long long)steps);
	for (size_t i = 0; i < sizeof macs / sizeof *macs; i++)
		table_add(t, "%s", macs[i] ? text_si((double)macs[i], "MAC").s : "-");
}

static void show_costs(const struct point *p)
{
	struct table t;

	table_begin(&t, "stage|>steps|>conv|>linear|>attention|>core|>noattn|>torchprofile");
	for (int i = 0; i < p->w->n_stages; i++) {
		struct cost all = { 0 };
		cost_add(&all, &p->step_cost[i], p->w->stage[i].steps);
		cost_row(&t, p->w->stage[i].name, p->w->stage[i].steps, &all);
	}
	cost_row(&t, "total", point_steps(p), &p->cost);
	table_print(&t, stdout, "");
	table_end(&t);
}

static void show_memory(const struct point *p)
{
	struct memory_need m = point_memory(p);
	const struct {
		const char *name;
		int64_t bytes;
	} row[] = { { "weights", m.weights },     { "states", m.states },
		    { "activations", m.activations }, { "staging", m.staging },
		    { "program", m.program + m.library },     { "total", m.total } };
	struct table t;

	table_begin(&t, "memory|>predicted peak");
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		table_add(&t, "%s", row[i].name);
		table_add(&t, "%s", text_bytes((double)row[i].bytes).s);
	}
	table_print(&t, stdout, "");
	table_end(&t);
}

static void print_text(const struct point *p)
{
	printf("%s: %s\n\n", p->preset->name, p->preset->summary);
	show_settings(&p->settings);
	printf("\n");
	show_parameters(p);
	printf("\n");
	show_costs(p);
	printf("\n");
	show_memory(p);
}

static json_t *parameters_json(const struct point *p, const char *part)
{
	return json_pack("{s:i,s:I}", "tensors", weights_tensors(p->w->weights, part), "parameters",
			 (json_int_t)weights_elems(p->w->weights, part));
}

static void print_json(const struct point *p)
{
	struct memory_need m = point_memory(p);
	json_t *parts = json_object(), *stages = json_array();

	for (int i = 0; p->w->parts[i]; i++)
		json_object_set_new(parts, p->w->parts[i], parameters_json(p, p->w->parts[i]));
	json_object_set_new(parts, "total", parameters_json(p, ""));
	for (int i = 0; i < p->w->n_stages; i++)
		json_array_append_new(stages,
				      json_pack("{s:s,s:i,s:o}", "stage", p->w->stage[i].name,
						"steps", p->w->stage[i].steps, "per_step",
						json_cost(&p->step_cost[i])));
	json_print(json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:{s:I,s:I,s:I,s:I,s:I,s:I}}", "schema",
			     "bench.show/1", "workload", p->preset->name, "family",
			     p->preset->family->name, "settings", json_settings(&p->settings, 0),
			     "parts", parts, "stages", stages, "total", json_cost(&p->cost),
			     "memory_bytes", "weights", (json_int_t)m.weights, "states",
			     (json_int_t)m.states, "activations", (json_int_t)m.activations,
			     "staging", (json_int_t)m.staging, "program",
			     (json_int_t)(m.program + m.library),
			     "total", (json_int_t)m.total), stdout);
}

static void print_names(const struct settings *s)
{
	for (int i = 0; i < s->n; i++)
		printf("%s=\n", s->def[i].key);
}

int cmd_show(const struct options *o, struct err *e)
{
	struct device d;
	struct point p = { 0 };

	if (!device_open(&d, o, e) && !point_open(&p, o, d.backend, e)) {
		if (opt_flag(o, OPT_NAMES))
			print_names(&p.settings);
		else if (opt_flag(o, OPT_JSON))
			print_json(&p);
		else
			print_text(&p);
	}
	point_close(&p);
	device_close(&d);
	return -(int)e->code;
}
