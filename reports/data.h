/* SPDX-License-Identifier: MIT
 *
 * From the rows of a query to points with intervals. Rows of the same series and place are
 * processes that measured the same thing: the point is the median of their medians.
 *
 * Interval of a point: of several processes the exact order-statistic interval of their median
 * (95 %, from six on), or their range, which covers the median with 1 - 2^(1-n); of one process
 * the interval of its own samples that the database holds. Otherwise there is none.
 */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

#include "figure.h"

enum whisker { WHISKER_NONE, WHISKER_EXACT, WHISKER_RANGE };

struct point {
	double x, y, lo, hi; /* lo = hi = y without an interval */
	const char *label;   /* column `label`; of the rows */
	enum whisker whisker;
	int processes, samples; /* samples: of the first process; 0: unknown */
	int row;                /* the first of its rows */
};

struct series {
	const char *name; /* column `series`, "" without; of the rows */
	struct point *point;
	int n;
};

struct data {
	struct series *series;
	int n;
};

/* Points are told apart by `x` where the query has that column, and by `label`; sorted by x, else
 * in the order of the rows. Series: the figure's own order, then by name, numbers as numbers. Rows
 * without a y, x or label are left out. data_end in any case. */
void data_of(struct data *d, const struct rows *rows, const struct figure *f);
void data_end(struct data *d);

/* Largest |y| or x, for the scale of an axis. */
double data_largest_y(const struct data *d);
double data_largest_x(const struct data *d);
/* Range of y with the whiskers. */
void data_range_y(const struct data *d, double *lo, double *hi);
void data_range_x(const struct data *d, double *lo, double *hi);

/* "Median of 7 processes of 30 samples each; whiskers: exact 95 % interval." */
void data_note(const struct data *d, struct text *to);

#endif
