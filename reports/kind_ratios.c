/* SPDX-License-Identifier: MIT
 *
 * A against B, a line per label: a dot for each pair, the estimate (a diamond) with its interval,
 * a solid line at 1 and dashed lines at the smallest change that is called one (theta). The verdict
 * stands at the right.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"

#define ROW_IN 0.2

struct line_row {
	const char *label, *verdict;
	double estimate, lo, hi, theta;
	int pairs;
};

struct lines {
	struct line_row *row;
	int n;
	double least, most; /* of everything drawn */
};

static void reach(struct lines *l, double v)
{
	if (!isfinite(v) || v <= 0)
		return;
	l->least = fmin(l->least, v);
	l->most = fmax(l->most, v);
}

static struct line_row *row_of(struct lines *l, const struct rows *r, int i)
{
	const char *label = rows_text(r, i, "label");

	for (int k = 0; k < l->n; k++)
		if (strcmp(l->row[k].label, label) == 0)
			return &l->row[k];
	l->row = grow(l->row, l->n, sizeof *l->row);
	l->row[l->n] = (struct line_row){ label, rows_text(r, i, "verdict"),
					  rows_number(r, i, "estimate"), rows_number(r, i, "lo"),
					  rows_number(r, i, "hi"), rows_number(r, i, "theta"), 0 };
	return &l->row[l->n++];
}

static void read_lines(struct lines *l, const struct rows *r)
{
	l->least = 0.99;
	l->most = 1.01;
	for (int i = 0; i < r->n; i++) {
		struct line_row *row = row_of(l, r, i);
		row->pairs += isfinite(rows_number(r, i, "ratio"));
		reach(l, rows_number(r, i, "ratio"));
	}
	for (int k = 0; k < l->n; k++) {
		reach(l, l->row[k].estimate);
		reach(l, l->row[k].lo);
		reach(l, l->row[k].hi);
		reach(l, 1 + l->row[k].theta);
		reach(l, 1 / (1 + l->row[k].theta));
	}
}

/* Spread over the height of the line in a fixed order, so that equal ratios stay visible. */
static double jitter(int k)
{
	double v = 0.618034 * (k + 1);
	return 0.5 * (v - floor(v)) - 0.25;
}

static int pair_block(struct drawing *d, const struct lines *l)
{
	int block = dat_block(d, "pairs", "ratio line label");
	int *count = new_array((size_t)l->n, sizeof *count);

	for (int i = 0; i < d->rows->n; i++)
		for (int k = 0; k < l->n; k++)
			if (strcmp(l->row[k].label, rows_text(d->rows, i, "label")) == 0 &&
			    isfinite(rows_number(d->rows, i, "ratio")))
				text_add(&d->dat, "%.9g %.9g \"%s\"\n",
					 rows_number(d->rows, i, "ratio"), k + jitter(count[k]++),
					 l->row[k].label);
	free(count);
	return block;
}

static int estimate_block(struct drawing *d, const struct lines *l)
{
	int block = dat_block(d, "estimates", "line estimate lo hi theta pairs verdict label");

	for (int k = 0; k < l->n; k++) {
		const struct line_row *r = &l->row[k];
		bool interval = isfinite(r->lo) && isfinite(r->hi);
		text_add(&d->dat, "%d %.9g %.9g %.9g %.9g %d \"%s\" \"%s\"\n", k, r->estimate,
			 interval ? r->lo : r->estimate, interval ? r->hi : r->estimate,
			 isfinite(r->theta) ? 1 + r->theta : 1.0, r->pairs, r->verdict, r->label);
		add_number(d, "", r->estimate, 4, "%s ratio", r->label);
		add_number(d, "", r->lo, 4, "%s low", r->label);
		add_number(d, "", r->hi, 4, "%s high", r->label);
		text_add(&d->table, "%s & %s & [%s, %s] & %d & %s \\\\\n", tex_text(r->label),
			 shown(r->estimate), shown(r->lo), shown(r->hi), r->pairs,
			 tex_text(r->verdict));
	}
	return block;
}

/* Ratios at round steps around 1, as factors. */
static void ratio_axis(struct drawing *d, const struct lines *l)
{
	double lo = l->least / pow(l->most / l->least, 0.05), tic[16];
	double hi = l->most * pow(l->most / l->least, 0.05);
	int n = hi / lo > 4 ? log_tics(lo, hi, tic, 16) : linear_tics(lo, hi, 5, tic, 16);
	struct scale none = scale_for(1, "1");

	text_add(&d->gp, "set xlabel %s\nset logscale x 10\nset xrange [%.9g:%.9g]\nset xtics (",
		 quoted(d, axis_title(&d->figure->x, &none)), lo, hi);
	for (int i = 0; i < n; i++)
		text_add(&d->gp, "%s'%.6g' %.9g", i ? ", " : "", tic[i], tic[i]);
	text_add(&d->gp, ")\n");
}

static void line_axis(struct drawing *d, const struct lines *l)
{
	double widest = 0;

	text_add(&d->gp, "set grid noytics xtics\nset ytics scale 0 (");
	for (int k = 0; k < l->n; k++)
		text_add(&d->gp, "%s%s %d", k ? ", " : "", quoted(d, l->row[k].label), k);
	text_add(&d->gp, ")\nset yrange [%.9g:-0.6]\n", l->n - 0.4);
	for (int k = 0; k < l->n; k++) {
		widest = fmax(widest, text_width_pt(l->row[k].verdict, 6.5));
		text_add(&d->gp, "set label %s at graph 1, first %d left offset 0.6,0%s\n",
			 quoted(d, l->row[k].verdict), k, d->tex ? "" : " font tiny");
	}
	text_add(&d->gp, "set rmargin at screen %.4f\n",
		 1 - (widest + 8) / (72 * d->width_in));
	d->height_in = 0.75 + ROW_IN * l->n;
}

void draw_ratios(struct drawing *d)
{
	struct lines l = { 0 };
	const char *const names[] = { "pairs", "estimate with interval" };
	int pairs, estimates;

	read_lines(&l, d->rows);
	ratio_axis(d, &l);
	line_axis(d, &l);
	text_add(&d->gp,
		 "set arrow from 1, graph 0 to 1, graph 1 nohead lw 0.8 lc rgb '#000000'\n");
	pairs = pair_block(d, &l);
	estimates = estimate_block(d, &l);
	for (int i = 0; i < 2; i++)
		plot_clause(d,
			    "data index %d using %s:($1-0.42):(0):(0.84) with vectors nohead lw 1 "
			    "dt 2 lc rgb '#777777' notitle",
			    estimates, i ? "(1/$5)" : "5");
	plot_clause(d,
		    "data index %d using 1:2 with points pt 6 ps 0.3 lw 0.8 lc rgb '%s' title %s",
		    pairs, line_colour(0), quoted(d, names[0]));
	plot_whiskers(d, estimates, 1, 3, 4, true, line_colour(1));
	plot_clause(d, "data index %d using 2:1 with points pt 13 ps 0.7 lc rgb '%s' title %s",
		    estimates, line_colour(1), quoted(d, names[1]));
	plot_key(d, names, 2);
	d->table_columns = "lrrrl";
	text_add(&d->table_head, " & ratio & interval & pairs & verdict");
	text_add(&d->note,
		 "A dot is a pair of processes; diamond: Hodges-Lehmann estimate with its "
		 "95 %% interval; dashed: smallest change that counts.");
	free(l.row);
}
