/* SPDX-License-Identifier: MIT */
#include "style.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TIMES "Times New Roman|Times|TeX Gyre Termes|Nimbus Roman|Liberation Serif|DejaVu Serif"
#define SANS  "DejaVu Sans|Liberation Sans|Nimbus Sans"

static const struct venue venues[] = {
	{ "acm", 3.33, 7.00, "Linux Libertine O|Linux Libertine|Libertinus Serif|" TIMES },
	{ "ieee", 3.49, 7.14, TIMES },
	{ "usenix", 3.33, 7.00, TIMES },
	{ "neurips", 5.50, 5.50, TIMES },
	{ "iclr", 5.50, 5.50, TIMES },
	{ "icml", 3.25, 6.75, TIMES },
	{ "mlsys", 3.25, 6.75, TIMES },
	{ "cvpr", 3.28, 6.88, TIMES },
	{ "screen", 5.00, 7.50, SANS },
};
#define VENUES (int)(sizeof venues / sizeof *venues)

const struct venue *venue_find(const char *name)
{
	for (int i = 0; i < VENUES; i++)
		if (strcmp(venues[i].name, name) == 0)
			return &venues[i];
	return NULL;
}

const char *const *venue_names(void)
{
	static const char *names[VENUES + 1];

	for (int i = 0; i < VENUES; i++)
		names[i] = venues[i].name;
	return names;
}

/* ---- fonts -------------------------------------------------------------------------------------
 */

/* The families that fontconfig lists, one a line, between newlines; "" without fontconfig. */
static const char *installed_fonts(void)
{
	static char list[1 << 18];
	FILE *f;
	size_t n;

	if (*list)
		return list;
	f = popen("fc-list : family 2>/dev/null", "r");
	n = f ? fread(list + 1, 1, sizeof list - 3, f) : 0;
	if (f)
		pclose(f);
	list[0] = '\n';
	list[n + 1] = '\n';
	for (char *p = list; *p; p++)
		if (*p == ',')
			*p = '\n';
	return list;
}

const char *font_choose(const char *fonts)
{
	static char name[128];
	char line[132];

	for (const char *p = fonts; *p;) {
		int n = (int)strcspn(p, "|");
		snprintf(line, sizeof line, "\n%.*s\n", n, p);
		if (strstr(installed_fonts(), line)) {
			snprintf(name, sizeof name, "%.*s", n, p);
			return name;
		}
		p += n + (p[n] == '|');
	}
	snprintf(name, sizeof name, "%.*s", (int)strcspn(fonts, "|"), fonts);
	return name;
}

/* ---- colours -----------------------------------------------------------------------------------
 */

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

const char *line_colour(int i)
{
	static const char *const c[] = { "#0072b2", "#d55e00", "#009e73", "#000000",
					 "#cc79a7", "#56b4e9", "#e69f00" };
	return c[i % COUNT(c)];
}

const char *fill_colour(int i)
{
	static const char *const c[] = { "#56b4e9", "#e69f00", "#009e73",
					 "#cc79a7", "#0072b2", "#d55e00" };
	return c[i % COUNT(c)];
}

int fill_pattern(int i)
{
	static const int p[] = { 0, 4, 1, 5, 2, 6, 7 };
	return p[i % COUNT(p)];
}

int line_dash(int i)
{
	static const int d[] = { 1, 2, 4, 3, 5 };
	return d[i % COUNT(d)];
}

int line_point(int i)
{
	static const int p[] = { 7, 5, 9, 4, 6, 13, 8 };
	return p[i % COUNT(p)];
}

/* ---- numbers -----------------------------------------------------------------------------------
 */

static bool takes_prefix(const char *unit)
{
	static const char *const units[] = { "s", "B", "B/s", "MAC", "FLOP", "FLOP/s", "MAC/s", "J",
					     "W", "Hz", "pixels" };

	for (int i = 0; i < COUNT(units); i++)
		if (strcmp(units[i], unit) == 0)
			return true;
	return false;
}

struct scale scale_for(double largest, const char *unit)
{
	static const struct { double factor; const char *prefix; } steps[] = {
		{ 1e-9, "n" }, { 1e-6, "µ" }, { 1e-3, "m" }, { 1, "" }, { 1e3, "k" },
		{ 1e6, "M" }, { 1e9, "G" }, { 1e12, "T" }, { 1e15, "P" }, { 1e18, "E" },
	};
	int seconds = strcmp(unit, "s") == 0, at = 3;
	struct scale s = { 1, "" };

	snprintf(s.unit, sizeof s.unit, "%s", strcmp(unit, "1") == 0 ? "" : unit);
	if (!takes_prefix(unit) || !isfinite(largest) || largest == 0)
		return s;
	for (int i = seconds ? 0 : 3; i < (seconds ? 4 : COUNT(steps)); i++)
		if (fabs(largest) >= steps[i].factor || i == (seconds ? 0 : 3))
			at = i;
	s.factor = steps[at].factor;
	snprintf(s.unit, sizeof s.unit, "%s%s", steps[at].prefix, unit);
	return s;
}

void number_text(double v, int digits, char *out, size_t len)
{
	int before, decimals;
	char probe[48];

	if (!isfinite(v)) {
		snprintf(out, len, "-");
		return;
	}
	if (v == 0) {
		snprintf(out, len, "0");
		return;
	}
	snprintf(probe, sizeof probe, "%.*e", digits - 1, v); /* rounding may add a digit */
	before = 0;
	sscanf(strchr(probe, 'e') + 1, "%d", &before);
	decimals = digits - 1 - before;
	snprintf(out, len, "%.*f", decimals > 0 ? decimals > 12 ? 12 : decimals : 0, v);
}

int log_tics(double lo, double hi, double *tic, int max)
{
	static const double step[] = { 1, 2, 5 };
	double decades = log10(hi / lo);
	int n = 0, stride = decades > 6 ? 2 : 1;

	if (!(lo > 0) || !(hi > lo))
		return 0;
	for (int d = (int)floor(log10(lo)); d <= (int)ceil(log10(hi)); d++)
		for (int k = 0; k < (decades < 2.2 ? 3 : 1); k++) {
			double v = step[k] * pow(10, d);
			if (v >= lo * (1 - 1e-9) && v <= hi * (1 + 1e-9) && n < max &&
			    d % stride == 0)
				tic[n++] = v;
		}
	return n < 2 ? linear_tics(lo, hi, 4, tic, max) : n;
}

int linear_tics(double lo, double hi, int want, double *tic, int max)
{
	double raw = (hi - lo) / want, unit = pow(10, floor(log10(raw))), step = unit;
	int n = 0;

	if (!(hi > lo))
		return 0;
	if (raw / unit > 5)
		step = 10 * unit;
	else if (raw / unit > 2)
		step = 5 * unit;
	else if (raw / unit > 1)
		step = 2 * unit;
	for (double k = ceil(lo / step - 1e-9); k * step <= hi + 1e-9 * step && n < max; k++)
		tic[n++] = k == 0 ? 0 : k * step; /* no -0 */
	return n;
}

/* Means over the letters of common serif and sans fonts, on the wide side. */
double text_width_pt(const char *s, double pt)
{
	double em = 0;

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if ((c & 0xc0) == 0x80)
			continue; /* the rest of a character */
		em += strchr("iljt.,:;'|!()[] f", c) ? 0.33 : strchr("mwMW@%", c) ? 0.88 :
		      c >= 'A' && c <= 'Z' ? 0.68 : 0.53;
	}
	return em * pt;
}
