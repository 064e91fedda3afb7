/* SPDX-License-Identifier: MIT
 *
 * Data files, filters, points with intervals, steps, tics and numbers: everything that needs no
 * gnuplot.
 */
#include "data.h"
#include "figure.h"
#include "kind.h"
#include "report_sample.h"
#include "steps.h"
#include "style.h"
#include "test.h"
#include "work.h"

static void refuses(const char *json, const char *word)
{
	struct report_error e = { 0 };
	struct figure f;

	CHECK_INT(figure_parse(&f, json, "own.json", &e), REPORT_USAGE);
	CHECK(strstr(e.text, word), "says \"%s\", not '%s'", e.text, word);
}

static void test_parse(void)
{
	struct report_error e = { 0 };
	struct figure f;
	const char *const *names = report_figures();
	int n = 0;

	for (; names[n]; n++) {
		CHECK_INT(figure_load(&f, names[n], &e), 0);
		CHECK(*f.title && *f.caption && *f.macro, "%s lacks words", names[n]);
		for (int k = 0; k < n; k++)
			CHECK(strcmp(names[k], names[n]) != 0, "%s twice", names[n]);
		figure_end(&f);
	}
	CHECK(n >= 11, "%d figures", n);
	refuses("{", "line");
	refuses("[]", "object");
	refuses("{\"name\": \"x\", \"kindd\": \"fit\"}", "did you mean kind?");
	refuses("{\"name\": \"x\", \"kind\": \"fit\"}", "lacks its \"sql\"");
	refuses("{\"name\": \"X y\", \"kind\": \"fit\", \"sql\": \"SELECT 1\"}", "\"name\"");
	refuses("{\"name\": \"x\", \"kind\": \"fitt\", \"sql\": \"SELECT 1\"}",
		"did you mean fit?");
	refuses("{\"name\": \"x\", \"kind\": \"fit\", \"sql\": \"SELECT 1\", \"macro\": \"A1\"}",
		"letters only");
	refuses("{\"name\": \"x\", \"kind\": \"fit\", \"sql\": \"SELECT 1\", \"x\": "
		"{\"scale\": \"ln\"}}", "scale");
	CHECK_INT(figure_load(&f, "latency-step", &e), REPORT_USAGE);
	CHECK(strstr(e.text, "did you mean latency-steps?"), "%s", e.text);
}

static void test_filters(struct db *db)
{
	const char *set[] = { "steps=4", "dtype=bf16" }, *bad[] = { "steps" };
	struct report_filter f = { .workload = "it's", .set = set, .n_set = 2 };
	struct report_error e = { 0 };
	char *sql = figure_sql("SELECT count(*) AS n FROM picked", &f, &e);
	struct rows r;

	CHECK(strstr(sql, "'it''s'"), "%s", sql);
	CHECK_INT(rows_query(&r, db, sql, &e), 0);
	CHECK_STR(rows_text(&r, 0, "n"), "0");
	rows_end(&r);
	free(sql);
	f.workload = "sdxl-20steps";
	sql = figure_sql("SELECT count(*) AS n FROM picked", &f, &e);
	rows_query(&r, db, sql, &e);
	CHECK_STR(rows_text(&r, 0, "n"), "7");
	rows_end(&r);
	free(sql);
	f.set = bad;
	f.n_set = 1;
	free(figure_sql("SELECT 1", &f, &e));
	CHECK_INT(e.code, REPORT_USAGE);
}

/* Rows of a table of text, "|" between cells, the first row names. */
static void make_rows(struct rows *r, const char *const *lines)
{
	*r = (struct rows){ 0 };
	r->number = new_array(ROWS_COLUMNS, sizeof *r->number);
	for (int i = 0; lines[i]; i++) {
		char *copy = copy_text(lines[i]), *rest = copy;
		for (int c = 0; rest; c++) {
			char *cell = strsep(&rest, "|");
			if (i == 0) {
				r->name[r->columns++] = copy_text(cell);
				continue;
			}
			if (c == 0)
				r->cell = realloc(r->cell, (size_t)i * (size_t)r->columns *
						  sizeof *r->cell);
			r->cell[(i - 1) * r->columns + c] = *cell ? copy_text(cell) : NULL;
			r->n = i;
		}
		free(copy);
	}
}

static void test_points(void)
{
	static const char *const lines[] = {
		"series|x|y|lo|hi|n", "b|1|10|9|11|30", "b|1|12|9|11|30", "b|1|11|9|11|30",
		"a|2|5|4|6|8", "a|1|7|||3", "a|10|1|||1", "a|3||||", NULL,
	};
	static const char *const seven[] = { "x|y", "1|1", "1|2", "1|3", "1|4", "1|5", "1|6", "1|7",
					     NULL };
	struct figure f = { 0 };
	struct data d;
	struct rows r;
	struct text note;

	make_rows(&r, lines);
	data_of(&d, &r, &f);
	CHECK_INT(d.n, 2);
	CHECK_STR(d.series[0].name, "a");
	CHECK_INT(d.series[0].n, 3);
	CHECK_NEAR(d.series[0].point[2].x, 10, 0);
	CHECK_INT(d.series[0].point[0].whisker, WHISKER_NONE);
	CHECK_INT(d.series[0].point[1].whisker, WHISKER_EXACT);
	CHECK_NEAR(d.series[1].point[0].y, 11, 0);
	CHECK_NEAR(d.series[1].point[0].hi, 12, 0);
	CHECK_INT(d.series[1].point[0].whisker, WHISKER_RANGE);
	text_begin(&note);
	data_note(&d, &note);
	CHECK(strstr(note.s, "1 to 3 processes") && strstr(note.s, "exact 95 %") &&
	      strstr(note.s, "range of the processes"), "%s", note.s);
	text_end(&note);
	data_end(&d);
	rows_end(&r);

	make_rows(&r, seven);
	data_of(&d, &r, &f);
	CHECK_INT(d.series[0].point[0].whisker, WHISKER_EXACT);
	CHECK_NEAR(d.series[0].point[0].lo, 1, 0); /* (1/2)^7 in each tail: 98.4 % */
	CHECK_NEAR(d.series[0].point[0].hi, 7, 0);
	data_end(&d);
	rows_end(&r);
}

