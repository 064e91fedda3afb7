/* SPDX-License-Identifier: MIT */
#include "grouping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The path cut after `depth` components. */
static void fold(const char *path, int64_t depth, char *buf, size_t len)
{
	snprintf(buf, len, "%s", *path ? path : "(pipeline)");
	for (char *p = strchr(buf, '.'); p; p = strchr(p + 1, '.'))
		if (--depth <= 0) {
			*p = 0;
			return;
		}
}

static void name_of(const struct point *p, const struct profile_row *r, const char *by,
		    int64_t depth, char *buf, size_t len)
{
	int part;

	if (strcmp(by, "stage") == 0) {
		snprintf(buf, len, "%s", p->w->stage[r->stage].name);
	} else if (strcmp(by, "op") == 0) {
		snprintf(buf, len, "%s", op_table[r->op].name);
	} else if (strcmp(by, "part") == 0) {
		part = point_part(p, r->scope->path);
		snprintf(buf, len, "%s", part < 0 ? "(pipeline)" : p->w->parts[part]);
	} else {
		fold(r->scope->path, depth, buf, len);
	}
}

static struct group *find(struct grouping *g, const char *name)
{
	int i = g->n - 1;

	/* names come in runs, so the search from the end is short */
	while (i >= 0 && strcmp(g->group[i].name, name) != 0)
		i--;
	if (i >= 0)
		return &g->group[i];
	if (g->n == g->capacity) {
		g->capacity = g->capacity ? 2 * g->capacity : 64;
		g->group = realloc(g->group, (size_t)g->capacity * sizeof *g->group);
		die_if(!g->group, "out of memory");
	}
	g->group[g->n] = (struct group){ 0 };
	snprintf(g->group[g->n].name, sizeof g->group->name, "%s", name);
	return &g->group[g->n++];
}

static void add(struct group *to, const struct profile_row *r, double limit_s)
{
	cost_add(&to->cost, &r->cost, 1);
	to->seconds += 1e-9 * (double)r->ns;
	to->limit_s += limit_s;
}

void grouping_fill(struct grouping *g, const struct point *p, const struct profile *profile,
		   const char *by, int64_t depth, const struct roof *roof)
{
	for (int i = 0; i < profile->n; i++) {
		const struct profile_row *r = &profile->row[i];
		double limit_s = roof ? roof_limit_s(roof, &r->cost) : 0;
		char name[256];
		name_of(p, r, by, depth, name, sizeof name);
		add(find(g, name), r, limit_s);
		add(&g->total, r, limit_s);
	}
}

void grouping_clear(struct grouping *g)
{
	free(g->group);
	*g = (struct grouping){ 0 };
}

static int farthest_first(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	double dx = x->seconds - x->limit_s, dy = y->seconds - y->limit_s;

	if (dx != dy)
		return dx < dy ? 1 : -1;
	return strcmp(x->name, y->name);
}

void grouping_sort(struct grouping *g)
{
	if (g->n)
		qsort(g->group, (size_t)g->n, sizeof *g->group, farthest_first);
}
