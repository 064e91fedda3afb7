/* SPDX-License-Identifier: MIT
 *
 * Workflow commands of GitHub Actions and its step summary.
 */
#include <stdlib.h>
#include <string.h>

#include "gate.h"

#define SHOWN 9 /* GitHub shows ten errors and ten warnings a step; the tenth counts the rest */

static void put_data(FILE *to, const char *text, bool property)
{
	for (; *text; text++)
		if (strchr(property ? "%\r\n:," : "%\r\n", *text))
			fprintf(to, "%%%02X", (unsigned char)*text);
		else
			fputc(*text, to);
}

static void annotate(FILE *to, const char *level, const char *title, const char *text)
{
	fprintf(to, "::%s title=", level);
	put_data(to, title, true);
	fputs("::", to);
	put_data(to, text, false);
	fputc('\n', to);
}

static const char *level_of(const struct gate *g, const struct gate_case *c)
{
	if (gate_case_bad(g, c))
		return "error";
	if (c->advisory || c->outcome == OUTCOME_WAIVED)
		return "warning";
	return c->outcome == OUTCOME_INCONCLUSIVE && g->policy->inconclusive != INCONCLUSIVE_PASS ?
		       "warning" : NULL;
}

static void annotate_level(const struct gate *g, FILE *to, const char *level)
{
	char name[256], title[320], sentence[2048];
	int n = 0;

	for (int i = 0; i < g->n; i++) {
		const struct gate_case *c = &g->c[i];
		const char *its = level_of(g, c);
		if (!its || strcmp(its, level) != 0 || n++ >= SHOWN)
			continue;
		gate_name(c, name, sizeof name);
		gate_sentence(c, sentence, sizeof sentence);
		snprintf(title, sizeof title, "%s: %s", outcome_names[c->outcome], name);
		annotate(to, level, title, sentence);
	}
	if (n > SHOWN) {
		snprintf(sentence, sizeof sentence, "and %d more; see the step summary", n - SHOWN);
		annotate(to, level, "bench gate", sentence);
	}
}

void gate_github(const struct gate *g, FILE *to)
{
	const char *path = getenv("GITHUB_STEP_SUMMARY");
	FILE *summary = path && *path ? fopen(path, "a") : NULL;

	annotate_level(g, to, "error");
	annotate_level(g, to, "warning");
	if (*g->note)
		annotate(to, gate_exit(g) ? "error" : "notice", "bench gate", g->note);
	if (!summary)
		return;
	gate_markdown(g, summary);
	fclose(summary);
}
