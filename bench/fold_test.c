/* SPDX-License-Identifier: MIT */
#include "fold.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static char *folded(const char *text, int indent)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	fold_lines(f, text, indent);
	fclose(f);
	return out;
}

static void check(const char *text, int indent, const char *want)
{
	char *got = folded(text, indent);

	CHECK_STR(got, want);
	free(got);
}

#define TEN "123456789 "

int main(void)
{
	char *got;

	check("short\n\nlines\n", 4, "short\n\nlines\n");
	check(TEN TEN TEN TEN TEN TEN TEN "1234567890\n", 4,
	      TEN TEN TEN TEN TEN TEN TEN "1234567890\n"); /* 80 exactly */
	check(TEN TEN TEN TEN TEN TEN TEN "12345 7890 more\n", 4,
	      TEN TEN TEN TEN TEN TEN TEN "12345 7890\n    more\n");
	check(TEN TEN TEN TEN TEN TEN TEN "1234567890x more\n", 2,
	      TEN TEN TEN TEN TEN TEN "123456789\n  1234567890x more\n");
	check(TEN TEN TEN TEN TEN TEN TEN "123 567.9 % more\n", 4,
	      TEN TEN TEN TEN TEN TEN TEN "123\n    567.9 % more\n");
	got = folded("label 0123456789012345678901234567890123456789012345678901234567890123456789"
		     "0123456789 end\n", 6);
	CHECK(strstr(got, "0123456789\n      end\n"), "a long word stays whole: %s", got);
	free(got);
	return test_end();
}
