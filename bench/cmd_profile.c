/* SPDX-License-Identifier: MIT
 *
 * bench profile: one traced repetition against the roofline. Rows are sorted by their distance from
 * the limit in seconds, so that the first one names where time can be gained. The rate is in the
 * unit of the limit; what was faster than memory had its operands in the cache.
 */
#include <string.h>

#include "grouping.h"
#include "json.h"
#include "session.h"
#include "table.h"
#include "units.h"

#define LAYER_DEPTH 3  /* of the table when --depth says nothing */
#define LAYERS_MAX  12 /* rows of that table when --by says nothing */

static const char *const views[] = { "stage", "op", "layer" };
#define N_VIEWS (int)(sizeof views / sizeof *views)

struct view {
	const struct session *s;
	const struct roof *roof;
	const char *by;
	struct grouping g;
};

static void view_open(struct view *v, const struct session *s, const struct roof *roof,
		      const char *by, int64_t depth)
{
	*v = (struct view){ .s = s, .roof = roof, .by = by };
	grouping_fill(&v->g, &s->point, &s->m.profile, by, depth, roof);
	grouping_sort(&v->g);
}

static double bytes_of(const struct cost *c)
{
	return (double)(c->bytes_read + c->bytes_written);
}

static double flop_of(const struct cost *c)
{
	return 2 * (double)cost_core_macs(c);
}

/* ---- text --------------------------------------------------------------------------------------
 */

static void add_row(struct table *t, const struct view *v, const struct group *g)
{
	double seconds = g->seconds;
	const char *bound = roof_bound(v->roof, &g->cost);
	bool flops = strcmp(bound, "memory") != 0 && flop_of(&g->cost) > 0;

	table_add(t, "%s", g->name);
	table_add(t, "%s", text_seconds(seconds).s);
	table_add(t, "%s", text_percent(seconds / v->s->m.traced_s).s);
	table_add(t, "%s", flops ? text_si(flop_of(&g->cost) / seconds, "FLOP/s").s
				 : text_si(bytes_of(&g->cost) / seconds, "B/s").s);
	table_add(t, "%s", seconds < g->limit_s ? "cache" : bound);
	table_add(t, "%s", g->limit_s > 0 ? text_percent(g->limit_s / seconds).s : "-");
	table_add(t, "%s", g->limit_s > 0 && seconds > g->limit_s
				   ? text_seconds(seconds - g->limit_s).s : "-");
}

static void print_view(const struct view *v, int most)
{
	struct table t;
	char head[128];

	snprintf(head, sizeof head,
		 "%s|>time|>share|>rate|limit|>of limit|>above it", v->by);
	table_begin(&t, head);
	for (int i = 0; i < v->g.n && i < most; i++)
		add_row(&t, v, &v->g.group[i]);
	table_print(&t, stdout, "");
	table_end(&t);
	if (v->g.n > most)
		printf("and %d more; `--by %s` shows all\n", v->g.n - most, v->by);
}

static void print_head(const struct session *s, const struct roof *roof)
{
	double between = s->m.traced_s;

	for (int i = 0; i < s->m.profile.n; i++)
		between -= 1e-9 * (double)s->m.profile.row[i].ns;
	printf("%s, %d thread%s, one repetition with every op timed: %s, %s of it between ops\n",
	       s->point.preset->name, s->device.threads, s->device.threads > 1 ? "s" : "",
	       text_seconds(s->m.traced_s).s, text_percent(between / s->m.traced_s).s);
	if (roof->flops > 0)
		printf("roofline: %s %s, memory %s, %s\n", text_si(roof->flops, "FLOP/s").s,
		       device_peak_name(&s->device, s->point.w->dtype),
		       text_si(roof->bytes, "B/s").s,
		       roof->stored ? "by the stored calibration" : "measured just now");
}

static void print_text(const struct session *s, const struct roof *roof)
{
	int64_t depth = opt_given(s->o, OPT_DEPTH) ? opt_int(s->o, OPT_DEPTH) : LAYER_DEPTH;
	bool all = !opt_given(s->o, OPT_BY);

	print_head(s, roof);
	for (int i = 0; i < (all ? N_VIEWS : 1); i++) {
		struct view v;
		view_open(&v, s, roof, all ? views[i] : opt_text(s->o, OPT_BY),
			  all || opt_given(s->o, OPT_DEPTH) ? depth : 64);
		printf("\n");
		print_view(&v, all ? LAYERS_MAX : 1 << 30);
		grouping_clear(&v.g);
	}
	if (s->run_id)
		printf("\nrun %lld in %s\n", (long long)s->run_id, db_path(s->db));
}

/* ---- CSV and JSON ------------------------------------------------------------------------------
 */

