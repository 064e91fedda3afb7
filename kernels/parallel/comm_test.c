/* SPDX-License-Identifier: MIT
 *
 * Collectives between threads: values, order, and that a rank which gives up does not leave the
 * others waiting. Meant to run under the thread sanitizer too.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "comm.h"
#include "test.h"

#define MAX_RANKS 5
#define ROUNDS 50

static int wrong[MAX_RANKS]; /* each rank counts its own: CHECK is not for threads */

/* Rank r offers 1000 r + i; the joined array has piece i of all ranks side by side. */
static void gather(struct comm *c, void *arg)
{
	int32_t mine[6], all[6 * MAX_RANKS];

	(void)arg;
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < 6; i++)
			mine[i] = 1000 * c->rank + i + round;
		memset(all, 0xff, sizeof all);
		wrong[c->rank] += comm_all_gather(c, mine, all, 3, 8) != 0;
		for (int i = 0; i < 6 * c->ranks; i++) {
			int piece = i / (2 * c->ranks), r = i / 2 % c->ranks;
			wrong[c->rank] += all[i] != 1000 * r + 2 * piece + i % 2 + round;
		}
	}
}

/* 2^60 and -2^60 around small numbers: another order of summation gives another result. */
static double term(int rank, int i)
{
	return rank == 0 ? 0x1p60 : rank == 1 ? 3 + i : rank == 2 ? -0x1p60 : 100.25;
}

static void reduce(struct comm *c, void *arg)
{
	double mine[4], sum[4], want[4] = { 0 };
	float narrow[2] = { (float)c->rank, 0.5f }, total[2];

	(void)arg;
	for (int i = 0; i < 4; i++) {
		mine[i] = term(c->rank, i);
		for (int r = 0; r < c->ranks; r++)
			want[i] += term(r, i);
	}
	for (int round = 0; round < ROUNDS; round++) {
		wrong[c->rank] += comm_all_reduce_f64(c, mine, sum, 4) != 0;
		wrong[c->rank] += memcmp(sum, want, sizeof sum) != 0;
		wrong[c->rank] += comm_all_reduce_f32(c, narrow, total, 2) != 0;
		wrong[c->rank] += total[0] != (float)(c->ranks * (c->ranks - 1) / 2);
		wrong[c->rank] += total[1] != 0.5f * (float)c->ranks;
	}
}

/* Each rank holds two samples of [above, 3 own rows, below]; a row is one int. */
static void halo(struct comm *c, void *arg)
{
	int32_t row[2][5];
	size_t sample = sizeof row[0];
	struct halo h = {
		.to_prev = { (char *)&row[0][1], 2, 4, sample },
		.to_next = { (char *)&row[0][3], 2, 4, sample },
		.from_prev = { (char *)&row[0][0], 2, 4, sample },
		.from_next = { (char *)&row[0][4], 2, 4, sample },
	};

	(void)arg;
	for (int round = 0; round < ROUNDS; round++) {
		for (int s = 0; s < 2; s++)
			for (int i = 0; i < 5; i++)
				row[s][i] = i == 0 || i == 4 ? -1 : 100 * s + 3 * c->rank + i - 1;
		wrong[c->rank] += comm_exchange_halo(c, &h) != 0;
		for (int s = 0; s < 2; s++)
			for (int i = 0; i < 5; i++) {
				int global = 3 * c->rank + i - 1;
				bool outside = global < 0 || global >= 3 * c->ranks;
				wrong[c->rank] += row[s][i] != (outside ? -1 : 100 * s + global);
			}
	}
}

/* The last rank gives up after one collective; the others' next one fails, and all after it. */
static void give_up(struct comm *c, void *arg)
{
	double one = 1, sum;

	(void)arg;
	wrong[c->rank] += comm_all_reduce_f64(c, &one, &sum, 1) != 0;
	if (c->rank == c->ranks - 1) {
		comm_abort(c);
		return;
	}
	for (int i = 0; i < 3; i++)
		wrong[c->rank] += comm_all_reduce_f64(c, &one, &sum, 1) != -1;
}

static void test(const char *what, void (*f)(struct comm *, void *), int ranks)
{
	memset(wrong, 0, sizeof wrong);
	comm_run_threads(ranks, f, NULL);
	for (int r = 0; r < ranks; r++)
		CHECK(wrong[r] == 0, "%s: rank %d of %d has %d wrong values", what, r, ranks,
		      wrong[r]);
}

int main(void)
{
	for (int ranks = 1; ranks <= MAX_RANKS; ranks++) {
		test("all_gather", gather, ranks);
		test("all_reduce", reduce, ranks);
		test("halo", halo, ranks);
		test("abort", give_up, ranks);
	}
	return test_end();
}
