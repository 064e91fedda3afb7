/* SPDX-License-Identifier: MIT
 *
 * Ranks as threads. A collective has two meetings: between them every rank may read what the others
 * have offered. Only the first can fail: who has passed it goes on to the second, so no memory is
 * read after its owner has left.
 */
#include "comm.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

struct group {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int ranks, waiting;
	unsigned meeting; /* counts the meetings that took place */
	bool aborted;
	const void **offer; /* of each rank; written before a meeting, read after it */
};

struct thread_rank {
	struct comm comm; /* first: a comm is cast to its rank */
	struct group *group;
	pthread_t thread;
	void (*f)(struct comm *, void *arg);
	void *arg;
};

static struct group *group_of(struct comm *c)
{
	return ((struct thread_rank *)c)->group;
}

static int meet(struct group *g, bool may_fail)
{
	unsigned meeting;
	int result = 0;

	pthread_mutex_lock(&g->lock);
	meeting = g->meeting;
	if (may_fail && g->aborted) {
		result = -1;
	} else if (++g->waiting == g->ranks) {
		g->waiting = 0;
		g->meeting++;
		pthread_cond_broadcast(&g->changed);
	} else {
		while (g->meeting == meeting && !(may_fail && g->aborted))
			pthread_cond_wait(&g->changed, &g->lock);
		if (g->meeting == meeting)
			result = -1;
	}
	pthread_mutex_unlock(&g->lock);
	return result;
}

/* After 0 the offers of all ranks can be read until `leave`. */
static int enter(struct comm *c, const void *offer)
{
	struct group *g = group_of(c);

	g->offer[c->rank] = offer;
	return meet(g, true);
}

static int leave(struct comm *c)
{
	return meet(group_of(c), false);
}

static void thread_abort(struct comm *c)
{
	struct group *g = group_of(c);

	pthread_mutex_lock(&g->lock);
	g->aborted = true;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

static int thread_all_gather(struct comm *c, const void *mine, void *all, int64_t count,
			     size_t bytes)
{
	if (enter(c, mine))
		return -1;
	for (int64_t i = 0; i < count; i++)
		for (int r = 0; r < c->ranks; r++)
			memcpy((char *)all + (size_t)(i * c->ranks + r) * bytes,
			       (const char *)group_of(c)->offer[r] + (size_t)i * bytes, bytes);
	return leave(c);
}

static int thread_all_reduce_f64(struct comm *c, const double *mine, double *sum, int64_t n)
{
	if (enter(c, mine))
		return -1;
	for (int64_t i = 0; i < n; i++) {
		sum[i] = 0;
		for (int r = 0; r < c->ranks; r++)
			sum[i] += ((const double *)group_of(c)->offer[r])[i];
	}
	return leave(c);
}

static int thread_all_reduce_f32(struct comm *c, const float *mine, float *sum, int64_t n)
{
	if (enter(c, mine))
		return -1;
	for (int64_t i = 0; i < n; i++) {
		double wide = 0;
		for (int r = 0; r < c->ranks; r++)
			wide += ((const float *)group_of(c)->offer[r])[i];
		sum[i] = (float)wide;
	}
	return leave(c);
}

static void copy_pieces(const struct pieces *to, const struct pieces *from)
{
	die_if(to->count != from->count || to->bytes != from->bytes,
	       "neighbours disagree on their halo");
	for (int64_t i = 0; i < to->count; i++)
		memcpy(to->at + (size_t)i * to->stride, from->at + (size_t)i * from->stride,
		       to->bytes);
}

static int thread_exchange_halo(struct comm *c, const struct halo *h)
{
	const void *const *offer = group_of(c)->offer;

	if (enter(c, h))
		return -1;
	if (c->rank > 0)
		copy_pieces(&h->from_prev, &((const struct halo *)offer[c->rank - 1])->to_next);
	if (c->rank < c->ranks - 1)
		copy_pieces(&h->from_next, &((const struct halo *)offer[c->rank + 1])->to_prev);
	return leave(c);
}

static const struct comm_transport thread_transport = {
	.all_gather = thread_all_gather,
	.all_reduce_f64 = thread_all_reduce_f64,
	.all_reduce_f32 = thread_all_reduce_f32,
	.exchange_halo = thread_exchange_halo,
	.abort = thread_abort,
};

static void *run_rank(void *arg)
{
	struct thread_rank *r = arg;

	r->f(&r->comm, r->arg);
	return NULL;
}

void comm_run_threads(int ranks, void (*f)(struct comm *, void *arg), void *arg)
{
	struct group g = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER,
			   .ranks = ranks };
	struct thread_rank *rank = calloc((size_t)ranks, sizeof *rank);

	g.offer = calloc((size_t)ranks, sizeof *g.offer);
	die_if(!rank || !g.offer, "out of memory");
	for (int i = 0; i < ranks; i++) {
		rank[i] = (struct thread_rank){ .comm = { i, ranks, &thread_transport },
						.group = &g, .f = f, .arg = arg };
		die_if(pthread_create(&rank[i].thread, NULL, run_rank, &rank[i]),
		       "no thread for rank %d", i);
	}
	for (int i = 0; i < ranks; i++)
		pthread_join(rank[i].thread, NULL);
	free(g.offer);
	free(rank);
}
