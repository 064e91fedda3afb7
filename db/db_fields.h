/* SPDX-License-Identifier: MIT
 *
 * The fields of every struct in db.h, each written down once: SQL column, JSON key and struct
 * member have one name, and INSERT, SELECT, JSON and fingerprint are made from these tables.
 */
#ifndef BENCH_DB_FIELDS_H
#define BENCH_DB_FIELDS_H

#include <jansson.h>

#include "db_int.h"

enum field_type {
	F_TEXT,   /* const char *, NULL allowed */
	F_JSON,   /* const char * holding JSON: canonical text in SQL, a value in JSON */
	F_UUID,   /* char[37] */
	F_INT,    /* int, unsigned or enum */
	F_INT64,
	F_TIME,   /* int64_t ns; a string in JSON, where doubles would lose digits */
	F_REAL,   /* double; not finite is NULL */
	F_METRIC, /* int index into run.metrics: metric_id in SQL, the name in JSON */
	F_STAGE,  /* int index into run.stages: stage_id in SQL, the name in JSON */
	F_BLOB,   /* const void *, its length in the size_t that follows; base64 in JSON */
	F_REF,    /* const char *: uuid of a row of table `ref`, NAME_id in SQL; NULL allowed */
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset;
	bool has_none; /* the value `none` means unknown and is NULL; a text NULL is stored as '' */
	int none;
	const char *ref; /* F_REF */
};

#define FIELDS_MAX 32

struct table {
	const char *name; /* of the SQL table and of the JSON key */
	const struct field *fields;
	int n_fields;
	size_t row_size;
};

/* Members of struct db_run itself are reached through db_run offsets. */
extern const struct table table_host, table_build, table_workload, table_cfg, table_session,
	table_run, table_metric, table_sample, table_summary, table_opcount, table_artifact,
	table_calibration, table_arm_run, table_sweep, table_sweep_run, table_comparison,
	table_noise, table_ack, table_selftest;

/* The lists of a run: where each hangs in struct db_run. */
struct list {
	const struct table *table;
	size_t rows, count; /* offsets of the pointer and of the int */
};

extern const struct list run_lists[]; /* metrics first; samples ... artifacts follow */
extern const int n_run_lists;

/* Row ids of a run's metrics and stages, by index. */
struct ids {
	int64_t *metric, *stage;
	int n_metrics, n_stages;
};

/* Memory that lives and dies together. */
struct arena {
	struct arena_block *last;
	bool failed;
};

void *arena_alloc(struct arena *a, size_t bytes); /* zeroed; NULL sets failed */
char *arena_copy(struct arena *a, const char *text); /* NULL gives NULL */
void arena_free(struct arena *a);

/* ---- SQL ---- */

/* "INSERT INTO t (extra, fields...) VALUES (?, ...)", extra columns first. sqlite3_free() it. */
char *fields_insert_sql(const struct table *t, const char *extra, int n_extra);
/* "SELECT fields... FROM t"; sqlite3_free() it. */
char *fields_select_sql(const struct table *t);

/* The same with " WHERE" the first n_key fields equal values to be bound; sqlite3_free() it. */
char *fields_find_sql(const struct table *t, int n_key);

/* Binds all fields of obj from parameter `first` on. A bad metric or stage index: -1. */
int fields_bind(sqlite3_stmt *stmt, int first, const struct table *t, const void *obj,
		const struct ids *ids);
/* Fills obj from columns 0.. of the current row. */
void fields_read(sqlite3_stmt *stmt, const struct table *t, void *obj, const struct ids *ids,
		 struct arena *arena);

/* The first field but `skip` in which a and b, rows without metrics and stages, differ, or NULL. */
const char *fields_differ(const struct table *t, const void *a, const void *b,
			  bool (*skip)(const char *name));

/* SHA-256 over a "name=value" line for each text and integer field but `skip` (or NULL). */
void fields_fingerprint(const struct table *t, const void *obj, const char *skip, char out[65]);

/* ---- JSON ---- */

/* A value for one field; run gives metric and stage names. New reference. */
json_t *field_to_json(const struct field *f, const void *obj, const struct db_run *run);
/* False for a wrong type or an unknown metric or stage. NULL and null reset. */
bool field_from_json(const struct field *f, void *obj, const json_t *value,
		     const struct db_run *run, struct arena *arena);

#endif
