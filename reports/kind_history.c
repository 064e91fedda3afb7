/* SPDX-License-Identifier: MIT
 *
 * A series over time: points, their intervals as a band, the levels as steps, and at each step how
 * much it changed. A step is acknowledged when a row since it (and before the next) has a text in
 * column `ack`; column `label` names builds below the axis.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"
#include "steps.h"

#define STEPS_MAX 12

static bool acknowledged(const struct drawing *d, const struct series *s, int from, int to)
{
	for (int k = from; k < to; k++)
		for (int i = 0; i < d->rows->n; i++)
			if (rows_number(d->rows, i, "x") == s->point[k].x &&
			    strcmp(rows_text(d->rows, i, "series"), s->name) == 0 &&
			    *rows_text(d->rows, i, "ack"))
				return true;
	return false;
}

static int find_steps(const struct series *s, struct step *step)
{
	double *v = new_array((size_t)s->n, sizeof *v);
	int n;

	for (int k = 0; k < s->n; k++)
		v[k] = s->point[k].y;
	n = steps_of(v, s->n, step, STEPS_MAX);
	free(v);
	return n;
}

/* The levels: a horizontal line over each, joined by vertical ones. */
static int level_block(struct drawing *d, const struct series *s, const struct step *step, int n,
		       const struct scale *sy)
{
	int block = dat_block(d, "levels", "x level");
	double first = s->point[0].x, last = s->point[s->n - 1].x;

	if (!n)
		return block;
	text_add(&d->dat, "%.9g %.9g\n", first, step[0].before / sy->factor);
	for (int i = 0; i < n; i++) {
		double x = 0.5 * (s->point[step[i].at - 1].x + s->point[step[i].at].x);
		text_add(&d->dat, "%.9g %.9g\n%.9g %.9g\n", x, step[i].before / sy->factor, x,
			 step[i].after / sy->factor);
	}
	text_add(&d->dat, "%.9g %.9g\n", last, step[n - 1].after / sy->factor);
	return block;
}

static void step_labels(struct drawing *d, const struct series *s, const struct step *step, int n,
			int colour)
{
	for (int i = 0; i < n; i++) {
		int to = i + 1 < n ? step[i + 1].at : s->n;
		double change = 100 * (step[i].after / step[i].before - 1);
		bool known = acknowledged(d, s, step[i].at, to);
		double x = 0.5 * (s->point[step[i].at - 1].x + s->point[step[i].at].x);
		char text[64], date[24];
		snprintf(text, sizeof text, "%+.1f %%%s", change, known ? " (ack.)" : "");
		text_add(&d->gp, "set arrow from %.9g, graph 0 to %.9g, graph 0.88 nohead lw 0.8 "
			 "dt %d lc rgb '%s'\nset label %s at %.9g, graph 0.93 center%s\n", x, x,
			 known ? 3 : 1, line_colour(colour), quoted(d, text), x,
			 d->tex ? "" : " font tiny");
		snprintf(date, sizeof date, "%.6g", s->point[step[i].at].x);
		text_add(&d->table, "%s & %s & %s & %+.1f & %s \\\\\n", tex_text(s->name), date,
			 tex_text(s->point[step[i].at].label), change,
			 known ? "acknowledged" : "open");
		add_number(d, "\\%", change, 3, "%s step %d", s->name, i + 1);
	}
}

/* Builds below the axis, as many as fit. */
static void build_tics(struct drawing *d, const struct series *s)
{
	double room = 72 * d->width_in - 50, used = 0;
	const char *before = "";
	int n = 0;

	for (int k = 0; k < s->n; k++) {
		const struct point *p = &s->point[k];
		double at = s->n > 1 ? room * k / (s->n - 1) : 0;
		double w = text_width_pt(p->label, FONT_PT - 1) + 8;
		if (!*p->label || strcmp(p->label, before) == 0 || (n && at - w / 2 < used))
			continue;
		text_add(&d->gp, "%s%s %.9g", n++ ? ", " : "set xtics (", quoted(d, p->label),
			 p->x);
		used = at + w / 2;
		before = p->label;
	}
	if (n)
		text_add(&d->gp, ")%s\n", d->tex ? "" : " font small");
}

static void draw_series(struct drawing *d, const struct series *s, int i, const struct scale *sx,
			const struct scale *sy)
{
	struct step step[STEPS_MAX];
	int n = find_steps(s, step), block = dat_points(d, s, sx, sy);
	const char *c = line_colour(i);

	plot_clause(
		d,
		"data index %d using 1:3:4 with filledcurves fs transparent solid 0.18 noborder "
		"lc rgb '%s' notitle",
		block, c);
	plot_clause(d, "data index %d using 1:2 with linespoints lw 0.8 pt %d ps 0.35 lc rgb '%s' "
		    "title %s", block, line_point(i), c, quoted(d, s->name));
	step_labels(d, s, step, n, i);
	if (n)
		plot_clause(d, "data index %d using 1:2 with lines lw 2 dt %d lc rgb '%s' notitle",
			    level_block(d, s, step, n, sy), line_dash(i), c);
	add_number(d, "", n, 2, "%s steps", s->name);
}

void draw_history(struct drawing *d)
{
	const struct figure *f = d->figure;
	struct scale sx = scale_for(1, "1"), sy;
	struct data data;
	double lo, hi, x_lo, x_hi;
	const char **names;

	data_of(&data, d->rows, f);
	names = new_array((size_t)data.n + 1, sizeof *names);
	sy = scale_for(data_largest_y(&data), f->y.unit);
	data_range_x(&data, &x_lo, &x_hi);
	data_range_y(&data, &lo, &hi);
	plot_axis(d, 'x', &f->x, &sx, x_lo, x_hi, false);
	plot_axis(d, 'y', &f->y, &sy, lo / sy.factor, hi / sy.factor, false);
	text_add(&d->gp, "set xrange [%.9g:%.9g]\nset offsets 0, 0, graph 0.14, 0\n"
		 "set yrange [%.9g:*]\n", x_lo - 0.5, x_hi + 0.5,
		 (lo - 0.08 * (hi - lo)) / sy.factor);
	if (data.n)
		build_tics(d, &data.series[0]);
	for (int i = 0; i < data.n; i++) {
		names[i] = data.series[i].name;
		draw_series(d, &data.series[i], i, &sx, &sy);
	}
	plot_key(d, names, data.n);
	d->table_columns = "lrlrl";
	text_add(&d->table_head, " & at & build & change (\\%%) & state");
	data_note(&data, &d->note);
	text_add(&d->note, " Band: these intervals. Thick line: levels; a step is a change of the "
		 "median by more than 1 %% and five times its noise.");
	free(names);
	data_end(&data);
}
