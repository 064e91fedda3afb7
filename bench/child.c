/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "child.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "turns.h"

#define SELF "/proc/self/exe" /* also after the file was replaced by a new build */

static const char *self_name(void)
{
	static char name[PATH_MAX];
	ssize_t n = *name ? 1 : readlink(SELF, name, sizeof name - 1);

	return n > 0 ? name : "bench";
}

bool child_is_foreign(const char *binary)
{
	struct stat self, other;

	return binary && (stat(SELF, &self) || stat(binary, &other) ||
			  self.st_ino != other.st_ino || self.st_dev != other.st_dev);
}

static int add_words(const char **argv, int n, const char *const *words)
{
	for (; words && *words; words++) {
		die_if(n >= CHILD_WORDS, "a child's command line has more than %d words",
		       CHILD_WORDS);
		argv[n++] = *words;
	}
	return n;
}

static void command_of(const struct child_job *job, struct child_process *c)
{
	const char *const head[] = { job->binary ? job->binary : self_name(), "run",
				     job->workload, NULL };
	const char *const tail[] = { "--json", "--quiet", job->db ? "--db" : "--no-db", job->db,
				     NULL };
	const char *const protocol[] = { "--samples", c->samples, "--warmup", c->warmup, NULL };
	int n = add_words(c->argv, 0, head);

	snprintf(c->samples, sizeof c->samples, "%d", job->samples);
	snprintf(c->warmup, sizeof c->warmup, "%d", job->warmup);
	n = add_words(c->argv, n, job->args);
	n = add_words(c->argv, n, job->more);
	n = add_words(c->argv, n, job->samples > 0 ? protocol : NULL);
	n = add_words(c->argv, n, tail);
	c->argv[n] = NULL;
}

/* ---- what came of it ---------------------------------------------------------------------------
 */

static void parse(struct child_result *r, const struct process_result *p)
{
	const char *uuid;

	if (!p->out_bytes)
		return;
	r->json = json_loadb(p->out, p->out_bytes, JSON_REJECT_DUPLICATES, NULL);
	r->run = json_array_get(json_object_get(r->json, "runs"), 0);
	uuid = json_string_value(json_object_get(r->run, "uuid"));
	snprintf(r->uuid, sizeof r->uuid, "%s", uuid ? uuid : "");
}

static enum err_code code_of(int status)
{
	switch (status) {
	case ERR_USAGE:
	case ERR_INCOMPARABLE:
	case ERR_PARITY:
	case ERR_DB:
	case ERR_SKIPPED:
	case ERR_INTERRUPTED:
		return (enum err_code)status;
	case 128 + SIGTERM:
		return process_interrupted() ? ERR_INTERRUPTED : ERR_FAILED;
	default:
		return ERR_FAILED;
	}
}

/* What it said without the name of the program in front. */
static const char *words_of(struct process_result *p)
{
	const char *words = process_last_words(p);

	return strncmp(words, "bench: ", 7) == 0 ? words + 7 : words;
}

static int explain(const struct child_job *job, const struct child_result *r,
		   struct process_result *p, struct err *e)
{
	const char *who = job->binary ? job->binary : "bench", *words = words_of(p);

	if (p->timed_out)
		return err_set(e, ERR_FAILED,
			       "`%s run %s` did not end within %.0f s and was stopped", who,
			       job->workload, job->timeout_s);
	if (r->status > 128 && r->status != ERR_INTERRUPTED)
		return err_set(e, code_of(r->status),
			       "`%s run %s` was killed by signal %d (%s)%s%s", who, job->workload,
			       r->status - 128, strsignal(r->status - 128), *words ? ": " : "",
			       words);
	if (r->status == ERR_INTERRUPTED && !*words)
		words = "interrupted";
	if (r->status)
		return err_set(e, code_of(r->status), "%s",
			       *words ? words : "a child process failed without a word");
	return 0;
}

/* Status 0 is not enough: the numbers must be there. */
static int check_result(const struct child_job *job, const struct child_result *r, struct err *e)
{
	const char *schema = json_string_value(json_object_get(r->json, "schema"));
	const char *who = job->binary ? job->binary : "bench";

	if (!schema || strncmp(schema, "bench.result/", 13) != 0)
		return err_set(e, ERR_FAILED,
			       "`%s run %s` printed no result in JSON: is it a bench program?",
			       who, job->workload);
	if (strcmp(schema, "bench.result/1") != 0)
		return err_set(e, ERR_FAILED, "`%s run %s` printed %.40s, this program reads "
			       "bench.result/1", who, job->workload, schema);
	if (!json_is_object(r->run))
		return err_set(e, ERR_FAILED, "`%s run %s` measured nothing", who, job->workload);
	return 0;
}

int child_start(struct child_process *c, const struct child_job *job, int turns, struct err *e)
{
	char number[16];
	int rc;

	*c = (struct child_process){ .job = job };
	command_of(job, c);
	c->how = (struct process_job){ .argv = c->argv, .program = job->binary ? NULL : SELF,
				       .directory = job->directory, .timeout_s = job->timeout_s,
				       .keep_out = true, .inherits = turns, .tick = job->tick,
				       .tick_arg = job->tick_arg };
	snprintf(number, sizeof number, "%d", turns);
	if (turns)
		setenv(TURNS_ENV, number, 1);
	rc = process_start(&c->process, &c->how, e);
	unsetenv(TURNS_ENV);
	return rc;
}

int child_finish(struct child_process *c, struct child_result *r, struct err *e)
{
	struct process_result p;

	process_finish(&c->process, &p);
	*r = (struct child_result){ .status = p.status, .seconds = p.seconds };
	parse(r, &p);
	if (!e->code && !explain(c->job, r, &p, e))
		check_result(c->job, r, e);
	process_free(&p);
	return -(int)e->code;
}

int child_run(const struct child_job *job, struct child_result *r, struct err *e)
{
	struct child_process c;

	child_start(&c, job, 0, e);
	process_wait(&c.process, e);
	return child_finish(&c, r, e);
}

void child_free(struct child_result *r)
{
	json_decref(r->json);
	r->json = NULL;
	r->run = NULL;
}
