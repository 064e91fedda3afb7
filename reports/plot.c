/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"

/* ---- texts -------------------------------------------------------------------------------------
 */

#define TURNS 8

const char *tex_text(const char *s)
{
	static struct text turn[TURNS];
	static int at;
	struct text *t = &turn[at = (at + 1) % TURNS];

	text_end(t);
	text_begin(t);
	for (; *s; s++) {
		if (*s == '\\' || *s == '~' || *s == '^')
			text_add(t, *s == '\\' ? "\\textbackslash{}" :
				 *s == '~' ? "\\textasciitilde{}" : "\\textasciicircum{}");
		else if (strchr("&%$#_{}", *s))
			text_add(t, "\\%c", *s);
		else if (*s == '<' || *s == '>')
			text_add(t, "$%c$", *s);
		else if (*s == '\n')
			text_add(t, " ");
		else
			text_add(t, "%c", *s);
	}
	return t->s;
}

const char *quoted(const struct drawing *d, const char *s)
{
	static struct text turn[TURNS];
	static int at;
	struct text *t = &turn[at = (at + 1) % TURNS];

	text_end(t);
	text_begin(t);
	text_add(t, "'");
	for (s = d->tex ? tex_text(s) : s; *s; s++)
		text_add(t, *s == '\'' ? "''" : *s == '\n' ? " " : "%c", *s);
	text_add(t, "'");
	return t->s;
}

const char *axis_title(const struct axis *a, const struct scale *s)
{
	static char title[TURNS][160];
	static int at;

	at = (at + 1) % TURNS;
	if (*s->unit)
		snprintf(title[at], sizeof title[at], "%s (%s)", a->label, s->unit);
	else
		snprintf(title[at], sizeof title[at], "%s", a->label);
	return title[at];
}

const char *shown(double v)
{
	static char text[TURNS][48];
	static int at;

	at = (at + 1) % TURNS;
	number_text(v, fabs(v) >= 100 && fabs(v) < 1e5 ? 4 : 3, text[at], sizeof text[at]);
	return text[at];
}

const char *interval_text(const struct point *p, const struct scale *s)
{
	static char text[TURNS][96];
	static int at;

	at = (at + 1) % TURNS;
	if (p->whisker == WHISKER_NONE)
		return "--";
	snprintf(text[at], sizeof text[at], "[%s, %s]", shown(p->lo / s->factor),
		 shown(p->hi / s->factor));
	return text[at];
}

/* Where a point is: whole numbers as they are. */
static const char *place_text(double x)
{
	static char text[TURNS][48];
	static int at;

	if (x != floor(x) || fabs(x) >= 1e9)
		return shown(x);
	at = (at + 1) % TURNS;
	snprintf(text[at], sizeof text[at], "%.0f", x);
	return text[at];
}

void point_table(struct drawing *d, const struct data *data, const struct scale *sx,
		 const struct scale *sy)
{
	bool named = data->n > 1 || (data->n && *data->series[0].name);

	d->table_columns = named ? "lrrrr" : "rrrr";
	text_add(&d->table_head, "%s%s & ", named ? " & " : "",
		 tex_text(axis_title(&d->figure->x, sx)));
	text_add(&d->table_head, "%s & interval & $n$", tex_text(axis_title(&d->figure->y, sy)));
	for (int i = 0; i < data->n; i++)
		for (int k = 0; k < data->series[i].n; k++) {
			const struct point *p = &data->series[i].point[k];
			if (named)
				text_add(&d->table, "%s & ",
					 tex_text(k ? "" : data->series[i].name));
			text_add(&d->table, "%s & %s & %s & %d \\\\\n",
				 isfinite(p->x) ? place_text(p->x / sx->factor) :
						  tex_text(p->label),
				 shown(p->y / sy->factor), interval_text(p, sy),
				 p->processes > 1 || !p->samples ? p->processes : p->samples);
		}
}

/* ---- axes --------------------------------------------------------------------------------------
 */

