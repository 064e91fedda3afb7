/* SPDX-License-Identifier: MIT
 *
 * What the user sees while a run goes on: one line that is redrawn on a terminal, now and then a
 * plain line elsewhere, nothing with --quiet. Standard error only.
 */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool quiet, terminal, colour;
	bool open;             /* a line is on the screen that may be redrawn */
	double last_drawn_s, last_line_s;
};

void progress_init(struct progress *p, bool quiet);

/* A plain sentence of its own line. */
void progress_say(struct progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "note: SENTENCE"; `progress` is a struct progress, as callbacks have it. */
void progress_note(void *progress, const char *sentence);

/* `done` of `total` units; `text` says what ("denoise 7/20  13.4 s/step"), `left_s` the time left
 * or a negative number. Redraws are limited to ten a second, plain lines to one in ten seconds. */
void progress_draw(struct progress *p, const char *text, double done, double total, double left_s);

/* Takes the line off the screen. */
void progress_clear(struct progress *p);

#endif
