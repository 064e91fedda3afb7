/* SPDX-License-Identifier: MIT
 *
 * Fuzzes presets and settings: the first line of the input names a preset, every other line is
 * KEY=VALUE. What is accepted can be read back in its type and range and is stable when it is set
 * again; what is refused leaves the old value.
 */
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "workload.h"

static void check_values(const struct settings *s)
{
	for (int i = 0; i < s->n; i++) {
		const struct setting_def *d = &s->def[i];
		double v = 0;
		if (!s->value[i])
			continue;
		if (d->type == SETTING_INT)
			v = (double)settings_int(s, d->key);
		else if (d->type == SETTING_REAL)
			v = settings_real(s, d->key);
		else
			continue;
		die_if(!isfinite(v) || v < d->min || v > d->max, "%s=%s was accepted", d->key,
		       s->value[i]);
		die_if(d->multiple && settings_int(s, d->key) % d->multiple, "%s=%s was accepted",
		       d->key, s->value[i]);
	}
}

static int find(const struct settings *s, const char *key)
{
	for (int i = 0; i < s->n; i++)
		if (strcmp(s->def[i].key, key) == 0)
			return i;
	return -1;
}

/* Setting what was kept once more changes nothing. */
static void set_again(struct settings *s, int i)
{
	char *kept = strdup(s->value[i]);
	struct err e = { 0 };

	die_if(settings_set(s, s->def[i].key, kept, &e) || strcmp(s->value[i], kept) != 0,
	       "%s=%s is not stable: %s", s->def[i].key, kept, e.msg);
	free(kept);
}

static void set_line(struct settings *s, char *line)
{
	char *value = strchr(line, '=');
	struct err e = { 0 };
	const char *old;
	int i, failed;

	if (!value)
		return;
	*value++ = 0;
	i = find(s, line);
	old = i < 0 ? NULL : s->value[i];
	failed = settings_set(s, line, value, &e);
	die_if(!failed != !e.code || !failed != !e.msg[0], "status and sentence differ");
	die_if(!failed && i < 0, "%s is not a setting", line);
	die_if(failed && i >= 0 && s->value[i] != old, "%s lost its value", line);
	if (!failed)
		set_again(s, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *line, *rest = text;
	struct settings s = { 0 };
	const struct preset *p;
	struct err e = { 0 };

	die_if(!text, "out of memory");
	memcpy(text, data, size);
	text[size] = 0;
	line = strsep(&rest, "\n");
	p = preset_find(line, &e);
	die_if(!p != (e.code != 0), "status and sentence differ");
	if (!p)
		p = &presets[0];
	e = (struct err){ 0 };
	die_if(preset_settings(p, &s, &e), "%s", e.msg);
	while ((line = strsep(&rest, "\n")))
		set_line(&s, line);
	check_values(&s);
	settings_clear(&s);
	free(text);
	return 0;
}
