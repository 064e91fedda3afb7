/* SPDX-License-Identifier: MIT */
#include "work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The row has a value in each of the columns. */
static bool filled(const struct rows *r, int row, const char *columns)
{
	char name[32];
	int n;

	for (; sscanf(columns, "%31s%n", name, &n) == 1; columns += n) {
		const char *s = rows_text(r, row, name);
		if (!*s && strcmp(name, "label") != 0 && strcmp(name, "series") != 0 &&
		    strcmp(name, "lane") != 0)
			return false;
	}
	return true;
}

static int check_rows(const struct work *w, const struct kind *k, const char *path,
		      struct report_error *e)
{
	const struct rows *r = &w->rows;
	const char *columns = k->columns;
	char name[32];
	int n;

	for (; r->columns && sscanf(columns, "%31s%n", name, &n) == 1; columns += n)
		if (rows_column(r, name) < 0)
			return fail(e, REPORT_USAGE, "the query of figure %s has no column '%s', "
				    "which kind %s needs (%s)", w->figure.name, name, k->name,
				    k->columns);
	for (int i = 0; i < r->n; i++)
		if (filled(r, i, k->columns))
			return 0;
	return fail(e, REPORT_EMPTY, "%s has nothing for figure %s: %s; relax the filters, or "
		    "measure first", path, w->figure.name, w->figure.title);
}

/* v_runs of the runs that column run_id names. */
static int query_runs(struct work *w, struct db *db, struct report_error *e)
{
	struct text t;
	int n = 0;

	if (rows_column(&w->rows, "run_id") < 0)
		return 0;
	text_begin(&t);
	text_add(&t, "SELECT * FROM v_runs WHERE run_id IN (");
	for (int i = 0; i < w->rows.n; i++) {
		double id = rows_number(&w->rows, i, "run_id");
		if (isfinite(id))
			text_add(&t, "%s%.0f", n++ ? ", " : "", id);
	}
	text_add(&t, ") ORDER BY started_unix_ns, uuid");
	rows_query(&w->runs, db, t.s, e);
	text_end(&t);
	return (int)e->code;
}

static void drawing_end(struct drawing *d)
{
	text_end(&d->gp);
	text_end(&d->plot);
	text_end(&d->dat);
	text_end(&d->table);
	text_end(&d->table_head);
	text_end(&d->note);
	for (int i = 0; i < d->n_numbers; i++) {
		free(d->number[i].key);
		free(d->number[i].text);
	}
	free(d->number);
	*d = (struct drawing){ 0 };
}

void work_draw(struct work *w, int columns, bool tex)
{
	struct drawing *d = &w->d;
	struct report_error none = { 0 };

	drawing_end(d);
	d->figure = &w->figure;
	d->rows = &w->rows;
	d->roofs = w->roofs.columns ? &w->roofs : NULL;
	d->width_in = columns == 2 ? w->venue->full_in : w->venue->column_in;
	d->height_in = fmin(w->figure.height * w->venue->column_in, 3.1);
	d->tex = tex;
	d->table_columns = "l";
	text_begin(&d->gp);
	text_begin(&d->plot);
	text_begin(&d->dat);
	text_begin(&d->table);
	text_begin(&d->table_head);
	text_begin(&d->note);
	kind_find(w->figure.kind, w->figure.name, &none)->draw(d);
}

int work_begin(struct work *w, struct db *db, struct figure *f, const struct report_filter *filter,
	       const struct venue *venue, int columns, struct report_error *e)
{
	const struct kind *k = kind_find(f->kind, f->name, e);

	*w = (struct work){ .figure = *f, .venue = venue };
	*f = (struct figure){ 0 };
	w->sql = figure_sql(w->figure.sql, filter, e);
	if (w->figure.roofs)
		w->roofs_sql = figure_sql(w->figure.roofs, filter, e);
	if (!e->code && !rows_query(&w->rows, db, w->sql, e) &&
	    !check_rows(w, k, db_path(db), e) && !query_runs(w, db, e) &&
	    (!w->roofs_sql || !rows_query(&w->roofs, db, w->roofs_sql, e))) {
		if (k->split)
			w->left_out = split_unlike(&w->rows, &w->runs, k->split, k->lines);
		work_draw(w, columns, false);
	}
	if (e->code)
		work_end(w);
	return (int)e->code;
}

