/* SPDX-License-Identifier: MIT
 *
 * The protocol: when a warm-up ends and when enough was measured. Rules on lists of seconds, apart
 * from the loop that fills the lists (measure.c).
 *
 * The length of one repetition decides the regime. Default is a quick look; `--stop full` is for
 * numbers that are published; `explore`, for sweeps, is full up to 5 s and quick above.
 *
 *	one repetition        under 50 ms        50 ms to 5 s      over 5 s
 *	quick: warm-up        first call         first call        none
 *	       samples        as fit in 0.5 s, 1 to 30             1, the first call
 *	full:  warm-up        until steady       until steady      first call
 *	         at least     20 + first call    5 + first call
 *	         at most      5 s                10 and 60 s
 *	       samples        30 and 0.5 s       10                3
 *	         until        95 % interval of the median within
 *	                      0.5 %              0.5 %             1 %
 *	         or           noise stable
 *	         or           15 s               120 s             20 min
 *
 * "At most 10 and 60 s" ends when both are exceeded; with `--stop time:S` no later than S. Steady:
 * see steady_of(). An interval needs 6 samples. A repetition of over 5 s touches everything many
 * times; hours of warm-up would say no more.
 */
#ifndef BENCH_PROTOCOL_H
#define BENCH_PROTOCOL_H

#include <stdbool.h>

#include "err.h"

enum stop_kind { STOP_QUICK, STOP_EXPLORE, STOP_FULL, STOP_CI, STOP_COUNT, STOP_TIME };

struct protocol {
	int warmup, samples; /* numbers asked for, which go before the rules; -1: by the rules */
	bool trace;
	enum stop_kind stop;
	double stop_at; /* half width as a share (STOP_CI), samples, seconds */
};

/* "quick", "explore", "full", "ci:0.5%", "count:20", "time:30s" into `p`. */
int protocol_parse(struct protocol *p, const char *text, struct err *e);

/* Whether the first repetition is measured too, because it is long or no warm-up was asked for. */
bool protocol_measures_first(const struct protocol *p, double first_s);

/* A sample may be removed for a recorded cause only where another takes its place: not when their
 * number was fixed before. */
bool protocol_replaces(const struct protocol *p);

enum warmth { WARM_NOT_YET, WARM_STEADY, WARM_AT_CAP, WARM_AS_ASKED };

/* After warm-up v[0..n), the first call included. */
enum warmth protocol_warmup(const struct protocol *p, const double *v, int n);

/* How far the samples are. */
struct measured {
	const double *kept; /* seconds of those that were not removed */
	int n, tried;       /* kept, and with the removed ones */
	double last_s;      /* of the last repetition, kept or not */
	double spent_s;     /* since the first one began */
};

/* Why to stop; NULL: go on. The words go to the database: "quick", "count", "interval", "noise",
 * "time". */
const char *protocol_stop(const struct protocol *p, const struct measured *m);

/* Whether the last repetitions are steady, 1 or 0 (steady_of() in stats_fit.h); -1: too few. */
int protocol_steady(const double *v, int n);

#endif
