/* SPDX-License-Identifier: MIT
 *
 * The policy file: what it means, and a sentence with file and line for what it must not say.
 */
#include "policy.h"

#include <stdlib.h>
#include <unistd.h>

#include "test.h"
#include "verdict.h"

static char file[] = "/tmp/bench-policy-XXXXXX";

static struct err read_text(struct policy *p, const char *text)
{
	FILE *f = fopen(file, "w");
	struct err e = { 0 };

	fputs(text, f);
	fclose(f);
	policy_read(p, file, &e);
	return e;
}

static void full_policy(void)
{
	struct policy p;
	struct err e = read_text(&p, "; a comment\n"
		"[gate]\nbase = origin/main   ; inline\npairs=12\nbudget = 15m\nfloor = 2.5%\n"
		"fwer = 0.01\ninconclusive = fail\nadvisory = yes\n"
		"[row mini]\nworkload = sdxl-20steps-mini\nset = steps=4, dtype=fp32\nthreads = 2\n"
		"metrics = latency latency:decode step_latency:denoise\nexact = macs hash\n"
		"[row two]\nworkload=sdxl-unet-mini\nexact = parameters\nfloor=7%\r\n"
		"[waiver w]\nrow = mini\nmetric = latency:decode\nlimit = 5%\n"
		"expires = 2026-02-28\nreason = known\n");
	bool expired;

	CHECK(!e.code, "%s", e.msg);
	CHECK_STR(p.base, "origin/main");
	CHECK_INT(p.pairs, 12);
	CHECK_NEAR(p.budget_s, 900, 0);
	CHECK_NEAR(p.floor, 0.025, 1e-15);
	CHECK_NEAR(p.fwer, 0.01, 1e-15);
	CHECK(p.inconclusive == INCONCLUSIVE_FAIL && p.advisory, "flags");
	CHECK_INT(p.n_rows, 2);
	CHECK_INT(p.row[0].n_set, 2);
	CHECK_STR(p.row[0].set[1], "dtype=fp32");
	CHECK_INT(p.row[0].n_metrics, 3);
	CHECK_STR(p.row[0].metric[0].stage, "total");
	CHECK_STR(p.row[0].metric[2].metric, "step_latency");
	CHECK_STR(p.row[0].metric[2].stage, "denoise");
	CHECK_INT(p.row[0].exact, 1u << EXACT_MACS | 1u << EXACT_HASH);
	CHECK_NEAR(p.row[1].floor, 0.07, 1e-15);
	CHECK(p.row[0].floor < 0, "the row's own floor is not set");
	CHECK_INT(p.waiver[0].expires_unix_s, 1772323200); /* 2026-03-01 00:00 UTC */
	CHECK(policy_waiver_of(&p, "mini", "latency:decode", 1772323199, &expired) && !expired,
	      "holds until the end of its day");
	CHECK(policy_waiver_of(&p, "mini", "latency:decode", 1772323200, &expired) && expired,
	      "expired after it");
	CHECK(!policy_waiver_of(&p, "mini", "latency", 0, &expired) && !expired, "other metric");
	CHECK(!policy_waiver_of(&p, "two", "latency:decode", 0, &expired), "other row");
	policy_free(&p);
}

/* Each policy is refused with a sentence that holds `part`. */
static void refusals(void)
{
	static const char row[] = "[row a]\nworkload = sdxl-20steps-mini\nexact = macs\n";
	static const struct refusal {
		const char *text, *part;
	} all[] = {
		{ "", "no [row NAME]" },
		{ "[gate]\nbase = main\n", "no [row NAME]" },
		{ "[gaet]\nx = 1\n", "did you mean gate" },
		{ "[gate]\npears = 10\n", "did you mean pairs" },
		{ "[gate]\npairs = 3\n", "line 2: pairs '3'" },
		{ "[gate]\npairs = ten\n", "whole number from 8" },
		{ "[gate]\nbudget = 15\n", "15m" },
		{ "[gate]\nfloor = 200%\n", "a share" },
		{ "[gate]\nfloor = nan\n", "a share" },
		{ "[gate]\nfwer = 0\n", "above 0" },
		{ "[gate]\ninconclusive = maybe\n", "known: warn, fail, pass" },
		{ "[gate]\nbase main\n", "line 2 is neither" },
		{ "[row a]\nworkload = sdxl-20step-mini\n", "sdxl-20steps-mini" },
		{ "[row a]\nworkload = sdxl-20steps-mini\n", "gates nothing" },
		{ "[row a]\nexact = macs\n", "lacks its workload" },
		{ "[row a]\nexact = mac\n", "did you mean macs" },
		{ "[row a]\nmetrics = latncy\n", "did you mean latency" },
		{ "[row a]\nmetrics = step_latency\n", "step_latency:STAGE" },
		{ "[row a]\nset = steps\n", "KEY=VALUE" },
		{ "[row a]\nfoo = 1\n", "known: workload, set" },
		{ "pairs = 10\n[gate]\n", "line 1: pairs '10': it takes a [section] above it" },
		{ "[gaet]\n", "did you mean gate" },
		{ "[row a]\n", "[row a] lacks its workload" },
		{ "[row a]\nworkload = sdxl-20steps-mini\nexact = macs\n[waiver w]\n",
		  "[waiver w] lacks its reason" },
		{ "[row a]\n[row a]\n", "line 2: second section [row 'a'" },
		{ "[row a\nexact = macs\n", "line 1: section 'row a': it takes a `]`" },
		{ "[waiver w]\nreason = slow; known ; see 42\n", "line 2: reason 'slow; known'" },
		{ "[waiver w]\nreason = ;\n", "behind a blank" },
		{ "[row a]\nmetrics = latency:\n", "METRIC:STAGE" },
		{ "[row a]\nmetrics = :total\n", "METRIC:STAGE" },
		{ "[waiver w]\nexpires = 2026-02-30\n", "a day that exists" },
		{ "[waiver w]\nexpires = tomorrow\n", "2026-12-31" },
	};
	char text[512];

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct policy p;
		struct err e = read_text(&p, all[i].text);
		CHECK_INT(e.code, ERR_USAGE);
		CHECK(strstr(e.msg, all[i].part), "case %zu: %s", i, e.msg);
		CHECK(strstr(e.msg, file), "case %zu names no file: %s", i, e.msg);
		policy_free(&p);
	}
	for (size_t i = 0; i < 4; i++) {
		static const struct refusal waiver[] = {
			{ "[waiver w]\nmetric = latency\nexpires = 2026-12-31\n", "its reason" },
			{ "[waiver w]\nmetric = latency\nreason = x\n", "day of expiry" },
			{ "[waiver w]\nexpires = 2026-12-31\nreason = x\n", "its metric" },
			{ "[waiver w]\nrow = b\nmetric = *\nexpires = 2026-12-31\nreason = x\n",
			  "not there" },
		};
		struct policy p;
		struct err e;
		snprintf(text, sizeof text, "%s%s", row, waiver[i].text);
		e = read_text(&p, text);
		CHECK_INT(e.code, ERR_USAGE);
		CHECK(strstr(e.msg, waiver[i].part), "waiver %zu: %s", i, e.msg);
		policy_free(&p);
	}
}

