/* SPDX-License-Identifier: MIT
 *
 * Runs one other program to its end: what it prints is collected, it may not take longer than it
 * is given, Ctrl-C reaches it, and it does not outlive this program.
 *
 * The child leads a process group of its own, so that a Ctrl-C at the terminal is delivered here
 * and passed on exactly once. Its standard input is empty.
 */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define PROCESS_TIMED_OUT 124 /* exit status, as of timeout(1) */
#define PROCESS_TAIL      4096

struct process_job {
	const char *const *argv; /* NULL-terminated; argv[0] without a slash is looked up in PATH */
	const char *program;     /* what is executed, when that is not argv[0]; or NULL */
	const char *directory;   /* where it runs; NULL: here */
	double timeout_s;        /* 0: none; then SIGTERM, two seconds later SIGKILL */
	bool keep_out;           /* collect standard output; otherwise it is thrown away */
	int inherits;            /* a descriptor that it gets under the same number; 0: none */

	/* Called about once a second while the child runs; or NULL. */
	void (*tick)(void *arg, double seconds);
	void *tick_arg;
};

struct process_result {
	int status;     /* exit status, or 128 + signal, or PROCESS_TIMED_OUT */
	bool timed_out;
	double seconds;
	char *out;      /* with a 0 behind it; owned; NULL without keep_out */
	size_t out_bytes;
	char err_tail[PROCESS_TAIL]; /* the last of what it wrote to standard error */
};

/* Fails (ERR_FAILED) only when the child could not be started or its output could not be kept; how
 * it ended is in the result. process_free() in any case. */
int process_run(const struct process_job *job, struct process_result *r, struct err *e);
void process_free(struct process_result *r);

/* The last line of the tail that says something; "" when there is none. Changes the tail. */
const char *process_last_words(struct process_result *r);

/*
 * The same in steps, for up to PROCESSES_MAX at a time: start, then as often as something happens
 * attend, which returns true when the child has ended, then finish. A process that could not be
 * started has ended; it may be finished, too.
 *
 *	process_start(&p, &job, e);
 *	while (!process_attend(&p, e)) {
 *		n = process_watch(&p, fds);
 *		poll(fds, n, p.wait_ms);
 *	}
 *	process_finish(&p, &result);
 */
#define PROCESSES_MAX 2
#define PROCESS_FDS   3

struct process {
	const struct process_job *job; /* borrowed */
	struct process_result r;
	int pid, status;        /* status: as of waitpid() */
	bool ended;
	int wait_ms;            /* attend again after that long at the latest */
	double start_s, ticked_s;
	int out, err, pidfd;    /* read ends; -1: closed */
	size_t capacity, tail;  /* of r.out; used of r.err_tail */
};

int process_start(struct process *p, const struct process_job *job, struct err *e);
int process_watch(const struct process *p, struct pollfd fds[PROCESS_FDS]);
bool process_attend(struct process *p, struct err *e);
void process_wait(struct process *p, struct err *e); /* attends to one until it has ended */
void process_stop(const struct process *p); /* SIGTERM */
void process_finish(struct process *p, struct process_result *r);

/*
 * From now on SIGINT and SIGTERM are counted and passed on to the children that run.
 * The third one ends this program at once. A loop over children asks process_interrupted() after
 * each of them.
 */
void process_catch_signals(void);
bool process_interrupted(void);

#endif
