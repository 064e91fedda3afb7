/* SPDX-License-Identifier: MIT
 *
 * SQLite with sentences instead of codes, and the few statement helpers the other files need.
 */
#include "db_int.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

int db_fail(struct db *db, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(db->msg, sizeof(db->msg), fmt, ap);
	va_end(ap);
	return code;
}

const char *db_error(const struct db *db)
{
	return db ? db->msg : "there is not enough memory to open a database";
}

/* Which failures of a write mean that there is no room: the disk, a quota, a file-size limit. */
static bool out_of_room(int rc, int sys_errno)
{
	if ((rc & 0xff) == SQLITE_FULL)
		return true;
	return (rc & 0xff) == SQLITE_IOERR &&
	       (sys_errno == ENOSPC || sys_errno == EFBIG || sys_errno == EDQUOT);
}

void db_directory_of(const char *path, char *out, size_t size)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		snprintf(out, size, ".");
	else
		snprintf(out, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

/* The file system has no locks, or no memory that processes share, as WAL needs it. */
static bool cannot_lock(int rc)
{
	return rc == SQLITE_PROTOCOL || rc == SQLITE_IOERR_LOCK || rc == SQLITE_IOERR_UNLOCK ||
	       rc == SQLITE_IOERR_RDLOCK || rc == SQLITE_IOERR_CHECKRESERVEDLOCK ||
	       rc == SQLITE_IOERR_SHMLOCK || rc == SQLITE_IOERR_SHMMAP ||
	       rc == SQLITE_IOERR_SHMOPEN;
}

static int fail_read_only(struct db *db, const char *doing)
{
	return db_fail(db, DB_ERR_READONLY,
		       "cannot %s: %s, or its directory, is read-only; make both writable or name "
		       "another file", doing, db->path);
}

/* SQLite says no more than that a file could not be opened, be it one of those beside it. */
static int fail_unopened(struct db *db, const char *doing, int sys_errno)
{
	char dir[4096];

	db_directory_of(db->path, dir, sizeof(dir));
	if (!access(db->path, R_OK) && (access(db->path, W_OK) || access(dir, W_OK)))
		return fail_read_only(db, doing);
	return db_fail(db, DB_ERR_PATH,
		       "cannot %s: %s, or its directory, cannot be opened or written (%s); "
		       "name another file or change the permissions", doing, db->path,
		       sys_errno ? strerror(sys_errno) : "no reason given");
}

int db_fail_sql(struct db *db, int rc, const char *doing)
{
	/* SQLite does not keep the errno of a failed COMMIT; then errno still has it. */
	int late_errno = errno, sys_errno = db->sql ? sqlite3_system_errno(db->sql) : 0;
	const char *reason = db->sql ? sqlite3_errmsg(db->sql) : sqlite3_errstr(rc);

	if (!sys_errno)
		sys_errno = late_errno;

	if (out_of_room(rc, sys_errno))
		return db_fail(db, DB_ERR_FULL,
			       "cannot %s: no room is left for %s (%s); free some space or name a "
			       "file on another disk", doing, db->path,
			       sys_errno ? strerror(sys_errno) : reason);
	if (cannot_lock(rc))
		return db_fail(db, DB_ERR_NOLOCK, "cannot %s: %s is on a file system that cannot "
			       "lock files (%s)", doing, db->path,
			       sys_errno ? strerror(sys_errno) : reason);
	switch (rc & 0xff) {
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return fail_read_only(db, doing);
	case SQLITE_CANTOPEN:
		return fail_unopened(db, doing, sys_errno);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return db_fail(db, DB_ERR_LOCKED,
			       "cannot %s: another process has kept %s locked for %d seconds; wait "
			       "for it to end (fuser shows which it is) and try again", doing,
			       db->path, DB_BUSY_MS / 1000);
	case SQLITE_NOTADB:
		return db_fail(db, DB_ERR_NOTDB,
			       "cannot %s: %s is not an SQLite database; name another file", doing,
			       db->path);
	case SQLITE_CORRUPT:
		return db_fail(db, DB_ERR_CORRUPT,
			       "cannot %s: %s is damaged (%s); keep a copy, save what is left with "
			       "`sqlite3 FILE .recover`, and go on with another file", doing,
			       db->path, reason);
	case SQLITE_NOMEM:
		return db_fail(db, DB_ERR_NOMEM, "cannot %s: there is not enough memory", doing);
	case SQLITE_ERROR:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
	case SQLITE_AUTH:
		return db_fail(db, DB_ERR_INPUT, "cannot %s: %s", doing, reason);
	default:
		return db_fail(db, DB_ERR_IO,
			       "cannot %s: %s (%s%s%s); check the disk or name another file", doing,
			       db->path, reason, sys_errno ? ", " : "",
			       sys_errno ? strerror(sys_errno) : "");
	}
}

static int not_open(struct db *db)
{
	return db_fail(db, DB_ERR_INPUT, "%s is not open", db->path);
}

int db_exec(struct db *db, const char *doing, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int rc;

	if (!db->sql)
		return not_open(db);
	va_start(ap, fmt);
	text = sqlite3_vmprintf(fmt, ap);
	va_end(ap);
	errno = 0;
	rc = text ? sqlite3_exec(db->sql, text, NULL, NULL, NULL) : SQLITE_NOMEM;
	sqlite3_free(text);
	return rc == SQLITE_OK ? 0 : db_fail_sql(db, rc, doing);
}

static int prepare(struct db *db, sqlite3_stmt **stmt, const char *fmt, va_list ap)
{
	char *text;
	int rc;

	*stmt = NULL;
	if (!db->sql)
		return not_open(db);
	text = sqlite3_vmprintf(fmt, ap);
	rc = text ? sqlite3_prepare_v2(db->sql, text, -1, stmt, NULL) : SQLITE_NOMEM;
	sqlite3_free(text);
	return rc == SQLITE_OK ? 0 : db_fail_sql(db, rc, "use the database");
}

int db_prepare(struct db *db, sqlite3_stmt **stmt, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = prepare(db, stmt, fmt, ap);
	va_end(ap);
	return rc;
}

int db_run_stmt(struct db *db, sqlite3_stmt *stmt, const char *doing)
{
	int rc, out = 0;

	errno = 0;
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		out = db_fail_sql(db, rc, doing);
	sqlite3_reset(stmt);
	return out;
}

int db_get_int(struct db *db, int64_t *out, const char *fmt, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = prepare(db, &stmt, fmt, ap);
	va_end(ap);
	if (rc)
		return rc;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*out = sqlite3_column_int64(stmt, 0);
		rc = 1;
	} else {
		rc = rc == SQLITE_DONE ? 0 : db_fail_sql(db, rc, "read the database");
	}
	sqlite3_finalize(stmt);
	return rc;
}

int db_begin(struct db *db)
{
	return db_exec(db, "write to the database", "BEGIN IMMEDIATE");
}

int db_end(struct db *db, int rc)
{
	if (!rc)
		rc = db_exec(db, "store the result", "COMMIT");
	if (rc && !sqlite3_get_autocommit(db->sql))
		sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}
