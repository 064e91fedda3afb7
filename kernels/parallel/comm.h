/* SPDX-License-Identifier: MIT
 *
 * Communication between the ranks that share one model run. Each rank holds a `struct comm`; a
 * collective is called by all ranks in the same order with matching sizes, blocks until all have
 * come, and returns 0, or -1 when a rank has given up (comm_abort): then no later one succeeds.
 *
 * Results do not depend on timing: whatever is reduced is taken in the order of the ranks.
 * comm_thread.c: ranks are threads of this process. How to test: comm_test.c.
 */
#ifndef BENCH_COMM_H
#define BENCH_COMM_H

#include <stddef.h>
#include <stdint.h>

/* `count` pieces of `bytes`, their starts `stride` bytes apart. */
struct pieces {
	char *at;
	int64_t count;
	size_t bytes, stride;
};

/* An exchange with both neighbours in the order of ranks; what the first rank would exchange with
 * its previous and the last rank with its next one is ignored. */
struct halo {
	struct pieces to_prev, to_next; /* read */
	struct pieces from_prev, from_next; /* written */
};

struct comm;

struct comm_transport {
	int (*all_gather)(struct comm *, const void *mine, void *all, int64_t count, size_t bytes);
	int (*all_reduce_f64)(struct comm *, const double *mine, double *sum, int64_t n);
	int (*all_reduce_f32)(struct comm *, const float *mine, float *sum, int64_t n);
	int (*exchange_halo)(struct comm *, const struct halo *);
	void (*abort)(struct comm *);
};

struct comm {
	int rank, ranks;
	const struct comm_transport *transport;
};

/* Joins along an axis: `mine` is `count` pieces of `bytes`, one for each index of the outer axes;
 * piece i of rank r goes to all + (i*ranks + r)*bytes. */
static inline int comm_all_gather(struct comm *c, const void *mine, void *all, int64_t count,
				  size_t bytes)
{
	return c->transport->all_gather(c, mine, all, count, bytes);
}

/* sum[i] = over all ranks; the same bits on each. `sum` must not overlap `mine`. */
static inline int comm_all_reduce_f64(struct comm *c, const double *mine, double *sum, int64_t n)
{
	return c->transport->all_reduce_f64(c, mine, sum, n);
}

/* Accumulates in fp64. */
static inline int comm_all_reduce_f32(struct comm *c, const float *mine, float *sum, int64_t n)
{
	return c->transport->all_reduce_f32(c, mine, sum, n);
}

static inline int comm_exchange_halo(struct comm *c, const struct halo *h)
{
	return c->transport->exchange_halo(c, h);
}

/* This rank gives up: the others' collectives fail instead of waiting for it. */
static inline void comm_abort(struct comm *c)
{
	c->transport->abort(c);
}

/* Runs f once per rank, each in a thread of its own, and returns when all have ended. */
void comm_run_threads(int ranks, void (*f)(struct comm *, void *arg), void *arg);

#endif
