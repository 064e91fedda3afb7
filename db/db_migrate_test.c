/* SPDX-License-Identifier: MIT
 *
 * Old files open with this program, a migration is all or nothing and leaves a backup, and the
 * views cannot change without a migration. db/golden/vN.sqlite was written by the program of
 * schema N: when the schema changes, keep the old files and add the new one,
 * `db_migrate_test --golden db/golden/vN.sqlite`.
 */
#include "db_sample.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db_int.h"
#include "test.h"

#define UUID SAMPLE_UUID(1)

static void write_golden(const char *path)
{
	struct db *db = must_open(in_dir("g.db"), DB_CREATE);
	struct db_run run = sample_run(0), other = sample_run(1);
	struct sample_study study = sample_study(UUID, SAMPLE_UUID(2));

	strcpy(run.uuid, UUID);
	strcpy(run.session.uuid, UUID);
	strcpy(other.uuid, SAMPLE_UUID(2));
	strcpy(other.session.uuid, SAMPLE_UUID(2));
	unlink(path);
	if (db_put_run(db, &run, NULL) || db_put_run(db, &other, NULL) ||
	    put_sample_study(db, &study) ||
	    db_exec(db, "shrink", "PRAGMA journal_mode=DELETE; PRAGMA page_size=512") ||
	    db_exec(db, "write the golden file", "VACUUM INTO %Q", path))
		printf("%s\n", db_error(db));
	db_close(db);
}

static void copy_golden(int version, const char *to)
{
	char command[800];

	snprintf(command, sizeof(command), "cp db/golden/v%d.sqlite '%s'", version, to);
	if (system(command))
		exit(1);
}

/* As a program that worked with the file has left it. */
static void use_wal(const char *path)
{
	sqlite3 *s;

	if (sqlite3_open(path, &s) || sqlite3_exec(s, "PRAGMA journal_mode=WAL", NULL, NULL, NULL))
		printf("%s: %s\n", path, sqlite3_errmsg(s));
	sqlite3_close(s);
}

static void check_golden_run(struct db *db)
{
	struct db_run *run;

	CHECK(db_get_run(db, 0, UUID, &run) == 0, "%s", db_error(db));
	if (!run)
		return;
	CHECK_INT(run->n_samples, 5);
	CHECK_STR(run->workload.name, "sdxl-20steps");
	CHECK(run->samples[2].value == 0.1 && run->summaries[0].median == 10, "values");
	CHECK_STR(first_value(db, "SELECT latency_s FROM v_runs"), "10.0");
	db_run_free(run);
}

/* From version 2 on there are records beside the runs. */
static void check_golden_records(struct db *db, int version)
{
	static const char *const views[] = { "v_ab", "v_pairs", "v_sweep", "v_scaling", "v_noise",
					     "v_ack", "v_selftest", "v_calibration", "v_probes" };
	char sql[64];

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		bool want = version >= 2 && strcmp(views[i], "v_probes");

		snprintf(sql, sizeof(sql), "SELECT count(*) > 0 FROM %s", views[i]);
		CHECK(strcmp(first_value(db, sql), want ? "1" : "0") == 0, "%s of version %d: %s",
		      views[i], version, first_value(db, sql));
	}
	CHECK_STR(first_value(db, "SELECT group_concat(purpose) FROM (SELECT DISTINCT purpose FROM "
			      "session ORDER BY purpose)"), version >= 2 ? "compare,run" : "run");
}

/* Every golden file, migrated on disk and, where nothing may be written, in memory. */
static void test_golden(void)
{
	for (int v = 1; v <= db_schema_version(); v++) {
		struct db *db;

		copy_golden(v, in_dir("old.db"));
		use_wal(in_dir("old.db"));
		chmod(in_dir("old.db"), 0444);
		db = must_open(in_dir("old.db"), DB_READONLY);
		check_golden_run(db);
		db_close(db);
		chmod(in_dir("old.db"), 0644);
		db = must_open(in_dir("old.db"), 0);
		check_golden_run(db);
		check_golden_records(db, v);
		CHECK(db_check(db, say_nothing, NULL) == 0, "%s", db_error(db));
		db_close(db);
	}
}

