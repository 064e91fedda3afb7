/* SPDX-License-Identifier: MIT
 *
 * Rate against arithmetic intensity on logarithmic axes, under roofs that were measured on the same
 * machine (second query: label, flops, bandwidth; one of the two NULL): min(flops, bandwidth * x).
 * Points are classes of ops.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"

#define PLACES_MAX 256
#define LEFT_PT   40.0 /* margins, so that the slope of a roof on paper is known */
#define RIGHT_PT  8.0
#define BOTTOM_PT 28.0
#define TOP_PT    6.0

struct frame {
	double x0, x1, y0, y1; /* shown units */
	double w_pt, h_pt;
	struct scale sx, sy;
	struct place place[PLACES_MAX]; /* names of roofs, then of points */
	int n_places;
};

static double roof(const struct rows *r, int i, const char *what)
{
	double v = r ? rows_number(r, i, what) : NAN;
	return v > 0 ? v : NAN;
}

static double highest(const struct rows *r, const char *what)
{
	double v = NAN;

	for (int i = 0; r && i < r->n; i++)
		v = fmax(v, roof(r, i, what));
	return v;
}

static void find_frame(struct drawing *d, struct frame *f, const struct data *data)
{
	double top = highest(d->roofs, "flops"), bandwidth = highest(d->roofs, "bandwidth");
	double ridge = top / bandwidth;

	*f = (struct frame){ 0 };
	data_range_x(data, &f->x0, &f->x1);
	data_range_y(data, &f->y0, &f->y1);
	f->x0 = fmin(f->x0, ridge) / 2.5;
	f->x1 = fmax(f->x1, ridge) * 4;
	f->y0 = f->y0 / 2.5;
	f->y1 = fmax(f->y1, top) * 2.2;
	f->sx = scale_for(1, d->figure->x.unit);
	f->sy = scale_for(f->y1, d->figure->y.unit);
	f->y0 /= f->sy.factor;
	f->y1 /= f->sy.factor;
	f->w_pt = 72 * d->width_in - LEFT_PT - RIGHT_PT;
	f->h_pt = 72 * d->height_in - BOTTOM_PT - TOP_PT;
}

static void axes(struct drawing *d, const struct frame *f)
{
	plot_axis(d, 'x', &d->figure->x, &f->sx, f->x0, f->x1, false);
	plot_axis(d, 'y', &d->figure->y, &f->sy, f->y0, f->y1, false);
	text_add(&d->gp, "set xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\n", f->x0, f->x1, f->y0,
		 f->y1);
	text_add(&d->gp, "set lmargin at screen %.4f\nset rmargin at screen %.4f\n"
		 "set bmargin at screen %.4f\nset tmargin at screen %.4f\nunset key\n",
		 LEFT_PT / (72 * d->width_in), 1 - RIGHT_PT / (72 * d->width_in),
		 BOTTOM_PT / (72 * d->height_in), 1 - TOP_PT / (72 * d->height_in));
}

static double x_pt(const struct frame *f, double x)
{
	return f->w_pt * log(x / f->x0) / log(f->x1 / f->x0);
}

static double y_pt(const struct frame *f, double y)
{
	return f->h_pt * log(y / f->y0) / log(f->y1 / f->y0);
}

/* No name of a point on a flat roof from x on: a row of dots that have no name. */
static void keep_clear(struct frame *f, double x, double y)
{
	for (; x < f->w_pt && f->n_places < PLACES_MAX / 2; x += 8)
		f->place[f->n_places++] = (struct place){ x, y, "", 0, 0, "left", 0, false };
}

/* Whether a flat roof crosses the heights [low, high], in points. */
static bool crossed(const struct drawing *d, const struct frame *f, double low, double high)
{
	for (int i = 0; i < d->roofs->n; i++) {
		double at = y_pt(f, roof(d->roofs, i, "flops") / f->sy.factor);
		if (isfinite(at) && at > low && at < high)
			return true;
	}
	return false;
}

/* Along the roof from its left end on, where no flat one crosses the text. */
static void name_slanted(struct drawing *d, const struct frame *f, const char *label,
			 double bandwidth, double *last)
{
	double x = fmax(f->x0 * 1.15, f->y0 * 1.3 * f->sy.factor / bandwidth), at;
	double angle = atan((f->h_pt / log(f->y1 / f->y0)) / (f->w_pt / log(f->x1 / f->x0)));
	double rise = text_width_pt(label, 6.5) * sin(angle);

	for (int i = 0; i < 24; i++) {
		at = y_pt(f, bandwidth * x / f->sy.factor);
		if (!crossed(d, f, at - 3, at + rise + 12))
			break;
		x *= 1.15;
	}
	if (f->h_pt * fabs(log(bandwidth / *last)) / log(f->y1 / f->y0) > 12 &&
	    bandwidth * x < highest(d->roofs, "flops"))
		text_add(&d->gp,
			 "set label %s at %.9g, %.9g left rotate by %.1f offset -0.2,0.8%s\n",
			 quoted(d, label), x, bandwidth * x / f->sy.factor, 180 / M_PI * angle,
			 d->tex ? "" : " font tiny");
	*last = bandwidth;
}

