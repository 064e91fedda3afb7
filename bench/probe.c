/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "counters.h"
#include "err.h"

#define PROBES_MAX  48
#define BRIEF_S     1.0 /* a slow level is read again after so long */

static const struct probe_source *const sources[] = {
	&probe_usage, &probe_queue, &probe_steal, &probe_memory, &probe_huge_pages, &probe_energy,
	&probe_clock, &probe_throttle,
};

#define N_SOURCES (int)(sizeof sources / sizeof *sources)

static const struct probe wall = {
	"wall_time", "s", "stages of a sample, with what lies between the steps", .kind = PROBE_SUM,
	.source = "clock"
};

enum moment { AT_SAMPLE, AT_STAGE, AT_BOTH };

struct probes {
	struct probe probe[PROBES_MAX];
	int n;
	int first[N_SOURCES]; /* place of a source's probes */
	bool open[N_SOURCES];
	void *state[N_SOURCES];
	double read_s[N_SOURCES]; /* when a slow one was read last */

	const struct counter_group *group;
	struct counters *counters;
	int first_counter;
	double events_at[COUNTER_EVENTS], events[2][COUNTER_EVENTS]; /* of the stage, the sample */

	double at[PROBES_MAX], stage[PROBES_MAX], sample[PROBES_MAX];
	double stage_time[2]; /* seconds counted, of the stage and the sample */
	bool in_sample, in_stage;

	struct { int phase, sample, stage; } *row;
	double *value; /* n per row */
	int rows, room;
	double cost_s;
	int reads;
};

/* ---- opening -----------------------------------------------------------------------------------
 */

static void open_source(struct probes *p, int i)
{
	const struct probe_source *s = sources[i];
	char why[sizeof p->probe->why] = "";

	p->first[i] = p->n;
	p->read_s[i] = -BRIEF_S;
	p->open[i] = s->open(&p->state[i], why, sizeof why) == 0;
	for (int k = 0; k < s->n; k++) {
		p->probe[p->n] = s->probe[k];
		p->probe[p->n].source = s->name;
		if (!p->open[i])
			snprintf(p->probe[p->n].why, sizeof why, "%s", why);
		p->n++;
	}
}

/* A probe whose source is there but does not tell this value says so. */
static void try_source(struct probes *p, int i)
{
	double v[PROBES_MAX];

	if (!p->open[i])
		return;
	sources[i]->read(p->state[i], v);
	for (int k = 0; k < sources[i]->n; k++)
		if (isnan(v[k]))
			snprintf(p->probe[p->first[i] + k].why, sizeof p->probe->why,
				 "the system does not tell it");
}

static void open_counters(struct probes *p, int threads)
{
	char why[sizeof p->probe->why] = "";

	p->first_counter = p->n;
	p->counters = counters_open(p->group, threads, why, sizeof why);
	for (int i = 0; i < p->group->n_metrics; i++) {
		const struct counter_metric *m = &p->group->metric[i];
		p->probe[p->n] = (struct probe){ m->name, m->unit, m->what, .by_stage = true,
						  .source = p->group->name };
		snprintf(p->probe[p->n].why, sizeof why, "%s", why);
		if (p->counters)
			*p->probe[p->n].why = 0;
		p->n++;
	}
}

struct probes *probes_open(const struct counter_group *group, int threads)
{
	struct probes *p = calloc(1, sizeof *p);

	die_if(!p, "out of memory");
	p->probe[p->n++] = wall;
	for (int i = 0; i < N_SOURCES; i++)
		open_source(p, i);
	for (int i = 0; i < N_SOURCES; i++)
		try_source(p, i);
	p->group = group;
	if (group)
		open_counters(p, threads);
	return p;
}

void probes_close(struct probes *p)
{
	if (!p)
		return;
	for (int i = 0; i < N_SOURCES; i++)
		if (p->open[i] && sources[i]->close)
			sources[i]->close(p->state[i]);
	counters_close(p->counters);
	free(p->row);
	free(p->value);
	free(p);
}

int probes_count(const struct probes *p)
{
	return p ? p->n : 0;
}

