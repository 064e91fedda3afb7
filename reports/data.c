/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* qsort_r, strverscmp */
#include "data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"

/* ---- grouping ----------------------------------------------------------------------------------
 */

static struct series *series_named(struct data *d, const char *name)
{
	for (int i = 0; i < d->n; i++)
		if (strcmp(d->series[i].name, name) == 0)
			return &d->series[i];
	d->series = grow(d->series, d->n, sizeof *d->series);
	d->series[d->n] = (struct series){ .name = name };
	return &d->series[d->n++];
}

static bool same_place(const struct point *p, double x, const char *label)
{
	return (p->x == x || (isnan(p->x) && isnan(x))) && strcmp(p->label, label) == 0;
}

static bool has_point(const struct series *s, double x, const char *label)
{
	for (int i = 0; i < s->n; i++)
		if (same_place(&s->point[i], x, label))
			return true;
	return false;
}

/* What places a row, read once: looking cells up by name is slow. */
struct cells {
	const char *series, *label;
	double x, y; /* y NAN: the row is left out */
};

static struct cells *read_cells(const struct rows *r)
{
	struct cells *c = new_array((size_t)r->n, sizeof *c);
	bool with_x = rows_column(r, "x") >= 0;

	for (int i = 0; i < r->n; i++) {
		c[i] = (struct cells){ rows_text(r, i, "series"), rows_text(r, i, "label"),
				       rows_number(r, i, "x"), rows_number(r, i, "y") };
		if (with_x && !isfinite(c[i].x))
			c[i].y = NAN;
	}
	return c;
}

/* The medians of all processes at the place of row `first`. */
static struct point point_at(const struct rows *r, const struct cells *c, int first)
{
	struct point p = { .x = c[first].x, .label = c[first].label, .row = first };
	double *v = new_array((size_t)(r->n - first), sizeof *v);
	double samples = rows_number(r, first, "n");
	struct interval between;
	int n = 0;

	for (int i = first; i < r->n; i++)
		if (isfinite(c[i].y) && same_place(&p, c[i].x, c[i].label) &&
		    strcmp(c[first].series, c[i].series) == 0)
			v[n++] = c[i].y;
	stats_sort(v, n);
	p.y = stats_quantile(v, n, 0.5);
	p.lo = n > 1 ? v[0] : rows_number(r, first, "lo");
	p.hi = n > 1 ? v[n - 1] : rows_number(r, first, "hi");
	between = stats_median_interval(v, n, 0.95);
	if (n > 1 && isfinite(between.lo)) {
		p.lo = between.lo;
		p.hi = between.hi;
	}
	p.whisker = !isfinite(p.lo) || !isfinite(p.hi) ? WHISKER_NONE :
		    n > 1 && !isfinite(between.lo) ? WHISKER_RANGE : WHISKER_EXACT;
	if (p.whisker == WHISKER_NONE)
		p.lo = p.hi = p.y;
	p.processes = n;
	p.samples = isfinite(samples) ? (int)samples : 0;
	free(v);
	return p;
}

/* ---- order -------------------------------------------------------------------------------------
 */

static int by_series(const void *a, const void *b, void *f)
{
	const struct series *s = a, *t = b;
	int i = figure_series(f, s->name), j = figure_series(f, t->name);

	if (i != j)
		return i < 0 ? 1 : j < 0 ? -1 : i - j;
	return strverscmp(s->name, t->name);
}

static int by_x(const void *a, const void *b)
{
	const struct point *p = a, *q = b;

	if (p->x != q->x && isfinite(p->x) && isfinite(q->x))
		return p->x < q->x ? -1 : 1;
	return p->row - q->row;
}

void data_of(struct data *d, const struct rows *r, const struct figure *f)
{
	struct cells *c = read_cells(r);

	*d = (struct data){ 0 };
	for (int i = 0; i < r->n; i++) {
		struct series *s;
		if (!isfinite(c[i].y))
			continue;
		s = series_named(d, c[i].series);
		if (has_point(s, c[i].x, c[i].label))
			continue;
		s->point = grow(s->point, s->n, sizeof *s->point);
		s->point[s->n++] = point_at(r, c, i);
	}
	free(c);
	if (d->n)
		qsort_r(d->series, (size_t)d->n, sizeof *d->series, by_series, (void *)f);
	for (int i = 0; i < d->n; i++)
		qsort(d->series[i].point, (size_t)d->series[i].n, sizeof(struct point), by_x);
}

