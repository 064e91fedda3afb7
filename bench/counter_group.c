/* SPDX-License-Identifier: MIT
 *
 * Counter groups: from a JSON file to a struct, with every mistake found before the run.
 */
#define _GNU_SOURCE
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "formula.h"

/* Every row: a file of bench/counters/ without its ending (see `embed` in the Makefile). */
#define GROUPS(X) X(software) X(cycles) X(flops) X(cache) X(l2) X(tlb) X(branch)

#define DECLARE(name) extern const char data_##name##_json[];
GROUPS(DECLARE)

static const struct {
	const char *name, *text;
} groups[] = {
#define ROW(name) { #name, data_##name##_json },
	GROUPS(ROW)
};

#define N_GROUPS (int)(sizeof groups / sizeof *groups)

const char *counter_group_name(int i)
{
	return i >= 0 && i < N_GROUPS ? groups[i].name : NULL;
}

static int wrong(struct err *e, const struct counter_group *g, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int wrong(struct err *e, const struct counter_group *g, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return err_set(e, ERR_USAGE, "counter group %s: %s", g->name, text);
}

/* Copies a string that is there, not empty and short enough. */
static int take_text(const json_t *j, char *buf, size_t len)
{
	const char *text = json_string_value(j);

	if (!text || !*text || strlen(text) >= len)
		return -1;
	strcpy(buf, text);
	return 0;
}

/* ---- events ------------------------------------------------------------------------------------
 */

static int take_event(struct counter_group *g, const char *key, const json_t *names, struct err *e)
{
	struct counter_event *event = &g->event[g->n_events];

	if (g->n_events == COUNTER_EVENTS)
		return wrong(e, g, "more than %d events", COUNTER_EVENTS);
	if (!*key || strlen(key) >= sizeof event->key)
		return wrong(e, g, "the key of event '%.40s' must have 1 to %zu characters", key,
			     sizeof event->key - 1);
	if (!json_is_array(names) || !json_array_size(names) ||
	    json_array_size(names) > COUNTER_CHOICES)
		return wrong(e, g, "event %s needs a list of 1 to %d names", key, COUNTER_CHOICES);
	strcpy(event->key, key);
	event->n = (int)json_array_size(names);
	for (int i = 0; i < event->n; i++)
		if (take_text(json_array_get(names, (size_t)i), event->name[i],
			      sizeof event->name[i]))
			return wrong(e, g, "name %d of event %s must be a text of 1 to %zu "
				     "characters", i + 1, key, sizeof event->name[i] - 1);
	g->n_events++;
	return 0;
}

static int take_events(struct counter_group *g, json_t *events, struct err *e)
{
	const char *key;
	json_t *names;

	if (!json_is_object(events) || !json_object_size(events))
		return wrong(e, g, "it lacks `events`, an object of names");
	json_object_foreach(events, key, names)
		if (take_event(g, key, names, e))
			return -(int)e->code;
	return 0;
}

/* ---- metrics -----------------------------------------------------------------------------------
 */

struct values {
	const struct counter_group *g;
	const double *events;
	double seconds;
};

static bool is_name(const char *name, int len, const char *text)
{
	return strncmp(name, text, (size_t)len) == 0 && !text[len];
}

static bool look_up(void *arg, const char *name, int len, double *value)
{
	const struct values *v = arg;

	if (is_name(name, len, "time")) {
		*value = v->seconds;
		return true;
	}
	for (int i = 0; i < v->g->n_events; i++)
		if (is_name(name, len, v->g->event[i].key)) {
			*value = v->events[i];
			return true;
		}
	return false;
}

double counter_metric_value(const struct counter_group *g, int metric, const double *events,
			    double seconds)
{
	struct values v = { g, events, seconds };
	double value;

	formula_eval(g->metric[metric].formula, look_up, &v, &value);
	return isfinite(value) ? value : NAN;
}

static int take_metric(struct counter_group *g, const json_t *j, struct err *e)
{
	static const double ones[COUNTER_EVENTS];
	struct counter_metric *m = &g->metric[g->n_metrics];
	struct values v = { g, ones, 1 };
	char name[32];
	double value;
	int column;

	if (g->n_metrics == COUNTER_METRICS)
		return wrong(e, g, "more than %d metrics", COUNTER_METRICS);
	if (take_text(json_object_get(j, "name"), name, sizeof name) ||
	    take_text(json_object_get(j, "unit"), m->unit, sizeof m->unit) ||
	    take_text(json_object_get(j, "what"), m->what, sizeof m->what) ||
	    take_text(json_object_get(j, "formula"), m->formula, sizeof m->formula))
		return wrong(e, g, "metric %d needs name, unit, formula and what, each a short "
			     "text", g->n_metrics + 1);
	column = formula_eval(m->formula, look_up, &v, &value);
	if (column)
		return wrong(e, g, "formula of %s, column %d: neither a number nor an event: "
			     "%.40s", name, column, m->formula);
	strcpy(stpcpy(stpcpy(stpcpy(m->name, "counter_"), g->name), "_"), name);
	g->n_metrics++;
	return 0;
}

static int take_metrics(struct counter_group *g, const json_t *metrics, struct err *e)
{
	size_t n = json_array_size(metrics);

	if (!n)
		return wrong(e, g, "it lacks `metrics`, a list");
	for (size_t i = 0; i < n; i++)
		if (take_metric(g, json_array_get(metrics, i), e))
			return -(int)e->code;
	return 0;
}

/* ---- files -------------------------------------------------------------------------------------
 */

/* "dir/mine.json" -> "mine", only letters, digits and _ so that metrics have plain names. */
static void name_of_file(const char *path, char *name, size_t len)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	snprintf(name, len, "%.*s", (int)strcspn(base, "."), base);
	for (char *p = name; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		      (*p >= '0' && *p <= '9')))
			*p = '_';
}

static json_t *load_json(struct counter_group *g, const char *name, struct err *e)
{
	const char *names[N_GROUPS], *near;
	json_error_t error;
	json_t *j;

	if (strpbrk(name, "/.")) {
		name_of_file(name, g->name, sizeof g->name);
		j = json_load_file(name, JSON_REJECT_DUPLICATES, &error);
		if (!j)
			err_set(e, ERR_USAGE, "counter group %.200s, line %d: %s", name,
				error.line, error.text);
		return j;
	}
	snprintf(g->name, sizeof g->name, "%s", name);
	for (int i = 0; i < N_GROUPS; i++) {
		names[i] = groups[i].name;
		if (strcmp(name, names[i]) == 0)
			return json_loads(groups[i].text, JSON_REJECT_DUPLICATES, &error);
	}
	near = nearest_name(name, names, N_GROUPS);
	err_set(e, ERR_USAGE, "there is no counter group '%.40s'%s%s%s (`bench list --counters` "
		"lists them)", name, near ? "; did you mean " : "", near ? near : "",
		near ? "?" : "");
	return NULL;
}

int counter_group_load(struct counter_group *g, const char *name, struct err *e)
{
	json_t *j;

	*g = (struct counter_group){ 0 };
	j = load_json(g, name, e);
	if (!j)
		return -(int)e->code;
	if (take_text(json_object_get(j, "what"), g->what, sizeof g->what))
		wrong(e, g, "it lacks `what`, a sentence");
	else if (!take_events(g, json_object_get(j, "events"), e))
		take_metrics(g, json_object_get(j, "metrics"), e);
	json_decref(j);
	return -(int)e->code;
}
