/* SPDX-License-Identifier: MIT
 *
 * The parser of the command line: what it takes, what it refuses and how, and that the tables are
 * whole: every verb and option has help, every derived text names all of them.
 */
#include "options.h"
#include "test.h"

#include <stdlib.h>

static struct options o;
static struct err e;

/* "run|x|--samples|3" */
static int parse(const char *words)
{
	static char copy[512];
	char *argv[32] = { "bench" }, *save = NULL;
	int argc = 1;

	snprintf(copy, sizeof copy, "%s", words);
	for (char *p = strtok_r(copy, "|", &save); p; p = strtok_r(NULL, "|", &save))
		argv[argc++] = p;
	e = (struct err){ 0 };
	return options_parse(&o, argc, argv, &e);
}

static void refuse(const char *words, const char *sentence)
{
	CHECK_INT(parse(words), -ERR_USAGE);
	CHECK(strstr(e.msg, sentence), "%s: \"%s\" lacks \"%s\"", words, e.msg, sentence);
}

static void test_values(void)
{
	CHECK_INT(parse("run|sdxl|--samples|3|--db=a.db|--trace"), 0);
	CHECK(o.verb == &verb_table[V_RUN], "verb");
	CHECK_INT(o.n_args, 1);
	CHECK_STR(o.arg[0], "sdxl");
	CHECK_INT(opt_int(&o, OPT_SAMPLES), 3);
	CHECK_STR(opt_text(&o, OPT_DB), "a.db");
	CHECK(opt_flag(&o, OPT_TRACE) && !opt_flag(&o, OPT_QUIET), "flags");
	CHECK(!opt_given(&o, OPT_WARMUP) && !opt_text(&o, OPT_WARMUP), "not given");
	CHECK_INT(parse("run|--samples=1|x|--samples|2"), 0);
	CHECK_INT(opt_int(&o, OPT_SAMPLES), 2);
	CHECK_INT(parse("run|x|--set|a=1|--set=b=c=d"), 0);
	CHECK_INT(o.n[OPT_SET], 2);
	CHECK_STR(o.value[OPT_SET][1], "b=c=d");
	CHECK_INT(parse("run|--|--x"), 0);
	CHECK_STR(o.arg[0], "--x");
	CHECK_INT(parse("run|--prompt|--no"),
		  -ERR_USAGE); /* takes "--no", then lacks the workload */
	CHECK_INT(parse("run|x|--prompt=a b|--prompt="), 0);
	CHECK_STR(opt_text(&o, OPT_PROMPT), "");
	CHECK_INT(parse("run|--help"), 0);
	CHECK(opt_flag(&o, OPT_HELP), "help without the workload");
	CHECK_INT(parse("-h"), 0);
	CHECK(o.verb == &verb_table[V_HELP], "-h");
}

static void test_refusals(void)
{
	refuse("", "a verb is missing");
	refuse("rnu", "did you mean run?");
	refuse("run", "lacks its WORKLOAD");
	refuse("run|a|b", "not also 'b'");
	refuse("run|a|--smaples|3", "did you mean --samples?");
	refuse("run|a|--qwertzuiop", "has no option --qwertzuiop");
	refuse("run|a|--quick", "other verbs have");
	refuse("run|a|-s", "two dashes");
	refuse("run|a|--samples", "lacks its N");
	refuse("run|a|--samples|0", "from 1 to");
	refuse("run|a|--samples|2x", "whole number");
	refuse("run|a|--samples|99999999999999999999", "whole number");
	refuse("run|a|--trace=1", "takes no value");
	refuse("run|a|--backend|cup", "did you mean cpu?");
	refuse("run|a|--set|height", "KEY=VALUE");
	refuse("run|a|--set|=3", "KEY=VALUE");
	refuse("run|a|--db=", "is empty");
	refuse("list|x", "takes no argument");
}

