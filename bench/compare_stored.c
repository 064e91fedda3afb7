/* SPDX-License-Identifier: MIT
 *
 * Comparing what was recorded before. Runs that one session measured as pairs are judged as pairs.
 * Others were measured at different times, and a machine that has become slower in between looks
 * like a slower program: then only the ratio and its interval are given, and no verdict.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "stats.h"
#include "stats_rank.h"

/* ---- the runs of an arm ------------------------------------------------------------------------
 */

/* Runs of equal workload and settings, but for those that vary. */
struct group {
	char *key;           /* these as JSON; owned */
	struct db_run **run; /* owned, and what they point to */
	int64_t *id;         /* owned */
	int n;
};

struct groups {
	struct group *g;
	int n;
};

static struct group *find_group(const struct groups *s, const char *key)
{
	for (int i = 0; i < s->n; i++)
		if (strcmp(s->g[i].key, key) == 0)
			return &s->g[i];
	return NULL;
}

static char *group_key(const struct db_run *run, const struct fingerprint_rule *rule)
{
	json_t *j = json_loads(run->config.params_json, 0, NULL);
	char *key;

	for (int i = 0; i < rule->n_vary; i++)
		json_object_del(j, rule->vary[i]);
	json_object_set_new(j, "workload", json_string(run->workload.name));
	key = json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(j);
	die_if(!key, "out of memory");
	return key;
}

static void *grown(void *old, int n, size_t size)
{
	void *p = realloc(old, (size_t)n * size);

	die_if(!p, "out of memory");
	return p;
}

/* Takes the run over. */
static void add_run(struct groups *s, struct db_run *run, int64_t id,
		    const struct fingerprint_rule *rule)
{
	char *key = group_key(run, rule);
	struct group *g = find_group(s, key);

	if (g) {
		free(key);
	} else {
		s->g = grown(s->g, s->n + 1, sizeof *s->g);
		g = &s->g[s->n++];
		*g = (struct group){ .key = key };
	}
	g->run = grown(g->run, g->n + 1, sizeof *g->run);
	g->id = grown(g->id, g->n + 1, sizeof *g->id);
	g->run[g->n] = run;
	g->id[g->n++] = id;
}

static int load(struct groups *s, struct db *db, const struct compare_ids *ids,
		const struct fingerprint_rule *rule, struct err *e)
{
	for (int i = 0; i < ids->n && !e->code; i++) {
		struct db_run *run;
		if (db_get_run(db, ids->run[i], NULL, &run))
			return err_set(e, ERR_DB, "%s", db_error(db));
		if (strcmp(run->status, "ok") != 0)
			err_set(e, ERR_INCOMPARABLE, "run %lld is %s: only complete runs are "
				"compared", (long long)ids->run[i], run->status);
		add_run(s, run, ids->run[i], rule);
	}
	return -(int)e->code;
}

static void free_groups(struct groups *s)
{
	for (int i = 0; i < s->n; i++) {
		for (int k = 0; k < s->g[i].n; k++)
			db_run_free(s->g[i].run[k]);
		free(s->g[i].key);
		free(s->g[i].run);
		free(s->g[i].id);
	}
	free(s->g);
}

/* Without anything in common, but with one configuration each, these two are meant: the fingerprint
 * says how they differ. */
static const struct group *partner(const struct groups s[ARMS], const struct group *a)
{
	const struct group *b = find_group(&s[ARM_B], a->key);

	return b || s[ARM_A].n != 1 || s[ARM_B].n != 1 ? b : &s[ARM_B].g[0];
}

/* ---- numbers -----------------------------------------------------------------------------------
 */

/* Median of a number of a run; not a number: it has none. */
static double median_in(const struct db_run *run, const char *metric, const char *stage)
{
	for (int i = 0; i < run->n_summaries; i++) {
		const struct db_summary *s = &run->summaries[i];
		if (strcmp(run->metrics[s->metric].name, metric) == 0 &&
		    strcmp(run->stages[s->stage], stage) == 0)
			return s->median;
	}
	return NAN;
}

static bool has_steps(const struct db_run *run, int metric, int stage)
{
	for (int i = 0; i < run->n_samples; i++)
		if (run->samples[i].metric == metric && run->samples[i].stage == stage &&
		    run->samples[i].step > 0)
			return true;
	return false;
}

