/* SPDX-License-Identifier: MIT
 *
 * A gate as JUnit XML. The schema is that of Jenkins' xunit plugin, which GitLab, GitHub actions
 * and Azure read too; properties belong to the suite there, never to a case.
 */
#include <string.h>

#include "gate.h"

/* Text for an attribute or an element. XML 1.0 has no place at all for most control characters. */
static void put(FILE *to, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '&')
			fputs("&amp;", to);
		else if (c == '<')
			fputs("&lt;", to);
		else if (c == '>')
			fputs("&gt;", to);
		else if (c == '"')
			fputs("&quot;", to);
		else if (c == '\n' || c == '\t')
			fprintf(to, "&#%d;", c);
		else if (c >= ' ' && c != 0x7f)
			fputc(c, to);
	}
}

static void attribute(FILE *to, const char *name, const char *value)
{
	fprintf(to, " %s=\"", name);
	put(to, value);
	fputc('"', to);
}

static void property(FILE *to, const char *name, const char *value)
{
	fputs("      <property", to);
	attribute(to, "name", name);
	attribute(to, "value", value);
	fputs("/>\n", to);
}

/* The element inside a case: failure, error, skipped or none. */
static const char *element_of(const struct gate *g, const struct gate_case *c)
{
	if (c->outcome == OUTCOME_FAILED)
		return "error";
	if (gate_case_bad(g, c))
		return c->outcome == OUTCOME_MISSING ? "skipped" : "failure";
	return c->outcome == OUTCOME_INCONCLUSIVE || c->outcome == OUTCOME_WAIVED ? "skipped" :
										     NULL;
}

static int count(const struct gate *g, const char *element)
{
	int n = 0;

	for (int i = 0; i < g->n; i++) {
		const char *e = element_of(g, &g->c[i]);
		n += e && strcmp(e, element) == 0;
	}
	return n;
}

static void write_case(const struct gate *g, const struct gate_case *c, FILE *to)
{
	const char *element = element_of(g, c);
	char sentence[2048];

	gate_sentence(c, sentence, sizeof sentence);
	fputs("    <testcase", to);
	attribute(to, "classname", c->row->name);
	attribute(to, "name", c->metric);
	fputs(">\n", to);
	if (element) {
		fprintf(to, "      <%s", element);
		attribute(to, "type", c->outcome == OUTCOME_REGRESS ? "regression" :
				      outcome_names[c->outcome]);
		attribute(to, "message", sentence);
		fputs("/>\n", to);
	}
	fputs("      <system-out>", to);
	put(to, sentence);
	fputs("</system-out>\n    </testcase>\n", to);
}

void gate_junit(const struct gate *g, FILE *to)
{
	char counts[128];

	snprintf(counts, sizeof counts, " tests=\"%d\" failures=\"%d\" errors=\"%d\"", g->n,
		 count(g, "failure"), count(g, "error"));
	fprintf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<testsuites name=\"bench gate\"%s>\n  <testsuite", counts);
	attribute(to, "name", g->policy->path);
	fprintf(to, "%s skipped=\"%d\" time=\"%.3f\">\n    <properties>\n", counts,
		count(g, "skipped"), g->seconds);
	property(to, "base", g->base);
	property(to, "head", g->head);
	property(to, "machine", g->machine);
	property(to, "fingerprint", g->fingerprint);
	if (*g->note)
		property(to, "note", g->note);
	fputs("    </properties>\n", to);
	for (int i = 0; i < g->n; i++)
		write_case(g, &g->c[i], to);
	fputs("  </testsuite>\n</testsuites>\n", to);
}
