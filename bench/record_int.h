/* SPDX-License-Identifier: MIT
 *
 * What the parts of record.c share: the row of a run while it is put together. record_identity.c
 * says what ran where, record_numbers.c what came out.
 */
#ifndef BENCH_RECORD_INT_H
#define BENCH_RECORD_INT_H

#include "session.h"

struct record {
	struct db_run run;
	const char *stages[STAGES_MAX + 1];
	struct db_metric *metrics; /* those of the table, then the probes */
	struct db_sample *samples;
	bool *throttled; /* per completed measured sample */
	struct db_summary *summaries;
	struct db_op *ops;
	struct db_artifact artifacts[OPT_MANY + 2];
	char hashes[OPT_MANY + 2][65];
	char *params, *spec, *libs, *argv, *environment, binary[65];
	struct profile counts; /* without times, when there was no trace */
};

/* Host, build, workload, configuration, session, status. */
void record_identity(struct record *r, const struct session *s);

/* Metrics, stages, samples, summaries and op totals; only the first two when nothing ran. */
void record_numbers(struct record *r, struct session *s);

void record_free(struct record *r);

#endif
