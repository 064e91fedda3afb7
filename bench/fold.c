/* SPDX-License-Identifier: MIT */
#include "fold.h"

#include <stdbool.h>
#include <string.h>

#define WIDTH 80

/* Bytes of text[0..len) that take at most `room` columns; UTF-8 counts by characters. */
static size_t fitting(const char *text, size_t len, int room)
{
	size_t i = 0;

	for (int columns = 0; i < len; i++) {
		columns += ((unsigned char)text[i] & 0xc0) != 0x80;
		if (columns > room)
			break;
	}
	return i;
}

/* A per cent sign stays with its number. */
static bool may_break(const char *text, size_t at)
{
	return text[at] == ' ' && text[at + 1] != '%';
}

/* Where to break: the last space within the room, but not within the first `from` bytes; else the
 * next space. */
static size_t break_at(const char *text, size_t len, int room, size_t from)
{
	size_t n = fitting(text, len, room), at = n;

	if (n == len)
		return len;
	while (at > from && !may_break(text, at))
		at--;
	if (at > from)
		return at;
	for (at = n; at < len && !may_break(text, at);)
		at++;
	return at;
}

static void fold_line(FILE *to, const char *line, size_t len, int indent)
{
	size_t n = break_at(line, len, WIDTH, (size_t)indent);

	fprintf(to, "%.*s\n", (int)n, line);
	for (line += n, len -= n; len; line += n, len -= n) {
		line++; /* the space */
		if (--len == 0)
			break;
		n = break_at(line, len, WIDTH - indent, 0);
		fprintf(to, "%*s%.*s\n", indent, "", (int)n, line);
	}
}

void fold_lines(FILE *to, const char *text, int indent)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		fold_line(to, text, len, indent);
		text += len + (text[len] == '\n');
	}
}
