/* SPDX-License-Identifier: MIT
 *
 * Everything the program says of itself, derived from the tables of verbs and options: `--help`,
 * the manual page (mdoc is avoided: plain man macros read everywhere) and the completion for bash.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "build_info.h"
#include "options.h"
#include "report.h"
#include "sweep.h"

#define WIDTH  80
#define SCREEN 23 /* lines of a terminal of 24, one for the prompt */
#define INDENT 24 /* where the explanations begin */

static const struct {
	int code;
	const char *meaning;
} exit_status[] = {
	{ 0, "it worked" },
	{ ERR_REGRESSION, "a regression was found" },
	{ ERR_USAGE, "the command line or a configuration is wrong" },
	{ ERR_FAILED, "the workload failed: bad file, no memory, result not finite" },
	{ ERR_INCOMPARABLE, "nothing can be compared" },
	{ ERR_PARITY, "results differ from the reference" },
	{ ERR_DB, "the database cannot be opened, read or written" },
	{ ERR_SKIPPED, "the machine lacks what was asked for" },
	{ ERR_INTERRUPTED, "interrupted by a signal" },
};

static bool applies(const struct option_def *d, const struct verb *v)
{
	return d->verbs & 1u << (v - verb_table);
}

/* "--set KEY=VALUE" */
static void option_head(const struct option_def *d, char *buf, size_t len)
{
	snprintf(buf, len, "--%s%s%s", d->name, d->arg ? " " : "", d->arg ? d->arg : "");
}

/* The help sentence with choices, default and environment variable. */
static void option_help(const struct option_def *d, char *buf, size_t len)
{
	char env[64];
	int n = snprintf(buf, len, "%s", d->help);

	if (d->choices && !strstr(d->help, "cpu, ref"))
		n += snprintf(buf + n, len - (size_t)n, " (%s)", d->choices);
	if (d->fallback)
		n += snprintf(buf + n, len - (size_t)n, "; default: %s", d->fallback);
	if (d->many)
		n += snprintf(buf + n, len - (size_t)n, "; may be repeated");
	if (d->env)
		snprintf(buf + n, len - (size_t)n, " [%s]", opt_env_name(d, env, sizeof env));
}

/* Words of `text` from column `indent` on; the cursor is at column `at`. */
static void print_wrapped(FILE *to, const char *text, int indent, int at)
{
	if (at >= indent) {
		fputc('\n', to);
		at = 0;
	}
	for (; at < indent; at++)
		fputc(' ', to);
	while (*text) {
		int len = (int)strcspn(text, " ");
		if (at > indent && at + 1 + len > WIDTH) {
			fprintf(to, "\n%*s", indent, "");
			at = indent;
		} else if (at > indent) {
			fputc(' ', to);
			at++;
		}
		fprintf(to, "%.*s", len, text);
		at += len;
		text += len + (text[len] == ' ');
	}
	fputc('\n', to);
}

/* Every line of `text`, indented. */
static void print_lines(FILE *to, const char *text, const char *before)
{
	while (*text) {
		int len = (int)strcspn(text, "\n");
		fprintf(to, "%s%.*s\n", before, len, text);
		text += len + (text[len] == '\n');
	}
}

void help_overview(FILE *to)
{
	fprintf(to, "bench: runs complete generative models and measures them\n\n"
		    "usage: bench VERB [ARGUMENTS] [--OPTIONS]\n\n");
	for (int i = 0; i < V_COUNT; i++)
		fprintf(to, "  %-10s %s\n", verb_table[i].name, verb_table[i].summary);
	fprintf(to, "\n`bench VERB --help` explains a verb. A first try:\n\n"
		    "  bench run sdxl-20steps-mini\n");
}

static int options_of(const struct verb *v)
{
	int n = 0;

	for (int i = 0; i < OPT_COUNT; i++)
		n += applies(&option_table[i], v);
	return n;
}

static void verb_head(FILE *to, const struct verb *v)
{
	fprintf(to, "usage: bench %s%s%s [--OPTIONS]\n\n%c%s.\n", v->name, *v->args ? " " : "",
		v->args, toupper((unsigned char)*v->summary), v->summary + 1);
}

