/* SPDX-License-Identifier: MIT
 *
 * Files that are not what they should be, disks that are full, processes that are killed: each is
 * refused with a sentence that names the file, and what was stored before stays whole.
 */
#include "db_sample.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db_int.h"
#include "test.h"

/* Opening `path` fails with this code and a sentence that names the file and holds `word`. */
static void check_refused(const char *path, unsigned flags, int code, const char *word)
{
	struct db *db;
	int rc = db_open(&db, path, flags);

	CHECK(rc == code, "%s: code %d, want %d: %s", path, rc, code, db_error(db));
	CHECK(strstr(db_error(db), path) && strstr(db_error(db), word), "%s", db_error(db));
	db_close(db);
}

static void write_file(const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(data, 1, n, f) != n || fclose(f)) {
		perror(path);
		exit(1);
	}
}

static void store_runs(const char *path, int n)
{
	struct db *db = must_open(path, DB_CREATE);

	for (int i = 0; i < n; i++) {
		struct db_run run = sample_run(i);

		CHECK(db_put_run(db, &run, NULL) == 0, "%s", db_error(db));
	}
	db_close(db);
}

/* Changes a file behind the program's back. */
static void alter(const char *path, const char *sql)
{
	sqlite3 *s;

	if (sqlite3_open(path, &s) || sqlite3_exec(s, sql, NULL, NULL, NULL)) {
		printf("%s: %s\n", path, sqlite3_errmsg(s));
		exit(1);
	}
	sqlite3_close(s);
}

static void say_count(void *arg, int bad, const char *sentence)
{
	(void)sentence;
	*(int *)arg += bad;
}

static void test_wrong_files(void)
{
	char garbage[5000];
	struct db *db;

	memset(garbage, 'x', sizeof(garbage));
	check_refused(in_dir("missing.db"), 0, DB_ERR_PATH, "No such file");
	check_refused(in_dir("missing.db"), DB_READONLY | DB_CREATE, DB_ERR_PATH, "No such file");
	check_refused(in_dir("no/dir.db"), DB_CREATE, DB_ERR_PATH, "its directory: No such file");
	check_refused(test_dir, DB_CREATE, DB_ERR_PATH, "a directory");
	check_refused("/dev/null", DB_CREATE, DB_ERR_PATH, "a device");
	check_refused("", DB_CREATE, DB_ERR_PATH, "empty");
	write_file(in_dir("garbage.db"), garbage, sizeof(garbage));
	check_refused(in_dir("garbage.db"), DB_CREATE, DB_ERR_NOTDB, "not an SQLite database");
	check_refused(in_dir("garbage.db"), DB_READONLY, DB_ERR_NOTDB, "not an SQLite database");
	write_file(in_dir("empty.db"), "", 0);
	check_refused(in_dir("empty.db"), DB_READONLY, DB_ERR_NOTDB, "empty");
	check_refused(in_dir("empty.db"), 0, DB_ERR_NOTDB, "empty");
	CHECK(db_open(&db, in_dir("empty.db"), DB_CREATE) == 0, "%s", db_error(db));
	db_close(db);
	alter(in_dir("other.db"), "CREATE TABLE t (a)");
	check_refused(in_dir("other.db"), DB_CREATE, DB_ERR_NOTDB, "another program");
	store_runs(in_dir("newer.db"), 1);
	alter(in_dir("newer.db"), "PRAGMA user_version = 999");
	check_refused(in_dir("newer.db"), DB_CREATE, DB_ERR_NEWER, "999");
	check_refused(in_dir("newer.db"), DB_READONLY, DB_ERR_NEWER, "999");
}

