/* SPDX-License-Identifier: MIT
 *
 * The rule on machines that misbehave: no false regression and no false improvement on any of them,
 * no pass where a stage became 10 % slower, and on calm ones the slowdowns are caught. A machine is
 *a process in time; a suite is four rows (stages) measured by the same processes, first look,
 * extension and confirmation one after the other.
 *
 *	VERDICT_TRIALS=20000 build/obj/bench/verdict_noise_test    prints the table of DESIGN.md
 */
#include <math.h>
#include <stdlib.h>

#include "stats.h"
#include "stats_boot.h"
#include "test.h"
#include "verdict.h"

#define ROWS    4
#define SLOWED  2  /* the row that an injected slowdown hits */
#define PAIRS   10
#define SLOTS   (2 * 3 * PAIRS)
#define TRIALS  100

/* ---- machines ----------------------------------------------------------------------------------
 */

struct machine {
	struct rng *r;
	double state; /* carried from process to process */
	int left;
};

static double normal(struct machine *m, double sigma)
{
	return sigma * rng_normal(m->r);
}

static bool chance(struct machine *m, double p)
{
	return rng_uniform(m->r) < p;
}

/* Noise of one process with rare excursions upwards. */
static double usual(struct machine *m, double sigma)
{
	double z = normal(m, sigma);

	return chance(m, 0.05) ? z - 3 * sigma * log(rng_uniform(m->r)) : z;
}

/* Logarithm of what slot i takes beyond its own work, for all rows. */
static double quiet(struct machine *m, int i)
{
	(void)m, (void)i;
	return 0;
}

static double drift(struct machine *m, int i)
{
	(void)m;
	return 0.2 * i / SLOTS;
}

static double walk(struct machine *m, int i)
{
	(void)i;
	return m->state += normal(m, 0.01);
}

static double two_clocks(struct machine *m, int i)
{
	if (!i || chance(m, 0.2))
		m->state = chance(m, 0.3) ? 0.08 : 0;
	return m->state;
}

/* Bandwidth between one and a twentieth, several times within a process. */
static double swing_within(struct machine *m, int i)
{
	double sum = 0;

	(void)i;
	for (int k = 0; k < 3; k++)
		sum += exp(log(20) * rng_uniform(m->r));
	return log(sum / 3);
}

static double swing_between(struct machine *m, int i)
{
	if (!i || chance(m, 0.4))
		m->state = chance(m, 0.5) ? log(20) : 0;
	return m->state;
}

/* In step with ABBA: the two in the middle of four are slow. */
static double resonance(struct machine *m, int i)
{
	(void)m;
	return i % 4 == 1 || i % 4 == 2 ? log(3) : 0;
}

static double second_slower(struct machine *m, int i)
{
	(void)m;
	return i % 2 ? 0.03 : 0;
}

static double wild(struct machine *m, int i)
{
	(void)i;
	return 0.005 * tan(M_PI * (rng_uniform(m->r) - 0.5));
}

static double bursts(struct machine *m, int i)
{
	(void)i;
	if (m->left > 0)
		m->left--;
	else if (chance(m, 0.06))
		m->left = 5;
	return m->left ? log(5) : 0;
}

static double calm_then_storm(struct machine *m, int i)
{
	return i < SLOTS / 3 ? 0 : swing_between(m, i);
}

static const struct shape {
	const char *name;
	double (*common)(struct machine *m, int i);
	double sigma; /* of each row on its own */
	bool calm;    /* must catch 5 % */
} shapes[] = {
	{ "0.3 %", quiet, 0.003, true },
	{ "1 %", quiet, 0.01, false },
	{ "3 %", quiet, 0.03, false },
	{ "drift of 20 %", drift, 0.005, true },
	{ "random walk, 1 %", walk, 0.003, false },
	{ "two clock states, 8 %", two_clocks, 0.003, false },
	{ "20-fold within", swing_within, 0.01, false },
	{ "20-fold between", swing_between, 0.01, false },
	{ "resonant with ABBA", resonance, 0.005, false },
	{ "second 3 % slower", second_slower, 0.005, false },
	{ "Cauchy, 0.5 %", wild, 0.003, false },
	{ "bursts, 5-fold", bursts, 0.005, false },
	{ "calm, then 20-fold", calm_then_storm, 0.005, false },
};

/* ---- suites ------------------------------------------------------------------------------------
 */

struct suite {
	double d[ROWS][3 * PAIRS];
};

/* Every slot of the session; the coin says which arm runs in it. `abba` is the order that a coin
 * replaced. */
static void measure(struct suite *s, const struct shape *shape, double effect, bool abba,
		    struct rng *r)
{
	struct machine m = { .r = r };
	uint64_t seed = rng_next(r);

