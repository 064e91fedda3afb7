/* SPDX-License-Identifier: MIT
 *
 * Opening: what the file is, whether it can be written, how it is journaled.
 *
 * WAL lets readers work beside a writer but needs memory shared between processes, which network
 * file systems do not give; there, if their locks are trusted at all (db_lock.c), the older
 * rollback journal is used. With WAL and
 * synchronous=NORMAL a power cut may undo the last run, never damage the file.
 */
#include "db_int.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* Room for the largest result that is usual (1e5 samples, 3 MB, twice: journal and file). */
#define FREE_BYTES_MIN (16ll << 20)

static bool in_memory(const struct db *db)
{
	return strcmp(db->path, ":memory:") == 0;
}

/* Results may wait for it. */
static bool has_spool(const struct db *db)
{
	char *pattern = sqlite3_mprintf("%s.spool*.jsonl", db->path);
	glob_t found = { 0 };
	bool any = pattern && glob(pattern, 0, NULL, &found) == 0;

	globfree(&found);
	sqlite3_free(pattern);
	return any;
}

static int look_at_missing_file(struct db *db, bool create)
{
	char dir[4096];

	if (!create && has_spool(db))
		return db_fail(db, DB_ERR_PATH,
			       "there is no database %s yet, but results wait in "
			       "%s.spool*.jsonl: `bench db import` stores them",
			       db->path, db->path);
	if (!create)
		return db_fail(
			db, DB_ERR_PATH,
			"cannot open the database %s: %s; it is made by the first run that is "
			"recorded there",
			db->path, strerror(ENOENT));
	db_directory_of(db->path, dir, sizeof(dir));
	if (access(dir, W_OK | X_OK) == 0)
		return 0;
	return db_fail(db, errno == ENOENT ? DB_ERR_PATH : DB_ERR_READONLY,
		       "cannot make the database %s: its directory: %s; name another file",
		       db->path, strerror(errno));
}

/* What SQLite would not say clearly: missing, empty, a directory, a device. */
static int look_at_file(struct db *db, unsigned flags)
{
	bool create = (flags & DB_CREATE) && !db->readonly;
	struct stat st;

	if (in_memory(db))
		return 0;
	if (!*db->path)
		return db_fail(db, DB_ERR_PATH, "the name of the database is empty");
	if (stat(db->path, &st))
		return errno == ENOENT ? look_at_missing_file(db, create) :
		       db_fail(db, DB_ERR_PATH, "cannot open the database %s: %s", db->path,
			       strerror(errno));
	if (!S_ISREG(st.st_mode))
		return db_fail(db, DB_ERR_PATH,
			       "cannot open the database %s: it is %s, not a file; name another",
			       db->path, S_ISDIR(st.st_mode) ? "a directory" : "a device or pipe");
	if (st.st_size == 0 && !create)
		return db_fail(db, DB_ERR_NOTDB, "%s is empty, not a database; name another file",
			       db->path);
	return 0;
}

