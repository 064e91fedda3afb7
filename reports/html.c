/* SPDX-License-Identifier: MIT
 *
 * One page about a database: the figures it has data for, and tables of what it holds. Everything
 * is in the file, every text from the database is escaped, and a content policy forbids requests.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "svg.h"
#include "work.h"

extern const char data_page_css[], data_page_js[];

#define ROWS_MAX "2000" /* newest of a table: a page stays light */

static const struct section {
	const char *id, *title, *intro, *sql;
} sections[] = {
	{ "runs", "Runs",
	  "Newest first; latency is the median of the measured samples, with its 95 % "
	  "interval where six samples or more give one.",
	  "SELECT run_id AS run, started_utc AS \"started (UTC)\", workload, status, samples,"
	  " latency_s AS \"latency (s)\", latency_ci_lo_s AS \"from (s)\", latency_ci_hi_s AS \"to "
	  "(s)\","
	  " images_per_s AS \"images/s\", core_macs / 1e9 AS \"core GMAC\", flops / 1e9 AS "
	  "\"GFLOP/s\","
	  " 100 * peak_share AS \"of peak (%)\", peak_mem_bytes / 1e6 AS \"memory (MB)\", dtype, "
	  "threads,"
	  " label, version, substr(git_sha, 1, 10) AS revision, cpu_model AS processor,"
	  " params_json AS settings, status_msg AS message"
	  " FROM runs ORDER BY started_unix_ns DESC LIMIT " ROWS_MAX },
	{ "stages", "Stages and metrics", "One line per run, metric and stage.",
	  "SELECT s.run_id AS run, s.workload, s.stage, s.metric, s.unit, s.n, s.median, s.ci_lo "
	  "AS \"from\","
	  " s.ci_hi AS \"to\", s.min, s.max, s.mad AS MAD, s.p90, s.p99 FROM v_summary s JOIN runs "
	  "r"
	  " USING (run_id) ORDER BY r.started_unix_ns DESC, s.metric, s.stage LIMIT " ROWS_MAX },
	{ "sweeps", "Sweeps", "One line per measured point.",
	  "SELECT x.sweep, x.point, x.replicate, x.axes_json AS axes, x.workload, x.status,"
	  " x.latency_s AS \"latency (s)\", x.latency_ci_lo_s AS \"from (s)\","
	  " x.latency_ci_hi_s AS \"to (s)\", x.core_macs / 1e9 AS \"core GMAC\", x.run_id AS run"
	  " FROM v_sweep x JOIN runs USING (run_id)"
	  " ORDER BY x.sweep_started_unix_ns DESC, x.point, x.replicate LIMIT " ROWS_MAX },
	{ "comparisons", "Comparisons",
	  "Candidate over base: above 1 is slower. MDE is the smallest "
	  "change that would have been found with 95 %.",
	  "SELECT at_utc AS \"at (UTC)\", purpose, row_name AS row, metric, stage, verdict, ratio,"
	  " ci_lo AS \"from\", ci_hi AS \"to\", p, 100 * theta AS \"theta (%)\","
	  " 100 * mde95 AS \"MDE (%)\", n_pairs AS pairs, base_label AS base,"
	  " substr(base_git_sha, 1, 10) AS \"base revision\", substr(cand_git_sha, 1, 10) AS"
	  " \"revision\", reason FROM v_ab ORDER BY at_unix_ns DESC LIMIT " ROWS_MAX },
	{ "calibration", "Calibrations", "Peaks of the machines as measured.",
	  "SELECT at_utc AS \"at (UTC)\", cpu_model AS processor, kind, dtype, isa, threads, best "
	  "/ 1e9 AS"
	  " \"best (G)\", median / 1e9 AS \"median (G)\", worst / 1e9 AS \"worst (G)\", unit, n AS"
	  " blocks, CASE disturbed WHEN 1 THEN 'disturbed' ELSE 'quiet' END AS machine"
	  " FROM v_calibration ORDER BY at_unix_ns DESC LIMIT " ROWS_MAX },
	{ "noise", "Noise", "Spread of equal measurements, as shares.",
	  "SELECT at_utc AS \"at (UTC)\", workload, metric, stage, n_blocks AS blocks,"
	  " 100 * sigma_within AS \"within a process (%)\", 100 * sigma_process AS"
	  " \"between processes (%)\", 100 * sigma_pair AS \"between pairs (%)\", 100 * theta AS"
	  " \"theta (%)\", 100 * mde95 AS \"MDE (%)\", cpu_model AS processor FROM v_noise"
	  " ORDER BY at_unix_ns DESC LIMIT " ROWS_MAX },
	{ "selftests", "Self-tests of the gate",
	  "False alarms where nothing changed, and how many of the "
	  "injected slowdowns were caught.",
	  "SELECT at_utc AS \"at (UTC)\", kind, workload, stage, 100 * effect AS \"effect (%)\","
	  " n_suites AS suites, n_rows AS rows, false_alarms AS \"false alarms\", caught, "
	  "inconclusive,"
	  " naive_false_alarms AS \"false alarms of a threshold\", naive_caught AS"
	  " \"caught by a threshold\" FROM v_selftest ORDER BY at_unix_ns DESC LIMIT " ROWS_MAX },
	{ "acks", "Acknowledged changes", "",
	  "SELECT at_utc AS \"at (UTC)\", workload, metric, stage, reason FROM v_ack"
	  " ORDER BY at_unix_ns DESC LIMIT " ROWS_MAX },
};
#define SECTIONS (int)(sizeof sections / sizeof *sections)