	for (int pair = 0; pair < 3 * PAIRS; pair++) {
		bool swapped = abba ? pair % 2 : pair_swapped(seed, pair);
		double time[2][ROWS];
		for (int k = 0; k < 2; k++) {
			double common = shape->common(&m, 2 * pair + k);
			for (int row = 0; row < ROWS; row++)
				time[k ^ swapped][row] = common + usual(&m, shape->sigma);
		}
		for (int row = 0; row < ROWS; row++)
			s->d[row][pair] = time[1][row] - time[0][row] +
					  (row == SLOWED ? log1p(effect) : 0);
	}
}

static void judge(const struct verdict_rule *r, const struct suite *s, struct verdict *v)
{
	for (int row = 0; row < ROWS; row++) {
		v[row] = verdict_look(r, s->d[row], NULL, PAIRS);
		if (verdict_wants_more(r, &v[row]))
			v[row] = verdict_look(r, s->d[row], NULL, 2 * PAIRS);
		if (verdict_wants_fresh(&v[row]))
			verdict_confirm(r, &v[row], s->d[row] + 2 * PAIRS, NULL, PAIRS);
	}
	verdict_family(r, v, ROWS);
}

/* What most gates do: the ratio of two means beyond 5 %. */
static bool plain_gate_red(const struct suite *s, int row)
{
	return stats_mean(s->d[row], PAIRS) > log(1.05);
}

struct count {
	int red_suites, improved_rows, passed, inconclusive, plain_suites; /* of clean rows */
	int caught, missed;     /* of slowed rows: regress, pass */
	int plain_caught;
};

static struct count run(const struct verdict_rule *r, const struct shape *shape, double effect,
			bool abba, int trials)
{
	struct rng random = { .seed = (uint64_t)(effect * 1000) + 7 };
	struct count c = { 0 };

	for (int t = 0; t < trials; t++) {
		struct suite s;
		struct verdict v[ROWS];
		bool red = false, plain = false;
		measure(&s, shape, effect, abba, &random);
		judge(r, &s, v);
		for (int row = 0; row < ROWS; row++) {
			if (effect > 0 && row == SLOWED)
				continue;
			red = red || v[row].kind == VERDICT_REGRESS;
			plain = plain || plain_gate_red(&s, row);
			c.improved_rows += v[row].kind == VERDICT_IMPROVE;
			c.passed += v[row].kind == VERDICT_PASS;
			c.inconclusive += v[row].kind == VERDICT_INCONCLUSIVE;
		}
		c.red_suites += red;
		c.plain_suites += plain;
		c.caught += v[SLOWED].kind == VERDICT_REGRESS;
		c.missed += v[SLOWED].kind == VERDICT_PASS;
		c.plain_caught += plain_gate_red(&s, SLOWED);
	}
	return c;
}

/* ---- the table ---------------------------------------------------------------------------------
 */

static double share(int count, double of)
{
	return 100 * count / of;
}

static void check_shape(const struct verdict_rule *r, const struct shape *shape, int trials)
{
	struct count clean = run(r, shape, 0, false, trials);
	struct count five = run(r, shape, 0.05, false, trials);
	struct count ten = run(r, shape, 0.10, false, trials);
	struct count abba = run(r, shape, 0, true, trials);

	printf("%-22s %5d %5d %6.1f | %6.1f %6.1f | %6d %6d | %6d %6.1f\n", shape->name,
	       clean.red_suites, clean.improved_rows, share(clean.inconclusive, trials * ROWS),
	       share(five.caught, trials), share(ten.caught, trials), five.missed, ten.missed,
	       abba.red_suites, share(clean.plain_suites, trials));
	CHECK(clean.red_suites + five.red_suites + ten.red_suites == 0, "%s: %d false regressions",
	      shape->name, clean.red_suites + five.red_suites + ten.red_suites);
	CHECK(clean.improved_rows == 0, "%s: %d false improvements", shape->name,
	      clean.improved_rows);
	CHECK(ten.missed == 0, "%s: 10 %% slower passed %d times", shape->name, ten.missed);
	CHECK(!shape->calm || five.caught >= 0.95 * trials, "%s: caught 5 %% only %d times",
	      shape->name, five.caught);
	CHECK(!shape->calm || ten.caught == trials, "%s: caught 10 %% only %d times", shape->name,
	      ten.caught);
	CHECK(!shape->calm || clean.inconclusive <= 0.1 * trials * ROWS,
	      "%s: %d clean rows inconclusive", shape->name, clean.inconclusive);
}

int main(void)
{
	struct verdict_rule r = verdict_rule(0.02, true);
	const char *wanted = getenv("VERDICT_TRIALS");
	int trials = wanted ? atoi(wanted) : TRIALS;

	r.trials = 0;
	printf("%d suites of %d rows, %d pairs; calls of clean rows | %% caught | passed though\n"
	       "slower | clean suites red in ABBA order, and %% by a plain 5 %% gate\n",
	       trials, ROWS, PAIRS);
	printf("%-22s %5s %5s %6s | %6s %6s | %6s %6s | %6s %6s\n", "machine", "red", "impr",
	       "inc %", "+5 %", "+10 %", "+5 %", "+10 %", "ABBA", "plain");
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		check_shape(&r, &shapes[i], trials);
	return test_end();
}