/* The first read of the file, where SQLite finds out what it is. */
static int first_read(struct db *db)
{
	int rc = sqlite3_exec(db->sql, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_fail_sql(db, rc, "open the database");
}

static int open_sqlite(struct db *db, const char *name, int flags)
{
	int rc = sqlite3_open_v2(name, &db->sql, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc != SQLITE_OK)
		return db_fail_sql(db, rc, "open the database");
	sqlite3_extended_result_codes(db->sql, 1);
	sqlite3_busy_handler(db->sql, db_wait_for_lock, db);
	rc = db_exec(db, "open the database", "PRAGMA foreign_keys=ON");
	return rc ? rc : first_read(db);
}

/* The file as it lies, without locks. */
static int open_immutable(struct db *db)
{
	char uri[3 * 4096 + 32] = "file:";
	size_t at = strlen(uri);

	for (const char *p = db->path; *p && at < sizeof(uri) - 20; p++)
		at += snprintf(uri + at, sizeof(uri) - at, "%%%02x", (unsigned char)*p);
	snprintf(uri + at, sizeof(uri) - at, "?immutable=1");
	return open_sqlite(db, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

/* Reading a WAL file needs a shared-memory file beside it. In a directory that cannot be written
 * and without a leftover WAL nobody can be writing, so the file may be taken as it lies. */
static int reopen_immutable(struct db *db)
{
	char wal[4096];
	struct stat st;

	snprintf(wal, sizeof(wal), "%s-wal", db->path);
	if (stat(wal, &st) == 0 && st.st_size > 0)
		return DB_ERR_READONLY;
	sqlite3_close(db->sql);
	return open_immutable(db);
}

static int open_file(struct db *db, unsigned flags)
{
	int mode = db->readonly ? SQLITE_OPEN_READONLY :
		   SQLITE_OPEN_READWRITE | (flags & DB_CREATE ? SQLITE_OPEN_CREATE : 0);
	int rc = open_sqlite(db, db->path, mode);

	if (db->readonly && (rc == DB_ERR_PATH || rc == DB_ERR_READONLY) &&
	    access(db->path, R_OK) == 0)
		rc = reopen_immutable(db);
	return rc;
}

/* Ours, empty, another program's, or a newer one of ours. */
static int check_identity(struct db *db)
{
	int64_t app = 0, version = 0, objects = 0;
	int rc;

	if ((rc = db_get_int(db, &app, "PRAGMA application_id")) < 0 ||
	    (rc = db_get_int(db, &version, "PRAGMA user_version")) < 0 ||
	    (rc = db_get_int(db, &objects, "SELECT count(*) FROM sqlite_schema")) < 0)
		return rc;
	if (app != DB_APPLICATION_ID && (app || version || objects || db->readonly))
		return db_fail(db, DB_ERR_NOTDB,
			       "%s is an SQLite database of another program; name another file",
			       db->path);
	db->file_version = version;
	if (version > db_schema_version())
		return db_fail(
			db, DB_ERR_NEWER,
			"%s was written by a newer version of this program (schema %lld, this "
			"one knows %d); update the program or name another file",
			db->path, (long long)version, db_schema_version());
	return 0;
}

static int check_free_space(struct db *db)
{
	char dir[4096];
	struct statvfs fs;
	long long free_bytes;

	db_directory_of(db->path, dir, sizeof(dir));
	if (statvfs(dir, &fs))
		return 0; /* not known; the write itself will tell */
	free_bytes = (long long)fs.f_bavail * (long long)fs.f_frsize;
	if (free_bytes >= FREE_BYTES_MIN)
		return 0;
	return db_fail(
		db, DB_ERR_FULL,
		"only %.1f MB are free in %s and a result may need %lld MB; free some space or "
		"name a file on another disk",
		free_bytes / 1e6, dir, FREE_BYTES_MIN >> 20);
}

/* A change of journal mode is not covered by SQLite's busy timeout, so it is tried again here. */
static int set_journal(struct db *db)
{
	struct timespec pause = { .tv_nsec = 10 * 1000000 };
	const char *sql = db->rollback_journal ?
				  "PRAGMA synchronous=FULL; PRAGMA journal_mode=DELETE" :
				  "PRAGMA synchronous=NORMAL; PRAGMA journal_mode=WAL";
	int rc = SQLITE_BUSY;

	for (int i = 0; i < DB_BUSY_MS / 10 && rc == SQLITE_BUSY; i++) {
		if (i)
			nanosleep(&pause, NULL);
		rc = sqlite3_exec(db->sql, sql, NULL, NULL, NULL) & 0xff;
	}
	return rc == SQLITE_OK ? 0 : db_fail_sql(db, sqlite3_extended_errcode(db->sql),
						 "open the database for writing");
}

/* Takes the write lock and touches a page, so that a journal must be made, then takes it back. */
static int prove_writable(struct db *db)
{
	int rc = db_begin(db);

	if (!rc)
		rc = db_exec(db, "write to the database", "PRAGMA user_version = %d",
			     db_schema_version());
	if (!sqlite3_get_autocommit(db->sql))
		sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

static int open_for_writing(struct db *db)
{
	int rc = 0;

	if (sqlite3_db_readonly(db->sql, "main") == 1)
		return db_fail_sql(db, SQLITE_READONLY, "write to the database");
	if (!in_memory(db) && ((rc = check_free_space(db)) || (rc = set_journal(db))))
		return rc;
	rc = db_migrate(db, db_migrations, db_n_migrations);
	return rc ? rc : prove_writable(db);
}

/* Goes on with a copy in memory. */
static int copy_to_memory(struct db *db)
{
	sqlite3_backup *copy;
	sqlite3 *memory;
	int rc;

	if (sqlite3_open(":memory:", &memory) != SQLITE_OK ||
	    !(copy = sqlite3_backup_init(memory, "main", db->sql, "main"))) {
		sqlite3_close(memory);
		return db_fail_sql(db, SQLITE_NOMEM, "copy the database to memory");
	}
	rc = sqlite3_backup_step(copy, -1);
	sqlite3_backup_finish(copy);
	if (rc != SQLITE_DONE) {
		sqlite3_close(memory);
		return db_fail_sql(db, rc, "copy the database to memory");
	}
	sqlite3_close(db->sql);
	db->sql = memory;
	return 0;
}

/* An older file that may not be written is migrated in memory. */
static int open_for_reading(struct db *db)
{
	int rc;

	if (db->file_version == db_schema_version())
		return 0;
	rc = copy_to_memory(db);
	return rc ? rc : db_migrate(db, db_migrations, db_n_migrations);
}

/* The file, if there is one, as it lies, and what was spooled since, in memory. */
static int open_spool(struct db *db)
{
	struct stat st;
	bool exists = stat(db->path, &st) == 0 && st.st_size > 0;
	int rc = db_start_spooling(db);

	sqlite3_close(db->sql);
	db->sql = NULL;
	if (rc || (rc = check_free_space(db)))
		return rc;
	rc = exists ? open_immutable(db) : open_sqlite(db, ":memory:", SQLITE_OPEN_READWRITE);
	if (!rc && exists && !(rc = check_identity(db)))
		rc = copy_to_memory(db);
	if (!rc)
		rc = db_exec(db, "open the database", "PRAGMA foreign_keys=ON");
	if (!rc)
		rc = db_migrate(db, db_migrations, db_n_migrations);
	if (!rc)
		db_replay_spools(db);
	return rc;
}

static int open_database(struct db *db, unsigned flags)
{
	int rc = 0;

	if (!db->readonly && !in_memory(db))
		rc = db_look_at_locks(db);
	if (!rc)
		rc = open_file(db, flags);
	if (!rc)
		rc = check_identity(db);
	if (rc)
		return rc;
	return db->readonly ? open_for_reading(db) : open_for_writing(db);
}

static int open_all(struct db *db, unsigned flags)
{
	int rc = look_at_file(db, flags);

	if (!rc)
		rc = open_database(db, flags);
	if (rc != DB_ERR_NOLOCK || db->readonly)
		return rc;
	if (flags & DB_NO_SPOOL)
		return db_fail(db, rc, "%.900s; name a database on a local disk", db_error(db));
	return open_spool(db);
}

int db_open(struct db **out, const char *path, unsigned flags)
{
	struct db *db = calloc(1, sizeof(*db));
	int rc;

	*out = db;
	if (!db)
		return DB_ERR_NOMEM;
	db->readonly = flags & DB_READONLY;
	db->path = strdup(path);
	db->spool_path = sqlite3_mprintf("%s.spool.jsonl", path);
	if (!db->path || !db->spool_path)
		return db_fail(db, DB_ERR_NOMEM, "there is not enough memory to open a database");
	rc = strlen(path) < 4000 ? open_all(db, flags) :
	     db_fail(db, DB_ERR_PATH, "the name of the database is longer than 4000 bytes");
	if (rc) {
		sqlite3_close(db->sql);
		db->sql = NULL;
	} else {
		*db->msg = 0; /* of an attempt that another one made good */
	}
	return rc;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	sqlite3_close(db->sql);
	free(db->path);
	sqlite3_free(db->spool_path);
	free(db);
}

const char *db_path(const struct db *db)
{
	return db->path;
}

const char *db_spool_path(const struct db *db)
{
	return db->spool_path;
}

int db_file_version(const struct db *db)
{
	return (int)db->file_version;
}
