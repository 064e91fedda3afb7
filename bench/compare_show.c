/* SPDX-License-Identifier: MIT
 *
 * A comparison for people (text, markdown, LaTeX) and for programs (CSV, JSON).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "json.h"
#include "table.h"
#include "units.h"

/* ---- words -------------------------------------------------------------------------------------
 */

const char *compare_word(const struct compare_line *line)
{
	if (line->method == COMPARE_PAIRS)
		return verdict_names[line->judged.verdict.kind];
	if (line->method == COMPARE_TOO_FEW || !isfinite(line->judged.verdict.ci_lo))
		return "too few runs";
	return line->judged.verdict.ci_lo > 1 ? "likely slower" :
	       line->judged.verdict.ci_hi < 1 ? "likely faster" : "no evidence";
}

static bool any_regressed(const struct compare *c)
{
	for (int i = 0; i < c->n_rows; i++)
		for (int k = 0; k < c->row[i].n_lines; k++)
			if (c->row[i].line[k].method == COMPARE_PAIRS &&
			    c->row[i].line[k].judged.verdict.kind == VERDICT_REGRESS)
				return true;
	return false;
}

enum err_code compare_exit(const struct compare *c)
{
	enum err_code worst = ERR_NONE;
	int compared = 0;

	for (int i = 0; i < c->n_rows; i++) {
		const struct compare_row *row = &c->row[i];
		compared += row->n_lines > 0 && !row->err.code;
		if (row->err.code && (worst == ERR_NONE || row->err.code == ERR_FAILED))
			worst = row->err.code;
	}
	if (worst != ERR_FAILED && !c->varied && any_regressed(c))
		return ERR_REGRESSION;
	if (worst != ERR_NONE)
		return worst;
	return compared ? ERR_NONE : ERR_INCOMPARABLE;
}

void compare_exact(const struct compare_row *row,
		   void (*differs)(void *arg, const char *key, const json_t *a, const json_t *b),
		   void *arg)
{
	const char *key;
	json_t *a;

	json_object_foreach(row->exact[ARM_A], key, a) {
		const json_t *b = json_object_get(row->exact[ARM_B], key);
		if (b && !json_is_null(a) && !json_is_null(b) && !json_equal(a, b))
			differs(arg, key, a, b);
	}
}

/* "latency", "  denoise", "  denoise step" */
static struct text line_text(const struct compare_line *line, const char *indent)
{
	struct text t;
	bool total = strcmp(line->judged.stage, "total") == 0;

	snprintf(t.s, sizeof t.s, "%s%.30s%s", total ? "" : indent,
		 total ? "latency" : line->judged.stage,
		 strcmp(line->judged.metric, "step_latency") == 0 ? " step" : "");
	return t;
}

static struct text ratio_text(const struct compare_line *line)
{
	struct text t = { "-" };

	if (isfinite(line->judged.verdict.ratio))
		snprintf(t.s, sizeof t.s, "%.3f", line->judged.verdict.ratio);
	return t;
}

static struct text interval_text(const struct compare_line *line)
{
	struct text t = { "-" };

	if (isfinite(line->judged.verdict.ci_lo))
		snprintf(t.s, sizeof t.s, "[%.4f, %.4f]", line->judged.verdict.ci_lo,
			 line->judged.verdict.ci_hi);
	return t;
}

/* The smallest slowdown that would have been found in 95 % of all cases. */
static struct text mde_text(const struct compare_line *line)
{
	struct text t = { "-" };

	if (line->method == COMPARE_PAIRS && isfinite(line->judged.verdict.mde95))
		snprintf(t.s, sizeof t.s, "%.1f%%", 100 * line->judged.verdict.mde95);
	return t;
}

static void fill_table(struct table *t, const struct compare_row *row, const char *indent)
{
	table_begin(t, "what|>A|>B|>B/A|95 % interval|verdict|>finds");
	for (int i = 0; i < row->n_lines; i++) {
		const struct compare_line *line = &row->line[i];
		table_add(t, "%s", line_text(line, indent).s);
		table_add(t, "%s", text_seconds(line->judged.median[ARM_A]).s);
		table_add(t, "%s", text_seconds(line->judged.median[ARM_B]).s);
		table_add(t, "%s", ratio_text(line).s);
		table_add(t, "%s", interval_text(line).s);
		table_add(t, "%s", compare_word(line));
		table_add(t, "%s", mde_text(line).s);
	}
}

/* "10 pairs, 2 disturbed" or "12 and 10 runs" */
static void count_text(const struct compare_row *row, char *buf, size_t len)
{
	const struct compare_line *line = &row->line[0];

	if (row->n_lines && line->method != COMPARE_PAIRS)
		snprintf(buf, len, "%d and %d runs, not measured as pairs", line->n[ARM_A],
			 line->n[ARM_B]);
	else
		snprintf(buf, len, "%d pair%s of processes, %d disturbed", row->pairs,
			 row->pairs == 1 ? "" : "s", row->disturbed);
}

