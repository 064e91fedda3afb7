/* SPDX-License-Identifier: MIT
 *
 * Two processes in turns. This program plays both sides: called as `turns_test run WORKLOAD` it
 * pretends to measure and logs when each of its steps begins and ends.
 */
#define _GNU_SOURCE
#include "turns.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "child.h"
#include "cli_child.h"
#include "interrupt.h"
#include "test.h"

#define STEP_NS 3000000

/* ---- the pretender -----------------------------------------------------------------------------
 */

static const char *word_after(char **argv, const char *option)
{
	for (; *argv; argv++)
		if (strcmp(*argv, option) == 0)
			return argv[1];
	return "";
}

/* "A( 0.25\n": a step of arm A begins, a quarter of its work is done; "A)" it ends. */
static void log_event(const char *arm, char what, double done)
{
	int fd = open("log", O_WRONLY | O_APPEND | O_CREAT, 0600);

	dprintf(fd, "%s%c %.17g\n", arm, what, done);
	close(fd);
}

static void *spin(void *arg)
{
	for (volatile int forever = 1; forever;)
		;
	return arg;
}

static int pretend(char **argv)
{
	const char *what = argv[2], *arm = word_after(argv, "--tag");
	int steps = atoi(word_after(argv, "--samples"));
	struct turns t = { .fd = -1 };
	pthread_t thread;

	interrupt_catch();
	log_event(arm, '<', 0);
	if (strcmp(what, "early") == 0)
		return ERR_FAILED;
	if (strcmp(what, "spinner") == 0)
		pthread_create(&thread, NULL, spin, NULL);
	if (strcmp(what, "deaf") != 0)
		turns_open(&t);
	for (int i = 0; i < steps && !interrupted(); i++) {
		if (turns_due(&t, (double)i / steps))
			turns_pass(&t, (double)i / steps);
		if (i == 10 && strcmp(what, "late") == 0)
			return ERR_FAILED;
		if (i == 10 && strcmp(what, "stuck") == 0)
			pause();
		if (i == 10 && strcmp(what, "ctrl-c") == 0)
			kill(getppid(), SIGINT);
		log_event(arm, '(', (double)i / steps);
		nanosleep(&(struct timespec){ 0, STEP_NS }, NULL);
		log_event(arm, ')', (i + 1.0) / steps);
	}
	if (interrupted())
		return ERR_INTERRUPTED;
	printf("{\"schema\":\"bench.result/1\",\"runs\":[{\"turns\":%d}]}\n", t.taken);
	return 0;
}

/* ---- the leader --------------------------------------------------------------------------------
 */

struct played {
	struct child_result r[2];
	struct err e[2];
	char *log; /* owned */
};

static struct played play(const char *a, const char *b, int steps_a, int steps_b, double timeout_s)
{
	static const char *const tag_a[] = { "--tag", "A", NULL }, *const tag_b[] = { "--tag", "B",
										      NULL };
	struct child_job job[2] = {
		{ .workload = a, .args = tag_a, .samples = steps_a, .timeout_s = timeout_s },
		{ .workload = b, .args = tag_b, .samples = steps_b, .timeout_s = timeout_s },
	};
	struct played p = { .log = strdup("log") };

	unlink("log");
	child_run_in_turns(job, 0, p.r, p.e);
	cli_slurp(&p.log);
	return p;
}

static void played_free(struct played *p)
{
	child_free(&p->r[0]);
	child_free(&p->r[1]);
	free(p->log);
}

/* Nobody computes while the other does, and who gives the turn away has caught up with the other.
 * Returns how often the turn changed hands. */
static int check_order(const char *log)
{
	double done[2] = { 0, 0 }, d;
	int inside = -1, last = -1, changes = 0;
	char arm, what;

	for (const char *line = log; sscanf(line, "%c%c %lf", &arm, &what, &d) == 3;) {
		int i = arm - 'A';
		if (what == '(') {
			CHECK(inside < 0, "%c computes beside %c", arm, 'A' + inside);
			if (last >= 0 && last != i) {
				CHECK(done[last] >= done[i], "%c leaves at %g, %c is at %g",
				      'A' + last, done[last], arm, done[i]);
				changes++;
			}
			inside = last = i;
		} else if (what == ')') {
			inside = -1;
			done[i] = d;
		}
		line = strchr(line, '\n') + 1;
	}
	CHECK(done[0] == 1 && done[1] == 1, "%g %g done", done[0], done[1]);
	return changes;
}

