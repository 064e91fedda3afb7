/* SPDX-License-Identifier: MIT
 *
 * A machine that misbehaves, on demand: processes that in turn copy through memory, compute and
 * rest, each for a random moment between a tenth of a second and two. For selftests of the gate.
 */
#ifndef BENCH_DISTURB_H
#define BENCH_DISTURB_H

#include "err.h"

struct disturbance {
	int pid[64];
	int n;
};

/* One process per core. They end by themselves after `seconds`, or with this process. */
int disturb_begin(struct disturbance *d, double seconds, struct err *e);
void disturb_end(struct disturbance *d);

#endif
