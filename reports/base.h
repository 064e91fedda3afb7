/* SPDX-License-Identifier: MIT
 *
 * What the files of reports/ share: memory that is there or ends the program, growing text, a
 * sentence for an error, and the rows of a query.
 */
#ifndef BENCH_REPORTS_BASE_H
#define BENCH_REPORTS_BASE_H

#include <stdarg.h>
#include <stddef.h>

#include "report.h"

/* Zeroed, n objects of `size` bytes; never NULL. */
void *new_array(size_t n, size_t size);
/* Room for one more than n objects, as a vector that doubles. */
void *grow(void *v, int n, size_t size);
char *copy_text(const char *s);

struct text {
	char *s; /* owned; never NULL after text_begin */
	size_t len, room;
};
void text_begin(struct text *t);
void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_end(struct text *t);

/* Keeps the first sentence; returns its code. */
int fail(struct report_error *e, enum report_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The entry nearest to `word`, or NULL; names ends with NULL. */
const char *nearest(const char *word, const char *const *names);

/* ---- rows --------------------------------------------------------------------------------------
 */

#define ROWS_COLUMNS 32

struct rows {
	int n, columns;
	char *name[ROWS_COLUMNS]; /* owned */
	char **cell;              /* owned; NULL for an SQL NULL */
	bool *number;             /* of each column: every value is a number */
};

/* All rows of a query. Call rows_end in any case. */
int rows_query(struct rows *r, struct db *db, const char *sql, struct report_error *e);
/* The same with ?1, ?2, ... taken from args, as text. */
int rows_query_with(struct rows *r, struct db *db, const char *sql, const char *const *args,
		    int n_args, struct report_error *e);
void rows_end(struct rows *r);
int rows_column(const struct rows *r, const char *name); /* or -1 */
/* Text "" and number NAN when there is no such column, or the value is NULL or no number. */
const char *rows_text(const struct rows *r, int row, const char *column);
void rows_remove(struct rows *r, int row);
/* Replaces a cell; the column is added when it is missing and there is room. */
void rows_set(struct rows *r, int row, const char *column, const char *text);
double rows_number(const struct rows *r, int row, const char *column);

/* ---- files -------------------------------------------------------------------------------------
 */

/* The whole file, owned; NULL with a sentence. Limit: 64 MiB. */
char *file_read(const char *path, size_t *len, struct report_error *e);
/* All or nothing: written beside and renamed. */
int file_write(const char *path, const void *bytes, size_t len, struct report_error *e);
int directory_make(const char *path, struct report_error *e);
/* 64 hex digits. */
void sha256_text(const char *s, size_t len, char out[65]);

#endif
