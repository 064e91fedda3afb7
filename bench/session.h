/* SPDX-License-Identifier: MIT
 *
 * One `bench run`: what is measured, on what, what came out, and where it is recorded. cmd_run.c
 * leads it through its states; record.c turns it into a row of the database, result.c into a table
 * or JSON.
 */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H

#include <jansson.h>

#include "counters.h"
#include "db.h"
#include "device.h"
#include "machine.h"
#include "measure.h"
#include "options.h"
#include "point.h"
#include "stats.h"

struct session {
	const struct options *o;
	const char *purpose; /* "run", "profile": as in db.h */
	bool traced;         /* a traced repetition even when no option asks for one */
	/* Prints the result, after it was stored. */
	void (*show)(struct session *s, struct err *e);

	struct machine machine;
	char environment[256]; /* JSON, at the start */
	struct device device;
	struct point point;
	struct protocol protocol;
	struct measurement m;
	struct progress progress;
	struct counter_group counters; /* no name: none is asked for */

	struct memory_need need;
	int64_t peak_bytes;    /* most memory that the process had */
	double stored_peak;    /* operations per second by the last calibration; 0: none */
	double stored_matmul;
	int64_t started_unix_ns;

	const char *status;    /* as in db.h */
	char status_msg[1024]; /* "" when all went well */

	struct db *db;         /* NULL: --no-db */
	char uuid[37], session_uuid[37];
	int64_t run_id;        /* 0: not recorded */
	double stored_s;       /* how long that took */
	char spool[1024];      /* where it was written instead; "" otherwise */
};

/* The whole course, from the options to the end: cmd_run.c. The caller fills the first members. */
int session_run(struct session *s, struct err *e);

/* Operations per second that "share of peak" refers to: the best of the calibration stored for this
 * machine and of the blocks around the steps of this run. 0: unknown. */
double session_peak(const struct session *s);

/* Seconds that the run will take, weights included; 0: unknown. */
double session_estimate(const struct session *s);

/* Seconds of each completed measured sample, of one stage or of all (-1), removed ones too; `out`
 * has room for m.samples values. */
void session_sample_seconds(const struct session *s, int stage, double *out);

/* The same without the removed ones; returns how many are left. */
int session_latencies(const struct session *s, int stage, double *out);

/* Seconds of each finished measured step of a stage, without those of removed samples; `out` has
 * room for m.n values. */
int session_steps(const struct session *s, int stage, double *out);

/* Statistics of these; n is 0 when there are none. */
struct stats session_latency(const struct session *s, int stage);
struct stats session_step(const struct session *s, int stage);

/* Steps that ran while the machine was slow, of `*of` measured ones. */
int session_disturbed(const struct session *s, int *of);

/* Completed samples during which the processor lowered its clock for heat, as far as the machine
 * tells; marks each in `which`, which has room for m.samples or is NULL. */
int session_throttled(const struct session *s, bool *which);

/* ---- record.c ----------------------------------------------------------------------------------
 */

/* Opens the database and puts a `running` row there, so that a file that cannot be written is found
 * before the work. */
int record_open(struct session *s, struct err *e);
void record_calibration(struct session *s); /* fills stored_peak and stored_matmul */

/* One transaction. If it fails the run is spooled to a file beside the database. */
int record_result(struct session *s, struct err *e);

/* The settings and the device as the database identifies them, a JSON object; owned. */
char *record_params(const struct session *s);

/* What the run must have in common with another to be compared (fingerprint.h); owned. */
json_t *record_fingerprint(const struct session *s);

/* ---- result*.c ---------------------------------------------------------------------------------
 */

void result_table(const struct session *s);
/* How it was measured (result_samples.c). */
void result_samples(const struct session *s, FILE *to);
void result_json(const struct session *s);
void result_trace(const struct session *s);
void result_shadow(const struct session *s);
void result_dry(const struct session *s);

/* ---- result_probes.c ---------------------------------------------------------------------------
 */

/* Statistics of a probe over the measured samples, of one stage or the whole (-1); n 0: none. */
struct stats session_probe(const struct session *s, int probe, int stage);
void result_probes(const struct session *s);
json_t *result_probes_json(const struct session *s);

#endif
