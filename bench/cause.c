/* SPDX-License-Identifier: MIT
 *
 * Causes: what was seen around a sample that explains a wrong time whatever the time was. A sample
 * is never removed for its own value.
 */
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "stats.h"

#define SLOW_BELOW    0.75 /* of the median block: a clock or a core was taken away */
#define FAULTS_LEAST  1000 /* pages mapped anew during a sample */
#define FAULTS_BEYOND 10   /* times the median of the others */
#define INVALID_ABOVE 0.10

/* `usual` is the median block of this run: a machine that is slow all the time removes nothing. */
static bool slow_beside(const struct measurement *m, const struct timing *t, double usual)
{
	for (int i = t->block; i <= t->block + 1 && i < m->n_blocks; i++)
		if (i >= 0 && m->block[i] < SLOW_BELOW * usual)
			return true;
	return false;
}

static double median_of(double *v, int n)
{
	double median = n ? stats_of(v, n).median : 0;

	free(v);
	return median;
}

static double *room_for(int n)
{
	double *v = malloc(((size_t)n + 1) * sizeof *v);

	die_if(!v, "out of memory");
	return v;
}

static double usual_block(const struct measurement *m)
{
	double *v = room_for(m->n_blocks);

	if (m->n_blocks) /* a backend that computes nothing has none */
		memcpy(v, m->block, (size_t)m->n_blocks * sizeof *v);
	return median_of(v, m->n_blocks);
}

static double usual_faults(const struct measurement *m)
{
	double *v = room_for(m->samples);

	for (int i = 0; i < m->samples; i++)
		v[i] = (double)m->sample[i].minor_faults;
	return median_of(v, m->samples);
}

static bool faulted(const struct measurement *m, const struct sample *s)
{
	return s->major_faults > 0 ||
	       (s->minor_faults > FAULTS_LEAST &&
		(double)s->minor_faults > FAULTS_BEYOND * usual_faults(m));
}

void measure_label(struct measurement *m, int from, bool removes)
{
	double usual = usual_block(m);

	for (int i = from; i < m->samples; i++)
		m->sample[i].causes = faulted(m, &m->sample[i]) ? CAUSE_FAULTS : 0;
	for (int i = m->n - 1; i >= 0; i--) {
		const struct timing *t = &m->timing[i];
		if (t->phase == PHASE_MEASURED && t->sample < from)
			break;
		if (t->phase == PHASE_MEASURED && t->sample < m->samples &&
		    slow_beside(m, t, usual))
			m->sample[t->sample].causes |= CAUSE_SLOW;
	}
	for (int i = from; i < m->samples; i++)
		m->sample[i].removed = removes && m->sample[i].causes;
}

bool measure_kept(const struct measurement *m, const struct timing *t)
{
	return t->phase == PHASE_MEASURED && t->sample < m->samples &&
	       !m->sample[t->sample].removed;
}

int measure_removed(const struct measurement *m, unsigned causes)
{
	int n = 0;

	for (int i = 0; i < m->samples; i++)
		n += m->sample[i].removed && (m->sample[i].causes & causes);
	return n;
}

bool measure_invalid(const struct measurement *m)
{
	return measure_removed(m, ~0u) > INVALID_ABOVE * m->samples;
}
