/* SPDX-License-Identifier: MIT
 *
 * The rules on lists of seconds: when a warm-up ends, when enough was measured, what is steady, and
 * which samples a cause removes.
 */
#include "measure.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>

#define MANY 400

static struct err e;

static struct protocol rule(const char *text)
{
	struct protocol p = { .warmup = -1, .samples = -1 };

	e = (struct err){ 0 };
	CHECK_INT(protocol_parse(&p, text, &e), 0);
	return p;
}

static void refuse(const char *text)
{
	struct protocol p = { 0 };

	e = (struct err){ 0 };
	CHECK_INT(protocol_parse(&p, text, &e), -ERR_USAGE);
	CHECK(strstr(e.msg, text), "\"%s\" names \"%s\"", e.msg, text);
}

static void test_parse(void)
{
	static const char *const bad[] = { "fast",     "ci:",     "ci:0%",    "ci:99%",  "ci:1x",
					   "count:0",  "count:2.5", "count:-1", "time:", "time:0",
					   "time:5min", "ci:nan%", "full " };

	CHECK_INT(rule("quick").stop, STOP_QUICK);
	CHECK_INT(rule("full").stop, STOP_FULL);
	CHECK(rule("ci:0.5%").stop == STOP_CI && rule("ci:0.5%").stop_at == 0.005, "half width");
	CHECK(rule("count:12").stop == STOP_COUNT && rule("count:12").stop_at == 12, "count");
	CHECK(rule("time:2.5s").stop == STOP_TIME && rule("time:2.5").stop_at == 2.5, "time");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuse(bad[i]);
}

/* ---- warm-up -----------------------------------------------------------------------------------
 */

static double series[MANY], level;

/* From `first`, falling towards `level` by `fall` a step, with a fixed small ripple. */
static void fill(double first, double last, double fall)
{
	level = last;
	for (int i = 0; i < MANY; i++) {
		double ripple = 1 + 0.001 * ((i * 7) % 5 - 2);
		series[i] = (last + (first - last) * pow(fall, i)) * ripple;
	}
}

static int warmups(const struct protocol *p, enum warmth *how)
{
	for (int n = 1; n <= MANY; n++)
		if ((*how = protocol_warmup(p, series, n)) != WARM_NOT_YET)
			return n;
	return 0;
}

static void test_warmup(void)
{
	struct protocol quick = rule("quick"), full = rule("full"), asked = rule("full");
	enum warmth how;
	int n;

	asked.warmup = 7;
	fill(0.03, 0.01, 0.7);
	CHECK_INT(warmups(&quick, &how), 1);
	n = warmups(&full, &how);
	CHECK(how == WARM_STEADY && n >= 21 && n < 60, "brief: %d, %d", how, n);
	CHECK_INT(warmups(&asked, &how), 7);
	fill(2, 1, 0.1);
	n = warmups(&full, &how);
	CHECK(how == WARM_STEADY && n >= 6 && n < 12, "medium: %d, %d", how, n);
	fill(30, 10, 0.5);
	CHECK_INT(warmups(&full, &how), 1);
	for (int i = 0; i < MANY; i++) /* slower and slower */
		series[i] = 1 + 0.05 * i;
	n = warmups(&full, &how);
	CHECK(how == WARM_AT_CAP && n > 11, "a drift: %d, %d", how, n);
}

static void test_first(void)
{
	struct protocol quick = rule("quick"), full = rule("full");

	CHECK(!protocol_measures_first(&quick, 0.01), "a brief first call is a warm-up");
	CHECK(protocol_measures_first(&quick, 10), "a long one is the sample");
	CHECK(!protocol_measures_first(&full, 10), "but not of a full run");
	full = rule("explore");
	CHECK(protocol_measures_first(&full, 10) && !protocol_measures_first(&full, 1), "explore");
	full = rule("full");
	full.warmup = 0;
	CHECK(protocol_measures_first(&full, 0.01), "--warmup 0");
	CHECK(!protocol_replaces(&quick) && protocol_replaces(&full), "replaced");
	full.samples = 5;
	CHECK(!protocol_replaces(&full), "a fixed number is not replaced");
}

static void test_steady(void)
{
	fill(1, 1, 1);
	CHECK_INT(protocol_steady(series, 4), -1);
	CHECK_INT(protocol_steady(series, 5), 1);
	CHECK_INT(protocol_steady(series, 0), -1);
	for (int i = 0; i < 10; i++)
		series[i] = 1 + 0.01 * i;
	CHECK_INT(protocol_steady(series, 10), 0);
}

/* ---- stopping ----------------------------------------------------------------------------------
 */

static int samples(const struct protocol *p, const char **why)
{
	double spent = 0, mean = level;

	for (int n = 0; n <= MANY; n++) {
		struct measured m = { series, n, n, n ? series[n - 1] : 0, spent };
		if ((*why = protocol_stop(p, &m)))
			return n;
		spent = (n + 1) * mean;
	}
	return -1;
}

