/* SPDX-License-Identifier: MIT
 *
 * One stacked bar per label: its parts (column `series`) in the order of execution, at most six;
 * what is shortest is added up as "other". A row whose position is negative is the total: it gives
 * the whisker.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"

#define PARTS_MAX 6

struct part {
	const char *name;
	double position, sum; /* over all bars */
	int place;            /* shown as; PARTS_MAX - 1 may be "other" */
};

struct bars {
	struct part part[64];
	struct point *total; /* by bar */
	const char *label[64];
	double value[64][PARTS_MAX];
	const char *name[PARTS_MAX];
	int n, n_parts, n_shown;
};

static struct point value_of(const struct data *data, const char *label, const char *part)
{
	for (int i = 0; i < data->n; i++)
		for (int k = 0; strcmp(data->series[i].name, part) == 0 && k < data->series[i].n;
		     k++)
			if (strcmp(data->series[i].point[k].label, label) == 0)
				return data->series[i].point[k];
	return (struct point){ .y = NAN };
}

static int by_position(const void *a, const void *b)
{
	const struct part *p = a, *q = b;
	return (p->position > q->position) - (p->position < q->position);
}

static void find_parts(struct bars *b, const struct rows *r)
{
	for (int i = 0; i < r->n; i++) {
		const char *name = rows_text(r, i, "series"), *label = rows_text(r, i, "label");
		double position = rows_number(r, i, "position");
		int k = 0;
		while (k < b->n && strcmp(b->label[k], label) != 0)
			k++;
		if (k == b->n && b->n < 64)
			b->label[b->n++] = label;
		for (k = 0; k < b->n_parts && strcmp(b->part[k].name, name) != 0;)
			k++;
		if (k == b->n_parts && b->n_parts < 64 && position >= 0)
			b->part[b->n_parts++] = (struct part){ .name = name, .position = position };
		if (k < b->n_parts && position >= 0)
			b->part[k].sum += rows_number(r, i, "y");
	}
	qsort(b->part, (size_t)b->n_parts, sizeof *b->part, by_position);
}

/* The parts that are largest over all keep their names. */
static void choose_parts(struct bars *b)
{
	int keep = b->n_parts <= PARTS_MAX ? b->n_parts : PARTS_MAX - 1;

	for (int i = 0; i < b->n_parts; i++) {
		int larger = 0;
		for (int k = 0; k < b->n_parts; k++)
			larger += b->part[k].sum > b->part[i].sum ||
				  (b->part[k].sum == b->part[i].sum && k < i);
		b->part[i].place = larger < keep ? b->n_shown : PARTS_MAX - 1;
		if (larger < keep)
			b->name[b->n_shown++] = b->part[i].name;
	}
	if (keep < b->n_parts)
		b->name[b->n_shown++] = "other";
}

static void fill_values(struct bars *b, const struct data *data)
{
	b->total = new_array((size_t)b->n, sizeof *b->total);
	for (int i = 0; i < b->n; i++) {
		double sum = 0;
		for (int k = 0; k < b->n_parts; k++) {
			struct point p = value_of(data, b->label[i], b->part[k].name);
			b->value[i][b->part[k].place] += isfinite(p.y) ? p.y : 0;
			sum += isfinite(p.y) ? p.y : 0;
		}
		b->total[i] = value_of(data, b->label[i], "total");
		if (!isfinite(b->total[i].y))
			b->total[i] = (struct point){ .y = sum, .lo = sum, .hi = sum,
						      .processes = 1 };
	}
}

static void part_clauses(struct drawing *d, const struct bars *b, int part, double factor)
{
	int block = dat_block(d, b->name[part], "from to bar middle share label");
	double width_pt = 72 * d->width_in - 90, longest = 0;

	for (int i = 0; i < b->n; i++)
		longest = fmax(longest, b->total[i].hi);
	for (int i = 0; i < b->n; i++) {
		double from = 0, v = b->value[i][part], sum = 0;
		char share[16] = "";
		for (int k = 0; k < b->n_shown; k++) {
			from += k < part ? b->value[i][k] : 0;
			sum += b->value[i][k];
		}
		if (sum > 0 && v / longest * width_pt > text_width_pt("00 %", 6.5) + 2)
			snprintf(share, sizeof share, "%.0f %%", 100 * v / sum);
		text_add(&d->dat, "%.9g %.9g %d %.9g \"%s\" \"%s\"\n", from / factor,
			 (from + v) / factor, i, (from + v / 2) / factor, d->tex && *share ?
			 tex_text(share) : share, b->label[i]);
		add_number(d, "\\%", sum > 0 ? 100 * v / sum : NAN, 3, "%s %s share", b->label[i],
			   b->name[part]);
	}
	plot_fill(d, block, "using 4:3:1:2:($3-0.32):($3+0.32) with boxxyerror", part);
	plot_clause(d, "data index %d using 4:3:5 with labels%s notitle", block,
		    d->tex ? "" : " boxed font tiny");
}

