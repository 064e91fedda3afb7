/* SPDX-License-Identifier: MIT
 *
 * Shared by the files of db/ and by nothing else.
 */
#ifndef BENCH_DB_INT_H
#define BENCH_DB_INT_H

#include <stdbool.h>

#include <sqlite3.h>

#include "db.h"

struct db {
	sqlite3 *sql; /* NULL after a failed db_open */
	char *path, *spool_path;
	bool readonly;
	int64_t file_version;   /* schema when it was opened; 0: there was no file */
	bool rollback_journal;  /* shared memory, and so WAL, does not work there */
	bool spooling;          /* `sql` is in memory; what is stored goes to the spool */
	bool replaying;         /* what is stored comes from there */
	char spool_why[512];
	int64_t busy_since_ns;  /* when the present wait for a lock began */
	char msg[1024];
};

#define DB_APPLICATION_ID 0x42454e43 /* "BENC" */
#define DB_BUSY_MS 10000

/* ---- db_sql.c: errors and statements ---- */

/* Writes the sentence; returns `code`. */
int db_fail(struct db *db, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The sentence for a failed SQLite call: "cannot <doing>: <reason and way out>". */
int db_fail_sql(struct db *db, int sqlite_code, const char *doing);

/* "." when the path has none. */
void db_directory_of(const char *path, char *out, size_t size);

/* SQL text may use sqlite3_mprintf's %Q, %w and %lld. */
int db_exec(struct db *db, const char *doing, const char *fmt, ...);
int db_prepare(struct db *db, sqlite3_stmt **stmt, const char *fmt, ...);

/* Runs a bound statement that returns nothing, and resets it. */
int db_run_stmt(struct db *db, sqlite3_stmt *stmt, const char *doing);

/* First column of the first row: 1 found, 0 no row (out untouched), or a negative code. */
int db_get_int(struct db *db, int64_t *out, const char *fmt, ...);

/* BEGIN IMMEDIATE; then COMMIT when rc is 0, else ROLLBACK keeping the sentence. Returns rc. */
int db_begin(struct db *db);
int db_end(struct db *db, int rc);

/* ---- db_migrate.c ---- */

struct db_migration {
	int version;
	const char *name, *sql;
};

extern const struct db_migration db_migrations[];
extern const int db_n_migrations;

/* Brings the file to the last version of the list; an empty file gets all of it. */
int db_migrate(struct db *db, const struct db_migration *list, int n);

/* ---- db_lock.c ---- */

/* 0 when the file may be opened for writing; else DB_ERR_NOLOCK and why (or another code). */
int db_look_at_locks(struct db *db);

/* SQLite's busy handler: waits for a lock up to DB_BUSY_MS. Its own waits ever longer, up to a
 * tenth of a second, and so may never meet a lock that many take in turn. */
int db_wait_for_lock(void *db, int count);

/* ---- db_spool.c ---- */

/* From now on the spool stands in for the database; db_error() says why. */
int db_start_spooling(struct db *db);

/* Brings what any process has spooled into the memory of this one. */
void db_replay_spools(struct db *db);

/* ---- db_hash.c ---- */

void db_sha256_hex(const void *data, size_t len, char out[65]);

/* Sorted keys, no spaces. NULL when `text` is not a JSON object; free() it. */
char *db_json_canonical(const char *text);

#endif
