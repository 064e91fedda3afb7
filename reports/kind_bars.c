/* SPDX-License-Identifier: MIT
 *
 * Bars from zero with whiskers, one group per label, one bar per series in it, and the value above.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"

#define GROUP 0.82 /* of the distance between groups is covered by bars */

struct labels {
	const char **name;
	int n;
};

static int label_at(struct labels *l, const char *name)
{
	for (int i = 0; i < l->n; i++)
		if (strcmp(l->name[i], name) == 0)
			return i;
	l->name = grow(l->name, l->n, sizeof *l->name);
	l->name[l->n] = name;
	return l->n++;
}

static void all_labels(struct labels *l, const struct drawing *d)
{
	for (int i = 0; i < d->rows->n; i++)
		if (isfinite(rows_number(d->rows, i, "y")))
			label_at(l, rows_text(d->rows, i, "label"));
}

/* Names of the groups below the axis; slanted when one is wider than its place. */
static void label_tics(struct drawing *d, const struct labels *l)
{
	double room = (72 * d->width_in - 50) / l->n, widest = 0;

	for (int i = 0; i < l->n; i++)
		widest = fmax(widest, text_width_pt(l->name[i], FONT_PT));
	text_add(&d->gp, "set xtics scale 0%s (", widest > room ? " rotate by 30 right" : "");
	for (int i = 0; i < l->n; i++)
		text_add(&d->gp, "%s%s %d", i ? ", " : "", quoted(d, l->name[i]), i);
	text_add(&d->gp, ")\nset xrange [-0.6:%.9g]\n", l->n - 0.4);
	if (widest > room)
		d->height_in += 0.45 * widest / 72;
}

static int bar_block(struct drawing *d, struct labels *l, const struct series *s, double offset,
		     const struct scale *sy)
{
	int block = dat_block(d, *s->name ? s->name : "all",
			      "position y lo hi processes samples value label");

	for (int k = 0; k < s->n; k++) {
		const struct point *p = &s->point[k];
		text_add(&d->dat, "%.9g %.9g %.9g %.9g %d %d \"%s\" \"%s\"\n",
			 label_at(l, p->label) + offset, p->y / sy->factor, p->lo / sy->factor,
			 p->hi / sy->factor, p->processes, p->samples, shown(p->y / sy->factor),
			 p->label);
		add_number(d, sy->unit, p->y / sy->factor, 3, "%s %s", s->name, p->label);
	}
	return block;
}

static void series_clauses(struct drawing *d, int i, int block, double width, bool values)
{
	char shape[64];

	snprintf(shape, sizeof shape, "using 1:2:(%.9g) with boxes", width);
	plot_fill(d, block, shape, i);
	plot_whiskers(d, block, 1, 3, 4, false, "#000000");
	if (values)
		plot_clause(d, "data index %d using 1:4:7 with labels offset 0,0.55%s notitle",
			    block, d->tex ? "" : " font tiny");
}

void draw_bars(struct drawing *d)
{
	const struct figure *f = d->figure;
	struct labels labels = { 0 };
	struct scale sy, none = scale_for(1, "1");
	struct data data;
	double width, lo, hi, room;
	const char **names;

	data_of(&data, d->rows, f);
	all_labels(&labels, d);
	sy = scale_for(data_largest_y(&data), f->y.unit);
	data_range_y(&data, &lo, &hi);
	plot_axis(d, 'y', &f->y, &sy, 0, hi / sy.factor, true);
	if (*f->x.label)
		text_add(&d->gp, "set xlabel %s\n", quoted(d, axis_title(&f->x, &none)));
	label_tics(d, &labels);
	names = new_array((size_t)data.n + 1, sizeof *names);
	width = GROUP / data.n;
	room = (72 * d->width_in - 50) / labels.n * width;
	for (int i = 0; i < data.n; i++) {
		double offset = (i - 0.5 * (data.n - 1)) * width;
		int block = bar_block(d, &labels, &data.series[i], offset, &sy);
		names[i] = data.series[i].name;
		series_clauses(d, i, block, 0.92 * width, room > text_width_pt("0.00", 6.5) + 2);
	}
	plot_fill_key(d, names, data.n);
	point_table(d, &data, &none, &sy);
	data_note(&data, &d->note);
	free(names);
	free(labels.name);
	data_end(&data);
}
