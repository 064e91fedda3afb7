/* SPDX-License-Identifier: MIT
 *
 * Memory that a backend works in while it runs a call and that no plan knows, because it depends on
 * more than shapes: on the number of threads, on what a library asks for. One block is as large as
 * the neediest call wants and is kept for the next one; ranks that share a backend hold a block
 * each. Said before anything is timed (scratch_want), it allocates nothing in a step. Large blocks
 * ask for huge pages. How to test: scratch_test.c.
 */
#ifndef BENCH_SCRATCH_H
#define BENCH_SCRATCH_H

#include <pthread.h>
#include <stddef.h>

struct scratch {
	struct scratch *next;
	size_t bytes;
	char data[] __attribute__((aligned(64)));
};

struct scratch_pool {
	pthread_mutex_t lock;
	struct scratch *free;
	size_t want; /* bytes of a block from now on */
	size_t held; /* bytes of all blocks, those in use too */
};

void scratch_init(struct scratch_pool *p);
void scratch_trim(struct scratch_pool *p);  /* frees the blocks that nobody holds */
void scratch_clear(struct scratch_pool *p); /* the end; all blocks must have been put back */

/* A call will need so many bytes: from now on blocks are no smaller, and one of them is there. No
 * memory: aborts. */
void scratch_want(struct scratch_pool *p, size_t bytes);

/* A block of at least `bytes`, and of at least what was ever wanted; contents undefined. NULL: no
 * memory. */
struct scratch *scratch_take(struct scratch_pool *p, size_t bytes);
void scratch_put(struct scratch_pool *p, struct scratch *s); /* NULL: nothing */

#endif
