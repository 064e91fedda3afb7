/* SPDX-License-Identifier: MIT
 *
 * Inside a timed step no thread makes a system call and nothing talks to the database. (Reading the
 * clock is none: the vDSO answers. Allocations that stay inside the process: alloc_test.c.)
 *
 * This program runs `bench run` in a child of itself and traces every thread of it with ptrace. The
 * linker puts functions of this file around ctx_step_begin() and ctx_step_end(), which enclose a
 * timed step, and around SQLite's (--wrap, see the Makefile); they tell the tracer where a step
 * begins and ends by a system call that Linux does not know.
 *
 * One exception is allowed, by name: futex, when libgomp makes it at the end of a parallel region.
 * The last thread at a barrier always calls FUTEX_WAKE, whether someone sleeps or not, even in a
 * team of one; a thread whose patience ends calls FUTEX_WAIT, which a team of one never does.
 *
 * That the trap works is shown each time: children that do so on purpose must be caught.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <omp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctx.h"
#include "options.h"
#include "test.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__linux__)
int main(void)
{
	return test_skip("sanitizers make system calls of their own");
}
#else

#define MARK     0x42454e43 /* no option of prctl(2) */
#define CALLS    512        /* numbers of system calls are below */
#define OPERATION 0x7f       /* without flags */

/* What child and tracer share. */
struct report {
	long steps, sql; /* timed steps; statements run inside one */
};

static struct report *report;
static const char *crime; /* of the child: "", "call", "thread", "sql", "file" */

/* ---- in the child ------------------------------------------------------------------------------
 */

typedef int row_fn(void *arg, int n, char **values, char **names);

/* The linker's names. */
void __real_ctx_step_begin(struct ctx *c, enum pass pass, struct plan *plan);
void __wrap_ctx_step_begin(struct ctx *c, enum pass pass, struct plan *plan);
int __real_ctx_step_end(struct ctx *c);
int __wrap_ctx_step_end(struct ctx *c);
int __real_sqlite3_step(sqlite3_stmt *s);
int __wrap_sqlite3_step(sqlite3_stmt *s);
int __real_sqlite3_exec(sqlite3 *db, const char *sql, row_fn *row, void *arg, char **error);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, row_fn *row, void *arg, char **error);

static volatile bool inside;

static void mark(bool on)
{
	syscall(SYS_prctl, MARK, (long)on, 0L, 0L, 0L);
	inside = on;
}

static void commit_crime(void)
{
	sqlite3 *db;

	if (strcmp(crime, "call") == 0)
		syscall(SYS_getppid);
	else if (strcmp(crime, "file") == 0)
		close(open("/dev/null", O_RDONLY));
	else if (strcmp(crime, "sql") == 0 && !sqlite3_open(":memory:", &db))
		sqlite3_exec(db, "SELECT 1", NULL, NULL, NULL);
	if (strcmp(crime, "thread") == 0) {
#pragma omp parallel
		if (omp_get_thread_num() == 1)
			syscall(SYS_getppid);
	}
}

/* Here the clock is already running, and there it still is. Steps without a plan are not timed. */
void __wrap_ctx_step_begin(struct ctx *c, enum pass pass, struct plan *plan)
{
	if (pass == PASS_RUN && plan) {
		report->steps++;
		mark(true);
		if (*crime)
			commit_crime();
	}
	__real_ctx_step_begin(c, pass, plan);
}

int __wrap_ctx_step_end(struct ctx *c)
{
	int rc = __real_ctx_step_end(c);

	if (inside)
		mark(false);
	return rc;
}

int __wrap_sqlite3_step(sqlite3_stmt *s)
{
	report->sql += inside;
	return __real_sqlite3_step(s);
}

int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, row_fn *row, void *arg, char **error)
{
	report->sql += inside;
	return __real_sqlite3_exec(db, sql, row, arg, error);
}

/* argv: this program, "child", memory of the report, crime, then a command line of bench. */
static int be_child(int argc, char **argv)
{
	struct err e = { 0 };
	static struct options o;
	int null = open("/dev/null", O_WRONLY), memory = atoi(argv[2]);

	report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	crime = argv[3];
	dup2(null, STDOUT_FILENO);
	omp_set_num_threads(atoi(getenv("OMP_NUM_THREADS")));
	if (report == MAP_FAILED || options_parse(&o, argc - 3, argv + 3, &e) ||
	    o.verb->run(&o, &e))
		fprintf(stderr, "%s\n", e.msg);
	return (int)e.code;
}

/* ---- the tracer --------------------------------------------------------------------------------
 */

struct trap {
	struct report report;
	long calls[CALLS]; /* inside timed steps, of all threads */
	long futex[2];     /* FUTEX_WAIT, and others than that and FUTEX_WAKE */
	int status;
	bool refused; /* this system does not let us trace */
};

