/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "work.h"

#define KEYS_MAX 24

struct split {
	struct rows *rows;
	const struct rows *runs;
	json_t **params;   /* of each run, with workload and machine */
	int *run_of;       /* of each row; -1: none */
	char key[KEYS_MAX][64];
	int n_keys;
};

static json_t *settings_of(const struct rows *runs, int i)
{
	json_t *j = json_loads(rows_text(runs, i, "params_json"), 0, NULL);
	char machine[160];

	if (!json_is_object(j)) {
		json_decref(j);
		j = json_object();
	}
	json_object_del(j, "seed");
	snprintf(machine, sizeof machine, "%.100s #%.6s", rows_text(runs, i, "cpu_model"),
		 rows_text(runs, i, "host_fp"));
	json_object_set_new(j, "workload", json_string(rows_text(runs, i, "workload")));
	json_object_set_new(j, "machine", json_string(machine));
	return j;
}

/* Rows mostly follow each other as the runs do: the search begins at the last one found. */
static int run_index(const struct rows *runs, const char *id, int last)
{
	for (int k = 0; *id && k < runs->n; k++) {
		int i = (last + k) % runs->n;
		if (strcmp(rows_text(runs, i, "run_id"), id) == 0)
			return i;
	}
	return -1;
}

static bool same_place(const struct rows *r, int a, int b)
{
	static const char *const columns[] = { "series", "x", "label", "position" };

	for (int i = 0; i < 4; i++)
		if (strcmp(rows_text(r, a, columns[i]), rows_text(r, b, columns[i])) != 0)
			return false;
	return true;
}

static void note_key(struct split *s, const char *key)
{
	for (int i = 0; i < s->n_keys; i++)
		if (strcmp(s->key[i], key) == 0)
			return;
	if (s->n_keys < KEYS_MAX)
		snprintf(s->key[s->n_keys++], sizeof s->key[0], "%s", key);
}

static void note_differences(struct split *s, const json_t *a, const json_t *b)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)a, key, v) {
		if (!json_equal(v, json_object_get(b, key)))
			note_key(s, key);
	}
	json_object_foreach((json_t *)b, key, v) {
		if (!json_object_get(a, key))
			note_key(s, key);
	}
}

/* Each row against the first one at its place. */
static void find_differences(struct split *s)
{
	int *first = new_array((size_t)s->rows->n, sizeof *first), n = 0;

	for (int i = 0; i < s->rows->n; i++) {
		int k = 0;
		if (s->run_of[i] < 0)
			continue;
		while (k < n && !same_place(s->rows, first[k], i))
			k++;
		if (k == n)
			first[n++] = i;
		else if (s->run_of[first[k]] != s->run_of[i])
			note_differences(s, s->params[s->run_of[first[k]]],
					 s->params[s->run_of[i]]);
	}
	free(first);
}

/* The settings of a row as text, by the keys found; height and width together. */
static void settings_text(const struct split *s, int row, struct text *t)
{
	const json_t *params = s->run_of[row] < 0 ? NULL : s->params[s->run_of[row]];
	bool size = false;

	for (int i = 0; params && i < s->n_keys; i++) {
		const json_t *v = json_object_get(params, s->key[i]);
		const char *gap = t->len ? ", " : "";
		bool is_size = strcmp(s->key[i], "width") == 0 || strcmp(s->key[i], "height") == 0;
		char *value = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
		if (is_size && !size)
			text_add(t, "%s%lldx%lld", gap,
				 (long long)json_integer_value(json_object_get(params, "width")),
				 (long long)json_integer_value(json_object_get(params, "height")));
		else if (json_is_string(v))
			text_add(t, "%s%s", gap, json_string_value(v));
		else if (value && !is_size)
			text_add(t, "%s%s %.*s", gap, value,
				 (int)strlen(s->key[i]) - (strcmp(value, "1") == 0 &&
							   s->key[i][strlen(s->key[i]) - 1] == 's'),
				 s->key[i]);
		size |= is_size;
		free(value);
	}
}

/* ---- which settings are shown ------------------------------------------------------------------
 */

struct group {
	char *name; /* owned: series and settings */
	int n_x, n; /* different x, rows */
	bool out;
};

static char *group_name(const struct split *s, int row)
{
	struct text t;

	text_begin(&t);
	text_add(&t, "%s", rows_text(s->rows, row, "series"));
	settings_text(s, row, &t);
	return t.s;
}

