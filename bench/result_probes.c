/* SPDX-License-Identifier: MIT
 *
 * What the probes read, as a block of the result table (--probes) and as JSON.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "session.h"
#include "table.h"
#include "units.h"

/* Values over the measured samples, in order. `out` has room for probes_rows() values. */
static int collect(const struct session *s, int probe, int stage, double *out)
{
	int n = 0;

	for (int i = 0; i < probes_rows(s->m.probes); i++) {
		struct probe_row row = probes_row(s->m.probes, i);
		if (row.phase == PHASE_MEASURED && row.stage == stage &&
		    row.sample < s->m.samples && isfinite(row.values[probe]))
			out[n++] = row.values[probe];
	}
	return n;
}

static double *room_for_rows(const struct session *s)
{
	double *v = malloc(((size_t)probes_rows(s->m.probes) + 1) * sizeof *v);

	die_if(!v, "out of memory");
	return v;
}

struct stats session_probe(const struct session *s, int probe, int stage)
{
	double *v = room_for_rows(s);
	int n = collect(s, probe, stage, v);
	struct stats result = { 0 };

	if (n)
		result = stats_of(v, n);
	free(v);
	return result;
}

static struct text text_value(double v, const char *unit)
{
	struct text t;

	if (strcmp(unit, "B") == 0)
		return text_bytes(v);
	if (strcmp(unit, "s") == 0)
		return text_seconds(v);
	if (strcmp(unit, "1") == 0) {
		snprintf(t.s, sizeof t.s, "%.4g", v);
		return t;
	}
	return text_si(v, unit);
}

static void add_row(struct table *t, const struct session *s, int i)
{
	const struct probe *p = probes_at(s->m.probes, i);
	struct stats v = session_probe(s, i, -1);

	table_add(t, "%s", p->name);
	table_add(t, "%s", v.n ? text_value(v.median, p->unit).s : "-");
	table_add(t, "%s", v.n ? text_value(v.min, p->unit).s : "-");
	table_add(t, "%s", v.n ? text_value(v.max, p->unit).s : "-");
}

void result_probes(const struct session *s)
{
	struct table t;
	char text[1024];
	int reads;
	double cost = probes_cost_s(s->m.probes, &reads);

	if (!opt_flag(s->o, OPT_PROBES) || !s->m.probes)
		return;
	printf("\n");
	table_begin(&t, "probe|>median of a sample|>min|>max");
	for (int i = 0; i < probes_count(s->m.probes); i++)
		if (!*probes_at(s->m.probes, i)->why)
			add_row(&t, s, i);
	table_print(&t, stdout, "");
	table_end(&t);
	for (int i = 0; probes_missing(s->m.probes, i, text, sizeof text); i++)
		printf("not available: %s\n", text);
	printf("probe cost  %s a reading, %s of the run, none of it in a timed step\n",
	       text_seconds(cost / (reads + !reads)).s, text_percent(cost / s->m.ran_s).s);
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

static json_t *values_json(const struct session *s, int probe, int stage)
{
	double *v = room_for_rows(s);
	int n = collect(s, probe, stage, v);
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_number(v[i]));
	free(v);
	return list;
}

static json_t *stages_json(const struct session *s, int probe)
{
	json_t *stages = json_object();

	for (int i = 0; i < s->point.w->n_stages; i++)
		json_object_set_new(stages, s->point.w->stage[i].name, values_json(s, probe, i));
	return stages;
}

static json_t *probe_json(const struct session *s, int i)
{
	const struct probe *p = probes_at(s->m.probes, i);
	struct stats v = session_probe(s, i, -1);
	json_t *j = json_pack("{s:s,s:s,s:s,s:b}", "name", p->name, "unit", p->unit, "what",
			      p->what, "available", !*p->why);

	if (*p->why) {
		json_object_set_new(j, "reason", json_string(p->why));
		return j;
	}
	json_object_set_new(j, "median", v.n ? json_number(v.median) : json_null());
	json_object_set_new(j, "samples", values_json(s, i, -1));
	if (p->by_stage)
		json_object_set_new(j, "stages", stages_json(s, i));
	return j;
}

json_t *result_probes_json(const struct session *s)
{
	json_t *list = json_array();
	int reads;
	double cost = probes_cost_s(s->m.probes, &reads);

	for (int i = 0; i < probes_count(s->m.probes); i++)
		json_array_append_new(list, probe_json(s, i));
	return json_pack("{s:o,s:f,s:i}", "values", list, "cost_s", cost, "readings", reads);
}
