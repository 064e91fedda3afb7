/* SPDX-License-Identifier: MIT
 *
 * Schema versions. PRAGMA user_version says which scripts of db/migrate/ a file has seen. A script
 * that was released is never edited: its hash is stored in the file. To change the schema, add
 * db/migrate/NNNN_name.sql, a row here, and a golden file of the version before (db/golden/).
 */
#include "db_int.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const char data_0001_initial_sql[], data_0002_studies_sql[], data_views_sql[];

const struct db_migration db_migrations[] = {
	{ 1, "initial", data_0001_initial_sql },
	{ 2, "studies", data_0002_studies_sql },
};
const int db_n_migrations = sizeof(db_migrations) / sizeof(db_migrations[0]);

int db_schema_version(void)
{
	return db_migrations[db_n_migrations - 1].version;
}

/* A copy beside the file, complete or absent: VACUUM INTO makes it consistent, rename() final. */
static int backup(struct db *db, int64_t version)
{
	char part[4096], whole[4096];
	int rc;

	snprintf(whole, sizeof(whole), "%s.v%lld.backup", db->path, (long long)version);
	if (snprintf(part, sizeof(part), "%s.%d", whole, (int)getpid()) >= (int)sizeof(part))
		return db_fail(db, DB_ERR_PATH, "the path %s is too long", db->path);
	unlink(part);
	rc = db_exec(db, "make a backup before migrating", "VACUUM INTO %Q", part);
	if (!rc && rename(part, whole))
		rc = db_fail(db, DB_ERR_PATH, "cannot rename %s to %s", part, whole);
	if (rc)
		unlink(part);
	return rc;
}

static int apply(struct db *db, const struct db_migration *m)
{
	char sha[65], doing[96];
	int rc;

	snprintf(doing, sizeof(doing), "migrate to schema version %d", m->version);
	db_sha256_hex(m->sql, strlen(m->sql), sha);
	rc = db_exec(db, doing, "%s", m->sql);
	if (!rc)
		rc = db_exec(db, doing,
			     "INSERT INTO migration (version, name, sha256, applied_unix_ns) "
			     "VALUES (%d, %Q, %Q, %lld); PRAGMA user_version = %d",
			     m->version, m->name, sha, (long long)db_now_unix_ns(), m->version);
	return rc;
}

/* In the transaction: another process may have migrated meanwhile, so the version is read again. */
static int apply_missing(struct db *db, const struct db_migration *list, int n)
{
	int64_t version = 0, violations = 0;
	int rc = db_get_int(db, &version, "PRAGMA user_version");

	if (rc < 0 || version >= list[n - 1].version)
		return rc < 0 ? rc : 0;
	rc = version ? 0 : db_exec(db, "make a database", "PRAGMA application_id = %d",
				   DB_APPLICATION_ID);
	for (int i = 0; i < n && !rc; i++)
		if (list[i].version > version)
			rc = apply(db, &list[i]);
	if (!rc)
		rc = db_exec(db, "define the views", "%s", data_views_sql);
	if (!rc)
		rc = db_get_int(db, &violations, "SELECT count(*) FROM pragma_foreign_key_check");
	if (rc > 0 && violations)
		return db_fail(db, DB_ERR_CORRUPT,
			       "after migrating %s, %lld rows would refer to rows that do not "
			       "exist; it was left as it was", db->path, (long long)violations);
	return rc < 0 ? rc : 0;
}

int db_migrate(struct db *db, const struct db_migration *list, int n)
{
	int64_t version = 0;
	int rc = db_get_int(db, &version, "PRAGMA user_version");

	if (rc < 0 || version >= list[n - 1].version)
		return rc < 0 ? rc : 0;
	if (version > 0 && strcmp(db->path, ":memory:") && !db->readonly && !db->spooling &&
	    (rc = backup(db, version)))
		return rc;
	/* Scripts may rebuild tables, which enforced references would forbid half-way. */
	rc = db_exec(db, "migrate", "PRAGMA foreign_keys = OFF");
	if (!rc)
		rc = db_begin(db);
	if (!rc)
		rc = db_end(db, apply_missing(db, list, n));
	db_exec(db, "migrate", "PRAGMA foreign_keys = ON");
	return rc;
}
