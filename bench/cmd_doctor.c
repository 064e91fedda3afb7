/* SPDX-License-Identifier: MIT
 *
 * bench doctor: one line per finding, with the reason and the command where something is not well.
 * It only tells, so its exit status is 0 whatever it finds on the machine; a model directory that
 * no run can use is an error.
 */
#include "doctor.h"
#include "json.h"
#include "options.h"

#define WATCH_S 2.0

static const char *const level_name[] = { "ok", "warn", "bad" };

static void print_text(const struct findings *f)
{
	int count[3] = { 0 };

	for (int i = 0; i < f->n; i++) {
		const struct finding *x = &f->at[i];
		count[x->level]++;
		printf("%-5s %-14s %s\n", level_name[x->level], x->name, x->value);
		if (x->level == FINDING_OK)
			continue;
		if (*x->why)
			printf("%5s %s\n", "", x->why);
		if (*x->mend)
			printf("%5s > %s\n", "", x->mend);
	}
	printf("\n%d ok, %d warn, %d bad\n", count[FINDING_OK], count[FINDING_WARN],
	       count[FINDING_BAD]);
}

static void print_json(const struct findings *f)
{
	json_t *list = json_array();

	for (int i = 0; i < f->n; i++) {
		const struct finding *x = &f->at[i];
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:o}", "name", x->name,
						      "level", level_name[x->level], "value",
						      x->value, "why", x->why, "mend",
						      *x->mend && x->level != FINDING_OK
							      ? json_string(x->mend)
							      : json_null()));
	}
	json_print(json_pack("{s:s,s:o}", "schema", "bench.doctor/1", "findings", list), stdout);
}

static void print(const struct findings *f, const struct options *o)
{
	if (opt_flag(o, OPT_FIX_HINTS))
		doctor_hints(f, stdout);
	else if (opt_flag(o, OPT_JSON))
		print_json(f);
	else
		print_text(f);
}

int cmd_doctor(const struct options *o, struct err *e)
{
	struct findings f = { .n = 0 };
	struct device d;

	if (opt_flag(o, OPT_FIX_HINTS) && (opt_flag(o, OPT_JSON) || opt_given(o, OPT_WEIGHTS)))
		return err_set(e, ERR_USAGE, "--fix-hints prints commands for this machine: it "
			       "goes with neither --json nor --weights");
	if (opt_given(o, OPT_WEIGHTS)) {
		doctor_weights(&f, opt_text(o, OPT_WEIGHTS), e);
		print(&f, o);
		return -(int)e->code;
	}
	if (!device_open(&d, o, e)) {
		doctor_settings(&f, "");
		doctor_resources(&f, &d, opt_text(o, OPT_DB));
		if (!opt_flag(o, OPT_FIX_HINTS)) /* no command mends what watching sees */
			doctor_watch(&f, &d, WATCH_S);
		print(&f, o);
	}
	device_close(&d);
	return -(int)e->code;
}
