/* SPDX-License-Identifier: MIT
 *
 * Running gnuplot, and taking the clock out of what it writes.
 */
#define _GNU_SOURCE /* memmem */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work.h"

/* In the child: never comes back. Without the user's start-up file, in the plainest locale. */
static void become(const char *dir, const char *script, const char *format, int output)
{
	char set[64];

	snprintf(set, sizeof set, "format='%s'", format);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("SOURCE_DATE_EPOCH", "0", 1);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	if (chdir(dir))
		_exit(126);
	execlp("gnuplot", "gnuplot", "-d", "-e", set, script, (char *)NULL);
	_exit(errno == ENOENT ? 127 : 126);
}

static void first_words(int fd, char *out, size_t len)
{
	ssize_t n = pread(fd, out, len - 1, 0);

	out[n > 0 ? n : 0] = 0;
	for (char *p = out; *p; p++)
		if (*p == '\n')
			*p = ' ';
}

enum drawn gnuplot_run(const char *dir, const char *script, const char *format,
		       struct report_error *e)
{
	FILE *output = tmpfile();
	char words[400];
	int status = -1;
	pid_t pid;

	if (!output || (pid = fork()) < 0) {
		fail(e, REPORT_FAILED, "gnuplot cannot be started: %s", strerror(errno));
		if (output)
			fclose(output);
		return NOT_DRAWN;
	}
	if (pid == 0)
		become(dir, script, format, fileno(output));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	first_words(fileno(output), words, sizeof words);
	fclose(output);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return NO_GNUPLOT;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return DRAWN;
	fail(e, REPORT_FAILED, "gnuplot failed on %s/%s: %s", dir, script,
	     *words ? words : "it says nothing");
	return NOT_DRAWN;
}

/* ---- the same bytes ----------------------------------------------------------------------------
 */

/* "/CreationDate (D:20261125134254Z)": the digits become zeros, so that no offset moves. */
static void strip_pdf(char *s, size_t len)
{
	static const char key[] = "/CreationDate (D:";

	for (char *p = s; (p = memmem(p, len - (size_t)(p - s), key, sizeof key - 1));)
		for (p += sizeof key - 1; *p && *p != ')'; p++)
			if (isdigit((unsigned char)*p))
				*p = '0';
}

/* The comment line with the date after the one that names gnuplot. */
static size_t strip_tikz(char *s, size_t len)
{
	char *at = strstr(s, "%% generated with GNUPLOT"), *line, *end;

	line = at ? strchr(at, '\n') : NULL;
	if (!line || strncmp(line + 1, "%% ", 3) != 0)
		return len;
	end = line + 1 + strcspn(line + 1, "\n");
	memmove(line, end, len - (size_t)(end - s) + 1);
	return len - (size_t)(end - line);
}

int drawing_strip(const char *path, enum report_format format, struct report_error *e)
{
	size_t len;
	char *s;

	if (format != REPORT_PDF && format != REPORT_TIKZ)
		return 0;
	s = file_read(path, &len, e);
	if (!s)
		return (int)e->code;
	if (format == REPORT_PDF)
		strip_pdf(s, len);
	else
		len = strip_tikz(s, len);
	file_write(path, s, len, e);
	free(s);
	return (int)e->code;
}
