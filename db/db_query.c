/* SPDX-License-Identifier: MIT
 *
 * Reading: queries that cannot write, and the list of runs.
 */
#include "db_int.h"

#include <stdlib.h>
#include <string.h>

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (sqlite3_stricmp(name, *names) == 0)
			return true;
	return false;
}

/* Pragmas that only tell, the second kind when they are not given a value. */
static bool pragma_tells(const char *name, const char *value)
{
	static const char *const always[] = {
		"compile_options", "foreign_key_check", "foreign_key_list", "function_list",
		"index_info", "index_list", "index_xinfo", "integrity_check", "quick_check",
		"table_info", "table_list", "table_xinfo", NULL
	};
	static const char *const bare[] = {
		"application_id", "foreign_keys", "freelist_count", "journal_mode", "page_count",
		"page_size", "user_version", NULL
	};

	return is_one_of(name, always) || (!value && is_one_of(name, bare));
}

/* What a query may do. ATTACH counts as reading for SQLite but makes files. */
static int allow_reading(void *arg, int action, const char *a, const char *b, const char *schema,
			 const char *trigger)
{
	(void)arg, (void)schema, (void)trigger;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return sqlite3_stricmp(b, "load_extension") ? SQLITE_OK : SQLITE_DENY;
	case SQLITE_PRAGMA:
		return pragma_tells(a, b) ? SQLITE_OK : SQLITE_DENY;
	case SQLITE_UPDATE:
		/* Asked when json_each and other table functions are first used; SQLite itself
		 * lets nobody update this table. */
		return strcmp(a, "sqlite_master") ? SQLITE_DENY : SQLITE_OK;
	default:
		return SQLITE_DENY;
	}
}

static int prepare_query(struct db *db, const char *sql, sqlite3_stmt **stmt)
{
	const char *rest = "";
	int rc;

	*stmt = NULL;
	if (!db->sql)
		return db_fail(db, DB_ERR_INPUT, "%s is not open", db->path);
	sqlite3_set_authorizer(db->sql, allow_reading, NULL);
	rc = sqlite3_prepare_v2(db->sql, sql, -1, stmt, &rest);
	sqlite3_set_authorizer(db->sql, NULL, NULL);
	/* VACUUM asks no authorizer, and some statements that only read must not be run either. */
	if (rc == SQLITE_AUTH || (*stmt && !sqlite3_stmt_readonly(*stmt)))
		return db_fail(db, DB_ERR_INPUT,
			       "a query may only read; to change %s use the sqlite3 program",
			       db->path);
	if (rc != SQLITE_OK)
		return db_fail_sql(db, rc, "run the query");
	if (!*stmt)
		return db_fail(db, DB_ERR_INPUT, "the query is empty");
	if (rest[strspn(rest, " \t\r\n;")])
		return db_fail(db, DB_ERR_INPUT, "one query at a time: there is more after the "
			       "first semicolon: %.60s", rest);
	return 0;
}

/* Blobs as hex in memory from *room, which the caller frees. */
static void read_value(sqlite3_stmt *stmt, int at, struct db_value *v, char **room)
{
	static const enum db_type types[] = {
		[SQLITE_INTEGER] = DB_INT, [SQLITE_FLOAT] = DB_REAL, [SQLITE_TEXT] = DB_TEXT,
		[SQLITE_BLOB] = DB_BLOB, [SQLITE_NULL] = DB_NULL,
	};
	const unsigned char *blob;

	*v = (struct db_value){ .type = types[sqlite3_column_type(stmt, at)], .text = "" };
	if (v->type == DB_BLOB) {
		int n = sqlite3_column_bytes(stmt, at);

		blob = sqlite3_column_blob(stmt, at);
		*room = malloc(2 * (size_t)n + 1);
		for (int i = 0; *room && i < n; i++)
			snprintf(*room + 2 * i, 3, "%02x", blob[i]);
		v->text = *room && n ? *room : "";
		return;
	}
	if (v->type == DB_INT)
		v->i = sqlite3_column_int64(stmt, at);
	if (v->type == DB_INT || v->type == DB_REAL)
		v->d = sqlite3_column_double(stmt, at);
	if (v->type != DB_NULL && sqlite3_column_text(stmt, at))
		v->text = (const char *)sqlite3_column_text(stmt, at);
}

struct columns {
	int n;
	const char **names;
	struct db_value *values;
	char **rooms;
};

static bool columns_new(struct columns *c, sqlite3_stmt *stmt)
{
	c->n = sqlite3_column_count(stmt);
	c->names = calloc((size_t)c->n + 1, sizeof(*c->names));
	c->values = calloc((size_t)c->n + 1, sizeof(*c->values));
	c->rooms = calloc((size_t)c->n + 1, sizeof(*c->rooms));
	for (int i = 0; c->names && i < c->n; i++)
		c->names[i] = sqlite3_column_name(stmt, i);
	return c->names && c->values && c->rooms;
}

static void columns_free(struct columns *c)
{
	free(c->names);
	free(c->values);
	free(c->rooms);
}

static int give_row(struct columns *c, sqlite3_stmt *stmt, db_row_fn *row, void *arg)
{
	int stop;

	for (int i = 0; i < c->n; i++)
		read_value(stmt, i, &c->values[i], &c->rooms[i]);
	stop = row(arg, c->n, c->names, c->values);
	for (int i = 0; i < c->n; i++) {
		free(c->rooms[i]);
		c->rooms[i] = NULL;
	}
	return stop;
}

static int give_rows(struct db *db, sqlite3_stmt *stmt, db_row_fn *row, void *arg)
{
	struct columns c;
	bool any = false;
	int rc = SQLITE_ROW;

	if (!columns_new(&c, stmt)) {
		columns_free(&c);
		return db_fail(db, DB_ERR_NOMEM, "there is not enough memory for the query");
	}
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		any = true;
		if (give_row(&c, stmt, row, arg))
			break;
	}
	if (rc == SQLITE_DONE && !any)
		row(arg, c.n, c.names, NULL);
	columns_free(&c);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : db_fail_sql(db, rc, "run the query");
}

int db_query(struct db *db, const char *sql, const char *const *args, int n_args, db_row_fn *row,
	     void *arg)
{
	sqlite3_stmt *stmt;
	int rc = prepare_query(db, sql, &stmt);

	if (!rc && sqlite3_bind_parameter_count(stmt) != n_args)
		rc = db_fail(db, DB_ERR_INPUT, "the query has %d parameters, %d values were given",
			     sqlite3_bind_parameter_count(stmt), n_args);
	for (int i = 0; i < n_args && !rc; i++)
		sqlite3_bind_text(stmt, i + 1, args[i], -1, SQLITE_TRANSIENT);
	if (!rc)
		rc = give_rows(db, stmt, row, arg);
	sqlite3_finalize(stmt);
	return rc;
}

int db_list_runs(struct db *db, const char *workload, int limit, db_row_fn *row, void *arg)
{
	char count[16];
	const char *const args[] = { workload, count };

	snprintf(count, sizeof(count), "%d", limit > 0 ? limit : -1);
	return db_query(db, "SELECT * FROM v_runs WHERE ?1 IS NULL OR workload = ?1 "
			"ORDER BY started_unix_ns DESC, run_id DESC LIMIT CAST(?2 AS INTEGER)",
			args, 2, row, arg);
}
