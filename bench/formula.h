/* SPDX-License-Identifier: MIT
 *
 * Arithmetic in data files: numbers, names, + - * / and parentheses.
 */
#ifndef BENCH_FORMULA_H
#define BENCH_FORMULA_H

#include <stdbool.h>

/* Value of a name of `len` characters; false: there is no such name. */
typedef bool formula_lookup(void *arg, const char *name, int len, double *value);

/* 0, or the 1-based column where the text is wrong: what is there is no formula, or a name that
 * lookup() does not know. Division by zero gives what IEEE 754 gives. */
int formula_eval(const char *text, formula_lookup *lookup, void *arg, double *value);

#endif