static void start_child(int memory, const char *crime_of_child, int threads, const char *words)
{
	char copy[256], number[16], count[16], *rest = copy;
	char *argv[24] = { "timed_region", "child" };
	int n = 4;

	snprintf(copy, sizeof copy, "%s", words);
	snprintf(number, sizeof number, "%d", memory);
	snprintf(count, sizeof count, "%d", threads);
	argv[2] = number;
	argv[3] = (char *)crime_of_child;
	for (char *word; n < 23 && (word = strsep(&rest, " "));)
		argv[n++] = word;
	argv[n] = NULL;
	setenv("OMP_NUM_THREADS", count, 1);
	setenv("OMP_DYNAMIC", "false", 1);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(126);
	execv("/proc/self/exe", argv);
	_exit(127);
}

/* One stop at a system call: the entry of a thread alternates with its exit, and only entries have
 * this kind of information. */
static void look(struct trap *t, pid_t thread, bool *in_step)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, (void *)sizeof info, &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	if (info.entry.nr == SYS_prctl && info.entry.args[0] == MARK) {
		*in_step = info.entry.args[1];
		return;
	}
	if (!*in_step || info.entry.nr >= CALLS)
		return;
	t->calls[info.entry.nr]++;
	if (info.entry.nr == SYS_futex && (info.entry.args[1] & OPERATION) != FUTEX_WAKE)
		t->futex[(info.entry.args[1] & OPERATION) != FUTEX_WAIT]++;
}

/* Until the last thread has ended. */
static void follow(struct trap *t, pid_t child)
{
	bool in_step = false, running = true;

	while (running) {
		int status, sig = 0;
		pid_t thread = waitpid(-1, &status, __WALL);
		if (thread < 0 && errno == ECHILD)
			break;
		if (thread < 0)
			continue;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (thread == child) {
				t->status = WIFEXITED(status) ? WEXITSTATUS(status)
							      : 128 + WTERMSIG(status);
				running = false;
			}
			continue;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			look(t, thread, &in_step);
		else if (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP)
			sig = WSTOPSIG(status);
		ptrace(PTRACE_SYSCALL, thread, NULL, (void *)(long)sig);
	}
}

static struct trap run_trapped(const char *crime_of_child, int threads, const char *words)
{
	struct trap t = { 0 };
	int memory = memfd_create("report", 0), status;
	pid_t child;

	if (memory < 0 || ftruncate(memory, sizeof *report)) {
		t.refused = true;
		return t;
	}
	child = fork();
	if (child == 0)
		start_child(memory, crime_of_child, threads, words);
	waitpid(child, &status, 0);
	t.refused = !WIFSTOPPED(status) ||
		    ptrace(PTRACE_SETOPTIONS, child, NULL,
			   (void *)(long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE |
					  PTRACE_O_EXITKILL));
	if (!t.refused) {
		ptrace(PTRACE_SYSCALL, child, NULL, NULL);
		follow(&t, child);
	}
	if (pread(memory, &t.report, sizeof t.report, 0) != (ssize_t)sizeof t.report)
		t.refused = true;
	close(memory);
	return t;
}

/* ---- what must be true -------------------------------------------------------------------------
 */

static void check_clean(int threads, const char *words)
{
	struct trap t = run_trapped("", threads, words);

	CHECK_INT(t.status, 0);
	CHECK(t.report.steps > 3, "%s: %ld steps", words, t.report.steps);
	CHECK(t.report.sql == 0, "%s: %ld statements in timed steps", words, t.report.sql);
	for (int nr = 0; nr < CALLS; nr++)
		CHECK(!t.calls[nr] || nr == SYS_futex, "%s, %d threads: system call %d, %ld times "
		      "in %ld timed steps", words, threads, nr, t.calls[nr], t.report.steps);
	CHECK(t.futex[0] == 0 || threads > 1, "one thread waited %ld times", t.futex[0]);
	CHECK_INT(t.futex[1], 0);
	printf("%d thread%s, %ld steps: futex %ld times (%ld of them to sleep), no other call\n",
	       threads, threads > 1 ? "s" : "", t.report.steps, t.calls[SYS_futex], t.futex[0]);
}

#define SMALL \
	"run sdxl-20steps-mini --set steps=2 --set height=64 --set width=64 --quiet " \
	"--warmup 0 --samples 1"

static void check_caught(void)
{
	struct trap t = run_trapped("call", 1, SMALL " --no-db --backend null");

	CHECK_INT(t.calls[SYS_getppid], t.report.steps);
	t = run_trapped("file", 1, SMALL " --no-db --backend null");
	CHECK_INT(t.calls[SYS_openat], t.report.steps);
	t = run_trapped("sql", 1, SMALL " --no-db --backend null");
	CHECK_INT(t.report.sql, t.report.steps);
	t = run_trapped("thread", 2, SMALL " --no-db --backend null");
	CHECK_INT(t.calls[SYS_getppid], t.report.steps);
}

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "child") == 0)
		return be_child(argc, argv);
	if (run_trapped("", 1, SMALL " --no-db --backend null").refused)
		return test_skip("this system does not let a program trace its child");
	check_caught();
	check_clean(1, SMALL " --no-db --set dtype=fp32");
	check_clean(1, SMALL " --db :memory: --trace");
	check_clean(2, SMALL " --no-db --trace");
	return test_end();
}
#endif
