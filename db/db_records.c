/* SPDX-License-Identifier: MIT
 *
 * Sessions, sweeps, verdicts and the like: one row each, found by their identity, never changed.
 */
#include "db_records.h"

#include <stdlib.h>
#include <string.h>

#include "db_rows.h"

#define NOT_RUNNING "run_id IN (SELECT run_id FROM run WHERE status <> 'running')"

const struct record db_records[] = {
	/* those that runs bring along are not told twice */
	{ &table_session, "started_unix_ns, uuid",
	  "session_id NOT IN (SELECT session_id FROM run WHERE status <> 'running')", 1 },
	{ &table_sweep, "started_unix_ns, uuid", NULL, 1 },
	{ &table_arm_run, "1, ord, 2", NOT_RUNNING, 2 },
	{ &table_sweep_run, "1, point, replicate, 2", NOT_RUNNING, 2 },
	{ &table_comparison, "at_unix_ns, uuid", NULL, 1 },
	{ &table_noise, "at_unix_ns, uuid", NOT_RUNNING, 1 },
	{ &table_ack, "at_unix_ns, uuid", NULL, 1 },
	{ &table_selftest, "at_unix_ns, uuid", NULL, 1 },
};
const int db_n_records = sizeof(db_records) / sizeof(db_records[0]);

const struct record *db_record_of(const struct table *t)
{
	for (int i = 0; i < db_n_records; i++)
		if (db_records[i].table == t)
			return &db_records[i];
	return NULL;
}

const struct record *db_record_named(const char *table, size_t length)
{
	for (int i = 0; i < db_n_records; i++)
		if (strlen(db_records[i].table->name) == length &&
		    memcmp(db_records[i].table->name, table, length) == 0)
			return &db_records[i];
	return NULL;
}

/* "comparison UUID" or "sweep_run UUID and UUID", for the sentences. */
static void describe(const struct record *r, const void *obj, char *out, size_t size)
{
	size_t used = (size_t)snprintf(out, size, "%s", r->table->name);

	for (int i = 0; i < r->n_key && used < size; i++) {
		const struct field *f = &r->table->fields[i];
		const void *p = (const char *)obj + f->offset;
		const char *uuid = f->type == F_UUID ? p : *(const char *const *)p;

		used += (size_t)snprintf(out + used, size - used, "%s %.36s", i ? " and" : "",
					 uuid ? uuid : "(none)");
	}
}

/* Every row that is named must be there. */
static int check_references(struct db *db, const struct table *t, const void *obj)
{
	for (int i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];
		const char *uuid = f->type == F_REF ?
			*(const char *const *)((const char *)obj + f->offset) : NULL;
		int64_t found;
		int rc = !uuid ? 1 :
			 db_get_int(db, &found, "SELECT 1 FROM %s WHERE uuid = %Q", f->ref, uuid);

		if (rc < 0)
			return rc;
		if (rc == 0)
			return db_fail(db, DB_ERR_INPUT, "cannot " STORING ": there is no %s "
				       "%.36s in %s", f->ref, uuid, db->path);
	}
	return 0;
}

/* The stored row of the same identity: 1 found, 0 not, or a negative code. */
static int find(struct db *db, const struct record *r, const void *obj, void *stored,
		struct arena *arena)
{
	struct table key = *r->table;
	char *sql = fields_find_sql(r->table, r->n_key);
	sqlite3_stmt *stmt;
	int rc = db_prepare(db, &stmt, "%s", sql ? sql : "");

	sqlite3_free(sql);
	if (rc)
		return rc;
	key.n_fields = r->n_key;
	fields_bind(stmt, 1, &key, obj, NULL);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		fields_read(stmt, r->table, stored, NULL, arena);
	rc = rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : db_fail_sql(db, rc, STORING);
	sqlite3_finalize(stmt);
	return rc;
}

/* What of a session or a sweep may come later. */
static bool is_end(const char *name)
{
	return strcmp(name, "ended_unix_ns") == 0 || strcmp(name, "exit_code") == 0;
}

