/* SPDX-License-Identifier: MIT
 *
 * Two measuring processes that take turns. When one runs after the other, a machine that is slow
 * for a second is slow for one of them. In turns both are loaded and warm at the same time, and
 * while one computes a few steps the other waits between two of its own, so that both meet the same
 * machine. No clock of a step, a stage or a sample runs while it waits.
 *
 * A turn is: catch up with the other one, then go TURN_S further. Hence the order A B B A A B B A,
 * in which a steady drift cancels out.
 *
 *	leader (child_turns.c)            process (measure.c)
 *	BENCH_TURNS=descriptor      -->   loads and warms up
 *	                            <--   struct turn_wish { done }: I wait, and stand here
 *	struct turn { until, s }    -->   computes; then the next wish
 *
 * A program that knows nothing of turns ends without a word. The leader then lets the two run one
 * after the other, but not in the order asked for: who knows that a program is of this kind must
 * not lead it into turns.
 */
#ifndef BENCH_TURNS_H
#define BENCH_TURNS_H

#include <stdbool.h>

#define TURNS_ENV "BENCH_TURNS"
#define TURN_S    0.025

/* Both are whole messages of a SOCK_SEQPACKET socket. */
struct turn_wish {
	double done; /* measured samples, and the share of the current one, by MACs */
};

struct turn {
	double until;   /* to be done first; INFINITY: all, without further turns */
	double seconds; /* that it may go on after that */
};

/* A process's side. */
struct turns {
	int fd; /* -1: it is alone */
	struct turn turn;
	double since_s; /* clock, when `until` was reached; 0: not yet */
	bool begun;     /* the first wish was heard */
	int taken;      /* while the other one took part, too */
};

/* Takes the descriptor out of the environment, so that its own children do not see it. Alone when
 * there is none, or when the threads of this process never sleep: they would disturb the other. */
void turns_open(struct turns *t);

/* Between two steps: whether this turn has ended. Then turns_pass() gives it away and waits for the
 * next one; returns the seconds waited. */
bool turns_due(struct turns *t, double done);
double turns_pass(struct turns *t, double done);
void turns_close(struct turns *t);

#endif
