/* SPDX-License-Identifier: MIT
 *
 * Loading a run with all that belongs to it into the struct that it was stored from.
 */
#include "db_rows.h"

#include <stdlib.h>
#include <string.h>

#define LOADING "load the run"

/* Conditions on a table, ?1 being the run. Lists without an order come in that of their key. */
#define OF_RUN "run_id = ?1"
#define METRIC_OF_RUN                                                        \
	"metric_id IN (SELECT metric_id FROM sample WHERE run_id = ?1 UNION " \
	"SELECT metric_id FROM summary WHERE run_id = ?1) ORDER BY metric_id"
#define STAGE_OF_RUN                                                       \
	"stage_id IN (SELECT stage_id FROM sample WHERE run_id = ?1 UNION " \
	"SELECT stage_id FROM summary WHERE run_id = ?1 UNION "             \
	"SELECT stage_id FROM opcount WHERE run_id = ?1) ORDER BY stage_id"
#define ROW_OF_RUN \
	"%s_id = (SELECT %s_id FROM run JOIN cfg USING (cfg_id) WHERE run_id = ?1)"

/* The run comes first, so that db_run_free() finds its memory. */
struct loaded {
	struct db_run run;
	struct arena arena;
	struct ids ids;
};

struct load {
	struct db *db;
	int64_t run_id;
	struct loaded *to;
};

static int no_memory(struct db *db)
{
	return db_fail(db, DB_ERR_NOMEM, "cannot " LOADING ": there is not enough memory");
}

/* "<select> WHERE <where>" with ?1 bound. */
static int prepare(struct load *l, sqlite3_stmt **stmt, const char *select, const char *where)
{
	int rc = db_prepare(l->db, stmt, "%s WHERE %s", select ? select : "", where);

	if (!rc)
		sqlite3_bind_int64(*stmt, 1, l->run_id);
	return rc;
}

static int count_rows(struct load *l, const char *table, const char *where, int *n)
{
	char select[64];
	sqlite3_stmt *stmt;
	int rc;

	snprintf(select, sizeof(select), "SELECT count(*) FROM %s", table);
	rc = prepare(l, &stmt, select, where);
	if (rc)
		return rc;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*n = sqlite3_column_int(stmt, 0);
	else
		rc = db_fail_sql(l->db, sqlite3_extended_errcode(l->db->sql), LOADING);
	sqlite3_finalize(stmt);
	return rc;
}

/* All rows of `t` that match. */
static int load_rows(struct load *l, const struct table *t, const char *where, void **rows, int *n)
{
	char *select = fields_select_sql(t);
	struct arena *arena = &l->to->arena;
	sqlite3_stmt *stmt = NULL;
	int rc = count_rows(l, t->name, where, n);

	if (!rc)
		rc = prepare(l, &stmt, select, where);
	sqlite3_free(select);
	if (rc)
		return rc;
	*rows = arena_alloc(arena, (size_t)*n * t->row_size + 1);
	for (int i = 0; i < *n && *rows && !rc; i++) {
		if (sqlite3_step(stmt) == SQLITE_ROW)
			fields_read(stmt, t, (char *)*rows + (size_t)i * t->row_size, &l->to->ids,
				    arena);
		else
			rc = db_fail_sql(l->db, sqlite3_extended_errcode(l->db->sql), LOADING);
	}
	sqlite3_finalize(stmt);
	return rc || !arena->failed ? rc : no_memory(l->db);
}

/* The row of `t` that the run, or its configuration, refers to. */
static int load_one(struct load *l, const struct table *t, void *obj)
{
	char *select = fields_select_sql(t), where[160];
	sqlite3_stmt *stmt = NULL;
	int rc;

	snprintf(where, sizeof(where), ROW_OF_RUN, t->name, t->name);
	rc = prepare(l, &stmt, select, where);
	sqlite3_free(select);
	if (rc)
		return rc;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		fields_read(stmt, t, obj, NULL, &l->to->arena);
	else
		db_fail(l->db, DB_ERR_CORRUPT, "cannot " LOADING ": %s lacks the %s of run %lld",
			l->db->path, t->name, (long long)l->run_id);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 0 : DB_ERR_CORRUPT;
}