static void add_tics(struct drawing *d, char axis, const double *tic, int n)
{
	char text[48];

	text_add(&d->gp, "set %ctics (", axis);
	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof text, "%.6g", tic[i] + 0.0);
		if (strchr(text, 'e'))
			snprintf(text, sizeof text, "%.0f", tic[i]);
		text_add(&d->gp, "%s'%s' %.9g", i ? ", " : "", text, tic[i]);
	}
	text_add(&d->gp, ")\n");
}

static int powers_of_two(double lo, double hi, double *tic, int max)
{
	int n = 0;

	for (double v = exp2(ceil(log2(lo) - 1e-9)); v <= hi * (1 + 1e-9) && n < max; v *= 2)
		tic[n++] = v;
	return n;
}

void plot_axis(struct drawing *d, char axis, const struct axis *a, const struct scale *s, double lo,
	       double hi, bool from_zero)
{
	bool binary = strcmp(a->scale, "log2") == 0;
	bool logarithmic = (binary || strcmp(a->scale, "log") == 0) && lo > 0;
	int n, want = axis == 'x' ? 6 : 5;
	double tic[48], room = hi > lo ? hi - lo : fabs(hi) > 0 ? fabs(hi) : 1;

	text_add(&d->gp, "set %clabel %s\n", axis, quoted(d, axis_title(a, s)));
	if (logarithmic) {
		double margin = fmax(pow(hi / lo, 0.06), 1.05);
		lo /= margin;
		hi *= margin;
		n = binary ? powers_of_two(lo, hi, tic, 48) : log_tics(lo, hi, tic, 48);
		text_add(&d->gp, "set logscale %c %d\n", axis, binary ? 2 : 10);
	} else {
		bool near_zero = lo >= 0 && lo < 0.5 * hi;
		lo = from_zero || near_zero ? 0 : lo - 0.06 * room;
		hi += (from_zero ? 0.12 : 0.06) * room;
		n = linear_tics(lo, hi, want, tic, 48);
	}
	text_add(&d->gp, "set %crange [%.9g:%.9g]\n", axis, lo, hi);
	add_tics(d, axis, tic, n);
}

#define KEY_SAMPLE_PT 26.0 /* line sample and gaps around a name */
#define KEY_ROW_IN    0.13

/* As many as fit, and no more than even rows need. */
static int key_columns(const struct drawing *d, double widest_pt, int n)
{
	int columns = (int)((72 * d->width_in - 30) / widest_pt);

	columns = columns < 1 ? 1 : columns > n ? n : columns;
	while (columns > 1 && (n + columns - 2) / (columns - 1) == (n + columns - 1) / columns)
		columns--;
	return columns;
}

void plot_key(struct drawing *d, const char *const *names, int n)
{
	double widest = 0;
	int columns;

	if (n == 0 || (n == 1 && !*names[0])) {
		text_add(&d->gp, "unset key\n");
		return;
	}
	for (int i = 0; i < n; i++)
		widest = fmax(widest, text_width_pt(names[i], FONT_PT - 1) + KEY_SAMPLE_PT);
	columns = key_columns(d, widest, n);
	d->height_in += ((n + columns - 1) / columns - 1) * KEY_ROW_IN;
	text_add(&d->gp, "set key outside above center horizontal Left reverse samplen 2 "
		 "spacing 1.05 height 0.2 maxcols %d%s\n", columns,
		 d->tex ? "" : " font small");
}

#define SWATCH_PT 14.0
#define TOP_PT    5.0

/* A swatch and its name, x and y from the lower left of the whole drawing. */
static void swatch(struct drawing *d, int i, const char *name, double x_pt, double y_pt)
{
	double w = 72 * d->width_in, h = 72 * d->height_in;

	for (int layer = 0; layer < 2; layer++) {
		text_add(&d->gp,
			 "set object rectangle from screen %.4f, screen %.4f to screen %.4f, "
			 "screen %.4f front fc rgb '%s' ",
			 x_pt / w, (y_pt - 3) / h, (x_pt + SWATCH_PT) / w, (y_pt + 3) / h,
			 fill_colour(i));
		text_add(&d->gp,
			 layer ? "fs transparent pattern %d border lc rgb '#333333' lw 0.6\n" :
				 "fs solid 0.4 noborder\n",
			 fill_pattern(i));
	}
	text_add(&d->gp, "set label %s at screen %.4f, screen %.4f left front%s\n", quoted(d, name),
		 (x_pt + SWATCH_PT + 4) / w, y_pt / h, d->tex ? "" : " font small");
}

