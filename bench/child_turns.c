/* SPDX-License-Identifier: MIT
 *
 * Leads two children that take turns (turns.h): who holds the turn computes, the other one waits
 * or has not been started yet.
 */
#define _GNU_SOURCE
#include <math.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "turns.h"

enum state { NOT_STARTED, RUNS, WAITS, ENDED };

struct player {
	struct child_process child;
	enum state state;
	int fd;       /* this end of its socket; -1: none */
	double done;  /* by its last wish */
	int turns;    /* granted while the other one took part */
	bool stopped; /* because the other one failed */
	double waits_since_s, waited_s; /* which its time limit does not count */
	struct err *e;
};

struct game {
	struct player player[2];
	const struct child_job *job;
	int holder;
};

static void begin(struct game *g, int i)
{
	struct player *p = &g->player[i];
	int ends[2] = { -1, -1 };

	p->fd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0)
		p->fd = ends[0];
	child_start(&p->child, &g->job[i], ends[1] > 0 ? ends[1] : 0, p->e);
	if (ends[1] >= 0)
		close(ends[1]);
	p->state = p->child.process.ended ? ENDED : RUNS;
	g->holder = i;
}

static void grant(struct game *g, int i)
{
	struct player *p = &g->player[i], *other = &g->player[!i];
	bool alone = other->state == ENDED;
	struct turn turn = { alone ? INFINITY : other->done, TURN_S };

	p->state = RUNS;
	p->waited_s += clock_s() - p->waits_since_s;
	if (g->job[i].timeout_s > 0)
		p->child.how.timeout_s = g->job[i].timeout_s + p->waited_s;
	p->turns += !alone;
	if (send(p->fd, &turn, sizeof turn, MSG_NOSIGNAL) != sizeof turn)
		p->turns = 0; /* it is about to end */
	g->holder = i;
}

static bool failed(const struct player *p)
{
	return p->state == ENDED && (p->e->code || p->child.process.status);
}

/* The holder waits or has ended. Half a pair is none, so what is not yet started stays so after a
 * failure, or when all is to end. */
static void pass_on(struct game *g)
{
	struct player *holder = &g->player[g->holder], *other = &g->player[!g->holder];

	if (other->state == NOT_STARTED) {
		if (!failed(holder) && !process_interrupted())
			begin(g, !g->holder);
	} else if (other->state == WAITS) {
		grant(g, !g->holder);
	} else if (holder->state == WAITS) {
		grant(g, g->holder);
	}
}

/* ---- what happens meanwhile --------------------------------------------------------------------
 */

static bool alive(const struct player *p)
{
	return p->state == RUNS || p->state == WAITS;
}

static int watch(const struct game *g, struct pollfd *fds, int *wait_ms)
{
	int n = 0;

	*wait_ms = 1000;
	for (int i = 0; i < 2; i++) {
		const struct player *p = &g->player[i];
		if (!alive(p))
			continue;
		n += process_watch(&p->child.process, fds + n);
		if (p->fd >= 0)
			fds[n++] = (struct pollfd){ .fd = p->fd, .events = POLLIN };
		if (p->child.process.wait_ms < *wait_ms)
			*wait_ms = p->child.process.wait_ms;
	}
	return n;
}

/* Its wish, or that nobody is there to have one. */
static void hear(struct player *p)
{
	struct turn_wish wish;
	ssize_t n = p->fd >= 0 ? recv(p->fd, &wish, sizeof wish, MSG_DONTWAIT) : -1;

	if (n == sizeof wish) {
		p->done = wish.done;
		p->state = WAITS;
		p->waits_since_s = clock_s();
		p->child.how.timeout_s = 0;
	} else if (n == 0) {
		close(p->fd);
		p->fd = -1;
	}
}

static void attend(struct player *p)
{
	if (!alive(p))
		return;
	hear(p);
	if (process_attend(&p->child.process, p->e))
		p->state = ENDED;
}

/* A failure ends the other one, too: it would measure on for nothing. */
static void stop_after_failure(struct game *g)
{
	for (int i = 0; i < 2; i++) {
		struct player *other = &g->player[!i];
		if (!failed(&g->player[i]) || !alive(other) || other->stopped ||
		    process_interrupted())
			continue;
		process_stop(&other->child.process);
		other->stopped = true;
	}
}

static void finish(struct player *p, struct child_result *r)
{
	*r = (struct child_result){ .status = -1 };
	if (p->state == NOT_STARTED)
		return;
	child_finish(&p->child, r, p->e);
	r->turns = p->turns;
	r->seconds -= p->waited_s;
	if (p->stopped)
		*p->e = (struct err){ 0 }; /* it is not at fault */
	if (p->fd >= 0)
		close(p->fd);
}

void child_run_in_turns(const struct child_job job[2], int first, struct child_result r[2],
			struct err e[2])
{
	struct game g = { .job = job };

	for (int i = 0; i < 2; i++)
		g.player[i].e = &e[i];
	begin(&g, first);
	while (alive(&g.player[0]) || alive(&g.player[1])) {
		struct pollfd fds[2 * (PROCESS_FDS + 1)];
		int wait_ms, n = watch(&g, fds, &wait_ms);
		poll(fds, (nfds_t)n, wait_ms);
		for (int i = 0; i < 2; i++)
			attend(&g.player[i]);
		stop_after_failure(&g);
		if (g.player[g.holder].state != RUNS)
			pass_on(&g);
	}
	for (int i = 0; i < 2; i++)
		finish(&g.player[i], &r[i]);
	if (!g.player[0].turns || !g.player[1].turns)
		r[0].turns = r[1].turns = 0;
}