static void test_environment(void)
{
	setenv("BENCH_DB", "env.db", 1);
	setenv("BENCH_SAMPLES", "7", 1);
	setenv("BENCH_QUIET", "1", 1);
	CHECK_INT(parse("run|a|--samples|2"), 0);
	CHECK_STR(opt_text(&o, OPT_DB), "env.db");
	CHECK_INT(opt_int(&o, OPT_SAMPLES), 2);
	CHECK(opt_flag(&o, OPT_QUIET), "BENCH_QUIET=1");
	setenv("BENCH_QUIET", "0", 1);
	CHECK_INT(parse("run|a"), 0);
	CHECK(!opt_flag(&o, OPT_QUIET), "BENCH_QUIET=0");
	setenv("BENCH_SAMPLES", "many", 1);
	refuse("run|a", "BENCH_SAMPLES is 'many'");
	CHECK_INT(parse("list"), 0); /* has no --samples, so the variable is not read */
	unsetenv("BENCH_DB");
	unsetenv("BENCH_SAMPLES");
	unsetenv("BENCH_QUIET");
}

static char *text_of(void (*print)(FILE *))
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	print(f);
	fclose(f);
	return text;
}

static char *help_of(const struct verb *v, bool all)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	help_verb(f, v, all);
	fclose(f);
	return text;
}

static int longest_line(const char *text)
{
	int longest = 0;

	for (; *text; text += strcspn(text, "\n") + (text[strcspn(text, "\n")] != 0)) {
		int n = (int)strcspn(text, "\n");
		longest = n > longest ? n : longest;
	}
	return longest;
}

static int count(const char *text, const char *what)
{
	int n = 0;

	for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

/* A terminal has 24 lines of 80 columns, and one line holds the prompt. */
static void test_help_fits_a_screen(void)
{
	for (int v = 0; v < V_COUNT; v++) {
		char *help = help_of(&verb_table[v], false), *all = help_of(&verb_table[v], true);
		CHECK(count(help, "\n") < 24, "help of %s has %d lines", verb_table[v].name,
		      count(help, "\n"));
		CHECK(longest_line(help) <= 80, "help of %s is %d wide", verb_table[v].name,
		      longest_line(help));
		CHECK(count(help, "\n  --") >= 3 || !strcmp(help, all), "%s shows no options",
		      verb_table[v].name);
		CHECK(!strcmp(help, all) || strstr(help, "--help --all"), "%s: the way to the rest",
		      verb_table[v].name);
		free(help);
		free(all);
	}
}

static void test_derived_text(void)
{
	char *man = text_of(help_man), *bash = text_of(help_bash),
	     *overview = text_of(help_overview);

	for (int v = 0; v < V_COUNT; v++) {
		char *help = help_of(&verb_table[v], true);
		CHECK(verb_table[v].run && verb_table[v].summary && verb_table[v].examples,
		      "verb %d", v);
		CHECK(strstr(man, verb_table[v].summary), "%s in the manual", verb_table[v].name);
		CHECK(strstr(overview, verb_table[v].summary), "%s", verb_table[v].name);
		CHECK(longest_line(help) <= 80, "help of %s is %d wide", verb_table[v].name,
		      longest_line(help));
		for (int i = 0; i < OPT_COUNT; i++) {
			const struct option_def *d = &option_table[i];
			char dashed[80];
			snprintf(dashed, sizeof dashed, "--%s", d->name);
			CHECK(!strstr(help, dashed) <= !(d->verbs & 1u << v), "help of %s and %s",
			      verb_table[v].name, dashed);
			CHECK(strstr(bash, dashed), "%s is completed", dashed);
			CHECK(d->help && (d->type == ARG_FLAG) == !d->arg, "%s", dashed);
			CHECK((d->type == ARG_CHOICE) == !!d->choices, "%s", dashed);
		}
		free(help);
	}
	free(man);
	free(bash);
	free(overview);
}

int main(void)
{
	test_values();
	test_refusals();
	test_environment();
	test_help_fits_a_screen();
	test_derived_text();
	return test_end();
}
