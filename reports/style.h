/* SPDX-License-Identifier: MIT
 *
 * How figures look: sizes and fonts of venues, colours that colour-blind readers and grey printers
 * keep apart, numbers with SI prefixes, and tics for logarithmic axes.
 */
#ifndef BENCH_STYLE_H
#define BENCH_STYLE_H

#include <stdbool.h>
#include <stddef.h>

/* Widths in inches as the class files set them. */
struct venue {
	const char *name;
	double column_in, full_in;
	const char *fonts; /* the first one that is installed: "A|B|C" */
};

/* NULL when unknown; names for messages, NULL at the end. "screen" is for the browser. */
const struct venue *venue_find(const char *name);
const char *const *venue_names(void);

/* The first font of "A|B|C" that fontconfig knows, or the first. Static; asked once. */
const char *font_choose(const char *fonts);

#define FONT_PT 8.0     /* all text */
#define FONT_MIN_PT 6.5 /* nothing is smaller */

/* Colours of gnuplot's `podo` sequence without its yellow: for lines, and for areas without black.
 * i counts series from 0 and wraps around. */
const char *line_colour(int i);
const char *fill_colour(int i);
int fill_pattern(int i); /* hatch for grey print, gnuplot's pdfcairo numbering */
int line_dash(int i);    /* gnuplot dashtype */
int line_point(int i);   /* gnuplot pointtype */

/* ---- numbers -----------------------------------------------------------------------------------
 */

/* A power of 1000 with its prefix: values are divided by `factor`, "ms" is shown. */
struct scale {
	double factor;
	char unit[24];
};

/* The scale in which `largest` lies in [1, 1000). Seconds only get
 * smaller prefixes; units that take none, as "images/s", and "1" stay. */
struct scale scale_for(double largest, const char *unit);

/* "12.3", "0.0123", "1230": `digits` significant digits, no exponent; "-" when not finite. */
void number_text(double v, int digits, char *out, size_t len);

/* Tics at 1-2-5 (few decades) or at powers of ten: returns their number. */
int log_tics(double lo, double hi, double *tic, int max);
/* Round numbers between lo and hi, about `want` of them. */
int linear_tics(double lo, double hi, int want, double *tic, int max);

/* Width of a text in points at `pt`, from mean widths of letters. */
double text_width_pt(const char *s, double pt);

#endif