static void odd_files(void)
{
	struct policy p;
	struct err e = { 0 };
	char *text = calloc(1, 5000);

	policy_read(&p, "/nonexistent/gate.ini", &e);
	CHECK(e.code == ERR_USAGE && strstr(e.msg, "No such file"), "%s", e.msg);
	policy_free(&p);
	e = (struct err){ 0 };
	policy_read(&p, "/tmp", &e);
	CHECK(e.code == ERR_USAGE, "a directory: %s", e.msg);
	policy_free(&p);
	strcpy(text, "[row a]\nworkload = sdxl-20steps-mini\nexact = macs\n[waiver w]\n"
		     "metric=*\nexpires=2026-12-31\nreason = ");
	memset(text + strlen(text), 'x', 3000);
	text[3100] = 0;
	e = read_text(&p, text);
	CHECK(!e.code, "a long line is whole: %s", e.msg);
	CHECK(p.n_waivers == 1 && strlen(p.waiver[0].reason) > 2900, "cut");
	policy_free(&p);
	strcpy(text + 3050, " ; in its second piece");
	e = read_text(&p, text);
	CHECK(strstr(e.msg, "behind a blank"), "%s", e.msg);
	policy_free(&p);
	sprintf(text, "\xef\xbb\xbf [row %060d]\nworkload = sdxl-20steps-mini\nexact = macs\n", 7);
	e = read_text(&p, text);
	CHECK(!e.code, "%s", e.msg);
	CHECK(p.n_rows == 1 && strlen(p.row[0].name) == 60, "a long name is whole: %s",
	      p.row[0].name);
	policy_free(&p);
	sprintf(text, "[row a]\nworkload = sdxl-20steps-mini\n[row %0600d]\nexact = macs\n", 7);
	e = read_text(&p, text);
	CHECK(strstr(e.msg, "up to 63 characters"), "%s", e.msg);
	policy_free(&p);
	free(text);
}

/* What a policy leaves out is as everywhere else. */
static void defaults(void)
{
	struct policy p;
	struct err e = read_text(&p, "[row a]\nworkload = sdxl-20steps-mini\nexact = macs\n");
	struct verdict_rule rule = verdict_rule(VERDICT_FLOOR, true);

	CHECK(!e.code, "%s", e.msg);
	CHECK_NEAR(p.floor, rule.floor, 0);
	CHECK_NEAR(p.fwer, rule.fwer, 0);
	policy_free(&p);
}

static void values(void)
{
	char metric[POLICY_NAME], stage[POLICY_NAME];
	double v;

	CHECK(!parse_share("2%", &v) && v == 0.02, "2%%");
	CHECK(!parse_share("0.5", &v) && v == 0.5, "0.5");
	CHECK(parse_share("2 %", &v) && parse_share("-1%", &v) && parse_share("1", &v), "refused");
	CHECK(!parse_duration("90s", &v) && v == 90, "90s");
	CHECK(!parse_duration("1.5 h", &v) && v == 5400, "1.5 h");
	CHECK(parse_duration("5", &v) && parse_duration("0s", &v), "refused");
	CHECK(!parse_metric("latency", metric, stage) && !strcmp(stage, "total"), "%s", stage);
	CHECK(!parse_metric("a:b:c", metric, stage) && !strcmp(metric, "a") &&
	      !strcmp(stage, "b:c"), "%s, %s", metric, stage);
	CHECK(parse_metric("", metric, stage) && parse_metric("a:", metric, stage), "refused");
	CHECK(parse_duration("x", &v) && parse_duration("", &v), "refused");
}

int main(void)
{
	int fd = mkstemp(file);

	close(fd);
	full_policy();
	refusals();
	odd_files();
	defaults();
	values();
	unlink(file);
	return test_end();
}
