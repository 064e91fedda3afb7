/* SPDX-License-Identifier: MIT
 *
 * A slowdown on purpose, `bench run --inject STAGE=PERCENT`: each step of the stage spins for that
 * share of its own time before its clock is stopped. With it `bench selftest` and gates in CI show
 * that a slowdown is found. It is part of the configuration of the run, so that it can never be
 * taken for a clean one.
 */
#ifndef BENCH_INJECT_H
#define BENCH_INJECT_H

#include "point.h"

/* "denoise=5" or "total=5" (every stage), in percent, into p->slowdown. */
int inject_parse(struct point *p, const char *text, struct err *e);

/* Spins until `share` of the time since `start_ns` is added to it. No system call but the clock. */
void inject_spin(int64_t start_ns, double share);

#endif
