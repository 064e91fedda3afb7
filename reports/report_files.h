/* SPDX-License-Identifier: MIT
 *
 * For the tests of reports/: a directory that goes away, commands and files.
 */
#ifndef BENCH_REPORT_FILES_H
#define BENCH_REPORT_FILES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char files_dir[] = "/tmp/bench-report-XXXXXX";

/* Makes the directory and goes there. */
static inline void files_begin(void)
{
	if (!mkdtemp(files_dir) || chdir(files_dir)) {
		perror(files_dir);
		exit(1);
	}
}

/* Runs a shell command; its standard output, at most len. Returns the exit status. */
static inline int command(char *out, size_t len, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static inline int command(char *out, size_t len, const char *fmt, ...)
{
	char words[1024];
	va_list ap;
	size_t n;
	FILE *f;
	int status;

	va_start(ap, fmt);
	vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	f = popen(words, "r");
	if (!f)
		return -1;
	n = fread(out, 1, len - 1, f);
	out[n] = 0;
	while (fgetc(f) != EOF)
		;
	status = pclose(f);
	return status;
}

static inline bool has_program(const char *name)
{
	char out[256];
	return command(out, sizeof out, "command -v %s", name) == 0;
}

static inline void files_end(void)
{
	char out[16];

	if (chdir("/"))
		perror("/");
	command(out, sizeof out, "rm -rf %s", files_dir);
}

/* The whole file; owned, "" when there is none. */
static inline char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *s = NULL;
	size_t room = 0;

	if (!f || getdelim(&s, &room, EOF, f) < 0) {
		free(s);
		s = strdup("");
	}
	if (f)
		fclose(f);
	return s;
}

#endif
