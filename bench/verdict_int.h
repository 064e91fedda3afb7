/* SPDX-License-Identifier: MIT
 *
 * What a look at pairs gives, shared by the rule (verdict.c) and its simulation
 * (verdict_outlook.c). All in logarithms.
 */
#ifndef BENCH_VERDICT_INT_H
#define BENCH_VERDICT_INT_H

#include "verdict.h"

#define VERDICT_ERRORS 3 /* standard errors that an estimate must exceed */

struct look {
	double estimate, error, theta;
	double limit;          /* theta beyond it: the noise sets it */
	double lower, upper;   /* at alpha; without a bound infinite */
	double lower_confirm, upper_confirm, upper_pass;
	double lo, hi;         /* of the interval that is shown */
	bool noisy;
	bool wild;             /* noisy by the deviation, in which one wild pair counts */
};

struct look look_of(const struct verdict_rule *r, const double *d, int n);

#endif