void work_end(struct work *w)
{
	drawing_end(&w->d);
	rows_end(&w->rows);
	rows_end(&w->roofs);
	rows_end(&w->runs);
	free(w->sql);
	free(w->roofs_sql);
	figure_end(&w->figure);
	*w = (struct work){ 0 };
}

/* ---- the script --------------------------------------------------------------------------------
 */

#define PNG_DPI 300

static void plain_terminals(const struct work *w, struct text *to)
{
	const char *name = w->figure.name, *font = font_choose(w->venue->fonts);
	double width = w->d.width_in, height = w->d.height_in;

	text_add(to, "# gnuplot -d %s.gp   or   gnuplot -d -e \"format='svg'\" %s.gp   (pdf, svg, "
		 "png)\n", name, name);
	text_add(to, "if (!exists('format')) format = 'pdf'\n"
		 "small = format eq 'svg' ? ',9.33' : ',7'\n" /* pixels there, points elsewhere */
		 "tiny = format eq 'svg' ? ',8.67' : ',6.5'\n");
	text_add(to, "if (format eq 'svg') {\n\tset terminal svg noenhanced dynamic size %.0f,%.0f "
		 "font '%s,%.2f' linewidth 0.9\n\tset output '%s.svg'\n", 96 * width, 96 * height,
		 font, FONT_PT * 96 / 72, name);
	text_add(to, "} else { if (format eq 'png') {\n\tset terminal pngcairo noenhanced size "
		 "%.0f,%.0f font '%s,%g' fontscale %.4f linewidth %.4f pointscale %.4f\n"
		 "\tset output '%s.png'\n", PNG_DPI * width, PNG_DPI * height, font, FONT_PT,
		 PNG_DPI / 72.0, 0.7 * PNG_DPI / 72, PNG_DPI / 72.0, name);
	text_add(to, "} else {\n\tset terminal pdfcairo noenhanced size %.4gin,%.4gin font '%s,%g' "
		 "linewidth 1\n\tset output '%s.pdf'\n} }\n", width, height, font, FONT_PT, name);
}

static void tex_terminals(const struct work *w, struct text *to)
{
	const char *name = w->figure.name;
	double width = w->d.width_in, height = w->d.height_in;

	text_add(to, "# gnuplot -d -e \"format='tikz'\" %s-tex.gp   (latex, tikz)\n", name);
	text_add(to, "if (!exists('format')) format = 'latex'\n");
	text_add(to, "if (format eq 'tikz') {\n\tset terminal tikz size %.4gin,%.4gin font "
		 "'\\fontsize{8}{9.6}\\selectfont'\n\tset output '%s-tikz.tex'\n", width, height,
		 name);
	text_add(to, "} else {\n\tset terminal cairolatex pdf input blacktext size %.4gin,%.4gin "
		 "font ',%g'\n\tset output '%s-latex.tex'\n}\n", width, height, FONT_PT, name);
}

void work_script(const struct work *w, struct text *to)
{
	text_add(to, "# %s: %s\n", w->figure.name, w->figure.title);
	if (w->d.tex)
		tex_terminals(w, to);
	else
		plain_terminals(w, to);
	text_add(to, "data = '%s.dat'\nset encoding utf8\nset border 3 lw 0.7\n"
		 "set tics nomirror out scale 0.5\nset grid ytics lt 1 lw 0.6 lc rgb '#dddddd'\n"
		 "set xlabel offset 0,0.3\n", w->figure.name);
	text_add(to, "%s\n%s\nset output\n", w->d.gp.s, w->d.plot.s);
}
