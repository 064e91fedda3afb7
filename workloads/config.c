/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (16 << 20)

/* ---- opening --------------------------------------------------------------------------------- */

/* Some files hold whole numbers beyond 64 bits ("no limit"); then all numbers are read as reals. */
static void set_root(struct config *f, const char *text, size_t len)
{
	json_error_t why;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);

	if (!root && json_error_code(&why) == json_error_numeric_overflow)
		root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
				  &why);
	if (!root)
		err_set(f->err, ERR_FAILED, "%s is not valid JSON: %s, line %d", f->name, why.text,
			why.line);
	else if (!json_is_object(root))
		err_set(f->err, ERR_FAILED, "%s does not hold a JSON object", f->name);
	if (root && !json_is_object(root)) {
		json_decref(root);
		root = NULL;
	}
	f->root = root;
}

void config_parse(struct config *f, const char *name, const char *text, struct err *e)
{
	*f = (struct config){ .err = e };
	snprintf(f->name, sizeof f->name, "%s", name);
	set_root(f, text, strlen(text));
}

char *config_read_file(const char *path, size_t *len, struct err *e)
{
	FILE *in = fopen(path, "rb");
	char *text = NULL;

	if (!in) {
		err_set(e, ERR_FAILED, "cannot open %s: %m", path);
		return NULL;
	}
	text = malloc(FILE_BYTES_MAX + 1);
	die_if(!text, "out of memory");
	*len = fread(text, 1, FILE_BYTES_MAX + 1, in);
	text[*len <= FILE_BYTES_MAX ? *len : FILE_BYTES_MAX] = 0;
	if (ferror(in) || *len > FILE_BYTES_MAX) {
		err_set(e, ERR_FAILED,
			ferror(in) ? "cannot read %s: %m" :
				     "%s is too large for a configuration file",
			path);
		free(text);
		text = NULL;
	}
	fclose(in);
	return text;
}

void config_read(struct config *f, const char *path, struct err *e)
{
	size_t len;
	char *text = config_read_file(path, &len, e);

	*f = (struct config){ .err = e };
	snprintf(f->name, sizeof f->name, "%s", path);
	if (text)
		set_root(f, text, len);
	free(text);
}

void config_close(struct config *f)
{
	json_decref(f->root);
	f->root = NULL;
}

/* ---- complaints ------------------------------------------------------------------------------ */

static json_t *get(const struct config *f, const char *key)
{
	json_t *v = f->root ? json_object_get(f->root, key) : NULL;
	return json_is_null(v) ? NULL : v;
}

void config_refuse(struct config *f, const char *key, const char *why)
{
	json_t *v = f->root ? json_object_get(f->root, key) : NULL;
	char *text = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	if (v)
		err_set(f->err, ERR_USAGE, "%s: %s is %.80s; %s", f->name, key, text ? text : "?",
			why);
	else
		err_set(f->err, ERR_USAGE, "%s: %s is missing; %s", f->name, key, why);
	free(text);
}

bool config_has(const struct config *f, const char *key)
{
	return get(f, key) != NULL;
}

/* The value of a required key, or NULL with the error set (unless there is an error already). */
static json_t *need(struct config *f, const char *key, const char *what)
{
	json_t *v = get(f, key);

	if (!v && f->root)
		config_refuse(f, key, what);
	return v;
}

/* ---- single values --------------------------------------------------------------------------- */

static int64_t int_of(struct config *f, const char *key, const json_t *v, int64_t min, int64_t max)
{
	char why[96];

	if (json_is_integer(v) && json_integer_value(v) >= min && json_integer_value(v) <= max)
		return json_integer_value(v);
	snprintf(why, sizeof why, "a whole number from %lld to %lld is needed", (long long)min,
		 (long long)max);
	config_refuse(f, key, why);
	return min;
}

int64_t config_int(struct config *f, const char *key, int64_t min, int64_t max)
{
	json_t *v = need(f, key, "a whole number is needed");
	return v ? int_of(f, key, v, min, max) : min;
}

int64_t config_int_or(struct config *f, const char *key, int64_t min, int64_t max, int64_t fallback)
{
	json_t *v = get(f, key);
	return v ? int_of(f, key, v, min, max) : fallback;
}

double config_real_or(struct config *f, const char *key, double fallback)
{
	json_t *v = get(f, key);

	if (json_is_number(v))
		return json_number_value(v);
	if (v)
		config_refuse(f, key, "a number is needed");
	return fallback;
}

