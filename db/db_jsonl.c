/* SPDX-License-Identifier: MIT
 *
 * Runs in JSON Lines files: the spool that catches a result which the database could not take,
 * export, and import of both.
 */
#include "db_json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(17))

static int write_all(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		data += done;
		n -= (size_t)done;
	}
	return 0;
}

/* One write() of a whole line, so that two processes may append to one file; a line that could
 * not be written whole is taken back. */
static int append_line(struct db *db, const char *path, const char *line, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666), why;
	off_t before;

	if (fd < 0)
		return db_fail(db, DB_ERR_PATH, "cannot write the result to %s: %s", path,
			       strerror(errno));
	before = lseek(fd, 0, SEEK_END);
	if (write_all(fd, line, n) || fsync(fd)) {
		why = errno;
		if (before < 0 || ftruncate(fd, before))
			why = errno;
		close(fd);
		return db_fail(db, why == ENOSPC || why == EFBIG ? DB_ERR_FULL : DB_ERR_IO,
			       "cannot write the result to %s: %s", path, strerror(why));
	}
	close(fd);
	return 0;
}

static char *line_of(const struct db_run *run)
{
	json_t *json = db_run_to_json(run);
	char *text = json ? json_dumps(json, DUMP_FLAGS) : NULL;

	json_decref(json);
	return text;
}

int db_spool_run(struct db *db, const char *path, struct db_run *run)
{
	char *line;
	size_t n;
	int rc;

	if (!*run->uuid)
		db_uuid(run->uuid);
	if (!*run->session.uuid)
		db_uuid(run->session.uuid);
	line = line_of(run);
	if (!line)
		return db_fail(db, DB_ERR_NOMEM,
			       "there is not enough memory to write the result to %s", path);
	n = strlen(line);
	line[n] = '\n'; /* in place of the final 0 */
	rc = append_line(db, path, line, n + 1);
	free(line);
	return rc;
}

/* ---- export ---- */

static int export_run(struct db *db, FILE *to, int64_t id)
{
	struct db_run *run;
	char *line;
	int rc = db_get_run(db, id, NULL, &run);

	if (rc)
		return rc;
	line = line_of(run);
	db_run_free(run);
	if (!line)
		return db_fail(db, DB_ERR_NOMEM, "there is not enough memory to export run %lld",
			       (long long)id);
	if (fprintf(to, "%s\n", line) < 0)
		rc = db_fail(db, DB_ERR_IO, "cannot write the export: %s", strerror(errno));
	free(line);
	return rc;
}

/* A running run is not a result yet. */
static int export_all(struct db *db, FILE *to)
{
	sqlite3_stmt *stmt;
	int rc = db_prepare(db, &stmt, "SELECT run_id FROM run WHERE status <> 'running' "
			    "ORDER BY started_unix_ns, run_id");

	while (!rc && sqlite3_step(stmt) == SQLITE_ROW)
		rc = export_run(db, to, sqlite3_column_int64(stmt, 0));
	sqlite3_finalize(stmt);
	return rc;
}

int db_export(struct db *db, FILE *to, const int64_t *ids, int n)
{
	int rc = 0;

	if (n == 0)
		rc = export_all(db, to);
	for (int i = 0; i < n && !rc; i++)
		rc = export_run(db, to, ids[i]);
	if (!rc && fflush(to))
		rc = db_fail(db, DB_ERR_IO, "cannot write the export: %s", strerror(errno));
	return rc;
}

/* ---- import ---- */

/* 1 when the run, or a more complete one of its uuid, is stored. */
static int is_known(struct db *db, const struct db_run *run)
{
	int64_t id;

	return db_get_int(db, &id, "SELECT run_id FROM run WHERE uuid = %Q AND "
			  "(status NOT IN ('running', 'killed') OR status = %Q)", run->uuid,
			  run->status);
}

/* 1 stored, 0 known already, or a negative code. */
static int import_line(struct db *db, const char *path, int number, const char *line, size_t length)
{
	struct arena arena = { 0 };
	struct db_run run;
	char why[256];
	json_error_t e;
	json_t *json = json_loadb(line, length, JSON_REJECT_DUPLICATES, &e);
	int rc;

	if (!json)
		return db_fail(db, DB_ERR_INPUT, "line %d of %s is not JSON: %s", number, path,
			       e.text);
	if (db_run_from_json(json, &run, &arena, why, sizeof(why)))
		rc = db_fail(db, DB_ERR_INPUT, "line %d of %s is not a run: %s", number, path, why);
	else if ((rc = is_known(db, &run)) == 0)
		rc = (rc = db_put_run(db, &run, NULL)) ? rc : 1;
	else
		rc = rc < 0 ? rc : 0;
	arena_free(&arena);
	json_decref(json);
	return rc;
}

static bool is_blank(const char *line)
{
	return line[strspn(line, " \t\r\n")] == 0;
}

int db_import(struct db *db, const char *path, int *n_new, int *n_known)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int rc = 0, stored = 0, known = 0;

	if (!f)
		return db_fail(db, DB_ERR_PATH, "cannot read %s: %s", path, strerror(errno));
	for (int number = 1; rc >= 0 && (n = getline(&line, &size, f)) >= 0; number++) {
		if (is_blank(line))
			continue;
		rc = import_line(db, path, number, line, (size_t)n);
		stored += rc == 1;
		known += rc == 0;
	}
	if (rc >= 0 && ferror(f))
		rc = db_fail(db, DB_ERR_IO, "cannot read %s: %s", path, strerror(errno));
	free(line);
	fclose(f);
	if (n_new)
		*n_new = stored;
	if (n_known)
		*n_known = known;
	return rc < 0 ? rc : 0;
}
