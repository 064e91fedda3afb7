/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "processes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "json.h"
#include "progress.h"
#include "stats.h"
#include "table.h"
#include "units.h"

#define WORDS_MAX 96

struct group {
	const struct options *o;
	int wanted, n;
	char *word[WORDS_MAX]; /* owned */
	json_t *env, *runs;    /* owned */
	double *median; /* of each process, seconds */
	double *spread; /* deviation of its samples over their mean */
	double spent_s;
	struct progress progress;
};

/* Options of this process that are not handed on, or that child_run() sets. */
static bool is_own(enum opt id)
{
	return id == OPT_PROCESSES || id == OPT_JSON || id == OPT_QUIET || id == OPT_DB ||
	       id == OPT_NO_DB;
}

static int read_words(struct group *g, struct err *e)
{
	int n = 0;

	for (int id = 0; id < OPT_COUNT; id++) {
		for (int k = 0; k < g->o->n[id] && !is_own((enum opt)id); k++) {
			const char *value = g->o->value[id][k];
			bool alone = option_table[id].type == ARG_FLAG ||
				     (option_table[id].type == ARG_JSON && !*value);
			if (n == WORDS_MAX - 1)
				return err_set(e, ERR_USAGE, "more options than %d",
					       WORDS_MAX - 1);
			if (asprintf(&g->word[n++], alone ? "--%s" : "--%s=%s",
				     option_table[id].name, value) < 0)
				die_if(true, "out of memory");
		}
	}
	return 0;
}

/* They would write over each other. */
static int check(const struct options *o, struct err *e)
{
	static const enum opt files[] = { OPT_SAVE, OPT_FOLDED };

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (opt_given(o, files[i]))
			return err_set(e, ERR_USAGE, "--%s writes one file and --processes runs "
				       "several processes: leave one of them out",
				       option_table[files[i]].name);
	if (opt_given(o, OPT_TRACE) && *opt_text(o, OPT_TRACE))
		return err_set(e, ERR_USAGE, "--trace FILE writes one file and --processes runs "
			       "several processes: leave one of them out");
	return 0;
}

/* ---- running -----------------------------------------------------------------------------------
 */

static void show(void *arg, double seconds)
{
	struct group *g = arg;
	double each = g->n ? g->spent_s / g->n : -1;
	double left = each < 0 ? -1 : fmax((g->wanted - g->n) * each - seconds, 0);
	char text[64];

	snprintf(text, sizeof text, "process %d/%d", g->n + 1, g->wanted);
	progress_draw(&g->progress, text,
		      g->n + (each > 0 ? fmin(seconds / each, 0.99) : 0), g->wanted, left);
}

static void take(struct group *g, const struct child_result *r)
{
	const json_t *latency = json_object_get(r->run, "latency_s");
	const json_t *sd = json_object_get(latency, "sd");
	double mean = json_number_value(json_object_get(latency, "mean"));

	if (!g->env)
		g->env = json_incref(json_object_get(r->json, "env"));
	json_array_append(g->runs, r->run);
	g->median[g->n] = json_number_value(json_object_get(latency, "median"));
	g->spread[g->n] = json_is_number(sd) ? json_number_value(sd) / mean : NAN;
	g->spent_s += r->seconds;
	g->n++;
}

static int run_all(struct group *g, struct err *e)
{
	struct child_job job = { .workload = g->o->arg[0], .args = (const char *const *)g->word,
				 .tick = show, .tick_arg = g };

	if (!opt_flag(g->o, OPT_NO_DB))
		job.db = opt_text(g->o, OPT_DB);
	process_catch_signals();
	while (!e->code && g->n < g->wanted) {
		struct child_result r;
		show(g, 0);
		if (!child_run(&job, &r, e))
			take(g, &r);
		child_free(&r);
		if (!e->code && process_interrupted() && g->n < g->wanted)
			err_set(e, ERR_INTERRUPTED, "interrupted after %d of %d processes", g->n,
				g->wanted);
	}
	progress_clear(&g->progress);
	return -(int)e->code;
}

