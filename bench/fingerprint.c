/* SPDX-License-Identifier: MIT */
#include "fingerprint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

#define HASH_SHOWN 16 /* hex digits */

/* ---- what is in it -----------------------------------------------------------------------------
 */

static void set_text(json_t *j, const char *key, const char *text)
{
	if (text)
		json_object_set_new(j, key, json_string(text));
}

/* -1 means unknown: then the key is left out. */
static void set_flag(json_t *j, const char *key, int value)
{
	if (value >= 0)
		json_object_set_new(j, key, json_boolean(value));
}

static void add_machine(json_t *hard, const struct db_host *h)
{
	set_text(hard, "cpu_model", h->cpu_model);
	set_text(hard, "microcode", h->microcode);
	set_text(hard, "kernel", h->kernel);
	set_text(hard, "os", h->os);
	set_text(hard, "libc", h->libc);
	set_text(hard, "governor", h->governor);
	set_flag(hard, "turbo", h->turbo);
	set_flag(hard, "smt", h->smt);
	json_object_set_new(hard, "cores", json_integer(h->cores));
	json_object_set_new(hard, "memory_gib",
			    json_integer((h->mem_bytes + (1 << 29)) >> 30));
}

static void add_build(json_t *hard, const struct db_build *b)
{
	set_text(hard, "compiler", b->compiler);
	set_text(hard, "cflags", b->cflags);
	if (b->libs_json)
		json_object_set_new(hard, "libraries", json_loads(b->libs_json, 0, NULL));
}

/* Of the canonical text, whatever the order of keys. */
static void set_hash(json_t *hard, const char *key, const char *json)
{
	json_t *j = json_loads(json, 0, NULL);
	char *text = json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT), hash[65];

	text_hash(text ? text : "", hash);
	hash[HASH_SHOWN] = 0;
	json_object_set_new(hard, key, json_string(hash));
	free(text);
	json_decref(j);
}

/* The settings by their own names; the specification by the beginning of its hash. */
static void add_workload(json_t *hard, const struct db_workload *w, const struct db_config *c)
{
	json_t *params = json_loads(c->params_json, 0, NULL);

	json_object_update(hard, params);
	json_decref(params);
	set_text(hard, "workload", w->name);
	set_hash(hard, "spec", w->spec_json);
}

json_t *fingerprint_of(const struct db_run *run)
{
	json_t *hard = json_object(), *soft = NULL;

	add_workload(hard, &run->workload, &run->config);
	add_machine(hard, &run->host);
	add_build(hard, &run->build);
	if (run->env_json)
		soft = json_loads(run->env_json, 0, NULL);
	return json_pack("{s:o,s:o}", "hard", hard, "soft", soft ? soft : json_object());
}

/* ---- comparing ---------------------------------------------------------------------------------
 */

static const char *const of_the_machine[] = { "cpu_model", "microcode", "kernel", "os", "libc",
					      "governor", "turbo", "smt", "cores", "memory_gib",
					      "isa", "threads", "backend", "workload", NULL };

static bool is_one_of(const char *key, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(*names, key) == 0)
			return true;
	return false;
}

static bool may_differ(const struct fingerprint_rule *rule, const char *key)
{
	for (int i = 0; i < rule->n_vary; i++)
		if (strcmp(rule->vary[i], key) == 0)
			return true;
	return rule->builds && !is_one_of(key, of_the_machine);
}

/* "dtype (fp32, bf16)" */
static void describe(const char *key, const json_t *a, const json_t *b, char *buf, size_t len)
{
	char *va = json_dumps(a, JSON_ENCODE_ANY), *vb = json_dumps(b, JSON_ENCODE_ANY);

	die_if(!va || !vb, "out of memory");
	if (json_is_string(a) && json_is_string(b))
		snprintf(buf, len, "%s (%.60s, %.60s)", key, json_string_value(a),
			 json_string_value(b));
	else
		snprintf(buf, len, "%s (%.60s, %.60s)", key, va, vb);
	free(va);
	free(vb);
}

struct differences {
	char obstacles[640];
	char first[64]; /* key of the first obstacle */
	int n;
};

static void add_obstacle(struct differences *d, const char *key, const char *text)
{
	size_t used = strlen(d->obstacles);

	if (!d->n++)
		snprintf(d->first, sizeof d->first, "%s", key);
	snprintf(d->obstacles + used, sizeof d->obstacles - used, "%s%s", used ? ", " : "", text);
}

static void compare_hard(const json_t *a, const json_t *b, const struct fingerprint_rule *rule,
			 struct differences *d, void (*note)(void *, const char *), void *arg)
{
	const char *key;
	json_t *va;

