/* SPDX-License-Identifier: MIT
 *
 * One forward of a single built-in network with random weights and inputs: what publications give
 * parameters and MACs for, and the piece that is compared with other implementations.
 */
#ifndef BENCH_FORWARD_H
#define BENCH_FORWARD_H

#include "workload.h"

extern const struct family family_forward;

#endif
