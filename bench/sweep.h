/* SPDX-License-Identifier: MIT
 *
 * A sweep: the product of its axes, each point measured by processes of its own, all under one
 * identity in the database.
 *
 * Each point is measured once before any is measured again. The order of such a round is random
 * (seed recorded), and every second round goes backwards through the one before, so that a drift
 * of the machine does not look like the effect of an axis.
 */
#ifndef BENCH_SWEEP_H
#define BENCH_SWEEP_H

#include <jansson.h>
#include <stdbool.h>

#include "axis.h"
#include "db.h"
#include "options.h"
#include "progress.h"

#define SWEEP_AXES   8
#define SWEEP_WORDS  64
#define SWEEP_POINTS 4096

struct sweep_spec {
	char name[64], workload[64];
	struct axis axis[SWEEP_AXES]; /* the first one changes slowest */
	int n_axes;
	char *word[SWEEP_WORDS]; /* of every process's command line; owned */
	int n_words;
	int processes; /* per point; 0: 3, but 1 where a repetition takes over 5 s */
	uint64_t seed;
};

/* From the preset o->arg[0], if there is one, and the options, which go before it. */
int sweep_spec_read(struct sweep_spec *s, const struct options *o, struct err *e);
void sweep_spec_clear(struct sweep_spec *s);
const char *sweep_preset_name(int i); /* NULL: there are no more */
const char *sweep_preset_what(int i, char *buf, size_t len);

int sweep_spec_points(const struct sweep_spec *s);
int sweep_spec_value(const struct sweep_spec *s, int point, int axis); /* which of its values */

/* Places of the points in a round; out has room for all. */
void sweep_spec_order(const struct sweep_spec *s, int round, int *out);

struct sweep_point {
	const char *workload;
	const char *word[2 * SWEEP_WORDS + 1]; /* of its command line, NULL-terminated */
	char buf[SWEEP_AXES * 256];
	char *axes;                            /* JSON; owned */
	json_t *params;                        /* identity of the configuration; owned */
	int64_t macs, memory_bytes;
	double repetition_s;  /* one repetition: predicted, or measured; 0: unknown */
	double process_s;     /* wall time of a process: likewise */
	bool measured;        /* the two are measured */
	int done;             /* processes recorded */
	bool failed;          /* by this program: it is not tried again */
};

struct sweep {
	struct sweep_spec spec;
	struct sweep_point *point;
	int n;
	struct db *db;
	char uuid[37]; /* "": not begun */
	int64_t started_unix_ns;
	struct progress progress;
	int measured, failed, taken; /* processes; taken: measured by an earlier sweep */
	double spent_s;              /* in processes */
	double spent_macs;           /* of one repetition each, over these */
	const char *db_path;
};

/* Opens every point in a dry pass: refuses settings that are wrong before anything is measured, and
 * fills in counts, memory and predicted times (from the calibration, when there is a db). */
int sweep_plan(struct sweep *s, struct err *e);
void sweep_free(struct sweep *s);

int sweep_wanted(const struct sweep *s, const struct sweep_point *p); /* processes */

/* Seconds that the rest takes; negative: unknown. */
double sweep_left(const struct sweep *s);

/* "bench run ..." for a shell. */
void sweep_command(const struct sweep_point *p, FILE *to);

/* "steps=10 dtype=bf16" */
void sweep_point_text(const struct sweep *s, int point, char *buf, size_t len);

/* What makes two sweeps the same: all that was asked for, this program, this machine. Without the
 * seed; owned. */
json_t *sweep_identity(const struct sweep *s);

/* Finds the same sweep unfinished and goes on with it; counts points that an earlier sweep measured
 * in the same way, unless `again`. */
int sweep_resume(struct sweep *s, bool again, struct err *e);

/* Measures what is missing. A point that fails is recorded and left. */
int sweep_run(struct sweep *s, struct err *e);

/* ---- sweep_table.c -----------------------------------------------------------------------------
 */

enum table_format { FORMAT_TEXT, FORMAT_MARKDOWN, FORMAT_CSV, FORMAT_LATEX };

/* Prints a sweep of the database, one row per point; columns: names after commas, or NULL. */
int sweep_print(struct db *db, const char *uuid, enum table_format format, const char *columns,
		struct err *e);
json_t *sweep_json(struct db *db, const char *uuid, struct err *e); /* schema bench.sweep/1 */

/* Refuses unknown names. */
int sweep_check_columns(const char *columns, struct err *e);

#endif