	json_object_foreach((json_t *)a, key, va) {
		const json_t *vb = json_object_get(b, key);
		char text[256], sentence[320];
		if (!vb || json_equal(va, vb))
			continue;
		describe(key, va, vb, text, sizeof text);
		snprintf(sentence, sizeof sentence, "A and B differ in %s", text);
		if (!may_differ(rule, key))
			add_obstacle(d, key, text);
		else if (note)
			note(arg, sentence);
	}
}

/* A slowdown on purpose is told only where there is one: the lack of it is a value too. */
static void compare_injection(const json_t *a, const json_t *b, const struct fingerprint_rule *rule,
			      struct differences *d)
{
	const char *va = json_string_value(json_object_get(a, "inject"));
	const char *vb = json_string_value(json_object_get(b, "inject"));
	char text[192];

	if (!va == !vb || may_differ(rule, "inject"))
		return;
	snprintf(text, sizeof text, "inject (%.60s, %.60s)", va ? va : "none", vb ? vb : "none");
	add_obstacle(d, "inject", text);
}

/* What must lie between two values of a soft key to be worth a sentence. */
struct tolerance {
	const char *key, *what, *unit;
	double difference; /* absolute; 0: not looked at */
	double ratio;      /* larger over smaller; 0: not looked at */
};

static const struct tolerance tolerances[] = {
	{ "load_1min", "load average", "", 0.5, 0 },
	{ "available_bytes", "free memory", " bytes", 0, 2 },
	{ "temperature_c", "temperature", " C", 10, 0 },
};

static bool far_off(const struct tolerance *t, double a, double b)
{
	double low = a < b ? a : b, high = a < b ? b : a;

	return (t->difference > 0 && high - low > t->difference) ||
	       (t->ratio > 0 && high > t->ratio * low);
}

static void compare_soft(const json_t *a, const json_t *b, void (*note)(void *, const char *),
			 void *arg)
{
	char text[192];
	const char *ca = json_string_value(json_object_get(a, "container"));
	const char *cb = json_string_value(json_object_get(b, "container"));

	for (size_t i = 0; i < sizeof tolerances / sizeof *tolerances; i++) {
		const struct tolerance *t = &tolerances[i];
		const json_t *va = json_object_get(a, t->key), *vb = json_object_get(b, t->key);
		double x = json_number_value(va), y = json_number_value(vb);
		if (!json_is_number(va) || !json_is_number(vb) || !far_off(t, x, y))
			continue;
		snprintf(text, sizeof text, "the %s was %.4g%s for A, %.4g%s for B", t->what, x,
			 t->unit, y, t->unit);
		note(arg, text);
	}
	if (!json_object_get(a, "turns") != !json_object_get(b, "turns"))
		note(arg, json_object_get(a, "turns") ?
				  "A ran in turns with another process, B alone" :
				  "B ran in turns with another process, A alone");
	if (ca && cb && strcmp(ca, cb) != 0) {
		snprintf(text, sizeof text, "A ran in container %.40s, B in %.40s", ca, cb);
		note(arg, text);
	}
}

int fingerprint_compare(const json_t *a, const json_t *b, const struct fingerprint_rule *rule,
			void (*note)(void *arg, const char *sentence), void *arg, struct err *e)
{
	struct differences d = { .n = 0 };

	compare_hard(json_object_get(a, "hard"), json_object_get(b, "hard"), rule, &d, note, arg);
	compare_injection(json_object_get(a, "hard"), json_object_get(b, "hard"), rule, &d);
	if (note)
		compare_soft(json_object_get(a, "soft"), json_object_get(b, "soft"), note, arg);
	if (!d.n)
		return 0;
	return err_set(
		e, ERR_INCOMPARABLE,
		"A and B cannot be compared, they differ in %s; where a difference is meant, "
		"say so: --vary %s",
		d.obstacles, d.first);
}

int fingerprint_check_key(const json_t *a, const json_t *b, const char *key, struct err *e)
{
	const json_t *hard[2] = { json_object_get(a, "hard"), json_object_get(b, "hard") };
	const char *names[256], *name, *near;
	json_t *value;
	int n = 0;

	for (int i = 0; i < 2; i++)
		json_object_foreach((json_t *)hard[i], name, value)
			if (n < (int)(sizeof names / sizeof *names))
				names[n++] = name;
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], key) == 0)
			return 0;
	near = nearest_name(key, names, n);
	return err_set(e, ERR_USAGE, "--vary %.40s: a fingerprint has no such key%s%s%s", key,
		       near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}
