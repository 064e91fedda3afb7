/* SPDX-License-Identifier: MIT
 *
 * A gate for people: the table of the terminal, and markdown for a comment or a step summary.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"
#include "table.h"
#include "units.h"

#define COMMENT_BYTES (60 * 1024) /* GitHub takes 64 KiB, GitLab more */
#define MORE          "* and more\n"

static struct text value_text(const struct gate_case *c, double v)
{
	struct text t = { "-" };

	if (!c->unit || !isfinite(v))
		return t;
	if (!c->exact)
		return text_seconds(v);
	if (strcmp(c->unit, "B") == 0)
		return text_bytes(v);
	if (strcmp(c->unit, "1") == 0)
		return text_count((int64_t)v);
	return text_si(v, c->unit);
}

static struct text ratio_text(const struct gate_case *c)
{
	struct text t = { "-" };

	if (c->exact && isfinite(c->base) && isfinite(c->head) && c->base > 0)
		snprintf(t.s, sizeof t.s, "%+.3f %%", 100 * (c->head / c->base - 1));
	else if (!c->exact && isfinite(c->verdict.ratio))
		snprintf(t.s, sizeof t.s, "%+.2f [%+.2f, %+.2f] %%", 100 * (c->verdict.ratio - 1),
			 100 * (c->verdict.ci_lo - 1), 100 * (c->verdict.ci_hi - 1));
	return t;
}

static struct text bound_text(const struct gate_case *c, double v)
{
	struct text t = { "-" };

	if (c->exact)
		snprintf(t.s, sizeof t.s, "exact");
	else if (isfinite(v))
		snprintf(t.s, sizeof t.s, "+%.2f %%", 100 * v);
	return t;
}

static void header(const struct gate *g, FILE *to, const char *bold)
{
	fprintf(to, "%sbase%s %s, %shead%s %s\n", bold, bold, g->base, bold, bold, g->head);
	if (*g->machine)
		fprintf(to, "%s; %s\n", g->machine, text_left(g->seconds).s);
}

static void footnotes(const struct gate *g, FILE *to, const char *bullet)
{
	char name[256], sentence[2048];

	for (int i = 0; i < g->n; i++) {
		const struct gate_case *c = &g->c[i];
		if (c->outcome == OUTCOME_PASS && !*c->reason && !c->waiver)
			continue;
		gate_name(c, name, sizeof name);
		gate_sentence(c, sentence, sizeof sentence);
		fprintf(to, "%s%s: %s%s: %s\n", bullet, name, outcome_names[c->outcome],
			c->advisory ? " (advisory)" : "", sentence);
	}
	if (*g->note)
		fprintf(to, "%s%s\n", bullet, g->note);
}

void gate_text(const struct gate *g, FILE *to)
{
	struct table t;

	header(g, to, "");
	table_begin(&t, "row|metric|>base|>head|>change|>bound|>seen from|>pairs|verdict");
	for (int i = 0; i < g->n; i++) {
		const struct gate_case *c = &g->c[i];
		table_add(&t, "%s", c->row->name);
		table_add(&t, "%s", c->metric);
		table_add(&t, "%s", value_text(c, c->base).s);
		table_add(&t, "%s", value_text(c, c->head).s);
		table_add(&t, "%s", ratio_text(c).s);
		table_add(&t, "%s", bound_text(c, c->verdict.theta).s);
		table_add(&t, "%s", c->exact ? "-" : bound_text(c, c->verdict.mde95).s);
		table_add(&t, "%d", c->pairs);
		table_add(&t, "%s%s", outcome_names[c->outcome], c->advisory ? " (advisory)" : "");
	}
	if (g->n) {
		fputc('\n', to);
		table_print(&t, to, "");
	}
	table_end(&t);
	fputc('\n', to);
	footnotes(g, to, "");
}

/* A cell of a markdown table holds neither bars nor line ends. */
static void cell(FILE *to, const char *text)
{
	for (; *text; text++)
		if (*text == '|')
			fputs("\\|", to);
		else
			fputc(*text == '\n' || *text == '\r' ? ' ' : *text, to);
	fputs(" | ", to);
}

/* The worst come first, so that what is cut off is what matters least. */
static void markdown_rows(const struct gate *g, FILE *to, long start)
{
	int left = g->n;

	for (int outcome = OUTCOME_COUNT - 1; outcome >= 0; outcome--)
		for (int i = 0; i < g->n; i++) {
			const struct gate_case *c = &g->c[i];
			if ((int)c->outcome != outcome)
				continue;
			if (ftell(to) - start > COMMENT_BYTES / 2) {
				fprintf(to, "\nand %d more rows\n", left);
				return;
			}
			fputs("| ", to);
			cell(to, c->row->name);
			cell(to, c->metric);
			cell(to, value_text(c, c->base).s);
			cell(to, value_text(c, c->head).s);
			cell(to, ratio_text(c).s);
			cell(to, bound_text(c, c->verdict.theta).s);
			cell(to, c->exact ? "-" : bound_text(c, c->verdict.mde95).s);
			cell(to, outcome_names[c->outcome]);
			fputc('\n', to);
			left--;
		}
}

void gate_markdown(const struct gate *g, FILE *to)
{
	char *text = NULL, *end;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);

	die_if(!memory, "out of memory");
	fprintf(memory, "## bench gate: %s\n\n", gate_word(g));
	header(g, memory, "**");
	fputs("\n| row | metric | base | head | change | bound | seen from | verdict |\n"
	      "|---|---|---:|---:|---:|---:|---:|---|\n", memory);
	markdown_rows(g, memory, 0);
	fputc('\n', memory);
	footnotes(g, memory, "* ");
	fflush(memory);
	if (len > COMMENT_BYTES) { /* at a line end, never within a letter, with room for a line */
		text[COMMENT_BYTES - sizeof MORE] = 0;
		end = strrchr(text, '\n');
		strcpy(end + 1, MORE);
	}
	fputs(text, to);
	fputc('\n', to);
	gate_verdict(g, to);
	fclose(memory);
	free(text);
}
