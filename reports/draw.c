/* SPDX-License-Identifier: MIT
 *
 * A figure's files.
 */
#include <stdlib.h>
#include <string.h>

#include "work.h"

struct output {
	const struct report_options *o;
	FILE *to, *warn;
	struct report_error *e;
};

const char *const *report_venues(void)
{
	return venue_names();
}

/* out_dir/NAME + suffix; owned. */
static char *path_of(const struct output *out, const char *name, const char *suffix)
{
	struct text t;

	text_begin(&t);
	text_add(&t, "%s/%s%s", out->o->out_dir, name, suffix);
	return t.s;
}

static void write_text(const struct output *out, const char *name, const char *suffix,
		       const struct text *t)
{
	char *path = path_of(out, name, suffix);

	if (!out->e->code && !file_write(path, t->s, t->len, out->e))
		fprintf(out->to, "%s\n", path);
	free(path);
}

typedef void write_fn(const struct work *w, struct text *to);

static void write_with(const struct output *out, const struct work *w, const char *suffix,
		       write_fn *write)
{
	struct text t;

	text_begin(&t);
	write(w, &t);
	write_text(out, w->figure.name, suffix, &t);
	text_end(&t);
}

static void write_sql(const struct work *w, struct text *to)
{
	text_add(to, "%s;\n", w->sql);
	if (w->roofs_sql)
		text_add(to, "\n%s;\n", w->roofs_sql);
}

static void write_fingerprint(const struct output *out, const struct work *w)
{
	struct text t;

	text_begin(&t);
	fingerprint_json(w, out->o, &t);
	write_text(out, w->figure.name, ".fingerprint.json", &t);
	text_end(&t);
}

static void write_numbers(const struct output *out, const struct work *w)
{
	char *path = path_of(out, "numbers", ".tex");

	if (!out->e->code && w->d.n_numbers && *w->figure.macro &&
	    !numbers_store(w, &out->o->filter, path, out->e))
		fprintf(out->to, "%s\n", path);
	free(path);
}

/* ---- drawings ----------------------------------------------------------------------------------
 */

static const struct format {
	enum report_format id;
	const char *script, *name, *suffix[2];
} formats[] = {
	{ REPORT_PDF, ".gp", "pdf", { ".pdf" } },
	{ REPORT_SVG, ".gp", "svg", { ".svg" } },
	{ REPORT_PNG, ".gp", "png", { ".png" } },
	{ REPORT_TEX, "-tex.gp", "latex", { "-latex.tex", "-latex.pdf" } },
	{ REPORT_TIKZ, "-tex.gp", "tikz", { "-tikz.tex" } },
};
#define FORMATS (int)(sizeof formats / sizeof *formats)
#define TEX_FORMATS (REPORT_TEX | REPORT_TIKZ)

static void finish_file(const struct output *out, const char *name, const struct format *f, int i)
{
	char *path = path_of(out, name, f->suffix[i]);
	enum report_format as = strstr(f->suffix[i], ".pdf") ? REPORT_PDF : f->id;

	if (!drawing_strip(path, as, out->e))
		fprintf(out->to, "%s\n", path);
	free(path);
}

static void run_format(const struct output *out, const char *name, const struct format *f)
{
	struct text script;
	enum drawn drawn;

	text_begin(&script);
	text_add(&script, "%s%s", name, f->script);
	drawn = gnuplot_run(out->o->out_dir, script.s, f->name, out->e);
	if (drawn == NO_GNUPLOT)
		fprintf(out->warn, "gnuplot is not installed: %s/%s and its data are written, the "
			"%s is not; install gnuplot-nox, then repeat this\n", out->o->out_dir,
			script.s, f->name);
	for (int i = 0; drawn == DRAWN && i < 2 && f->suffix[i]; i++)
		finish_file(out, name, f, i);
	text_end(&script);
}

static void write_drawings(const struct output *out, struct work *w)
{
	const struct report_options *o = out->o;

	write_with(out, w, ".gp", work_script);
	for (int i = 0; i < FORMATS; i++)
		if ((o->formats & formats[i].id & ~(unsigned)TEX_FORMATS) && !out->e->code)
			run_format(out, w->figure.name, &formats[i]);
	if (!(o->formats & TEX_FORMATS))
		return;
	work_draw(w, o->columns, true);
	write_with(out, w, "-tex.gp", work_script);
	for (int i = 0; i < FORMATS; i++)
		if ((o->formats & formats[i].id & TEX_FORMATS) && !out->e->code)
			run_format(out, w->figure.name, &formats[i]);
	work_draw(w, o->columns, false);
}

static void write_all(const struct output *out, struct work *w)
{
	if (machine_count(w) > 1)
		fprintf(out->warn, "figure %s mixes %d machines: --host selects one\n",
			w->figure.name, machine_count(w));
	if (w->left_out)
		fprintf(out->warn, "figure %s leaves out %d setting%s with few points: --with "
			"KEY=VALUE or --workload selects others\n", w->figure.name, w->left_out,
			w->left_out == 1 ? "" : "s");
	write_text(out, w->figure.name, ".dat", &w->d.dat);
	write_with(out, w, ".sql", write_sql);
	write_with(out, w, ".caption.tex", caption_tex);
	write_with(out, w, ".table.tex", table_tex);
	write_fingerprint(out, w);
	write_numbers(out, w);
	write_drawings(out, w);
}

int report_draw(struct db *db, const char *name, const struct report_options *o, FILE *to,
		FILE *warn, struct report_error *e)
{
	const struct venue *venue = venue_find(o->venue);
	struct output out = { o, to, warn, e };
	struct figure f;
	struct work w;

	if (!venue)
		return fail(e, REPORT_USAGE, "there is no venue '%s'", o->venue);
	if (figure_load(&f, name, e) || work_begin(&w, db, &f, &o->filter, venue, o->columns, e))
		return (int)e->code;
	if (!directory_make(o->out_dir, e))
		write_all(&out, &w);
	work_end(&w);
	return (int)e->code;
}