/* Ids and, unless NULL, names of the metrics or stages that the run uses. */
static int load_ids(struct load *l, const char *table, const char *where, int64_t **ids,
		    const char ***names, int *n)
{
	struct arena *arena = &l->to->arena;
	char select[64];
	sqlite3_stmt *stmt;
	int rc = count_rows(l, table, where, n);

	snprintf(select, sizeof(select), "SELECT %s_id, name FROM %s", table, table);
	if (!rc)
		rc = prepare(l, &stmt, select, where);
	if (rc)
		return rc;
	*ids = arena_alloc(arena, (size_t)*n * sizeof(int64_t) + 1);
	if (names)
		*names = arena_alloc(arena, (size_t)*n * sizeof(char *) + 1);
	for (int i = 0; !arena->failed && i < *n && sqlite3_step(stmt) == SQLITE_ROW; i++) {
		(*ids)[i] = sqlite3_column_int64(stmt, 0);
		if (names)
			(*names)[i] = arena_copy(arena, (const char *)sqlite3_column_text(stmt, 1));
	}
	sqlite3_finalize(stmt);
	return arena->failed ? no_memory(l->db) : 0;
}

static int load_shared(struct load *l)
{
	struct db_run *run = &l->to->run;
	int rc = load_one(l, &table_run, run);

	if (!rc)
		rc = load_one(l, &table_host, &run->host);
	if (!rc)
		rc = load_one(l, &table_build, &run->build);
	if (!rc)
		rc = load_one(l, &table_session, &run->session);
	if (!rc)
		rc = load_one(l, &table_cfg, &run->config);
	if (!rc)
		rc = load_one(l, &table_workload, &run->workload);
	return rc;
}

static int load_lists(struct load *l)
{
	struct db_run *run = &l->to->run;
	struct ids *ids = &l->to->ids;
	const char **stages = NULL;
	int rc;

	rc = load_ids(l, "metric", METRIC_OF_RUN, &ids->metric, NULL, &ids->n_metrics);
	if (!rc)
		rc = load_ids(l, "stage", STAGE_OF_RUN, &ids->stage, &stages, &ids->n_stages);
	run->stages = stages;
	run->n_stages = ids->n_stages;
	for (int i = 0; i < n_run_lists && !rc; i++) {
		const struct list *list = &run_lists[i];
		char *at = (char *)run;

		rc = load_rows(l, list->table,
			       list->table == &table_metric ? METRIC_OF_RUN : OF_RUN,
			       (void **)(at + list->rows), (int *)(at + list->count));
	}
	return rc;
}

static int load_all(struct load *l)
{
	int rc = load_shared(l);

	return rc ? rc : load_lists(l);
}

static int find_run(struct db *db, int64_t *run_id, const char *uuid)
{
	int rc = *run_id ? db_get_int(db, run_id, "SELECT run_id FROM run WHERE run_id = %lld",
				      (long long)*run_id) :
			   db_get_int(db, run_id, "SELECT run_id FROM run WHERE uuid = %Q", uuid);

	if (rc)
		return rc < 0 ? rc : 0;
	if (*run_id)
		return db_fail(db, DB_ERR_INPUT, "there is no run %lld in %s", (long long)*run_id,
			       db->path);
	return db_fail(db, DB_ERR_INPUT, "there is no run %s in %s", uuid ? uuid : "", db->path);
}

int db_get_run(struct db *db, int64_t run_id, const char *uuid, struct db_run **out)
{
	struct load l = { .db = db, .run_id = run_id };
	int rc = find_run(db, &l.run_id, uuid);

	*out = NULL;
	if (rc)
		return rc;
	l.to = calloc(1, sizeof(*l.to));
	if (!l.to)
		return no_memory(db);
	/* One snapshot, also when it is part of a larger transaction. */
	rc = db_exec(db, LOADING, "SAVEPOINT load");
	if (!rc) {
		rc = load_all(&l);
		sqlite3_exec(db->sql, "RELEASE load", NULL, NULL, NULL);
	}
	if (rc)
		db_run_free(&l.to->run);
	else
		*out = &l.to->run;
	return rc;
}

void db_run_free(struct db_run *run)
{
	struct loaded *loaded = (struct loaded *)run;

	if (!run)
		return;
	arena_free(&loaded->arena);
	free(loaded);
}
