/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <stdlib.h>

/* What of the peak a whole run reaches where nothing better is known. */
#define USUAL_SHARE_OF_PEAK   0.75
#define USUAL_SHARE_OF_MATMUL 0.85
#define WEIGHTS_PER_SECOND    1e9 /* bytes */

double session_peak(const struct session *s)
{
	double now = s->m.best_block;
	return now > s->stored_peak ? now : s->stored_peak;
}

double session_estimate(const struct session *s)
{
	double rate = session_peak(s) * USUAL_SHARE_OF_PEAK;
	double matmul = s->stored_matmul * USUAL_SHARE_OF_MATMUL;

	if (matmul > 0)
		rate = matmul;
	if (rate <= 0)
		return 0;
	return 2 * (double)cost_core_macs(&s->point.cost) / rate +
	       (double)s->need.weights / WEIGHTS_PER_SECOND;
}

void session_sample_seconds(const struct session *s, int stage, double *out)
{
	for (int i = 0; i < s->m.samples; i++)
		out[i] = 0;
	for (int i = 0; i < s->m.n; i++) {
		const struct timing *t = &s->m.timing[i];
		if (t->phase == PHASE_MEASURED && t->sample < s->m.samples &&
		    (stage < 0 || t->stage == stage))
			out[t->sample] += t->seconds;
	}
}

int session_latencies(const struct session *s, int stage, double *out)
{
	int n = 0;

	session_sample_seconds(s, stage, out);
	for (int i = 0; i < s->m.samples; i++)
		if (!s->m.sample[i].removed)
			out[n++] = out[i];
	return n;
}

/* Steps of a sample that was cut short count too. */
static bool step_counts(const struct measurement *m, const struct timing *t)
{
	return t->phase == PHASE_MEASURED && (t->sample >= m->samples || measure_kept(m, t));
}

int session_steps(const struct session *s, int stage, double *out)
{
	int n = 0;

	for (int i = 0; i < s->m.n; i++)
		if (step_counts(&s->m, &s->m.timing[i]) && s->m.timing[i].stage == stage)
			out[n++] = s->m.timing[i].seconds;
	return n;
}

static struct stats of(const struct session *s, int stage,
		       int (*collect)(const struct session *, int, double *), int room)
{
	double *v = malloc(((size_t)room + 1) * sizeof *v);
	struct stats result = { 0 };
	int n;

	die_if(!v, "out of memory");
	n = collect(s, stage, v);
	if (n)
		result = stats_of(v, n);
	free(v);
	return result;
}

struct stats session_latency(const struct session *s, int stage)
{
	return of(s, stage, session_latencies, s->m.samples);
}

struct stats session_step(const struct session *s, int stage)
{
	return of(s, stage, session_steps, s->m.n);
}

int session_disturbed(const struct session *s, int *of_steps)
{
	double best = session_peak(s);
	int n = 0;

	*of_steps = 0;
	for (int i = 0; i < s->m.n; i++) {
		if (s->m.timing[i].phase != PHASE_MEASURED)
			continue;
		(*of_steps)++;
		n += measure_disturbed(&s->m, &s->m.timing[i], best);
	}
	return n;
}

int session_throttled(const struct session *s, bool *which)
{
	int probe = probes_find(s->m.probes, PROBE_THROTTLE), n = 0;

	for (int i = 0; probe >= 0 && i < probes_rows(s->m.probes); i++) {
		struct probe_row row = probes_row(s->m.probes, i);
		if (row.phase != PHASE_MEASURED || row.stage >= 0 || row.sample >= s->m.samples ||
		    !(row.values[probe] > 0))
			continue;
		n++;
		if (which)
			which[row.sample] = true;
	}
	return n;
}