/* ---- text and markdown -------------------------------------------------------------------------
 */

/* A count as a row of a table, another output as a sentence. */
struct exact_list {
	FILE *to;
	const char *bullet;
	struct table *counts; /* NULL: sentences are wanted now */
};

static void add_count(void *arg, const char *key, const json_t *a, const json_t *b)
{
	struct exact_list *l = arg;
	double x = json_number_value(a), y = json_number_value(b);

	if (!json_is_number(a) || !json_is_number(b))
		return;
	table_add(l->counts, "%s", key);
	table_add(l->counts, "%s", text_count((int64_t)x).s);
	table_add(l->counts, "%s", text_count((int64_t)y).s);
	table_add(l->counts, x > 0 ? "%.4f" : "-", y / x);
}

static void print_output(void *arg, const char *key, const json_t *a, const json_t *b)
{
	struct exact_list *l = arg;

	if (json_is_string(a) && json_is_string(b))
		fprintf(l->to, "%sB computed something else: %s %.12s, not %.12s\n", l->bullet,
			key, json_string_value(b), json_string_value(a));
}

/* Returns whether there are any. */
static bool fill_exact(struct table *t, const struct compare_row *row)
{
	struct exact_list list = { .counts = t };

	table_begin(t, "exact counts that differ|>A|>B|>B/A");
	compare_exact(row, add_count, &list);
	return t->cells > t->columns;
}

/* Why something is not plainly as it seems, one sentence a line. */
static void print_remarks(const struct compare_row *row, FILE *to, const char *bullet)
{
	struct exact_list list = { to, bullet, NULL };
	char last[192] = "";

	compare_exact(row, print_output, &list);
	for (int arm = 0; arm < ARMS; arm++)
		if (row->exact_varies[arm])
			fprintf(to, "%s%c does not compute the same each time\n", bullet,
				'A' + arm);
	for (int i = 0; i < row->n_lines; i++) {
		const struct compare_line *line = &row->line[i];
		if (line->method != COMPARE_PAIRS || line->judged.verdict.kind == VERDICT_PASS ||
		    !*line->judged.verdict.reason || strcmp(last, line->judged.verdict.reason) == 0)
			continue;
		snprintf(last, sizeof last, "%s", line->judged.verdict.reason);
		fprintf(to, "%s%s: %s\n", bullet, line_text(line, "").s, last);
	}
	if (row->n_lines && row->line[0].method != COMPARE_PAIRS)
		fprintf(to, "%sNo verdict: a machine that became slower between A and B looks the "
			"same.\n%sMeasured as pairs, it would not: bench compare with programs or "
			"revisions.\n", bullet, bullet);
	if (row->err.code)
		fprintf(to, "%s%s\n", bullet, row->err.msg);
}

static bool any_finds(const struct compare *c)
{
	for (int i = 0; i < c->n_rows; i++)
		for (int k = 0; k < c->row[i].n_lines; k++)
			if (*mde_text(&c->row[i].line[k]).s != '-')
				return true;
	return false;
}

void compare_text(const struct compare *c, FILE *to)
{
	fprintf(to, "A  %s\nB  %s\n", c->shown[ARM_A], c->shown[ARM_B]);
	if (*c->machine)
		fprintf(to, "%s\n", c->machine);
	for (int i = 0; i < c->n_rows; i++) {
		const struct compare_row *row = &c->row[i];
		char count[96];
		struct table t;
		count_text(row, count, sizeof count);
		fprintf(to, "\n%s: %s\n", row->name, count);
		fill_table(&t, row, "  ");
		if (row->n_lines)
			table_print(&t, to, "");
		table_end(&t);
		if (fill_exact(&t, row)) {
			fputc('\n', to);
			table_print(&t, to, "");
		}
		table_end(&t);
		print_remarks(row, to, "- ");
	}
	if (any_finds(c))
		fputs("\nfinds: a slowdown so large would have been found in 95 of 100 times.\n",
		      to);
	if (c->out_of_time)
		fputs("\nThe time budget ended it before all pairs were measured.\n", to);
}

void compare_markdown(const struct compare *c, FILE *to)
{
	fprintf(to, "**A** %s, **B** %s; %s\n", c->shown[ARM_A], c->shown[ARM_B], c->machine);
	for (int i = 0; i < c->n_rows; i++) {
		const struct compare_row *row = &c->row[i];
		char count[96];
		struct table t;
		count_text(row, count, sizeof count);
		fprintf(to, "\n### %s\n\n%s\n\n", row->name, count);
		fill_table(&t, row, "");
		if (row->n_lines)
			table_markdown(&t, to);
		table_end(&t);
		fputc('\n', to);
		if (fill_exact(&t, row)) {
			table_markdown(&t, to);
			fputc('\n', to);
		}
		table_end(&t);
		print_remarks(row, to, "* ");
	}
}

