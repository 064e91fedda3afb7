/* SPDX-License-Identifier: MIT
 *
 * How many pairs of processes a comparison needs: the rule (verdict.h) is simulated through the
 * noise that `bench calibrate WORKLOAD` has stored for this machine. `bench plan` shows all of it;
 * gate and compare take what it says where nobody says how many.
 */
#ifndef BENCH_EFFORT_H
#define BENCH_EFFORT_H

#include "db.h"
#include "verdict.h"

#define EFFORT_TRIED 10
extern const int effort_pairs[EFFORT_TRIED]; /* numbers of pairs that are tried: 8, 10, ... 80 */

#define EFFORT_EFFECT 0.05 /* what is to be caught, and how often, where nothing else is said */
#define EFFORT_POWER  0.95

struct effort {
	double theta, effect, power; /* bound of the rule; what is to be caught, how often */
	double budget_s;             /* 0: none */
	double sigma;                /* deviation of a pair; NAN: not known */
	double process_s;            /* how long one takes; 0: unknown */
	char as_of[32];              /* when it was calibrated; "" */
	bool expired;                /* so long ago that it may no longer hold */
	struct outlook o[EFFORT_TRIED]; /* those with pairs > 0 were tried */
	int enough;     /* index of the first that does; -1: none */
	int affordable; /* of the last within the budget; -1: none, or no budget */
};

/* Fills in sigma and process_s, where unknown, from the database. 0 or its error. */
int effort_ask(struct effort *p, struct db *db, const char *workload);

/* Tries the first `tried` numbers of pairs until one is enough, all within the budget, and `beyond`
 * more, with so many trials each. */
void effort_simulate(struct effort *p, int tried, int beyond, int trials);

/* Seconds for a clean row; a suspicion takes as many pairs again. */
double effort_seconds(const struct effort *p, int i);

/* ---- how many, where nobody says ---------------------------------------------------------------
 */

struct effort_row {
	const char *workload;
	double floor; /* smallest change that is called one */
};

struct effort_choice {
	int pairs;     /* of each row: 10 to 40, fewer (8 at least) where the budget says so */
	char why[512]; /* "12 pairs a row: ..." */
};

/* What the noisiest row needs to catch 5 % (or two floors, where that is more) with 95 %. `db` is
 * the file, which need not be there. budget_s 0: none. */
struct effort_choice effort_choose(const char *db, const struct effort_row *row, int n,
				   double budget_s);

#endif