void data_end(struct data *d)
{
	for (int i = 0; i < d->n; i++)
		free(d->series[i].point);
	free(d->series);
	*d = (struct data){ 0 };
}

/* ---- ranges ------------------------------------------------------------------------------------
 */

static void widen(double v, double *lo, double *hi)
{
	*lo = fmin(*lo, v);
	*hi = fmax(*hi, v);
}

void data_range_y(const struct data *d, double *lo, double *hi)
{
	*lo = INFINITY;
	*hi = -INFINITY;
	for (int i = 0; i < d->n; i++)
		for (int k = 0; k < d->series[i].n; k++) {
			widen(d->series[i].point[k].lo, lo, hi);
			widen(d->series[i].point[k].hi, lo, hi);
		}
}

void data_range_x(const struct data *d, double *lo, double *hi)
{
	*lo = INFINITY;
	*hi = -INFINITY;
	for (int i = 0; i < d->n; i++)
		for (int k = 0; k < d->series[i].n; k++)
			widen(d->series[i].point[k].x, lo, hi);
}

double data_largest_y(const struct data *d)
{
	double lo, hi;

	data_range_y(d, &lo, &hi);
	return fmax(fabs(lo), fabs(hi));
}

double data_largest_x(const struct data *d)
{
	double lo, hi;

	data_range_x(d, &lo, &hi);
	return fmax(fabs(lo), fabs(hi));
}

/* ---- the sentence ------------------------------------------------------------------------------
 */

struct spread {
	int processes[2], samples[2]; /* least, most */
	bool has[3];                  /* by enum whisker */
};

static void count_range(int v, int range[2])
{
	range[0] = range[0] && range[0] < v ? range[0] : v;
	range[1] = range[1] > v ? range[1] : v;
}

static void add_count(struct text *to, const int range[2], const char *one, const char *many)
{
	if (range[0] == range[1])
		text_add(to, "%d %s", range[0], range[0] == 1 ? one : many);
	else
		text_add(to, "%d to %d %s", range[0], range[1], many);
}

static void add_whiskers(struct text *to, const struct spread *s)
{
	if (s->has[WHISKER_EXACT])
		text_add(to, "; whiskers: exact 95 %% interval of the median");
	if (s->has[WHISKER_RANGE]) {
		text_add(to, s->has[WHISKER_EXACT] ? ", or the range" : "; whiskers: range");
		text_add(to, " of the processes (covers the median with 1 - 2^(1-n)");
		if (s->processes[0] == s->processes[1])
			text_add(to, " = %.3g %%", 100 * (1 - pow(2, 1 - s->processes[0])));
		text_add(to, ")");
	}
	if (s->has[WHISKER_NONE])
		text_add(to, s->has[WHISKER_EXACT] || s->has[WHISKER_RANGE] ?
			 "; none where fewer than six samples allow no interval" :
			 "; no whiskers: fewer than six samples allow no interval");
	text_add(to, ".");
}

void data_note(const struct data *d, struct text *to)
{
	struct spread s = { 0 };

	for (int i = 0; i < d->n; i++)
		for (int k = 0; k < d->series[i].n; k++) {
			const struct point *p = &d->series[i].point[k];
			count_range(p->processes, s.processes);
			if (p->samples)
				count_range(p->samples, s.samples);
			s.has[p->whisker] = true;
		}
	text_add(to, s.processes[1] > 1 ? "Median of n = " : "Median of ");
	if (s.processes[1] > 1)
		add_count(to, s.processes, "process", "processes");
	if (s.processes[1] > 1 && s.samples[1])
		text_add(to, " with ");
	if (s.samples[1]) {
		text_add(to, s.processes[1] > 1 ? "" : "n = ");
		add_count(to, s.samples, "sample", "samples");
		text_add(to, s.processes[1] > 1 ? " each" : " of one process");
	} else if (s.processes[1] <= 1) {
		text_add(to, "one process");
	}
	add_whiskers(to, &s);
}
