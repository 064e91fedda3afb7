/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int split_choices(const char *choices, char *buf, size_t len, const char **names, int max)
{
	int n = 0;
	char *save = NULL;

	snprintf(buf, len, "%s", choices);
	for (char *p = strtok_r(buf, "|", &save); p && n < max; p = strtok_r(NULL, "|", &save))
		names[n++] = p;
	return n;
}

const char *opt_env_name(const struct option_def *d, char *buf, size_t len)
{
	snprintf(buf, len, "BENCH_%s", d->name);
	for (char *p = buf; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
	return buf;
}

/* ", did you mean X?" or nothing */
static const char *suggest(const char *word, const char *const *names, int n, const char *prefix,
			   char *buf, size_t len)
{
	const char *near = nearest_name(word, names, n);

	buf[0] = 0;
	if (near)
		snprintf(buf, len, "; did you mean %s%s?", prefix, near);
	return buf;
}

/* ---- values ------------------------------------------------------------------------------------
 */

static int check_int(const struct option_def *d, const char *from, const char *text, struct err *e)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (end == text || *end || errno || v < d->min || v > d->max)
		return err_set(e, ERR_USAGE,
			       "%s is '%.40s': it takes a whole number from %lld to %lld", from,
			       text, (long long)d->min, (long long)d->max);
	return 0;
}

static int check_choice(const struct option_def *d, const char *from, const char *text,
			struct err *e)
{
	char buf[128], hint[80];
	const char *name[16];
	int n = split_choices(d->choices, buf, sizeof buf, name, 16);

	for (int i = 0; i < n; i++)
		if (strcmp(name[i], text) == 0)
			return 0;
	return err_set(e, ERR_USAGE, "%s is '%.40s': it takes one of %s%s", from, text, d->choices,
		       suggest(text, name, n, "", hint, sizeof hint));
}

/* `from` names the source in messages: "--samples" or "BENCH_SAMPLES". */
static int take_value(struct options *o, enum opt id, const char *from, const char *text,
		      struct err *e)
{
	const struct option_def *d = &option_table[id];
	int rc = 0;

	if (d->type == ARG_INT)
		rc = check_int(d, from, text, e);
	else if (d->type == ARG_CHOICE)
		rc = check_choice(d, from, text, e);
	else if (d->type == ARG_SETTING && (!strchr(text, '=') || *text == '='))
		rc = err_set(e, ERR_USAGE, "%s is '%.40s': it takes %s", from, text, d->arg);
	else if (d->type == ARG_PATH && !*text)
		rc = err_set(e, ERR_USAGE, "%s is empty: it takes a %s", from, d->arg);
	if (rc)
		return rc;
	if (!d->many)
		o->n[id] = 0;
	if (o->n[id] == OPT_MANY)
		return err_set(e, ERR_USAGE, "%s is given more than %d times", from, OPT_MANY);
	o->value[id][o->n[id]++] = text;
	return 0;
}

/* ---- names -------------------------------------------------------------------------------------
 */

static int unknown_option(const struct options *o, const char *name, struct err *e)
{
	const char *names[OPT_COUNT];
	char hint[80];
	int n = 0;
	unsigned mine = 1u << (o->verb - verb_table);

	for (int i = 0; i < OPT_COUNT; i++) {
		if (option_table[i].verbs & mine)
			names[n++] = option_table[i].name;
		else if (strcmp(option_table[i].name, name) == 0)
			return err_set(e, ERR_USAGE,
				       "`bench %s` has no --%s, other verbs have; see "
				       "`bench %s --help`",
				       o->verb->name, name, o->verb->name);
	}
	return err_set(e, ERR_USAGE, "`bench %s` has no option --%.40s%s", o->verb->name, name,
		       suggest(name, names, n, "--", hint, sizeof hint));
}

static int find_option(const struct options *o, const char *name)
{
	unsigned mine = 1u << (o->verb - verb_table);

	for (int i = 0; i < OPT_COUNT; i++)
		if ((option_table[i].verbs & mine) && strcmp(option_table[i].name, name) == 0)
			return i;
	return -1;
}

