/* SPDX-License-Identifier: MIT
 *
 * The command line: one table of verbs, one table of options. The parser, `--help`, the manual page
 * and the shell completion all derive from them, so nothing is written twice.
 *
 * Precedence: command line, then BENCH_NAME in the environment, then the default of the table.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"

enum verb_id {
	V_RUN,
	V_SWEEP,
	V_TABLE,
	V_LIST,
	V_SHOW,
	V_MACS,
	V_CALIBRATE,
	V_COMPARE,
	V_KERNELS,
	V_DOCTOR,
	V_EVAL,
	V_PROFILE,
	V_DB,
	V_GATE,
	V_PLAN,
	V_SELFTEST,
	V_EXPLAIN,
	V_TREND,
	V_ACK,
	V_REPORT,
	V_HELP,
	V_COUNT
};

enum opt {
	OPT_SET,
	OPT_WEIGHTS,
	OPT_PROMPT,
	OPT_NEGATIVE_PROMPT,
	OPT_LATENTS,
	OPT_SAVE,
	OPT_SAMPLES,
	OPT_WARMUP,
	OPT_STOP,
	OPT_INJECT,
	OPT_PROCESSES,
	OPT_AXIS,
	OPT_WORKLOAD,
	OPT_AGAIN,
	OPT_TABLE_FORMAT,
	OPT_COLUMNS,
	OPT_TRACE,
	OPT_FOLDED,
	OPT_PROBES,
	OPT_COUNTERS,
	OPT_LIST_COUNTERS,
	OPT_BACKEND,
	OPT_ISA,
	OPT_THREADS,
	OPT_BY,
	OPT_DEPTH,
	OPT_QUICK,
	OPT_INPUTS,
	OPT_OUTPUTS,
	OPT_DTYPE,
	OPT_BASE,
	OPT_HEAD,
	OPT_PAIRS,
	OPT_THETA,
	OPT_EFFECT,
	OPT_POWER,
	OPT_SIGMA,
	OPT_PROCESS,
	OPT_SUITES,
	OPT_STAGE,
	OPT_DISTURB,
	OPT_EXACT_ONLY,
	OPT_INCONCLUSIVE,
	OPT_JUNIT,
	OPT_MARKDOWN,
	OPT_VERDICT_FILE,
	OPT_GITHUB,
	OPT_METRIC,
	OPT_REASON,
	OPT_EXPIRES,
	OPT_COMPARE_WORKLOAD,
	OPT_VARY,
	OPT_COMPARE_PAIRS,
	OPT_BUDGET,
	OPT_KERNELS_BUDGET,
	OPT_APART,
	OPT_BLOCKS,
	OPT_DB,
	OPT_NO_DB,
	OPT_TAG,
	OPT_DRY_RUN,
	OPT_JSON,
	OPT_CSV,
	OPT_FORMAT,
	OPT_NAMES,
	OPT_QUIET,
	OPT_VENUE,
	OPT_COLS,
	OPT_DRAW_AS,
	OPT_FIX_HINTS,
	OPT_OUT,
	OPT_CHECK,
	OPT_ONLY,
	OPT_HOST,
	OPT_WITH,
	OPT_WHERE,
	OPT_MAN,
	OPT_BASH,
	OPT_HELP,
	OPT_ALL,
	OPT_COUNT
};

/* ARG_JSON: a flag that may name a file ending in .json, with = or as the next word */
enum arg_type { ARG_FLAG, ARG_INT, ARG_CHOICE, ARG_TEXT, ARG_PATH, ARG_SETTING, ARG_JSON };

struct option_def {
	const char *name; /* without the dashes */
	enum arg_type type;
	const char *arg;      /* what stands for the value in help; NULL: a flag */
	const char *fallback; /* default as text, NULL: not set */
	unsigned verbs;       /* bits of enum verb_id */
	bool env;             /* BENCH_NAME sets it too */
	bool many;            /* may be given several times; otherwise the last one counts */
	int64_t min, max;     /* ARG_INT */
	const char *choices;  /* ARG_CHOICE: "cpu|ref" */
	const char *help;
	const char *brief; /* one line, for help that fits a screen; NULL: only under --all */
};

extern const struct option_def option_table[OPT_COUNT];

#define OPT_MANY 32
#define ARGS_MAX 64

struct options {
	const struct verb *verb;
	const char *value[OPT_COUNT][OPT_MANY];
	int n[OPT_COUNT]; /* 0: not given, not even by the environment */
	const char *arg[ARGS_MAX];
	int n_args;
};

struct verb {
	const char *name, *args, *summary;
	const char *text;     /* paragraphs of the help, lines under 80 columns */
	const char *examples; /* one command and a comment per line */
	int min_args, max_args;
	bool computes; /* wants its threads placed before it starts (threads.h) */
	int (*run)(const struct options *o, struct err *e);
};

extern const struct verb verb_table[V_COUNT];

/* argv as main got it. Unknown verbs, options and values are refused with the nearest name. */
int options_parse(struct options *o, int argc, char **argv, struct err *e);

bool opt_given(const struct options *o, enum opt id);
bool opt_flag(const struct options *o, enum opt id);
const char *opt_text(const struct options *o, enum opt id); /* value, default or NULL */
int64_t opt_int(const struct options *o, enum opt id);      /* the option must have a default */

/* Name of the environment variable of an option: "BENCH_DRY_RUN". */
const char *opt_env_name(const struct option_def *d, char *buf, size_t len);

/* Splits "a|b|c" into names; returns their number. The strings live in buf. */
int split_choices(const char *choices, char *buf, size_t len, const char **names, int max);

/* ---- derived text (help.c) ---------------------------------------------------------------------
 */

void help_overview(FILE *to);

/* All of it when that fits a screen of 24 lines; else only the options that have a `brief`, one
 * line each, unless `all` is wanted. */
void help_verb(FILE *to, const struct verb *v, bool all);
void help_man(FILE *to);
void help_bash(FILE *to);

/* ---- the verbs (cmd_*.c) -----------------------------------------------------------------------
 */

int cmd_run(const struct options *o, struct err *e);
int cmd_sweep(const struct options *o, struct err *e);
int cmd_table(const struct options *o, struct err *e);
int cmd_list(const struct options *o, struct err *e);
int cmd_show(const struct options *o, struct err *e);
int cmd_macs(const struct options *o, struct err *e);
int cmd_calibrate(const struct options *o, struct err *e);
int cmd_compare(const struct options *o, struct err *e);
int cmd_profile(const struct options *o, struct err *e);
int cmd_kernels(const struct options *o, struct err *e);
int cmd_doctor(const struct options *o, struct err *e);
int cmd_eval(const struct options *o, struct err *e);
int cmd_db(const struct options *o, struct err *e);
int cmd_plan(const struct options *o, struct err *e);
int cmd_selftest(const struct options *o, struct err *e);
int cmd_gate(const struct options *o, struct err *e);
int cmd_explain(const struct options *o, struct err *e);
int cmd_trend(const struct options *o, struct err *e);
int cmd_ack(const struct options *o, struct err *e);
int cmd_report(const struct options *o, struct err *e);
int cmd_help(const struct options *o, struct err *e);

#endif