static int insert(struct db *db, const struct record *r, const void *obj)
{
	char *sql = fields_insert_sql(r->table, "", 0);
	sqlite3_stmt *stmt;
	int rc = db_prepare(db, &stmt, "%s", sql ? sql : "");

	sqlite3_free(sql);
	if (rc)
		return rc;
	if (fields_bind(stmt, 1, r->table, obj, NULL))
		rc = db_fail(db, DB_ERR_INPUT, "cannot " STORING ": a value of %s is too long",
			     r->table->name);
	else
		rc = db_run_stmt(db, stmt, STORING);
	sqlite3_finalize(stmt);
	return rc;
}

/* Notes the end of a session or sweep. */
static int end(struct db *db, const struct record *r, const void *obj)
{
	const struct db_sweep *sweep = obj;
	int64_t id;

	if (r->table == &table_session)
		return db_session_row(db, obj, &id);
	if (r->table != &table_sweep || !sweep->ended_unix_ns)
		return 0;
	return db_exec(db, STORING, "UPDATE sweep SET ended_unix_ns = max(%lld, "
		       "coalesce(ended_unix_ns, 0)) WHERE uuid = %Q",
		       (long long)sweep->ended_unix_ns, sweep->uuid);
}

static int compare(struct db *db, const struct record *r, const void *obj, const void *stored)
{
	const char *name = fields_differ(r->table, obj, stored, is_end);
	char what[128];

	if (!name)
		return end(db, r, obj);
	describe(r, obj, what, sizeof(what));
	return db_fail(db, DB_ERR_CONFLICT, "cannot " STORING ": %s is already in %s with another "
		       "%s, which was left as it is", what, db->path, name);
}

static int put_in_transaction(struct db *db, const struct record *r, const void *obj, bool *is_new)
{
	struct arena arena = { 0 };
	void *stored = arena_alloc(&arena, r->table->row_size);
	int rc = stored ? check_references(db, r->table, obj) :
		 db_fail(db, DB_ERR_NOMEM, "cannot " STORING ": there is not enough memory");

	if (!rc)
		rc = find(db, r, obj, stored, &arena);
	if (rc == 0)
		rc = insert(db, r, obj), *is_new = true;
	else if (rc > 0)
		rc = compare(db, r, obj, stored);
	arena_free(&arena);
	return rc;
}

static int put_once(struct db *db, const struct record *r, const void *obj, bool *is_new)
{
	int rc = db_begin(db);

	return rc ? rc : db_end(db, put_in_transaction(db, r, obj, is_new));
}

struct spooled_record {
	const struct record *r;
	const void *obj;
};

static json_t *spooled_to_json(const void *arg)
{
	const struct spooled_record *s = arg;

	return db_record_to_json(s->r->table, s->obj);
}

int db_put_record(struct db *db, const struct record *r, const void *obj)
{
	struct spooled_record s = { r, obj };
	bool is_new = false, has_end = r->table == &table_session || r->table == &table_sweep;
	int rc = put_once(db, r, obj, &is_new);

	/* What it names may have been spooled by another process. */
	if (rc == DB_ERR_INPUT && db->spooling && !db->replaying) {
		db_replay_spools(db);
		rc = put_once(db, r, obj, &is_new);
	}
	if (!rc && (is_new || has_end))
		rc = db_spooled(db, spooled_to_json, &s);
	return rc ? rc : is_new;
}

json_t *db_record_to_json(const struct table *t, const void *obj)
{
	json_t *json = json_pack("{s:o}", "schema", json_sprintf("bench.%s/1", t->name));

	if (json && db_object_to_json(json, t, obj))
		return json;
	json_decref(json);
	return NULL;
}

int db_each_record(struct db *db, const struct record *r,
		   int (*row)(void *arg, const struct record *r, const void *obj), void *arg)
{
	char *select = fields_select_sql(r->table);
	sqlite3_stmt *stmt;
	int step = SQLITE_DONE, rc = db_prepare(db, &stmt, "%s WHERE %s ORDER BY %s",
						select ? select : "", r->where ? r->where : "1",
						r->order);

	sqlite3_free(select);
	while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct arena arena = { 0 };
		void *obj = arena_alloc(&arena, r->table->row_size);

		if (obj)
			fields_read(stmt, r->table, obj, NULL, &arena);
		rc = arena.failed ? db_fail(db, DB_ERR_NOMEM, "there is not enough memory") :
		     row(arg, r, obj);
		arena_free(&arena);
	}
	if (!rc && step != SQLITE_DONE)
		rc = db_fail_sql(db, step, "read the database");
	sqlite3_finalize(stmt);
	return rc;
}
