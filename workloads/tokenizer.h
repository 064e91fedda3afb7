/* SPDX-License-Identifier: MIT
 *
 * The tokenizer of CLIP (Radford et al. 2021): byte-pair encoding (Sennrich et al. 2016) on bytes.
 *
 *   text   start, end, unknown and padding tokens stand for themselves where they are written; the
 *          rest: NFC, every run of white space to one space, lower case
 *   words  's 't 're 've 'm 'll 'd | letters | one digit | a run of anything else but space
 *   word   its UTF-8 bytes, each written as one printable character, the last with "</w>";
 *          then the pair that comes first in merges.txt is joined, again and again
 *   ids    start, words, end, padding to the wanted length; what does not fit is cut off
 *
 * How to test: tokenizer_test.c, golden ids of the reference tokenizer.
 */
#ifndef BENCH_TOKENIZER_H
#define BENCH_TOKENIZER_H

#include <stdint.h>

#include "err.h"

struct tokenizer;

/* Reads vocab.json, merges.txt and, if they are there, tokenizer_config.json and
 * special_tokens_map.json of the directory. */
int tokenizer_open(struct tokenizer **t, const char *dir, struct err *e);
void tokenizer_close(struct tokenizer *t); /* NULL is fine */

/* Tokens per text that its files ask for; `fallback` if they do not say. */
int tokenizer_length(const struct tokenizer *t, int fallback);

#define TOKENIZER_BYTES_MAX 8192 /* of a text; a model takes some 400 */

/* Writes exactly n >= 2 ids. Refuses text that is not UTF-8 or too long. */
int tokenizer_encode(const struct tokenizer *t, const char *text, int n, int32_t *ids,
		     struct err *e);

#endif
