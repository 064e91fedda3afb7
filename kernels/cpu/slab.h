/* SPDX-License-Identifier: MIT
 *
 * Memory for packed weights: slabs of huge pages, filled from the front, so that hundreds of
 * weights share few page-table entries. A slab goes back to the system when the last piece of it
 * is freed. Thread safe. How to test: slab_test.c.
 */
#ifndef BENCH_SLAB_H
#define BENCH_SLAB_H

#include <stddef.h>

/* Aligned to 64 bytes; NULL when there is no memory. */
void *slab_alloc(size_t bytes);
void slab_free(void *p); /* NULL: nothing */

#endif
