/* SPDX-License-Identifier: MIT
 *
 * Cost against result with whiskers, and the Pareto front as a step line: the points of which no
 * other is better in both. Labels stand beside their points where there is room.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"

struct dot {
	double x, y; /* shown */
	const struct point *point;
};

/* Values where less is better on both axes. */
static double cost(double v, const struct axis *a)
{
	return a->higher ? -v : v;
}

static bool beaten(const struct drawing *d, const struct dot *all, int n, const struct dot *p)
{
	const struct axis *ax = &d->figure->x, *ay = &d->figure->y;

	for (int i = 0; i < n; i++) {
		double dx = cost(all[i].x, ax) - cost(p->x, ax);
		double dy = cost(all[i].y, ay) - cost(p->y, ay);
		if (dx <= 0 && dy <= 0 && (dx < 0 || dy < 0))
			return true;
	}
	return false;
}

static int by_x(const void *a, const void *b)
{
	const struct dot *p = a, *q = b;
	return (p->x > q->x) - (p->x < q->x);
}

static void front(struct drawing *d, struct dot *dots, int n)
{
	int block = dat_block(d, "Pareto front", "x y"), found = 0;

	qsort(dots, (size_t)n, sizeof *dots, by_x);
	for (int i = 0; i < n; i++)
		if (!beaten(d, dots, n, &dots[i])) {
			text_add(&d->dat, "%.9g %.9g\n", dots[i].x, dots[i].y);
			found++;
		}
	plot_clause(d, "data index %d using 1:2 with %s lw 1.2 dt 2 lc rgb '#777777' title %s",
		    block, d->figure->y.higher == d->figure->x.higher ? "steps" : "fsteps",
		    quoted(d, "Pareto front"));
	add_number(d, "", found, 1, "front");
}

/* From a value to points inside the drawing area, as gnuplot will draw it. */
static double at_pt(double v, double lo, double hi, bool logarithmic, double size_pt)
{
	return logarithmic ? size_pt * log(v / lo) / log(hi / lo) : size_pt * (v - lo) / (hi - lo);
}

static void labels(struct drawing *d, const struct dot *dots, int n, const double range[4])
{
	const struct figure *f = d->figure;
	bool log_x = strcmp(f->x.scale, "linear") != 0, log_y = strcmp(f->y.scale, "linear") != 0;
	double w = 72 * d->width_in - 48, h = 72 * d->height_in - 60;
	struct place *p = new_array((size_t)n, sizeof *p);

	for (int i = 0; i < n; i++)
		p[i] = (struct place){ at_pt(dots[i].x, range[0], range[1], log_x, w),
				       at_pt(dots[i].y, range[2], range[3], log_y, h),
				       dots[i].point->label, 0, 0, "left", 0, false };
	place_labels(p, n, w, h, 6.5);
	plot_places(d, p, n, w, h);
	free(p);
}

/* Half a margin on both sides, so that whiskers and labels have room. */
static void ranges(const struct drawing *d, const struct data *data, const struct scale *sx,
		   const struct scale *sy, double r[4])
{
	const struct axis *axis[] = { &d->figure->x, &d->figure->y };

	data_range_x(data, &r[0], &r[1]);
	data_range_y(data, &r[2], &r[3]);
	for (int i = 0; i < 4; i++)
		r[i] /= i < 2 ? sx->factor : sy->factor;
	for (int i = 0; i < 2; i++) {
		double *lo = &r[2 * i], *hi = &r[2 * i + 1];
		double margin = fmax(pow(*hi / *lo, 0.12), 1.15);
		if (strcmp(axis[i]->scale, "linear") != 0) {
			*lo /= margin;
			*hi *= margin;
		} else {
			*hi += 0.15 * (*hi - fmin(*lo, 0));
			*lo = fmin(*lo, 0);
		}
	}
}

void draw_pareto(struct drawing *d)
{
	const struct figure *f = d->figure;
	struct scale sx, sy;
	struct dot *dots;
	struct data data;
	const char **names;
	double range[4];
	int n = 0;

	data_of(&data, d->rows, f);
	sx = scale_for(data_largest_x(&data), f->x.unit);
	sy = scale_for(data_largest_y(&data), f->y.unit);
	dots = new_array((size_t)d->rows->n, sizeof *dots);
	names = new_array((size_t)data.n + 2, sizeof *names);
	for (int i = 0; i < data.n; i++) {
		const struct series *s = &data.series[i];
		int block = dat_points(d, s, &sx, &sy);
		names[i] = s->name;
		for (int k = 0; k < s->n; k++)
			dots[n++] = (struct dot){ s->point[k].x / sx.factor,
						  s->point[k].y / sy.factor, &s->point[k] };
		plot_points(d, block, i, 0.55, s->name);
	}
	ranges(d, &data, &sx, &sy, range);
	plot_axis(d, 'x', &f->x, &sx, range[0], range[1], false);
	plot_axis(d, 'y', &f->y, &sy, range[2], range[3], false);
	text_add(&d->gp, "set xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\n", range[0], range[1],
		 range[2], range[3]);
	front(d, dots, n);
	labels(d, dots, n, range);
	names[data.n] = "Pareto front";
	plot_key(d, names, data.n + 1);
	point_table(d, &data, &sx, &sy);
	data_note(&data, &d->note);
	text_add(&d->note,
		 " Dashed: Pareto front, the points of which no other is better in both.");
	free(dots);
	free(names);
	data_end(&data);
}
