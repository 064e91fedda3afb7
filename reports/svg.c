/* SPDX-License-Identifier: MIT */
#include "svg.h"

#include <string.h>

/* Colours as gnuplot writes them, and the page's. */
static const struct {
	const char *from, *to;
} colours[] = {
	{ "\"black\"", "\"currentColor\"" },
	{ "'black'", "'currentColor'" },
	{ "rgb(  0,   0,   0)", "currentColor" },
	{ "rgb(221, 221, 221)", "var(--grid)" },
	{ "rgb(119, 119, 119)", "var(--muted)" },
	{ "rgb( 51,  51,  51)", "var(--edge)" },
	{ "rgb(  0, 114, 178)", "var(--blue)" },
	{ "rgb(255, 255, 255)", "var(--card)" },
};
#define COLOURS (int)(sizeof colours / sizeof *colours)

/* Where an identifier begins: id="x, href="#x, url(#x; the length of what stands before it. */
static size_t before_name(const char *s)
{
	static const char *const marks[] = { " id=\"", " id='", "href=\"#", "href='#", "url(#" };

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (strncmp(s, marks[i], strlen(marks[i])) == 0)
			return strlen(marks[i]);
	return 0;
}

static const char *skip_element(const char *s, const char *open, const char *close)
{
	const char *end = strncmp(s, open, strlen(open)) == 0 ? strstr(s, close) : NULL;
	return end ? end + strlen(close) : s;
}

void svg_inline(const char *svg, const char *title, int n, struct text *to)
{
	const char *s = strstr(svg, "<svg");

	if (!s)
		return;
	text_add(to, "<svg role=img aria-label=\"");
	html_text(to, title);
	text_add(to, "\"");
	for (s += 4; *s;) {
		size_t len = before_name(s);
		int c = 0;
		s = skip_element(s, "<title>", "</title>");
		s = skip_element(s, "<desc>", "</desc>");
		while (c < COLOURS && strncmp(s, colours[c].from, strlen(colours[c].from)) != 0)
			c++;
		if (len) {
			text_add(to, "%.*sf%d-", (int)len, s, n);
			s += len;
		} else if (c < COLOURS) {
			text_add(to, "%s", colours[c].to);
			s += strlen(colours[c].from);
		} else if (*s) {
			text_add(to, "%c", *s++);
		}
	}
}