static int groups_of(const struct split *s, struct group *g, int *group_of)
{
	int n = 0;

	for (int i = 0; i < s->rows->n; i++) {
		char *name = group_name(s, i);
		int k = 0;
		bool new_x = true;
		while (k < n && strcmp(g[k].name, name) != 0)
			k++;
		if (k == n)
			g[n++] = (struct group){ .name = copy_text(name) };
		for (int j = 0; j < i && new_x; j++)
			new_x = group_of[j] != k || strcmp(rows_text(s->rows, j, "x"),
							   rows_text(s->rows, i, "x")) != 0;
		g[k].n_x += new_x;
		g[k].n++;
		group_of[i] = k;
		free(name);
	}
	return n;
}

/* Marks groups of one x beside longer ones, then the smallest until few enough remain. */
static int choose(struct group *g, int n, bool lines)
{
	int most = 0, left_out = 0;

	for (int i = 0; i < n; i++)
		most = g[i].n_x > most ? g[i].n_x : most;
	for (int i = 0; i < n; i++) {
		g[i].out = lines && most > 1 && g[i].n_x == 1;
		left_out += g[i].out;
	}
	while (n - left_out > SPLIT_MAX) {
		int least = -1;
		for (int i = 0; i < n; i++)
			if (!g[i].out && (least < 0 || g[i].n_x < g[least].n_x ||
					  (g[i].n_x == g[least].n_x && g[i].n < g[least].n)))
				least = i;
		g[least].out = true;
		left_out++;
	}
	return left_out;
}

static int leave_out(struct split *s, bool lines)
{
	struct group *g = new_array((size_t)s->rows->n, sizeof *g);
	int *group_of = new_array((size_t)s->rows->n, sizeof *group_of), left_out;
	int n = groups_of(s, g, group_of);

	left_out = choose(g, n, lines);
	for (int i = s->rows->n - 1; left_out && i >= 0; i--)
		if (g[group_of[i]].out) {
			rows_remove(s->rows, i);
			memmove(&s->run_of[i], &s->run_of[i + 1],
				(size_t)(s->rows->n - i) * sizeof *s->run_of);
		}
	for (int i = 0; i < n; i++)
		free(g[i].name);
	free(g);
	free(group_of);
	return left_out;
}

/* Keys in which the remaining rows agree need not be said. */
static void drop_common_keys(struct split *s)
{
	for (int k = s->n_keys - 1; k >= 0; k--) {
		const json_t *first = NULL;
		bool differs = false;
		for (int i = 0; i < s->rows->n; i++) {
			const json_t *v = s->run_of[i] < 0 ? NULL :
					  json_object_get(s->params[s->run_of[i]], s->key[k]);
			differs |= first && v && !json_equal((json_t *)first, (json_t *)v);
			first = first ? first : v;
		}
		if (!differs) {
			memmove(s->key[k], s->key[k + 1],
				(size_t)(s->n_keys - k - 1) * sizeof s->key[0]);
			s->n_keys--;
		}
	}
}

static void add_settings(const struct split *s, int row, const char *column)
{
	struct text t;

	text_begin(&t);
	text_add(&t, "%s", rows_text(s->rows, row, column));
	settings_text(s, row, &t);
	rows_set(s->rows, row, column, t.s);
	text_end(&t);
}

int split_unlike(struct rows *rows, const struct rows *runs, const char *column, bool lines)
{
	struct split s = { .rows = rows, .runs = runs };
	int left_out = 0;

	s.params = new_array((size_t)runs->n, sizeof *s.params);
	s.run_of = new_array((size_t)rows->n, sizeof *s.run_of);
	for (int i = 0; i < runs->n; i++)
		s.params[i] = settings_of(runs, i);
	for (int i = 0; i < rows->n; i++) {
		int last = i && s.run_of[i - 1] >= 0 ? s.run_of[i - 1] : 0;
		s.run_of[i] = run_index(runs, rows_text(rows, i, "run_id"), last);
	}
	find_differences(&s);
	if (strcmp(column, "series") == 0 && rows->n)
		left_out = leave_out(&s, lines);
	drop_common_keys(&s);
	for (int i = 0; s.n_keys && i < rows->n; i++)
		if (s.run_of[i] >= 0)
			add_settings(&s, i, column);
	for (int i = 0; i < runs->n; i++)
		json_decref(s.params[i]);
	free(s.params);
	free(s.run_of);
	return left_out;
}
