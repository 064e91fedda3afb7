/* SPDX-License-Identifier: MIT
 *
 * Every built-in figure, drawn by gnuplot from a synthetic database: the same bytes each time,
 * fonts embedded and none of Type 3, no text on another, axes with units, whiskers, captions; and
 * `--check`. With BENCH_LONG=1 in all venues and formats, otherwise in one.
 */
#include <sqlite3.h>

#include "report.h"
#include "report_files.h"
#include "report_sample.h"
#include "test.h"

#define ALL_FORMATS (REPORT_PDF | REPORT_SVG | REPORT_PNG | REPORT_TEX | REPORT_TIKZ)

static const char workload[] = "sdxl-20steps";
static FILE *nowhere;

static int draw(struct db *db, const char *name, const char *venue, int columns, unsigned formats,
		const char *dir, const char *of)
{
	struct report_options o = { venue, columns, formats, dir, { .workload = of } };
	struct report_error e = { 0 };
	int rc = report_draw(db, name, &o, nowhere, nowhere, &e);

	if (rc && rc != REPORT_EMPTY)
		printf("%s, %s: %s\n", name, venue, e.text);
	return rc;
}

/* The workload of the synthetic database that a figure is about. */
static const char *subject(const char *name)
{
	return strcmp(name, "history") == 0 ? "sdxl-history" :
	       strcmp(name, "pairs") == 0 ? "sdxl-compare" :
	       strcmp(name, "roofline") == 0 ? "sdxl-turbo" : workload;
}

/* ---- what a PDF shows --------------------------------------------------------------------------
 */

struct word {
	double x0, y0, x1, y1;
	char text[64];
};

static int words_of(const char *pdf, struct word *w, int max)
{
	static char out[1 << 18];
	int n = 0;

	command(out, sizeof out, "pdftotext -bbox %s - 2>/dev/null", pdf);
	for (char *p = out; (p = strstr(p, "<word ")) && n < max; p += 6)
		if (sscanf(p, "<word xMin=\"%lf\" yMin=\"%lf\" xMax=\"%lf\" yMax=\"%lf\">%63[^<]",
			   &w[n].x0, &w[n].y0, &w[n].x1, &w[n].y1, w[n].text) == 5)
			n++;
	return n;
}

/* Overlap beyond what ascenders and descenders of a line box take without a mark on paper. */
static bool collide(const struct word *a, const struct word *b)
{
	double w = fmin(a->x1, b->x1) - fmax(a->x0, b->x0);
	double h = fmin(a->y1, b->y1) - fmax(a->y0, b->y0);
	double line = fmin(a->y1 - a->y0, b->y1 - b->y0);

	return w > 0.5 && h > 0.35 * line;
}

static void check_words(const char *pdf, const char *venue)
{
	static struct word w[1000];
	int n = words_of(pdf, w, 1000);
	char size[4096];
	double width = 0, height = 0;
	const char *at;

	command(size, sizeof size, "pdfinfo %s", pdf);
	at = strstr(size, "Page size:");
	CHECK(at && sscanf(at, "Page size: %lf x %lf", &width, &height) == 2, "%s", pdf);
	CHECK(n >= 5, "%s: %d words", pdf, n);
	for (int i = 0; i < n; i++) {
		CHECK(w[i].x0 > -1 && w[i].y0 > -2 && w[i].x1 < width + 1 && w[i].y1 < height + 2,
		      "%s (%s): '%s' is cut at the edge", pdf, venue, w[i].text);
		for (int k = 0; k < i; k++)
			if (collide(&w[i], &w[k]))
				CHECK(false, "%s (%s): '%s' on '%s'", pdf, venue, w[i].text,
				      w[k].text);
	}
}

static void check_fonts(const char *pdf)
{
	char out[4096];
	int fonts = 0;

	command(out, sizeof out, "pdffonts %s | tail -n +3", pdf);
	for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
		fonts++;
		CHECK(!strstr(line, "Type 3"), "%s: %s", pdf, line);
		CHECK(strstr(line, " yes "), "%s: not embedded: %s", pdf, line);
	}
	CHECK(fonts > 0, "%s has no fonts", pdf);
}