const struct probe *probes_at(const struct probes *p, int i)
{
	return &p->probe[i];
}

int probes_find(const struct probes *p, const char *name)
{
	for (int i = 0; i < probes_count(p); i++)
		if (strcmp(p->probe[i].name, name) == 0)
			return i;
	return -1;
}

/* The first probe with the i-th distinct reason; -1: there are fewer. */
static int first_without(const struct probes *p, int i)
{
	for (int k = 0; k < p->n; k++) {
		bool known = !*p->probe[k].why;
		for (int j = 0; j < k && !known; j++)
			known = strcmp(p->probe[j].why, p->probe[k].why) == 0;
		if (!known && i-- == 0)
			return k;
	}
	return -1;
}

bool probes_missing(const struct probes *p, int i, char *text, size_t len)
{
	int first = first_without(p, i);
	size_t n = 0;

	for (int k = first; first >= 0 && k < p->n && n < len; k++)
		if (strcmp(p->probe[k].why, p->probe[first].why) == 0)
			n += (size_t)snprintf(text + n, len - n, "%s%s", k > first ? ", " : "",
					      p->probe[k].name);
	if (first >= 0 && n < len)
		snprintf(text + n, len - n, "\n  %s", p->probe[first].why);
	return first >= 0;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static bool wanted(const struct probe_source *s, enum probe_kind kind, enum moment when)
{
	return s->probe->kind == kind &&
	       (when == AT_BOTH || s->probe->by_stage == (when == AT_STAGE));
}

/* The counters now, of the sources that belong to this moment. */
static void read_sums(struct probes *p, enum moment when, double *now, double *events)
{
	for (int i = 0; i < N_SOURCES; i++)
		if (p->open[i] && wanted(sources[i], PROBE_SUM, when))
			sources[i]->read(p->state[i], &now[p->first[i]]);
	if (p->counters && when != AT_SAMPLE)
		counters_read(p->counters, events);
}

/* From here on it counts. */
static void open_interval(struct probes *p, enum moment when)
{
	double start = clock_s(), end;

	read_sums(p, when, p->at, p->events_at);
	end = clock_s();
	p->reads++;
	p->cost_s += end - start;
	if (when != AT_SAMPLE)
		p->at[0] = end;
}

static void add_events(struct probes *p, const double *now)
{
	for (int i = 0; p->counters && i < p->group->n_events; i++) {
		p->events[0][i] += now[i] - p->events_at[i];
		p->events[1][i] += now[i] - p->events_at[i];
	}
}

/* Up to here it counted. */
static void close_interval(struct probes *p, enum moment when)
{
	double now[PROBES_MAX], events[COUNTER_EVENTS], start = clock_s();

	read_sums(p, when, now, events);
	now[0] = start;
	for (int i = 0; i < N_SOURCES; i++) {
		if (!p->open[i] || !wanted(sources[i], PROBE_SUM, when))
			continue;
		for (int k = p->first[i]; k < p->first[i] + sources[i]->n; k++) {
			p->stage[k] += now[k] - p->at[k];
			p->sample[k] += now[k] - p->at[k];
		}
	}
	if (when != AT_SAMPLE) {
		p->stage_time[0] += now[0] - p->at[0];
		p->stage_time[1] += now[0] - p->at[0];
		add_events(p, events);
	}
	p->reads++;
	p->cost_s += clock_s() - start;
}

/* ---- rows --------------------------------------------------------------------------------------
 */

static double *new_row(struct probes *p, int phase, int sample, int stage)
{
	double *v;

	if (p->rows == p->room) {
		p->room = 2 * p->room + 64;
		p->row = realloc(p->row, (size_t)p->room * sizeof *p->row);
		p->value = realloc(p->value, (size_t)p->room * (size_t)p->n * sizeof *p->value);
		die_if(!p->row || !p->value, "out of memory");
	}
	v = &p->value[(size_t)p->rows * (size_t)p->n];
	for (int i = 0; i < p->n; i++)
		v[i] = NAN;
	p->row[p->rows].phase = phase;
	p->row[p->rows].sample = sample;
	p->row[p->rows++].stage = stage;
	return v;
}

static void put_counters(const struct probes *p, double *v, int scope)
{
	for (int i = 0; p->counters && i < p->group->n_metrics; i++)
		v[p->first_counter + i] = counter_metric_value(p->group, i, p->events[scope],
							       p->stage_time[scope]);
}

static void put_sums(const struct probes *p, double *v, const double *sum, bool stages_only)
{
	for (int i = 0; i < N_SOURCES; i++)
		for (int k = p->first[i]; p->open[i] && k < p->first[i] + sources[i]->n; k++)
			if (p->probe[k].kind == PROBE_SUM &&
			    (p->probe[k].by_stage || !stages_only))
				v[k] = sum[k];
}

static void read_levels(struct probes *p, double *v)
{
	double start = clock_s();

	for (int i = 0; i < N_SOURCES; i++) {
		const struct probe_source *s = sources[i];
		if (!p->open[i] || !wanted(s, PROBE_LEVEL, AT_BOTH) ||
		    (s->brief_only && start - p->read_s[i] < BRIEF_S))
			continue;
		s->read(p->state[i], &v[p->first[i]]);
		p->read_s[i] = start;
	}
	p->cost_s += clock_s() - start;
}

/* ---- the course of a sample --------------------------------------------------------------------
 */

void probes_sample_begin(struct probes *p)
{
	if (!p)
		return;
	memset(p->sample, 0, sizeof p->sample);
	memset(p->events[1], 0, sizeof p->events[1]);
	p->stage_time[1] = 0;
	p->in_sample = true;
	p->in_stage = false;
	open_interval(p, AT_SAMPLE);
}

void probes_stage_begin(struct probes *p)
{
	if (!p)
		return;
	memset(p->stage, 0, sizeof p->stage);
	memset(p->events[0], 0, sizeof p->events[0]);
	p->stage_time[0] = 0;
	p->in_stage = true;
	open_interval(p, AT_STAGE);
}

/* Rows of stages are kept only where something can be read by stage. */
static bool has_stages(const struct probes *p)
{
	for (int i = 0; i < N_SOURCES; i++)
		if (p->open[i] && sources[i]->probe->by_stage)
			return true;
	return p->counters != NULL;
}

void probes_stage_end(struct probes *p, int phase, int sample, int stage)
{
	double *v;

	if (!p || !p->in_stage)
		return;
	close_interval(p, AT_STAGE);
	p->in_stage = false;
	if (!has_stages(p))
		return;
	v = new_row(p, phase, sample, stage);
	put_sums(p, v, p->stage, true);
	put_counters(p, v, 0);
}

void probes_sample_end(struct probes *p, int phase, int sample)
{
	double *v;

	if (!p || !p->in_sample)
		return;
	close_interval(p, AT_SAMPLE);
	p->in_sample = false;
	v = new_row(p, phase, sample, -1);
	v[0] = p->stage_time[1];
	put_sums(p, v, p->sample, false);
	put_counters(p, v, 1);
	read_levels(p, v);
}

void probes_relabel(struct probes *p, int phase)
{
	for (int i = 0; p && i < p->rows; i++)
		p->row[i].phase = phase;
}

void probes_pause(struct probes *p)
{
	if (p && p->in_stage)
		close_interval(p, AT_BOTH);
}

void probes_resume(struct probes *p)
{
	if (p && p->in_stage)
		open_interval(p, AT_BOTH);
}

/* ---- results -----------------------------------------------------------------------------------
 */

int probes_rows(const struct probes *p)
{
	return p ? p->rows : 0;
}

struct probe_row probes_row(const struct probes *p, int i)
{
	return (struct probe_row){ p->row[i].phase, p->row[i].sample, p->row[i].stage,
				   &p->value[(size_t)i * (size_t)p->n] };
}

double probes_cost_s(const struct probes *p, int *reads)
{
	*reads = p ? p->reads : 0;
	return p ? p->cost_s : 0;
}