/* Cut anywhere, a file is refused or the check finds the damage; it is never taken as whole. */
static void test_truncated(void)
{
	static char copy[400000];
	int bad = 0;
	struct db *db;
	size_t size;
	FILE *f;

	store_runs(in_dir("whole.db"), 3);
	f = fopen(in_dir("whole.db"), "r");
	size = fread(copy, 1, sizeof(copy), f);
	fclose(f);
	CHECK(size > 8192 && size < sizeof(copy), "%zu bytes", size);
	for (size_t n = 50; n < size; n += n < 4096 ? 1500 : 8192) {
		int rc;

		write_file(in_dir("cut.db"), copy, n);
		rc = db_open(&db, in_dir("cut.db"), DB_CREATE);
		if (!rc)
			rc = db_check(db, say_count, &bad);
		CHECK(rc == DB_ERR_CORRUPT || rc == DB_ERR_NOTDB, "%zu bytes: %d %s", n, rc,
		      db_error(db));
		db_close(db);
	}
	/* A page of zeros in the middle is damage that only the check finds. */
	memset(copy + 4096 * 4, 0, 4096);
	write_file(in_dir("hole.db"), copy, size);
	CHECK(db_open(&db, in_dir("hole.db"), DB_READONLY) == 0, "%s", db_error(db));
	CHECK(db_check(db, say_count, &bad) == DB_ERR_CORRUPT && bad, "damage was not found");
	db_close(db);
}

static void test_check_findings(void)
{
	struct db *db;
	int bad = 0;

	store_runs(in_dir("odd.db"), 1);
	alter(in_dir("odd.db"), "UPDATE run SET build_id = 77; UPDATE migration SET sha256 = 'x' "
	      "WHERE version = 1");
	db = must_open(in_dir("odd.db"), 0);
	CHECK(db_check(db, say_count, &bad) == DB_ERR_CORRUPT, "%s", db_error(db));
	CHECK_INT(bad, 2);
	db_close(db);
}

