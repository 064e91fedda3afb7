/* SPDX-License-Identifier: MIT
 *
 * `bench run` as a process of its own: the unit of replication of everything that compares. The
 * child measures and records; the parent reads its JSON (bench.result/1) and its exit status.
 *
 * This program's children write into the user's database themselves. Another binary may know an
 * older or a newer schema: it gets a database of its own, which the caller merges afterwards.
 */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <jansson.h>

#include "process.h"

struct child_job {
	const char *binary;      /* a bench program; NULL: this one */
	const char *directory;   /* where it runs; NULL: here */
	const char *workload;
	const char *const *args; /* further words, "--set", "steps=2", NULL-terminated; or NULL */
	const char *const *more; /* and more of them; or NULL */
	int samples, warmup;     /* so many repetitions, after so many; samples 0: it chooses */
	const char *db;          /* the file it records in; NULL: nowhere */
	double timeout_s;        /* 0: none */
	void (*tick)(void *arg, double seconds); /* once a second while it runs; or NULL */
	void *tick_arg;
};

struct child_result {
	int status;     /* exit status, 128 + signal, or PROCESS_TIMED_OUT */
	double seconds; /* of the whole process, without waiting for its turn */
	json_t *json;   /* owned; NULL: it printed none */
	json_t *run;    /* runs[0] in there; NULL: none */
	char uuid[37];  /* of the run it recorded; "": none */
	int turns;      /* that it took, with another one in between; 0: it ran apart */
};

/* Runs it to its end. 0 when it measured what was asked for. Otherwise the sentence says what
 * happened, in the child's own words where it had any, and the code is its exit status where that
 * is one of err.h, else ERR_FAILED; the result holds what there is. child_free() in any case. */
int child_run(const struct child_job *job, struct child_result *r, struct err *e);
void child_free(struct child_result *r);

/* Two of them in turns (turns.h), `first` first; `second` alone after it where one of the programs
 * knows no turns, and not at all when `first` fails before it could start. One that fails ends the
 * other, too. r[i] and e[i] as of child_run(), but that only the one at fault has an error;
 * r[i].status is -1 for one that was not started. */
void child_run_in_turns(const struct child_job job[2], int first, struct child_result r[2],
			struct err e[2]);

/* A child in steps (process.h). `turns`: its end of a socket; 0: it does not take turns. The job
 * and `c` stay where they are until it is finished. */
#define CHILD_WORDS 128

struct child_process {
	const struct child_job *job;
	const char *argv[CHILD_WORDS + 1];
	char samples[16], warmup[16];
	struct process_job how;
	struct process process;
};

int child_start(struct child_process *c, const struct child_job *job, int turns, struct err *e);
int child_finish(struct child_process *c, struct child_result *r, struct err *e);

/* Whether `binary` is another program than this one, byte for byte. NULL: no. */
bool child_is_foreign(const char *binary);

#endif
