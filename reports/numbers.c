/* SPDX-License-Identifier: MIT
 *
 * numbers.tex: a section per figure with one macro per number. Each section carries the figure's
 *data file and the filters as comments, so that the numbers can be computed again from this file
 *and a database, without the command line that once made it:
 *
 *	%bench begin NAME
 *	%bench figure {...}
 *	%bench filter {...}
 *	%bench data SHA-256 of the drawn data
 *	\newcommand{\benchStepsSlope}{0.412\,s}
 *	%bench end NAME
 */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "work.h"

/* ---- writing -----------------------------------------------------------------------------------
 */

static const char head[] =
	"% Numbers of figures, by `bench report`; `bench report --check` compares "
	"them with a database.\n";

/* "bf16 at 0.5" -> "BfOneSixAtZeroPointFive": the name of a TeX macro has letters only. */
static void macro_name(const char *prefix, const char *key, struct text *to)
{
	static const char *const digit[] = { "Zero", "One", "Two", "Three", "Four",
					     "Five", "Six", "Seven", "Eight", "Nine" };
	bool begins = true;

	text_add(to, "bench%s", prefix);
	for (const char *p = key; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (isdigit(c))
			text_add(to, "%s", digit[c - '0']);
		else if (c < 128 && isalpha(c))
			text_add(to, "%c", begins ? toupper(c) : c);
		else if (c == '.' && isdigit((unsigned char)p[1]))
			text_add(to, "Point");
		begins = !(c < 128 && isalpha(c));
	}
}

static void macro_value(const struct number *n, struct text *to)
{
	const char *minus = n->text[0] == '-' ? "$-$" : "";

	text_add(to, "%s%s", minus, n->text + (*minus != 0));
	if (*n->unit)
		text_add(to, "\\,%s", tex_text(n->unit));
}

static char *filter_json(const struct report_filter *f)
{
	json_t *j = json_pack("{s:s*,s:s*,s:s*,s:s*}", "workload", f->workload, "label", f->label,
			      "host", f->host, "where", f->where), *set = json_array();
	char *s;

	for (int i = 0; i < f->n_set; i++)
		json_array_append_new(set, json_string(f->set[i]));
	json_object_set_new(j, "set", set);
	s = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(j);
	return s ? s : copy_text("{}");
}

static int check_names(const struct work *w, struct report_error *e)
{
	struct text a, b;

	for (int i = 0; i < w->d.n_numbers; i++)
		for (int k = 0; k < i && !e->code; k++) {
			text_begin(&a);
			text_begin(&b);
			macro_name(w->figure.macro, w->d.number[i].key, &a);
			macro_name(w->figure.macro, w->d.number[k].key, &b);
			if (strcmp(a.s, b.s) == 0)
				fail(e, REPORT_USAGE,
				     "figure %s has two numbers for the macro \\%s "
				     "('%s' and '%s'): name its series so that their letters and "
				     "digits differ",
				     w->figure.name, a.s, w->d.number[k].key, w->d.number[i].key);
			text_end(&a);
			text_end(&b);
		}
	return (int)e->code;
}

static void write_section(const struct work *w, const struct report_filter *filter, struct text *to)
{
	char *figure = json_dumps(w->figure.json, JSON_COMPACT | JSON_PRESERVE_ORDER);
	char *filters = filter_json(filter), hash[65];

	sha256_text(w->d.dat.s, w->d.dat.len, hash);
	text_add(to, "%%bench begin %s\n%%bench figure %s\n%%bench filter %s\n%%bench data %s\n",
		 w->figure.name, figure ? figure : "{}", filters, hash);
	for (int i = 0; i < w->d.n_numbers; i++) {
		text_add(to, "\\newcommand{\\");
		macro_name(w->figure.macro, w->d.number[i].key, to);
		text_add(to, "}{");
		macro_value(&w->d.number[i], to);
		text_add(to, "}\n");
	}
	text_add(to, "%%bench end %s\n", w->figure.name);
	free(figure);
	free(filters);
}

/* ---- sections ----------------------------------------------------------------------------------
 */

struct section {
	const char *begin, *end; /* from "%bench begin" to behind the last line */
	char name[64];
};

/* The first section at or after `from`. */
static bool find_section(const char *from, struct section *s)
{
	char mark[96];
	const char *end;

	s->begin = strstr(from, "%bench begin ");
	if (!s->begin || sscanf(s->begin, "%%bench begin %63s", s->name) != 1)
		return false;
	snprintf(mark, sizeof mark, "%%bench end %s\n", s->name);
	end = strstr(s->begin, mark);
	if (!end)
		return false;
	s->end = end + strlen(mark);
	return true;
}

/* Sections are in the order of their names, so that the file does not tell who was drawn last. */
int numbers_store(const struct work *w, const struct report_filter *filter, const char *path,
		  struct report_error *e)
{
	struct report_error missing = { 0 };
	size_t len;
	char *old = file_read(path, &len, &missing);
	bool written = false;
	struct section s;
	struct text t;

	if (check_names(w, e)) {
		free(old);
		return (int)e->code;
	}
	text_begin(&t);
	text_add(&t, "%s", head);
	for (const char *p = old ? old : ""; find_section(p, &s); p = s.end) {
		int order = strcmp(s.name, w->figure.name);
		if (order >= 0 && !written)
			write_section(w, filter, &t);
		written |= order >= 0;
		if (order != 0)
			text_add(&t, "%.*s", (int)(s.end - s.begin), s.begin);
	}
	if (!written)
		write_section(w, filter, &t);
	file_write(path, t.s, t.len, e);
	text_end(&t);
	free(old);
	return (int)e->code;
}

/* ---- checking ----------------------------------------------------------------------------------
 */

struct check {
	struct db *db;
	FILE *to, *warn;
	int files, macros, stale;
};

