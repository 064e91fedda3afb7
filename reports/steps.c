/* SPDX-License-Identifier: MIT */
#include "steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "stats.h"

#define NOISE_TIMES 5.0

struct search {
	const double *v; /* logarithms */
	double *scratch, noise;
	struct step *step;
	int n_steps, max;
};

static double median(struct search *s, int from, int to)
{
	memcpy(s->scratch, s->v + from, (size_t)(to - from) * sizeof *s->v);
	return stats_median(s->scratch, to - from);
}

/* Deviation of one value: median |difference of neighbours| over that of a unit normal's. */
static double noise_of_neighbours(struct search *s, int n)
{
	for (int i = 0; i + 1 < n; i++)
		s->scratch[i] = fabs(s->v[i + 1] - s->v[i]);
	return stats_median(s->scratch, n - 1) / (0.6745 * sqrt(2));
}

/* Sum of |v - median| over a segment. */
static double cost(struct search *s, int from, int to)
{
	double level = median(s, from, to), sum = 0;

	for (int i = from; i < to; i++)
		sum += fabs(s->v[i] - level);
	return sum;
}

/* Whether the levels [from, at) and [at, to) differ by more than chance. */
static bool differ(struct search *s, int from, int at, int to)
{
	double change = fabs(median(s, at, to) - median(s, from, at));
	double weight = sqrt((double)(at - from) * (to - at) / (to - from));

	return change > log1p(STEPS_LEAST) && change > NOISE_TIMES * s->noise / weight;
}

static void split(struct search *s, int from, int to)
{
	double best = cost(s, from, to);
	int at = -1;

	for (int k = from + STEPS_SEGMENT; k + STEPS_SEGMENT <= to; k++) {
		double c = cost(s, from, k) + cost(s, k, to);
		if (c < best) {
			best = c;
			at = k;
		}
	}
	if (at < 0 || s->n_steps == s->max || !differ(s, from, at, to))
		return;
	split(s, from, at);
	if (s->n_steps < s->max)
		s->step[s->n_steps++].at = at;
	split(s, at, to);
}

static int level_begin(const struct search *s, int i)
{
	return i ? s->step[i - 1].at : 0;
}

static int level_end(const struct search *s, int i, int n)
{
	return i + 1 < s->n_steps ? s->step[i + 1].at : n;
}

/* A first split may have been made in the wrong place, before others were known. */
static void prune(struct search *s, int n)
{
	for (int i = 0; i < s->n_steps;) {
		if (differ(s, level_begin(s, i), s->step[i].at, level_end(s, i, n))) {
			i++;
			continue;
		}
		memmove(&s->step[i], &s->step[i + 1],
			(size_t)(s->n_steps - i - 1) * sizeof *s->step);
		s->n_steps--;
		i = i ? i - 1 : 0;
	}
}

int steps_of(const double *v, int n, struct step *step, int max)
{
	double *logs = new_array((size_t)n, sizeof *logs);
	struct search s = { .v = logs, .scratch = new_array((size_t)n, sizeof *logs),
			    .step = step, .max = max };

	for (int i = 0; i < n; i++)
		logs[i] = log(v[i]);
	if (n >= 2 * STEPS_SEGMENT) {
		s.noise = noise_of_neighbours(&s, n);
		split(&s, 0, n);
		prune(&s, n);
	}
	for (int i = 0; i < s.n_steps; i++) {
		step[i].before = exp(median(&s, level_begin(&s, i), step[i].at));
		step[i].after = exp(median(&s, step[i].at, level_end(&s, i, n)));
	}
	free(logs);
	free(s.scratch);
	return s.n_steps;
}
