/* SPDX-License-Identifier: MIT
 *
 * bench gate POLICY: measures base and head on this machine and says by its exit status whether the
 * head may pass.
 */
#include <errno.h>
#include <string.h>

#include "gate_run.h"
#include "options.h"
#include "output.h"

static int write_file(const struct gate *g, const char *path,
		      void (*write)(const struct gate *, FILE *), struct err *e)
{
	FILE *f;

	if (!path)
		return 0;
	f = fopen(path, "w");
	if (f)
		write(g, f);
	if (!f || ferror(f) | fclose(f))
		return err_set(e, ERR_FAILED, "cannot write %s: %s", path, strerror(errno));
	return 0;
}

static void show(const struct gate *g, const struct options *o, struct err *e)
{
	bool json = opt_flag(o, OPT_JSON);

	write_file(g, opt_text(o, OPT_JUNIT), gate_junit, e);
	write_file(g, opt_text(o, OPT_MARKDOWN), gate_markdown, e);
	write_file(g, opt_text(o, OPT_VERDICT_FILE), gate_verdict, e);
	if (json)
		gate_json(g, stdout);
	else
		gate_text(g, stdout);
	if (opt_flag(o, OPT_GITHUB))
		gate_github(g, json ? stderr : stdout);
	if (!json)
		gate_verdict(g, stdout);
}

static void take_options(struct policy *p, struct gate_job *job, const struct options *o)
{
	static const char *const words[] = { "warn", "fail", "pass" };
	const char *inconclusive = opt_text(o, OPT_INCONCLUSIVE);

	job->base = opt_text(o, OPT_BASE);
	job->head = opt_text(o, OPT_HEAD);
	job->db = opt_flag(o, OPT_NO_DB) ? NULL : opt_text(o, OPT_DB);
	job->known = opt_text(o, OPT_DB);
	job->pairs = opt_given(o, OPT_PAIRS) ? (int)opt_int(o, OPT_PAIRS) : 0;
	job->apart = opt_flag(o, OPT_APART);
	job->exact_only = opt_flag(o, OPT_EXACT_ONLY);
	for (int i = 0; inconclusive && i < 3; i++)
		if (strcmp(inconclusive, words[i]) == 0)
			p->inconclusive = (enum inconclusive)i;
}

/* Before an hour of measuring. */
static int check_files(const struct options *o, struct err *e)
{
	static const enum opt file[] = { OPT_JUNIT, OPT_MARKDOWN, OPT_VERDICT_FILE };

	for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
		const char *path = opt_text(o, file[i]);
		if (path && output_check_file(option_table[file[i]].name, path, OUTPUT_IN_PLACE, e))
			return -(int)e->code;
	}
	return 0;
}

/* What the gate found goes before what went wrong when it was shown. */
static int conclude(const struct gate *g, struct err *e)
{
	int code = gate_exit(g);
	struct err gate = { 0 };

	if (!code)
		return -(int)e->code;
	if (*g->note && code == ERR_INCOMPARABLE)
		err_set(&gate, ERR_INCOMPARABLE, "%s", g->note);
	else
		err_set(&gate, (enum err_code)code, "the gate is not passed: %s, %d of %d rows",
			gate_word(g), gate_bad(g), g->n);
	*e = gate;
	return -code;
}

int cmd_gate(const struct options *o, struct err *e)
{
	struct progress progress;
	struct policy policy;
	struct gate g = { .policy = &policy };
	struct gate_job job = { .progress = &progress };
	struct err why = { 0 };

	progress_init(&progress, opt_flag(o, OPT_QUIET));
	if (!policy_read(&policy, o->arg[0], e) && !check_files(o, e)) {
		take_options(&policy, &job, o);
		gate_run(&g, &job, &why);
		if (why.code && why.code != ERR_INCOMPARABLE && !g.judged) {
			*e = why;
		} else {
			snprintf(g.note + strlen(g.note), sizeof g.note - strlen(g.note), "%s",
				 why.msg);
			show(&g, o, e);
			if (g.judged && why.code)
				err_set(e, why.code, "%s", why.msg);
			conclude(&g, e);
		}
	}
	gate_free(&g);
	policy_free(&policy);
	return -(int)e->code;
}
