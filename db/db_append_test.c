/* SPDX-License-Identifier: MIT
 *
 * Many processes append to one spool while the disk is full for some of them: a line that could not
 * be written whole is taken back, and no line of another process is cut. The linker puts functions
 * of this file around ftruncate() and lseek() (--wrap, see the Makefile).
 */
#include "db_sample.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#define WRITERS 6
#define ROUNDS  30

static int ready[2]; /* a pipe; the other process may begin */
static bool waits;   /* in ftruncate() */

int __real_ftruncate(int fd, off_t length);
int __wrap_ftruncate(int fd, off_t length);

/* Leaves time for somebody to append between a failed write and its removal. */
int __wrap_ftruncate(int fd, off_t length)
{
	struct timespec pause = { .tv_nsec = 200000000 };

	if (waits) {
		CHECK_INT(write(ready[1], "x", 1), 1);
		nanosleep(&pause, NULL);
	}
	return __real_ftruncate(fd, length);
}

static const char *spool(void)
{
	return in_dir("all.jsonl");
}

static void limit_file(long bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes < 0 ? limit.rlim_max : (rlim_t)bytes;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static bool intrudes; /* in lseek() */
off_t __real_lseek(int fd, off_t offset, int whence);
off_t __wrap_lseek(int fd, off_t offset, int whence);

/* Somebody appends without a lock, as where files cannot be locked. */
off_t __wrap_lseek(int fd, off_t offset, int whence)
{
	int other = intrudes ? open(spool(), O_WRONLY | O_APPEND) : -1;

	if (other >= 0) {
		intrudes = false;
		limit_file(-1);
		CHECK_INT(write(other, "other\n", 6), 6);
		close(other);
	}
	return __real_lseek(fd, offset, whence);
}

static int append(void)
{
	struct db *db = must_open(":memory:", DB_CREATE);
	struct db_run run = sample_run(0);
	int rc;

	db_uuid(run.uuid);
	db_uuid(run.session.uuid);
	rc = db_spool_run(db, spool(), &run);
	db_close(db);
	return rc;
}

static long size_of_spool(void)
{
	struct stat st;

	return stat(spool(), &st) ? 0 : (long)st.st_size;
}

/* All lines are whole, and there are so many. */
static void check_lines(int want)
{
	struct db *db = must_open(in_dir("check.db"), DB_CREATE);
	struct db_moved m = { 0 };
	char text[16];

	CHECK(db_import(db, spool(), &m) == 0, "%s", db_error(db));
	CHECK_INT(m.new_runs, want);
	snprintf(text, sizeof(text), "%d", want);
	CHECK_STR(first_value(db, "SELECT count(*) FROM run"), text);
	db_close(db);
	unlink(in_dir("check.db"));
}

static int wait_for(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The other one appends just when this one has written half a line. */
static void test_between(void)
{
	pid_t other;
	char x;

	CHECK_INT(append(), 0);
	CHECK_INT(pipe(ready), 0);
	fflush(stdout);
	other = fork();
	if (other == 0) {
		close(ready[1]);
		_exit(read(ready[0], &x, 1) == 1 && append() == 0 ? 0 : 1);
	}
	waits = true;
	limit_file(size_of_spool() + 300);
	CHECK_INT(append(), DB_ERR_FULL);
	limit_file(-1);
	waits = false;
	close(ready[1]);
	CHECK_INT(wait_for(other), 0);
	check_lines(2);
}

/* Nor is a line cut that came in spite of the lock. */
static void test_intruder(void)
{
	char end[7] = "";
	int fd;

	unlink(spool());
	CHECK_INT(append(), 0);
	limit_file(size_of_spool() + 300);
	intrudes = true;
	CHECK_INT(append(), DB_ERR_FULL);
	limit_file(-1);
	fd = open(spool(), O_RDONLY);
	CHECK(pread(fd, end, 6, size_of_spool() - 6) == 6 && strcmp(end, "other\n") == 0,
	      "ends with \"%s\"", end);
	close(fd);
}

/* Half of the writers meet a full disk in each second round. */
static int write_many(int number)
{
	int stored = 0;

	test_failed = 0;
	for (int i = 0; i < ROUNDS; i++) {
		if (number % 2 && i % 2)
			limit_file(size_of_spool() + 200);
		stored += append() == 0;
		limit_file(-1);
	}
	return test_failed ? 255 : stored;
}

static void test_many(void)
{
	pid_t pid[WRITERS];
	int stored = 0;

	unlink(spool());
	fflush(stdout);
	for (int i = 0; i < WRITERS; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			_exit(write_many(i));
	}
	for (int i = 0; i < WRITERS; i++)
		stored += wait_for(pid[i]);
	CHECK(stored >= WRITERS / 2 * ROUNDS && stored < WRITERS * ROUNDS, "%d stored", stored);
	check_lines(stored);
}

int main(void)
{
	make_test_dir();
	signal(SIGXFSZ, SIG_IGN);
	test_between();
	test_intruder();
	test_many();
	remove_test_dir();
	return test_end();
}