/* ---- the result --------------------------------------------------------------------------------
 */

static struct stats summary(const struct group *g)
{
	double *copy = malloc((size_t)g->n * sizeof *copy);
	struct stats s;

	die_if(!copy, "out of memory");
	memcpy(copy, g->median, (size_t)g->n * sizeof *copy);
	s = stats_of(copy, g->n);
	free(copy);
	return s;
}

/* Root mean square over the processes that have one. */
static double within(const struct group *g)
{
	double squares = 0;
	int n = 0;

	for (int i = 0; i < g->n; i++)
		if (isfinite(g->spread[i])) {
			squares += g->spread[i] * g->spread[i];
			n++;
		}
	return n ? sqrt(squares / n) : NAN;
}

static const char *text_in(const json_t *run, const char *key)
{
	const char *text = json_string_value(json_object_get(run, key));

	return text ? text : "-";
}

static void print_processes(const struct group *g)
{
	struct table t;

	table_begin(&t, "process|run|>latency|>samples|status|stopped|output");
	for (int i = 0; i < g->n; i++) {
		const json_t *run = json_array_get(g->runs, (size_t)i);
		const json_t *latency = json_object_get(run, "latency_s");
		table_add(&t, "%d", i + 1);
		table_add(&t, "%s", text_in(run, "run_id"));
		table_add(&t, "%s", text_seconds(g->median[i]).s);
		table_add(&t, "%lld", json_integer_value(json_object_get(latency, "n")));
		table_add(&t, "%s", text_in(run, "status"));
		table_add(&t, "%s", text_in(json_object_get(run, "protocol"), "stop_reason"));
		table_add(&t, "%.12s", text_in(run, "output_sha256"));
	}
	table_print(&t, stdout, "");
	table_end(&t);
}

static void print_summary(const struct group *g)
{
	struct stats s = summary(g);

	printf("\nlatency     %s median of %d processes (%s to %s)\n",
	       text_seconds(s.median).s, s.n, text_seconds(s.min).s, text_seconds(s.max).s);
	if (isfinite(s.ci_lo))
		printf("interval    %s to %s (%s, exact)\n", text_seconds(s.ci_lo).s,
		       text_seconds(s.ci_hi).s, text_percent(s.ci_conf).s);
	else
		printf("interval    needs 6 processes\n");
	printf("spread      %s between processes, %s within\n",
	       s.n > 1 ? text_percent(s.sd / s.mean).s : "-", text_percent(within(g)).s);
}

static void print_json(const struct group *g)
{
	struct stats s = summary(g);
	json_t *j = json_pack("{s:s,s:O?,s:O,s:{s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}}", "schema",
			      "bench.result/1", "env", g->env, "runs", g->runs, "processes", "n",
			      s.n, "median", json_number(s.median), "ci_lo", json_number(s.ci_lo),
			      "ci_hi", json_number(s.ci_hi), "ci_conf", json_number(s.ci_conf),
			      "min", json_number(s.min), "max", json_number(s.max),
			      "spread_between", json_number(s.sd / s.mean), "spread_within",
			      json_number(within(g)));

	json_print(j, stdout);
}

int run_processes(const struct options *o, struct err *e)
{
	struct group g = { .o = o, .wanted = (int)opt_int(o, OPT_PROCESSES) };

	g.runs = json_array();
	g.median = calloc((size_t)g.wanted, sizeof *g.median);
	g.spread = calloc((size_t)g.wanted, sizeof *g.spread);
	die_if(!g.runs || !g.median || !g.spread, "out of memory");
	progress_init(&g.progress, opt_flag(o, OPT_QUIET));
	if (!check(o, e) && !read_words(&g, e))
		run_all(&g, e);
	if (g.n && opt_flag(o, OPT_JSON)) {
		print_json(&g);
	} else if (g.n) {
		print_processes(&g);
		print_summary(&g);
	}
	for (int i = 0; i < WORDS_MAX; i++)
		free(g.word[i]);
	json_decref(g.env);
	json_decref(g.runs);
	free(g.median);
	free(g.spread);
	return -(int)e->code;
}
