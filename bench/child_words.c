/* SPDX-License-Identifier: MIT */
#include "child_words.h"

#include <stdlib.h>
#include <string.h>

const char *words_keep(struct words *w, const char *text)
{
	char *copy = strdup(text);

	die_if(!copy, "out of memory");
	die_if(w->n_owned == WORDS_MAX, "more than %d words for a child", WORDS_MAX);
	return w->owned[w->n_owned++] = copy;
}

static void add(struct words *w, const char *word)
{
	die_if(w->n == WORDS_MAX, "more than %d words for a child", WORDS_MAX);
	w->word[w->n++] = word;
	w->word[w->n] = NULL;
}

void words_option(struct words *w, const char *name, const char *value)
{
	char text[72];

	snprintf(text, sizeof text, "--%s", name);
	add(w, words_keep(w, text));
	add(w, value);
}

void words_from_options(struct words *w, const struct options *o)
{
	static const enum opt handed_on[] = { OPT_SET, OPT_WEIGHTS, OPT_SAMPLES, OPT_WARMUP,
					      OPT_STOP, OPT_BACKEND, OPT_ISA, OPT_THREADS,
					      OPT_TAG };

	for (size_t i = 0; i < sizeof handed_on / sizeof *handed_on; i++)
		for (int k = 0; k < o->n[handed_on[i]]; k++)
			words_option(w, option_table[handed_on[i]].name,
				     o->value[handed_on[i]][k]);
}

void words_free(struct words *w)
{
	for (int i = 0; i < w->n_owned; i++)
		free(w->owned[i]);
	*w = (struct words){ .n = 0 };
}