static void verb_examples(FILE *to, const struct verb *v)
{
	fprintf(to, "\nexamples:\n");
	print_lines(to, v->examples, "  ");
}

static void help_full(FILE *to, const struct verb *v)
{
	char head[64], text[512];

	verb_head(to, v);
	if (v->text) {
		fputc('\n', to);
		print_lines(to, v->text, "");
	}
	fprintf(to, "\noptions:\n");
	for (int i = 0; i < OPT_COUNT; i++) {
		const struct option_def *d = &option_table[i];
		if (!applies(d, v))
			continue;
		option_head(d, head, sizeof head);
		option_help(d, text, sizeof text);
		print_wrapped(to, text, INDENT, fprintf(to, "  %s", head));
	}
	verb_examples(to, v);
}

static void help_brief(FILE *to, const struct verb *v)
{
	char head[64];

	verb_head(to, v);
	fprintf(to, "\noptions (all %d: `bench %s --help --all`):\n", options_of(v), v->name);
	for (int i = 0; i < OPT_COUNT; i++) {
		const struct option_def *d = &option_table[i];
		if (!applies(d, v) || !d->brief)
			continue;
		option_head(d, head, sizeof head);
		print_wrapped(to, d->brief, INDENT, fprintf(to, "  %s", head));
	}
	verb_examples(to, v);
}

void help_verb(FILE *to, const struct verb *v, bool all)
{
	char *text = NULL;
	size_t len = 0;
	int lines = 0;
	FILE *f = open_memstream(&text, &len);

	die_if(!f, "out of memory");
	help_full(f, v);
	fclose(f);
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	if (all || lines <= SCREEN)
		fputs(text, to);
	else
		help_brief(to, v);
	free(text);
}

/* ---- manual page -------------------------------------------------------------------------------
 */

/* Escapes what troff reads: backslashes, dashes, and dots that begin a line. */
static void man_text(FILE *to, const char *text)
{
	bool fresh = true;

	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", to);
		else if (*text == '-')
			fputs("\\-", to);
		else if ((*text == '.' || *text == '\'') && fresh)
			fprintf(to, "\\&%c", *text);
		else
			fputc(*text, to);
		fresh = *text == '\n';
	}
	fputc('\n', to);
}

static void man_verb(FILE *to, const struct verb *v)
{
	char text[512];

	fprintf(to, ".SS bench %s %s\n", v->name, v->args);
	man_text(to, v->summary);
	if (v->text) {
		fprintf(to, ".PP\n");
		man_text(to, v->text);
	}
	for (int i = 0; i < OPT_COUNT; i++) {
		const struct option_def *d = &option_table[i];
		if (!applies(d, v) || i == OPT_HELP)
			continue;
		fprintf(to, ".TP\n.BI \\-\\-%s \" %s\"\n", d->name, d->arg ? d->arg : "");
		option_help(d, text, sizeof text);
		man_text(to, text);
	}
	fprintf(to, ".PP\nExamples:\n.PP\n.nf\n.RS\n");
	man_text(to, v->examples);
	fprintf(to, ".RE\n.fi\n");
}

void help_man(FILE *to)
{
	fprintf(to, ".TH BENCH 1 \"\" \"bench %s\" \"User commands\"\n.SH NAME\n"
		    "bench \\- run complete generative models and measure them\n.SH SYNOPSIS\n"
		    ".B bench\n.I verb\n[arguments] [options]\n.SH VERBS\n",
		build_info.version);
	for (int i = 0; i < V_COUNT; i++)
		man_verb(to, &verb_table[i]);
	fprintf(to, ".SH EXIT STATUS\n");
	for (size_t i = 0; i < sizeof exit_status / sizeof *exit_status; i++)
		fprintf(to, ".TP\n.B %d\n%s\n", exit_status[i].code, exit_status[i].meaning);
	fprintf(to, ".SH ENVIRONMENT\n");
	for (int i = 0; i < OPT_COUNT; i++) {
		char name[64];
		if (option_table[i].env)
			fprintf(to, ".TP\n.B %s\nas \\-\\-%s\n",
				opt_env_name(&option_table[i], name, sizeof name),
				option_table[i].name);
	}
	fprintf(to, ".TP\n.B NO_COLOR\nany value: no colours on a terminal\n");
}

