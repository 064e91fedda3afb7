/* SPDX-License-Identifier: MIT
 *
 * What groups and judges runs: the public face of the records.
 */
#include "db_records.h"

#include <stdlib.h>
#include <string.h>

#include "db_rows.h"

static int put(struct db *db, const struct table *t, const void *obj)
{
	int rc = db_put_record(db, db_record_of(t), obj);

	return rc < 0 ? rc : 0;
}

static void complete(char *uuid, int64_t *at_unix_ns)
{
	if (!*uuid)
		db_uuid(uuid);
	if (!*at_unix_ns)
		*at_unix_ns = db_now_unix_ns();
}

int db_put_session(struct db *db, struct db_session *session)
{
	complete(session->uuid, &session->started_unix_ns);
	return put(db, &table_session, session);
}

int db_session_add_run(struct db *db, const struct db_arm_run *run)
{
	return put(db, &table_arm_run, run);
}

int db_put_sweep(struct db *db, struct db_sweep *sweep)
{
	complete(sweep->uuid, &sweep->started_unix_ns);
	return put(db, &table_sweep, sweep);
}

int db_sweep_add_run(struct db *db, const struct db_sweep_run *run)
{
	return put(db, &table_sweep_run, run);
}

int db_put_comparison(struct db *db, struct db_comparison *comparison)
{
	complete(comparison->uuid, &comparison->at_unix_ns);
	return put(db, &table_comparison, comparison);
}

int db_put_noise(struct db *db, struct db_noise *noise)
{
	complete(noise->uuid, &noise->at_unix_ns);
	return put(db, &table_noise, noise);
}

int db_put_ack(struct db *db, struct db_ack *ack)
{
	complete(ack->uuid, &ack->at_unix_ns);
	return put(db, &table_ack, ack);
}

int db_put_selftest(struct db *db, struct db_selftest *selftest)
{
	complete(selftest->uuid, &selftest->at_unix_ns);
	return put(db, &table_selftest, selftest);
}

/* The newest of each configuration, metric and stage. ?1 machine, ?2 workload, ?3 params hash. */
#define NEWEST_NOISE                                                                             \
	"%s WHERE noise_id IN (SELECT noise_id FROM (SELECT k.noise_id, row_number() OVER "       \
	"(PARTITION BY r.cfg_id, k.metric, k.stage ORDER BY k.at_unix_ns DESC, k.noise_id DESC) " \
	"AS age FROM noise k JOIN run r USING (run_id) JOIN cfg c USING (cfg_id) "                \
	"JOIN workload w USING (workload_id) WHERE r.host_id = ?1 AND w.name = ?2 "               \
	"AND (?3 IS NULL OR c.params_sha256 = ?3)) WHERE age = 1) "                               \
	"ORDER BY at_unix_ns DESC, metric, stage"

static int prepare_noise(struct db *db, int64_t host_id, const char *workload,
			 const char *params_json, sqlite3_stmt **stmt)
{
	char *select = fields_select_sql(&table_noise), *params = NULL, sha[65];
	int rc = db_prepare(db, stmt, NEWEST_NOISE, select ? select : "");

	sqlite3_free(select);
	if (!rc && params_json && !(params = db_json_canonical(params_json)))
		rc = db_fail(db, DB_ERR_INPUT, "the set of parameters is not a JSON object: %.100s",
			     params_json);
	if (rc)
		return rc;
	sqlite3_bind_int64(*stmt, 1, host_id);
	sqlite3_bind_text(*stmt, 2, workload, -1, SQLITE_TRANSIENT);
	if (params) {
		db_sha256_hex(params, strlen(params), sha);
		sqlite3_bind_text(*stmt, 3, sha, -1, SQLITE_TRANSIENT);
	}
	free(params);
	return 0;
}

int db_get_noise(struct db *db, const struct db_host *host, const char *workload,
		 const char *params_json, int (*row)(void *arg, const struct db_noise *n),
		 void *arg)
{
	struct arena arena = { 0 };
	sqlite3_stmt *stmt = NULL;
	struct db_noise noise;
	int64_t host_id = 0;
	int step = SQLITE_DONE, rc = db_find_host(db, host, &host_id);

	if (rc <= 0)
		return rc;
	rc = prepare_noise(db, host_id, workload, params_json, &stmt);
	while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		fields_read(stmt, &table_noise, &noise, NULL, &arena);
		if (row(arg, &noise))
			break;
	}
	if (!rc && step != SQLITE_DONE && step != SQLITE_ROW)
		rc = db_fail_sql(db, step, "read the noise of this machine");
	sqlite3_finalize(stmt);
	arena_free(&arena);
	return rc;
}
