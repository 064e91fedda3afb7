/* SPDX-License-Identifier: MIT */
#include "figure.h"

#include <stdlib.h>
#include <string.h>

#include "kind.h"

/* The built-in data files, one after the other, each ended by a NUL (Makefile). */
extern const char data_figures[], data_figures_end[];

static const char *next_builtin(const char *text)
{
	text = text ? text + strlen(text) + 1 : data_figures;
	return text + 1 < data_figures_end ? text : NULL;
}

const char *const *report_figures(void)
{
	static const char *names[64];
	static char room[64][48];
	const char *t = NULL;

	if (names[0])
		return names;
	for (int n = 0; n < 63 && (t = next_builtin(t)); n++) {
		const char *at = strstr(t, "\"name\"");
		if (!at || sscanf(at, "\"name\": \"%47[^\"]\"", room[n]) != 1)
			snprintf(room[n], sizeof room[n], "?");
		names[n] = room[n];
	}
	return names;
}

void report_list(FILE *to)
{
	struct report_error e = { 0 };
	struct figure f;

	for (const char *t = NULL; (t = next_builtin(t));)
		if (!figure_parse(&f, t, "built-in", &e)) {
			fprintf(to, "%-20s %-9s %s\n", f.name, f.kind, f.title);
			figure_end(&f);
		}
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static const char *const keys[] = { "name", "title", "kind", "sql", "roofs", "x", "y", "caption",
				    "macro", "series", "ideal", "height", NULL };

static const char *string_of(const json_t *j, const char *key, const char *fallback)
{
	const char *s = json_string_value(json_object_get(j, key));
	return s ? s : fallback;
}

/* A string, or an array of lines. Owned; NULL when there is none. */
static char *lines_of(const json_t *j)
{
	struct text t;
	size_t i;
	json_t *line;

	if (json_is_string(j))
		return copy_text(json_string_value(j));
	if (!json_is_array(j))
		return NULL;
	text_begin(&t);
	json_array_foreach(j, i, line) {
		text_add(&t, "%s%s", i ? "\n" : "", json_is_string(line) ?
			 json_string_value(line) : "");
	}
	return t.s;
}

static struct axis axis_of(const json_t *j)
{
	return (struct axis){ string_of(j, "label", ""), string_of(j, "unit", "1"),
			      string_of(j, "scale", "linear"),
			      strcmp(string_of(j, "better", "lower"), "higher") == 0 };
}

static bool is_name(const char *s)
{
	return s && *s && strlen(s) < 48 &&
	       s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")] == 0;
}

static int check(const struct figure *f, const char *origin, struct report_error *e)
{
	static const char *const scales[] = { "linear", "log", "log2", NULL };
	const char *key, *scale[] = { f->x.scale, f->y.scale };
	json_t *value;

	json_object_foreach(f->json, key, value) {
		const char *near = nearest(key, keys);
		if (!near || strcmp(near, key) != 0)
			return fail(e, REPORT_USAGE, "%s: '%s' is no key of a figure%s%s%s", origin,
				    key, near ? "; did you mean " : "", near ? near : "",
				    near ? "?" : "");
	}
	for (int i = 0; i < 2; i++)
		if (!nearest(scale[i], scales) || strcmp(nearest(scale[i], scales), scale[i]) != 0)
			return fail(e, REPORT_USAGE, "%s: '%s' is no scale: linear, log or log2",
				    origin, scale[i]);
	if (!is_name(f->name))
		return fail(e, REPORT_USAGE, "%s: \"name\" must be of a-z, 0-9 and dashes", origin);
	if (!f->sql)
		return fail(e, REPORT_USAGE, "%s: figure %s lacks its \"sql\"", origin, f->name);
	if (f->macro[strspn(f->macro, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")])
		return fail(e, REPORT_USAGE, "%s: \"macro\" is '%s', but the name of a TeX macro "
			    "has letters only", origin, f->macro);
	return kind_find(f->kind, origin, e) ? 0 : (int)e->code;
}

int figure_parse(struct figure *f, const char *json, const char *origin, struct report_error *e)
{
	json_error_t where;

	*f = (struct figure){ .json = json_loads(json, JSON_REJECT_DUPLICATES, &where) };
	if (!json_is_object(f->json)) {
		fail(e, REPORT_USAGE, "%s is no figure: %s in line %d", origin,
		     f->json ? "an object is expected" : where.text, f->json ? 1 : where.line);
		figure_end(f);
		return (int)e->code;
	}
	f->name = string_of(f->json, "name", NULL);
	f->title = string_of(f->json, "title", "");
	f->kind = string_of(f->json, "kind", "");
	f->caption = string_of(f->json, "caption", "");
	f->macro = string_of(f->json, "macro", "");
	f->ideal = string_of(f->json, "ideal", "none");
	f->sql = lines_of(json_object_get(f->json, "sql"));
	f->roofs = lines_of(json_object_get(f->json, "roofs"));
	f->x = axis_of(json_object_get(f->json, "x"));
	f->y = axis_of(json_object_get(f->json, "y"));
	f->height = json_number_value(json_object_get(f->json, "height"));
	if (!(f->height > 0.2 && f->height < 3))
		f->height = 0.585;
	if (check(f, origin, e))
		figure_end(f);
	return (int)e->code;
}

static int load_file(struct figure *f, const char *path, struct report_error *e)
{
	size_t len;
	char *s = file_read(path, &len, e);

	if (s)
		figure_parse(f, s, path, e);
	free(s);
	return (int)e->code;
}

int figure_load(struct figure *f, const char *name, struct report_error *e)
{
	size_t len = strlen(name);
	const char *const *names = report_figures(), *near, *t = NULL;

	*f = (struct figure){ 0 };
	if (len > 5 && strcmp(name + len - 5, ".json") == 0)
		return load_file(f, name, e);
	for (int i = 0; names[i]; i++) {
		t = next_builtin(t);
		if (strcmp(names[i], name) == 0)
			return figure_parse(f, t, name, e);
	}
	near = nearest(name, names);
	return fail(e, REPORT_USAGE, "there is no figure '%.60s'%s%s%s: `bench report` lists them; "
		    "an own one is given by its path, which ends in .json", name,
		    near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

void figure_end(struct figure *f)
{
	json_decref(f->json);
	free(f->sql);
	free(f->roofs);
	*f = (struct figure){ 0 };
}

int figure_series(const struct figure *f, const char *name)
{
	size_t i;
	json_t *s;

	json_array_foreach(json_object_get(f->json, "series"), i, s) {
		if (json_is_string(s) && strcmp(json_string_value(s), name) == 0)
			return (int)i;
	}
	return -1;
}

/* ---- the statement -----------------------------------------------------------------------------
 */

static void add_quoted(struct text *t, const char *s, size_t n)
{
	text_add(t, "'");
	for (size_t i = 0; i < n; i++)
		text_add(t, s[i] == '\'' ? "''" : "%c", s[i]);
	text_add(t, "'");
}

static void add_condition(struct text *t, const char *before, const char *value, const char *after)
{
	if (!value)
		return;
	text_add(t, "\n\tAND %s", before);
	add_quoted(t, value, strlen(value));
	text_add(t, "%s", after);
}

/* KEY=VALUE; both sides as text, so that 8, 8.0 and '8' of a JSON are compared as written. */
static int add_setting(struct text *t, const char *setting, struct report_error *e)
{
	const char *eq = strchr(setting, '=');

	if (!eq || setting[strspn(setting, "abcdefghijklmnopqrstuvwxyz_0123456789")] != '=')
		return fail(e, REPORT_USAGE, "--set %s: a filter on a setting is KEY=VALUE",
			    setting);
	text_add(t, "\n\tAND CAST(json_extract(params_json, '$.%.*s') AS TEXT) IN (",
		 (int)(eq - setting), setting);
	add_quoted(t, eq + 1, strlen(eq + 1));
	text_add(t, ", ");
	add_quoted(t, eq + 1, strlen(eq + 1));
	text_add(t, " || '.0')");
	return 0;
}

char *figure_sql(const char *query, const struct report_filter *filter, struct report_error *e)
{
	struct text t;

	text_begin(&t);
	text_add(&t, "WITH runs AS (\n\tSELECT * FROM v_runs WHERE 1");
	add_condition(&t, "workload = ", filter->workload, "");
	add_condition(&t, "label = ", filter->label, "");
	add_condition(&t, "instr(host_fp || ' ' || cpu_model, ", filter->host, ") > 0");
	for (int i = 0; i < filter->n_set; i++)
		add_setting(&t, filter->set[i], e);
	if (filter->where)
		text_add(&t, "\n\tAND (%s)", filter->where);
	text_add(&t, "\n), picked AS (\n"
		     "\tSELECT * FROM (SELECT *, first_value(build_id) OVER (\n"
		     "\t\tPARTITION BY cfg_id, host_id ORDER BY started_unix_ns DESC, run_id DESC\n"
		     "\t) AS newest_build FROM runs WHERE status = 'ok')\n"
		     "\tWHERE build_id = newest_build\n)");
	query += strspn(query, " \t\n");
	if (strncmp(query, "WITH ", 5) == 0)
		text_add(&t, ", %s", query + 5);
	else
		text_add(&t, "\n%s", query);
	return t.s;
}
