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
#include "protocol.h"
#include "timeline.h"

enum phase { PHASE_WARMUP, PHASE_MEASURED, PHASE_TRACED };

struct timing {
	int sample, stage, step; /* sample counts from 0 within its phase */
	enum phase phase;
	int block; /* the last reference block before it; the next one follows it */
	double seconds;
};

/* What may disturb a sample; recorded with it. */
enum cause {
	CAUSE_SLOW = 1,  /* a reference block beside it was a quarter below the median */
	CAUSE_FAULTS = 2 /* pages came from the disk, or far more pages than in other samples */
};

/* A measured repetition. Nothing is deleted: a removed one is kept, and left out of summaries. */
struct sample {
	double seconds; /* the sum of its steps */
	int64_t major_faults, minor_faults;
	unsigned causes;
	bool removed;
};

#define HASH_TEXT 65 /* SHA-256 as 64 hex digits and the end */

struct measurement {
	struct timing *timing;
	int n, capacity;
	double *block; /* operations per second, means */
	int n_blocks, blocks_capacity;
	double best_block;         /* the best window of all blocks; 0: none */
	double waited_s, stolen_s; /* during the samples, see machine.h */
	int turns;                 /* that it had while another process waited; 0: it ran alone */
	double turns_waited_s;     /* for the other one, outside of all steps */
	double load_s;             /* weights ready */
	double first_call_s;       /* the first repetition, warm-up or not; 0: not finished */
	int warmups, samples;      /* completed */
	struct sample *sample;     /* per measured one */
	int sample_capacity;
	bool replaced;             /* samples with a cause were removed and others measured */
	int steady;                /* 1, 0; -1: too few repetitions to tell */
	const char *stop_reason;   /* see protocol_stop(); "interrupted"; NULL: not begun */
	int64_t allocations;       /* inside the steps of the last sample; -1: not counted */
	char hash[HASH_TEXT];      /* of the output of every sample; "" before the first */
	bool hash_varies, finite;
	bool interrupted;
	struct profile profile;    /* with times, of the traced sample */
	double traced_s;           /* of the traced sample; 0: none */
	double started_s, ran_s;   /* clock of the first step; from there to the last, without
				    * waiting for another process */
	struct probes *probes;     /* borrowed, read around every sample; NULL: none */
	struct timeline *timeline; /* borrowed, gets the traced sample; NULL: not wanted */
};

/* Fills and packs the weights, reserves all memory (load.c). */
int measure_load(struct measurement *m, struct point *p, struct progress *progress, struct err *e);

/* Runs the protocol. An interruption is no error: what was finished is there. */
int measure_run(struct measurement *m, struct point *p, const struct device *d,
		const struct protocol *protocol, struct progress *progress, struct err *e);
void measure_end(struct measurement *m);

/* Times n reference blocks of about `seconds` each (reference.c). */
void measure_blocks(struct measurement *m, const struct point *p, const struct device *d, int n,
		    double seconds);

bool measure_disturbed(const struct measurement *m, const struct timing *t, double best);

/* ---- causes (cause.c) --------------------------------------------------------------------------
 */

/* Looks at samples `from` and later again; with `removes` those with a cause are removed. */
void measure_label(struct measurement *m, int from, bool removes);

/* Whether the timing belongs to a completed sample that was not removed. */
bool measure_kept(const struct measurement *m, const struct timing *t);

/* Samples that were removed; all in all, or for one cause. */
int measure_removed(const struct measurement *m, unsigned causes);

/* More than a tenth was removed: what is left is no picture of the machine. */
bool measure_invalid(const struct measurement *m);

#endif
