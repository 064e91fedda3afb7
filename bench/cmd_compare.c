/* SPDX-License-Identifier: MIT
 *
 * bench compare: what the words of the command line mean, then compare_live() or compare_stored().
 */
#include <stdlib.h>
#include <string.h>

#include "arm.h"
#include "child_words.h"
#include "compare.h"
#include "effort.h"
#include "options.h"
#include "policy.h"
#include "process.h"
#include "record.h"

/* ---- --vary ------------------------------------------------------------------------------------
 */

struct vary {
	char *key[OPT_MANY + 1];       /* owned */
	char *value[ARMS][OPT_MANY];   /* owned; NULL: KEY alone, without values */
	int n, n_keys;                 /* keys: one more when the specification may follow */
	bool values;
};

/* "dtype" or "dtype=fp32,bf16" */
static int take_vary(struct vary *v, const char *text, struct err *e)
{
	const char *equals = strchr(text, '='), *comma = equals ? strchr(equals, ',') : NULL;
	size_t len = strcspn(text, "=");

	if (!len ||
	    (equals && (!comma || comma == equals + 1 || !comma[1] || strchr(comma + 1, ','))))
		return err_set(e, ERR_USAGE, "--vary is '%.60s': it takes KEY, or KEY=A,B with one "
			       "value for A and one for B", text);
	v->key[v->n] = strndup(text, len);
	if (equals) {
		v->value[ARM_A][v->n] = strndup(equals + 1, (size_t)(comma - equals) - 1);
		v->value[ARM_B][v->n] = strdup(comma + 1);
		v->values = true;
	}
	v->n++;
	return 0;
}

static int take_all_vary(struct vary *v, const struct options *o, struct err *e)
{
	for (int i = 0; i < o->n[OPT_VARY]; i++)
		if (take_vary(v, o->value[OPT_VARY][i], e))
			return -(int)e->code;
	v->n_keys = v->n;
	if (v->values) /* it may follow from the values, as from another model */
		v->key[v->n_keys++] = strdup("spec");
	return 0;
}

/* A key is an option of `bench run` or a setting of the workload. */
static void vary_words(struct words *w, const struct vary *v, int arm)
{
	static const enum opt options[] = { OPT_THREADS, OPT_ISA, OPT_BACKEND, OPT_WEIGHTS };

	for (int i = 0; i < v->n; i++) {
		const char *name = "set", *value = v->value[arm][i];
		char text[512];
		if (!value)
			continue;
		for (size_t k = 0; k < sizeof options / sizeof *options; k++)
			if (strcmp(option_table[options[k]].name, v->key[i]) == 0)
				name = v->key[i];
		if (strcmp(name, "set") == 0) {
			snprintf(text, sizeof text, "%s=%s", v->key[i], value);
			value = words_keep(w, text);
		}
		words_option(w, name, value);
	}
}

static void free_vary(struct vary *v)
{
	for (int i = 0; i < v->n_keys || i < v->n; i++)
		free(v->key[i]);
	for (int i = 0; i < v->n; i++) {
		free(v->value[ARM_A][i]);
		free(v->value[ARM_B][i]);
	}
}

/* ---- the arms ----------------------------------------------------------------------------------
 */

struct job {
	const struct options *o;
	struct arm arm[ARMS];
	struct vary vary;
	struct words words[ARMS], common;
	struct progress progress;
	struct compare c;
};

/* Only read; NULL when there is none yet, and nothing is stored then. */
static struct db *open_to_read(const struct options *o)
{
	struct db *db;

	if (db_open(&db, opt_text(o, OPT_DB), DB_READONLY) == 0)
		return db;
	db_close(db);
	return NULL;
}