bool config_bool_or(struct config *f, const char *key, bool fallback)
{
	json_t *v = get(f, key);

	if (json_is_boolean(v))
		return json_is_true(v);
	if (v)
		config_refuse(f, key, "true or false is needed");
	return fallback;
}

const char *config_text(struct config *f, const char *key)
{
	need(f, key, "a text is needed");
	return config_text_or(f, key, "");
}

const char *config_text_or(struct config *f, const char *key, const char *fallback)
{
	json_t *v = get(f, key);

	if (json_is_string(v))
		return json_string_value(v);
	if (v)
		config_refuse(f, key, "a text is needed");
	return fallback;
}

const char *config_token_or(struct config *f, const char *key, const char *fallback)
{
	json_t *v = get(f, key), *content = json_object_get(v, "content");

	if (json_is_string(content))
		return json_string_value(content);
	return config_text_or(f, key, fallback);
}

int64_t config_index(const struct config *f, const char *key)
{
	json_t *v = get(f, key);
	int64_t i = json_integer_value(v); /* 0 for what is no integer */

	return json_is_integer(v) && i >= 0 && i <= INT32_MAX ? i : -1;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static int list_length(struct config *f, const char *key, const json_t *v)
{
	size_t n = json_array_size(v);

	if (!v)
		return 0;
	if (json_is_array(v) && n >= 1 && n <= CONFIG_LIST_MAX)
		return (int)n;
	config_refuse(f, key, "a list of 1 to 16 values is needed");
	return 0;
}

int config_ints(struct config *f, const char *key, int64_t min, int64_t max, int64_t *out)
{
	json_t *v = need(f, key, "a list of whole numbers is needed");
	int n = list_length(f, key, v);

	for (int i = 0; i < n; i++)
		out[i] = int_of(f, key, json_array_get(v, (size_t)i), min, max);
	return n;
}

int config_texts(struct config *f, const char *key, const char **out)
{
	json_t *v = need(f, key, "a list of texts is needed");
	int n = list_length(f, key, v);

	for (int i = 0; i < n; i++) {
		out[i] = json_string_value(json_array_get(v, (size_t)i));
		if (!out[i]) {
			config_refuse(f, key, "a list of texts is needed");
			return 0;
		}
	}
	return n;
}

void config_per_level(struct config *f, const char *key, int64_t min, int64_t max, int n,
		      int64_t fallback, int64_t *out)
{
	json_t *v = get(f, key);
	char why[64];

	if (json_is_array(v) && json_array_size(v) != (size_t)n) {
		snprintf(why, sizeof why, "one value or a list of %d is needed", n);
		config_refuse(f, key, why);
		v = NULL;
	}
	for (int i = 0; i < n; i++) {
		json_t *item = json_is_array(v) ? json_array_get(v, (size_t)i) : v;
		out[i] = item ? int_of(f, key, item, min, max) : fallback;
	}
}

/* ---- what we do not support ------------------------------------------------------------------ */

/* Numbers are compared as numbers: 1 and 1.0 are the same setting. */
static bool same_value(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	return json_equal(a, b);
}

void config_check_fixed(struct config *f, const struct config_fixed *fixed)
{
	for (; fixed->key; fixed++) {
		json_t *v = get(f, fixed->key);
		json_t *want = json_loads(fixed->value, JSON_DECODE_ANY, NULL);
		char why[96];

		die_if(!want, "%s is not JSON", fixed->value);
		if (v && !same_value(v, want)) {
			snprintf(why, sizeof why, "only %s is supported", fixed->value);
			config_refuse(f, fixed->key, why);
		}
		json_decref(want);
	}
}

static bool listed(const char *key, const char *const *known, const struct config_fixed *fixed)
{
	for (; *known; known++)
		if (strcmp(key, *known) == 0)
			return true;
	for (; fixed->key; fixed++)
		if (strcmp(key, fixed->key) == 0)
			return true;
	return *key == '_';
}

void config_check_known(struct config *f, const char *const *known,
			const struct config_fixed *fixed)
{
	const char *key;
	json_t *v;

	if (!f->root)
		return;
	json_object_foreach(f->root, key, v) if (!json_is_null(v) && !json_is_false(v) &&
						 !listed(key, known, fixed))
		config_refuse(f, key,
			      "this key is not known, so the model may differ from what "
			      "its file describes");
}