void html_text(struct text *to, const char *s)
{
	for (; *s; s++)
		switch (*s) {
		case '&': text_add(to, "&amp;"); break;
		case '<': text_add(to, "&lt;"); break;
		case '>': text_add(to, "&gt;"); break;
		case '"': text_add(to, "&quot;"); break;
		case '\'': text_add(to, "&#39;"); break;
		default: text_add(to, "%c", *s);
		}
}

/* ---- tables ------------------------------------------------------------------------------------
 */

static const char *cell_class(const char *column, const char *value)
{
	static const char *const good[] = { "ok", "pass", "improve", "quiet", NULL };
	static const char *const bad[] = { "failed", "oom", "timeout", "nan", "killed", "regress",
					   "invalid", "disturbed", NULL };

	if (strcmp(column, "status") != 0 && strcmp(column, "verdict") != 0 &&
	    strcmp(column, "machine") != 0)
		return "";
	for (int i = 0; good[i]; i++)
		if (strcmp(value, good[i]) == 0)
			return " class=good";
	for (int i = 0; bad[i]; i++)
		if (strcmp(value, bad[i]) == 0)
			return " class=bad";
	return "";
}

static void add_cell(struct text *to, const struct rows *r, int row, int column)
{
	const char *s = r->cell[row * r->columns + column];
	char text[48];

	if (!s) {
		text_add(to, "<td%s>–", r->number[column] ? " class=n" : "");
	} else if (r->number[column]) {
		double v = strtod(s, NULL);
		bool whole = v == floor(v) && fabs(v) < 1e15;
		number_text(v, fabs(v) >= 1000 ? 5 : 4, text, sizeof text);
		text_add(to, "<td class=n data-v=\"%s\">%s", s, whole ? s : text);
	} else {
		text_add(to, "<td%s", cell_class(r->name[column], s));
		if (strlen(s) > 40) {
			text_add(to, " title=\"");
			html_text(to, s);
			text_add(to, "\"");
		}
		text_add(to, ">");
		html_text(to, s);
	}
	text_add(to, "</td>");
}

static void add_table(struct text *to, const struct rows *r)
{
	text_add(to, "<table><thead><tr>");
	for (int i = 0; i < r->columns; i++) {
		text_add(to, "<th scope=col%s><button type=button>",
			 r->number[i] ? " class=n" : "");
		html_text(to, r->name[i]);
		text_add(to, "</button></th>");
	}
	text_add(to, "</tr></thead>\n<tbody>\n");
	for (int i = 0; i < r->n; i++) {
		text_add(to, "<tr>");
		for (int k = 0; k < r->columns; k++)
			add_cell(to, r, i, k);
		text_add(to, "</tr>\n");
	}
	text_add(to, "</tbody></table>");
}

static void add_section(struct text *to, const struct section *s, const struct rows *r)
{
	text_add(to, "<section class=data id=%s aria-labelledby=h-%s>\n<h2 id=h-%s>%s</h2>\n"
		 "<p class=intro>%s</p>\n", s->id, s->id, s->id, s->title, s->intro);
	text_add(to, "<div class=tools><label>Filter <input type=search placeholder=\"words\" "
		 "aria-controls=t-%s></label><span class=count aria-live=polite></span></div>\n"
		 "<div class=scroll id=t-%s tabindex=0 role=region aria-labelledby=h-%s>", s->id,
		 s->id, s->id);
	add_table(to, r);
	text_add(to, "</div>\n</section>\n");
}

/* ---- figures -----------------------------------------------------------------------------------
 */

struct page {
	struct db *db;
	const struct report_filter *filter;
	struct report_error *e;
	char dir[64]; /* for gnuplot */
	int n_figures;
	bool no_gnuplot;
	struct text figures, tables, links;
};

static char *in_dir(const struct page *p, const char *name, const char *suffix)
{
	struct text t;

	text_begin(&t);
	text_add(&t, "%s/%s%s", p->dir, name, suffix);
	return t.s;
}