static void test_turns(void)
{
	struct played p = play("w", "w", 60, 60, 60);

	CHECK(!p.e[0].code && !p.e[1].code, "%s %s", p.e[0].msg, p.e[1].msg);
	CHECK(check_order(p.log) >= 4, "the turn hardly changes:\n%s", p.log);
	CHECK(p.r[0].turns > 1 && p.r[1].turns > 1, "%d %d turns", p.r[0].turns, p.r[1].turns);
	for (int i = 0; i < 2; i++)
		CHECK_INT(json_integer_value(json_object_get(p.r[i].run, "turns")), p.r[i].turns);
	played_free(&p);
	p = play("w", "w", 90, 30, 60); /* other steps for the same work */
	CHECK(check_order(p.log) >= 2, "the turn hardly changes:\n%s", p.log);
	played_free(&p);
}

/* One after the other: who can wait computes last. */
static void check_apart(const char *a, const char *b, char first)
{
	struct played p = play(a, b, 20, 20, 60);

	CHECK(!p.e[0].code && !p.e[1].code, "%s, %s: %s %s", a, b, p.e[0].msg, p.e[1].msg);
	CHECK_INT(check_order(p.log), 1);
	CHECK_INT(strchr(p.log, '(')[-1], first);
	CHECK(p.r[0].turns == 0 && p.r[1].turns == 0, "%s, %s: %d %d turns", a, b, p.r[0].turns,
	      p.r[1].turns);
	played_free(&p);
}

static void test_without(void)
{
	check_apart("deaf", "deaf", 'A');
	check_apart("deaf", "w", 'A');
	check_apart("w", "deaf", 'B');
	check_apart("spinner", "w", 'A');
}

static void test_failures(void)
{
	struct played p = play("early", "w", 20, 20, 60);

	CHECK(p.e[0].code == ERR_FAILED && p.r[1].status == -1, "status %d", p.r[1].status);
	CHECK(!strstr(p.log, "B"), "B was started:\n%s", p.log);
	played_free(&p);
	p = play("w", "late", 10000, 20, 60); /* A does not go on for half a minute */
	CHECK(p.e[1].code == ERR_FAILED && !p.e[0].code, "%s", p.e[0].msg);
	CHECK(p.r[0].status == ERR_INTERRUPTED, "status %d", p.r[0].status);
	played_free(&p);
	p = play("w", "stuck", 20, 20, 0.5); /* A has waited for as long */
	CHECK(p.e[1].code == ERR_FAILED && strstr(p.e[1].msg, "did not end"), "%s", p.e[1].msg);
	CHECK(!p.e[0].code, "%s", p.e[0].msg);
	played_free(&p);
}

/* Who waits ends as well. In a process of its own, since signals are counted for good. */
static void test_interrupt(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct played p;
		process_catch_signals();
		p = play("w", "ctrl-c", 2000, 2000, 60);
		_exit(p.e[0].code == ERR_INTERRUPTED && p.e[1].code == ERR_INTERRUPTED ? 42 : 1);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42, "status %x", status);
}

/* A real one: it is told in the result and in the database. */
static void test_program(void)
{
	static const char *const little[] = { "--threads", "1", "--set", "steps=20", NULL };
	struct child_job job = { .binary = cli_program, .workload = "sdxl-20steps-mini",
				 .args = little, .samples = 3, .warmup = 1, .db = "t.db",
				 .timeout_s = 300 };
	struct child_job both[2] = { job, job };
	struct child_result r[2];
	struct err e[2] = { { 0 }, { 0 } };

	child_run_in_turns(both, 1, r, e);
	for (int i = 0; i < 2; i++) {
		json_t *soft = json_object_get(json_object_get(r[i].run, "fingerprint"), "soft");
		CHECK(!e[i].code, "%s", e[i].msg);
		CHECK(json_integer_value(json_object_get(r[i].run, "turns")) > 1, "no turns");
		CHECK(json_integer_value(json_object_get(soft, "turns")) > 1, "not recorded");
		CHECK(json_number_value(json_object_get(r[i].run, "turns_waited_s")) > 0, "waits");
		CHECK_INT(json_array_size(json_object_get(r[i].run, "latency_samples_s")), 3);
	}
	CHECK_STR(json_string_value(json_object_get(r[0].run, "output_sha256")),
		  json_string_value(json_object_get(r[1].run, "output_sha256")));
	child_free(&r[0]);
	child_free(&r[1]);
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "run") == 0)
		return pretend(argv);
	cli_begin();
	test_turns();
	test_without();
	test_failures();
	test_interrupt();
	test_program();
	cli_end();
	return test_end();
}
