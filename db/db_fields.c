/* SPDX-License-Identifier: MIT
 *
 * Structs to SQL and back, by the tables of fields.
 */
#include "db_fields.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

struct arena_block {
	struct arena_block *before;
	size_t used, size;
	_Alignas(16) char bytes[];
};

void *arena_alloc(struct arena *a, size_t bytes)
{
	struct arena_block *b = a->last;

	bytes = (bytes + 15) & ~(size_t)15;
	if (!b || b->size - b->used < bytes) {
		size_t size = bytes > 4096 ? bytes : 4096;

		b = calloc(1, sizeof(*b) + size);
		if (!b) {
			a->failed = true;
			return NULL;
		}
		b->size = size;
		b->before = a->last;
		a->last = b;
	}
	b->used += bytes;
	return b->bytes + b->used - bytes;
}

char *arena_copy(struct arena *a, const char *text)
{
	size_t size = text ? strlen(text) + 1 : 0;
	char *copy = text ? arena_alloc(a, size) : NULL;

	return copy ? memcpy(copy, text, size) : NULL;
}

void arena_free(struct arena *a)
{
	while (a->last) {
		struct arena_block *b = a->last;

		a->last = b->before;
		free(b);
	}
}

/* ---- SQL text ---- */

static void append_column(sqlite3_str *s, const struct field *f)
{
	bool id = f->type == F_METRIC || f->type == F_STAGE || f->type == F_REF;

	sqlite3_str_appendf(s, "%s%s", f->name, id ? "_id" : "");
}

/* The row id that stands for the uuid which is bound. */
static void append_value(sqlite3_str *s, const struct field *f)
{
	if (f->type == F_REF)
		sqlite3_str_appendf(s, "(SELECT %s_id FROM %s WHERE uuid = ?)", f->ref, f->ref);
	else
		sqlite3_str_appendall(s, "?");
}

/* The column, or the uuid behind it. */
static void append_selected(sqlite3_str *s, const struct table *t, const struct field *f)
{
	if (f->type == F_REF)
		sqlite3_str_appendf(s, "(SELECT x.uuid FROM %s x WHERE x.%s_id = %s.%s_id)", f->ref,
				    f->ref, t->name, f->name);
	else
		append_column(s, f);
}

char *fields_insert_sql(const struct table *t, const char *extra, int n_extra)
{
	sqlite3_str *s = sqlite3_str_new(NULL);

	sqlite3_str_appendf(s, "INSERT INTO %s (%s", t->name, extra);
	for (int i = 0; i < t->n_fields; i++) {
		if (i || n_extra)
			sqlite3_str_appendall(s, ", ");
		append_column(s, &t->fields[i]);
	}
	sqlite3_str_appendall(s, ") VALUES (");
	for (int i = 0; i < n_extra; i++)
		sqlite3_str_appendall(s, i ? ", ?" : "?");
	for (int i = 0; i < t->n_fields; i++) {
		if (i || n_extra)
			sqlite3_str_appendall(s, ", ");
		append_value(s, &t->fields[i]);
	}
	sqlite3_str_appendall(s, ")");
	return sqlite3_str_finish(s);
}

char *fields_select_sql(const struct table *t)
{
	sqlite3_str *s = sqlite3_str_new(NULL);

	for (int i = 0; i < t->n_fields; i++) {
		sqlite3_str_appendall(s, i ? ", " : "SELECT ");
		append_selected(s, t, &t->fields[i]);
	}
	sqlite3_str_appendf(s, " FROM %s", t->name);
	return sqlite3_str_finish(s);
}

char *fields_find_sql(const struct table *t, int n_key)
{
	sqlite3_str *s = sqlite3_str_new(NULL);
	char *select = fields_select_sql(t);

	sqlite3_str_appendf(s, "%s", select ? select : "");
	sqlite3_free(select);
	for (int i = 0; i < n_key; i++) {
		sqlite3_str_appendall(s, i ? " AND " : " WHERE ");
		append_column(s, &t->fields[i]);
		sqlite3_str_appendall(s, " = ");
		append_value(s, &t->fields[i]);
	}
	return sqlite3_str_finish(s);
}

/* ---- values ---- */

static int bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
	return text ? sqlite3_bind_text(stmt, at, text, -1, SQLITE_TRANSIENT) :
		      sqlite3_bind_null(stmt, at);
}

static int bind_json(sqlite3_stmt *stmt, int at, const char *text)
{
	char *canonical = text ? db_json_canonical(text) : NULL;
	/* What is not JSON is bound as it is: the CHECK of its column refuses it by name. */
	int rc = bind_text(stmt, at, canonical ? canonical : text);

	free(canonical);
	return rc;
}

static int bind_id(sqlite3_stmt *stmt, int at, const int64_t *ids, int n, int index)
{
	if (index < 0 || index >= n)
		return -1;
	return sqlite3_bind_int64(stmt, at, ids[index]);
}

static int bind_int(sqlite3_stmt *stmt, int at, const struct field *f, int64_t value)
{
	return f->has_none && value == f->none ? sqlite3_bind_null(stmt, at) :
						 sqlite3_bind_int64(stmt, at, value);
}

static int bind_real(sqlite3_stmt *stmt, int at, const struct field *f, double value)
{
	return !isfinite(value) || (f->has_none && value == f->none) ?
	       sqlite3_bind_null(stmt, at) : sqlite3_bind_double(stmt, at, value);
}

static int bind_blob(sqlite3_stmt *stmt, int at, const void *member)
{
	const void *data = *(const void *const *)member;
	size_t bytes = *(const size_t *)((const char *)member + sizeof(void *));

	return data ? sqlite3_bind_blob64(stmt, at, data, bytes, SQLITE_TRANSIENT) :
		      sqlite3_bind_null(stmt, at);
}