static void add_svg(struct page *p, const struct work *w)
{
	char *path = in_dir(p, w->figure.name, ".svg"), *svg;
	struct text caption;
	size_t len;

	svg = file_read(path, &len, p->e);
	text_begin(&caption);
	caption_text(w, &caption);
	if (svg) {
		text_add(&p->figures, "<figure id=f-%s>\n", w->figure.name);
		svg_inline(svg, w->figure.title, ++p->n_figures, &p->figures);
		text_add(&p->figures, "<figcaption><strong>");
		html_text(&p->figures, w->figure.title);
		text_add(&p->figures, "</strong> ");
		html_text(&p->figures, caption.s);
		text_add(&p->figures, "</figcaption>\n</figure>\n");
	}
	text_end(&caption);
	unlink(path);
	free(path);
	free(svg);
}

static void draw_figure(struct page *p, const struct work *w)
{
	char *gp = in_dir(p, w->figure.name, ".gp"), *dat = in_dir(p, w->figure.name, ".dat");
	struct text script, name;
	enum drawn drawn = NOT_DRAWN;

	text_begin(&script);
	text_begin(&name);
	text_add(&name, "%s.gp", w->figure.name);
	work_script(w, &script);
	if (!file_write(gp, script.s, script.len, p->e) &&
	    !file_write(dat, w->d.dat.s, w->d.dat.len, p->e))
		drawn = gnuplot_run(p->dir, name.s, "svg", p->e);
	p->no_gnuplot |= drawn == NO_GNUPLOT;
	if (drawn == DRAWN)
		add_svg(p, w);
	unlink(gp);
	unlink(dat);
	text_end(&script);
	text_end(&name);
	free(gp);
	free(dat);
}

static void add_figures(struct page *p)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(p->dir, sizeof p->dir, "%.40s/bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(p->dir)) {
		fail(p->e, REPORT_FAILED, "no temporary directory for the figures: set TMPDIR");
		return;
	}
	for (const char *const *name = report_figures(); *name && !p->e->code && !p->no_gnuplot;
	     name++) {
		struct report_error empty = { 0 };
		struct figure f;
		struct work w;
		if (figure_load(&f, *name, p->e))
			break;
		if (work_begin(&w, p->db, &f, p->filter, venue_find("screen"), 1, &empty)) {
			if (empty.code != REPORT_EMPTY)
				*p->e = empty;
			continue;
		}
		draw_figure(p, &w);
		work_end(&w);
	}
	rmdir(p->dir);
}

static void add_tables(struct page *p)
{
	for (int i = 0; i < SECTIONS && !p->e->code; i++) {
		char *sql = figure_sql(sections[i].sql, p->filter, p->e);
		struct rows r;
		if (!p->e->code && !rows_query(&r, p->db, sql, p->e)) {
			if (r.n) {
				add_section(&p->tables, &sections[i], &r);
				text_add(&p->links, "<a href=#%s>%s</a>\n", sections[i].id,
					 sections[i].title);
			}
			rows_end(&r);
		}
		free(sql);
	}
}

/* ---- the page ----------------------------------------------------------------------------------
 */

static void assemble(const struct page *p, struct text *to)
{
	text_add(to, "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
		 "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
		 "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
		 "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>bench: ");
	html_text(to, db_path(p->db));
	text_add(to, "</title>\n<style>\n%s</style>\n</head>\n<body>\n"
		 "<a class=skip href=#main>To the contents</a>\n<header>\n<h1>bench: ",
		 data_page_css);
	html_text(to, db_path(p->db));
	text_add(to, "</h1>\n<button type=button id=theme>Dark</button>\n</header>\n"
		 "<nav aria-label=Sections>\n%s%s</nav>\n<main id=main>\n",
		 p->n_figures ? "<a href=#figures>Figures</a>\n" : "", p->links.s);
	if (p->n_figures)
		text_add(to,
			 "<section id=figures aria-labelledby=h-figures>\n"
			 "<h2 id=h-figures>Figures</h2>\n<div "
			 "class=figures>\n%s</div>\n</section>\n",
			 p->figures.s);
	if (p->no_gnuplot)
		text_add(to, "<p class=intro>Without figures: gnuplot was not installed.</p>\n");
	if (!p->tables.len)
		text_add(to, "<p>This database has no runs that pass the filters.</p>\n");
	text_add(to, "%s</main>\n<script>\n%s</script>\n</body>\n</html>\n", p->tables.s,
		 data_page_js);
}

int report_html(struct db *db, const char *path, const struct report_filter *filter, FILE *warn,
		struct report_error *e)
{
	struct page p = { .db = db, .filter = filter, .e = e };
	struct text page;

	text_begin(&p.figures);
	text_begin(&p.tables);
	text_begin(&p.links);
	text_begin(&page);
	add_figures(&p);
	add_tables(&p);
	if (p.no_gnuplot)
		fprintf(warn, "gnuplot is not installed: the page has tables only; install "
			"gnuplot-nox, then repeat this\n");
	if (!e->code) {
		assemble(&p, &page);
		file_write(path, page.s, page.len, e);
	}
	text_end(&p.figures);
	text_end(&p.tables);
	text_end(&p.links);
	text_end(&page);
	return (int)e->code;
}
