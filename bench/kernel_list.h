/* SPDX-License-Identifier: MIT
 *
 * The ops of the workloads at their shapes, taken from passes that compute nothing: each different
 * call once, with how often one repetition of each workload makes it.
 */
#ifndef BENCH_KERNEL_LIST_H
#define BENCH_KERNEL_LIST_H

#include "point.h"

struct kernel {
	enum op op;
	union op_attr attr;
	struct { /* ndim 0: no such input */
		enum dtype dtype;
		bool weight;
		enum init init;
		int ndim;
		int64_t dim[TENSOR_DIMS];
	} in[OP_INPUTS];
	enum dtype dtype; /* of the run */
	struct cost cost; /* of one call */
	int64_t calls;
	char shape[160];    /* "[2,4096,640] [640,640]": inputs without vectors */
	char workload[64];  /* that makes it first */
};

struct kernel_list {
	struct kernel *kernel; /* owned */
	int n, capacity;
};

/* Adds the calls of a workload: o->arg[0] with its settings. */
int kernel_list_add(struct kernel_list *l, const struct options *o, struct err *e);
void kernel_list_clear(struct kernel_list *l);

/* Part of the op's name, of the shape, or of the workload; with * or ? a pattern of a shell. */
bool kernel_matches(const struct kernel *k, const char *pattern);

#endif