static void stops(const char *text, int n, const char *why)
{
	struct protocol p = rule(text);
	const char *got;
	int k = samples(&p, &got);

	CHECK(k == n && got && !strcmp(got, why), "%s: %d, %s, want %d, %s", text, k,
	      got ? got : "never", n, why);
}

/* The middle of a spread of `width`, in no order. */
static void spread(double middle, double width)
{
	level = middle;
	for (int i = 0; i < MANY; i++)
		series[i] = middle * (1 + width * ((i * 7919 % 101) / 101.0 - 0.5));
}

static void test_stop(void)
{
	spread(0.01, 0.001);
	stops("quick", 30, "quick");
	stops("full", 50, "interval"); /* 30, but half a second too */
	stops("count:3", 3, "count");
	spread(0.04, 0.001);
	stops("quick", 12, "quick");
	stops("full", 30, "interval");
	stops("time:1s", 25, "time");
	spread(1, 0.001);
	stops("quick", 1, "quick");
	stops("full", 10, "interval");
	stops("explore", 10, "interval");
	spread(20, 0.001);
	stops("quick", 1, "quick");
	stops("explore", 1, "quick");
	stops("full", 6, "interval"); /* below 6 there is none */
	spread(500, 0.5);
	stops("full", 3, "time");
	spread(1, 0.8);
	stops("full", 120, "time");
}

/* A spread that stays as it is ends the brief regime, before its interval is narrow. */
static void test_noise(void)
{
	struct protocol full = rule("full"), ci = rule("ci:0.1%");
	const char *why;
	int n;

	spread(0.03, 0.6);
	n = samples(&full, &why);
	CHECK(n >= 96 && n < 200 && !strcmp(why, "noise"), "%d, %s", n, why ? why : "never");
	n = samples(&ci, &why);
	CHECK(n < 0 || strcmp(why, "noise"), "a width that was asked for is not given up");
}

static void test_asked(void)
{
	struct protocol p = rule("full");
	const char *why;

	p.samples = 4;
	spread(1, 0.5);
	CHECK_INT(samples(&p, &why), 4);
	CHECK_STR(why, "count");
}

/* All removed: the time limit ends it. */
static void test_none_kept(void)
{
	struct protocol p = rule("full");
	struct measured m = { series, 0, 29, 0.01, 60 };

	CHECK(!protocol_stop(&p, &m), "fewer than 30");
	m.tried = 30;
	CHECK_STR(protocol_stop(&p, &m), "time");
}

/* ---- causes ------------------------------------------------------------------------------------
 */

#define N 20

/* N samples of one step each, with a reference block before and after each. */
static struct measurement even(struct timing *timing, double *block, struct sample *sample)
{
	for (int i = 0; i <= N; i++)
		block[i] = 100;
	for (int i = 0; i < N; i++) {
		timing[i] = (struct timing){ .sample = i, .phase = PHASE_MEASURED, .block = i,
					     .seconds = 1 };
		sample[i] = (struct sample){ .seconds = 1, .minor_faults = 3 };
	}
	return (struct measurement){ .timing = timing, .n = N, .block = block, .n_blocks = N + 1,
				     .best_block = 100, .sample = sample, .samples = N };
}

static void test_causes(void)
{
	struct timing timing[N];
	struct sample sample[N];
	double block[N + 1];
	struct measurement m = even(timing, block, sample);

	sample[3].seconds = timing[3].seconds = 50; /* a value is no cause */
	measure_label(&m, 0, true);
	CHECK_INT(measure_removed(&m, ~0u), 0);
	block[8] = 70; /* beside samples 7 and 8 */
	measure_label(&m, 0, true);
	CHECK_INT(measure_removed(&m, CAUSE_SLOW), 2);
	CHECK(sample[7].removed && sample[8].removed && !measure_kept(&m, &timing[7]), "which");
	CHECK(!measure_invalid(&m), "two of twenty are a tenth");
	sample[1].major_faults = 1;
	sample[2].minor_faults = 5000;
	measure_label(&m, 0, true);
	CHECK_INT(measure_removed(&m, CAUSE_FAULTS), 2);
	CHECK_INT(measure_removed(&m, ~0u), 4);
	CHECK(measure_invalid(&m), "four of twenty");
	measure_label(&m, 0, false);
	CHECK(measure_removed(&m, ~0u) == 0 && sample[7].causes == CAUSE_SLOW, "labelled only");
	for (int i = 0; i < N; i++) /* all of them: that is how the workload is */
		sample[i].minor_faults = 5000;
	measure_label(&m, 0, true);
	CHECK_INT(measure_removed(&m, CAUSE_FAULTS), 1);
}

int main(void)
{
	test_parse();
	test_warmup();
	test_first();
	test_steady();
	test_stop();
	test_noise();
	test_asked();
	test_none_kept();
	test_causes();
	return test_end();
}
