/* SPDX-License-Identifier: MIT
 *
 * What a reader of a figure must know and nobody should have to type: machine, settings, build,
 * counts and intervals.
 */
#include <stdlib.h>
#include <string.h>

#include "work.h"

/* ---- what the runs have in common --------------------------------------------------------------
 */

#define VALUES_MAX 16

struct distinct {
	char value[VALUES_MAX][128];
	int n; /* may be more than are kept */
};

static void add_distinct(struct distinct *d, const char *value)
{
	for (int i = 0; i < d->n && i < VALUES_MAX; i++)
		if (strcmp(d->value[i], value) == 0)
			return;
	if (d->n < VALUES_MAX)
		snprintf(d->value[d->n], sizeof d->value[0], "%s", value);
	d->n++;
}

static void setting_text(const json_t *params, const char *key, char *out, size_t len)
{
	const json_t *v = json_object_get(params, key);

	out[0] = 0;
	if (json_is_string(v))
		snprintf(out, len, "%s", json_string_value(v));
	else if (json_is_integer(v))
		snprintf(out, len, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		snprintf(out, len, "%g", json_real_value(v));
}

/* The values of a column of v_runs, or of a setting. */
static struct distinct values_of(const struct work *w, const char *key)
{
	struct distinct d = { 0 };
	char text[128];

	for (int i = 0; i < w->runs.n; i++) {
		json_t *params;
		if (rows_column(&w->runs, key) >= 0) {
			add_distinct(&d, rows_text(&w->runs, i, key));
			continue;
		}
		params = json_loads(rows_text(&w->runs, i, "params_json"), 0, NULL);
		setting_text(params, key, text, sizeof text);
		if (*text)
			add_distinct(&d, text);
		json_decref(params);
	}
	return d;
}

int machine_count(const struct work *w)
{
	return values_of(w, "host_fp").n;
}

static void add_values(struct text *to, const struct distinct *d)
{
	for (int i = 0; i < d->n && i < 4; i++)
		text_add(to, "%s%s", i == 0 ? "" : i + 1 == d->n ? " and " : ", ", d->value[i]);
	if (d->n > 4)
		text_add(to, " and %d more", d->n - 4);
}

/* ", batch 1" when all runs agree. */
static void add_common(struct text *to, const struct work *w, const char *key, const char *before,
		       const char *after)
{
	struct distinct d = values_of(w, key);

	if (d.n == 1)
		text_add(to, ", %s%s%s", before, d.value[0], after);
}

static void add_where(struct text *to, const struct work *w)
{
	struct distinct cpu = values_of(w, "cpu_model"), version = values_of(w, "version");
	struct distinct threads = values_of(w, "threads"), sha = values_of(w, "git_sha");
	struct distinct width = values_of(w, "width"), height = values_of(w, "height");

	if (!w->runs.n)
		return;
	text_add(to, " ");
	add_values(to, &cpu);
	if (threads.n == 1)
		text_add(to, ", %s thread%s", threads.value[0],
			 strcmp(threads.value[0], "1") == 0 ? "" : "s");
	add_common(to, w, "isa", "", "");
	add_common(to, w, "dtype", "", "");
	add_common(to, w, "batch", "batch ", "");
	if (width.n == 1 && height.n == 1)
		text_add(to, ", %s×%s pixels", width.value[0], height.value[0]);
	text_add(to, "; bench ");
	add_values(to, &version);
	if (sha.n == 1 && *sha.value[0])
		text_add(to, " (%.10s)", sha.value[0]);
	text_add(to, ".");
}

/* ---- captions ----------------------------------------------------------------------------------
 */

/* The template with {workload}, {dtype}, ... replaced by what the runs say. */
static void fill_template(const struct work *w, struct text *to)
{
	for (const char *p = w->figure.caption; *p; p++) {
		const char *end = *p == '{' ? strchr(p, '}') : NULL;
		struct distinct d;
		char key[48];
		if (!end || end - p > 40) {
			text_add(to, "%c", *p);
			continue;
		}
		snprintf(key, sizeof key, "%.*s", (int)(end - p - 1), p + 1);
		d = values_of(w, key);
		add_values(to, &d);
		p = end;
	}
}

void caption_text(const struct work *w, struct text *to)
{
	fill_template(w, to);
	text_add(to, " %s", w->d.note.s);
	if (w->left_out)
		text_add(to, " %d setting%s with few points %s not shown.",
			 w->left_out, w->left_out == 1 ? "" : "s", w->left_out == 1 ? "is" : "are");
	add_where(to, w);
}

void caption_tex(const struct work *w, struct text *to)
{
	struct text t;

	text_begin(&t);
	caption_text(w, &t);
	text_add(to, "%% %s: from the database, by `bench report %s`\n\\caption{%s}\n"
		 "\\label{fig:bench-%s}\n", w->figure.name, w->figure.name, tex_text(t.s),
		 w->figure.name);
	text_end(&t);
}

void table_tex(const struct work *w, struct text *to)
{
	text_add(to, "%% %s: needs booktabs\n\\begin{tabular}{%s}\n\\toprule\n%s \\\\\n\\midrule\n"
		 "%s\\bottomrule\n\\end{tabular}\n", w->figure.name, w->d.table_columns,
		 w->d.table_head.s, w->d.table.s);
}

/* ---- fingerprint -------------------------------------------------------------------------------
 */

static json_t *distinct_json(const struct work *w, const char *key)
{
	json_t *a = json_array();
	struct distinct d = values_of(w, key);

	for (int i = 0; i < d.n && i < VALUES_MAX; i++)
		json_array_append_new(a, json_string(d.value[i]));
	return a;
}

static json_t *uuids_json(const struct work *w)
{
	json_t *a = json_array();

	for (int i = 0; i < w->runs.n; i++)
		json_array_append_new(a, json_string(rows_text(&w->runs, i, "uuid")));
	return a;
}

void fingerprint_json(const struct work *w, const struct report_options *o, struct text *to)
{
	static const char *const keys[] = { "workload", "cpu_model", "host_fp",       "version",
					    "git_sha",  "git_dirty", "params_sha256", NULL };
	json_t *j = json_pack("{s:s,s:s,s:s,s:s,s:i}", "schema", "bench.figure/1", "figure",
			      w->figure.name, "kind", w->figure.kind, "venue", o->venue, "columns",
			      o->columns);
	char hash[65], *text;

	sha256_text(w->sql, strlen(w->sql), hash);
	json_object_set_new(j, "sql_sha256", json_string(hash));
	sha256_text(w->d.dat.s, w->d.dat.len, hash);
	json_object_set_new(j, "data_sha256", json_string(hash));
	for (int i = 0; keys[i]; i++)
		json_object_set_new(j, keys[i], distinct_json(w, keys[i]));
	json_object_set_new(j, "runs", uuids_json(w));
	text = json_dumps(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	text_add(to, "%s\n", text ? text : "{}");
	free(text);
	json_decref(j);
}