static void schema_text(const char *path, char *out, size_t size)
{
	char sql[] = "SELECT group_concat(sql, char(10)) FROM (SELECT sql FROM sqlite_schema "
		     "ORDER BY name)";
	sqlite3_stmt *stmt = NULL;
	sqlite3 *s;

	if (sqlite3_open(path, &s) || sqlite3_prepare_v2(s, sql, -1, &stmt, NULL) ||
	    sqlite3_step(stmt) != SQLITE_ROW)
		printf("%s: %s\n", path, sqlite3_errmsg(s));
	else
		snprintf(out, size, "%s", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_close(s);
}

/* A file made by a released program of this version must be as a new one is. */
static void test_schema_is_frozen(void)
{
	static char golden[65536], fresh[65536];

	copy_golden(db_schema_version(), in_dir("frozen.db"));
	db_close(must_open(in_dir("fresh.db"), DB_CREATE));
	schema_text(in_dir("frozen.db"), golden, sizeof(golden));
	schema_text(in_dir("fresh.db"), fresh, sizeof(fresh));
	CHECK(*fresh && strcmp(golden, fresh) == 0,
	      "tables or views differ from the golden file of this "
	      "version: a change needs a new migration and a new golden file");
}

static struct db_migration next(const char *sql)
{
	return (struct db_migration){ db_schema_version() + 1, "next", sql };
}

static int migrate_with(struct db *db, const struct db_migration *extra)
{
	struct db_migration list[64];

	memcpy(list, db_migrations, sizeof(*list) * (size_t)db_n_migrations);
	list[db_n_migrations] = *extra;
	return db_migrate(db, list, db_n_migrations + 1);
}

static void test_next_version(void)
{
	struct db_migration good = next("ALTER TABLE run ADD COLUMN colour TEXT");
	struct db_migration fails = next("ALTER TABLE run ADD COLUMN colour TEXT; SELECT nonsense");
	struct db_migration dangles = next("DELETE FROM host");
	const struct db_migration *bad[] = { &fails, &dangles };
	char version[16], backup[600];
	struct db *db;

	copy_golden(1, in_dir("next.db"));
	db = must_open(in_dir("next.db"), 0);
	snprintf(version, sizeof(version), "%d", db_schema_version());
	for (int i = 0; i < 2; i++) {
		CHECK(migrate_with(db, bad[i]) < 0, "a bad migration was taken");
		CHECK(strstr(db_error(db), "migrat"), "%s", db_error(db));
		CHECK_STR(first_value(db, "PRAGMA user_version"), version);
		CHECK_STR(first_value(db, "SELECT count(*) FROM host"), "1");
		CHECK_STR(first_value(db, "SELECT count(*) FROM pragma_table_info('run') "
				      "WHERE name = 'colour'"), "0");
	}
	CHECK(migrate_with(db, &good) == 0, "%s", db_error(db));
	CHECK(migrate_with(db, &good) == 0, "a second time: %s", db_error(db));
	snprintf(version, sizeof(version), "%d", db_schema_version() + 1);
	CHECK_STR(first_value(db, "PRAGMA user_version"), version);
	CHECK_STR(first_value(db, "SELECT max(version) FROM migration"), version);
	CHECK_STR(first_value(db, "SELECT count(*) FROM run WHERE colour IS NULL"), "1");
	CHECK_STR(first_value(db, "PRAGMA foreign_keys"), "1");
	snprintf(backup, sizeof(backup), "%s.v%d.backup", db_path(db), db_schema_version());
	db_close(db);
	db = must_open(backup, DB_READONLY);
	check_golden_run(db);
	db_close(db);
}

/* A process that migrates when `go` is closed; forked before this one opens the file, because an
 * open SQLite file does not outlive a fork. */
static pid_t start_migrating(const char *path, const struct db_migration *m, const int *go)
{
	struct db late = { .path = (char *)path };
	char byte;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	close(go[1]);
	if (read(go[0], &byte, 1) || sqlite3_open(path, &late.sql))
		_exit(2);
	sqlite3_busy_timeout(late.sql, DB_BUSY_MS);
	if (migrate_with(&late, m))
		printf("%s\n", late.msg);
	fflush(stdout);
	_exit(*late.msg ? 1 : 0);
}

/* Another process migrates while this one, which has seen the old version, waits for the lock. */
static void test_migrated_meanwhile(void)
{
	struct db_migration good = next("ALTER TABLE run ADD COLUMN colour TEXT");
	char path[512], backup[600], sql[100];
	int go[2], status = -1;
	sqlite3 *first;
	pid_t pid;

	snprintf(path, sizeof(path), "%s", in_dir("meanwhile.db"));
	snprintf(backup, sizeof(backup), "%s.v%d.backup", path, db_schema_version());
	copy_golden(db_schema_version(), path);
	db_close(must_open(path, 0));
	if (pipe(go)) {
		perror("pipe");
		exit(1);
	}
	pid = start_migrating(path, &good, go);
	sqlite3_open(path, &first);
	snprintf(sql, sizeof(sql), "BEGIN IMMEDIATE; %s; PRAGMA user_version = %d", good.sql,
		 good.version);
	CHECK(sqlite3_exec(first, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(first));
	close(go[0]);
	close(go[1]);
	/* With its backup made it has read the old version. */
	for (int i = 0; i < 1000 && access(backup, F_OK); i++)
		usleep(10000);
	CHECK(sqlite3_exec(first, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, "%s",
	      sqlite3_errmsg(first));
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
	sqlite3_close(first);
}

/* ---- killed ---- */

static int64_t version_of(const char *path)
{
	sqlite3_stmt *stmt = NULL;
	int64_t version = -1;
	sqlite3 *s;

	if (!sqlite3_open_v2(path, &s, SQLITE_OPEN_READWRITE, NULL) &&
	    !sqlite3_prepare_v2(s, "PRAGMA user_version", -1, &stmt, NULL) &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(s);
	return version;
}

/* In the middle of a long script: nothing of it is seen, and this program, which has not heard of
 * it, goes on with the file. */
static void test_killed_in_script(void)
{
	struct db_migration slow = next(
		"ALTER TABLE run ADD COLUMN colour TEXT; DROP TABLE ack; CREATE TABLE big (x); "
		"INSERT INTO big WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
		"SELECT x FROM c");
	char path[512], backup[600];
	struct db *db;
	int go[2];
	pid_t pid;

	snprintf(path, sizeof(path), "%s", in_dir("slow.db"));
	snprintf(backup, sizeof(backup), "%s.v%d.backup", path, db_schema_version());
	copy_golden(db_schema_version(), path);
	if (pipe(go)) {
		perror("pipe");
		exit(1);
	}
	pid = start_migrating(path, &slow, go);
	close(go[0]);
	close(go[1]);
	for (int i = 0; i < 1000 && access(backup, F_OK); i++)
		usleep(10000);
	usleep(150000); /* the script has no end of its own */
	CHECK(access(backup, F_OK) == 0 && waitpid(pid, NULL, WNOHANG) == 0, "it did not run");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_INT(version_of(path), db_schema_version());
	db = must_open(path, 0);
	check_golden_run(db);
	check_golden_records(db, db_schema_version());
	CHECK(db_check(db, say_nothing, NULL) == 0, "%s", db_error(db));
	db_close(db);
}

/* At random moments of opening a file of version 1: it is of the old version or of the new one,
 * whole, and the backup, if there is one, is whole too. */
static void test_killed_at_random(void)
{
	int old = 0, migrated = 0;
	char path[512], backup[600];

	snprintf(path, sizeof(path), "%s", in_dir("random.db"));
	snprintf(backup, sizeof(backup), "%s.v1.backup", path);
	for (int i = 0; i < 24; i++) {
		struct db *db;
		pid_t pid;

		unlink(backup);
		copy_golden(1, path);
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			db_close(must_open(path, 0));
			_exit(0);
		}
		usleep((unsigned)(i * i) * 200);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		*(version_of(path) == 1 ? &old : &migrated) += 1;
		db = must_open(path, 0);
		check_golden_run(db);
		CHECK(db_check(db, say_nothing, NULL) == 0, "%s", db_error(db));
		db_close(db);
		db = must_open(backup, DB_READONLY);
		check_golden_run(db);
		db_close(db);
	}
	printf("24 kills while migrating: %d times the old version, %d times the new one\n", old,
	       migrated);
	CHECK(old > 0, "nothing was tried");
}

int main(int argc, char **argv)
{
	make_test_dir();
	if (argc > 2 && strcmp(argv[1], "--golden") == 0) {
		write_golden(argv[2]);
		remove_test_dir();
		return 0;
	}
	test_golden();
	test_schema_is_frozen();
	test_next_version();
	test_migrated_meanwhile();
	test_killed_in_script();
	test_killed_at_random();
	remove_test_dir();
	return test_end();
}