/* A roof with its name: slanted ones at the left end, flat ones at the right, in the order of the
 * query; a name too near to the one before is left to the caption's table. */
static void draw_roof(struct drawing *d, struct frame *f, int i, double *last)
{
	double flops = roof(d->roofs, i, "flops"), bandwidth = roof(d->roofs, i, "bandwidth");
	double top = highest(d->roofs, "flops"), widest = highest(d->roofs, "bandwidth");
	bool slanted = isfinite(bandwidth);
	double from = slanted ? f->x0 : flops / widest, to = slanted ? top / bandwidth : f->x1;
	const char *label = rows_text(d->roofs, i, "label");
	int block = dat_block(d, label, "intensity rate");

	for (int k = 0; k < 2; k++) {
		double x = k ? to : from, y = slanted ? bandwidth * x : flops;
		text_add(&d->dat, "%.9g %.9g\n", x, y / f->sy.factor);
	}
	plot_clause(d, "data index %d using 1:2 with lines lw 1.5 dt %d lc rgb '#000000' notitle",
		    block, (slanted ? bandwidth == widest : flops == top) ? 1 : 2);
	if (!slanted)
		keep_clear(f, x_pt(f, fmax(from, f->x0)), y_pt(f, flops / f->sy.factor));
	if (slanted) {
		name_slanted(d, f, label, bandwidth, &last[0]);
	} else {
		double at = y_pt(f, flops / f->sy.factor), text = at + (last[1] < 0 ? 4 : -5);
		if (fabs(text - last[1]) > 8.5 &&
		    f->n_places < PLACES_MAX) { /* the highest above its line, others below */
			f->place[f->n_places++] = (struct place){
				-100, -100, label, f->w_pt - 2 - text_width_pt(label, 6.5),
				text - 3.2, "right", f->w_pt - 2, true };
			last[1] = text;
		}
	}
}

static void point_labels(struct drawing *d, struct frame *f, const struct data *data)
{
	for (int i = 0; i < data->n; i++)
		for (int k = 0; k < data->series[i].n && f->n_places < PLACES_MAX; k++) {
			const struct point *q = &data->series[i].point[k];
			f->place[f->n_places++] = (struct place){
				x_pt(f, q->x), y_pt(f, q->y / f->sy.factor), q->label, 0, 0, "left",
				0, false };
		}
	place_labels(f->place, f->n_places, f->w_pt, f->h_pt, 6.5);
	plot_places(d, f->place, f->n_places, f->w_pt, f->h_pt);
}

static void table(struct drawing *d, const struct frame *f, const struct data *data)
{
	d->table_columns = "lrr";
	text_add(&d->table_head, " & %s & %s", tex_text(axis_title(&d->figure->x, &f->sx)),
		 tex_text(axis_title(&d->figure->y, &f->sy)));
	for (int i = 0; i < data->n; i++)
		for (int k = 0; k < data->series[i].n; k++) {
			const struct point *p = &data->series[i].point[k];
			text_add(&d->table, "%s & %s & %s \\\\\n", tex_text(p->label), shown(p->x),
				 shown(p->y / f->sy.factor));
			add_number(d, f->sy.unit, p->y / f->sy.factor, 3, "%s rate", p->label);
		}
	for (int i = 0; d->roofs && i < d->roofs->n; i++) {
		double v = roof(d->roofs, i, "flops"), w = roof(d->roofs, i, "bandwidth");
		struct scale s = scale_for(fmax(v, w), isfinite(v) ? d->figure->y.unit : "B/s");
		text_add(&d->table, "%s (roof) & & %s %s \\\\\n",
			 tex_text(rows_text(d->roofs, i, "label")),
			 shown((isfinite(v) ? v : w) / s.factor), s.unit);
		add_number(d, s.unit, (isfinite(v) ? v : w) / s.factor, 3, "%s roof",
			   rows_text(d->roofs, i, "label"));
	}
}

void draw_roofline(struct drawing *d)
{
	struct frame f;
	struct data data;
	double last[2] = { 1e-300, -100 }; /* bandwidth, height in points: of the last name */

	data_of(&data, d->rows, d->figure);
	find_frame(d, &f, &data);
	axes(d, &f);
	for (int i = 0; d->roofs && i < d->roofs->n; i++)
		draw_roof(d, &f, i, last);
	for (int i = 0; i < data.n; i++)
		plot_points(d, dat_points(d, &data.series[i], &f.sx, &f.sy), i, 0.5, NULL);
	point_labels(d, &f, &data);
	table(d, &f, &data);
	text_add(&d->note, "Roofs: best rates measured on the same machine; points: classes of ops "
		 "in a traced repetition, 1 MAC = 2 FLOP, bytes of all operands as if read once.");
	data_end(&data);
}
