/* SPDX-License-Identifier: MIT
 *
 * Runs to JSON and back, by the tables of fields. Input may come from anywhere: every type,
 * name and index is checked before it is used.
 */
#include "db_json.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/base64.h>

#define SCHEMA "bench.run/1"

/* ---- one value ---- */

/* Text that is not UTF-8 (a path, say) keeps its ASCII part. */
static json_t *text_to_json(const char *text)
{
	json_t *json = json_string(text);
	char *ascii;

	if (json || !(ascii = strdup(text)))
		return json;
	for (char *p = ascii; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	json = json_string(ascii);
	free(ascii);
	return json;
}

static json_t *int_to_json(const struct field *f, int64_t value)
{
	char digits[24];

	if (f->has_none && value == f->none)
		return json_null();
	if (f->type != F_TIME)
		return json_integer(value);
	snprintf(digits, sizeof(digits), "%lld", (long long)value);
	return json_string(digits);
}

static json_t *blob_to_json(const void *member)
{
	const uint8_t *data = *(const uint8_t *const *)member;
	size_t bytes = *(const size_t *)((const char *)member + sizeof(void *));
	char *text;
	json_t *json;

	if (!data)
		return json_null();
	text = malloc(BASE64_ENCODE_RAW_LENGTH(bytes) + 1);
	if (!text)
		return NULL;
	base64_encode_raw(text, bytes, data);
	json = json_stringn(text, BASE64_ENCODE_RAW_LENGTH(bytes));
	free(text);
	return json;
}

json_t *field_to_json(const struct field *f, const void *obj, const struct db_run *run)
{
	const void *p = (const char *)obj + f->offset;
	const char *text;
	json_t *json;
	double d;
	int i;

	switch (f->type) {
	case F_TEXT:
	case F_REF:
		text = *(const char *const *)p;
		return text ? text_to_json(text) : f->has_none ? json_string("") : json_null();
	case F_JSON:
		text = *(const char *const *)p;
		json = text ? json_loads(text, 0, NULL) : NULL;
		return json ? json : json_null();
	case F_UUID:
		return text_to_json(p);
	case F_INT:
		return int_to_json(f, *(const int *)p);
	case F_INT64:
	case F_TIME:
		return int_to_json(f, *(const int64_t *)p);
	case F_REAL:
		d = *(const double *)p;
		return !isfinite(d) || (f->has_none && d == f->none) ? json_null() : json_real(d);
	case F_METRIC:
		i = *(const int *)p;
		return i >= 0 && i < run->n_metrics ? text_to_json(run->metrics[i].name) :
						      json_null();
	case F_STAGE:
		i = *(const int *)p;
		return i >= 0 && i < run->n_stages ? text_to_json(run->stages[i]) : json_null();
	case F_BLOB:
		return blob_to_json(p);
	}
	return NULL;
}

static bool int_from_json(const struct field *f, const json_t *value, int64_t *out)
{
	const char *text = json_string_value(value);
	char *end;

	if (!value || json_is_null(value)) {
		*out = f->none;
		return true;
	}
	if (f->type == F_TIME && text) {
		*out = strtoll(text, &end, 10);
		return *text && !*end;
	}
	*out = json_integer_value(value);
	return json_is_integer(value) &&
	       (f->type != F_INT || (*out >= INT_MIN && *out <= UINT_MAX));
}

static bool text_from_json(const struct field *f, const json_t *value, const char **out,
			   struct arena *arena)
{
	char *dump;

	*out = NULL;
	if (!value || json_is_null(value))
		return true;
	if (f->type != F_JSON) {
		*out = arena_copy(arena, json_string_value(value));
		return json_is_string(value);
	}
	dump = json_is_object(value) ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	*out = arena_copy(arena, dump);
	free(dump);
	return json_is_object(value);
}

static bool blob_from_json(const json_t *value, void *member, struct arena *arena)
{
	struct base64_decode_ctx ctx;
	size_t bytes = 0, length = json_string_length(value);
	uint8_t *data = NULL;

	*(const void **)member = NULL;
	*(size_t *)((char *)member + sizeof(void *)) = 0;
	if (!value || json_is_null(value))
		return true;
	if (json_is_string(value))
		data = arena_alloc(arena, BASE64_DECODE_LENGTH(length));
	if (!data)
		return false;
	base64_decode_init(&ctx);
	bytes = BASE64_DECODE_LENGTH(length);
	if (!base64_decode_update(&ctx, &bytes, data, length, json_string_value(value)) ||
	    !base64_decode_final(&ctx))
		return false;
	*(const void **)member = data;
	*(size_t *)((char *)member + sizeof(void *)) = bytes;
	return true;
}

/* The index of a metric's or stage's name. */
static bool index_from_json(const struct field *f, const json_t *value, const struct db_run *run,
			    int *out)
{
	const char *name = json_string_value(value);
	int n = f->type == F_METRIC ? run->n_metrics : run->n_stages;

	for (*out = 0; name && *out < n; (*out)++)
		if (!strcmp(name,
			    f->type == F_METRIC ? run->metrics[*out].name : run->stages[*out]))
			return true;
	return false;
}

bool field_from_json(const struct field *f, void *obj, const json_t *value,
		     const struct db_run *run, struct arena *arena)
{
	void *p = (char *)obj + f->offset;
	int64_t i = 0;

	switch (f->type) {
	case F_TEXT:
	case F_JSON:
	case F_REF:
		return text_from_json(f, value, p, arena);
	case F_UUID:
		if (!json_is_string(value) || json_string_length(value) != 36)
			return false;
		memcpy(p, json_string_value(value), 37);
		return true;
	case F_INT:
		if (!int_from_json(f, value, &i))
			return false;
		*(int *)p = (int)i;
		return true;
	case F_INT64:
	case F_TIME:
		return int_from_json(f, value, p);
	case F_REAL:
		*(double *)p = json_is_number(value) ? json_number_value(value) :
			       f->has_none ? f->none : NAN;
		return !value || json_is_null(value) || json_is_number(value);
	case F_METRIC:
	case F_STAGE:
		return index_from_json(f, value, run, p);
	case F_BLOB:
		return blob_from_json(value, p, arena);
	}
	return false;
}

/* ---- objects and tables ---- */

/* Sets and releases; false without memory. */
static bool put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) == 0;
}

