/* SPDX-License-Identifier: MIT
 *
 * Records: what is stored beside runs, each one row of one table that names others by uuid. One
 * code stores, compares, exports and imports all of them. For db/ only.
 */
#ifndef BENCH_DB_RECORDS_H
#define BENCH_DB_RECORDS_H

#include "db_json.h"

struct record {
	const struct table *table;
	const char *order; /* for export: by content, so that a copy exports the same bytes */
	const char *where; /* which rows are exported, or NULL: all */
	int n_key;         /* the first fields are the identity */
};

/* In the order in which they can be stored: what is named comes first. */
extern const struct record db_records[];
extern const int db_n_records;

const struct record *db_record_of(const struct table *t);
const struct record *db_record_named(const char *table, size_t length);

/* Stores obj in a transaction of its own: 1 new, 0 known with the same content, or a negative
 * code, DB_ERR_CONFLICT among them. */
int db_put_record(struct db *db, const struct record *r, const void *obj);

/* Calls row() for every row to be exported, obj valid during the call; until it returns not 0,
 * which is returned. */
int db_each_record(struct db *db, const struct record *r,
		   int (*row)(void *arg, const struct record *r, const void *obj), void *arg);

/* {"schema": "bench.sweep/1", "sweep": {...}}; NULL without memory. New reference. */
json_t *db_record_to_json(const struct table *t, const void *obj);

/* ---- db_calibration.c: a calibration names no uuid but brings its machine along ---- */

struct machine_calibration {
	struct db_host host;
	struct db_calibration calibration;
};

int db_put_known_calibration(struct db *db, const struct machine_calibration *c);
int db_each_calibration(struct db *db,
			int (*row)(void *arg, const struct machine_calibration *c), void *arg);

json_t *db_calibration_to_json(const struct machine_calibration *c);

/* ---- db_merge.c: what comes in from elsewhere ---- */

struct incoming {
	struct db *db;
	struct db_moved moved;
	char first_conflict[1024];
};

/* 0, also for a conflict, which is noted; or a negative code. */
int db_take_run(struct incoming *in, struct db_run *run);
int db_take_record(struct incoming *in, const struct record *r, const void *obj);
int db_take_calibration(struct incoming *in, const struct machine_calibration *c);

/* Ends it: DB_ERR_CONFLICT with the sentence when rc is 0 and there were conflicts. */
int db_taken(struct incoming *in, int rc, struct db_moved *moved);

/* ---- db_spool.c ---- */

/* Appends to the spool where that stands in for the database; else nothing. */
int db_spooled(struct db *db, json_t *(*to_json)(const void *obj), const void *obj);

#endif