/* For each run of A its partner in B, as an index, when one session measured both as a pair; -1. */
struct pairing {
	const struct group *b;
	int *partner; /* owned */
	int at, n;    /* of A; pairs found */
};

static int take_partner(void *arg, int n, const char *const *names, const struct db_value *v)
{
	struct pairing *p = arg;

	(void)names;
	for (int i = 0; v && n && i < p->b->n; i++)
		if (p->b->id[i] == v[0].i) {
			p->n += p->partner[p->at] < 0;
			p->partner[p->at] = i;
		}
	return 0;
}

static struct pairing find_pairs(struct db *db, const struct group *a, const struct group *b)
{
	struct pairing p = { .b = b, .partner = malloc((size_t)a->n * sizeof *p.partner) };

	die_if(!p.partner, "out of memory");
	for (p.at = 0; p.at < a->n; p.at++) {
		char id[24];
		const char *args[] = { id };
		snprintf(id, sizeof id, "%lld", (long long)a->id[p.at]);
		p.partner[p.at] = -1;
		db_query(db, "SELECT cand_run_id FROM v_pairs WHERE base_run_id = ?1 AND "
			 "metric = 'latency' AND stage = 'total'", args, 1, take_partner, &p);
	}
	return p;
}

static int take_ratio(void *arg, int n, const char *const *names, const struct db_value *v)
{
	(void)names;
	if (v && n && v[0].d > 0)
		*(double *)arg = v[0].d;
	return 0;
}

/* candidate / base of two runs that one session measured as a pair, as it was judged then where it
 * was; NAN: unknown. */
static double ratio_of(struct db *db, int64_t a, int64_t b, const struct judged *s)
{
	char base[24], cand[24];
	const char *args[] = { base, cand, s->metric, s->stage };
	double ratio = NAN;

	snprintf(base, sizeof base, "%lld", (long long)a);
	snprintf(cand, sizeof cand, "%lld", (long long)b);
	db_query(db, "SELECT ratio FROM v_pairs WHERE base_run_id = ?1 AND cand_run_id = ?2 AND "
		 "metric = ?3 AND stage = ?4", args, 4, take_ratio, &ratio);
	return ratio;
}

/* ---- two samples -------------------------------------------------------------------------------
 */

/* The largest k with P(U < k) <= alpha, U the rank-sum statistic of n and m values: the number of
 * ways to each U by the recursion on the largest value. */
static int rank_sum_index(int n, int m, double alpha)
{
	int size = n * m + 1, k = 0;
	double *ways = calloc((size_t)(n + 1) * (size_t)size, sizeof *ways), all = 0, below = 0;

	die_if(!ways, "out of memory");
	for (int i = 0; i <= n; i++)
		ways[i * size] = 1; /* with no value of the other sample U is 0 */
	for (int j = 1; j <= m; j++)
		for (int i = 1; i <= n; i++)
			for (int u = size - 1; u >= 0; u--)
				ways[i * size + u] += u >= j ? ways[(i - 1) * size + u - j] : 0;
	for (int u = 0; u < size; u++)
		all += ways[n * size + u];
	while (k < size && (below + ways[n * size + k]) / all <= alpha)
		below += ways[n * size + k++];
	free(ways);
	return k;
}

/* Hodges and Lehmann for two samples: the median of all ratios, and the order statistics around it
 * that cover with 95 %. */
static struct verdict two_samples(const double *a, int n, const double *b, int m)
{
	struct verdict v = verdict_none();
	double *ratio = malloc((size_t)n * (size_t)m * sizeof *ratio);
	int k = rank_sum_index(n, m, 0.025);

	die_if(!ratio, "out of memory");
	for (int i = 0; i < n; i++)
		for (int j = 0; j < m; j++)
			ratio[i * m + j] = b[j] / a[i];
	stats_sort(ratio, n * m);
	v.ratio = stats_quantile(ratio, n * m, 0.5);
	v.p = mann_whitney_test(b, m, a, n).two_sided;
	if (k > 0) {
		v.ci_lo = ratio[k - 1];
		v.ci_hi = ratio[n * m - k];
		v.ci_conf = 0.95;
	}
	free(ratio);
	return v;
}

/* ---- lines -------------------------------------------------------------------------------------
 */

