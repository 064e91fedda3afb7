/* SPDX-License-Identifier: MIT */
#include "shell.h"

#include <stdbool.h>
#include <string.h>

static bool needs_quotes(const char *word)
{
	return !*word || word[strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					   "0123456789_-+=./:,@%")];
}

void shell_word(FILE *to, const char *word)
{
	bool quoted = needs_quotes(word);

	fputs(quoted ? "'" : "", to);
	for (const char *c = word; *c; c++)
		fprintf(to, *c == '\'' ? "'\\''" : "%c", *c);
	fputs(quoted ? "'" : "", to);
}
