/* SPDX-License-Identifier: MIT
 *
 * The shadow backend runs every call twice, on a backend under test and on one that it is checked
 * against, and keeps the worst relative error of each op. The results of the first go on.
 */
#ifndef BENCH_SHADOW_H
#define BENCH_SHADOW_H

#include "backend.h"

/* Borrows both. The weights are held in both layouts. */
struct backend *backend_shadow_new(const struct backend *tested, const struct backend *trusted);
void backend_shadow_free(struct backend *b); /* NULL is fine */

struct shadow_worst {
	int64_t calls;
	double error;   /* norm of the difference over norm of the trusted result */
	char path[160]; /* scope of that call */
};

/* Of this op since the start. */
const struct shadow_worst *backend_shadow_worst(const struct backend *b, enum op op);

#endif