/* Nothing fresh can be measured: of enough pairs the first half is looked at, and the second half
 * confirms a suspicion. Without one, all of them count. */
static void look_and_confirm(struct judged *s)
{
	int half = s->n / 2;

	s->looked = s->n;
	if (half >= VERDICT_MIN_PAIRS) {
		s->verdict = verdict_look(&s->rule, s->log_ratio, NULL, half);
		if (verdict_wants_fresh(&s->verdict)) {
			s->looked = half;
			s->to_confirm = s->n - half;
			verdict_confirm(&s->rule, &s->verdict, s->log_ratio + half, NULL,
					s->to_confirm);
			return;
		}
	}
	s->verdict = verdict_look(&s->rule, s->log_ratio, NULL, s->n);
}

static void judge_pairs(struct judged *s, struct db *db, const struct group *const g[ARMS],
			const struct pairing *p)
{
	s->rule = verdict_rule(VERDICT_FLOOR, false);
	s->log_ratio = malloc(((size_t)p->n + 1) * sizeof *s->log_ratio);
	die_if(!s->log_ratio, "out of memory");
	for (int i = 0; i < p->at; i++)
		s->log_ratio[s->n++] = log(ratio_of(db, g[ARM_A]->id[i],
						    g[ARM_B]->id[p->partner[i]], s));
	look_and_confirm(s);
}

/* Medians of all runs of a group; NULL unless all have one. Owned. */
static double *medians(const struct group *g, const char *metric, const char *stage)
{
	double *v = malloc(((size_t)g->n + 1) * sizeof *v);

	die_if(!v, "out of memory");
	for (int i = 0; i < g->n; i++) {
		v[i] = median_in(g->run[i], metric, stage);
		if (!(v[i] > 0)) {
			free(v);
			return NULL;
		}
	}
	return v;
}

static void add_line(struct compare_row *row, struct db *db, const struct group *const g[ARMS],
		     const struct pairing *p, const char *metric, const char *stage)
{
	double *a = medians(g[ARM_A], metric, stage), *b = medians(g[ARM_B], metric, stage);
	struct compare_line *line = &row->line[row->n_lines];
	struct judged *s = &line->judged;
	int n = g[ARM_A]->n, m = g[ARM_B]->n;

	if (a && b && row->n_lines < PAIRS_SERIES) {
		snprintf(s->metric, sizeof s->metric, "%s", metric);
		snprintf(s->stage, sizeof s->stage, "%s", stage);
		line->n[ARM_A] = n;
		line->n[ARM_B] = m;
		if (p->n == n && n == m) {
			line->method = COMPARE_PAIRS;
			judge_pairs(s, db, g, p);
		} else {
			line->method = n > 1 && m > 1 ? COMPARE_UNPAIRED : COMPARE_TOO_FEW;
			s->verdict = two_samples(a, n, b, m);
		}
		s->median[ARM_A] = stats_median(a, n);
		s->median[ARM_B] = stats_median(b, m);
		row->pairs = s->n;
		row->n_lines++;
	}
	free(a);
	free(b);
}

/* The numbers of A's first run, in its own order: the whole, then each stage and its step. */
static void add_lines(struct compare_row *row, struct db *db, const struct group *const g[ARMS])
{
	static const char *const wanted[] = { "latency", "step_latency" };
	const struct db_run *run = g[ARM_A]->run[0];
	struct pairing p = find_pairs(db, g[ARM_A], g[ARM_B]);

	for (int stage = 0; stage < run->n_stages; stage++)
		for (int k = 0; k < 2; k++)
			for (int metric = 0; metric < run->n_metrics; metric++) {
				if (strcmp(run->metrics[metric].name, wanted[k]) != 0 ||
				    (k && !has_steps(run, metric, stage)))
					continue;
				add_line(row, db, g, &p, wanted[k], run->stages[stage]);
			}
	free(p.partner);
}

/* ---- exact counts and fingerprints -------------------------------------------------------------
 */

static void add_count(json_t *j, const char *key, int64_t value)
{
	json_int_t before = json_integer_value(json_object_get(j, key));

	json_object_set_new(j, key, json_integer(before + (json_int_t)value));
}

