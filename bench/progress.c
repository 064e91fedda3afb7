/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "units.h"

#define BAR           16
#define REDRAW_S      0.1
#define PLAIN_EVERY_S 10.0

void progress_init(struct progress *p, bool quiet)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	bool dumb = !term || strcmp(term, "dumb") == 0;

	*p = (struct progress){ .quiet = quiet, .last_drawn_s = -1e9, .last_line_s = clock_s() };
	p->terminal = !dumb && isatty(STDERR_FILENO);
	p->colour = p->terminal && !(no_color && *no_color);
}

void progress_clear(struct progress *p)
{
	if (p->open)
		fputs("\r\033[K", stderr);
	p->open = false;
}

void progress_say(struct progress *p, const char *fmt, ...)
{
	va_list ap;

	if (p->quiet)
		return;
	progress_clear(p);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	p->last_line_s = clock_s();
}

static int terminal_columns(void)
{
	struct winsize w;
	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

static void draw_bar(struct progress *p, const char *text, double share, const char *left)
{
	char bar[BAR + 1], line[256];
	int full = (int)(share * BAR + 0.5), room = terminal_columns() - BAR - 4;

	for (int i = 0; i < BAR; i++)
		bar[i] = i < full ? '#' : '.';
	bar[BAR] = 0;
	snprintf(line, sizeof line, "%3.0f %%  %s%s%s", 100 * share, text, *left ? "  " : "", left);
	if ((int)strlen(line) > room)
		line[room > 0 ? room : 0] = 0;
	fprintf(stderr, "\r\033[K%s[%s]%s %s", p->colour ? "\033[36m" : "", bar,
		p->colour ? "\033[0m" : "", line);
	fflush(stderr);
	p->open = true;
}

void progress_draw(struct progress *p, const char *text, double done, double total, double left_s)
{
	double now = clock_s(), share = total > 0 && done < total ? done / total : 1;
	char left[64] = "";

	if (p->quiet)
		return;
	if (left_s >= 0)
		snprintf(left, sizeof left, "%s left", text_left(left_s).s);
	if (p->terminal) {
		if (now - p->last_drawn_s < REDRAW_S)
			return;
		p->last_drawn_s = now;
		draw_bar(p, text, share, left);
	} else if (now - p->last_line_s >= PLAIN_EVERY_S) {
		p->last_line_s = now;
		fprintf(stderr, "%3.0f %%  %s%s%s\n", 100 * share, text, *left ? "  " : "", left);
	}
}

void progress_note(void *progress, const char *sentence)
{
	progress_say(progress, "note: %s", sentence);
}
