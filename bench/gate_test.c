/* SPDX-License-Identifier: MIT
 *
 * How a gate's cases become an exit status and files: each by made-up cases. The gate on real
 * commits is in gate_git_test.c.
 */
#include "gate.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

static struct policy_row row = { .name = "mini <&\"'>", .workload = "sdxl-20steps-mini" };
static struct policy_waiver waiver = { .name = "w", .reason = (char *)"known | slow",
				       .expires = "2026-12-31" };
static struct policy policy = { .path = (char *)"gate.ini" };

static struct gate gate_of(const enum outcome *outcome, int n)
{
	struct gate g = { .policy = &policy, .base = "main (abc)", .head = "HEAD (def)",
			  .machine = "a machine", .fingerprint = "00", .seconds = 1234.5678 };

	for (int i = 0; i < n; i++) {
		char name[32];
		struct gate_case *c;
		snprintf(name, sizeof name, "latency:s%d", i);
		c = gate_add(&g, &row, name);
		c->outcome = outcome[i];
		c->unit = "s";
		c->base = 1;
		c->head = c->verdict.ratio = 1.03125;
		c->verdict.ci_lo = 1.02;
		c->verdict.ci_hi = 1.04;
		c->verdict.theta = 0.02;
		c->verdict.mde95 = 0.025;
		c->pairs = 10;
		if (outcome[i] == OUTCOME_FAILED)
			strcpy(c->reason, "it said:\n100 % \x01 <gone>, sorry");
		if (outcome[i] == OUTCOME_WAIVED)
			c->waiver = &waiver;
	}
	return g;
}

static void exit_of(const enum outcome *outcome, int n, int want, const char *word)
{
	struct gate g = gate_of(outcome, n);

	CHECK_INT(gate_exit(&g), want);
	CHECK_STR(gate_word(&g), word);
	gate_free(&g);
}

#define EXIT(want, word, ...)                                                             \
	do {                                                                              \
		static const enum outcome all[] = { __VA_ARGS__ };                        \
		exit_of(all, (int)(sizeof all / sizeof *all), want, word);                \
	} while (0)

static void exits(void)
{
	EXIT(0, "pass", OUTCOME_PASS, OUTCOME_IMPROVE, OUTCOME_WAIVED);
	EXIT(0, "inconclusive", OUTCOME_PASS, OUTCOME_INCONCLUSIVE);
	EXIT(1, "regress", OUTCOME_PASS, OUTCOME_REGRESS, OUTCOME_PARITY, OUTCOME_MISSING);
	EXIT(4, "failed", OUTCOME_REGRESS, OUTCOME_FAILED);
	EXIT(5, "missing", OUTCOME_PASS, OUTCOME_MISSING);
	EXIT(5, "missing", OUTCOME_MISSING);
	EXIT(6, "parity", OUTCOME_PARITY, OUTCOME_INCONCLUSIVE);
	exit_of(NULL, 0, 5, "missing");
	policy.inconclusive = INCONCLUSIVE_FAIL;
	EXIT(3, "inconclusive", OUTCOME_PASS, OUTCOME_INCONCLUSIVE);
	policy.inconclusive = INCONCLUSIVE_WARN;
}

static void advisory(void)
{
	static const enum outcome all[] = { OUTCOME_PASS, OUTCOME_REGRESS };
	struct gate g = gate_of(all, 2);

	g.c[1].advisory = true;
	CHECK_INT(gate_exit(&g), 0);
	CHECK_INT(gate_bad(&g), 0);
	gate_free(&g);
}

/* ---- files -------------------------------------------------------------------------------------
 */

static const enum outcome each[] = { OUTCOME_PASS,    OUTCOME_IMPROVE, OUTCOME_INCONCLUSIVE,
				     OUTCOME_WAIVED,  OUTCOME_MISSING, OUTCOME_PARITY,
				     OUTCOME_REGRESS, OUTCOME_FAILED };

static char *written(void (*write)(const struct gate *, FILE *), const struct gate *g)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	write(g, f);
	fclose(f);
	return text;
}

static int occurrences(const char *text, const char *part)
{
	int n = 0;

	for (text = strstr(text, part); text; text = strstr(text + 1, part))
		n++;
	return n;
}

