/* SPDX-License-Identifier: MIT
 *
 * An axis of a sweep: a key and the values it takes. Keys are the settings of the workload, and
 * `workload`, `threads`, `isa` and `backend`; a new model or sampler is a new value, nothing more.
 *
 *	steps=10,20,50      a list
 *	batch=4-64*2        4, 8, 16, 32, 64
 *	steps=10-50+20      10, 30, 50
 *	threads=1-cores*2   `cores` are those this process may use, and always the last value
 *	height+width=512,768        two keys that go together, with equal values
 *	height+width=512:768,1024   or a value for each
 */
#ifndef BENCH_AXIS_H
#define BENCH_AXIS_H

#include <stddef.h>

#include "err.h"

#define AXIS_VALUES 64

struct axis {
	char key[64];
	char value[AXIS_VALUES][64];
	int n;
};

int axis_parse(struct axis *a, const char *text, struct err *e);

/* The words that set value i on the command line of `bench run` are put behind words[0..n), except
 * for `workload`; they are made in buf. Returns the new n. */
int axis_words(const struct axis *a, int i, const char **words, int n, char *buf, size_t len);

#endif
