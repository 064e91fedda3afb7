/* SPDX-License-Identifier: MIT
 *
 * Sweeps as the database has them: one row per process, from the view v_sweep.
 */
#ifndef BENCH_SWEEP_READ_H
#define BENCH_SWEEP_READ_H

#include "db.h"

/* Strings are valid during the call and never NULL. Numbers that are not there are NAN. */
struct sweep_row {
	const char *sweep, *uuid, *spec_json; /* of the sweep */
	int ended;
	int64_t started_unix_ns; /* the sweep */
	int point, replicate;
	const char *axes_json;
	const char *run_uuid, *workload, *params_json, *status, *status_msg, *cpu_model;
	double latency_s, latency_lo_s, latency_hi_s; /* of one process: median and interval */
	double images_per_s, flops, peak_share, peak_mem_bytes, samples;
	int64_t core_macs, noattn_macs;
};

typedef int sweep_row_fn(void *arg, const struct sweep_row *r);

/* All rows of one sweep by point and replicate, or of all sweeps (uuid NULL), the newest sweep
 * first. row() returns 0 to go on. Fails as db_query does. */
int sweep_rows(struct db *db, const char *uuid, sweep_row_fn *row, void *arg);

/* The newest sweep of that name, or the one whose uuid begins with `word`. Returns 1 when there is
 * none, and a negative code as db_query does. */
int sweep_find(struct db *db, const char *word, char uuid[37]);

#endif
