/* SPDX-License-Identifier: MIT
 *
 * The kinds of drawing. A kind turns rows into a gnuplot script, a data file, rows of a table, a
 * sentence for the caption, and numbers for macros. To add one: a file kind_x.c and a row of the
 * table in kind.c.
 */
#ifndef BENCH_KIND_H
#define BENCH_KIND_H

#include "data.h"
#include "figure.h"
#include "style.h"

/* A number that a paper may quote. */
struct number {
	char *key;  /* "bf16 slope": words, made into the name of a macro */
	char *text; /* "0.412" */
	char unit[24];
};

struct drawing {
	const struct figure *figure;
	const struct rows *rows, *roofs;
	double width_in, height_in; /* a kind may change the height */
	bool tex;                   /* texts are escaped for TeX */

	struct text gp;    /* settings, after the terminal is set */
	struct text plot;  /* the clauses of the plot command */
	struct text dat;   /* blocks that two empty lines part: gnuplot's `index` */
	struct text table; /* rows of a tabular, TeX */
	struct text table_head;
	const char *table_columns; /* "llrrr" */
	struct text note;  /* sentences for the caption, plain text */
	struct number *number;
	int n_numbers, n_blocks;
};

struct kind {
	const char *name, *descr;
	const char *columns; /* that the query must have, and some row must fill: "x y" */
	void (*draw)(struct drawing *d);
	const char *split; /* column whose text tells unlike runs apart (split.c); NULL: none */
	bool lines;        /* draws lines: a series of one point says nothing beside longer ones */
};

extern const struct kind kind_table[]; /* ends with a NULL name */
const struct kind *kind_find(const char *name, const char *origin, struct report_error *e);

void draw_fit(struct drawing *d);
void draw_bars(struct drawing *d);
void draw_ratios(struct drawing *d);
void draw_pareto(struct drawing *d);
void draw_scaling(struct drawing *d);
void draw_stages(struct drawing *d);
void draw_roofline(struct drawing *d);
void draw_timeline(struct drawing *d);
void draw_history(struct drawing *d);
void draw_power(struct drawing *d);

/* ---- what they share (plot.c) ------------------------------------------------------------------
 */

/* A gnuplot string, quoted and escaped; valid until eight more calls. */
const char *quoted(const struct drawing *d, const char *text);
/* Text for TeX, valid likewise. */
const char *tex_text(const char *text);

/* "Latency (ms)" */
const char *axis_title(const struct axis *a, const struct scale *s);

/* set xlabel, scale, range with a margin, tics. lo and hi in shown units; from_zero: bars. */
void plot_axis(struct drawing *d, char axis, const struct axis *a, const struct scale *s, double lo,
	       double hi, bool from_zero);
/* Legend above the drawing, in as many columns as fit; none for a single unnamed series. */
void plot_key(struct drawing *d, const char *const *names, int n);

/* The same for areas, drawn by hand: gnuplot's own key shows either the colour or the hatch. */
void plot_fill_key(struct drawing *d, const char *const *names, int n);
/* Clauses that fill: `shape` is what stands between the data and the fill, e.g. "using 1:2 with
 * boxes"; i chooses colour and hatch. */
void plot_fill(struct drawing *d, int block, const char *shape, int i);

/* Begins a block of the data file; returns its index. */
int dat_block(struct drawing *d, const char *title, const char *columns);

/* A block with the points of a series, divided by the scales: "x y lo hi processes samples label";
 * Returns its index. */
int dat_points(struct drawing *d, const struct series *s, const struct scale *sx,
	       const struct scale *sy);

/* Whiskers from column lo to hi, up (or along x): not gnuplot's error bars, which blank out what is
 * behind their points. `place` is the column of the other coordinate. */
void plot_whiskers(struct drawing *d, int block, int place, int lo, int hi, bool along_x,
		   const char *colour);
/* Whiskers and points of a block of dat_points, in the style of series i; title NULL: none. */
void plot_points(struct drawing *d, int block, int i, double size, const char *title);

/* One more clause of the plot command. */
void plot_clause(struct drawing *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void add_number(struct drawing *d, const char *unit, double v, int digits, const char *key, ...)
	__attribute__((format(printf, 5, 6)));

/* "12.3": three or four digits. */
const char *shown(double v);
/* "[1.2, 1.4]", or "--" without an interval. */
const char *interval_text(const struct point *p, const struct scale *s);
/* Head and rows "series & x or label & y & interval & n" for all points. */
void point_table(struct drawing *d, const struct data *data, const struct scale *sx,
		 const struct scale *sy);

/* ---- labels beside points ----------------------------------------------------------------------
 */

struct place {
	double x_pt, y_pt; /* of the point, in the drawing area */
	const char *text;
	double label_x_pt, label_y_pt; /* lower left corner of the text; found */
	const char *align;             /* the side that faces the point; found */
	double anchor_x_pt;            /* where that side is */
	bool fits;
};

/* Finds room for each text beside its point, in order, away from points and other texts; those
 * without room are left out (fits = false). A point without a text is only kept clear. */
void place_labels(struct place *p, int n, double width_pt, double height_pt, double font_pt);
/* set label ... for those that fit, in graph coordinates. */
void plot_places(struct drawing *d, const struct place *p, int n, double width_pt,
		 double height_pt);

#endif