void plot_fill_key(struct drawing *d, const char *const *names, int n)
{
	double widest = 0, w = 72 * d->width_in, row_pt = 72 * KEY_ROW_IN, left;
	int columns, rows;

	text_add(&d->gp, "unset key\n");
	if (n == 0 || (n == 1 && !*names[0]))
		return;
	for (int i = 0; i < n; i++)
		widest = fmax(widest, text_width_pt(names[i], FONT_PT - 1) + SWATCH_PT + 12);
	columns = key_columns(d, widest, n);
	rows = (n + columns - 1) / columns;
	d->height_in += (rows - 1) * KEY_ROW_IN;
	left = fmax(4, (w - columns * widest) / 2);
	for (int i = 0; i < n; i++)
		swatch(d, i, names[i], left + i % columns * widest,
		       72 * d->height_in - TOP_PT - (i / columns + 0.5) * row_pt);
	text_add(&d->gp, "set tmargin at screen %.4f\n",
		 1 - (TOP_PT + rows * row_pt + 4) / (72 * d->height_in));
}

void plot_fill(struct drawing *d, int block, const char *shape, int i)
{
	plot_clause(d, "data index %d %s fs solid 0.4 noborder lc rgb '%s' notitle", block, shape,
		    fill_colour(i));
	plot_clause(d, "data index %d %s fs transparent pattern %d border lc rgb '#333333' lc rgb "
		    "'%s' lw 0.6 notitle", block, shape, fill_pattern(i), fill_colour(i));
}

/* ---- clauses and blocks ------------------------------------------------------------------------
 */

