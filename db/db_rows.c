/* SPDX-License-Identifier: MIT
 *
 * Rows that many runs share: found by their identity or made. Call them in a transaction.
 */
#include "db_rows.h"

#include <stdlib.h>
#include <string.h>

/* The id of the row whose `key` column is `value`: 1 found, 0 not, or a negative code. */
static int find(struct db *db, const struct table *t, const char *key, const char *value,
		int64_t *id)
{
	return db_get_int(db, id, "SELECT %s_id FROM %s WHERE %s = %Q", t->name, t->name, key,
			  value);
}

/* Inserts obj with one extra text column (unless NULL) and up to one extra id column. */
static int insert(struct db *db, const struct table *t, const void *obj, const char *key,
		  const char *key_value, int64_t *id)
{
	char *sql = fields_insert_sql(t, key ? key : "", key ? 1 : 0);
	sqlite3_stmt *stmt = NULL;
	int rc = db_prepare(db, &stmt, "%s", sql ? sql : "");

	sqlite3_free(sql);
	if (rc)
		return rc;
	if (key)
		sqlite3_bind_text(stmt, 1, key_value, -1, SQLITE_TRANSIENT);
	if (fields_bind(stmt, key ? 2 : 1, t, obj, NULL))
		rc = db_fail(db, DB_ERR_INPUT, "cannot " STORING ": a value of %s is too long",
			     t->name);
	else
		rc = db_run_stmt(db, stmt, STORING);
	sqlite3_finalize(stmt);
	*id = sqlite3_last_insert_rowid(db->sql);
	return rc;
}

/* The row of this fingerprint, made when it is new. */
static int intern(struct db *db, const struct table *t, const void *obj, const char *fp,
		  int64_t *id)
{
	int rc = find(db, t, "fp", fp, id);

	return rc ? (rc < 0 ? rc : 0) : insert(db, t, obj, "fp", fp, id);
}

/* The name of a machine may say too much about its owner; a hash tells machines apart as well.
 * What db_get_run gives is hashed already. */
static void hash_machine(const char *machine, char out[72])
{
	if (strncmp(machine, "sha256:", 7) == 0 && strlen(machine) == 71) {
		memcpy(out, machine, 72);
		return;
	}
	memcpy(out, "sha256:", 7);
	db_sha256_hex(machine, strlen(machine), out + 7);
}

/* The host as it is stored, and its fingerprint. `machine` is the room for the hashed name. */
static struct db_host identify(const struct db_host *host, char machine[72], char fp[65])
{
	struct db_host stored = *host, identity;

	if (host->machine) {
		hash_machine(host->machine, machine);
		stored.machine = machine;
	}
	identity = stored;
	identity.mem_bytes = (host->mem_bytes + (1 << 29)) >> 30;
	fields_fingerprint(&table_host, &identity, "extra_json", fp);
	return stored;
}

int db_find_host(struct db *db, const struct db_host *host, int64_t *id)
{
	char machine[72], fp[65];

	identify(host, machine, fp);
	return find(db, &table_host, "fp", fp, id);
}

int db_put_host(struct db *db, const struct db_host *host, int64_t *id)
{
	char machine[72], fp[65], *extra;
	struct db_host stored = identify(host, machine, fp);
	int rc = intern(db, &table_host, &stored, fp, id);

	if (rc || !host->extra_json)
		return rc;
	extra = db_json_canonical(host->extra_json);
	rc = db_exec(db, STORING, "UPDATE host SET extra_json = %Q WHERE host_id = %lld",
		     extra ? extra : host->extra_json, (long long)*id);
	free(extra);
	return rc;
}

int db_put_build(struct db *db, const struct db_build *build, int64_t *id)
{
	char *libs = build->libs_json ? db_json_canonical(build->libs_json) : NULL;
	struct db_build canonical = *build;
	char fp[65];
	int rc;

	if (libs)
		canonical.libs_json = libs;
	fields_fingerprint(&table_build, &canonical, NULL, fp);
	rc = intern(db, &table_build, &canonical, fp, id);
	free(libs);
	return rc;
}

/* The canonical text and its hash; the sentence names `what` when it is not a JSON object. */
static int canonical(struct db *db, const char *text, const char *what, char **out, char sha[65])
{
	*out = text ? db_json_canonical(text) : NULL;
	if (!*out)
		return db_fail(db, DB_ERR_INPUT,
			       "cannot " STORING ": %s is not a JSON object: %.100s", what,
			       text ? text : "(nothing)");
	db_sha256_hex(*out, strlen(*out), sha);
	return 0;
}

