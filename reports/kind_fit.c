/* SPDX-License-Identifier: MIT
 *
 * Points with whiskers and the least-squares line of each series. The band is where 95 % of further
 * points are expected if the residuals are normal: it shows what the line leaves unexplained.
 */
#include <math.h>
#include <stdlib.h>

#include "kind.h"
#include "stats_dist.h"
#include "stats_fit.h"

#define BAND_POINTS 32

static struct line fit_of(const struct series *s)
{
	double *x = new_array((size_t)s->n, sizeof *x), *y = new_array((size_t)s->n, sizeof *y);
	struct line l = { 0 };

	for (int i = 0; i < s->n; i++) {
		x[i] = s->point[i].x;
		y[i] = s->point[i].y;
	}
	if (s->n > 1 && x[0] < x[s->n - 1])
		l = line_fit(x, y, s->n, 0.95);
	free(x);
	free(y);
	return l;
}

/* Half width of the band: the line's own uncertainty and the residuals together. */
static double band(const struct line *l, double x)
{
	double t = student_quantile(0.975, l->n - 2) * l->residual_sd, own = line_band(l, x);

	return l->n > 2 ? sqrt(own * own + t * t) : 0;
}

static int line_block(struct drawing *d, const struct series *s, const struct line *l,
		      const struct scale *sx, const struct scale *sy)
{
	double from = fmin(0, s->point[0].x), to = s->point[s->n - 1].x;
	int block = dat_block(d, "line and band", "x line lo hi");

	for (int i = 0; i <= BAND_POINTS; i++) {
		double x = from + (to - from) * i / BAND_POINTS, y = line_at(l, x);
		text_add(&d->dat, "%.9g %.9g %.9g %.9g\n", x / sx->factor, y / sy->factor,
			 (y - band(l, x)) / sy->factor, (y + band(l, x)) / sy->factor);
	}
	return block;
}

static void describe(struct drawing *d, const struct series *s, const struct line *l,
		     const struct scale *sy, char *name, size_t len)
{
	struct scale per = scale_for(l->slope, d->figure->y.unit);
	bool less = l->intercept < 0;

	snprintf(name, len, "%s%s%s %s · x %s %s %s", s->name, *s->name ? ": " : "",
		 shown(l->slope / per.factor), per.unit, less ? "−" : "+",
		 shown(fabs(l->intercept) / sy->factor), sy->unit);
	add_number(d, per.unit, l->slope / per.factor, 3, "%s slope", s->name);
	add_number(d, per.unit, l->slope_lo / per.factor, 3, "%s slope low", s->name);
	add_number(d, per.unit, l->slope_hi / per.factor, 3, "%s slope high", s->name);
	add_number(d, sy->unit, l->intercept / sy->factor, 3, "%s intercept", s->name);
}

void draw_fit(struct drawing *d)
{
	const struct figure *f = d->figure;
	struct scale sx, sy;
	struct data data;
	double lo, hi, x_lo, x_hi;
	char (*name)[160];
	const char **names;

	data_of(&data, d->rows, f);
	sx = scale_for(data_largest_x(&data), f->x.unit);
	sy = scale_for(data_largest_y(&data), f->y.unit);
	data_range_x(&data, &x_lo, &x_hi);
	data_range_y(&data, &lo, &hi);
	name = new_array((size_t)data.n, sizeof *name);
	names = new_array((size_t)data.n + 1, sizeof *names);
	plot_axis(d, 'x', &f->x, &sx, fmin(x_lo, 0) / sx.factor, x_hi / sx.factor, false);
	plot_axis(d, 'y', &f->y, &sy, 0, hi / sy.factor, true);
	for (int i = 0; i < data.n; i++) {
		const struct series *s = &data.series[i];
		struct line l = fit_of(s);
		int points = dat_points(d, s, &sx, &sy);
		const char *c = line_colour(i);
		snprintf(name[i], sizeof *name, "%s", s->name);
		names[i] = name[i];
		if (l.n > 1) {
			int line = line_block(d, s, &l, &sx, &sy);
			describe(d, s, &l, &sy, name[i], sizeof *name);
			if (l.n > 2)
				plot_clause(d, "data index %d using 1:3:4 with filledcurves fs "
					    "transparent solid 0.18 noborder lc rgb '%s' notitle",
					    line, c);
			plot_clause(d, "data index %d using 1:2 with lines lw 1.5 dt %d "
				    "lc rgb '%s' notitle", line, line_dash(i), c);
		}
		plot_points(d, points, i, 0.45, name[i]);
	}
	plot_key(d, names, data.n);
	point_table(d, &data, &sx, &sy);
	data_note(&data, &d->note);
	text_add(&d->note, " Lines: least squares; bands: where 95 %% of further points are "
		 "expected.");
	free(name);
	free(names);
	data_end(&data);
}
