/* SPDX-License-Identifier: MIT
 *
 * The roofline (Williams, Waterman, Patterson 2009): no op can be faster than its operations at the
 * peak rate of the processor, nor than its bytes at the bandwidth of memory. Both are measured
 * (bench calibrate). Bytes count every input, weight and result once at storage size, so an op
 * whose operands are still in the cache may be faster than the limit by memory.
 */
#ifndef BENCH_ROOFLINE_H
#define BENCH_ROOFLINE_H

#include "cost.h"
#include "db.h"
#include "device.h"
#include "machine.h"
#include "progress.h"

struct roof {
	double flops, bytes; /* per second: peak, bandwidth; 0: unknown */
	bool stored;         /* by an earlier `bench calibrate`, not measured just now */
};

/* From the calibration of this machine in `db` (may be NULL); if there is none, a quick one is
 * measured, two seconds, and stored. Of a device that computes nothing both are 0. */
int roof_find(struct roof *r, struct db *db, const struct machine *m, const struct device *d,
	      enum dtype dtype, struct progress *progress, struct err *e);

/* Seconds that this cost takes at least; 0: no roof is known. */
double roof_limit_s(const struct roof *r, const struct cost *c);

/* "peak", "memory", or "-" without a roof: which of the two that is. */
const char *roof_bound(const struct roof *r, const struct cost *c);

#endif
