/* SPDX-License-Identifier: MIT
 *
 * Figures, tables and numbers for papers, and a page for the browser, from a database alone. The
 * same database gives the same bytes: nothing here looks at the clock.
 *
 * A figure is a data file (figures/NAME.json, or one of the user by its path): a query, a kind of
 * drawing, labels and units. Functions return 0 or an exit status of the program (README) and then
 * `struct report_error` holds one sentence: what, why, and the way out.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "db.h"

enum report_code {
	REPORT_OK = 0,
	REPORT_STALE = 1,  /* a number in the paper is no longer that of the database */
	REPORT_USAGE = 2,  /* unknown figure, bad data file, bad filter */
	REPORT_FAILED = 4, /* a file cannot be written, gnuplot failed */
	REPORT_EMPTY = 5,  /* the database has nothing that the figure shows */
	REPORT_DB = 7,
};

struct report_error {
	enum report_code code;
	char text[1024];
};

enum report_format {
	REPORT_PDF = 1,
	REPORT_SVG = 2,
	REPORT_PNG = 4,
	REPORT_TEX = 8,   /* cairolatex: lines as PDF, text set by the document */
	REPORT_TIKZ = 16, /* needs gnuplot-lua-tikz.sty, which gnuplot brings */
};

/* Which runs count. NULL: any. */
struct report_filter {
	const char *workload, *label;
	const char *host;       /* start of the machine's fingerprint, or part of its CPU's name */
	const char *where;      /* a condition over the columns of view v_runs */
	const char *const *set; /* n_set settings KEY=VALUE of the configuration */
	int n_set;
};

struct report_options {
	const char *venue;  /* "acm": report_venues() */
	int columns;        /* 1, or 2 for the full width */
	unsigned formats;   /* of enum report_format; 0: only script and data */
	const char *out_dir; /* made when it is missing */
	struct report_filter filter;
};

/* Names of the built-in figures and of the venues, NULL at the end. Static. */
const char *const *report_figures(void);
const char *const *report_venues(void);
/* "latency-steps  fit  Latency against steps", one line per figure. */
void report_list(FILE *to);

/*
 * Draws figure `name` (built-in, or the path of a .json) into out_dir and names each file on `to`:
 * NAME.gp .dat .sql .caption.tex .table.tex .fingerprint.json, the formats asked for, and the
 * figure's macros in numbers.tex. Without gnuplot the drawings are left out and `warn` says so.
 */
int report_draw(struct db *db, const char *name, const struct report_options *o, FILE *to,
		FILE *warn, struct report_error *e);

/* Computes all numbers of the numbers.tex files at `path` (a file, or a directory that is searched)
 * again and names on `to` each macro that changed, with the old and the new text: REPORT_STALE. */
int report_check(struct db *db, const char *path, FILE *to, FILE *warn, struct report_error *e);

/* Writes one self-contained page about the whole database to file `path`. */
int report_html(struct db *db, const char *path, const struct report_filter *filter, FILE *warn,
		struct report_error *e);

#endif
