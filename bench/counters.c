/* SPDX-License-Identifier: MIT
 *
 * Counting the events of a group on every thread of the OpenMP pool. A thread opens and reads its
 * own counters, inside parallel regions that only this file starts: between stages, never inside a
 * timed step.
 */
#include "counters.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_PAPI
#include <papi.h>
#include <pthread.h>
#endif

struct thread {
	int fd[COUNTER_EVENTS]; /* of perf; -1: PAPI counts this event */
	int set, in_set[COUNTER_EVENTS]; /* PAPI: the event set, and which event is where */
	int n_set;
	char why[160];
};

struct counters {
	const struct counter_group *g;
	int threads;
	struct thread *thread;
};

/* ---- PAPI --------------------------------------------------------------------------------------
 */

#ifdef HAVE_PAPI

static int papi_start(char *why, size_t len)
{
	int rc = PAPI_VER_CURRENT;

	if (!PAPI_is_initialized())
		rc = PAPI_library_init(PAPI_VER_CURRENT);
	if (rc != PAPI_VER_CURRENT) {
		snprintf(why, len, "PAPI does not start: %s", PAPI_strerror(rc));
		return -1;
	}
	return PAPI_thread_init(pthread_self) == PAPI_OK ? 0 : -1;
}

static int papi_add(struct thread *t, const char *name, char *why, size_t len)
{
	int rc = PAPI_OK;

	if (t->set == PAPI_NULL) {
		PAPI_register_thread();
		rc = PAPI_create_eventset(&t->set);
	}
	if (rc == PAPI_OK)
		rc = PAPI_add_named_event(t->set, name);
	if (rc == PAPI_OK)
		return t->n_set++;
	snprintf(why, len, "%s: PAPI says: %s", name, PAPI_strerror(rc));
	return -1;
}

static int papi_count(struct thread *t)
{
	int rc = t->n_set ? PAPI_start(t->set) : PAPI_OK;

	if (rc != PAPI_OK)
		snprintf(t->why, sizeof t->why, "PAPI cannot count the events together: %s",
			 PAPI_strerror(rc));
	return rc == PAPI_OK ? 0 : -1;
}

static void papi_read(struct thread *t, double *events, int n)
{
	long long v[COUNTER_EVENTS] = { 0 };

	if (!t->n_set || PAPI_read(t->set, v) != PAPI_OK)
		return;
	for (int i = 0; i < n; i++)
		if (t->in_set[i] >= 0)
			events[i] = (double)v[t->in_set[i]];
}

static void papi_end(struct thread *t)
{
	long long v[COUNTER_EVENTS];

	if (t->set == PAPI_NULL)
		return;
	PAPI_stop(t->set, v);
	PAPI_cleanup_eventset(t->set);
	PAPI_destroy_eventset(&t->set);
	PAPI_unregister_thread();
}

#else

#define PAPI_NULL (-1)

static int papi_start(char *why, size_t len)
{
	snprintf(why, len, "bench was built without PAPI (install libpapi-dev, build again)");
	return -1;
}

static int papi_add(struct thread *t, const char *name, char *why, size_t len)
{
	(void)t;
	(void)name;
	return papi_start(why, len);
}

static int papi_count(struct thread *t)
{
	(void)t;
	return 0;
}

static void papi_read(struct thread *t, double *events, int n)
{
	(void)t;
	(void)events;
	(void)n;
}

static void papi_end(struct thread *t)
{
	(void)t;
}

#endif

/* ---- one thread --------------------------------------------------------------------------------
 */

/* The first name of the event that works. -1: none; the reason of the last one stays. */
static int open_event(struct thread *t, const struct counter_event *event, int at)
{
	char why[160];

	for (int i = 0; i < event->n; i++) {
		bool perf = strncmp(event->name[i], "perf:", 5) == 0;
		if (perf)
			t->fd[at] = perf_open(event->name[i] + 5, why, sizeof why);
		else
			t->in_set[at] = papi_add(t, event->name[i], why, sizeof why);
		if (t->fd[at] >= 0 || t->in_set[at] >= 0)
			return 0;
		snprintf(t->why, sizeof t->why, "%s", why);
	}
	return -1;
}

static void open_thread(struct thread *t, const struct counter_group *g)
{
	bool failed = false; /* at the first event that cannot be counted */

	t->set = PAPI_NULL;
	for (int i = 0; i < COUNTER_EVENTS; i++)
		t->fd[i] = t->in_set[i] = -1;
	for (int i = 0; i < g->n_events && !failed; i++)
		failed = open_event(t, &g->event[i], i) != 0;
	if (!failed && !papi_count(t))
		*t->why = 0;
}

static void close_thread(struct thread *t)
{
	for (int i = 0; i < COUNTER_EVENTS; i++)
		if (t->fd[i] >= 0)
			perf_close(t->fd[i]);
	papi_end(t);
}

/* ---- all threads -------------------------------------------------------------------------------
 */

static bool wants_papi(const struct counter_group *g)
{
	for (int i = 0; i < g->n_events; i++)
		for (int k = 0; k < g->event[i].n; k++)
			if (strncmp(g->event[i].name[k], "perf:", 5) != 0)
				return true;
	return false;
}

struct counters *counters_open(const struct counter_group *g, int threads, char *why, size_t len)
{
	struct counters *c = calloc(1, sizeof *c);

	die_if(!c, "out of memory");
	*c = (struct counters){ g, threads, calloc((size_t)threads, sizeof *c->thread) };
	die_if(!c->thread, "out of memory");
	if (wants_papi(g))
		papi_start(why, len); /* without it the other names are tried */
#pragma omp parallel for num_threads(threads) schedule(static, 1)
	for (int i = 0; i < threads; i++)
		open_thread(&c->thread[i], g);
	for (int i = 0; i < threads; i++)
		if (*c->thread[i].why) {
			snprintf(why, len, "%s", c->thread[i].why);
			counters_close(c);
			return NULL;
		}
	return c;
}

void counters_read(struct counters *c, double *events)
{
	double one[COUNTER_EVENTS];

	memset(events, 0, (size_t)c->g->n_events * sizeof *events);
#pragma omp parallel for num_threads(c->threads) schedule(static, 1) private(one)
	for (int t = 0; t < c->threads; t++) {
		struct thread *mine = &c->thread[t];
		memset(one, 0, sizeof one);
		papi_read(mine, one, c->g->n_events);
		for (int i = 0; i < c->g->n_events; i++) {
			if (mine->fd[i] >= 0)
				one[i] = perf_read(mine->fd[i]);
#pragma omp atomic
			events[i] += one[i];
		}
	}
}

void counters_close(struct counters *c)
{
	if (!c)
		return;
#pragma omp parallel for num_threads(c->threads) schedule(static, 1)
	for (int i = 0; i < c->threads; i++)
		close_thread(&c->thread[i]);
	free(c->thread);
	free(c);
}
