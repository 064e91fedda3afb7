/* SPDX-License-Identifier: MIT */
#include "inject.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define MOST_PERCENT 1000

static int unknown_stage(const struct point *p, const char *stage, struct err *e)
{
	const char *names[STAGES_MAX + 1] = { "total" }, *near;

	for (int i = 0; i < p->w->n_stages; i++)
		names[i + 1] = p->w->stage[i].name;
	near = nearest_name(stage, names, p->w->n_stages + 1);
	return err_set(e, ERR_USAGE, "--inject: %s has no stage `%s`%s%s%s", p->preset->name, stage,
		       near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
}

int inject_parse(struct point *p, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');
	char stage[64], *end = NULL;
	double percent = equals ? strtod(equals + 1, &end) : -1;
	bool found = false;

	if (!equals || equals - text >= (int)sizeof stage || end == equals + 1 || *end ||
	    !(percent > 0 && percent <= MOST_PERCENT))
		return err_set(e, ERR_USAGE,
			       "--inject wants STAGE=PERCENT, as in denoise=5 (above 0, at most "
			       "%d), and got `%s`", MOST_PERCENT, text);
	snprintf(stage, sizeof stage, "%.*s", (int)(equals - text), text);
	for (int i = 0; i < p->w->n_stages; i++)
		if (strcmp(stage, "total") == 0 || strcmp(stage, p->w->stage[i].name) == 0) {
			p->slowdown[i] = percent / 100;
			found = true;
		}
	return found ? 0 : unknown_stage(p, stage, e);
}

void inject_spin(int64_t start_ns, double share)
{
	int64_t until = clock_ns() + (int64_t)(share * (double)(clock_ns() - start_ns));

	while (clock_ns() < until)
		;
}
