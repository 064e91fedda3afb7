/* SPDX-License-Identifier: MIT
 *
 * Each branch of the rule on numbers small enough to follow by hand. How it does on noisy machines
 * is verdict_noise_test.c.
 */
#include <math.h>
#include <string.h>

#include "test.h"
#include "verdict.h"

/* Ten pairs around `centre` that scatter by `spread`, no two equal. */
static const double *around(double centre, double spread)
{
	static const double at[10] = { 0.4, -1.1, 0.9, -0.2, 1.6, -0.7, 0.1, -1.5, 0.6, -0.3 };
	static double d[10];

	for (int i = 0; i < 10; i++)
		d[i] = centre + spread * at[i];
	return d;
}

static void one_look(void)
{
	struct verdict_rule r = verdict_rule(0.02, false);
	struct verdict v = verdict_look(&r, around(0, 0.003), NULL, 10);

	CHECK_STR(verdict_names[v.kind], "pass");
	CHECK(v.ci_lo < 1 && v.ci_hi > 1 && v.ci_hi < 1.005, "[%g, %g]", v.ci_lo, v.ci_hi);
	CHECK(v.mde95 > 0.02 && v.mde95 < 0.03, "mde %g", v.mde95);
	CHECK(strstr(v.reason, "above 2.0 % is excluded") != NULL, "%s", v.reason);
	v = verdict_look(&r, around(0.05, 0.003), NULL, 10);
	CHECK_STR(verdict_names[v.kind], "suspect");
	CHECK_NEAR(v.p, 1.0 / 1024, 1e-15);
	CHECK_NEAR(v.ratio, exp(0.05), 0.001);
	CHECK_NEAR(v.theta, 0.02, 1e-12);
	v = verdict_look(&r, around(-0.05, 0.003), NULL, 10);
	CHECK_STR(verdict_names[v.kind], "promising");
	v = verdict_look(&r, around(0.015, 0.003), NULL, 10);
	CHECK_STR(verdict_names[v.kind], "pass");
	v = verdict_look(&r, around(0.019, 0.005), NULL, 10);
	CHECK_STR(verdict_names[v.kind], "inconclusive");
	CHECK(!verdict_wants_more(&r, &v), "there was no extension to ask for");
	r.history = 0.08; /* the series is used to changes of 8 % */
	v = verdict_look(&r, around(0.05, 0.003), NULL, 10);
	CHECK_STR(verdict_names[v.kind], "pass");
	v = verdict_look(&r, around(0.05, 0.003), NULL, 7);
	CHECK_STR(verdict_names[v.kind], "inconclusive");
	CHECK(strstr(v.reason, "too few") != NULL, "%s", v.reason);
	v = verdict_look(&r, NULL, NULL, 0);
	CHECK_STR(verdict_names[v.kind], "inconclusive");
}

static void noisy_machine(void)
{
	struct verdict_rule r = verdict_rule(0.02, true);
	bool disturbed[10] = { true, true };
	struct verdict v = verdict_look(&r, around(0, 0.2), NULL, 10);

	CHECK(v.noisy, "20 %% are not noisy");
	CHECK_STR(verdict_names[v.kind], "inconclusive");
	CHECK(verdict_wants_more(&r, &v), "no extension");
	v = verdict_look(&r, around(-0.5, 0.1), NULL, 10);
	CHECK_STR(verdict_names[v.kind], "inconclusive"); /* nothing is promised there */
	v = verdict_look(&r, around(1, 0.2), NULL, 10);
	CHECK_STR(verdict_names[v.kind], "suspect");
	CHECK(verdict_wants_more(&r, &v), "a noisy suspect is extended");
	v = verdict_look(&r, around(0, 0.003), disturbed, 10);
	CHECK_INT(v.n, 8);
	CHECK_INT(v.disturbed, 2);
	CHECK_STR(verdict_names[v.kind], "pass");
	memset(disturbed, true, 6 * sizeof *disturbed);
	v = verdict_look(&r, around(0, 0.003), disturbed, 10);
	CHECK_INT(v.n, 10);
	CHECK_STR(verdict_names[v.kind], "inconclusive");
	CHECK(strstr(v.reason, "6 of 10 pairs") != NULL, "%s", v.reason);
}

