/* SPDX-License-Identifier: MIT */
#include "calibrate_noise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "child_words.h"
#include "json.h"
#include "pairs.h"
#include "stats_noise.h"
#include "table.h"
#include "units.h"
#include "verdict.h"

#define BLOCKS_DEFAULT 20
#define EXPIRES_NS     (14 * 24 * 3600 * (int64_t)1000000000)
#define GATE_PAIRS     10   /* that theta and the detectable change are told for */

/* One number of the workload. */
struct line {
	char metric[32], stage[64];
	struct noise noise;
	double pair_lo, pair_hi; /* interval of noise.pair */
	double theta, mde95;
};

struct result {
	struct line line[PAIRS_SERIES];
	int n;
	const struct pairs_result *row;
};

/* ---- what the pairs say ------------------------------------------------------------------------
 */

/* Logarithms of all samples of all processes; of one value each where the series is no whole
 * sample, whose samples the engine does not keep. */
static struct noise components(const struct pairs_result *row, const struct pairs_series *s)
{
	bool whole = strcmp(s->metric, "latency") == 0 && strcmp(s->stage, "total") == 0;
	int n = 0, *count = calloc((size_t)row->n * ARMS + 1, sizeof *count);
	double **v = calloc((size_t)row->n * ARMS + 1, sizeof *v);
	struct noise noise;

	die_if(!v || !count, "out of memory");
	for (int arm = 0; arm < ARMS; arm++)
		for (int i = 0; i < row->n; i++, n++) {
			const struct pairs_process *p = &row->process[arm][i];
			count[n] = whole && p->n_samples ? p->n_samples : 1;
			v[n] = malloc((size_t)count[n] * sizeof **v);
			die_if(!v[n], "out of memory");
			v[n][0] = log(s->value[arm][i]);
			for (int k = 0; k < count[n] && whole && p->n_samples; k++)
				v[n][k] = log(p->sample[k]);
		}
	noise = noise_of((const double *const *)v, count, n);
	for (int i = 0; i < n; i++)
		free(v[i]);
	free(v);
	free(count);
	return noise;
}

static struct line judge(const struct pairs_result *row, const struct pairs_series *s)
{
	struct verdict_rule rule = verdict_rule(VERDICT_FLOOR, false);
	struct line l = { .noise = components(row, s) };
	struct noise_model model;

	noise_set_pairs(&l.noise, s->log_ratio, row->n);
	noise_pair_interval(s->log_ratio, row->n, &l.pair_lo, &l.pair_hi);
	snprintf(l.metric, sizeof l.metric, "%s", s->metric);
	snprintf(l.stage, sizeof l.stage, "%s", s->stage);
	l.theta = fmax(VERDICT_FLOOR, 3 * l.noise.pair / sqrt(GATE_PAIRS));
	model = (struct noise_model){ .sigma = l.noise.pair };
	l.mde95 = verdict_outlook(&rule, &model, GATE_PAIRS, 0, rule.trials).mde95;
	return l;
}

static void judge_all(struct result *r, const struct pairs_result *row)
{
	r->row = row;
	for (int i = 0; i < row->n_series && row->n > 1; i++)
		if (strcmp(row->series[i].metric, "load_time") != 0)
			r->line[r->n++] = judge(row, &row->series[i]);
}

/* ---- storing -----------------------------------------------------------------------------------
 */

static int store(struct db *db, const struct result *r, struct err *e)
{
	int64_t now = db_now_unix_ns();

	for (int i = 0; i < r->n; i++) {
		const struct line *l = &r->line[i];
		struct db_noise put = { .run = r->row->process[ARM_A][0].uuid, .metric = l->metric,
					.stage = l->stage, .at_unix_ns = now,
					.expires_unix_ns = now + EXPIRES_NS,
					.n_blocks = r->row->n, .sigma_within = l->noise.within,
					.sigma_process = l->noise.process,
					.sigma_pair = l->noise.pair, .theta = l->theta,
					.mde95 = l->mde95 };
		if (db_put_noise(db, &put))
			return err_set(e, ERR_DB, "%s", db_error(db));
	}
	return 0;
}

/* ---- showing -----------------------------------------------------------------------------------
 */

static struct text share(double v)
{
	struct text t = { "-" };

	if (isfinite(v))
		snprintf(t.s, sizeof t.s, "%.2f %%", 100 * v);
	return t;
}

/* "0.82 to 1.31 %" */
static struct text interval(double lo, double hi)
{
	struct text t = { "-" };