/* ---- completion --------------------------------------------------------------------------------
 */

static void bash_verb(FILE *to, const struct verb *v)
{
	fprintf(to, "\t%s) options=\"", v->name);
	for (int i = 0; i < OPT_COUNT; i++)
		if (applies(&option_table[i], v))
			fprintf(to, "--%s ", option_table[i].name);
	fprintf(to, "\" ;;\n");
}

static void bash_values(FILE *to)
{
	for (int i = 0; i < OPT_COUNT; i++) {
		const struct option_def *d = &option_table[i];
		if (d->type == ARG_CHOICE) {
			fprintf(to, "\t--%s) words=\"", d->name);
			for (const char *p = d->choices; *p; p++)
				fputc(*p == '|' ? ' ' : *p, to);
			fprintf(to, "\" ;;\n");
		} else if (d->type == ARG_PATH) {
			fprintf(to, "\t--%s) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n",
				d->name);
		} else if (d->type == ARG_INT || d->type == ARG_TEXT) {
			fprintf(to, "\t--%s) return ;;\n", d->name);
		}
	}
}

static void bash_verbs(FILE *to)
{
	for (int i = 0; i < V_COUNT; i++)
		fprintf(to, "%s ", verb_table[i].name);
}

/* What stands behind a verb: workloads where its arguments name one, names built in, files. */
static void bash_arguments(FILE *to)
{
	fprintf(to, "\t\tcase $verb in\n");
	for (int i = 0; i < V_COUNT; i++)
		if (strstr(verb_table[i].args, "WORKLOAD"))
			fprintf(to, "\t\t%s) words=$(\"${COMP_WORDS[0]}\" list --names "
				    "2>/dev/null) ;;\n", verb_table[i].name);
	fprintf(to, "\t\tsweep|table) words=\"");
	for (int i = 0; sweep_preset_name(i); i++)
		fprintf(to, "%s ", sweep_preset_name(i));
	fprintf(to, "\" ;;\n\t\treport) words=\"all html ");
	for (const char *const *name = report_figures(); *name; name++)
		fprintf(to, "%s ", *name);
	fprintf(to, "\" ;;\n\t\thelp) words=\"");
	bash_verbs(to);
	fprintf(to, "\" ;;\n\t\tdb) words=\"query export import merge vacuum check migrate\" ;;\n"
		    "\t\t*) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n\t\tesac\n"
		    "\t\tcase $verb in\n"
		    "\t\tselftest) [ \"$COMP_CWORD\" = 2 ] && words=\"aa inject\" ;;\n"
		    "\t\ttable) words+=$(\"${COMP_WORDS[0]}\" db query \"SELECT DISTINCT sweep "
		    "FROM v_sweep\" --csv 2>/dev/null | tail -n +2) ;;\n\t\tesac\n");
}

void help_bash(FILE *to)
{
	fprintf(to, "# Completion of bench for bash: source <(bench help --bash)\n_bench()\n{\n"
		    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		    "\tlocal verb=${COMP_WORDS[1]} words= options=\n"
		    "\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\twords=\"");
	bash_verbs(to);
	fprintf(to, "\"\n\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
		    "\tcase $prev in\n"
		    "\t--workload) words=$(\"${COMP_WORDS[0]}\" list --names 2>/dev/null) ;;\n");
	bash_values(to);
	fprintf(to, "\t--set) words=$(\"${COMP_WORDS[0]}\" show \"${COMP_WORDS[2]}\" --names "
		    "2>/dev/null); compopt -o nospace ;;\n"
		    "\tesac\n\tcase $verb in\n");
	for (int i = 0; i < V_COUNT; i++)
		bash_verb(to, &verb_table[i]);
	fprintf(to, "\tesac\n"
		    "\tif [ -z \"$words\" ] && [[ $cur == -* ]]; then\n\t\twords=$options\n"
		    "\telif [ -z \"$words\" ]; then\n");
	bash_arguments(to);
	fprintf(to, "\tfi\n"
		    "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
		    "complete -F _bench bench\n");
}
