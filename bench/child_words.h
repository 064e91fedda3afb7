/* SPDX-License-Identifier: MIT
 *
 * Words of a child's command line: the options that a verb hands on to `bench run`.
 */
#ifndef BENCH_CHILD_WORDS_H
#define BENCH_CHILD_WORDS_H

#include "options.h"

#define WORDS_MAX 96

struct words {
	const char *word[WORDS_MAX + 1]; /* NULL-terminated */
	char *owned[WORDS_MAX];
	int n, n_owned;
};

void words_option(struct words *w, const char *name, const char *value); /* --name value */
const char *words_keep(struct words *w, const char *text);               /* a copy, freed with w */

/* What was given of --set, --weights, --samples and all else that `bench run` has in common with
 * the verbs that start it. */
void words_from_options(struct words *w, const struct options *o);
void words_free(struct words *w);

#endif