/* ---- what a figure says ------------------------------------------------------------------------
 */

static void check_script(const char *name, const char *dir)
{
	char path[256], *gp, *caption, *table;
	bool lanes = strcmp(name, "timeline") == 0;

	snprintf(path, sizeof path, "%s/%s.gp", dir, name);
	gp = slurp(path);
	CHECK(strstr(gp, "set xlabel '") && !strstr(gp, "set xlabel ''"), "%s: x without a label",
	      name);
	CHECK(strstr(gp, "(s)") || strstr(gp, "(ms)") || strstr(gp, "/s)") || strstr(gp, "(%)") ||
	      strstr(gp, "(ratio)"), "%s: no unit on an axis", name);
	CHECK(lanes || strcmp(name, "roofline") == 0 || strstr(gp, "with vectors heads") ||
	      strstr(gp, "filledcurves"), "%s: no interval is drawn", name);
	CHECK(!strstr(gp, "y2") && !strstr(gp, "#f0e442"), "%s: a second y axis, or yellow", name);
	snprintf(path, sizeof path, "%s/%s.caption.tex", dir, name);
	caption = slurp(path);
	CHECK(strstr(caption, "\\caption{") && (strstr(caption, "Synthetic CPU") ||
	      strcmp(name, "selftest") == 0), "%s", caption);
	CHECK(lanes || strstr(caption, "95 \\%") || strcmp(name, "roofline") == 0,
	      "%s: the caption names no interval: %s", name, caption);
	snprintf(path, sizeof path, "%s/%s.table.tex", dir, name);
	table = slurp(path);
	CHECK(strstr(table, "\\toprule") && strstr(table, "\\\\\n\\bottomrule"), "%s", table);
	free(gp);
	free(caption);
	free(table);
}

static void check_same(const char *a, const char *b)
{
	char out[4096];

	CHECK(command(out, sizeof out, "diff -r %s %s", a, b) == 0, "%s", out);
}

static void test_all(struct db *db, const char *venue, int columns, unsigned formats, bool poppler,
		     int times)
{
	char dir[2][64], pdf[256];

	for (int i = 0; i < 2; i++)
		snprintf(dir[i], sizeof dir[i], "%s%d-%d", venue, columns, i);
	for (const char *const *name = report_figures(); *name; name++) {
		for (int i = 0; i < times; i++)
			CHECK_INT(draw(db, *name, venue, columns, formats, dir[i], subject(*name)),
				  0);
		check_script(*name, dir[0]);
		snprintf(pdf, sizeof pdf, "%s/%s.pdf", dir[0], *name);
		if (poppler && formats) {
			check_fonts(pdf);
			check_words(pdf, venue);
		}
	}
	if (times > 1)
		check_same(dir[0], dir[1]);
}

static void test_empty(struct db *db)
{
	for (const char *const *name = report_figures(); *name; name++)
		if (strcmp(*name, "selftest") != 0)
			CHECK_INT(draw(db, *name, "acm", 1, 0, "empty", "nobody"), REPORT_EMPTY);
}

/* The first run and the first self-test that somebody records: what can be drawn of them is, the
 * rest says that there is nothing. */
static void test_sparse(unsigned formats)
{
	struct db_selftest aa = { .uuid = "00000000-0000-4000-d000-000000000001", .kind = "aa",
				  .stage = "total", .n_suites = 300, .n_rows = 1200,
				  .inconclusive = 1200, .at_unix_ns = 1701000000ll * 1000000000 };
	struct sample_point p = { "sdxl-20steps", "bf16", "0000001", NULL, "ok", 8, 512, 8,
				  1, 1, 1 };
	struct db *db;
	char uuid[37];

	CHECK_INT(db_open(&db, "sparse.db", DB_CREATE), 0);
	sample_store(db, &p, uuid);
	sample_check(db, db_put_selftest(db, &aa));
	sample_calibration(db);
	for (const char *const *name = report_figures(); *name; name++) {
		int rc = draw(db, *name, "acm", 1, formats, "sparse", NULL);
		CHECK(!rc || rc == REPORT_EMPTY, "%s: %d", *name, rc);
	}
	CHECK_INT(draw(db, "selftest", "acm", 1, formats, "sparse", NULL), 0);
	db_close(db);
}

