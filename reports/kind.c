/* SPDX-License-Identifier: MIT */
#include "kind.h"

#include <string.h>

const struct kind kind_table[] = {
	{ "fit", "points, least-squares line per series, band of its residuals", "x y", draw_fit,
	  "series", true },
	{ "bars", "bars from zero with whiskers, grouped by label", "label y", draw_bars, "series",
	  false },
	{ "ratios", "a dot per pair, estimate with interval, limits of the verdict",
	  "label ratio estimate", draw_ratios, NULL, false },
	{ "pareto", "points with whiskers, labels, and the front as a step line", "x y",
	  draw_pareto, "series", false },
	{ "scaling", "lines over an axis with an ideal line, crosses where it failed", "x y",
	  draw_scaling, "series", true },
	{ "stages", "stacked bars of up to six parts in the order of execution",
	  "label series position y", draw_stages, "label", false },
	{ "roofline", "rate against intensity under measured roofs", "label x y", draw_roofline,
	  NULL, false },
	{ "timeline", "lanes of boxes over time", "lane start duration", draw_timeline, NULL,
	  false },
	{ "history", "series over time with its steps and acknowledged changes", "x y",
	  draw_history, "series", true },
	{ "power", "shares with exact binomial intervals over an effect", "x k n", draw_power,
	  NULL, false },
	{ NULL, NULL, NULL, NULL, NULL, false },
};

const struct kind *kind_find(const char *name, const char *origin, struct report_error *e)
{
	const char *names[16] = { NULL }, *near;

	for (int i = 0; kind_table[i].name; i++) {
		names[i] = kind_table[i].name;
		if (strcmp(names[i], name) == 0)
			return &kind_table[i];
	}
	near = nearest(name, names);
	fail(e, REPORT_USAGE, "%s: '%s' is no kind of figure%s%s%s", origin, name,
	     near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return NULL;
}