int db_put_workload(struct db *db, const struct db_workload *w, int64_t *id)
{
	char *spec, sha[65];
	int rc = canonical(db, w->spec_json, "the specification of the workload", &spec, sha);

	if (rc)
		return rc;
	rc = db_get_int(db, id, "SELECT workload_id FROM workload WHERE name = %Q AND "
			"spec_sha256 = %Q", w->name, sha);
	if (rc == 0)
		rc = insert(db, &table_workload, w, "spec_sha256", sha, id);
	free(spec);
	return rc < 0 ? rc : 0;
}

int db_put_cfg(struct db *db, const char *params_json, int64_t workload_id, int64_t *id)
{
	char *params, sha[65];
	int rc = canonical(db, params_json, "the set of parameters", &params, sha);

	if (rc)
		return rc;
	rc = db_get_int(db, id, "SELECT cfg_id FROM cfg WHERE workload_id = %lld AND "
			"params_sha256 = %Q", (long long)workload_id, sha);
	if (rc == 0) {
		rc = db_exec(db, STORING,
			     "INSERT INTO cfg (workload_id, params_json, params_sha256) "
			     "VALUES (%lld, %Q, %Q)",
			     (long long)workload_id, params, sha);
		*id = sqlite3_last_insert_rowid(db->sql);
	}
	free(params);
	return rc < 0 ? rc : 0;
}

/* What is known of its end is kept unless this one ended later. */
int db_session_row(struct db *db, const struct db_session *s, int64_t *id)
{
	sqlite3_stmt *stmt;
	int rc = find(db, &table_session, "uuid", s->uuid, id);

	if (rc <= 0)
		return rc ? rc : insert(db, &table_session, s, NULL, NULL, id);
	rc = db_prepare(db, &stmt, "UPDATE session SET ended_unix_ns = coalesce(nullif(?1, 0), "
			"ended_unix_ns), exit_code = coalesce(nullif(?2, -1), exit_code) "
			"WHERE session_id = ?3 AND coalesce(ended_unix_ns, 0) <= ?1");
	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, s->ended_unix_ns);
	sqlite3_bind_int(stmt, 2, s->exit_code);
	sqlite3_bind_int64(stmt, 3, *id);
	rc = db_run_stmt(db, stmt, STORING);
	sqlite3_finalize(stmt);
	return rc;
}

/* A metric keeps its unit for ever; its description may be bettered. */
int db_put_metric(struct db *db, const struct db_metric *m, int64_t *id)
{
	int64_t same_unit = 0;
	int rc = find(db, &table_metric, "name", m->name, id);

	if (rc <= 0)
		return rc ? rc : insert(db, &table_metric, m, NULL, NULL, id);
	rc = db_get_int(db, &same_unit, "SELECT unit = %Q FROM metric WHERE metric_id = %lld",
			m->unit, (long long)*id);
	if (rc > 0 && !same_unit)
		return db_fail(db, DB_ERR_INPUT,
			       "cannot " STORING ": the metric %s is stored in %s in another unit "
			       "than %s; give it another name", m->name, db->path, m->unit);
	return rc < 0 ? rc :
			db_exec(db, STORING,
				"UPDATE metric SET better = %d, kind = %Q, clock = %Q, "
				"descr = %Q, probe = %Q WHERE metric_id = %lld",
				m->better, m->kind, m->clock, m->descr, m->probe, (long long)*id);
}

/* The stage and, first, the stages that it is nested in. */
int db_put_stage(struct db *db, const char *name, int64_t *id)
{
	const char *end = name;
	int64_t parent = 0;

	for (;;) {
		char prefix[256];
		int rc, len;

		end += strcspn(end, "/");
		len = (int)(end - name);
		if (len == 0 || len >= (int)sizeof(prefix))
			return db_fail(db, DB_ERR_INPUT,
				       "cannot " STORING ": the name of the stage "
				       "\"%.300s\" has an empty part or is too long",
				       name);
		snprintf(prefix, sizeof(prefix), "%.*s", len, name);
		rc = db_get_int(db, id, "SELECT stage_id FROM stage WHERE name = %Q", prefix);
		if (rc == 0) {
			rc = db_exec(db, STORING, "INSERT INTO stage (parent_id, name) "
				     "VALUES (nullif(%lld, 0), %Q)", (long long)parent, prefix);
			*id = sqlite3_last_insert_rowid(db->sql);
		}
		if (rc < 0 || !*end++)
			return rc < 0 ? rc : 0;
		parent = *id;
	}
}
