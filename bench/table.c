/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

static void take(struct table *t, char *text)
{
	if (t->cells == t->capacity) {
		t->capacity = t->capacity ? 2 * t->capacity : 64;
		t->cell = realloc(t->cell, (size_t)t->capacity * sizeof *t->cell);
	}
	die_if(!text || !t->cell, "out of memory");
	t->cell[t->cells++] = text;
}

void table_begin(struct table *t, const char *columns)
{
	*t = (struct table){ 0 };
	for (const char *p = columns; *p;) {
		size_t n;
		die_if(t->columns == TABLE_COLUMNS, "a table of more than %d columns",
		       TABLE_COLUMNS);
		t->right[t->columns++] = *p == '>';
		p += *p == '>';
		n = strcspn(p, "|");
		take(t, strndup(p, n));
		p += n + (p[n] == '|');
	}
}

void table_add(struct table *t, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	take(t, strdup(text));
}

/* Columns on the screen: bytes that do not continue a UTF-8 character. */
static int text_width(const char *s)
{
	int n = 0;
	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static void print_row(const struct table *t, int row, const int *width, FILE *to)
{
	for (int i = 0; i < t->columns; i++) {
		const char *s = t->cell[row * t->columns + i];
		int pad = width[i] - text_width(s);
		fprintf(to, "%s%*s%s", i ? "  " : "", t->right[i] ? pad : 0, "", s);
		if (!t->right[i] && i + 1 < t->columns)
			fprintf(to, "%*s", pad, "");
	}
	fputc('\n', to);
}

void table_print(const struct table *t, FILE *to, const char *indent)
{
	int width[TABLE_COLUMNS] = { 0 };

	die_if(t->cells % t->columns, "a table whose last row is not full");
	for (int i = 0; i < t->cells; i++) {
		int n = text_width(t->cell[i]);
		width[i % t->columns] = n > width[i % t->columns] ? n : width[i % t->columns];
	}
	for (int row = 0; row < t->cells / t->columns; row++) {
		fputs(indent, to);
		print_row(t, row, width, to);
	}
}

static void print_quoted(const char *s, FILE *to)
{
	if (!strpbrk(s, ",\"\n")) {
		fputs(s, to);
		return;
	}
	fputc('"', to);
	for (; *s; s++)
		fprintf(to, "%s%c", *s == '"' ? "\"" : "", *s);
	fputc('"', to);
}

void table_csv(const struct table *t, FILE *to)
{
	for (int i = 0; i < t->cells; i++) {
		print_quoted(t->cell[i], to);
		fputc((i + 1) % t->columns ? ',' : '\n', to);
	}
}

/* Characters that the format reads are given to it harmless. */
static void print_escaped(const char *s, const char *special, FILE *to)
{
	for (; *s; s++) {
		if (strchr(special, *s))
			fputc('\\', to);
		fputc(*s, to);
	}
}

void table_markdown(const struct table *t, FILE *to)
{
	for (int i = 0; i < t->cells; i++) {
		fputs(i % t->columns ? " | " : "| ", to);
		print_escaped(t->cell[i], "|\\", to);
		if ((i + 1) % t->columns)
			continue;
		fputs(" |\n", to);
		for (int k = 0; i + 1 == t->columns && k < t->columns; k++)
			fprintf(to, "|%s%s", t->right[k] ? "--:" : "---",
				k + 1 == t->columns ? "|\n" : "");
	}
}

/* A value and its unit stay on one line. */
static void print_latex(const char *s, FILE *to)
{
	for (; *s; s++) {
		if (strchr("&%$#_{}", *s))
			fprintf(to, "\\%c", *s);
		else if (*s == '\\')
			fputs("\\textbackslash{}", to);
		else if (*s == '~' || *s == '^')
			fprintf(to, "\\%c{}", *s);
		else
			fputc(*s == ' ' ? '~' : *s, to);
	}
}

void table_latex(const struct table *t, FILE *to)
{
	fputs("\\begin{tabular}{", to);
	for (int i = 0; i < t->columns; i++)
		fputc(t->right[i] ? 'r' : 'l', to);
	fputs("}\n\\toprule\n", to);
	for (int i = 0; i < t->cells; i++) {
		print_latex(t->cell[i], to);
		fputs((i + 1) % t->columns ? " & " : " \\\\\n", to);
		if (i + 1 == t->columns)
			fputs("\\midrule\n", to);
	}
	fputs("\\bottomrule\n\\end{tabular}\n", to);
}

void table_end(struct table *t)
{
	for (int i = 0; i < t->cells; i++)
		free(t->cell[i]);
	free(t->cell);
	*t = (struct table){ 0 };
}