static void two_stages(void)
{
	struct verdict_rule r = verdict_rule(0.02, true);
	struct verdict first = verdict_look(&r, around(0.05, 0.003), NULL, 10), v = first;
	double k;

	CHECK_NEAR(v.p, 2.0 / 1024, 1e-15); /* of two looks */
	verdict_confirm(&r, &v, around(0.04, 0.003), NULL, 10);
	CHECK_STR(verdict_names[v.kind], "regress");
	verdict_family(&r, &v, 1);
	CHECK_STR(verdict_names[v.kind], "regress");
	k = 2.0 / 1024 / 1024;
	CHECK_NEAR(v.p_family, k * (1 - log(k)), 1e-15);
	v = first;
	verdict_confirm(&r, &v, around(0.009, 0.001), NULL, 10); /* below half of theta */
	CHECK_STR(verdict_names[v.kind], "inconclusive");
	CHECK_INT(v.confirmed, 0);
	v = first;
	verdict_family(&r, &v, 1); /* nobody measured again */
	CHECK_STR(verdict_names[v.kind], "inconclusive");
	v = verdict_look(&r, around(-0.05, 0.003), NULL, 10);
	first = v;
	verdict_confirm(&r, &v, around(-0.04, 0.003), NULL, 10);
	CHECK_STR(verdict_names[v.kind], "improve");
	v = first;
	verdict_confirm(&r, &v, around(0, 0.003), NULL, 10);
	CHECK_STR(verdict_names[v.kind], "pass");
	v = first;
	verdict_confirm(&r, &v, around(0.05, 0.003), NULL, 10);
	CHECK_STR(verdict_names[v.kind], "inconclusive");
}

/* The smallest p there is, among ever more rows. */
static void family(void)
{
	struct verdict_rule r = verdict_rule(0.02, true);
	static struct verdict v[500];

	r.trials = 0;
	for (int rows = 1; rows <= 500; rows += 499) {
		for (int i = 0; i < rows; i++)
			v[i] = verdict_look(&r, around(i ? 0 : 0.05, 0.003), NULL, 10);
		verdict_confirm(&r, &v[0], around(0.05, 0.003), NULL, 10);
		verdict_family(&r, v, rows);
		CHECK_STR(verdict_names[v[0].kind], rows == 1 ? "regress" : "inconclusive");
		CHECK_NEAR(v[0].p_family / rows, 2.74e-5, 1e-6);
	}
	CHECK(strstr(v[0].reason, "among 500 rows") != NULL, "%s", v[0].reason);
	CHECK_STR(verdict_names[v[1].kind], "pass");
}

static void coins(void)
{
	int swapped = 0, varies = 0;

	for (uint64_t seed = 0; seed < 1000; seed++) {
		int heads = 0;
		for (int pair = 8; pair < 16; pair++) {
			heads += pair_swapped(seed, pair);
			varies += pair_swapped(seed, pair) != pair_swapped(seed, pair - 8);
		}
		CHECK(heads >= 2 && heads <= 6, "seed %d: %d of 8", (int)seed, heads);
		swapped += heads;
	}
	CHECK_NEAR(swapped, 4000, 150);
	CHECK_NEAR(varies, 4000, 150);
}

static void outlook(void)
{
	struct verdict_rule r = verdict_rule(0.02, true);
	struct noise_model calm = { .sigma = 0.004 }, rough = { .sigma = 0.08 };
	struct outlook o = verdict_outlook(&r, &calm, 10, 0.05, 500);
	struct outlook more = verdict_outlook(&r, &rough, 40, 0.05, 100);

	CHECK(o.mde95 > 0.02 && o.mde95 < 0.03, "mde %g", o.mde95);
	CHECK(o.power > 0.99 && o.clean_pass > 0.99 && o.clean_regress == 0, "power %g pass %g",
	      o.power, o.clean_pass);
	CHECK(o.pairs < 11, "%g pairs", o.pairs);
	o = verdict_outlook(&r, &rough, 10, 0.05, 500);
	CHECK(o.power < 0.5 && more.power > o.power + 0.3, "power %g, %g with 40 pairs", o.power,
	      more.power);
	CHECK(more.mde95 < o.mde95, "mde %g, %g with 40 pairs", o.mde95, more.mde95);
}

int main(void)
{
	one_look();
	noisy_machine();
	two_stages();
	family();
	coins();
	outlook();
	return test_end();
}
