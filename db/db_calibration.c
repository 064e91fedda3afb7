/* SPDX-License-Identifier: MIT
 *
 * Measured peaks of machines.
 */
#include "db_rows.h"

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
		for (int i = 0; i < n && !rc; i++) {
			sqlite3_bind_int64(stmt, 1, host_id);
			fields_bind(stmt, 2, &table_calibration, &rows[i], NULL);
			rc = db_run_stmt(db, stmt, "store the calibration");
		}
		rc = db_end(db, rc);
	}
	sqlite3_finalize(stmt);
	return rc;
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
