/* SPDX-License-Identifier: MIT
 *
 * Lines that fit a terminal.
 */
#ifndef BENCH_FOLD_H
#define BENCH_FOLD_H

#include <stdio.h>

/* Prints text; a line of more than 80 columns goes on at column `indent` of the next one, broken at
 * a space. A word without one stays whole. */
void fold_lines(FILE *to, const char *text, int indent);

#endif
