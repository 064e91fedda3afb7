/* SPDX-License-Identifier: MIT
 *
 * A line per series over an axis, with the ideal line from each series' first point: inverse (twice
 * the devices, half the time), or proportional (twice the pixels, twice the time). Rows without a y
 * are measurements that failed: a cross at the top, where they would have to be.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"

static int ideal_block(struct drawing *d, const struct series *s, bool inverse,
		       const struct scale *sx, const struct scale *sy)
{
	const struct point *a = &s->point[0], *z = &s->point[s->n - 1];
	int block = dat_block(d, "ideal", "x y");

	for (int k = 0; k <= 16; k++) {
		double x = a->x + (z->x - a->x) * k / 16;
		double y = a->y * (inverse ? a->x / x : x / a->x);
		text_add(&d->dat, "%.9g %.9g\n", x / sx->factor, y / sy->factor);
	}
	return block;
}

/* Failed measurements: x, and the series' place in the palette. */
static void failures(struct drawing *d, const struct scale *sx)
{
	int block = -1;

	for (int i = 0; i < d->rows->n; i++) {
		double x = rows_number(d->rows, i, "x");
		if (isfinite(rows_number(d->rows, i, "y")) || !isfinite(x))
			continue;
		if (block < 0)
			block = dat_block(d, "failed", "x status series");
		text_add(&d->dat, "%.9g \"%s\" \"%s\"\n", x / sx->factor,
			 rows_text(d->rows, i, "status"), rows_text(d->rows, i, "series"));
	}
	if (block < 0)
		return;
	plot_clause(d, "data index %d using 1:(top) with points pt 2 ps 0.7 lw 2 lc rgb '#000000' "
		    "title %s", block, quoted(d, "did not run"));
}

/* Speed-ups between the first and the last point, as numbers for the text. */
static void numbers(struct drawing *d, const struct series *s, const struct scale *sy)
{
	const struct point *a = &s->point[0], *z = &s->point[s->n - 1];

	add_number(d, sy->unit, a->y / sy->factor, 3, "%s first", s->name);
	add_number(d, sy->unit, z->y / sy->factor, 3, "%s last", s->name);
	if (s->n > 1 && a->y > 0)
		add_number(d, "", d->figure->y.higher ? z->y / a->y : a->y / z->y, 3,
			   "%s speedup", s->name);
}

void draw_scaling(struct drawing *d)
{
	const struct figure *f = d->figure;
	bool inverse = strcmp(f->ideal, "inverse") == 0;
	bool ideal = inverse || strcmp(f->ideal, "proportional") == 0;
	struct scale sx, sy;
	struct data data;
	double lo, hi, x_lo, x_hi;
	const char **names;

	data_of(&data, d->rows, f);
	names = new_array((size_t)data.n + 2, sizeof *names);
	sx = scale_for(data_largest_x(&data), f->x.unit);
	sy = scale_for(data_largest_y(&data), f->y.unit);
	data_range_x(&data, &x_lo, &x_hi);
	data_range_y(&data, &lo, &hi);
	for (int i = 0; i < d->rows->n; i++)
		x_hi = fmax(x_hi, rows_number(d->rows, i, "x"));
	for (int i = 0; ideal && i < data.n; i++) {
		const struct point *a = &data.series[i].point[0];
		double end = data.series[i].point[data.series[i].n - 1].x / a->x;
		lo = fmin(lo, inverse ? a->y / end : a->y * end);
		hi = fmax(hi, inverse ? a->y / end : a->y * end);
	}
	plot_axis(d, 'x', &f->x, &sx, x_lo / sx.factor, x_hi / sx.factor, false);
	plot_axis(d, 'y', &f->y, &sy, lo / sy.factor, hi / sy.factor, false);
	text_add(&d->gp, "top = %.9g\n", hi / sy.factor);
	for (int i = 0; i < data.n; i++) {
		const struct series *s = &data.series[i];
		int block = dat_points(d, s, &sx, &sy);
		names[i] = s->name;
		if (ideal && s->n > 1)
			plot_clause(d, "data index %d using 1:2 with lines lw 1 dt 3 lc rgb "
				    "'#777777' %s", ideal_block(d, s, inverse, &sx, &sy),
				    i ? "notitle" : inverse ? "title 'ideal'" :
				    "title 'proportional'");
		plot_clause(d, "data index %d using 1:2 with lines lw 1.5 dt %d lc rgb '%s' "
			    "notitle", block, line_dash(i), line_colour(i));
		plot_points(d, block, i, 0.5, s->name);
		numbers(d, s, &sy);
	}
	failures(d, &sx);
	names[data.n] = ideal ? "proportional" : "";
	plot_key(d, names, data.n + (ideal ? 1 : 0));
	point_table(d, &data, &sx, &sy);
	data_note(&data, &d->note);
	if (ideal)
		text_add(&d->note, " Dotted: %s to the axis from the first point of a series.",
			 inverse ? "inversely proportional" : "proportional");
	free(names);
	data_end(&data);
}