void plot_clause(struct drawing *d, const char *fmt, ...)
{
	char clause[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(clause, sizeof clause, fmt, ap);
	va_end(ap);
	text_add(&d->plot, "%s%s", d->plot.len ? ", \\\n     " : "plot ", clause);
}

int dat_block(struct drawing *d, const char *title, const char *columns)
{
	text_add(&d->dat, "%s# %s\n# %s\n", d->n_blocks ? "\n\n" : "", title, columns);
	return d->n_blocks++;
}

void plot_whiskers(struct drawing *d, int block, int place, int lo, int hi, bool along_x,
		   const char *colour)
{
	char from[48], length[48];

	snprintf(from, sizeof from, "($%d>$%d?$%d:NaN)", hi, lo, lo);
	snprintf(length, sizeof length, "($%d-$%d)", hi, lo);
	if (along_x)
		plot_clause(d, "data index %d using %s:%d:%s:(0)", block, from, place, length);
	else
		plot_clause(d, "data index %d using %d:%s:(0):%s", block, place, from, length);
	text_add(&d->plot, " with vectors heads size screen 0.006,90 lw 1.1 lc rgb '%s' notitle",
		 colour);
}

void plot_points(struct drawing *d, int block, int i, double size, const char *title)
{
	plot_whiskers(d, block, 1, 3, 4, false, line_colour(i));
	plot_clause(d, "data index %d using 1:2 with points pt %d ps %g lw 1 lc rgb '%s' %s%s",
		    block, line_point(i), size, line_colour(i), title ? "title " : "notitle",
		    title ? quoted(d, title) : "");
}

int dat_points(struct drawing *d, const struct series *s, const struct scale *sx,
	       const struct scale *sy)
{
	int block = dat_block(d, *s->name ? s->name : "all", "x y lo hi processes samples label");

	for (int k = 0; k < s->n; k++) {
		const struct point *p = &s->point[k];
		text_add(&d->dat, "%.9g %.9g %.9g %.9g %d %d \"%s\"\n",
			 isfinite(p->x) ? p->x / sx->factor : k, p->y / sy->factor,
			 p->lo / sy->factor, p->hi / sy->factor, p->processes, p->samples,
			 p->label);
	}
	return block;
}

void add_number(struct drawing *d, const char *unit, double v, int digits, const char *key, ...)
{
	char text[48], name[256];
	struct number *n;
	va_list ap;

	if (!isfinite(v))
		return;
	va_start(ap, key);
	vsnprintf(name, sizeof name, key, ap);
	va_end(ap);
	number_text(v, digits, text, sizeof text);
	d->number = grow(d->number, d->n_numbers, sizeof *d->number);
	n = &d->number[d->n_numbers++];
	n->key = copy_text(name);
	n->text = copy_text(text);
	snprintf(n->unit, sizeof n->unit, "%s", unit);
}

/* ---- labels beside points ----------------------------------------------------------------------
 */

struct box {
	double x0, y0, x1, y1;
};

static bool overlap(struct box a, struct box b)
{
	return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;
}

static struct box label_box(const struct place *p, double x, double y, double font_pt)
{
	return (struct box){ x - 1, y - 1, x + text_width_pt(p->text, font_pt) + 1,
			     y + font_pt + 0.5 };
}

/* The k-th corner of the text around its point: right, left, above, below, then the diagonals. */
static void corner(const struct place *p, int k, double font_pt, double *x, double *y)
{
	double w = text_width_pt(p->text, font_pt), gap = 4;
	const double dx[] = { gap, -w - gap, -w / 2, -w / 2, gap, gap, -w - gap, -w - gap };
	const double dy[] = { -font_pt / 2, -font_pt / 2, gap, -gap - font_pt,
			      gap / 2, -gap / 2 - font_pt, gap / 2, -gap / 2 - font_pt };

	*x = p->x_pt + dx[k];
	*y = p->y_pt + dy[k];
}

static void anchor(struct place *p, int k)
{
	static const char *const align[] = { "left", "right", "center", "center",
					     "left", "left", "right", "right" };
	const double dx[] = { 4, -4, 0, 0, 4, 4, -4, -4 };

	p->align = align[k];
	p->anchor_x_pt = p->x_pt + dx[k];
}

static bool is_free(const struct place *p, int n, int self, struct box b, double font_pt)
{
	for (int i = 0; i < n; i++) {
		struct box dot = { p[i].x_pt - 3, p[i].y_pt - 3, p[i].x_pt + 3, p[i].y_pt + 3 };
		if (i != self && overlap(b, dot))
			return false;
		if (i != self && p[i].fits &&
		    overlap(b, label_box(&p[i], p[i].label_x_pt, p[i].label_y_pt, font_pt)))
			return false;
	}
	return true;
}

void place_labels(struct place *p, int n, double width_pt, double height_pt, double font_pt)
{
	for (int i = 0; i < n; i++)
		for (int k = 0; k < 8 && !p[i].fits && *p[i].text; k++) {
			struct box b;
			corner(&p[i], k, font_pt, &p[i].label_x_pt, &p[i].label_y_pt);
			b = label_box(&p[i], p[i].label_x_pt, p[i].label_y_pt, font_pt);
			p[i].fits = b.x0 >= 0 && b.y0 >= 0 && b.x1 <= width_pt &&
				    b.y1 <= height_pt && is_free(p, n, i, b, font_pt);
			anchor(&p[i], k);
		}
}

void plot_places(struct drawing *d, const struct place *p, int n, double width_pt, double height_pt)
{
	for (int i = 0; i < n; i++)
		if (p[i].fits && *p[i].text)
			text_add(&d->gp, "set label %s at graph %.4f, graph %.4f %s%s\n",
				 quoted(d, p[i].text), p[i].anchor_x_pt / width_pt,
				 (p[i].label_y_pt + 3.2) / height_pt, p[i].align,
				 d->tex ? "" : " font tiny");
}
