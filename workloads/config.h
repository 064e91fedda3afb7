/* SPDX-License-Identifier: MIT
 *
 * Reading Hugging Face configuration files: typed getters over one JSON object.
 *
 * Built-in models and directories go through the same parser. The first complaint is kept in the
 * config's `err` with the file and key; later getters return their fallback, so a parser reads like
 * a list and is checked once at its end. A key that is missing or null counts as absent.
 */
#ifndef BENCH_CONFIG_H
#define BENCH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define CONFIG_LIST_MAX 16 /* levels of a network */

struct json_t;

struct config {
	struct json_t *root; /* an object; NULL after an error */
	char name[512];      /* for messages: the file */
	struct err *err;
};

/* Both leave an unusable config (getters fall back) and set the error when the text is no object.
 */
void config_read(struct config *f, const char *path, struct err *e);
void config_parse(struct config *f, const char *name, const char *text, struct err *e);
void config_close(struct config *f);

/* A whole text file of at most 16 MiB, NUL-terminated, owned by the caller; NULL with the error. */
char *config_read_file(const char *path, size_t *len, struct err *e);

bool config_has(const struct config *f, const char *key);

/* Required: an absent key is refused. */
int64_t config_int(struct config *f, const char *key, int64_t min, int64_t max);
const char *config_text(struct config *f, const char *key); /* "" after an error */

/* Optional: an absent key gives the fallback. */
int64_t config_int_or(struct config *f, const char *key, int64_t min, int64_t max,
		      int64_t fallback);
double config_real_or(struct config *f, const char *key, double fallback);
bool config_bool_or(struct config *f, const char *key, bool fallback);
const char *config_text_or(struct config *f, const char *key, const char *fallback);

/* A token of a tokenizer: a text, or an object with the text as its "content". */
const char *config_token_or(struct config *f, const char *key, const char *fallback);

/* The whole number at `key` if it is in 0..2^31-1, else -1; complains of nothing: for large tables.
 */
int64_t config_index(const struct config *f, const char *key);

/* A list of 1..CONFIG_LIST_MAX values; returns its length, 0 after an error. */
int config_ints(struct config *f, const char *key, int64_t min, int64_t max, int64_t *out);
int config_texts(struct config *f, const char *key, const char **out);

/* One value for all n levels, or a list of n values. */
void config_per_level(struct config *f, const char *key, int64_t min, int64_t max, int n,
		      int64_t fallback, int64_t *out);

/* Refuses with one sentence that names file, key and value: "FILE: key is VALUE; WHY". */
void config_refuse(struct config *f, const char *key, const char *why);

/* Keys that we support with one value only. `value` is JSON text ("null", "false", "\"default\"",
 * "1.0"); absent and null always pass. The list ends with key NULL. */
struct config_fixed {
	const char *key, *value;
};
void config_check_fixed(struct config *f, const struct config_fixed *fixed);

/* Refuses every key with a value other than null and false that is in neither list and does not
 * start with "_": a feature that we do not know of. `known` ends with NULL. */
void config_check_known(struct config *f, const char *const *known,
			const struct config_fixed *fixed);

#endif
