/* SPDX-License-Identifier: MIT
 *
 * Runs in JSON Lines files: the spool that catches a result which the database could not take,
 * export, and import of both.
 */
#include "db_records.h"

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

/* Takes the reference. */
static char *dump(json_t *json)
{
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
	line = dump(db_run_to_json(run));
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

struct export {
	struct db *db;
	FILE *to;
};

/* Takes the line, which may be NULL for want of memory. */
static int put_line(struct export *x, char *line)
{
	int rc = 0;

	if (!line)
		return db_fail(x->db, DB_ERR_NOMEM, "there is not enough memory for the export");
	if (fprintf(x->to, "%s\n", line) < 0)
		rc = db_fail(x->db, DB_ERR_IO, "cannot write the export: %s", strerror(errno));
	free(line);
	return rc;
}

static int export_run(struct export *x, int64_t id)
{
	struct db_run *run;
	char *line;
	int rc = db_get_run(x->db, id, NULL, &run);

	if (rc)
		return rc;
	line = dump(db_run_to_json(run));
	db_run_free(run);
	return put_line(x, line);
}

/* {"schema": "bench.sweep/1", "sweep": {...}} */
static json_t *record_to_json(const struct table *t, const void *obj)
{
	json_t *json = json_pack("{s:o}", "schema", json_sprintf("bench.%s/1", t->name));

	if (json && db_object_to_json(json, t, obj))
		return json;
	json_decref(json);
	return NULL;
}

static int export_record(void *x, const struct record *r, const void *obj)
{
	return put_line(x, dump(record_to_json(r->table, obj)));
}

static int export_calibration(void *x, const struct machine_calibration *c)
{
	json_t *json = record_to_json(&table_calibration, &c->calibration);

	if (json && !db_object_to_json(json, &table_host, &c->host)) {
		json_decref(json);
		json = NULL;
	}
	return put_line(x, dump(json));
}

/* A running run is not a result yet. */
static int export_runs(struct export *x)
{
	sqlite3_stmt *stmt;
	int step = SQLITE_DONE, rc = db_prepare(x->db, &stmt, "SELECT run_id FROM run WHERE status "
						"<> 'running' ORDER BY started_unix_ns, run_id");

	while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW)
		rc = export_run(x, sqlite3_column_int64(stmt, 0));
	if (!rc && step != SQLITE_DONE)
		rc = db_fail_sql(x->db, step, "read the database");
	sqlite3_finalize(stmt);
	return rc;
}

/* In one snapshot: no record names a run that came after the runs were written. */
static int export_all(struct export *x)
{
	int rc = db_exec(x->db, "read the database", "SAVEPOINT export");

	if (!rc)
		rc = export_runs(x);
	for (int i = 0; i < db_n_records && !rc; i++)
		rc = db_each_record(x->db, &db_records[i], export_record, x);
	if (!rc)
		rc = db_each_calibration(x->db, export_calibration, x);
	sqlite3_exec(x->db->sql, "RELEASE export", NULL, NULL, NULL);
	return rc;
}

int db_export(struct db *db, FILE *to, const int64_t *ids, int n)
{
	struct export x = { db, to };
	int rc = 0;

	if (n == 0)
		rc = export_all(&x);
	for (int i = 0; i < n && !rc; i++)
		rc = export_run(&x, ids[i]);
	if (!rc && fflush(to))
		rc = db_fail(db, DB_ERR_IO, "cannot write the export: %s", strerror(errno));
	return rc;
}

/* ---- import ---- */

struct line {
	struct incoming in;
	struct arena arena;
	json_t *json;
	const char *path;
	int number;
	char why[256];
};

static int wrong_line(struct line *l, const char *what)
{
	return db_fail(l->in.db, DB_ERR_INPUT, "line %d of %s is not %s: %s", l->number, l->path,
		       what, l->why);
}

static int take_run(struct line *l)
{
	struct db_run run;

	if (db_run_from_json(l->json, &run, &l->arena, l->why, sizeof(l->why)))
		return wrong_line(l, "a run");
	return db_take_run(&l->in, &run);
}

static int take_record(struct line *l, const struct record *r)
{
	void *obj = arena_alloc(&l->arena, r->table->row_size);

	if (!obj || db_object_from_json(l->json, r->table, obj, &l->arena, l->why, sizeof(l->why)))
		return wrong_line(l, "a record of this program");
	return db_take_record(&l->in, r, obj);
}

static int take_calibration(struct line *l)
{
	struct machine_calibration c = { 0 };

	if (db_object_from_json(l->json, &table_host, &c.host, &l->arena, l->why, sizeof(l->why)) ||
	    db_object_from_json(l->json, &table_calibration, &c.calibration, &l->arena, l->why,
				sizeof(l->why)) || !c.calibration.kind)
		return wrong_line(l, "a calibration");
	return db_take_calibration(&l->in, &c);
}

/* By its schema, "bench.NAME/1". */
static int take_json(struct line *l)
{
	const char *schema = json_string_value(json_object_get(l->json, "schema"));
	const struct record *r = NULL;
	size_t length = schema ? strlen(schema) : 0;

	if (length > 8 && !strncmp(schema, "bench.", 6) && !strcmp(schema + length - 2, "/1"))
		r = db_record_named(schema + 6, length - 8);
	if (r)
		return take_record(l, r);
	if (schema && strcmp(schema, "bench.calibration/1") == 0)
		return take_calibration(l);
	return take_run(l);
}

static int take_line(struct line *l, const char *text, size_t length)
{
	json_error_t e;
	int rc;

	l->json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &e);
	if (!l->json)
		return db_fail(l->in.db, DB_ERR_INPUT, "line %d of %s is not JSON: %s", l->number,
			       l->path, e.text);
	rc = take_json(l);
	arena_free(&l->arena);
	json_decref(l->json);
	return rc;
}

static bool is_blank(const char *line)
{
	return line[strspn(line, " \t\r\n")] == 0;
}

int db_import(struct db *db, const char *path, struct db_moved *moved)
{
	struct line l = { .in.db = db, .path = path };
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;
	ssize_t n;
	int rc = 0;

	if (!f)
		return db_taken(&l.in, db_fail(db, DB_ERR_PATH, "cannot read %s: %s", path,
					       strerror(errno)), moved);
	for (l.number = 1; !rc && (n = getline(&text, &size, f)) >= 0; l.number++)
		rc = is_blank(text) ? 0 : take_line(&l, text, (size_t)n);
	if (!rc && ferror(f))
		rc = db_fail(db, DB_ERR_IO, "cannot read %s: %s", path, strerror(errno));
	free(text);
	fclose(f);
	return db_taken(&l.in, rc, moved);
}
