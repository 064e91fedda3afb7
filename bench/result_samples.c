/* SPDX-License-Identifier: MIT
 *
 * The lines of the result that say how it was measured: interval, percentiles, warm-up, steadiness,
 * why it stopped, what was removed.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "session.h"
#include "units.h"

/* What the number of samples allows; see stats.h. */
#define INTERVAL_NEEDS 6
#define P90_NEEDS      64
#define P99_NEEDS      662

static void print_percentile(const char *name, double value, int needs, FILE *to)
{
	if (isfinite(value))
		fprintf(to, "; %s %s", name, text_seconds(value).s);
	else
		fprintf(to, "; %s needs %d", name, needs);
}

static void print_interval(const struct stats *t, FILE *to)
{
	fprintf(to, "interval    ");
	if (isfinite(t->ci_lo))
		fprintf(to, "%s to %s (%s, exact)", text_seconds(t->ci_lo).s,
			text_seconds(t->ci_hi).s, text_percent(t->ci_conf).s);
	else
		fprintf(to, "needs %d samples", INTERVAL_NEEDS);
	print_percentile("p90", t->p90, P90_NEEDS, to);
	print_percentile("p99", t->p99, P99_NEEDS, to);
	fprintf(to, "\n");
}

static const char *stop_sentence(const char *reason)
{
	static const struct {
		const char *reason, *sentence;
	} said[] = {
		{ "quick", "a quick look" },
		{ "count", "as many as asked" },
		{ "interval", "interval narrow enough" },
		{ "noise", "noise stable" },
		{ "time", "time is up" },
		{ "interrupted", "interrupted" },
	};

	for (size_t i = 0; reason && i < sizeof said / sizeof *said; i++)
		if (strcmp(said[i].reason, reason) == 0)
			return said[i].sentence;
	return "failed";
}

static void print_counts(const struct measurement *m, FILE *to)
{
	fprintf(to, "samples     %d", m->samples);
	if (m->warmups)
		fprintf(to, " after %d warm-up%s", m->warmups, m->warmups == 1 ? "" : "s");
	if (m->first_call_s > 0)
		fprintf(to, ", first call %s", text_seconds(m->first_call_s).s);
	fprintf(to, ", %s", m->steady == 1   ? "steady"
		       : m->steady == 0 ? "not steady"
					: "too few to tell whether steady");
	fprintf(to, "; %s\n", stop_sentence(m->stop_reason));
}

static void print_removed(const struct measurement *m, FILE *to)
{
	int removed = measure_removed(m, ~0u);

	if (!removed)
		return;
	fprintf(to, "removed     %d of %d samples: slow reference block %d, page faults %d%s\n",
	       removed, m->samples, measure_removed(m, CAUSE_SLOW),
	       measure_removed(m, CAUSE_FAULTS),
	       measure_invalid(m) ? "; not to be compared" : "");
}

void result_samples(const struct session *s, FILE *to)
{
	struct stats total = session_latency(s, -1);

	if (total.n > 1)
		print_interval(&total, to);
	print_counts(&s->m, to);
	print_removed(&s->m, to);
	if (session_throttled(s, NULL))
		fprintf(to, "throttled   %d of %d samples: the processor lowered its clock for "
			"heat\n", session_throttled(s, NULL), s->m.samples);
}