	if (isfinite(lo) && isfinite(hi))
		snprintf(t.s, sizeof t.s, "%.2f to %.2f %%", 100 * lo, 100 * hi);
	return t;
}

static void print_text(const struct result *r, const char *workload)
{
	struct table t;

	printf("%s: %d pairs of equal processes, %d disturbed\n\n", workload, r->row->n,
	       pairs_disturbed(r->row));
	table_begin(&t, "what|>within|>processes|>pairs|>95 %|>theta|>finds");
	for (int i = 0; i < r->n; i++) {
		const struct line *l = &r->line[i];
		bool total = strcmp(l->stage, "total") == 0;
		table_add(&t, "%s%s%s", total ? "" : "  ", total ? "latency" : l->stage,
			  strcmp(l->metric, "step_latency") == 0 ? " step" : "");
		table_add(&t, "%s", share(l->noise.within).s);
		table_add(&t, "%s", share(l->noise.process).s);
		table_add(&t, "%s", share(l->noise.pair).s);
		table_add(&t, "%s", interval(l->pair_lo, l->pair_hi).s);
		table_add(&t, "%s", share(l->theta).s);
		table_add(&t, "%s", share(l->mde95).s);
	}
	table_print(&t, stdout, "");
	table_end(&t);
	printf("\nDeviations within a process, between processes, and of the ratio of a pair,\n"
	       "with a 95 %% interval by the bootstrap.\n"
	       "With %d pairs, theta is the smallest change that is called one, and a slowdown\n"
	       "of `finds` is found in 95 of 100 times. Valid for 14 days.\n", GATE_PAIRS);
}

static void print_json(const struct result *r, const char *workload, bool stored)
{
	json_t *lines = json_array();

	for (int i = 0; i < r->n; i++) {
		const struct line *l = &r->line[i];
		json_array_append_new(
			lines, json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "metric",
					 l->metric, "stage", l->stage, "sigma_within",
					 json_number(l->noise.within), "sigma_process",
					 json_number(l->noise.process), "sigma_pair",
					 json_number(l->noise.pair), "sigma_pair_lo",
					 json_number(l->pair_lo), "sigma_pair_hi",
					 json_number(l->pair_hi), "theta",
					 json_number(l->theta), "mde95", json_number(l->mde95)));
	}
	json_print(json_pack("{s:s,s:s,s:i,s:i,s:b,s:o}", "schema", "bench.noise/1", "workload",
			     workload, "blocks", r->row->n, "disturbed", pairs_disturbed(r->row),
			     "stored", stored, "lines", lines), stdout);
}

/* ---- the verb with a workload ------------------------------------------------------------------
 */

static void finish(const struct options *o, const struct pairs *p, const char *workload,
		   struct err *e)
{
	struct result r = { .n = 0 };

	judge_all(&r, &p->row[0]);
	if (!r.n) {
		err_set(e, p->row[0].err.code ? p->row[0].err.code : ERR_FAILED, "%s",
			p->row[0].err.code ? p->row[0].err.msg : "not one pair was measured");
		return;
	}
	if (p->db && !e->code)
		store(p->db, &r, e);
	if (opt_flag(o, OPT_JSON))
		print_json(&r, workload, p->db && !e->code);
	else
		print_text(&r, workload);
	if (p->row[0].err.code)
		err_set(e, p->row[0].err.code, "%s", p->row[0].err.msg);
}

int calibrate_noise(const struct options *o, struct err *e)
{
	struct words words = { .n = 0 };
	struct progress progress;
	struct pairs_row row = { o->arg[0], o->arg[0], words.word };
	struct pairs_plan plan = { .arm = { { "this program", NULL, NULL },
					    { "this program", NULL, NULL } },
				   .row = &row, .n_rows = 1, .purpose = "calibrate",
				   .apart = opt_flag(o, OPT_APART),
				   .progress = &progress,
				   .db = opt_flag(o, OPT_NO_DB) ? NULL : opt_text(o, OPT_DB) };
	int blocks = opt_given(o, OPT_BLOCKS) ? (int)opt_int(o, OPT_BLOCKS) : BLOCKS_DEFAULT;
	struct pairs p;

	progress_init(&progress, opt_flag(o, OPT_QUIET));
	words_from_options(&words, o);
	if (!pairs_begin(&p, &plan, e)) {
		pairs_measure(&p, blocks, e);
		finish(o, &p, row.name, e);
	}
	pairs_end(&p, (int)e->code);
	words_free(&words);
	return -(int)e->code;
}
