/* SPDX-License-Identifier: MIT
 *
 * Words as a shell would read them again.
 */
#ifndef BENCH_SHELL_H
#define BENCH_SHELL_H

#include <stdio.h>

/* Quoted when it must be. */
void shell_word(FILE *to, const char *word);

#endif
