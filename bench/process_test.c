/* SPDX-License-Identifier: MIT
 *
 * Other programs: those that end well, fail, crash, hang, talk too much, leave others behind, are
 * interrupted, and those whose parent dies.
 */
#define _GNU_SOURCE
#include "process.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

/* Within ten seconds. A zombie, which nobody may come for in a container, is gone. */
static bool gone(int pid)
{
	char path[32], state = 'Z';

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	for (int i = 0; i < 1000; i++) {
		FILE *f = fopen(path, "r");
		if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = 'Z';
		if (f)
			fclose(f);
		if (state == 'Z')
			return true;
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	}
	return false;
}

static struct process_result run(const char *script, double timeout_s, struct err *e)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	struct process_job job = { .argv = argv, .timeout_s = timeout_s, .keep_out = true };
	struct process_result r;

	*e = (struct err){ 0 };
	process_run(&job, &r, e);
	return r;
}

static void check_status(const char *script, int want)
{
	struct err e;
	struct process_result r = run(script, 20, &e);

	CHECK(!e.code, "%s: %s", script, e.msg);
	CHECK(r.status == want, "%s: status %d, want %d", script, r.status, want);
	CHECK(!r.timed_out, "%s", script);
	process_free(&r);
}

static void test_status(void)
{
	check_status("exit 0", 0);
	check_status("exit 7", 7);
	check_status("kill -SEGV $$", 128 + SIGSEGV);
	check_status("kill -KILL $$", 128 + SIGKILL);
	check_status("read x", 1); /* standard input is empty */
}

static void test_output(void)
{
	struct err e;
	struct process_result r = run("echo out; printf 'first\\nbench: last \\n\\n' >&2", 20, &e);

	CHECK_STR(r.out, "out\n");
	CHECK_STR(process_last_words(&r), "bench: last");
	process_free(&r);
	/* More than pipes hold, on both at once: nobody waits for the other. */
	r = run("yes | head -c 3000000 >&2 & yes | head -c 2000001; wait; echo end >&2", 20, &e);
	CHECK_INT(r.out_bytes, 2000001);
	CHECK_INT(strlen(r.err_tail), PROCESS_TAIL - 1);
	CHECK_STR(process_last_words(&r), "end");
	process_free(&r);
	r = run("true", 20, &e);
	CHECK_INT(r.out_bytes, 0);
	CHECK_STR(process_last_words(&r), "");
	process_free(&r);
}

static void test_timeout(void)
{
	struct err e;
	struct process_result r = run("echo before; sleep 1000", 0.1, &e);

	CHECK(r.timed_out && r.status == PROCESS_TIMED_OUT, "status %d", r.status);
	CHECK_STR(r.out, "before\n");
	CHECK(r.seconds < 500, "%g s: it was waited for", r.seconds);
	process_free(&r);
}

/* The program is over; what it started in the background is neither waited for nor left alone. */
static void test_left_behind(void)
{
	struct err e;
	struct process_result r = run("sleep 1000 & echo $!", 0, &e);
	int pid = atoi(r.out);

	CHECK(r.seconds < 500, "%g s: it was waited for", r.seconds);
	CHECK(pid > 1 && gone(pid), "process %d is still there", pid);
	process_free(&r);
}

static void check_not_started(struct process_job job, const char *word)
{
	struct err e = { 0 };
	struct process_result r;

	CHECK(process_run(&job, &r, &e) == -ERR_FAILED, "status %d", r.status);
	CHECK(strstr(e.msg, "cannot be started") && strstr(e.msg, word), "%s", e.msg);
	process_free(&r);
}

static void test_not_started(void)
{
	const char *none[] = { "/no/such/program", NULL }, *true_[] = { "true", NULL };

	check_not_started((struct process_job){ .argv = none }, "/no/such/program");
	check_not_started((struct process_job){ .argv = true_, .directory = "/no/such/place" },
			  "/no/such/place");
}

static void count(void *arg, double seconds)
{
	*(double *)arg = seconds;
}

static void test_tick(void)
{
	const char *argv[] = { "sleep", "1.2", NULL };
	double at = 0;
	struct process_job job = { .argv = argv, .tick = count, .tick_arg = &at };
	struct process_result r;
	struct err e = { 0 };

	process_run(&job, &r, &e);
	CHECK(at >= 1, "%g", at);
	CHECK(!r.out, "kept what was not asked for");
	process_free(&r);
}

/* In a process of its own: signals are counted for good. The child says which one it got. */
static void test_interrupt(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct err e;
		struct process_result r;
		process_catch_signals();
		r = run("trap 'echo got; exit 9' INT; kill -INT $PPID; "
			"while :; do sleep 0.01; done", 20, &e);
		_exit(process_interrupted() && r.status == 9 && !strcmp(r.out, "got\n") ? 42 : 1);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42, "status %x", status);
}

/* The parent is killed while its child sleeps: the child does not stay. */
static void test_orphan(void)
{
	int fd[2], child = 0;
	pid_t pid;

	CHECK(pipe(fd) == 0, "no pipe");
	pid = fork();
	if (pid == 0) {
		char script[64];
		struct err e;
		struct process_result r;
		snprintf(script, sizeof script, "echo $$ >/dev/fd/%d; exec sleep 30", fd[1]);
		r = run(script, 0, &e);
		_exit(r.status);
	}
	close(fd[1]);
	for (char c; read(fd[0], &c, 1) == 1 && c >= '0';)
		child = 10 * child + c - '0';
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK(child > 1 && gone(child), "process %d is still there", child);
	close(fd[0]);
}

int main(void)
{
	test_status();
	test_output();
	test_timeout();
	test_left_behind();
	test_not_started();
	test_tick();
	test_interrupt();
	test_orphan();
	return test_end();
}
