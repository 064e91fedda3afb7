/* SPDX-License-Identifier: MIT
 *
 * bench sweep: a preset or an ad-hoc product of axes; every point by processes of its own.
 */
#include <stdlib.h>

#include "json.h"
#include "sweep.h"
#include "table.h"
#include "units.h"

static void plan_row(struct table *t, const struct sweep *s, int i)
{
	const struct sweep_point *p = &s->point[i];
	int n = sweep_wanted(s, p);
	char text[256];

	sweep_point_text(s, i, text, sizeof text);
	table_add(t, "%s", text);
	table_add(t, "%s", text_si((double)p->macs, "").s);
	table_add(t, "%s", text_bytes((double)p->memory_bytes).s);
	table_add(t, "%d", n);
	table_add(t, "%s", p->process_s > 0 ? text_left(n * p->process_s).s : "-");
}

static void print_commands(const struct sweep *s, FILE *to)
{
	for (int i = 0; i < s->n; i++) {
		sweep_command(&s->point[i], to);
		fputc('\n', to);
	}
}

static void print_plan(const struct sweep *s)
{
	double left = sweep_left(s);
	struct table t;

	printf("%s: %d points\n\n", s->spec.name, s->n);
	table_begin(&t, "point|>MACs|>memory|>processes|>time");
	for (int i = 0; i < s->n; i++)
		plan_row(&t, s, i);
	table_print(&t, stdout, "");
	table_end(&t);
	if (left >= 0)
		printf("\nabout %s; nothing was run\n", text_left(left).s);
	else
		printf("\ntime unknown: `bench calibrate` lets it be predicted; nothing was run\n");
	printf("\n");
	print_commands(s, stdout);
}

static json_t *plan_json(const struct sweep *s)
{
	json_t *points = json_array();
	double left = sweep_left(s);

	for (int i = 0; i < s->n; i++) {
		const struct sweep_point *p = &s->point[i];
		char *command = NULL;
		size_t len;
		FILE *f = open_memstream(&command, &len);
		die_if(!f, "out of memory");
		sweep_command(p, f);
		fclose(f);
		json_array_append_new(
			points, json_pack("{s:i,s:o,s:I,s:I,s:i,s:o,s:s}", "point", i, "axes",
					  json_loads(p->axes, 0, NULL), "core_macs",
					  (json_int_t)p->macs, "memory_bytes",
					  (json_int_t)p->memory_bytes, "processes",
					  sweep_wanted(s, p), "process_s",
					  p->process_s > 0 ? json_number(p->process_s)
							   : json_null(),
					  "command", command));
		free(command);
	}
	return json_pack("{s:s,s:s,s:o,s:o}", "schema", "bench.sweep-plan/1", "name", s->spec.name,
			 "time_s", left >= 0 ? json_number(left) : json_null(), "points", points);
}

static void show_plan(const struct sweep *s, const struct options *o)
{
	if (opt_flag(o, OPT_JSON))
		json_print(plan_json(s), stdout);
	else
		print_plan(s);
}

static void show_result(struct sweep *s, const struct options *o, struct err *e)
{
	struct err shown = { 0 };

	if (opt_flag(o, OPT_JSON)) {
		json_print(sweep_json(s->db, s->uuid, &shown), stdout);
	} else {
		sweep_print(s->db, s->uuid, FORMAT_TEXT, NULL, &shown);
		printf("\neach point again:\n");
		print_commands(s, stdout);
		printf("\nsweep %.8s in %s: %d processes measured, %d taken over, %d failed\n",
		       s->uuid, s->db_path, s->measured, s->taken, s->failed);
	}
	if (!e->code)
		*e = shown;
}

static void announce(const struct sweep *s)
{
	double left = sweep_left(s);

	if (left > 5)
		progress_say((struct progress *)&s->progress, "%s: %d points, about %s",
			     s->spec.name, s->n, text_left(left).s);
}

static int measure(struct sweep *s, const struct options *o, struct err *e)
{
	if (sweep_resume(s, opt_flag(o, OPT_AGAIN), e))
		return -(int)e->code;
	announce(s);
	sweep_run(s, e);
	show_result(s, o, e);
	if (!e->code && s->failed)
		err_set(e, ERR_FAILED, "%d of %d points failed; the others are recorded", s->failed,
			s->n);
	return -(int)e->code;
}

/* With the calibration of an existing database, when there is one. */
static int plan(struct sweep *s, struct err *e)
{
	if (db_open(&s->db, s->db_path, DB_READONLY)) {
		db_close(s->db);
		s->db = NULL;
	}
	sweep_plan(s, e);
	db_close(s->db);
	s->db = NULL;
	return -(int)e->code;
}

int cmd_sweep(const struct options *o, struct err *e)
{
	struct sweep *s = calloc(1, sizeof *s);

	die_if(!s, "out of memory");
	s->db_path = opt_text(o, OPT_DB);
	progress_init(&s->progress, opt_flag(o, OPT_QUIET));
	if (!sweep_spec_read(&s->spec, o, e) && !plan(s, e)) {
		if (opt_flag(o, OPT_DRY_RUN))
			show_plan(s, o);
		else if (db_open(&s->db, s->db_path, DB_CREATE))
			err_set(e, ERR_DB, "%s", db_error(s->db));
		else
			measure(s, o, e);
	}
	db_close(s->db);
	sweep_free(s);
	free(s);
	return -(int)e->code;
}
