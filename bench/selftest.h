/* SPDX-License-Identifier: MIT
 *
 * The gate audits itself. A session of pairs is measured of which the truth is known: both arms the
 * same program (aa), or one slowed down by a known share in one stage (inject). Then suites are
 * drawn from it: the pairs in random order, in aa with the arms of each pair exchanged by a coin,
 * so that every suite is a comparison of its own that could have been measured as it is. Each is
 * judged as the gate judges: look, extension, confirmation, family.
 */
#ifndef BENCH_SELFTEST_H
#define BENCH_SELFTEST_H

#include "pairs.h"
#include "stats_noise.h"
#include "verdict.h"

#define SELFTEST_ROWS   16
#define SELFTEST_LOOK   10                  /* pairs of a look; the extension has as many more */
#define SELFTEST_LEAST  (3 * SELFTEST_LOOK) /* look, extension, confirmation */

/* One stage over all suites; `total` is the whole sample. */
struct selftest_row {
	char stage[64];
	bool clean, slowed; /* neither: the total of a sample with a slowed stage */
	int regress, improve, pass, inconclusive;
	int plain;          /* called slower by a plain gate: mean over mean beyond 5 % */
	struct noise noise; /* of its pairs; deviations of the logarithm */
};

struct selftest {
	double effect;      /* 0: aa */
	const char *stage;  /* that was slowed; "total" for aa */
	int suites, pairs, disturbed;
	struct selftest_row row[SELFTEST_ROWS];
	int n_rows;
	int red_suites, plain_red_suites; /* with a clean row called slower */
	double theta;
};

/* Draws and judges t->suites of them from the measured pairs; fills in all but effect, stage and
 * suites. Refused when there are fewer than SELFTEST_LEAST pairs, or no such stage. */
int selftest_judge(struct selftest *t, const struct pairs_result *measured,
		   const struct verdict_rule *rule, uint64_t seed, struct err *e);

/* Sums over the rows that are clean, or slowed. */
struct selftest_row selftest_sum(const struct selftest *t, bool slowed);

#endif