static bool put_object(json_t *to, const struct table *t, const void *obj, const struct db_run *run)
{
	json_t *object = json_object();
	bool good = true;

	for (int i = 0; i < t->n_fields; i++)
		good &= put(object, t->fields[i].name, field_to_json(&t->fields[i], obj, run));
	return put(to, t->name, object) && good;
}

static bool put_table(json_t *to, const struct table *t, const char *rows, int n,
		      const struct db_run *run)
{
	json_t *table = json_object(), *columns = json_array(), *list = json_array();
	bool good = put(table, "columns", columns) && put(table, "rows", list);

	for (int i = 0; i < t->n_fields && good; i++)
		good = json_array_append_new(columns, json_string(t->fields[i].name)) == 0;
	for (int k = 0; k < n && good; k++) {
		json_t *row = json_array();

		for (int i = 0; i < t->n_fields; i++)
			good &= json_array_append_new(row, field_to_json(
				&t->fields[i], rows + (size_t)k * t->row_size, run)) == 0;
		good &= json_array_append_new(list, row) == 0;
	}
	return put(to, t->name, table) && good;
}

json_t *db_run_to_json(const struct db_run *run)
{
	json_t *json = json_object(), *stages = json_array();
	bool good = put(json, "schema", json_string(SCHEMA));

	good &= put_object(json, &table_run, run, run);
	good &= put_object(json, &table_host, &run->host, run);
	good &= put_object(json, &table_build, &run->build, run);
	good &= put_object(json, &table_workload, &run->workload, run);
	good &= put_object(json, &table_cfg, &run->config, run);
	good &= put_object(json, &table_session, &run->session, run);
	for (int i = 0; i < run->n_stages; i++)
		good &= json_array_append_new(stages, text_to_json(run->stages[i])) == 0;
	good &= put(json, "stage", stages);
	for (int i = 0; i < n_run_lists; i++) {
		const struct list *l = &run_lists[i];
		const char *at = (const char *)run;

		good &= put_table(json, l->table, *(const char *const *)(at + l->rows),
				  *(const int *)(at + l->count), run);
	}
	if (good)
		return json;
	json_decref(json);
	return NULL;
}

bool db_object_to_json(json_t *to, const struct table *t, const void *obj)
{
	return put_object(to, t, obj, NULL);
}

/* The rows as the keys of an object, which has no order. */
static json_t *set_of(const json_t *rows)
{
	json_t *set = json_object();

	for (size_t i = 0; i < json_array_size(rows); i++) {
		char *key = json_dumps(json_array_get(rows, i), JSON_REAL_PRECISION(17));

		if (key)
			json_object_set_new_nocheck(set, key, json_true());
		free(key);
	}
	return set;
}

static json_t *comparable(const struct db_run *run)
{
	static const char *const left_out[] = { "host", "session", "metric", "stage" };
	json_t *json = db_run_to_json(run);

	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		json_object_del(json, left_out[i]);
	for (int i = 1; i < n_run_lists; i++) {
		const char *name = run_lists[i].table->name;
		const json_t *table = json_object_get(json, name);

		json_object_set_new(json, name, set_of(json_object_get(table, "rows")));
	}
	return json;
}

