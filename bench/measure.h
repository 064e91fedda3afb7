/* SPDX-License-Identifier: MIT
 *
 * The timed loop. One sample is all stages of the workload; the unit of timing is one step of one
 * stage. Inside a timed region nothing is allocated, printed or written to the database: all that
 * happens between the steps.
 *
 * Between steps a reference block is timed, a register-only kernel of some 20 ms. It says how fast
 * the machine was at that moment, so a step whose neighbouring block is more than 3 % below the
 * best is marked as disturbed, whatever its own time.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "device.h"
#include "point.h"
#include "probe.h"
#include "progress.h"
#include "timeline.h"

enum phase { PHASE_WARMUP, PHASE_MEASURED, PHASE_TRACED };

struct timing {
	int sample, stage, step; /* sample counts from 0 within its phase */
	enum phase phase;
	int block; /* the last reference block before it; the next one follows it */
	double seconds;
};

struct protocol {
	int warmup, samples; /* -1: chosen by the length of the first sample */
	bool trace;
};

#define HASH_TEXT 65 /* SHA-256 as 64 hex digits and the end */

struct measurement {
	struct timing *timing;
	int n, capacity;
	double *block; /* operations per second, means */
	int n_blocks, blocks_capacity;
	double best_block;         /* the best window of all blocks; 0: none */
	double waited_s, stolen_s; /* during the samples, see machine.h */
	double load_s;             /* weights ready */
	int warmups, samples;      /* completed */
	char hash[HASH_TEXT];      /* of the output of every sample; "" before the first */
	bool hash_varies, finite;
	bool interrupted;
	struct profile profile;    /* with times, of the traced sample */
	double traced_s;           /* of the traced sample; 0: none */
	double started_s, ran_s;   /* clock of the first step; from there to the last */
	struct probes *probes;     /* borrowed, read around every sample; NULL: none */
	struct timeline *timeline; /* borrowed, gets the traced sample; NULL: not wanted */
};

/* Fills and packs the weights, reserves all memory. */
int measure_load(struct measurement *m, struct point *p, struct progress *progress, struct err *e);

/* Runs the protocol. An interruption is no error: what was finished is there. */
int measure_run(struct measurement *m, struct point *p, const struct device *d,
		const struct protocol *protocol, struct progress *progress, struct err *e);
void measure_end(struct measurement *m);

/* Times n reference blocks of about `seconds` each. */
void measure_blocks(struct measurement *m, const struct point *p, const struct device *d, int n,
		    double seconds);

bool measure_disturbed(const struct measurement *m, const struct timing *t, double best);

/* ---- Ctrl-C ------------------------------------------------------------------------------------
 */

/* From now on SIGINT and SIGTERM ask to stop; a second one kills. */
void measure_catch_signals(void);
bool measure_cancelled(void);

#endif
