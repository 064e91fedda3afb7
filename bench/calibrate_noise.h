/* SPDX-License-Identifier: MIT
 *
 * How much equal processes of a workload differ on this machine: pairs in which both arms are the
 * same. What comes out says which change can be found at all.
 */
#ifndef BENCH_CALIBRATE_NOISE_H
#define BENCH_CALIBRATE_NOISE_H

#include "options.h"

/* `bench calibrate WORKLOAD`: measures, prints, stores (db_put_noise, expires after 14 days). */
int calibrate_noise(const struct options *o, struct err *e);

#endif
