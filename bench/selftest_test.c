/* SPDX-License-Identifier: MIT
 *
 * The audit of the gate on pairs that were made up: what is counted for which row, and that it
 * calls a clean session clean and a slowed one slow. Then the program: --inject, plan, and what
 * selftest refuses.
 */
#include "cli_child.h"
#include "inject.h"
#include "selftest.h"
#include "stats_boot.h"
#include "test.h"

#define PAIRS 40

/* total = denoise + decode; denoise of arm B is slower by `effect`. */
static struct pairs_result made_up(double noise, double effect)
{
	static const char *const stages[] = { "total", "denoise", "decode" };
	struct pairs_result r = { .n = PAIRS, .n_series = 4 };
	struct rng random = { .seed = 5 };

	r.disturbed = calloc(PAIRS, sizeof *r.disturbed);
	for (int k = 0; k < 4; k++) {
		struct pairs_series *s = &r.series[k];
		strcpy(s->metric, k < 3 ? "latency" : "load_time");
		strcpy(s->stage, k < 3 ? stages[k] : "total");
		for (int arm = 0; arm < ARMS; arm++)
			s->value[arm] = calloc(PAIRS, sizeof(double));
		s->log_ratio = calloc(PAIRS, sizeof(double));
	}
	for (int i = 0; i < PAIRS; i++)
		for (int arm = 0; arm < ARMS; arm++) {
			double denoise = exp(noise * rng_normal(&random)) * (arm ? 1 + effect : 1);
			double decode = 0.2 * exp(noise * rng_normal(&random));
			r.series[0].value[arm][i] = denoise + decode;
			r.series[1].value[arm][i] = denoise;
			r.series[2].value[arm][i] = decode;
			r.series[3].value[arm][i] = arm ? 9 : 1; /* no latency: not judged */
		}
	for (int k = 0; k < 4; k++)
		for (int i = 0; i < PAIRS; i++)
			r.series[k].log_ratio[i] = log(r.series[k].value[ARM_B][i] /
						       r.series[k].value[ARM_A][i]);
	return r;
}

static void free_pairs(struct pairs_result *r)
{
	for (int k = 0; k < r->n_series; k++) {
		for (int arm = 0; arm < ARMS; arm++)
			free(r->series[k].value[arm]);
		free(r->series[k].log_ratio);
	}
	free(r->disturbed);
}

static void clean_session(void)
{
	struct verdict_rule rule = verdict_rule(0.02, true);
	struct pairs_result r = made_up(0.004, 0);
	struct selftest t = { .stage = "total", .suites = 50 };
	struct selftest_row sum;
	struct err e = { 0 };

	CHECK(!selftest_judge(&t, &r, &rule, 1, &e), "%s", e.msg);
	sum = selftest_sum(&t, false);
	CHECK_INT(t.n_rows, 3);
	CHECK_INT(sum.regress + sum.improve, 0);
	CHECK_INT(sum.pass + sum.inconclusive, 150);
	CHECK(sum.pass >= 140, "%d of 150 pass", sum.pass);
	CHECK_INT(t.red_suites + t.plain_red_suites, 0);
	CHECK_NEAR(t.row[1].noise.pair, 0.004 * sqrt(2), 0.002);
	r.n = SELFTEST_LEAST - 1;
	CHECK(selftest_judge(&t, &r, &rule, 1, &e) && strstr(e.msg, "too few"), "%s", e.msg);
	r.n = PAIRS;
	free_pairs(&r);
}

static void slowed_session(void)
{
	struct verdict_rule rule = verdict_rule(0.02, true);
	struct pairs_result r = made_up(0.004, 0.05);
	struct selftest t = { .effect = 0.05, .stage = "denoise", .suites = 50 };
	struct selftest wrong = { .effect = 0.05, .stage = "decodes", .suites = 1 };
	struct err e = { 0 };

	CHECK(!selftest_judge(&t, &r, &rule, 1, &e), "%s", e.msg);
	CHECK(t.row[1].slowed && !t.row[1].clean && t.row[2].clean, "which rows are clean");
	CHECK(!t.row[0].slowed && !t.row[0].clean, "the total is neither");
	CHECK_INT(selftest_sum(&t, true).regress, 50);
	CHECK_INT(selftest_sum(&t, false).regress, 0);
	CHECK(t.row[1].plain > 5 && t.row[1].plain < 45, "a bound at the effect caught %d of 50",
	      t.row[1].plain);
	CHECK(selftest_judge(&wrong, &r, &rule, 1, &e) && strstr(e.msg, "decodes"), "%s", e.msg);
	free_pairs(&r);
}

static void spin(void)
{
	int64_t start = clock_ns() - 2000000; /* as if a step had begun 2 ms ago */

	inject_spin(start, 0.5);
	CHECK(clock_ns() - start >= 3000000, "not half as long again");
}

static void says(const char *words, int status, const char *text)
{
	struct child *c = cli_run(words);

	CHECK_INT(c->status, status);
	CHECK(strstr(c->out, text) || strstr(c->err, text), "%s: %s%s", words, c->out, c->err);
	cli_free(c);
}

static void program(void)
{
	says("run sdxl-20steps-mini --inject denois=5 --no-db", 2, "did you mean `denoise`?");
	says("run sdxl-20steps-mini --inject denoise=fast --no-db", 2, "STAGE=PERCENT");
	says("run sdxl-20steps-mini --inject denoise=0 --no-db", 2, "STAGE=PERCENT");
	says("run sdxl-20steps-mini --inject total=50 --backend null", 0, "on purpose, total=50");
	says("db query SELECT~count(*)~AS~n~FROM~v_runs~WHERE~params_json~LIKE~'%inject%'", 0, "1");
	says("plan --sigma 0.5% --process 10s", 0, "<- enough");
	says("plan --sigma 0.5% --process 10s --budget 1m", 0, "budget is too short");
	says("plan --sigma 20%", 0, "Not even 80 pairs");
	says("plan --sigma 0.5% --effect 1%", 2, "--effect 1 %");
	says("plan --sigma 0.5% --power 2", 2, "--power");
	says("plan", 2, "--sigma 1%");
	says("plan --sigma 1% --json", 0, "\"enough_pairs\": ");
	says("selftest ab", 2, "knows aa and inject");
	says("selftest aa --pairs 20", 2, "too few");
	says("selftest aa no-such-workload", 2, "no-such-workload");
}

int main(void)
{
	clean_session();
	slowed_session();
	spin();
	cli_begin();
	program();
	cli_end();
	return test_end();
}