/* The keys are those of `bench run --json`, "exact". */
static json_t *exact_of(const struct db_run *run)
{
	json_t *j = json_object();

	add_count(j, "core_macs", run->config.core_macs);
	add_count(j, "noattn_macs", run->config.noattn_macs);
	add_count(j, "parameters", run->config.parameters);
	add_count(j, "weight_bytes", run->config.weight_bytes);
	for (int i = 0; i < run->n_ops; i++) {
		const struct db_op *op = &run->ops[i];
		add_count(j, "calls", op->calls);
		add_count(j, "conv_macs", op->macs_conv);
		add_count(j, "linear_macs", op->macs_linear);
		add_count(j, "attention_macs", op->macs_attn);
		add_count(j, "bytes_read", op->bytes_read);
		add_count(j, "bytes_written", op->bytes_written);
	}
	if (run->out_sha256)
		json_object_set_new(j, "output_sha256", json_string(run->out_sha256));
	return j;
}

static void take_exact(struct compare_row *row, int arm, const struct group *g)
{
	memcpy(row->run[arm], g->run[0]->uuid, sizeof row->run[arm]);
	row->exact[arm] = exact_of(g->run[0]);
	for (int i = 1; i < g->n; i++) {
		json_t *other = exact_of(g->run[i]);
		row->exact_varies[arm] |= !json_equal(row->exact[arm], other);
		json_decref(other);
	}
}

static int check_comparable(struct compare *c, struct compare_row *row,
			    const struct group *const g[ARMS],
			    const struct fingerprint_rule *rule,
			    void (*note)(void *, const char *), void *arg)
{
	json_t *a = fingerprint_of(g[ARM_A]->run[0]), *b = fingerprint_of(g[ARM_B]->run[0]);
	struct err *e = &row->err;

	compare_name_machine(c, a);
	for (int i = 0; i < rule->n_vary && !e->code; i++)
		fingerprint_check_key(a, b, rule->vary[i], e);
	if (!e->code)
		fingerprint_compare(a, b, rule, note, arg, e);
	json_decref(a);
	json_decref(b);
	return -(int)e->code;
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

/* Several settings of one workload, as in a sweep, are numbered. */
static struct compare_row *add_row(struct compare *c, const struct groups *s, int i)
{
	struct compare_row *row = &c->row[c->n_rows++];
	const char *name = s->g[i].run[0]->workload.name;
	int before = 0, all = 0;

	for (int k = 0; k < s->n; k++)
		if (strcmp(s->g[k].run[0]->workload.name, name) == 0) {
			all++;
			before += k < i;
		}
	if (all > 1)
		snprintf(row->name, sizeof row->name, "%.120s #%d", name, before + 1);
	else
		snprintf(row->name, sizeof row->name, "%.120s", name);
	return row;
}

int compare_stored(struct compare *c, struct db *db, const struct compare_ids ids[ARMS],
		   const struct fingerprint_rule *rule,
		   void (*note)(void *arg, const char *sentence), void *arg, struct err *e)
{
	struct groups s[ARMS] = { { NULL, 0 }, { NULL, 0 } };
	struct judged **all;
	int n;

	if (!load(&s[ARM_A], db, &ids[ARM_A], rule, e))
		load(&s[ARM_B], db, &ids[ARM_B], rule, e);
	c->row = calloc((size_t)s[ARM_A].n + 1, sizeof *c->row);
	die_if(!c->row, "out of memory");
	for (int i = 0; i < s[ARM_A].n && !e->code; i++) {
		const struct group *g[ARMS] = { &s[ARM_A].g[i], partner(s, &s[ARM_A].g[i]) };
		struct compare_row *row;
		if (!g[ARM_B])
			continue;
		row = add_row(c, &s[ARM_A], i);
		for (int arm = 0; arm < ARMS; arm++)
			take_exact(row, arm, g[arm]);
		if (!check_comparable(c, row, g, rule, note, arg))
			add_lines(row, db, g);
	}
	all = compare_judged(c, &n);
	judge_family(all, n);
	free(all);
	if (!c->n_rows && !e->code)
		err_set(e, ERR_INCOMPARABLE, "A and B have no workload with equal settings in "
			"common; where a difference is meant, say so: --vary KEY");
	free_groups(&s[ARM_A]);
	free_groups(&s[ARM_B]);
	return -(int)e->code;
}
