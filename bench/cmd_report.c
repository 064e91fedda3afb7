/* SPDX-License-Identifier: MIT
 *
 * bench report: from the command line to reports/.
 */
#include <string.h>
#include <sys/stat.h>

#include "db.h"
#include "options.h"
#include "output.h"
#include "report.h"

static unsigned formats_of(const struct options *o)
{
	static const char *const name[] = { "pdf", "svg", "png", "tex", "tikz" };
	unsigned formats = opt_given(o, OPT_DRAW_AS) ? 0 : REPORT_PDF;

	for (int i = 0; i < o->n[OPT_DRAW_AS]; i++)
		for (int k = 0; k < 5; k++)
			if (strcmp(o->value[OPT_DRAW_AS][i], name[k]) == 0)
				formats |= 1u << k;
	return formats;
}

static struct report_options report_options(const struct options *o)
{
	return (struct report_options){
		.venue = opt_text(o, OPT_VENUE),
		.columns = (int)opt_int(o, OPT_COLS),
		.formats = formats_of(o),
		.out_dir = opt_given(o, OPT_OUT) ? opt_text(o, OPT_OUT) : "figures",
		.filter = { .workload = opt_text(o, OPT_ONLY),
			    .label = opt_text(o, OPT_TAG),
			    .host = opt_text(o, OPT_HOST),
			    .where = opt_text(o, OPT_WHERE),
			    .set = o->value[OPT_WITH],
			    .n_set = o->n[OPT_WITH] },
	};
}

/* Every built-in figure that the database has something for. */
static void draw_all(struct db *db, const struct report_options *r, struct report_error *e)
{
	int drawn = 0;

	for (const char *const *name = report_figures(); *name && !e->code; name++) {
		report_draw(db, *name, r, stdout, stderr, e);
		drawn += !e->code;
		if (e->code == REPORT_EMPTY)
			*e = (struct report_error){ 0 };
	}
	if (!drawn && !e->code) {
		e->code = REPORT_EMPTY;
		snprintf(e->text, sizeof e->text, "%s has nothing that any figure shows: measure "
			 "first, e.g. `bench run sdxl-20steps-mini`", db_path(db));
	}
}

static void report(struct db *db, const struct options *o, struct report_error *e)
{
	struct report_options r = report_options(o);
	const char *name = o->n_args ? o->arg[0] : ".";

	if (opt_flag(o, OPT_CHECK)) {
		report_check(db, name, stdout, stderr, e);
	} else if (strcmp(name, "html") == 0) {
		const char *path = opt_given(o, OPT_OUT) ? opt_text(o, OPT_OUT) : "bench.html";
		if (!report_html(db, path, &r.filter, stderr, e))
			printf("%s\n", path);
	} else if (strcmp(name, "all") == 0) {
		draw_all(db, &r, e);
	} else {
		report_draw(db, name, &r, stdout, stderr, e);
	}
}

/* Refused before anything is drawn. */
static int check_out(const struct options *o, struct err *e)
{
	bool page = o->n_args && strcmp(o->arg[0], "html") == 0;
	const char *path = opt_given(o, OPT_OUT) ? opt_text(o, OPT_OUT) : page ? "bench.html" : ".";
	struct stat st;

	if (opt_flag(o, OPT_CHECK))
		return 0;
	if (page)
		return output_check_file("out", path, OUTPUT_REPLACED, e);
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return err_set(e, ERR_USAGE, "--out %s: is not a directory", path);
	return 0;
}

int cmd_report(const struct options *o, struct err *e)
{
	struct report_error why = { 0 };
	struct db *db;

	if (!o->n_args && !opt_flag(o, OPT_CHECK)) {
		report_list(stdout);
		return 0;
	}
	if (check_out(o, e))
		return -(int)e->code;
	if (db_open(&db, opt_text(o, OPT_DB), DB_READONLY))
		err_set(e, ERR_DB, "%s", db_error(db));
	else
		report(db, o, &why);
	if (why.code)
		err_set(e, (enum err_code)why.code, "%s", why.text);
	db_close(db);
	return -(int)e->code;
}