static void print_csv(const struct session *s, const struct roof *roof)
{
	int64_t depth = opt_given(s->o, OPT_DEPTH) ? opt_int(s->o, OPT_DEPTH) : 64;
	const char *by = opt_given(s->o, OPT_BY) ? opt_text(s->o, OPT_BY) : "layer";
	struct table t;
	struct view v;
	char head[160];

	view_open(&v, s, roof, by, depth);
	snprintf(head, sizeof head, "%s|calls|seconds|core_macs|bytes|flops|bytes_per_s|bound|"
				    "limit_s|above_limit_s", by);
	table_begin(&t, head);
	for (int i = 0; i < v.g.n; i++) {
		const struct group *g = &v.g.group[i];
		table_add(&t, "%s", g->name);
		table_add(&t, "%lld", (long long)g->cost.calls);
		table_add(&t, "%.9g", g->seconds);
		table_add(&t, "%lld", (long long)cost_core_macs(&g->cost));
		table_add(&t, "%.0f", bytes_of(&g->cost));
		table_add(&t, "%.6g", g->seconds > 0 ? flop_of(&g->cost) / g->seconds : 0);
		table_add(&t, "%.6g", g->seconds > 0 ? bytes_of(&g->cost) / g->seconds : 0);
		table_add(&t, "%s", roof_bound(roof, &g->cost));
		table_add(&t, "%.9g", g->limit_s);
		table_add(&t, "%.9g", g->seconds - g->limit_s);
	}
	table_csv(&t, stdout);
	table_end(&t);
	grouping_clear(&v.g);
}

static json_t *group_json(const struct roof *roof, const struct group *g)
{
	bool limited = g->limit_s > 0;

	return json_pack("{s:s,s:o,s:f,s:o,s:o,s:o,s:s,s:o,s:o,s:o}", "name", g->name, "cost",
			 json_cost(&g->cost), "seconds", g->seconds, "flops",
			 json_number(flop_of(&g->cost) / g->seconds), "bytes_per_s",
			 json_number(bytes_of(&g->cost) / g->seconds), "intensity",
			 json_number(flop_of(&g->cost) / bytes_of(&g->cost)), "bound",
			 roof_bound(roof, &g->cost), "limit_s",
			 limited ? json_number(g->limit_s) : json_null(), "share_of_limit",
			 limited ? json_number(g->limit_s / g->seconds) : json_null(),
			 "above_limit_s",
			 limited ? json_number(g->seconds - g->limit_s) : json_null());
}

static json_t *view_json(const struct session *s, const struct roof *roof, const char *by,
			 int64_t depth)
{
	json_t *rows = json_array();
	struct view v;

	view_open(&v, s, roof, by, depth);
	for (int i = 0; i < v.g.n; i++)
		json_array_append_new(rows, group_json(roof, &v.g.group[i]));
	grouping_clear(&v.g);
	return rows;
}

static void print_json(const struct session *s, const struct roof *roof)
{
	int64_t depth = opt_given(s->o, OPT_DEPTH) ? opt_int(s->o, OPT_DEPTH) : 64;
	json_t *by = json_object(), *roof_j;
	char id[24];

	for (int i = 0; i < N_VIEWS; i++)
		if (!opt_given(s->o, OPT_BY) || strcmp(opt_text(s->o, OPT_BY), views[i]) == 0)
			json_object_set_new(by, views[i], view_json(s, roof, views[i], depth));
	if (opt_given(s->o, OPT_BY) && strcmp(opt_text(s->o, OPT_BY), "part") == 0)
		json_object_set_new(by, "part", view_json(s, roof, "part", depth));
	snprintf(id, sizeof id, "%lld", (long long)s->run_id);
	roof_j = json_pack("{s:f,s:f,s:s,s:b}", "flops", roof->flops, "bytes_per_s", roof->bytes,
			   "dtype", device_peak_name(&s->device, s->point.w->dtype), "stored",
			   (int)roof->stored);
	json_print(json_pack("{s:s,s:s,s:o,s:o,s:i,s:o,s:f,s:o}", "schema", "bench.profile/1",
			     "workload", s->point.preset->name, "settings",
			     json_settings(&s->point.settings, 0), "run_id",
			     s->run_id ? json_string(id) : json_null(), "threads",
			     s->device.threads, "roof", roof_j, "traced_s", s->m.traced_s, "by",
			     by), stdout);
}

static void show(struct session *s, struct err *e)
{
	struct roof roof;
	double now = session_peak(s);

	if (s->m.traced_s <= 0)
		return; /* interrupted, and said so */
	if (roof_find(&roof, s->db, &s->machine, &s->device, s->point.w->dtype, &s->progress, e))
		return;
	roof.flops = now > roof.flops ? now : roof.flops;
	if (opt_flag(s->o, OPT_JSON))
		print_json(s, &roof);
	else if (opt_flag(s->o, OPT_CSV))
		print_csv(s, &roof);
	else
		print_text(s, &roof);
}

int cmd_profile(const struct options *o, struct err *e)
{
	struct session s = { .o = o, .purpose = "profile", .traced = true, .show = show };

	if (opt_given(o, OPT_DEPTH) && opt_given(o, OPT_BY) &&
	    strcmp(opt_text(o, OPT_BY), "layer") != 0)
		return err_set(e, ERR_USAGE, "--depth folds layers: it goes with --by layer");
	return session_run(&s, e);
}