/* ---- numbers ----------------------------------------------------------------------------------
 */

static int check_numbers(struct db *db, const char *path, char **said)
{
	struct report_error e = { 0 };
	size_t len;
	FILE *to = open_memstream(said, &len);
	int rc = report_check(db, path, to, nowhere, &e);

	fclose(to);
	return rc;
}

static void change(const char *path, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	CHECK(sqlite3_open(path, &db) == SQLITE_OK && !sqlite3_exec(db, sql, NULL, NULL, &why),
	      "%s", why ? why : path);
	CHECK(sqlite3_changes(db) == 1, "%d rows changed", sqlite3_changes(db));
	sqlite3_close(db);
}

static void test_check(struct db *db)
{
	char *said;

	CHECK_INT(draw(db, "thread-scaling", "acm", 1, 0, "paper", workload), 0);
	CHECK_INT(draw(db, "latency-steps", "acm", 1, 0, "paper", workload), 0);
	CHECK_INT(check_numbers(db, ".", &said), REPORT_OK);
	free(said);
	change("sample.db",
	       "UPDATE summary SET median = 1.02 * median WHERE stage_id = "
	       "(SELECT stage_id FROM stage WHERE name = 'total') AND metric_id = (SELECT "
	       "metric_id "
	       "FROM metric WHERE name = 'latency') AND run_id = (SELECT run_id FROM v_runs WHERE "
	       "threads = 1 AND dtype = 'bf16')");
	CHECK_INT(check_numbers(db, "paper", &said), REPORT_STALE);
	CHECK(strstr(said, "\\benchThreadsBfOneSixFirst: ") && strstr(said, "in paper/numbers.tex"),
	      "%s", said);
	CHECK(!strstr(said, "\\benchStepsBfOneSixSlope: "), "%s", said);
	free(said);
	CHECK_INT(draw(db, "thread-scaling", "acm", 1, 0, "paper", workload), 0);
	CHECK_INT(check_numbers(db, "paper/numbers.tex", &said), REPORT_OK);
	free(said);
	CHECK_INT(check_numbers(db, "sample.db", &said), REPORT_EMPTY);
	free(said);
	CHECK_INT(check_numbers(db, "nowhere", &said), REPORT_USAGE);
	free(said);
}

int main(void)
{
	bool thorough = getenv("BENCH_LONG") != NULL;
	bool gnuplot = has_program("gnuplot"), poppler = has_program("pdftotext");
	struct db *db;

	files_begin();
	nowhere = fopen("/dev/null", "w");
	if (db_open(&db, "sample.db", DB_CREATE)) {
		printf("cannot go on: %s\n", db_error(db));
		return 1;
	}
	sample_database(db);
	if (!gnuplot)
		printf("gnuplot is not installed: no drawing is checked\n");
	else if (!poppler)
		printf("poppler-utils are not installed: fonts and overlaps are not checked\n");
	test_all(db, "acm", 1, !gnuplot ? 0 : thorough ? ALL_FORMATS : REPORT_PDF, poppler, 2);
	for (const char *const *v = report_venues(); *v && thorough && gnuplot; v++)
		for (int columns = 1; columns <= 2; columns++)
			if (strcmp(*v, "acm") != 0 || columns == 2)
				test_all(db, *v, columns, REPORT_PDF, poppler, 1);
	test_empty(db);
	test_check(db);
	test_sparse(gnuplot ? REPORT_PDF : 0);
	db_close(db);
	files_end();
	return test_end();
}