/* What follows "%bench KEY " in the section; owned, NULL when missing. */
static char *comment_of(const struct section *s, const char *key)
{
	char mark[32];
	const char *at;

	snprintf(mark, sizeof mark, "%%bench %s ", key);
	at = strstr(s->begin, mark);
	if (!at || at >= s->end)
		return NULL;
	at += strlen(mark);
	return strndup(at, strcspn(at, "\n"));
}

/* Strings belong to j. set: room for 32. */
static struct report_filter filter_of(const json_t *j, const char **set)
{
	const json_t *list = json_object_get(j, "set");
	struct report_filter f = {
		.workload = json_string_value(json_object_get(j, "workload")),
		.label = json_string_value(json_object_get(j, "label")),
		.host = json_string_value(json_object_get(j, "host")),
		.where = json_string_value(json_object_get(j, "where")),
		.set = set,
	};
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v) {
		if (f.n_set < 32 && json_is_string(v))
			set[f.n_set++] = json_string_value(v);
	}
	return f;
}

/* The text of a macro now; "" when there is none of that name. */
static void value_now(const struct work *w, const char *macro, struct text *to)
{
	for (int i = 0; i < w->d.n_numbers; i++) {
		struct text name;
		text_begin(&name);
		macro_name(w->figure.macro, w->d.number[i].key, &name);
		if (strcmp(name.s, macro) == 0)
			macro_value(&w->d.number[i], to);
		text_end(&name);
	}
}

/* One line "\newcommand{\NAME}{VALUE}". */
static void check_macro(struct check *c, const struct work *w, const char *path, const char *line)
{
	char name[256], *value;
	size_t len = strcspn(line, "\n");
	struct text now;

	if (sscanf(line, "\\newcommand{\\%255[A-Za-z]}{", name) != 1 || line[len - 1] != '}')
		return;
	value = strchr(line, '}');
	value = strndup(value + 2, len - (size_t)(value + 2 - line) - 1);
	text_begin(&now);
	value_now(w, name, &now);
	c->macros++;
	if (!value || strcmp(value, now.s) != 0) {
		fprintf(c->to, "\\%s: %s in %s, %s in %s\n", name, value ? value : "", path,
			now.len ? now.s : "nothing", db_path(c->db));
		c->stale++;
	}
	text_end(&now);
	free(value);
}

static void compare(struct check *c, const struct work *w, const char *path,
		    const struct section *s)
{
	char *data = comment_of(s, "data"), hash[65];
	int before = c->stale;

	for (const char *p = s->begin; p && p < s->end; p = strchr(p, '\n') + 1)
		if (*p == '\\')
			check_macro(c, w, path, p);
	if (w->d.dat.s)
		sha256_text(w->d.dat.s, w->d.dat.len, hash);
	if (before == c->stale && (!data || !w->d.dat.s || strcmp(data, hash) != 0))
		fprintf(c->warn, "figure %s: its data changed, though not in the digits that its "
			"macros show; draw it again\n", s->name);
	free(data);
}

static int check_section(struct check *c, const char *path, const struct section *s,
			 struct report_error *e)
{
	char *figure = comment_of(s, "figure"), *filters = comment_of(s, "filter");
	const char *set[32];
	json_t *j = json_loads(filters ? filters : "{}", 0, NULL);
	struct report_filter filter = filter_of(j, set);
	struct figure f;
	struct work w = { 0 };

	if (!figure_parse(&f, figure ? figure : "", path, e))
		work_begin(&w, c->db, &f, &filter, venue_find("acm"), 1, e);
	if (e->code == REPORT_EMPTY)
		*e = (struct report_error){ 0 };
	if (!e->code)
		compare(c, &w, path, s);
	work_end(&w);
	json_decref(j);
	free(figure);
	free(filters);
	return (int)e->code;
}

static int check_file(struct check *c, const char *path, struct report_error *e)
{
	size_t len;
	char *text = file_read(path, &len, e);
	struct section s;

	c->files += text != NULL;
	for (const char *p = text; !e->code && p && find_section(p, &s); p = s.end)
		check_section(c, path, &s, e);
	free(text);
	return (int)e->code;
}

#define DEPTH_MAX 6

static int check_directory(struct check *c, const char *path, int depth, struct report_error *e)
{
	struct dirent **entry;
	int n = scandir(path, &entry, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		struct text t;
		struct stat st;
		text_begin(&t);
		text_add(&t, "%s/%s", path, entry[i]->d_name);
		if (!e->code && entry[i]->d_name[0] != '.' && stat(t.s, &st) == 0) {
			if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
				check_directory(c, t.s, depth + 1, e);
			else if (strcmp(entry[i]->d_name, "numbers.tex") == 0)
				check_file(c, t.s, e);
		}
		text_end(&t);
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	return (int)e->code;
}

int report_check(struct db *db, const char *path, FILE *to, FILE *warn, struct report_error *e)
{
	struct check c = { .db = db, .to = to, .warn = warn };
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		check_directory(&c, path, 0, e);
	else
		check_file(&c, path, e);
	if (e->code)
		return (int)e->code;
	if (!c.macros)
		return fail(e, REPORT_EMPTY, "%s has no numbers of `bench report`: name a "
			    "numbers.tex, or a directory that has one", path);
	fprintf(to, "%d of %d numbers in %d file%s agree with %s\n", c.macros - c.stale, c.macros,
		c.files, c.files == 1 ? "" : "s", db_path(db));
	if (c.stale)
		return fail(e, REPORT_STALE,
			    "%d number%s in %s no longer match%s the database: draw "
			    "the figures again, or find out why",
			    c.stale, c.stale == 1 ? "" : "s", path, c.stale == 1 ? "es" : "");
	return 0;
}