static int xmllint(const char *text)
{
	char path[] = "/tmp/bench-junit-XXXXXX", command[512];
	FILE *f = fdopen(mkstemp(path), "w");
	int rc;

	fputs(text, f);
	fclose(f);
	snprintf(command, sizeof command,
		 "xmllint --noout --nonet --schema scripts/ci/junit.xsd %s 2>/dev/null", path);
	rc = system(command);
	unlink(path);
	return WEXITSTATUS(rc);
}

static void junit(void)
{
	struct gate g = gate_of(each, 8);
	char *text = written(gate_junit, &g);

	CHECK(strstr(text, "failures=\"2\" errors=\"1\" skipped=\"3\" time=\"1234.568\""), "%s",
	      text);
	CHECK(strstr(text, "mini &lt;&amp;&quot;'&gt;"), "names are escaped");
	CHECK(!strchr(text, 1), "no control characters");
	CHECK(strstr(text, "type=\"regression\""), "a regression says so");
	if (system("command -v xmllint >/dev/null") == 0) {
		CHECK_INT(xmllint(text), 0);
		*strstr(text, "tests=") = 'T';
		CHECK_INT(xmllint(text), 3); /* the schema is looked at */
	}
	free(text);
	gate_free(&g);
}

static void github(void)
{
	enum outcome many[60];
	struct gate g = gate_of(each, 8);
	char *text = written(gate_github, &g);

	CHECK_INT(occurrences(text, "::error "), 4);
	CHECK_INT(occurrences(text, "::warning "), 2);
	CHECK(strstr(text, "it said:%0A100 %25"), "data is escaped: %s", text);
	CHECK(strstr(text, "title=regress%3A mini"), "properties too: %s", text);
	free(text);
	gate_free(&g);

	for (int i = 0; i < 60; i++)
		many[i] = i % 2 ? OUTCOME_REGRESS : OUTCOME_WAIVED;
	g = gate_of(many, 60);
	text = written(gate_github, &g);
	CHECK_INT(occurrences(text, "::error "), 10);
	CHECK_INT(occurrences(text, "::warning "), 10);
	CHECK_INT(occurrences(text, "and 21 more"), 2);
	free(text);
	gate_free(&g);
}

static void markdown(void)
{
	enum outcome *many = malloc(5000 * sizeof *many);
	struct gate g = gate_of(each, 8);
	char *text = written(gate_markdown, &g);

	CHECK(strstr(text, "known | slow"), "in the notes a bar is a bar");
	CHECK(strstr(text, "BENCH-VERDICT failed rows=4/8 exit=4\n"), "%s", text);
	CHECK(strstr(text, "failed") < strstr(text, "improve"), "the worst first");
	free(text);
	gate_free(&g);
	for (int i = 0; i < 5000; i++)
		many[i] = i == 4999 ? OUTCOME_REGRESS : OUTCOME_PASS;
	g = gate_of(many, 5000);
	text = written(gate_markdown, &g);
	CHECK(strlen(text) < 64 * 1024, "%zu bytes", strlen(text));
	CHECK(strstr(text, "| regress |"), "the red row is shown");
	free(text);
	free(many);
	gate_free(&g);
}

static void json(void)
{
	struct gate g = gate_of(each, 8);
	char *text = written(gate_json, &g);
	json_t *j = json_loads(text, 0, NULL);

	CHECK(j, "parses");
	CHECK_STR(json_string_value(json_object_get(j, "schema")), "bench.gate/1");
	CHECK_INT(json_array_size(json_object_get(j, "cases")), 8);
	CHECK_INT(json_integer_value(json_object_get(j, "exit")), 4);
	json_decref(j);
	free(text);
	gate_free(&g);
}

static void sentences(void)
{
	struct gate g = { .policy = &policy };
	struct gate_case *c = gate_add(&g, &row, "macs");
	char buf[2048];

	c->exact = true;
	c->base = 100;
	c->head = 101;
	gate_sentence(c, buf, sizeof buf);
	CHECK_STR(buf, "101, was 100 (+1.000 %)");
	c->base = 0;
	gate_sentence(c, buf, sizeof buf);
	CHECK_STR(buf, "101, was 0");
	c->exact = false;
	gate_sentence(c, buf, sizeof buf);
	CHECK_STR(buf, "no pair was measured");
	gate_free(&g);
}

int main(void)
{
	unsetenv("GITHUB_STEP_SUMMARY");
	exits();
	advisory();
	junit();
	github();
	markdown();
	json();
	sentences();
	return test_end();
}