static int bind_field(sqlite3_stmt *stmt, int at, const struct field *f, const void *obj,
		      const struct ids *ids)
{
	const void *p = (const char *)obj + f->offset;
	const char *text;

	switch (f->type) {
	case F_TEXT:
		text = *(const char *const *)p;
		return bind_text(stmt, at, !text && f->has_none ? "" : text);
	case F_JSON:
		return bind_json(stmt, at, *(const char *const *)p);
	case F_UUID:
		return bind_text(stmt, at, p);
	case F_REF:
		return bind_text(stmt, at, *(const char *const *)p);
	case F_INT:
		return bind_int(stmt, at, f, *(const int *)p);
	case F_INT64:
	case F_TIME:
		return bind_int(stmt, at, f, *(const int64_t *)p);
	case F_REAL:
		return bind_real(stmt, at, f, *(const double *)p);
	case F_METRIC:
		return bind_id(stmt, at, ids->metric, ids->n_metrics, *(const int *)p);
	case F_STAGE:
		return bind_id(stmt, at, ids->stage, ids->n_stages, *(const int *)p);
	case F_BLOB:
		return bind_blob(stmt, at, p);
	}
	return -1;
}

int fields_bind(sqlite3_stmt *stmt, int first, const struct table *t, const void *obj,
		const struct ids *ids)
{
	int bad = 0;

	for (int i = 0; i < t->n_fields; i++)
		bad |= bind_field(stmt, first + i, &t->fields[i], obj, ids);
	return bad ? -1 : 0;
}

static int index_of(const int64_t *ids, int n, int64_t id)
{
	for (int i = 0; i < n; i++)
		if (ids[i] == id)
			return i;
	return -1;
}

static void read_uuid(sqlite3_stmt *stmt, int at, char *out)
{
	const char *text = (const char *)sqlite3_column_text(stmt, at);

	snprintf(out, 37, "%s", text ? text : "");
}

static void read_blob(sqlite3_stmt *stmt, int at, void *member, struct arena *arena)
{
	const void *data = sqlite3_column_blob(stmt, at);
	size_t bytes = (size_t)sqlite3_column_bytes(stmt, at);
	void *copy = data ? arena_alloc(arena, bytes) : NULL;

	*(const void **)member = copy ? memcpy(copy, data, bytes) : NULL;
	*(size_t *)((char *)member + sizeof(void *)) = copy ? bytes : 0;
}

static void read_field(sqlite3_stmt *stmt, int at, const struct field *f, void *obj,
		       const struct ids *ids, struct arena *arena)
{
	void *p = (char *)obj + f->offset;
	bool null = sqlite3_column_type(stmt, at) == SQLITE_NULL;
	int64_t i = null ? f->none : sqlite3_column_int64(stmt, at);
	double d;

	switch (f->type) {
	case F_TEXT:
	case F_JSON:
	case F_REF:
		*(const char **)p = arena_copy(arena, (const char *)sqlite3_column_text(stmt, at));
		break;
	case F_UUID:
		read_uuid(stmt, at, p);
		break;
	case F_INT:
		*(int *)p = (int)i;
		break;
	case F_INT64:
	case F_TIME:
		*(int64_t *)p = i;
		break;
	case F_REAL:
		d = f->has_none ? f->none : NAN;
		*(double *)p = null ? d : sqlite3_column_double(stmt, at);
		break;
	case F_METRIC:
		*(int *)p = index_of(ids->metric, ids->n_metrics, i);
		break;
	case F_STAGE:
		*(int *)p = index_of(ids->stage, ids->n_stages, i);
		break;
	case F_BLOB:
		read_blob(stmt, at, p, arena);
		break;
	}
}

void fields_read(sqlite3_stmt *stmt, const struct table *t, void *obj, const struct ids *ids,
		 struct arena *arena)
{
	for (int i = 0; i < t->n_fields; i++)
		read_field(stmt, i, &t->fields[i], obj, ids, arena);
}

void fields_fingerprint(const struct table *t, const void *obj, const char *skip, char out[65])
{
	sqlite3_str *s = sqlite3_str_new(NULL);

	for (int i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];
		const void *p = (const char *)obj + f->offset;

		if (skip && strcmp(f->name, skip) == 0)
			continue;
		if (f->type == F_TEXT || f->type == F_JSON)
			sqlite3_str_appendf(s, "%s=%s\n", f->name,
					    *(const char *const *)p ? *(const char *const *)p : "");
		else if (f->type == F_INT)
			sqlite3_str_appendf(s, "%s=%d\n", f->name, *(const int *)p);
		else if (f->type == F_INT64)
			sqlite3_str_appendf(s, "%s=%lld\n", f->name,
					    (long long)*(const int64_t *)p);
	}
	db_sha256_hex(sqlite3_str_value(s) ? sqlite3_str_value(s) : "",
		      (size_t)sqlite3_str_length(s), out);
	sqlite3_free(sqlite3_str_finish(s));
}

const char *fields_differ(const struct table *t, const void *a, const void *b,
			  bool (*skip)(const char *name))
{
	const char *name = NULL;

	for (int i = 0; i < t->n_fields && !name; i++) {
		const struct field *f = &t->fields[i];
		json_t *x = field_to_json(f, a, NULL), *y = field_to_json(f, b, NULL);

		if (!skip(f->name) && !json_equal(x, y))
			name = f->name;
		json_decref(x);
		json_decref(y);
	}
	return name;
}
