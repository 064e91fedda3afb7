/* SPDX-License-Identifier: MIT */
#include "axis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "threads.h"

#define KEYS_MAX 8

/* Keys that are options of their own and not settings. */
static const char *const options[] = { "threads", "isa", "backend" };

static int refuse(const char *text, const char *why, struct err *e)
{
	return err_set(e, ERR_USAGE, "--axis is '%.60s': %s; it takes KEY=VALUE,VALUE,... or a "
		       "range such as batch=4-64*2 or steps=10-50+20", text, why);
}

static int add_value(struct axis *a, const char *value, size_t len)
{
	char text[sizeof a->value[0]];

	if (len == 0 || len >= sizeof text || a->n == AXIS_VALUES)
		return -1;
	snprintf(text, sizeof text, "%.*s", (int)len, value);
	if (strcmp(text, "cores") == 0)
		snprintf(text, sizeof text, "%d", threads_default());
	for (int i = 0; i < a->n; i++)
		if (strcmp(a->value[i], text) == 0)
			return 0;
	strcpy(a->value[a->n++], text);
	return 0;
}

static int add_number(struct axis *a, long long v)
{
	char text[32];

	snprintf(text, sizeof text, "%lld", v);
	return add_value(a, text, strlen(text));
}

/* "4-64*2": 1 when it is none, -1 when it is wrong or too long. */
static int add_range(struct axis *a, const char *text)
{
	long long first, last, by, v;
	char end[32], sign, more;
	int cores;

	if (sscanf(text, "%lld-%31[a-z0-9]%c%lld%c", &first, end, &sign, &by, &more) != 4 ||
	    (sign != '*' && sign != '+'))
		return 1;
	cores = strcmp(end, "cores") == 0;
	last = cores ? threads_default() : strtoll(end, NULL, 10);
	if (first < 1 || last < first || by < (sign == '*' ? 2 : 1) || last > 1000000000 ||
	    by > 1000000000)
		return -1;
	for (v = first; v <= last; v = sign == '*' ? v * by : v + by)
		if (add_number(a, v))
			return -1;
	return cores ? add_number(a, last) : 0;
}

static int add_part(struct axis *a, const char *part, size_t len)
{
	char copy[64];
	int rc;

	if (len >= sizeof copy)
		return -1;
	snprintf(copy, sizeof copy, "%.*s", (int)len, part);
	rc = add_range(a, copy);
	return rc > 0 ? add_value(a, copy, len) : rc;
}

static int count(const char *text, char what)
{
	int n = 0;

	for (; *text; text++)
		n += *text == what;
	return n;
}

/* A value for each key, or one for all. */
static int check_parts(const struct axis *a)
{
	int keys = count(a->key, '+');

	for (int i = 0; keys && i < a->n; i++)
		if (count(a->value[i], ':') && count(a->value[i], ':') != keys)
			return -1;
	return keys < KEYS_MAX ? 0 : -1;
}

int axis_parse(struct axis *a, const char *text, struct err *e)
{
	size_t len = strcspn(text, "=");
	const char *p = text + len + 1;

	*a = (struct axis){ 0 };
	if (!text[len] || len == 0 || len >= sizeof a->key)
		return refuse(text, "there is no key with values", e);
	snprintf(a->key, sizeof a->key, "%.*s", (int)len, text);
	for (;; p++) {
		size_t n = strcspn(p, ",");
		if (add_part(a, p, n))
			return refuse(text, "a value is empty, too long, or one of too many", e);
		p += n;
		if (!*p)
			break;
	}
	return check_parts(a) ? refuse(text, "keys and values differ in number", e) : 0;
}

static const char *option_of(const char *key, size_t len)
{
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (strlen(options[i]) == len && strncmp(options[i], key, len) == 0)
			return options[i];
	return NULL;
}

int axis_words(const struct axis *a, int i, const char **words, int n, char *buf, size_t len)
{
	const char *value = a->value[i];
	int together = count(a->key, '+') > 0 && count(value, ':') > 0;

	if (strcmp(a->key, "workload") == 0)
		return n;
	for (const char *key = a->key; *key;) {
		size_t k = strcspn(key, "+"), v = together ? strcspn(value, ":") : strlen(value);
		const char *option = option_of(key, k);
		int used = option ? snprintf(buf, len, "--%s=%.*s", option, (int)v, value)
				  : snprintf(buf, len, "%.*s=%.*s", (int)k, key, (int)v, value);
		die_if(used < 0 || (size_t)used >= len, "no room for an axis");
		if (!option)
			words[n++] = "--set";
		words[n++] = buf;
		buf += used + 1;
		len -= (size_t)used + 1;
		key += k + (key[k] == '+');
		value += together ? v + (value[v] == ':') : 0;
	}
	return n;
}
