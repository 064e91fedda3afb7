/* SPDX-License-Identifier: MIT
 *
 * One figure from its query to script, data, caption and numbers, all in memory: what `bench
 * report` writes to files, `--check` compares and the page shows.
 */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "kind.h"

struct work {
	struct figure figure;
	const struct venue *venue;
	char *sql, *roofs_sql;
	struct rows rows, roofs;
	struct rows
		runs; /* of v_runs: where the rows come from; none when the query names no runs */
	int left_out;     /* settings that would be too many (split_unlike) */
	struct drawing d;
};

/* Takes the figure over; queries and draws for plain text. Ends itself on failure. */
int work_begin(struct work *w, struct db *db, struct figure *f, const struct report_filter *filter,
	       const struct venue *venue, int columns, struct report_error *e);
/* Draws again, for TeX or for plain text. */
void work_draw(struct work *w, int columns, bool tex);
void work_end(struct work *w);

/* The head of the script: terminal by the variable `format`, borders, grid. Then the drawing. */
void work_script(const struct work *w, struct text *to);

/* ---- unlike runs (split.c) ---------------------------------------------------------------------
 */

/* Runs at one place of a figure (equal series, x and label) are taken for processes that measured
 * the same. Where their settings, workload or machine differ in more than the seed, what differs is
 * added to the text of `column`, "bf16, 512x512": a median mixes nothing. With `lines` the rows of
 * settings with a single x are left out when others have several, and beyond SPLIT_MAX settings
 * those with the fewest. Returns the number of settings that were left out. */
#define SPLIT_MAX 7
int split_unlike(struct rows *rows, const struct rows *runs, const char *column, bool lines);

/* ---- words about it (caption.c) ----------------------------------------------------------------
 */

/* Caption in plain text: the figure's own with {fields} filled in, what is drawn, where it ran. */
void caption_text(const struct work *w, struct text *to);
/* \caption{...}\label{fig:bench-NAME} */
void caption_tex(const struct work *w, struct text *to);
/* booktabs */
void table_tex(const struct work *w, struct text *to);
/* Queries, data, machines, builds, configurations and runs, as JSON. */
void fingerprint_json(const struct work *w, const struct report_options *o, struct text *to);
/* Number of machines that the rows come from. */
int machine_count(const struct work *w);

/* ---- numbers.tex (numbers.c) -------------------------------------------------------------------
 */

/* Puts the figure's section into the numbers.tex at `path`, keeping those of other figures. */
int numbers_store(const struct work *w, const struct report_filter *filter, const char *path,
		  struct report_error *e);

/* ---- drawing (gnuplot.c) -----------------------------------------------------------------------
 */

enum drawn { DRAWN, NO_GNUPLOT, NOT_DRAWN };

/* Runs gnuplot on `script` in directory `dir` with the variable `format`. */
enum drawn gnuplot_run(const char *dir, const char *script, const char *format,
		       struct report_error *e);
/* Takes the time of drawing out of a file, so that the same drawing is the same bytes. */
int drawing_strip(const char *path, enum report_format format, struct report_error *e);

#endif
