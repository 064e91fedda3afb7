/* SPDX-License-Identifier: MIT
 *
 * Named settings of a workload. A value is kept as canonical text ("020" becomes "20", "8.0"
 * becomes "8"), so that equal settings have equal text, equal hashes and equal rows in the
 * database.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload.h"

static int find(const struct settings *s, const char *key)
{
	for (int i = 0; i < s->n; i++)
		if (strcmp(s->def[i].key, key) == 0)
			return i;
	return -1;
}

static int refuse_unknown(const struct settings *s, const char *key, struct err *e)
{
	const char *names[SETTINGS_MAX], *near;

	for (int i = 0; i < s->n; i++)
		names[i] = s->def[i].key;
	near = nearest_name(key, names, s->n);
	if (near)
		return err_set(e, ERR_USAGE, "there is no setting \"%s\"; did you mean \"%s\"?",
			       key, near);
	return err_set(e, ERR_USAGE,
		       "there is no setting \"%s\"; `bench show` lists the settings of a "
		       "workload",
		       key);
}

static int parse_int(const struct setting_def *d, const char *value, char *out, size_t len,
		     struct err *e)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(value, &end, 10);
	if (end == value || *end || errno)
		return err_set(e, ERR_USAGE, "%s=%s: not a whole number", d->key, value);
	if ((double)v < d->min || (double)v > d->max)
		return err_set(e, ERR_USAGE, "%s=%s: must lie between %.0f and %.0f", d->key, value,
			       d->min, d->max);
	if (d->multiple && v % d->multiple)
		return err_set(e, ERR_USAGE, "%s=%s: must be a multiple of %lld, such as %lld",
			       d->key, value, (long long)d->multiple,
			       (long long)((v / d->multiple + 1) * d->multiple));
	snprintf(out, len, "%lld", v);
	return 0;
}

static int parse_real(const struct setting_def *d, const char *value, char *out, size_t len,
		      struct err *e)
{
	char *end;
	double v = strtod(value, &end);

	if (end == value || *end || !isfinite(v))
		return err_set(e, ERR_USAGE, "%s=%s: not a number", d->key, value);
	if (v < d->min || v > d->max)
		return err_set(e, ERR_USAGE, "%s=%s: must lie between %g and %g", d->key, value,
			       d->min, d->max);
	for (int digits = 1; digits <= 17; digits++) { /* the shortest text that reads back as v */
		snprintf(out, len, "%.*g", digits, v);
		if (strtod(out, NULL) == v)
			break;
	}
	return 0;
}

#define CHOICES_MAX 16

static int parse_choice(const struct setting_def *d, const char *value, struct err *e)
{
	char list[256], *names[CHOICES_MAX], *rest;
	const char *near;
	int n = 0;

	snprintf(list, sizeof list, "%s", d->choices);
	for (char *t = strtok_r(list, "|", &rest); t && n < CHOICES_MAX;
	     t = strtok_r(NULL, "|", &rest)) {
		if (strcmp(t, value) == 0)
			return 0;
		names[n++] = t;
	}
	near = nearest_name(value, (const char *const *)names, n);
	return err_set(e, ERR_USAGE, "%s=%s: must be one of %s%s%s%s", d->key, value, d->choices,
		       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* The canonical text of `value`, in `buf` or `value` itself; NULL when it is refused. */
static const char *canonical(const struct setting_def *d, const char *value, char *buf, size_t len,
			     struct err *e)
{
	switch (d->type) {
	case SETTING_INT:
		return parse_int(d, value, buf, len, e) ? NULL : buf;
	case SETTING_REAL:
		return parse_real(d, value, buf, len, e) ? NULL : buf;
	case SETTING_CHOICE:
		return parse_choice(d, value, e) ? NULL : value;
	case SETTING_PATH:
		if (*value)
			return value;
		err_set(e, ERR_USAGE, "%s needs the name of a file or directory", d->key);
		return NULL;
	case SETTING_TEXT:
		break;
	}
	return value;
}

int settings_set(struct settings *s, const char *key, const char *value, struct err *e)
{
	int i = find(s, key);
	char buf[64], *copy;

	if (i < 0)
		return refuse_unknown(s, key, e);
	value = canonical(&s->def[i], value, buf, sizeof buf, e);
	if (!value)
		return -ERR_USAGE;
	copy = strdup(value);
	die_if(!copy, "out of memory");
	free(s->value[i]);
	s->value[i] = copy;
	return 0;
}

const char *settings_text(const struct settings *s, const char *key)
{
	int i = find(s, key);

	die_if(i < 0, "no setting %s", key);
	return s->value[i];
}

int64_t settings_int(const struct settings *s, const char *key)
{
	const char *text = settings_text(s, key);

	die_if(!text, "setting %s is not set", key);
	return strtoll(text, NULL, 10);
}

double settings_real(const struct settings *s, const char *key)
{
	const char *text = settings_text(s, key);

	die_if(!text, "setting %s is not set", key);
	return strtod(text, NULL);
}

void settings_clear(struct settings *s)
{
	for (int i = 0; i < s->n; i++)
		free(s->value[i]);
	*s = (struct settings){ 0 };
}
