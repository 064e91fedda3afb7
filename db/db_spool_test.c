/* SPDX-License-Identifier: MIT
 *
 * Where files cannot be locked nothing is written to the database: all goes to the spool, reads as
 * if it were stored, and is imported elsewhere. A seccomp filter makes the locks fail for real.
 */
#include "db_sample.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db_int.h"
#include "test.h"

static const char count_all[] =
	"SELECT (SELECT count(*) FROM run) || (SELECT count(*) FROM arm_run) || (SELECT count(*) "
	"FROM sweep_run) || (SELECT count(*) FROM comparison) || (SELECT count(*) FROM "
	"calibration)";

static void put_run(struct db *db, const char *uuid, int second)
{
	struct db_run run = sample_run(second);
	int64_t id = -1;

	strcpy(run.uuid, uuid);
	CHECK(db_begin_run(db, &run) == 0, "%s", db_error(db));
	CHECK(db_put_run(db, &run, &id) == 0, "%s", db_error(db));
	CHECK_INT(id, 0);
}

/* The only spool of a database, whose name holds that of the machine. */
static const char *spool_of(const char *name)
{
	static char path[600];
	char command[1200];
	FILE *f;

	snprintf(command, sizeof(command), "ls -1 '%s'.spool.*.jsonl", in_dir(name));
	f = popen(command, "r");
	if (!f || !fgets(path, sizeof(path), f))
		strcpy(path, "none");
	path[strcspn(path, "\n")] = 0;
	if (f)
		pclose(f);
	return path;
}

static void check_imported(const char *spool, int records)
{
	struct db *db = must_open(in_dir("local.db"), DB_CREATE);
	struct db_moved m;

	CHECK(db_import(db, spool, &m) == 0, "%s", db_error(db));
	CHECK(m.new_runs == 2 && m.new_records == records, "%d runs, %d records", m.new_runs,
	      m.new_records);
	CHECK(db_import(db, spool, &m) == 0 && !m.new_runs && !m.new_records, "twice: %s",
	      db_error(db));
	CHECK_STR(first_value(db, count_all), "22211");
	CHECK_STR(first_value(db, "SELECT ended_unix_ns % 1000 FROM sweep"), "9");
	db_close(db);
}

/* A run by one handle, the rest by another, as a comparison and its child processes do it. */
static void test_all_is_spooled(void)
{
	struct sample_study study = sample_study(SAMPLE_UUID(1), SAMPLE_UUID(2));
	struct db *db, *child, *later;

	setenv("BENCH_DB_LOCKING", "no", 1);
	db = must_open(in_dir("none.db"), DB_CREATE);
	child = must_open(in_dir("none.db"), DB_CREATE);
	CHECK(db_spooling(db) && strstr(db_spooling(db), "BENCH_DB_LOCKING=no") &&
	      strstr(db_spooling(db), "none.db"), "%s", db_spooling(db));
	put_run(child, SAMPLE_UUID(1), 0);
	put_run(child, SAMPLE_UUID(2), 1);
	CHECK(put_sample_study(db, &study) == 0, "%s", db_error(db));
	study.sweep.ended_unix_ns = SAMPLE_SECOND + 9;
	CHECK(db_put_sweep(db, &study.sweep) == 0, "%s", db_error(db));
	CHECK_STR(first_value(db, count_all), "22211");
	later = must_open(in_dir("none.db"), DB_CREATE);
	CHECK_STR(first_value(later, count_all), "22211");
	CHECK(access(in_dir("none.db"), F_OK) < 0, "a database was made");
	db_close(db);
	db_close(child);
	db_close(later);
	CHECK(db_open(&db, in_dir("none.db"), DB_CREATE | DB_NO_SPOOL) == DB_ERR_NOLOCK &&
	      strstr(db_error(db), "local disk"), "%s", db_error(db));
	db_close(db);
	unsetenv("BENCH_DB_LOCKING");
	CHECK(db_open(&db, in_dir("none.db"), 0) == DB_ERR_PATH &&
	      strstr(db_error(db), "bench db import"), "%s", db_error(db));
	db_close(db);
	check_imported(spool_of("none.db"), 11);
}

