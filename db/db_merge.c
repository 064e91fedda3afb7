/* SPDX-License-Identifier: MIT
 *
 * Taking in what was recorded elsewhere: by uuid, so that doing it twice changes nothing.
 */
#include "db_records.h"

#include <string.h>
#include <sys/stat.h>

/* ---- one thing ---- */

/* Notes what became of it: rc as of db_put_record(). */
static int note(struct incoming *in, int rc, int *n_new)
{
	*n_new += rc == 1;
	in->moved.known += rc == 0;
	if (rc != DB_ERR_CONFLICT)
		return rc < 0 ? rc : 0;
	if (!in->moved.conflicts++)
		snprintf(in->first_conflict, sizeof(in->first_conflict), "%s", in->db->msg);
	*in->db->msg = 0;
	return 0;
}

static int compare_run(struct db *db, const struct db_run *run)
{
	struct db_run *stored;
	bool same;
	int rc = db_get_run(db, 0, run->uuid, &stored);

	if (rc)
		return rc;
	/* One that counted as killed, its process being out of sight, may have ended well. */
	same = strcmp(run->status, "killed") == 0 || db_same_run(run, stored);
	db_run_free(stored);
	return same ? 0 : db_fail(db, DB_ERR_CONFLICT, "cannot store the result: the run %.36s is "
				  "already in %s with another content, which was left as it is",
				  run->uuid, db->path);
}

int db_take_run(struct incoming *in, struct db_run *run)
{
	struct db *db = in->db;
	int64_t complete = 0;
	int rc;

	if (!run->status)
		run->status = "";
	rc = db_get_int(db, &complete, "SELECT status NOT IN ('running', 'killed') OR status = %Q "
			"FROM run WHERE uuid = %Q", run->status, run->uuid);
	if (rc > 0 && complete)
		rc = compare_run(db, run);
	else if (rc >= 0)
		rc = (rc = db_put_run(db, run, NULL)) ? rc : 1;
	return note(in, rc, &in->moved.new_runs);
}

int db_take_record(struct incoming *in, const struct record *r, const void *obj)
{
	return note(in, db_put_record(in->db, r, obj), &in->moved.new_records);
}

int db_take_calibration(struct incoming *in, const struct machine_calibration *c)
{
	return note(in, db_put_known_calibration(in->db, c), &in->moved.new_records);
}

int db_taken(struct incoming *in, int rc, struct db_moved *moved)
{
	if (moved)
		*moved = in->moved;
	if (rc || !in->moved.conflicts)
		return rc;
	return db_fail(in->db, DB_ERR_CONFLICT, "%s (%d such conflicts; all else was stored)",
		       in->first_conflict, in->moved.conflicts);
}

/* ---- another database ---- */

static int merge_run(struct incoming *in, struct db *from, int64_t id)
{
	struct db_run *run;
	int rc = db_get_run(from, id, NULL, &run);

	if (rc)
		return db_fail(in->db, rc, "%s", db_error(from));
	rc = db_take_run(in, run);
	db_run_free(run);
	return rc;
}

static int merge_runs(struct incoming *in, struct db *from)
{
	sqlite3_stmt *stmt;
	int step = SQLITE_DONE, rc = db_prepare(from, &stmt, "SELECT run_id FROM run WHERE status "
						"<> 'running' ORDER BY started_unix_ns, run_id");

	while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW)
		rc = merge_run(in, from, sqlite3_column_int64(stmt, 0));
	if (!rc && step != SQLITE_DONE)
		rc = db_fail_sql(from, step, "read the database");
	sqlite3_finalize(stmt);
	return rc;
}

static int take_record(void *in, const struct record *r, const void *obj)
{
	return db_take_record(in, r, obj);
}

static int take_calibration(void *in, const struct machine_calibration *c)
{
	return db_take_calibration(in, c);
}

static int merge_all(struct incoming *in, struct db *from)
{
	/* One snapshot, so that no record names a run that came after the runs were read. */
	int rc = db_exec(from, "read the database", "BEGIN");

	if (!rc)
		rc = merge_runs(in, from);
	for (int i = 0; i < db_n_records && !rc; i++)
		rc = db_each_record(from, &db_records[i], take_record, in);
	if (!rc)
		rc = db_each_calibration(from, take_calibration, in);
	sqlite3_exec(from->sql, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int db_merge(struct db *db, const char *path, struct db_moved *moved)
{
	struct incoming in = { .db = db };
	struct db *from = NULL;
	int rc;

	if (moved)
		*moved = in.moved;
	if (same_file(db->path, path))
		return db_fail(db, DB_ERR_INPUT, "%s cannot be merged into itself", path);
	*db->msg = 0;
	rc = db_open(&from, path, DB_READONLY);
	if (!rc)
		rc = merge_all(&in, from);
	if (rc && !*db->msg)
		db_fail(db, rc, "%s", db_error(from));
	db_close(from);
	return db_taken(&in, rc, moved);
}