static int resolve_arms(struct job *j, struct err *e)
{
	const struct options *o = j->o;
	const char *fallback = j->vary.values ? "this" : ".";
	struct db *db;

	if (!o->n_args && !j->vary.values)
		return err_set(e, ERR_USAGE,
			       "`bench compare` lacks A and B, or --vary KEY=A,B; see "
			       "`bench compare --help`");
	db = open_to_read(o);
	for (int arm = 0; arm < ARMS && !e->code; arm++)
		arm_resolve(&j->arm[arm], arm < o->n_args ? o->arg[arm] : fallback, db,
			    &j->progress, e);
	db_close(db);
	if (!e->code && j->arm[ARM_A].stored != j->arm[ARM_B].stored)
		err_set(e, ERR_USAGE,
			"%.200s is stored and %.200s would be measured now: two times "
			"are no pair; give two of a kind",
			j->arm[j->arm[ARM_A].stored ? ARM_A : ARM_B].shown,
			j->arm[j->arm[ARM_A].stored ? ARM_B : ARM_A].shown);
	if (!e->code && j->arm[ARM_A].stored && j->vary.values)
		err_set(e, ERR_USAGE, "stored runs have the settings that they have: --vary KEY, "
			"without values");
	for (int arm = 0; arm < ARMS; arm++)
		j->c.shown[arm] = j->arm[arm].shown;
	return -(int)e->code;
}

/* "this program, dtype=fp32" */
static void name_differences(struct job *j)
{
	for (int arm = 0; arm < ARMS; arm++)
		for (int i = 0; i < j->vary.n; i++) {
			struct arm *a = &j->arm[arm];
			size_t used = strlen(a->shown);
			if (j->vary.value[arm][i])
				snprintf(a->shown + used, sizeof a->shown - used, ", %s=%s",
					 j->vary.key[i], j->vary.value[arm][i]);
		}
}

static struct fingerprint_rule rule_of(const struct job *j)
{
	const char *a = j->arm[ARM_A].binary, *b = j->arm[ARM_B].binary;

	return (struct fingerprint_rule){
		.vary = (const char *const *)j->vary.key, .n_vary = j->vary.n_keys,
		.builds = !j->arm[ARM_A].stored && strcmp(a, b) != 0 };
}

/* ---- live --------------------------------------------------------------------------------------
 */

static int check_workloads(const struct options *o, struct err *e)
{
	const char *const *name = o->value[OPT_COMPARE_WORKLOAD];
	int n = o->n[OPT_COMPARE_WORKLOAD];

	if (!n)
		return err_set(e, ERR_USAGE, "`bench compare` of programs lacks --workload NAME; "
			       "`bench list` has the names");
	for (int i = 0; i < n; i++)
		for (int k = 0; k < i; k++)
			if (strcmp(name[i], name[k]) == 0)
				return err_set(e, ERR_USAGE, "--workload %.60s is given twice",
					       name[i]);
	return 0;
}

/* As many as the noise demands, where --pairs does not say. */
static int choose_pairs(struct job *j, const struct pairs_plan *plan)
{
	struct effort_row rows[OPT_MANY];
	struct effort_choice choice;

	for (int i = 0; i < plan->n_rows; i++)
		rows[i] = (struct effort_row){ plan->row[i].workload, VERDICT_FLOOR };
	choice = effort_choose(opt_text(j->o, OPT_DB), rows, plan->n_rows, plan->budget_s);
	progress_say(&j->progress, "%s", choice.why);
	return choice.pairs;
}

static int live(struct job *j, struct err *e)
{
	const struct options *o = j->o;
	struct pairs_row rows[OPT_MANY];
	struct pairs_plan plan = { .row = rows, .n_rows = o->n[OPT_COMPARE_WORKLOAD],
				   .rule = rule_of(j), .purpose = "compare",
				   .apart = opt_flag(o, OPT_APART),
				   .db = opt_flag(o, OPT_NO_DB) ? NULL : opt_text(o, OPT_DB),
				   .progress = &j->progress };
	const char *budget = opt_text(o, OPT_BUDGET);
	int pairs;

	if (check_workloads(o, e))
		return -(int)e->code;
	if (budget && parse_duration(budget, &plan.budget_s))
		return err_set(e, ERR_USAGE,
			       "--budget is '%.40s': it takes a time as 90s, 15m or 2h", budget);
	words_from_options(&j->common, o);
	name_differences(j);
	for (int i = 0; i < plan.n_rows; i++) {
		const char *name = o->value[OPT_COMPARE_WORKLOAD][i];
		rows[i] = (struct pairs_row){ name, name, j->common.word };
	}
	for (int arm = 0; arm < ARMS; arm++) {
		const char *binary = j->arm[arm].binary;
		vary_words(&j->words[arm], &j->vary, arm);
		plan.arm[arm] = (struct pairs_arm){ j->arm[arm].shown, *binary ? binary : NULL,
						    j->words[arm].word };
	}
	pairs = opt_given(o, OPT_COMPARE_PAIRS) ? (int)opt_int(o, OPT_COMPARE_PAIRS) :
						  choose_pairs(j, &plan);
	if (pairs < VERDICT_MIN_PAIRS)
		progress_say(&j->progress, "note: %d pairs allow no verdict, %d would", pairs,
			     VERDICT_MIN_PAIRS);
	return compare_live(&j->c, &plan, pairs, e);
}

