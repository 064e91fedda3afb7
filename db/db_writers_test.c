/* SPDX-License-Identifier: MIT
 *
 * Many processes write at once and some are killed: the file stays whole, and every run that was
 * reported as recorded is there. A writer reports by the uuid of a run, in a pipe, after
 * db_put_run() has returned.
 *
 *	db_writers_test          16 writers of 40 runs, 200 kills
 *	db_writers_test --long   16 writers of 625 runs: 10,000
 */
#include "db_sample.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

enum { WRITERS = 16, KILLS = 200, UUID_BYTES = 36, REPORTS_MAX = 60000 };

static struct reports {
	char uuid[REPORTS_MAX][UUID_BYTES + 1];
	int n;
} reported, stored;

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

/* ---- a writer ---- */

/* Waits until the other end of `gate` is closed, unless it is NULL, then stores n runs. */
static pid_t start_writer(const char *path, int n, const int *gate, const int *report)
{
	struct db *db;
	pid_t pid;
	char byte;
	int rc = 0;

	fflush(stdout);
	pid = fork();
	must(pid >= 0, "fork");
	if (pid)
		return pid;
	close(report[0]);
	if (gate) {
		close(gate[1]);
		must(read(gate[0], &byte, 1) == 0, "gate");
	}
	db = must_open(path, DB_CREATE);
	for (int i = 0; i < n && !rc; i++) {
		struct db_run run = sample_run(i);

		rc = db_begin_run(db, &run) || db_put_run(db, &run, NULL);
		if (!rc && write(report[1], run.uuid, UUID_BYTES) != UUID_BYTES)
			rc = 2;
	}
	if (rc)
		printf("writer: %s\n", db_error(db));
	fflush(stdout);
	db_close(db);
	_exit(rc ? 1 : 0);
}

/* One report; false at the end of all writers. */
static bool read_report(int fd)
{
	char *uuid = reported.uuid[reported.n];
	ssize_t n = read(fd, uuid, UUID_BYTES);

	if (n != UUID_BYTES)
		return false;
	must(reported.n + 1 < REPORTS_MAX, "too many reports");
	reported.n++;
	return true;
}

/* ---- what is in the file ---- */

static int stored_row(void *arg, int n, const char *const *names, const struct db_value *v)
{
	(void)arg, (void)n, (void)names;
	if (v && stored.n < REPORTS_MAX)
		snprintf(stored.uuid[stored.n++], UUID_BYTES + 1, "%s", v[0].text);
	return 0;
}

static int by_uuid(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The file is whole, every reported run is there, and no run is there in part. Returns how many
 * are complete. */
static int check_file(struct db *db)
{
	int missing = 0;

	CHECK(db_check(db, say_nothing, NULL) == 0, "%s", db_error(db));
	CHECK_STR(first_value(db, "SELECT count(*) FROM run r WHERE status = 'ok' AND (5, 2, 2) <> "
			      "(SELECT (SELECT count(*) FROM sample s WHERE s.run_id = r.run_id), "
			      "(SELECT count(*) FROM summary s WHERE s.run_id = r.run_id), "
			      "(SELECT count(*) FROM opcount s WHERE s.run_id = r.run_id))"), "0");
	stored.n = 0;
	CHECK(db_query(db, "SELECT uuid FROM run WHERE status = 'ok' ORDER BY uuid", NULL, 0,
		       stored_row, NULL) == 0, "%s", db_error(db));
	for (int i = 0; i < reported.n; i++)
		missing += !bsearch(reported.uuid[i], stored.uuid, (size_t)stored.n,
				    sizeof(stored.uuid[0]), by_uuid);
	CHECK(missing == 0, "%d of %d reported runs are not there", missing, reported.n);
	return stored.n;
}

/* ---- all at once ---- */

/* They make the file together and store in turn; nothing is lost. */
static void test_writers(const char *path, int writers, int runs)
{
	int gate[2], report[2], status;
	pid_t pid[WRITERS];
	struct db *db;

	reported.n = 0;
	must(pipe(gate) == 0 && pipe(report) == 0, "pipe");
	for (int i = 0; i < writers; i++)
		pid[i] = start_writer(path, runs, gate, report);
	close(gate[0]);
	close(gate[1]);
	close(report[1]);
	while (read_report(report[0]))
		;
	close(report[0]);
	for (int i = 0; i < writers; i++) {
		waitpid(pid[i], &status, 0);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "writer %d: status %d", i,
		      status);
	}
	CHECK_INT(reported.n, writers * runs);
	db = must_open(path, 0);
	CHECK_INT(check_file(db), writers * runs);
	db_close(db);
}

static void test_making(void)
{
	char name[32];

	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "made%d.db", i);
		test_writers(in_dir(name), 4, 3);
	}
}

/* ---- killed ---- */

static unsigned random_below(unsigned n)
{
	static unsigned seed = 12345;

	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

/* Kills a writer some time after it has reported some runs, early ones while it opens the file;
 * what it reported until then counts. */
static void kill_writer(const char *path, int after_reports)
{
	int report[2];
	pid_t pid;

	must(pipe(report) == 0, "pipe");
	pid = start_writer(path, 1000000, NULL, report);
	close(report[1]);
	while (after_reports-- > 0 && read_report(report[0]))
		;
	usleep(random_below(6000));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (read_report(report[0]))
		;
	close(report[0]);
}

static void test_kill(void)
{
	char path[512];
	int complete = 0, cut_off = 0;
	struct db *db;

	snprintf(path, sizeof(path), "%s", in_dir("killed.db"));
	reported.n = 0;
	for (int k = 0; k < KILLS; k++) {
		kill_writer(path, k % 4 ? (int)random_below(4) : 0);
		db = must_open(path, DB_CREATE);
		cut_off += *first_value(db, "SELECT 1 FROM run WHERE status = 'running'") != 0;
		complete = check_file(db);
		db_close(db);
	}
	CHECK(reported.n > KILLS / 2 && cut_off > KILLS / 20,
	      "%d runs reported, %d killed in the middle: nothing was tried", reported.n, cut_off);
	printf("%d kills: %d runs reported, %d complete, %d times one cut off\n", KILLS, reported.n,
	       complete, cut_off);
}

int main(int argc, char **argv)
{
	bool full = argc > 1 && strcmp(argv[1], "--long") == 0;

	make_test_dir();
	test_making();
	test_writers(in_dir("shared.db"), WRITERS, full ? 625 : 40);
	printf("%d writers: %d runs\n", WRITERS, stored.n);
	test_kill();
	remove_test_dir();
	return test_end();
}
