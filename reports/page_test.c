/* SPDX-License-Identifier: MIT
 *
 * The page of `bench report html`: the same bytes each time, everything escaped, no address to load
 * from. With BENCH_LONG=1 and chromium also in a browser: no error on the console, every table
 * sorts both ways and filters, the theme switches.
 */
#include "report.h"
#include "report_files.h"
#include "report_sample.h"
#include "test.h"

static const char evil[] = "<img src=x onerror=alert(1)>\"'&</script>";

static char *page(struct db *db, const char *path)
{
	struct report_filter all = { 0 };
	struct report_error e = { 0 };

	CHECK(report_html(db, path, &all, stderr, &e) == 0, "%s", e.text);
	return slurp(path);
}

static void test_text(struct db *db, bool gnuplot)
{
	char *a = page(db, "a.html"), *b = page(db, "b.html"), *p;
	int figures = 0;

	CHECK(strcmp(a, b) == 0, "two pages of one database differ");
	CHECK(!strstr(a, "<img"), "a text of the database became an element");
	CHECK(strstr(a, "&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;&lt;/script&gt;"),
	      "the label is missing");
	CHECK(strstr(a, "default-src 'none'"), "no content policy");
	CHECK(!strstr(a, "src=\"") && !strstr(a, "<link") && !strstr(a, "@import") &&
	      !strstr(a, "url(h"), "something is loaded from elsewhere");
	for (p = a; (p = strstr(p, "://")); p += 3) /* names of XML vocabularies load nothing */
		CHECK(strncmp(p - 4, "http://www.w3.org/", 18) == 0, "%.40s", p - 5);
	for (p = a; (p = strstr(p, "<svg role=img")); p++)
		figures++;
	CHECK(!gnuplot || figures >= 10, "%d figures", figures);
	for (p = a; (p = strstr(p, " id='gp")); p++)
		CHECK(false, "an identifier of gnuplot: %.30s", p);
	free(a);
	free(b);
}

/* What a user does, by a script at the end of a copy of the page; findings go to the title. */
static const char script[] =
	"<script>\n"
	"const bad = [];\n"
	"for (const s of document.querySelectorAll('section.data')) {\n"
	"  const t = s.querySelector('table'), heads = t.tHead.rows[0].cells;\n"
	"  for (let c = 0; c < heads.length; c++)\n"
	"    for (const up of [true, false]) {\n"
	"      heads[c].querySelector('button').click();\n"
	"      const want = up ? 'ascending' : 'descending';\n"
	"      if (heads[c].getAttribute('aria-sort') !== want) bad.push(s.id + ' ' + c + ' ' + "
	"want);\n"
	"      const v = Array.from(t.tBodies[0].rows, (r) => r.cells[c].dataset.v)\n"
	"        .filter((x) => x !== undefined).map(Number);\n"
	"      for (let i = 1; i < v.length; i++)\n"
	"        if (up ? v[i] < v[i - 1] : v[i] > v[i - 1]) { bad.push(s.id + ' order ' + c); "
	"break; }\n"
	"    }\n"
	"}\n"
	"const input = document.querySelector('#runs input');\n"
	"const rows = () => document.querySelectorAll('#runs tbody tr:not([hidden])').length;\n"
	"const all = rows();\n"
	"input.value = 'turbo bf16'; input.dispatchEvent(new Event('input'));\n"
	"const few = rows();\n"
	"const before = getComputedStyle(document.body).backgroundColor;\n"
	"document.getElementById('theme').click();\n"
	"if (getComputedStyle(document.body).backgroundColor === before) bad.push('theme');\n"
	"if (document.querySelector('img')) bad.push('injected');\n"
	"if (document.documentElement.scrollWidth > innerWidth) bad.push('wider than the "
	"window');\n"
	"document.title = `RESULT ${bad.length} bad, ${few} of ${all} rows: ${bad.join('; ')}`;\n"
	"</script>\n";

static void test_browser(void)
{
	static char out[1 << 21];
	char *a = slurp("a.html"), *title;
	FILE *f = fopen("test.html", "w");
	int few = 0, all = 0, bad = -1;

	fprintf(f, "%s%s", a, script);
	fclose(f);
	free(a);
	for (int width = 400; width <= 1280; width += 880) {
		command(out, sizeof out,
			"timeout 100 chromium --headless --no-sandbox --disable-gpu "
			"--window-size=%d,900 --enable-logging=stderr --dump-dom "
			"file://$PWD/test.html 2>console.txt",
			width);
		title = strstr(out, "<title>RESULT ");
		CHECK(title && sscanf(title, "<title>RESULT %d bad, %d of %d", &bad, &few, &all) ==
		      3, "no result at width %d: %.300s", width, out);
		CHECK(bad == 0, "%.*s", title ? (int)strcspn(title, "\n") : 0, title);
		CHECK(few == 1 && all > 200, "%d of %d rows pass the filter", few, all);
		command(out, sizeof out, "grep -a CONSOLE console.txt");
		CHECK(!*out, "console: %s", out);
	}
}

int main(void)
{
	struct sample_point p = {
		"sdxl-odd", "fp32", "3333333", evil, "ok", 3, 128, 8, 9000, 0, 1
	};
	bool thorough = getenv("BENCH_LONG") != NULL, browser = has_program("chromium");
	struct db *db;
	char uuid[37];

	files_begin();
	if (db_open(&db, "sample.db", DB_CREATE)) {
		printf("cannot go on: %s\n", db_error(db));
		return 1;
	}
	sample_database(db);
	sample_store(db, &p, uuid);
	test_text(db, has_program("gnuplot"));
	if (thorough && browser)
		test_browser();
	else
		printf("not in a browser: %s\n", browser ? "only with BENCH_LONG=1" :
		       "chromium is not installed");
	db_close(db);
	files_end();
	return test_end();
}
