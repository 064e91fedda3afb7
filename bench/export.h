/* SPDX-License-Identifier: MIT
 *
 * A view of the database as a file for other programs.
 */
#ifndef BENCH_EXPORT_H
#define BENCH_EXPORT_H

#include <jansson.h>
#include <stdio.h>

#include "db.h"
#include "err.h"

/* All rows, numbers with every digit they have. csv: a header, NULL an empty field and empty text
 * a quoted one (RFC 4180); jsonl: one object per line. A name that is no view is ERR_USAGE. */
int export_csv(struct db *db, const char *view, FILE *to, struct err *e);
int export_jsonl(struct db *db, const char *view, FILE *to, struct err *e);

/* Through the program duckdb, whose absence is ERR_SKIPPED. */
int export_parquet(struct db *db, const char *view, FILE *to, struct err *e);

/* A row as an object, column by column; values as they are stored. New reference. */
json_t *export_row_json(int n, const char *const *names, const struct db_value *v);

#endif
