/* SPDX-License-Identifier: MIT
 *
 * Fuzzer of the command line: the input is one word per line. Accepted lines go on to the settings
 * of the workload that they name.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "options.h"
#include "workload.h"

#define WORDS 40

static void apply(const struct options *o, struct err *e)
{
	const struct preset *p = preset_find(o->arg[0], e);
	struct settings s = { 0 };

	if (p && !preset_settings(p, &s, e))
		for (int i = 0; i < o->n[OPT_SET]; i++) {
			char key[64];
			const char *pair = o->value[OPT_SET][i];
			snprintf(key, sizeof key, "%.*s", (int)strcspn(pair, "="), pair);
			settings_set(&s, key, strchr(pair, '=') + 1, e);
		}
	settings_clear(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *argv[WORDS + 1] = { "bench" }, *rest = text;
	static struct options o;
	struct err e = { 0 };
	int argc = 1;

	memcpy(text, data, size);
	text[size] = 0;
	for (char *word; argc < WORDS && (word = strsep(&rest, "\n"));)
		argv[argc++] = word;
	if (!options_parse(&o, argc, argv, &e) && o.n_args && o.verb == &verb_table[V_RUN])
		apply(&o, &e);
	if (!!e.code != !!*e.msg)
		abort();
	free(text);
	return 0;
}