static int in_process(int (*child)(void *), void *arg, bool keep_root)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		test_failed = 0;
		if (!keep_root && geteuid() == 0 && (setgid(65534) || setuid(65534)))
			_exit(99);
		child(arg);
		fflush(stdout);
		_exit(test_failed ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs `child` in another process without root's power over permissions; gives its exit status. */
static int in_child(int (*child)(void *), void *arg)
{
	return in_process(child, arg, false);
}

static int open_read_only_things(void *arg)
{
	struct db *db;

	(void)arg;
	check_refused(in_dir("ro.db"), DB_CREATE, DB_ERR_READONLY, "read-only");
	CHECK(db_open(&db, in_dir("ro.db"), DB_READONLY) == 0, "%s", db_error(db));
	CHECK_STR(first_value(db, "SELECT count(*) FROM run"), "2");
	db_close(db);
	check_refused(in_dir("dir/a.db"), DB_CREATE, DB_ERR_READONLY, "read-only");
	CHECK(db_open(&db, in_dir("dir/a.db"), DB_READONLY) == 0, "%s", db_error(db));
	CHECK_STR(first_value(db, "SELECT count(*) FROM run"), "1");
	db_close(db);
	check_refused(in_dir("dir/new.db"), DB_CREATE, DB_ERR_READONLY, "Permission denied");
	check_refused(in_dir("secret.db"), DB_READONLY, DB_ERR_PATH, "permissions");
	return 0;
}

/* The file alone, its directory alone, and a file that may not even be read. */
static void test_read_only(void)
{
	store_runs(in_dir("ro.db"), 2);
	store_runs(in_dir("secret.db"), 1);
	mkdir(in_dir("dir"), 0755);
	store_runs(in_dir("dir/a.db"), 1);
	chmod(in_dir("ro.db"), 0444);
	chmod(in_dir("secret.db"), 0);
	chmod(in_dir("dir/a.db"), 0666);
	chmod(in_dir("dir"), 0555);
	CHECK_INT(in_child(open_read_only_things, NULL), 0);
	chmod(in_dir("dir"), 0755);
}

static int fill_up(void *arg)
{
	struct rlimit limit = { .rlim_cur = 300000, .rlim_max = 300000 };
	struct db *db = must_open(in_dir("full.db"), 0);
	struct db_run run;
	int rc = 0, stored = 0;

	(void)arg;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	while (!rc && stored < 1000) {
		run = sample_run(stored);
		rc = db_put_run(db, &run, NULL);
		stored += !rc;
	}
	CHECK(rc == DB_ERR_FULL, "%d: %s", rc, db_error(db));
	CHECK(strstr(db_error(db), "full.db") && strstr(db_error(db), "free some space"), "%s",
	      db_error(db));
	CHECK(stored > 1, "%d runs stored", stored);
	CHECK(db_spool_run(db, db_spool_path(db), &run) == 0, "%s", db_error(db));
	/* The spool is full too at some time: then it keeps its whole lines. */
	for (rc = 0; !rc && stored < 2000; stored++) {
		run = sample_run(stored);
		rc = db_spool_run(db, in_dir("full.jsonl"), &run);
	}
	CHECK(rc == DB_ERR_FULL, "%d: %s", rc, db_error(db));
	db_close(db);
	return 0;
}

/* A file-size limit stands for a full disk: what was stored stays, the rest goes to the spool. */
static void test_full_disk(void)
{
	struct db *db;
	struct db_moved moved;
	int runs;

	store_runs(in_dir("full.db"), 1);
	chmod(in_dir("full.db"), 0666);
	chmod(test_dir, 0777);
	CHECK_INT(in_child(fill_up, NULL), 0);
	db = must_open(in_dir("full.db"), 0);
	CHECK(db_check(db, say_nothing, NULL) == 0, "%s", db_error(db));
	runs = atoi(first_value(db, "SELECT count(*) FROM run"));
	CHECK(runs > 1, "%d runs", runs);
	CHECK(db_import(db, db_spool_path(db), &moved) == 0, "%s", db_error(db));
	CHECK_INT(moved.new_runs, 1);
	CHECK(db_import(db, in_dir("full.jsonl"), &moved) == 0, "%s", db_error(db));
	CHECK(moved.new_runs > 1, "%d runs from a full spool", moved.new_runs);
	db_close(db);
}

/* A small disk of its own; false where that is not permitted. */
static bool mount_small_disk(const char *path, const char *size)
{
	mkdir(path, 0755);
	return syscall(SYS_unshare, CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", path, "tmpfs", 0, size) == 0;
}

/* One run of 20,000 samples, half a megabyte, as the n-th. */
static struct db_run large_run(int n)
{
	static struct db_sample samples[20000];
	struct db_run run = sample_run(n);

	for (int i = 0; i < 20000; i++)
		samples[i] = (struct db_sample){ 0, 0, 0, DB_PHASE_MEASURED, i, -1, 0, 1e-3 * i };
	run.samples = samples;
	run.n_samples = 20000;
	return run;
}

/* No room for the database, nor for a spool beside it: the temporary directory has some. */
static int fill_small_disk(void *arg)
{
	struct db_run run;
	struct db_moved moved;
	struct db *db;
	int rc = 0, stored = 0;
	char want[16];

	(void)arg;
	if (!mount_small_disk(in_dir("disk"), "size=20m")) {
		printf("a disk of its own is not permitted: only a file-size limit was tried\n");
		return 0;
	}
	setenv("TMPDIR", test_dir, 1);
	db = must_open(in_dir("disk/a.db"), DB_CREATE);
	while (!rc && stored < 200) {
		run = large_run(stored);
		rc = db_put_run(db, &run, NULL);
		stored += !rc;
	}
	CHECK(rc == DB_ERR_FULL && stored > 3, "%d after %d runs: %s", rc, stored, db_error(db));
	CHECK(strstr(db_error(db), "disk/a.db") && strstr(db_error(db), "No space left"), "%s",
	      db_error(db));
	CHECK(db_spool_run(db, NULL, &run) == 0, "%s", db_error(db));
	CHECK(!strstr(db_spool_path(db), "/disk/"), "%s", db_spool_path(db));
	CHECK(db_check(db, say_nothing, NULL) == 0, "%s", db_error(db));
	snprintf(want, sizeof(want), "%d", stored);
	CHECK_STR(first_value(db, "SELECT count(*) FROM run"), want);
	rename(db_spool_path(db), in_dir("waiting.jsonl"));
	db_close(db);
	CHECK(db_open(&db, in_dir("disk/a.db"), 0) == DB_ERR_FULL && strstr(db_error(db), "/disk "),
	      "%s", db_error(db));
	db_close(db);
	db = must_open(in_dir("roomy.db"), DB_CREATE);
	CHECK(db_import(db, in_dir("waiting.jsonl"), &moved) == 0, "%s", db_error(db));
	CHECK_INT(moved.new_runs, 1);
	CHECK_STR(first_value(db, "SELECT count(*) FROM sample"), "20000");
	db_close(db);
	return 0;
}

static void test_small_disk(void)
{
	CHECK_INT(in_process(fill_small_disk, NULL, true), 0);
}

static void test_locked(void)
{
	struct db *db;
	sqlite3 *other;

	store_runs(in_dir("locked.db"), 1);
	db = must_open(in_dir("locked.db"), 0);
	sqlite3_busy_timeout(db->sql, 20);
	sqlite3_open(in_dir("locked.db"), &other);
	sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (int i = 0; i < 2; i++) {
		struct db_run run = sample_run(5);
		int rc = db_put_run(db, &run, NULL);

		CHECK_INT(rc, i ? 0 : DB_ERR_LOCKED);
		CHECK(i || strstr(db_error(db), "another process"), "%s", db_error(db));
		CHECK_STR(first_value(db, "SELECT count(*) FROM run"), i ? "2" : "1");
		sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
	}
	sqlite3_close(other);
	db_close(db);
}

/* The next run of the same machine marks what was left running, also when another process has got
 * the number of the one that is gone; a run that still runs is left alone. */
static void test_mark_killed(void)
{
	struct db *db = must_open(in_dir("killed.db"), DB_CREATE);
	struct db_run run = sample_run(0), mine = sample_run(1), reused = sample_run(2);

	CHECK(db_begin_run(db, &reused) == 0, "%s", db_error(db));
	alter(in_dir("killed.db"), "UPDATE run SET owner = owner || '0' WHERE status = 'running'");
	CHECK(db_begin_run(db, &mine) == 0, "%s", db_error(db));
	CHECK(db_begin_run(db, &run) == 0, "%s", db_error(db));
	CHECK_STR(first_value(db, "SELECT count(*) FROM run WHERE status = 'running'"), "2");
	CHECK_STR(first_value(db, "SELECT min(status_msg LIKE '%killed%') FROM run "
			      "WHERE status = 'killed'"), "1");
	CHECK(db_put_run(db, &mine, NULL) == 0, "%s", db_error(db));
	CHECK_STR(first_value(db, "SELECT count(*) FROM run WHERE status = 'running'"), "1");
	db_close(db);
}

static void test_network_file_systems(void)
{
	CHECK_STR(db_fs_is_shared(0x6969), "NFS");
	CHECK_STR(db_fs_is_shared(0x0bd00bd0), "Lustre");
	CHECK_STR(db_fs_is_shared(0xffffffffff534d42), "CIFS"); /* sign-extended */
	CHECK(!db_fs_is_shared(0xef53), "ext4");
	CHECK(!db_fs_is_shared(0x01021994), "tmpfs");
}

int main(void)
{
	make_test_dir();
	chmod(test_dir, 0755);
	test_wrong_files();
	test_truncated();
	test_check_findings();
	test_read_only();
	test_full_disk();
	test_small_disk();
	test_locked();
	test_mark_killed();
	test_network_file_systems();
	remove_test_dir();
	return test_end();
}
