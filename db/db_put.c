/* SPDX-License-Identifier: MIT
 *
 * Storing a run: one transaction, so that a killed process or a full disk leaves either all of a
 * run or nothing of it.
 */
#include "db_records.h"

#include "db_rows.h"

#include <stdlib.h>
#include <string.h>

struct run_ids {
	int64_t session, host, build, workload, cfg, run;
};

/* The running row of the same uuid goes; its id is kept for the complete one. */
static int make_place(struct db *db, const struct db_run *run, int64_t *run_id)
{
	int64_t running = 0;
	int rc = db_get_int(db, run_id, "SELECT run_id FROM run WHERE uuid = %Q", run->uuid);

	if (rc <= 0)
		return rc;
	rc = db_get_int(db, &running, "SELECT status IN ('running', 'killed') FROM run "
			"WHERE run_id = %lld", (long long)*run_id);
	if (rc > 0 && !running)
		return db_fail(db, DB_ERR_INPUT, "cannot " STORING ": the run %s is already in %s",
			       run->uuid, db->path);
	return rc < 0 ? rc : db_exec(db, STORING, "DELETE FROM run WHERE run_id = %lld",
				     (long long)*run_id);
}

static int insert_run(struct db *db, const struct db_run *run, struct run_ids *ids)
{
	int64_t extra[] = { ids->run, ids->session, ids->host, ids->build, ids->cfg };
	char *sql = fields_insert_sql(&table_run,
				      "run_id, session_id, host_id, build_id, cfg_id, owner", 6);
	char owner[96];
	sqlite3_stmt *stmt = NULL;
	int rc = db_prepare(db, &stmt, "%s", sql ? sql : "");

	sqlite3_free(sql);
	if (rc)
		return rc;
	for (int i = 0; i < 5; i++)
		if (extra[i])
			sqlite3_bind_int64(stmt, i + 1, extra[i]);
	if (run->status && strcmp(run->status, "running") == 0 && db_owner_self(owner))
		sqlite3_bind_text(stmt, 6, owner, -1, SQLITE_TRANSIENT);
	if (fields_bind(stmt, 7, &table_run, run, NULL))
		rc = db_fail(db, DB_ERR_INPUT,
			     "cannot " STORING ": a value of the run is too long");
	else
		rc = db_run_stmt(db, stmt, STORING);
	sqlite3_finalize(stmt);
	ids->run = sqlite3_last_insert_rowid(db->sql);
	return rc;
}

static int insert_list(struct db *db, const struct table *t, const char *rows, int n,
		       int64_t run_id, const struct ids *ids)
{
	char *sql = fields_insert_sql(t, "run_id", 1);
	sqlite3_stmt *stmt = NULL;
	int rc = db_prepare(db, &stmt, "%s", sql ? sql : "");

	sqlite3_free(sql);
	for (int i = 0; i < n && !rc; i++) {
		sqlite3_bind_int64(stmt, 1, run_id);
		if (fields_bind(stmt, 2, t, rows + (size_t)i * t->row_size, ids))
			rc = db_fail(db, DB_ERR_INPUT,
				     "cannot " STORING
				     ": %s %d has an unknown metric or stage, or a "
				     "value that is too long",
				     t->name, i);
		else
			rc = db_run_stmt(db, stmt, STORING);
	}
	sqlite3_finalize(stmt);
	return rc;
}

static int put_lists(struct db *db, const struct db_run *run, int64_t run_id)
{
	struct ids ids = { .n_metrics = run->n_metrics, .n_stages = run->n_stages };
	int rc = 0;

	ids.metric = calloc((size_t)run->n_metrics + (size_t)run->n_stages + 1, sizeof(int64_t));
	if (!ids.metric)
		return db_fail(db, DB_ERR_NOMEM, "cannot " STORING ": there is not enough memory");
	ids.stage = ids.metric + run->n_metrics;
	for (int i = 0; i < run->n_metrics && !rc; i++)
		rc = db_put_metric(db, &run->metrics[i], &ids.metric[i]);
	for (int i = 0; i < run->n_stages && !rc; i++)
		rc = db_put_stage(db, run->stages[i], &ids.stage[i]);
	for (int k = 1; k < n_run_lists && !rc; k++) {
		const struct list *l = &run_lists[k];
		const char *at = (const char *)run;

		rc = insert_list(db, l->table, *(const char *const *)(at + l->rows),
				 *(const int *)(at + l->count), run_id, &ids);
	}
	free(ids.metric);
	return rc;
}

static int put_shared(struct db *db, const struct db_run *run, struct run_ids *ids)
{
	int rc = db_put_host(db, &run->host, &ids->host);

	if (!rc)
		rc = db_put_build(db, &run->build, &ids->build);
	if (!rc)
		rc = db_put_workload(db, &run->workload, &ids->workload);
	if (!rc)
		rc = db_put_cfg(db, run->config.params_json, ids->workload, &ids->cfg);
	if (!rc)
		rc = db_session_row(db, &run->session, &ids->session);
	return rc;
}

static int put_in_transaction(struct db *db, const struct db_run *run, struct run_ids *ids)
{
	int rc = put_shared(db, run, ids);

	if (!rc)
		rc = make_place(db, run, &ids->run);
	if (!rc)
		rc = insert_run(db, run, ids);
	if (!rc)
		rc = put_lists(db, run, ids->run);
	return rc;
}

static void complete_identity(struct db_run *run)
{
	if (!*run->uuid)
		db_uuid(run->uuid);
	if (!*run->session.uuid)
		db_uuid(run->session.uuid);
	if (!run->started_unix_ns)
		run->started_unix_ns = db_now_unix_ns();
	if (!run->session.started_unix_ns)
		run->session.started_unix_ns = run->started_unix_ns;
}

static json_t *to_json(const void *run)
{
	return db_run_to_json(run);
}

int db_put_run(struct db *db, struct db_run *run, int64_t *run_id)
{
	struct run_ids ids = { 0 };
	int rc;

	complete_identity(run);
	rc = db_begin(db);
	if (!rc)
		rc = db_end(db, put_in_transaction(db, run, &ids));
	if (!rc)
		rc = db_spooled(db, to_json, run);
	if (!rc && run_id)
		*run_id = db->spooling ? 0 : ids.run;
	return rc;
}

int db_begin_run(struct db *db, struct db_run *run)
{
	struct run_ids ids = { 0 };
	struct db_run start;
	int rc;

	complete_identity(run);
	start = *run;
	start.status = "running";
	start.n_metrics = start.n_stages = start.n_samples = start.n_summaries = 0;
	start.n_ops = start.n_artifacts = 0;
	rc = db_begin(db);
	if (rc)
		return rc;
	rc = put_in_transaction(db, &start, &ids);
	if (!rc)
		rc = db_mark_killed(db, ids.host);
	return db_end(db, rc);
}
