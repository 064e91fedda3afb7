/* SPDX-License-Identifier: MIT
 *
 * Gantt chart of one run: a lane per device or stage, a box per interval, hatched by kind.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"

#define LANES_MAX 32

struct lanes {
	const char *lane[LANES_MAX], *series[8];
	int n, n_series;
	double end;
};

static int index_of(const char **names, int *n, int max, const char *name)
{
	for (int i = 0; i < *n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	if (*n < max)
		names[(*n)++] = name;
	return *n - 1;
}

static void read_lanes(struct lanes *l, const struct rows *r)
{
	for (int i = 0; i < r->n; i++) {
		index_of(l->lane, &l->n, LANES_MAX, rows_text(r, i, "lane"));
		index_of(l->series, &l->n_series, 8, rows_text(r, i, "series"));
		l->end = fmax(l->end, rows_number(r, i, "start") + rows_number(r, i, "duration"));
	}
}

static int series_block(struct drawing *d, struct lanes *l, int series, const struct scale *sx)
{
	int block = dat_block(d, l->series[series], "from to lane name");

	for (int i = 0; i < d->rows->n; i++) {
		double start = rows_number(d->rows, i, "start");
		double end = start + rows_number(d->rows, i, "duration");
		if (!isfinite(end) || strcmp(rows_text(d->rows, i, "series"), l->series[series]))
			continue;
		text_add(&d->dat, "%.9g %.9g %d \"%s\"\n", start / sx->factor, end / sx->factor,
			 index_of(l->lane, &l->n, LANES_MAX, rows_text(d->rows, i, "lane")),
			 rows_text(d->rows, i, "lane"));
	}
	return block;
}

/* Time in each lane, for the table and the text. */
static void lane_sums(struct drawing *d, const struct lanes *l, const struct scale *sx)
{
	d->table_columns = "lrr";
	text_add(&d->table_head, " & boxes & busy (%s)", sx->unit);
	for (int k = 0; k < l->n; k++) {
		double sum = 0;
		int boxes = 0;
		for (int i = 0; i < d->rows->n; i++)
			if (strcmp(rows_text(d->rows, i, "lane"), l->lane[k]) == 0) {
				sum += rows_number(d->rows, i, "duration");
				boxes++;
			}
		text_add(&d->table, "%s & %d & %s \\\\\n", tex_text(l->lane[k]), boxes,
			 shown(sum / sx->factor));
		add_number(d, sx->unit, sum / sx->factor, 3, "%s busy", l->lane[k]);
	}
}

void draw_timeline(struct drawing *d)
{
	struct lanes l = { 0 };
	struct scale sx;

	read_lanes(&l, d->rows);
	sx = scale_for(l.end, d->figure->x.unit);
	plot_axis(d, 'x', &d->figure->x, &sx, 0, l.end / sx.factor, false);
	text_add(&d->gp, "set xrange [0:%.9g]\nset grid noytics xtics\nset ytics scale 0 (",
		 1.01 * l.end / sx.factor);
	for (int k = 0; k < l.n; k++)
		text_add(&d->gp, "%s%s %d", k ? ", " : "", quoted(d, l.lane[k]), k);
	text_add(&d->gp, ")\nset yrange [%.9g:-0.6]\n", l.n - 0.4);
	d->height_in = 0.7 + 0.22 * l.n + (l.n_series > 1 ? 0.15 : 0);
	for (int i = 0; i < l.n_series; i++)
		plot_fill(d, series_block(d, &l, i, &sx),
			  "using (0.5*($1+$2)):3:1:2:($3-0.36):($3+0.36) with boxxyerror", i);
	plot_fill_key(d, l.series, l.n_series);
	lane_sums(d, &l, &sx);
	text_add(&d->note, "One repetition of one run; boxes are timed steps, set end to end.");
}
