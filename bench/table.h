/* SPDX-License-Identifier: MIT
 *
 * Tables of text: columns as wide as they must be, comma-separated, Markdown, LaTeX.
 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stdio.h>

#define TABLE_COLUMNS 16

struct table {
	int columns, cells, capacity;
	char right[TABLE_COLUMNS];
	char **cell; /* owned; row by row, the first row holds the names */
};

/* "stage|>steps|>time": column names, > for numbers. */
void table_begin(struct table *t, const char *columns);
/* The next cell; rows follow each other as they fill up. */
void table_add(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_print(const struct table *t, FILE *to, const char *indent);
void table_csv(const struct table *t, FILE *to);
void table_markdown(const struct table *t, FILE *to);
void table_latex(const struct table *t, FILE *to); /* for \usepackage{booktabs} */
void table_end(struct table *t);

#endif
