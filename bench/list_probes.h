/* SPDX-License-Identifier: MIT
 *
 * bench list --probes and --counters: what can be read on this machine, and why the rest cannot.
 */
#ifndef BENCH_LIST_PROBES_H
#define BENCH_LIST_PROBES_H

#include "options.h"

/* Prints one list or both, as a table or as JSON. */
void list_probes(const struct options *o);

#endif
