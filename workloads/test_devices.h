/* SPDX-License-Identifier: MIT
 *
 * For tests: the devices of this machine, that is the ref backend and the cpu backend at every
 * instruction-set level, each with both storage types.
 */
#ifndef BENCH_TEST_DEVICES_H
#define BENCH_TEST_DEVICES_H

#include <stdio.h>

#include "cpu/cpu.h"

struct device {
	const struct backend *backend;
	enum dtype dtype;
	char name[32]; /* "cpu avx512 bf16" */
};

static inline void with_types(const struct backend *b, const char *level,
			      void (*check)(const struct device *))
{
	struct device d = { .backend = b };

	for (d.dtype = DT_F32; d.dtype <= DT_BF16; d.dtype++) {
		snprintf(d.name, sizeof d.name, "%s %s %s", b->name, level, dtype_name(d.dtype));
		check(&d);
	}
}

static inline void on_every_device(void (*check)(const struct device *))
{
	with_types(&backend_ref, "c", check);
	for (enum isa level = ISA_C; level <= isa_machine(); level++) {
		struct backend *b = backend_cpu_new(level);
		with_types(b, isa_name(level), check);
		backend_cpu_free(b);
	}
}

#endif