void compare_latex(const struct compare *c, FILE *to)
{
	for (int i = 0; i < c->n_rows; i++) {
		struct table t;
		fprintf(to, "%% %s: A %s, B %s\n", c->row[i].name, c->shown[ARM_A],
			c->shown[ARM_B]);
		fill_table(&t, &c->row[i], "");
		if (c->row[i].n_lines)
			table_latex(&t, to);
		table_end(&t);
	}
}

/* ---- CSV and JSON ------------------------------------------------------------------------------
 */

static void add_number(struct table *t, double v)
{
	if (isfinite(v))
		table_add(t, "%.9g", v);
	else
		table_add(t, "%s", "");
}

void compare_csv(const struct compare *c, FILE *to)
{
	struct table t;

	table_begin(&t, "workload|metric|stage|a_s|b_s|ratio|ci_lo|ci_hi|verdict|p|theta|mde95|"
			"n_a|n_b|pairs|disturbed");
	for (int i = 0; i < c->n_rows; i++)
		for (int k = 0; k < c->row[i].n_lines; k++) {
			const struct compare_line *line = &c->row[i].line[k];
			const struct verdict *v = &line->judged.verdict;
			table_add(&t, "%s", c->row[i].name);
			table_add(&t, "%s", line->judged.metric);
			table_add(&t, "%s", line->judged.stage);
			add_number(&t, line->judged.median[ARM_A]);
			add_number(&t, line->judged.median[ARM_B]);
			add_number(&t, v->ratio);
			add_number(&t, v->ci_lo);
			add_number(&t, v->ci_hi);
			table_add(&t, "%s", compare_word(line));
			add_number(&t, judge_p(v));
			add_number(&t, v->theta);
			add_number(&t, v->mde95);
			table_add(&t, "%d", line->n[ARM_A]);
			table_add(&t, "%d", line->n[ARM_B]);
			table_add(&t, "%d", line->judged.n);
			table_add(&t, "%d", c->row[i].disturbed);
		}
	table_csv(&t, to);
	table_end(&t);
}

static json_t *line_json(const struct compare_line *line)
{
	static const char *const methods[] = { "pairs", "unpaired", "too few runs" };
	const struct verdict *v = &line->judged.verdict;
	json_t *j = json_object();

	json_object_set_new(j, "metric", json_string(line->judged.metric));
	json_object_set_new(j, "stage", json_string(line->judged.stage));
	json_object_set_new(j, "method", json_string(methods[line->method]));
	json_object_set_new(j, "a_s", json_number(line->judged.median[ARM_A]));
	json_object_set_new(j, "b_s", json_number(line->judged.median[ARM_B]));
	json_object_set_new(j, "n_a", json_integer(line->n[ARM_A]));
	json_object_set_new(j, "n_b", json_integer(line->n[ARM_B]));
	judge_add_json(j, v);
	json_object_set_new(j, "verdict", json_string(compare_word(line)));
	json_object_set_new(j, "confirmed",
			    v->confirmed < 0 ? json_null() : json_boolean(v->confirmed));
	json_object_set_new(j, "reason", json_string(v->reason));
	judge_add_pairs(j, &line->judged);
	return j;
}

static void add_difference(void *arg, const char *key, const json_t *a, const json_t *b)
{
	json_object_set_new(arg, key, json_pack("{s:O,s:O}", "a", a, "b", b));
}

static json_t *row_json(const struct compare_row *row)
{
	json_t *lines = json_array(), *exact = json_object(), *j = json_object();

	for (int i = 0; i < row->n_lines; i++)
		json_array_append_new(lines, line_json(&row->line[i]));
	compare_exact(row, add_difference, exact);
	json_object_set_new(j, "workload", json_string(row->name));
	json_object_set_new(j, "pairs", json_integer(row->pairs));
	json_object_set_new(j, "disturbed", json_integer(row->disturbed));
	json_object_set_new(j, "lines", lines);
	json_object_set_new(j, "exact_differences", exact);
	json_object_set_new(j, "a_varies", json_boolean(row->exact_varies[ARM_A]));
	json_object_set_new(j, "b_varies", json_boolean(row->exact_varies[ARM_B]));
	json_object_set_new(j, "error",
			    row->err.code ? json_string(row->err.msg) : json_null());
	return j;
}

void compare_json(const struct compare *c, FILE *to)
{
	json_t *rows = json_array();

	for (int i = 0; i < c->n_rows; i++)
		json_array_append_new(rows, row_json(&c->row[i]));
	json_print(json_pack("{s:s,s:s,s:s,s:s,s:b,s:o,s:f,s:i,s:o}", "schema",
			     "bench.comparison/1", "a", c->shown[ARM_A], "b", c->shown[ARM_B],
			     "machine", c->machine, "live", c->live, "session",
			     *c->session ? json_string(c->session) : json_null(), "seconds",
			     c->seconds, "exit", (int)compare_exit(c), "rows", rows), to);
}