/* What is in the file is seen, and the file is left as it is. */
static void test_beside_a_database(void)
{
	struct db_run run = sample_run(0);
	struct db *db = must_open(in_dir("there.db"), DB_CREATE);
	struct stat before, after;

	CHECK(db_spooling(db) == NULL, "%s", db_spooling(db));
	CHECK(db_put_run(db, &run, NULL) == 0, "%s", db_error(db));
	db_close(db);
	stat(in_dir("there.db"), &before);
	setenv("BENCH_DB_LOCKING", "no", 1);
	db = must_open(in_dir("there.db"), 0);
	put_run(db, SAMPLE_UUID(1), 1);
	CHECK_STR(first_value(db, "SELECT count(*) FROM run"), "2");
	db_close(db);
	setenv("BENCH_DB_LOCKING", "yes", 1);
	db = must_open(in_dir("there.db"), DB_READONLY);
	CHECK_STR(first_value(db, "SELECT count(*) FROM run"), "1");
	db_close(db);
	stat(in_dir("there.db"), &after);
	CHECK(before.st_size == after.st_size && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec,
	      "the file was written");
	setenv("BENCH_DB_LOCKING", "maybe", 1);
	CHECK(db_open(&db, in_dir("there.db"), 0) == DB_ERR_INPUT && strstr(db_error(db), "maybe"),
	      "%s", db_error(db));
	db_close(db);
	unsetenv("BENCH_DB_LOCKING");
}

/* ---- locks that fail ---- */

/* From now on F_SETLK fails with this error in this process. */
static bool break_locks(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETLK, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

static int in_child(void (*child)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		test_failed = 0;
		child();
		fflush(stdout);
		_exit(test_failed ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void no_locks_at_all(void)
{
	struct db *db;

	if (!break_locks(ENOLCK)) {
		printf("no seccomp here: locks that fail were not tried\n");
		return;
	}
	db = must_open(in_dir("nolock.db"), DB_CREATE);
	CHECK(db_spooling(db) && strstr(db_spooling(db), "No locks available"), "%s",
	      db_spooling(db));
	put_run(db, SAMPLE_UUID(1), 0);
	db_close(db);
	CHECK(access(in_dir("nolock.db"), F_OK) < 0, "a database was made");
}

/* They went away after the file was opened: a sentence, and the run to the spool. Without WAL, in
 * which SQLite tries for twenty seconds. */
static void no_locks_any_more(void)
{
	struct db *db = must_open(in_dir("lost.db"), DB_CREATE);
	struct db_run run = sample_run(0);
	int rc;

	CHECK(db_exec(db, "test", "PRAGMA journal_mode=DELETE") == 0, "%s", db_error(db));
	if (!break_locks(ENOSYS))
		return;
	rc = db_put_run(db, &run, NULL);
	CHECK(rc == DB_ERR_NOLOCK && strstr(db_error(db), "cannot lock"), "%d: %s", rc,
	      db_error(db));
	CHECK(db_spool_run(db, NULL, &run) == 0, "%s", db_error(db));
	CHECK_STR(db_spool_path(db), in_dir("lost.db.spool.jsonl"));
}

/* ---- a spool that cannot be beside the database ---- */

static void spool_elsewhere(void)
{
	struct db *db = must_open(in_dir("dir/full.db"), 0);
	struct db_run run = sample_run(5);

	chmod(in_dir("dir"), 0555);
	if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
		return;
	setenv("TMPDIR", in_dir("tmp"), 1);
	CHECK(db_spool_run(db, NULL, &run) == 0, "%s", db_error(db));
	CHECK(strstr(db_spool_path(db), "/tmp/full.db.spool.") &&
	      access(db_spool_path(db), R_OK) == 0, "%s", db_spool_path(db));
	setenv("TMPDIR", in_dir("dir"), 1);
	CHECK(db_spool_run(db, in_dir("dir/no.jsonl"), &run) == DB_ERR_PATH &&
	      strstr(db_error(db), "no.jsonl"), "%s", db_error(db));
}

static void test_elsewhere(void)
{
	mkdir(in_dir("dir"), 0755);
	mkdir(in_dir("tmp"), 0777);
	chmod(in_dir("tmp"), 0777);
	chmod(test_dir, 0755);
	db_close(must_open(in_dir("dir/full.db"), DB_CREATE));
	CHECK_INT(in_child(spool_elsewhere), 0);
	chmod(in_dir("dir"), 0755);
}

int main(void)
{
	make_test_dir();
	unsetenv("BENCH_DB_LOCKING");
	test_all_is_spooled();
	test_beside_a_database();
	CHECK_INT(in_child(no_locks_at_all), 0);
	CHECK_INT(in_child(no_locks_any_more), 0);
	test_elsewhere();
	remove_test_dir();
	return test_end();
}
