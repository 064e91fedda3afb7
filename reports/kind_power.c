/* SPDX-License-Identifier: MIT
 *
 * Shares k of n over the size of an injected effect, with exact (Clopper-Pearson) 95 % intervals:
 * at 0 the false alarms of a gate, elsewhere its power. The dashed line is the power that is
 * wanted.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"
#include "stats_dist.h"

#define WANTED 95.0 /* % */
#define ROOM   10.0 /* of the x axis where nothing was injected, % */

struct share {
	double x;
	int k, n;
};

static int by_x(const void *a, const void *b)
{
	const struct share *s = a, *t = b;
	return (s->x > t->x) - (s->x < t->x);
}

/* Rows of one series at one x are added up. Returns the number of shares. */
static int shares_of(const struct rows *r, const char *series, struct share *s)
{
	int n = 0;

	for (int i = 0; i < r->n; i++) {
		double x = rows_number(r, i, "x"), k = rows_number(r, i, "k");
		double of = rows_number(r, i, "n");
		int at = 0;
		if (strcmp(rows_text(r, i, "series"), series) != 0 || !isfinite(x) || !(of >= 1) ||
		    !(k >= 0 && k <= of))
			continue;
		while (at < n && s[at].x != x)
			at++;
		if (at == n)
			s[n++] = (struct share){ .x = x };
		s[at].k += (int)k;
		s[at].n += (int)of;
	}
	qsort(s, (size_t)n, sizeof *s, by_x);
	return n;
}

static int share_block(struct drawing *d, const char *series, const struct share *s, int n)
{
	int block = dat_block(d, *series ? series : "all", "x percent lo hi k n");

	for (int i = 0; i < n; i++) {
		double lo = 100 * (1 - binomial_upper(s[i].n - s[i].k, s[i].n, 0.975));
		double hi = 100 * binomial_upper(s[i].k, s[i].n, 0.975);
		double share = 100.0 * s[i].k / s[i].n;
		char x[24], text[24];
		text_add(&d->dat, "%.9g %.9g %.9g %.9g %d %d\n", s[i].x, share, lo, hi, s[i].k,
			 s[i].n);
		snprintf(x, sizeof x, "%.6g", s[i].x);
		snprintf(text, sizeof text, "%.1f", share);
		text_add(&d->table, "%s & %s & %s & [%.1f, %.1f] & %d \\\\\n",
			 i ? "" : tex_text(series), x, text, lo, hi, s[i].n);
		add_number(d, "\\%", share, 3, "%s at %s", series, x);
	}
	return block;
}

static int names_of(const struct rows *r, const char **names, int max)
{
	int n = 0;

	for (int i = 0; i < r->n; i++) {
		const char *s = rows_text(r, i, "series");
		int k = 0;
		while (k < n && strcmp(names[k], s) != 0)
			k++;
		if (k == n && n < max)
			names[n++] = s;
	}
	return n;
}

void draw_power(struct drawing *d)
{
	struct share *s = new_array((size_t)d->rows->n, sizeof *s);
	const struct figure *f = d->figure;
	struct scale x = { 1, "" }, y = { 1, "%" };
	const char *names[8];
	double hi = 0;
	int n = names_of(d->rows, names, 8);

	snprintf(x.unit, sizeof x.unit, "%s", strcmp(f->x.unit, "1") == 0 ? "" : f->x.unit);
	for (int i = 0; i < d->rows->n; i++)
		hi = fmax(hi, rows_number(d->rows, i, "x"));
	if (hi <= 0)
		hi = ROOM; /* only false alarms are known yet */
	plot_axis(d, 'x', &f->x, &x, 0, hi, false);
	plot_axis(d, 'y', &f->y, &y, 0, 100, true);
	text_add(&d->gp, "set xrange [%.9g:%.9g]\nset yrange [0:105]\nset ytics 20\n", -0.04 * hi,
		 1.06 * hi);
	text_add(&d->gp, "set arrow from graph 0, first %g to graph 1, first %g nohead lw 0.8 dt 2 "
		 "lc rgb '#777777'\n", WANTED, WANTED);
	for (int i = 0; i < n; i++) {
		int block = share_block(d, names[i], s, shares_of(d->rows, names[i], s));
		plot_clause(d,
			    "data index %d using 1:2 with lines lw 1.5 dt %d lc rgb '%s' notitle",
			    block, line_dash(i), line_colour(i));
		plot_points(d, block, i, 0.5, names[i]);
	}
	plot_key(d, names, n);
	d->table_columns = "lrrrr";
	text_add(&d->table_head, " & %s & share (\\%%) & interval & $n$",
		 tex_text(axis_title(&f->x, &x)));
	text_add(&d->note,
		 "Whiskers: exact (Clopper-Pearson) 95 %% intervals; at 0 every alarm is a "
		 "false one; dashed: %g %%.",
		 WANTED);
	free(s);
}
