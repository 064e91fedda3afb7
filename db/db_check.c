/* SPDX-License-Identifier: MIT
 *
 * Is a file whole, and of the schema that this program expects? Giving back what it does not use.
 */
#include "db_int.h"

#include <stdarg.h>
#include <string.h>

struct findings {
	void (*say)(void *arg, int bad, const char *sentence);
	void *arg;
	int bad;
};

static void find(struct findings *f, int bad, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void find(struct findings *f, int bad, const char *fmt, ...)
{
	char sentence[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	f->bad += bad;
	f->say(f->arg, bad, sentence);
}

static int integrity_row(void *arg, int n, const char *const *names, const struct db_value *v)
{
	(void)n, (void)names;
	if (v && strcmp(v[0].text, "ok"))
		find(arg, 1, "integrity: %s", v[0].text);
	return 0;
}

static int reference_row(void *arg, int n, const char *const *names, const struct db_value *v)
{
	(void)n, (void)names;
	if (v)
		find(arg, 1, "row %s of table %s refers to a row of %s that does not exist",
		     v[1].text, v[0].text, v[2].text);
	return 0;
}

static int migration_row(void *arg, int n, const char *const *names, const struct db_value *v)
{
	char sha[65];

	(void)n, (void)names;
	for (int i = 0; v && i < db_n_migrations; i++) {
		const struct db_migration *m = &db_migrations[i];

		db_sha256_hex(m->sql, strlen(m->sql), sha);
		if (m->version == v[0].i && strcmp(sha, v[1].text))
			find(arg, 1,
			     "migration %d was made by another script than this program's (%s)",
			     m->version, m->name);
	}
	return 0;
}

static int totals_row(void *arg, int n, const char *const *names, const struct db_value *v)
{
	(void)n, (void)names;
	find(arg, 0, "%s runs, %s of them complete, %s samples", v[0].text, v[1].text, v[2].text);
	return 0;
}

static int check_all(struct db *db, struct findings *f)
{
	int64_t version = 0;
	int rc = db_get_int(db, &version, "SELECT max(version) FROM migration");

	if (rc < 0)
		return rc;
	find(f, version != db_schema_version(), "schema version %lld, this program's is %d",
	     (long long)version, db_schema_version());
	if ((rc = db_query(db, "PRAGMA integrity_check", NULL, 0, integrity_row, f)) ||
	    (rc = db_query(db, "PRAGMA foreign_key_check", NULL, 0, reference_row, f)) ||
	    (rc = db_query(db, "SELECT version, sha256 FROM migration", NULL, 0, migration_row, f)))
		return rc;
	if (!f->bad)
		find(f, 0, "integrity, references and migrations are well");
	return db_query(db,
			"SELECT count(*), coalesce(sum(status = 'ok'), 0), (SELECT count(*) FROM "
			"sample) FROM run",
			NULL, 0, totals_row, f);
}

int db_check(struct db *db, void (*say)(void *arg, int bad, const char *sentence), void *arg)
{
	struct findings f = { .say = say, .arg = arg };
	int rc = check_all(db, &f);

	if (rc) {
		say(arg, 1, db_error(db));
		return rc;
	}
	return f.bad ? db_fail(db, DB_ERR_CORRUPT, "%s is damaged: %d findings", db->path, f.bad) :
		       0;
}

static int size_of(struct db *db, int64_t *bytes)
{
	int rc = db_get_int(db, bytes, "SELECT page_count * page_size FROM pragma_page_count(), "
			    "pragma_page_size()");

	return rc < 0 ? rc : 0;
}

int db_vacuum(struct db *db, int64_t *before, int64_t *after)
{
	int rc = size_of(db, before);

	if (!rc)
		rc = db_exec(db, "make the database smaller", "VACUUM; PRAGMA optimize; "
			     "PRAGMA wal_checkpoint(TRUNCATE)");
	return rc ? rc : size_of(db, after);
}