/* ---- stored ------------------------------------------------------------------------------------
 */

/* A session of its own for the verdicts. A database that cannot be written is no failure here. */
static void record(struct job *j)
{
	char *argv = command_line();
	struct db_session s = { .argv = argv, .purpose = "compare",
				.started_unix_ns = db_now_unix_ns(),
				.ended_unix_ns = db_now_unix_ns(),
				.exit_code = (int)compare_exit(&j->c) };
	struct err e = { 0 };
	struct db *db;

	if (db_open(&db, opt_text(j->o, OPT_DB), 0) || db_put_session(db, &s)) {
		progress_say(&j->progress, "warning: the verdicts are not recorded: %s",
			     db_error(db));
	} else {
		memcpy(j->c.session, s.uuid, sizeof j->c.session);
		if (compare_record(&j->c, db, &e))
			progress_say(&j->progress, "warning: %s", e.msg);
	}
	db_close(db);
	free(argv);
}

static int stored(struct job *j, struct err *e)
{
	const struct compare_ids ids[ARMS] = { { j->arm[ARM_A].run, j->arm[ARM_A].n_runs },
					       { j->arm[ARM_B].run, j->arm[ARM_B].n_runs } };
	struct fingerprint_rule rule = rule_of(j);
	struct db *db;

	if (db_open(&db, opt_text(j->o, OPT_DB), DB_READONLY))
		err_set(e, ERR_DB, "%s", db_error(db));
	else
		compare_stored(&j->c, db, ids, &rule, progress_note, &j->progress, e);
	db_close(db);
	if (!e->code && !opt_flag(j->o, OPT_NO_DB))
		record(j);
	return -(int)e->code;
}

/* ---- the verb ----------------------------------------------------------------------------------
 */

static void show(const struct job *j)
{
	const char *format = opt_text(j->o, OPT_TABLE_FORMAT);

	if (opt_flag(j->o, OPT_JSON))
		compare_json(&j->c, stdout);
	else if (strcmp(format, "csv") == 0)
		compare_csv(&j->c, stdout);
	else if (strcmp(format, "markdown") == 0)
		compare_markdown(&j->c, stdout);
	else if (strcmp(format, "latex") == 0)
		compare_latex(&j->c, stdout);
	else
		compare_text(&j->c, stdout);
}

static bool any_result(const struct compare *c)
{
	for (int i = 0; i < c->n_rows; i++)
		if (c->row[i].n_lines)
			return true;
	return false;
}

/* The sentence of what is wrong with a row; a regression needs no further words. */
static void take_exit(const struct job *j, struct err *e)
{
	enum err_code code = compare_exit(&j->c);

	if (e->code || code == ERR_NONE)
		return;
	for (int i = 0; i < j->c.n_rows; i++)
		if (j->c.row[i].err.code == code)
			err_set(e, code, "%s", j->c.row[i].err.msg);
	err_set(e, code, code == ERR_REGRESSION ? "B is slower than A" :
						  "nothing could be compared");
}

int cmd_compare(const struct options *o, struct err *e)
{
	struct job *j = calloc(1, sizeof *j);

	die_if(!j, "out of memory");
	j->o = o;
	progress_init(&j->progress, opt_flag(o, OPT_QUIET));
	process_catch_signals();
	if (!take_all_vary(&j->vary, o, e) && !resolve_arms(j, e)) {
		j->c.varied = j->vary.n > 0;
		if (j->arm[ARM_A].stored)
			stored(j, e);
		else
			live(j, e);
		if (any_result(&j->c) && (!e->code || e->code == ERR_INTERRUPTED))
			show(j);
		take_exit(j, e);
	}
	for (int arm = 0; arm < ARMS; arm++) {
		arm_free(&j->arm[arm]);
		words_free(&j->words[arm]);
	}
	words_free(&j->common);
	free_vary(&j->vary);
	compare_free(&j->c);
	free(j);
	return -(int)e->code;
}
