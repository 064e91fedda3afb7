/* SPDX-License-Identifier: MIT
 *
 * bench list: workloads, models, sweeps and devices. Nothing is opened or measured.
 */
#include <string.h>

#include "json.h"
#include "machine.h"
#include "list_probes.h"
#include "options.h"
#include "sweep.h"
#include "table.h"
#include "threads.h"
#include "units.h"

static void print_names(void)
{
	for (int i = 0; i < n_presets; i++)
		printf("%s\n", presets[i].name);
}

/* Calls name() for every built-in model: the choices of the families' setting `model`. */
static void each_model(void (*model)(void *arg, const struct family *f, const char *name),
		       void *arg)
{
	for (int i = 0; i < n_presets; i++) {
		const struct family *f = presets[i].family;
		if (i && f == presets[i - 1].family)
			continue;
		for (int k = 0; k < f->n_settings; k++) {
			const char *names[32];
			char buf[256];
			int n;
			if (strcmp(f->settings[k].key, "model") != 0)
				continue;
			n = split_choices(f->settings[k].choices, buf, sizeof buf, names, 32);
			for (int j = 0; j < n; j++)
				model(arg, f, names[j]);
		}
	}
}

static void model_row(void *arg, const struct family *f, const char *name)
{
	table_add(arg, "%s", name);
	table_add(arg, "%s", f->summary);
}

static void print_sweeps(void)
{
	struct table t;
	char what[256];

	table_begin(&t, "sweep|what it is");
	for (int i = 0; sweep_preset_name(i); i++) {
		table_add(&t, "%s", sweep_preset_name(i));
		table_add(&t, "%s", sweep_preset_what(i, what, sizeof what));
	}
	table_print(&t, stdout, "");
	table_end(&t);
}

static void print_tables(const struct machine *m)
{
	struct table t;

	table_begin(&t, "workload|what it is");
	for (int i = 0; i < n_presets; i++) {
		table_add(&t, "%s", presets[i].name);
		table_add(&t, "%s", presets[i].summary);
	}
	table_print(&t, stdout, "");
	table_end(&t);
	printf("\n");
	table_begin(&t, "model|what it is");
	each_model(model_row, &t);
	table_print(&t, stdout, "");
	table_end(&t);
	printf("\n");
	print_sweeps();
	printf("\n");
	table_begin(&t, "device|what it is");
	table_add(&t, "cpu");
	table_add(&t, "%s, %d threads, %s, instruction sets %s", m->cpu_model, threads_default(),
		  text_bytes((double)m->mem_bytes).s, m->isa);
	table_print(&t, stdout, "");
	table_end(&t);
	printf("\nfigures: `bench report`; counters: `bench list --counters`; probes: `bench list "
	       "--probes`\n");
}

static void model_json(void *arg, const struct family *f, const char *name)
{
	json_array_append_new(arg, json_pack("{s:s,s:s}", "name", name, "family", f->name));
}

static json_t *sweeps_json(void)
{
	json_t *list = json_array();
	char what[256];

	for (int i = 0; sweep_preset_name(i); i++)
		json_array_append_new(list,
				      json_pack("{s:s,s:s}", "name", sweep_preset_name(i),
						"summary",
						sweep_preset_what(i, what, sizeof what)));
	return list;
}

static void print_json(const struct machine *m)
{
	json_t *workloads = json_array(), *models = json_array(), *device;

	for (int i = 0; i < n_presets; i++)
		json_array_append_new(workloads,
				      json_pack("{s:s,s:s,s:s}", "name", presets[i].name, "summary",
						presets[i].summary, "family",
						presets[i].family->name));
	each_model(model_json, models);
	device = json_pack("{s:s,s:s,s:i,s:I,s:s}", "name", "cpu", "cpu_model", m->cpu_model,
			   "threads", threads_default(), "memory_bytes", (json_int_t)m->mem_bytes,
			   "isa", m->isa);
	json_print(json_pack("{s:s,s:o,s:o,s:o,s:[o]}", "schema", "bench.list/1", "workloads",
			     workloads, "models", models, "sweeps", sweeps_json(), "devices",
			     device), stdout);
}

int cmd_list(const struct options *o, struct err *e)
{
	struct machine m;

	(void)e;
	if (opt_flag(o, OPT_NAMES)) {
		print_names();
		return 0;
	}
	if (opt_flag(o, OPT_PROBES) || opt_flag(o, OPT_LIST_COUNTERS)) {
		list_probes(o);
		return 0;
	}
	machine_read(&m);
	if (opt_flag(o, OPT_JSON))
		print_json(&m);
	else
		print_tables(&m);
	return 0;
}