static void totals(struct drawing *d, const struct bars *b, const struct scale *sx)
{
	int block = dat_block(d, "total", "total lo hi bar value label");

	for (int i = 0; i < b->n; i++) {
		const struct point *p = &b->total[i];
		text_add(&d->dat, "%.9g %.9g %.9g %d \"%s\" \"%s\"\n", p->y / sx->factor,
			 p->lo / sx->factor, p->hi / sx->factor, i, shown(p->y / sx->factor),
			 b->label[i]);
		add_number(d, sx->unit, p->y / sx->factor, 3, "%s total", b->label[i]);
		text_add(&d->table, "%s", tex_text(b->label[i]));
		for (int k = 0; k < b->n_shown; k++)
			text_add(&d->table, " & %s", shown(b->value[i][k] / sx->factor));
		text_add(&d->table, " & %s & %s \\\\\n", shown(p->y / sx->factor),
			 interval_text(p, sx));
	}
	plot_whiskers(d, block, 4, 2, 3, true, "#000000");
	plot_clause(d, "data index %d using 3:4:5 with labels left offset 0.6,0%s notitle", block,
		    d->tex ? "" : " font tiny");
}

static void table_head(struct drawing *d, const struct bars *b, const struct scale *sx)
{
	static const char *const columns[] = { "lrr", "lrrr", "lrrrr", "lrrrrr", "lrrrrrr",
					       "lrrrrrrr", "lrrrrrrrr" };

	d->table_columns = columns[b->n_shown];
	text_add(&d->table_head, "%s", tex_text(axis_title(&d->figure->x, sx)));
	for (int k = 0; k < b->n_shown; k++)
		text_add(&d->table_head, " & %s", tex_text(b->name[k]));
	text_add(&d->table_head, " & total & interval");
}

static void bar_axis(struct drawing *d, const struct bars *b, const struct scale *sx)
{
	double longest = 0;

	for (int i = 0; i < b->n; i++)
		longest = fmax(longest, b->total[i].hi);
	plot_axis(d, 'x', &d->figure->x, sx, 0, 1.04 * longest / sx->factor, true);
	text_add(&d->gp, "set style textbox opaque fc rgb '#ffffff' noborder margins 0.4, 0.3\n"
		 "set grid noytics xtics\nset ytics scale 0 (");
	for (int i = 0; i < b->n; i++)
		text_add(&d->gp, "%s%s %d", i ? ", " : "", quoted(d, b->label[i]), i);
	text_add(&d->gp, ")\nset yrange [%.9g:-0.6]\n", b->n - 0.4);
	d->height_in = fmax(0.85, 0.75 + 0.22 * b->n);
}

void draw_stages(struct drawing *d)
{
	struct bars b = { 0 };
	struct data data;
	struct scale sx;
	double longest = 0;

	data_of(&data, d->rows, d->figure);
	find_parts(&b, d->rows);
	choose_parts(&b);
	fill_values(&b, &data);
	for (int i = 0; i < b.n; i++)
		longest = fmax(longest, b.total[i].hi);
	sx = scale_for(longest, d->figure->x.unit);
	bar_axis(d, &b, &sx);
	table_head(d, &b, &sx);
	for (int k = 0; k < b.n_shown; k++)
		part_clauses(d, &b, k, sx.factor);
	totals(d, &b, &sx);
	plot_fill_key(d, b.name, b.n_shown);
	data_note(&data, &d->note);
	text_add(&d->note,
		 " Parts in the order of execution; their numbers are shares of the bar.");
	free(b.total);
	data_end(&data);
}
