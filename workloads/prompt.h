/* SPDX-License-Identifier: MIT
 *
 * Token ids of the two texts of a run: the negative prompt and the prompt.
 */
#ifndef BENCH_PROMPT_H
#define BENCH_PROMPT_H

#include "clip_text.h"

/* Ids of an invented text, the same in every run: start, some words, end, padding with the end (pad < 0)
 * or with `pad`. `text` numbers the texts; they differ in length and words. */
void prompt_invent(const struct clip_config *m, int text, int32_t pad, int n, int32_t *ids);

#endif
