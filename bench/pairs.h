/* SPDX-License-Identifier: MIT
 *
 * Two arms, A (the base) and B (the candidate), measured as pairs of processes. A block is one
 * process of each arm; which comes first is drawn by a coin (pair_swapped), because the test of the
 * pairs stands on that and because a machine can swing in step with any fixed order:
 *
 *	[A]  A B  B A  B A  A B ...
 *
 * The two of a pair take turns, a few steps at a time (turns.h), where both programs are known to
 *be able to, memory holds both, and the plan does not keep them apart. So the first pair of a
 *program that is not this one runs apart.
 *
 * The process in front is of arm A and counts for nothing but for being there: no measured one is
 *the first to do anything. Several rows (workloads) take turns, pair by pair. The unit is the
 *process: its value is the median of its samples.
 *
 *	struct pairs p;
 *	if (!pairs_begin(&p, &plan, e) && !pairs_measure(&p, 10, e))
 *		... p.row[i].series[k].value[0 and 1][0 .. p.row[i].n) ...
 *	pairs_end(&p, exit_code);
 */
#ifndef BENCH_PAIRS_H
#define BENCH_PAIRS_H

#include <jansson.h>

#include "child.h"
#include "db.h"
#include "fingerprint.h"
#include "progress.h"

enum { ARM_A, ARM_B, ARMS };

struct pairs_arm {
	const char *name;        /* as the user named it */
	const char *binary;      /* a bench program; NULL: this one */
	const char *const *args; /* further words of the command line, NULL-terminated; or NULL */
};

struct pairs_row {
	const char *name;        /* differs from all other rows; it is stored */
	const char *workload;
	const char *const *args; /* for both arms, NULL-terminated; or NULL */
};

struct pairs_plan {
	struct pairs_arm arm[ARMS];
	const struct pairs_row *row; /* outlives the plan's use */
	int n_rows;
	struct fingerprint_rule rule; /* rows whose arms differ otherwise are refused */
	double budget_s;         /* no block is begun that would end later than that; 0: none */
	double timeout_s;        /* of a process; 0: twenty times what the row took before, and a
				  * minute; of the first one the budget, and a minute */
	bool apart;              /* one process after the other, never in turns */
	const char *db;          /* the file; NULL: nothing is recorded */
	const char *purpose;     /* of the session: compare, gate, selftest, calibrate */
	struct progress *progress;
	uint64_t seed;           /* of the coin; 0: drawn */
};

/* One process. */
struct pairs_process {
	char uuid[37];         /* of its run; "": not recorded */
	double seconds;        /* wall time of all of it */
	double reference_rate; /* median of its reference blocks, operations per second; 0: none */
	double contention;     /* share of its time that others took; 0: unknown */
	bool turns;            /* it took turns with the other one of its pair */
	bool invalid;          /* by its own word: too many samples were removed */
	double *sample;        /* seconds of each measured sample; owned */
	int n_samples;
};

#define PAIRS_SERIES 32

/* One number per process, whole pairs only. Lower is better for all of them. */
struct pairs_series {
	char metric[32]; /* latency, step_latency, load_time */
	char stage[64];  /* total, or the stage's name */
	double *value[ARMS]; /* of pair 0 .. n - 1 of the row, seconds; owned */
	/* ln(B / A) of each pair: of its medians, or where the processes took turns the median over
	 * the samples, which were computed side by side; owned */
	double *log_ratio;
};

struct pairs_result {
	int n;              /* whole pairs */
	int capacity;
	struct pairs_process *process[ARMS]; /* owned */
	bool *disturbed;    /* per pair: a slow or busy machine, or an invalid run; owned */
	struct pairs_series series[PAIRS_SERIES];
	int n_series;
	json_t *exact[ARMS];       /* counts and output hash of an arm's first process; owned */
	json_t *fingerprint[ARMS]; /* of the same */
	bool exact_varies[ARMS];   /* another process of the arm had others */
	bool warm;                 /* the process in front has run */
	int samples, warmup;       /* of each process; samples 0: as the row's words say */
	int64_t bytes[ARMS];       /* most memory that a process of an arm took; 0: none ran yet */
	bool knows_turns[ARMS];    /* by its result */
	bool rests;                /* the caller's wish: left out of the next pairs_measure() */
	double spent_s;            /* in processes, and how many these were */
	int processes;
	struct err err;            /* why the row ended early; code 0: it did not */
	int failed_arm;            /* whose process failed then; -1: it was not a process */
};

struct pairs {
	struct pairs_plan plan;
	struct pairs_result *row; /* plan.n_rows of them */
	struct db *db;
	char session[37];  /* uuid of the session that the runs are recorded in; "": none */
	int order;         /* processes so far */
	int blocks_done;   /* by all calls */
	double started_s;
	int64_t started_unix_ns;
	bool out_of_time;  /* the budget ended it */

	char foreign_db[ARMS][1024]; /* "": the arm is this program */
	bool keep_foreign[ARMS];     /* it could not be merged */
	bool complained, told_apart;
};

/* Opens the database and begins a session there. pairs_end() in any case. */
int pairs_begin(struct pairs *p, const struct pairs_plan *plan, struct err *e);

/* `blocks` further ones of each row but those that rest. A row that fails is left out from then on
 * (row.err), others go on. Returns 0 also when all rows failed or the budget ended;
 * ERR_INTERRUPTED, and what was finished is there. */
int pairs_measure(struct pairs *p, int blocks, struct err *e);
void pairs_end(struct pairs *p, int exit_code);

const struct pairs_series *pairs_find(const struct pairs_result *row, const char *metric,
				      const char *stage);
int pairs_disturbed(const struct pairs_result *row); /* how many pairs */

/* Seconds that `blocks` further ones of the rows that go on take, by those done; 0: unknown. */
double pairs_estimate(const struct pairs *p, int blocks);

/* ---- pairs_read.c: from a child's JSON ---------------------------------------------------------
 */

/* The process and its values; series are those of the row, made at its first process. */
void pairs_read_process(struct pairs_process *to, const struct child_result *child);
/* Both runs of a pair into place row->n, which there is room for. Fails when a series that was
 * there before is missing. */
int pairs_read_pair(struct pairs_result *row, const json_t *const run[ARMS], struct err *e);

#endif
