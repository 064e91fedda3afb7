/* SPDX-License-Identifier: MIT
 *
 * bench run --processes N: the same point in N processes, one after the other, each with a row of
 * its own. Samples of one process share its memory layout and its luck; the process is what
 * replicates.
 */
#ifndef BENCH_PROCESSES_H
#define BENCH_PROCESSES_H

#include "options.h"

/* Prints a table of the processes and the median of their medians with its exact interval, or all
 * runs and that as JSON. A process that fails ends it. */
int run_processes(const struct options *o, struct err *e);

#endif