static int find_verb(struct options *o, const char *word, struct err *e)
{
	const char *names[V_COUNT];
	char hint[80];

	for (int i = 0; i < V_COUNT; i++) {
		names[i] = verb_table[i].name;
		if (strcmp(word, names[i]) == 0) {
			o->verb = &verb_table[i];
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, "there is no verb '%.40s'%s (`bench help` lists them)", word,
		       suggest(word, names, V_COUNT, "", hint, sizeof hint));
}

/* ---- the parser --------------------------------------------------------------------------------
 */

static bool ends_in_json(const char *word)
{
	size_t len = strlen(word);

	return *word != '-' && len > 5 && strcmp(word + len - 5, ".json") == 0;
}

/* One "--name", "--name=value" or "--name value" at argv[*i]. */
static int take_option(struct options *o, int argc, char **argv, int *i, struct err *e)
{
	const char *word = strcmp(argv[*i], "-h") == 0 ? "help" : argv[*i] + 2, *value;
	size_t len = strcspn(word, "=");
	char name[64], from[72];
	int id;

	snprintf(name, sizeof name, "%.*s", (int)len, word);
	snprintf(from, sizeof from, "--%s", name);
	id = find_option(o, name);
	if (id < 0)
		return unknown_option(o, name, e);
	value = word[len] ? word + len + 1 : NULL;
	if (option_table[id].type == ARG_FLAG) {
		if (value)
			return err_set(e, ERR_USAGE, "%s takes no value", from);
		return take_value(o, (enum opt)id, from, "1", e);
	}
	if (option_table[id].type == ARG_JSON && !value)
		value = *i + 1 < argc && ends_in_json(argv[*i + 1]) ? argv[++*i] : "";
	else if (option_table[id].type == ARG_JSON && !ends_in_json(value))
		return err_set(e, ERR_USAGE, "%s takes no value but a file that ends in .json, not "
			       "'%.60s'", from, value);
	if (!value && *i + 1 >= argc)
		return err_set(e, ERR_USAGE, "%s lacks its %s", from, option_table[id].arg);
	return take_value(o, (enum opt)id, from, value ? value : argv[++*i], e);
}

static int take_argument(struct options *o, const char *word, struct err *e)
{
	if (o->n_args == o->verb->max_args)
		return err_set(e, ERR_USAGE, "`bench %s` takes %s, not also '%.60s'", o->verb->name,
			       *o->verb->args ? o->verb->args : "no argument", word);
	o->arg[o->n_args++] = word;
	return 0;
}

static int take_environment(struct options *o, struct err *e)
{
	unsigned mine = 1u << (o->verb - verb_table);
	char name[64];

	for (int i = 0; i < OPT_COUNT; i++) {
		const struct option_def *d = &option_table[i];
		const char *text;
		if (!d->env || !(d->verbs & mine) || o->n[i])
			continue;
		text = getenv(opt_env_name(d, name, sizeof name));
		if (!text || !*text || (d->type == ARG_FLAG && strcmp(text, "0") == 0))
			continue;
		if (take_value(o, (enum opt)i, name, text, e))
			return -ERR_USAGE;
	}
	return 0;
}

static int take_word(struct options *o, int argc, char **argv, int *i, struct err *e)
{
	const char *word = argv[*i];

	if (strcmp(word, "-h") == 0 || strncmp(word, "--", 2) == 0)
		return take_option(o, argc, argv, i, e);
	if (word[0] == '-')
		return err_set(e, ERR_USAGE, "options begin with two dashes, '%.40s' does not; see "
			       "`bench %s --help`", word, o->verb->name);
	return take_argument(o, word, e);
}

int options_parse(struct options *o, int argc, char **argv, struct err *e)
{
	bool help = argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));
	int rc, i;

	memset(o, 0, sizeof *o);
	if (argc < 2)
		return err_set(e, ERR_USAGE, "a verb is missing; `bench help` lists them");
	rc = find_verb(o, help ? "help" : argv[1], e);
	for (i = 2; i < argc && !rc && strcmp(argv[i], "--") != 0; i++)
		rc = take_word(o, argc, argv, &i, e);
	for (i++; i < argc && !rc; i++)
		rc = take_argument(o, argv[i], e);
	if (rc || opt_flag(o, OPT_HELP))
		return rc;
	if (o->n_args < o->verb->min_args)
		return err_set(e, ERR_USAGE, "`bench %s` lacks its %s; see `bench %s --help`",
			       o->verb->name, o->verb->args, o->verb->name);
	return take_environment(o, e);
}

/* ---- what was given ----------------------------------------------------------------------------
 */

bool opt_given(const struct options *o, enum opt id)
{
	return o->n[id] > 0;
}

bool opt_flag(const struct options *o, enum opt id)
{
	return o->n[id] > 0;
}

const char *opt_text(const struct options *o, enum opt id)
{
	return o->n[id] ? o->value[id][o->n[id] - 1] : option_table[id].fallback;
}

int64_t opt_int(const struct options *o, enum opt id)
{
	const char *text = opt_text(o, id);

	die_if(!text, "option --%s has no value and no default", option_table[id].name);
	return strtoll(text, NULL, 10);
}
