/* SPDX-License-Identifier: MIT
 *
 * The memory plan: buffers that are alive together never overlap, the arena holds everything, no
 * plan is smaller than what is alive at once, and chains reuse their memory. Random lifetimes.
 */
#include <stdbool.h>
#include <stdint.h>

#include "plan.h"
#include "test.h"

#define MAX_BUFFERS 400

struct life {
	size_t bytes;
	int first, last;
};

static struct life life[MAX_BUFFERS];

static uint32_t random_below(uint32_t n)
{
	static uint64_t state = 42;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

static size_t rounded(size_t bytes)
{
	return (bytes + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
}

/* Our own bookkeeping of what is alive at a tick. */
static size_t alive_at(int n, int tick)
{
	size_t sum = 0;

	for (int i = 0; i < n; i++)
		if (life[i].first <= tick && tick <= life[i].last)
			sum += rounded(life[i].bytes);
	return sum;
}

static void check_no_overlap(const struct plan *p, int n)
{
	int overlaps = 0, outside = 0, unaligned = 0;

	for (int i = 0; i < n; i++) {
		size_t from = plan_offset(p, i), to = from + life[i].bytes;

		outside += to > plan_bytes(p) || plan_size(p, i) < life[i].bytes;
		unaligned += from % PLAN_ALIGN != 0;
		for (int j = 0; j < i; j++) {
			bool together = life[i].first <= life[j].last &&
					life[j].first <= life[i].last;
			overlaps += together && from < plan_offset(p, j) + life[j].bytes &&
				    plan_offset(p, j) < to;
		}
	}
	CHECK(overlaps == 0 && outside == 0 && unaligned == 0,
	      "%d buffers: %d overlaps, %d outside the arena, %d unaligned", n, overlaps, outside,
	      unaligned);
}

/* Each tick makes up to three buffers and touches up to three older ones. */
static void record_random(struct plan *p, int n)
{
	int made = 0;

	for (int tick = 0; made < n; tick++, plan_tick(p)) {
		for (uint32_t k = random_below(4); k > 0 && made < n; k--, made++) {
			life[made] = (struct life){ 1 + random_below(1 << random_below(20)), tick,
						    tick };
			CHECK_INT(plan_add(p, life[made].bytes), made);
		}
		for (uint32_t k = random_below(4); k > 0 && made > 0; k--) {
			int i = (int)random_below((uint32_t)made);
			life[i].last = tick;
			plan_touch(p, i);
		}
	}
}

static void test_random(int n)
{
	struct plan *p = plan_new();
	size_t most = 0, bytes;

	record_random(p, n);
	bytes = plan_solve(p);
	CHECK_INT(plan_count(p), n);
	CHECK_INT(bytes, plan_bytes(p));
	for (int i = 0; i < n; i++)
		if (alive_at(n, life[i].first) > most) /* the sum only grows where a life begins */
			most = alive_at(n, life[i].first);
	CHECK_INT(plan_live_max(p), most);
	CHECK(bytes >= most, "arena %zu below the %zu bytes alive", bytes, most);
	check_no_overlap(p, n);
	plan_free(p);
}

/* x0 -> x1 -> ... of equal size needs room for two, however long. */
static void test_chain(void)
{
	struct plan *p = plan_new();
	int before = plan_add(p, 1000);

	for (int i = 0; i < 50; i++) {
		int next = plan_add(p, 1000);
		plan_touch(p, before);
		plan_tick(p);
		before = next;
	}
	CHECK_INT(plan_solve(p), 2 * rounded(1000));
	CHECK_INT(plan_live_max(p), 2 * rounded(1000));
	plan_free(p);
}

/* A buffer that is used once more at the end keeps its bytes through the whole chain. */
static void test_skip_connection(void)
{
	struct plan *p = plan_new();
	int skip = plan_add(p, 640), inner[3];

	plan_tick(p);
	for (int i = 0; i < 3; i++) {
		inner[i] = plan_add(p, 64);
		plan_tick(p);
	}
	plan_touch(p, skip);
	plan_tick(p);
	CHECK_INT(plan_solve(p), 640 + 64);
	for (int i = 0; i < 3; i++)
		CHECK_INT(plan_offset(p, inner[i]), 640);
	plan_free(p);
}

static void test_empty(void)
{
	struct plan *p = plan_new();

	CHECK_INT(plan_solve(p), 0);
	CHECK_INT(plan_live_max(p), 0);
	plan_free(p);
}

int main(void)
{
	test_empty();
	test_chain();
	test_skip_connection();
	for (int i = 0; i < 60; i++)
		test_random(1 + (int)random_below(MAX_BUFFERS));
	return test_end();
}
