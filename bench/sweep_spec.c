/* SPDX-License-Identifier: MIT
 *
 * What a sweep is asked to do: presets, options, the order of its points.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "stats_boot.h"
#include "sweep.h"

/* Every row: a file of bench/sweeps/ with _ for - (see `embed` in the Makefile). */
#define PRESETS(X) \
	X(steps_to_latency) X(steps_to_latency_mini) \
	X(resolution_scaling) X(resolution_scaling_mini) \
	X(dtype) X(dtype_mini) \
	X(threads) X(threads_mini)

#define DECLARE(file) extern const char data_##file##_json[];
PRESETS(DECLARE)

static struct {
	char name[40];
	const char *text;
} presets[] = {
#define ROW(file) { #file, data_##file##_json },
	PRESETS(ROW)
};

#define N_PRESETS (int)(sizeof presets / sizeof *presets)

const char *sweep_preset_name(int i)
{
	if (i < 0 || i >= N_PRESETS)
		return NULL;
	for (char *p = presets[i].name; *p; p++)
		*p = *p == '_' ? '-' : *p;
	return presets[i].name;
}

const char *sweep_preset_what(int i, char *buf, size_t len)
{
	json_t *j = json_loads(presets[i].text, 0, NULL);

	die_if(!j, "the built-in sweep %s is no JSON", presets[i].name);
	snprintf(buf, len, "%s", json_string_value(json_object_get(j, "what")));
	json_decref(j);
	return buf;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static int add_axis(struct sweep_spec *s, const char *text, struct err *e)
{
	struct axis a;
	int i = 0;

	if (axis_parse(&a, text, e))
		return -(int)e->code;
	while (i < s->n_axes && strcmp(s->axis[i].key, a.key) != 0)
		i++;
	if (i == SWEEP_AXES)
		return err_set(e, ERR_USAGE, "a sweep has at most %d axes", SWEEP_AXES);
	s->axis[i] = a;
	s->n_axes += i == s->n_axes;
	return 0;
}

static int read_preset(struct sweep_spec *s, int i, struct err *e)
{
	json_t *j = json_loads(presets[i].text, JSON_REJECT_DUPLICATES, NULL), *axis;
	const char *workload = json_string_value(json_object_get(j, "workload"));
	size_t k;

	die_if(!workload, "the built-in sweep %s is damaged", presets[i].name);
	snprintf(s->name, sizeof s->name, "%.60s", sweep_preset_name(i));
	snprintf(s->workload, sizeof s->workload, "%s", workload);
	s->processes = (int)json_integer_value(json_object_get(j, "processes"));
	json_array_foreach(json_object_get(j, "axes"), k, axis)
		if (add_axis(s, json_string_value(axis), e))
			break;
	json_decref(j);
	return -(int)e->code;
}

static int find_preset(struct sweep_spec *s, const char *name, struct err *e)
{
	const char *names[N_PRESETS], *near;
	char list[512] = "";

	for (int i = 0; i < N_PRESETS; i++) {
		names[i] = sweep_preset_name(i);
		if (name && strcmp(names[i], name) == 0)
			return read_preset(s, i, e);
		strcat(strcat(list, i ? ", " : ""), names[i]);
	}
	near = name ? nearest_name(name, names, N_PRESETS) : NULL;
	if (name && near)
		return err_set(e, ERR_USAGE, "there is no sweep \"%.40s\"; did you mean \"%s\"?",
			       name, near);
	if (name)
		return err_set(e, ERR_USAGE, "there is no sweep \"%.40s\"; there are %s", name,
			       list);
	return err_set(e, ERR_USAGE, "`bench sweep` takes the name of a sweep (%s), or --workload "
		       "and --axis", list);
}

static int add_word(struct sweep_spec *s, const char *name, const char *value, struct err *e)
{
	if (s->n_words == SWEEP_WORDS)
		return err_set(e, ERR_USAGE, "more than %d words for each process", SWEEP_WORDS);
	if (asprintf(&s->word[s->n_words], "--%s=%s", name, value) < 0)
		die_if(true, "out of memory");
	s->n_words++;
	return 0;
}

/* Options that are handed on to the processes. */
static int read_words(struct sweep_spec *s, const struct options *o, struct err *e)
{
	static const enum opt handed_on[] = { OPT_SET, OPT_WEIGHTS, OPT_THREADS, OPT_ISA,
					      OPT_BACKEND, OPT_SAMPLES, OPT_WARMUP, OPT_TAG };

	for (size_t i = 0; i < sizeof handed_on / sizeof *handed_on; i++)
		for (int k = 0; k < o->n[handed_on[i]]; k++)
			if (add_word(s, option_table[handed_on[i]].name, o->value[handed_on[i]][k],
				     e))
				return -(int)e->code;
	return add_word(s, "stop", opt_given(o, OPT_STOP) ? opt_text(o, OPT_STOP) : "explore", e);
}

static int check_spec(const struct sweep_spec *s, struct err *e)
{
	int workloads = 0, points = 1;

	for (int i = 0; i < s->n_axes; i++) {
		workloads += strcmp(s->axis[i].key, "workload") == 0;
		points *= s->axis[i].n;
		if (points > SWEEP_POINTS)
			return err_set(e, ERR_USAGE, "a sweep of more than %d points",
				       SWEEP_POINTS);
	}
	if (!*s->workload && !workloads)
		return err_set(e, ERR_USAGE, "the sweep lacks its --workload; `bench list` shows "
			       "them");
	if (s->n_axes == 0)
		return err_set(e, ERR_USAGE, "the sweep lacks an --axis, such as --axis "
			       "steps=10,20,50");
	return 0;
}

int sweep_spec_read(struct sweep_spec *s, const struct options *o, struct err *e)
{
	*s = (struct sweep_spec){ .name = "custom" };
	if ((o->n_args || !(opt_given(o, OPT_AXIS))) &&
	    find_preset(s, o->n_args ? o->arg[0] : NULL, e))
		return -(int)e->code;
	for (int i = 0; i < o->n[OPT_AXIS]; i++)
		if (add_axis(s, o->value[OPT_AXIS][i], e))
			return -(int)e->code;
	if (opt_given(o, OPT_WORKLOAD))
		snprintf(s->workload, sizeof s->workload, "%s", opt_text(o, OPT_WORKLOAD));
	if (opt_given(o, OPT_PROCESSES))
		s->processes = (int)opt_int(o, OPT_PROCESSES);
	if (getrandom(&s->seed, sizeof s->seed, 0) != sizeof s->seed)
		s->seed = (uint64_t)db_now_unix_ns();
	return read_words(s, o, e) ? -(int)e->code : check_spec(s, e);
}

void sweep_spec_clear(struct sweep_spec *s)
{
	for (int i = 0; i < s->n_words; i++)
		free(s->word[i]);
	s->n_words = 0;
}

/* ---- points ------------------------------------------------------------------------------------
 */

int sweep_spec_points(const struct sweep_spec *s)
{
	int n = 1;

	for (int i = 0; i < s->n_axes; i++)
		n *= s->axis[i].n;
	return n;
}

int sweep_spec_value(const struct sweep_spec *s, int point, int axis)
{
	for (int i = s->n_axes - 1; i > axis; i--)
		point /= s->axis[i].n;
	return point % s->axis[axis].n;
}

void sweep_spec_order(const struct sweep_spec *s, int round, int *out)
{
	struct rng r = { .seed = s->seed + (uint64_t)(round / 2) };
	int n = sweep_spec_points(s);

	for (int i = 0; i < n; i++)
		out[i] = i;
	rng_shuffle(&r, out, n);
	for (int i = 0; round % 2 && i < n / 2; i++) {
		int t = out[i];
		out[i] = out[n - 1 - i];
		out[n - 1 - i] = t;
	}
}
