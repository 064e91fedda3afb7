/* SPDX-License-Identifier: MIT
 *
 * bench: from the command line to a verb. This is the only file that ends the program.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "build_info.h"
#include "options.h"
#include "threads.h"

static void complain(const struct err *e)
{
	fflush(stdout);
	fprintf(stderr, "bench: %s\n", e->msg);
}

/* `bench calibrate WORKLOAD` and `bench run --processes` leave computing to their children, which
 * would inherit the places of this process, and with them the mask of one core. */
static bool computes_here(const struct options *o)
{
	bool noise = o->verb == &verb_table[V_CALIBRATE] && o->n_args;
	bool processes = opt_given(o, OPT_PROCESSES) && !opt_flag(o, OPT_DRY_RUN);

	return o->verb->computes && !noise && !processes;
}

static void run(int argc, char **argv, struct err *e)
{
	struct options o;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("bench %s%s%.12s%s\n", build_info.version,
		       *build_info.git_revision ? " " : "", build_info.git_revision,
		       build_info.git_dirty ? "+" : "");
		return;
	}
	if (options_parse(&o, argc, argv, e))
		return;
	if (opt_flag(&o, OPT_HELP)) {
		help_verb(stdout, o.verb, opt_flag(&o, OPT_ALL));
		return;
	}
	if (computes_here(&o))
		threads_start(&o, argv);
	o.verb->run(&o, e);
}

int main(int argc, char **argv)
{
	struct err e = { 0 };

	signal(SIGCHLD, SIG_DFL); /* ignored by some that start us: waitpid() would find no child */
	run(argc, argv, &e);

	if (e.code)
		complain(&e);
	if (fflush(stdout) && !e.code) {
		err_set(&e, ERR_FAILED, "the result could not be written to standard output");
		complain(&e);
	}
	return (int)e.code;
}