bool db_same_run(const struct db_run *a, const struct db_run *b)
{
	json_t *x = comparable(a), *y = comparable(b);
	bool same = json_equal(x, y) && !strcmp(a->session.uuid, b->session.uuid);

	json_decref(x);
	json_decref(y);
	return same;
}

/* ---- reading ---- */

struct reader {
	struct db_run *run;
	struct arena *arena;
	char *why;
	size_t why_size;
};

static int wrong(struct reader *r, const char *table, const char *name)
{
	snprintf(r->why, r->why_size, "%s.%s is missing or has a wrong type or value", table, name);
	return -1;
}

static int get_object(struct reader *r, const json_t *json, const struct table *t, void *obj)
{
	const json_t *object = json_object_get(json, t->name);

	if (!json_is_object(object))
		return wrong(r, SCHEMA, t->name);
	for (int i = 0; i < t->n_fields; i++)
		if (!field_from_json(&t->fields[i], obj, json_object_get(object, t->fields[i].name),
				     r->run, r->arena))
			return wrong(r, t->name, t->fields[i].name);
	return 0;
}

/* Where each field of `t` stands in a row: -1, not at all. */
static void find_columns(const struct table *t, const json_t *columns, int *at)
{
	for (int i = 0; i < t->n_fields; i++) {
		at[i] = -1;
		for (size_t k = 0; k < json_array_size(columns); k++) {
			const char *name = json_string_value(json_array_get(columns, k));

			if (name && strcmp(name, t->fields[i].name) == 0)
				at[i] = (int)k;
		}
	}
}

static int get_table(struct reader *r, const json_t *json, const struct list *l)
{
	const struct table *t = l->table;
	const json_t *table = json_object_get(json, t->name);
	const json_t *rows = json_object_get(table, "rows");
	size_t n = json_array_size(rows);
	char *to = arena_alloc(r->arena, n * t->row_size + 1);
	int at[FIELDS_MAX];

	if (!table)
		return 0;
	if (!to || n > INT_MAX || !json_is_array(rows))
		return wrong(r, t->name, "rows");
	find_columns(t, json_object_get(table, "columns"), at);
	*(char **)((char *)r->run + l->rows) = to;
	for (size_t k = 0; k < n; k++, to += t->row_size) {
		const json_t *row = json_array_get(rows, k);

		for (int i = 0; i < t->n_fields; i++)
			if (!field_from_json(&t->fields[i], to, at[i] < 0 ? NULL :
					     json_array_get(row, (size_t)at[i]), r->run, r->arena))
				return wrong(r, t->name, t->fields[i].name);
		/* Counted as they come: samples look their metric up among those read before. */
		*(int *)((char *)r->run + l->count) = (int)k + 1;
	}
	return 0;
}

static int get_stages(struct reader *r, const json_t *json)
{
	const json_t *list = json_object_get(json, "stage");
	size_t n = json_array_size(list);
	const char **names = arena_alloc(r->arena, n * sizeof(*names) + 1);

	if (!names || n > INT_MAX || (list && !json_is_array(list)))
		return wrong(r, SCHEMA, "stage");
	for (size_t i = 0; i < n; i++)
		if (!(names[i] = arena_copy(r->arena, json_string_value(json_array_get(list, i)))))
			return wrong(r, SCHEMA, "stage");
	r->run->stages = names;
	r->run->n_stages = (int)n;
	return 0;
}

/* What SQL would refuse only after reading NULL as text. */
static int check_names(struct reader *r)
{
	for (int i = 0; i < r->run->n_metrics; i++)
		if (!r->run->metrics[i].name)
			return wrong(r, "metric", "name");
	return 0;
}

int db_run_from_json(const json_t *json, struct db_run *run, struct arena *arena, char *why,
		     size_t why_size)
{
	struct reader r = { run, arena, why, why_size };
	const char *schema = json_string_value(json_object_get(json, "schema"));

	*run = (struct db_run){ 0 };
	if (!schema || strcmp(schema, SCHEMA)) {
		snprintf(why, why_size, "it is not a run of schema " SCHEMA);
		return -1;
	}
	if (get_object(&r, json, &table_run, run) ||
	    get_object(&r, json, &table_host, &run->host) ||
	    get_object(&r, json, &table_build, &run->build) ||
	    get_object(&r, json, &table_workload, &run->workload) ||
	    get_object(&r, json, &table_cfg, &run->config) ||
	    get_object(&r, json, &table_session, &run->session) || get_stages(&r, json))
		return -1;
	for (int i = 0; i < n_run_lists; i++)
		if (get_table(&r, json, &run_lists[i]) || check_names(&r))
			return -1;
	return 0;
}

int db_object_from_json(const json_t *json, const struct table *t, void *obj, struct arena *arena,
			char *why, size_t why_size)
{
	struct db_run none = { 0 };
	struct reader r = { &none, arena, why, why_size };

	return get_object(&r, json, t, obj);
}
