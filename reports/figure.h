/* SPDX-License-Identifier: MIT
 *
 * What a figure is, as its data file says:
 *
 *	{ "name": "latency-steps",            a-z 0-9 and dashes
 *	  "title": "Latency against steps",   for lists
 *	  "kind": "fit",                      one of kind_table (kind.h)
 *	  "sql": ["SELECT ...", "..."],       one query; lines are joined
 *	  "roofs": ["SELECT ..."],            a second one, where the kind takes it
 *	  "x": { "label": "Steps", "unit": "1", "scale": "linear" },
 *	  "y": { "label": "Latency", "unit": "s", "better": "lower" },
 *	  "caption": "Latency of {workload} against the number of denoising steps.",
 *	  "macro": "Steps",                   macros begin with \benchSteps
 *	  "series": ["fp32", "bf16"],         order and so colours; others follow
 *	  "ideal": "inverse",                 guide line of `scaling`: inverse, proportional, none
 *	  "height": 0.6 }                     of the width
 *
 * The query sees, besides the views, `runs` (rows of v_runs that pass the filters) and `picked`
 * (those that are complete, from the newest build that measured their configuration). Its columns
 * are what the kind asks for; `run_id` tells which runs a row comes from.
 */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

#include <jansson.h>

#include "base.h"

struct axis {
	const char *label, *unit, *scale; /* scale: linear, log, log2 */
	bool higher;                      /* "better": "higher"; else lower is better */
};

struct figure {
	json_t *json; /* owned; the strings below belong to it */
	const char *name, *title, *kind, *caption, *macro, *ideal;
	char *sql, *roofs; /* owned; roofs NULL when there is none */
	struct axis x, y;
	double height;
};

/* A built-in figure by name, or the file at a path that ends in .json. */
int figure_load(struct figure *f, const char *name, struct report_error *e);
/* From the text of a data file; `origin` names it in sentences. */
int figure_parse(struct figure *f, const char *json, const char *origin, struct report_error *e);
void figure_end(struct figure *f);

/* Position of a series in the figure's own list, or -1. */
int figure_series(const struct figure *f, const char *name);

/* The whole statement: what the filters select, then the figure's query. Owned. */
char *figure_sql(const char *query, const struct report_filter *filter, struct report_error *e);

#endif
