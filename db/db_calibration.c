/* SPDX-License-Identifier: MIT
 *
 * Measured peaks of machines.
 */
#include "db_records.h"

#include <string.h>

#include "db_rows.h"

static int insert(struct db *db, sqlite3_stmt *stmt, int64_t host_id,
		  const struct db_calibration *c)
{
	sqlite3_bind_int64(stmt, 1, host_id);
	fields_bind(stmt, 2, &table_calibration, c, NULL);
	return db_run_stmt(db, stmt, "store the calibration");
}

static json_t *to_json(const void *c)
{
	return db_calibration_to_json(c);
}

/* Where there is no database. */
static int spool(struct db *db, const struct db_host *host, const struct db_calibration *rows,
		 int n)
{
	int rc = 0;

	for (int i = 0; i < n && !rc; i++) {
		struct machine_calibration c = { *host, rows[i] };

		rc = db_spooled(db, to_json, &c);
	}
	return rc;
}

int db_put_calibration(struct db *db, const struct db_host *host, const struct db_calibration *rows,
		       int n)
{
	char *sql = fields_insert_sql(&table_calibration, "host_id", 1);
	sqlite3_stmt *stmt = NULL;
	int64_t host_id = 0;
	int rc = db_prepare(db, &stmt, "%s", sql ? sql : "");

	sqlite3_free(sql);
	if (!rc && !(rc = db_begin(db))) {
		rc = db_put_host(db, host, &host_id);
		for (int i = 0; i < n && !rc; i++)
			rc = insert(db, stmt, host_id, &rows[i]);
		rc = db_end(db, rc);
	}
	sqlite3_finalize(stmt);
	return rc ? rc : spool(db, host, rows, n);
}

int db_get_calibration(struct db *db, const struct db_host *host,
		       int (*row)(void *arg, const struct db_calibration *c), void *arg)
{
	char *sql = fields_select_sql(&table_calibration);
	struct db_calibration c;
	struct arena arena = { 0 };
	sqlite3_stmt *stmt = NULL;
	int64_t host_id = 0;
	int rc = db_find_host(db, host, &host_id);

	if (rc > 0)
		rc = db_prepare(
			db, &stmt,
			"%s k WHERE host_id = %lld AND NOT EXISTS (SELECT 1 FROM calibration j "
			"WHERE j.host_id = k.host_id AND j.kind = k.kind AND j.dtype = k.dtype "
			"AND j.isa = k.isa AND j.threads = k.threads AND (-j.disturbed, "
			"j.at_unix_ns, j.calibration_id) > (-k.disturbed, k.at_unix_ns, "
			"k.calibration_id)) ORDER BY kind, dtype, isa, threads",
			sql ? sql : "", (long long)host_id);
	sqlite3_free(sql);
	while (!rc && stmt && sqlite3_step(stmt) == SQLITE_ROW) {
		fields_read(stmt, &table_calibration, &c, NULL, &arena);
		if (row(arg, &c))
			break;
	}
	sqlite3_finalize(stmt);
	arena_free(&arena);
	return rc;
}

/* ---- coming and going: its machine, what it is of and its time are its identity ---- */

static int is_known(struct db *db, const struct machine_calibration *m)
{
	const struct db_calibration *c = &m->calibration;
	int64_t host_id = 0, id;
	int rc = db_find_host(db, &m->host, &host_id);

	return rc <= 0 ?
		       rc :
		       db_get_int(
			       db, &id,
			       "SELECT 1 FROM calibration WHERE host_id = %lld AND kind = %Q "
			       "AND dtype = %Q AND isa = %Q AND threads = %d AND at_unix_ns = %lld",
			       (long long)host_id, c->kind, c->dtype ? c->dtype : "",
			       c->isa ? c->isa : "", c->threads, (long long)c->at_unix_ns);
}

int db_put_known_calibration(struct db *db, const struct machine_calibration *c)
{
	int rc = is_known(db, c);

	if (rc)
		return rc < 0 ? rc : 0;
	rc = db_put_calibration(db, &c->host, &c->calibration, 1);
	return rc ? rc : 1;
}

static int read_host(struct db *db, int64_t host_id, struct db_host *host, struct arena *arena)
{
	char *select = fields_select_sql(&table_host);
	sqlite3_stmt *stmt;
	int step, rc = db_prepare(db, &stmt, "%s WHERE host_id = %lld", select ? select : "",
				  (long long)host_id);

	sqlite3_free(select);
	if (rc)
		return rc;
	step = sqlite3_step(stmt);
	if (step == SQLITE_ROW)
		fields_read(stmt, &table_host, host, NULL, arena);
	else
		rc = db_fail(db, DB_ERR_CORRUPT, "%s lacks the machine %lld", db->path,
			     (long long)host_id);
	sqlite3_finalize(stmt);
	return rc;
}

/* The host follows the fields of the calibration, as one column more. */
int db_each_calibration(struct db *db,
			int (*row)(void *arg, const struct machine_calibration *c), void *arg)
{
	char *fields = fields_select_sql(&table_calibration);
	char *from = fields ? strstr(fields, " FROM ") : NULL;
	sqlite3_stmt *stmt;
	int step = SQLITE_DONE, rc;

	rc = db_prepare(db, &stmt,
			"%.*s, host_id FROM calibration ORDER BY at_unix_ns, kind, dtype, "
			"isa, threads, calibration_id",
			from ? (int)(from - fields) : 0, fields ? fields : "");
	sqlite3_free(fields);
	while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct machine_calibration c = { 0 };
		struct arena arena = { 0 };

		fields_read(stmt, &table_calibration, &c.calibration, NULL, &arena);
		rc = read_host(db, sqlite3_column_int64(stmt, table_calibration.n_fields), &c.host,
			       &arena);
		if (!rc)
			rc = row(arg, &c);
		arena_free(&arena);
	}
	if (!rc && step != SQLITE_DONE)
		rc = db_fail_sql(db, step, "read the calibrations");
	sqlite3_finalize(stmt);
	return rc;
}

json_t *db_calibration_to_json(const struct machine_calibration *c)
{
	json_t *json = db_record_to_json(&table_calibration, &c->calibration);

	if (json && db_object_to_json(json, &table_host, &c->host))
		return json;
	json_decref(json);
	return NULL;
}