static void test_split(void)
{
	static const char *const rows_text_lines[] = {
		"series|x|y|run_id", "bf16|1|1|1", "bf16|2|2|2", "bf16|1|5|3", "bf16|2|6|4",
		"bf16|1|9|5", NULL,
	};
	static const char *const runs_lines[] = {
		"run_id|workload|cpu_model|host_fp|params_json",
		"1|w|cpu|h|{\"steps\":1,\"height\":64,\"width\":64,\"seed\":0}",
		"2|w|cpu|h|{\"steps\":2,\"height\":64,\"width\":64,\"seed\":1}",
		"3|w|cpu|h|{\"steps\":1,\"height\":96,\"width\":96,\"seed\":0}",
		"4|w|cpu|h|{\"steps\":2,\"height\":96,\"width\":96,\"seed\":0}",
		"5|w|cpu|h|{\"steps\":1,\"height\":32,\"width\":32,\"seed\":0}", NULL,
	};
	struct rows r, runs;

	make_rows(&r, rows_text_lines);
	make_rows(&runs, runs_lines);
	CHECK_INT(split_unlike(&r, &runs, "series", true), 1); /* one x at 32x32 */
	CHECK_INT(r.n, 4);
	CHECK_STR(rows_text(&r, 0, "series"), "bf16, 64x64");
	CHECK_STR(rows_text(&r, 3, "series"), "bf16, 96x96");
	rows_end(&r);
	rows_end(&runs);
}

static void test_steps(void)
{
	struct step s[8];
	double v[60];

	for (int i = 0; i < 60; i++)
		v[i] = 1 + 0.004 * wobble(i);
	CHECK_INT(steps_of(v, 60, s, 8), 0);
	for (int i = 25; i < 60; i++)
		v[i] *= i < 40 ? 1.05 : 0.97;
	CHECK_INT(steps_of(v, 60, s, 8), 2);
	CHECK_INT(s[0].at, 25);
	CHECK_INT(s[1].at, 40);
	CHECK_NEAR(s[0].after / s[0].before, 1.05, 0.004);
	CHECK_INT(steps_of(v, 60, s, 1), 1);
	CHECK_INT(steps_of(v, 4, s, 8), 0);
	v[30] *= 3; /* one outlier is no step */
	CHECK_INT(steps_of(v, 60, s, 8), 2);
}

static void test_numbers(void)
{
	double tic[32];
	char t[48];

	number_text(0.41249, 3, t, sizeof t);
	CHECK_STR(t, "0.412");
	number_text(9.996, 3, t, sizeof t);
	CHECK_STR(t, "10.0");
	number_text(-1234.5, 3, t, sizeof t);
	CHECK_STR(t, "-1234");
	number_text(NAN, 3, t, sizeof t);
	CHECK_STR(t, "-");
	CHECK_STR(scale_for(0.012, "s").unit, "ms");
	CHECK_STR(scale_for(1200, "s").unit, "s");
	CHECK_STR(scale_for(3.2e12, "FLOP/s").unit, "TFLOP/s");
	CHECK_STR(scale_for(3.2e12, "images/s").unit, "images/s");
	CHECK_STR(scale_for(5, "1").unit, "");
	CHECK_INT(log_tics(0.9, 120, tic, 32), 7); /* 1 2 5 10 20 50 100 */
	CHECK_INT(log_tics(0.9, 1.2e6, tic, 32), 4); /* every second decade */
	CHECK(log_tics(3, 4.5, tic, 32) >= 2, "an axis needs two tics");
	CHECK_STR(tex_text("a_b 5% & \\x{}"), "a\\_b 5\\% \\& \\textbackslash{}x\\{\\}");
	CHECK_STR(tex_text("<\xc3\x97>"), "$<$\xc3\x97$>$");
	CHECK(fill_pattern(0) != fill_pattern(6) && strcmp(line_colour(0), "#f0e442") != 0,
	      "hatches repeat, or yellow lines");
}

static void test_places(void)
{
	struct place p[4] = { { 50, 50, "first", 0, 0, "", 0, false },
			      { 52, 51, "second", 0, 0, "", 0, false },
			      { 99, 99, "corner", 0, 0, "", 0, false },
			      { 50, 52, "third", 0, 0, "", 0, false } };

	place_labels(p, 4, 100, 100, 8);
	CHECK(p[0].fits && p[2].fits, "room for two");
	CHECK_STR(p[2].align, "right");
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < i; k++)
			CHECK(!p[i].fits || !p[k].fits ||
			      fabs(p[i].label_y_pt - p[k].label_y_pt) >= 8 ||
			      p[i].label_x_pt > p[k].label_x_pt + text_width_pt(p[k].text, 8) ||
			      p[k].label_x_pt > p[i].label_x_pt + text_width_pt(p[i].text, 8),
			      "%s on %s", p[i].text, p[k].text);
}

int main(void)
{
	struct db *db;

	if (db_open(&db, ":memory:", DB_CREATE)) {
		printf("cannot go on: %s\n", db_error(db));
		return 1;
	}
	sample_database(db);
	test_parse();
	test_filters(db);
	test_points();
	test_split();
	test_steps();
	test_numbers();
	test_places();
	db_close(db);
	return test_end();
}
