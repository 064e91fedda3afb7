/* SPDX-License-Identifier: MIT
 *
 * What a run computes on: a backend by its name, at an instruction-set level, on so many threads.
 */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include "cpu/peak.h"
#include "options.h"
#include "tensor.h"

struct device {
	const char *name;         /* "cpu", "ref", "null", "shadow" */
	enum isa isa;
	int threads;
	const struct backend *backend;
	struct backend *cpu, *shadow; /* owned; NULL unless used */
};

/* Reads --backend, --isa and the threads in place. Close it in any case. */
int device_open(struct device *d, const struct options *o, struct err *e);
void device_close(struct device *d);

/* Register-only products in the format of this storage type on all threads for about `seconds`: how
 * fast the device is now, and its best window; 0 on a backend that computes nothing. */
struct peak_block device_peak(const struct device *d, enum dtype dtype, double seconds);

/* The format whose peak counts for a storage type: fp32 where the level cannot multiply bf16. */
const char *device_peak_name(const struct device *d, enum dtype dtype);

#endif
