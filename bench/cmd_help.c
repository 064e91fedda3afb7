/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "options.h"

int cmd_help(const struct options *o, struct err *e)
{
	const char *names[V_COUNT], *near;

	if (opt_flag(o, OPT_MAN))
		help_man(stdout);
	else if (opt_flag(o, OPT_BASH))
		help_bash(stdout);
	else if (!o->n_args)
		help_overview(stdout);
	if (opt_flag(o, OPT_MAN) || opt_flag(o, OPT_BASH) || !o->n_args)
		return 0;
	for (int i = 0; i < V_COUNT; i++) {
		names[i] = verb_table[i].name;
		if (strcmp(names[i], o->arg[0]) == 0) {
			help_verb(stdout, &verb_table[i], opt_flag(o, OPT_ALL));
			return 0;
		}
	}
	near = nearest_name(o->arg[0], names, V_COUNT);
	return err_set(e, ERR_USAGE, "there is no verb '%.40s'%s%s%s", o->arg[0],
		       near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}
