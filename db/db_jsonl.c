/* SPDX-License-Identifier: MIT
 *
 * JSON Lines files: export of everything, import of that and of spools.
 */
#include "db_records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Takes the reference. */
static char *dump(json_t *json)
{
	char *text = json ? json_dumps(json, DB_DUMP_FLAGS) : NULL;

	json_decref(json);
	return text;
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

static int export_record(void *x, const struct record *r, const void *obj)
{
	return put_line(x, dump(db_record_to_json(r->table, obj)));
}

static int export_calibration(void *x, const struct machine_calibration *c)
{
	return put_line(x, dump(db_calibration_to_json(c)));
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
