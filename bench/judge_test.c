/* SPDX-License-Identifier: MIT
 *
 * The course from pairs to verdicts with programs that only pretend to measure: which rows are
 * extended, confirmed or rest, what of the pairs is whose, and what history does to the bound.
 */
#include <sys/stat.h>

#include "cli_child.h"
#include "judge.h"
#include "report_sample.h"
#include "test.h"
#include "trend.h"

static struct progress quiet = { .quiet = true };

/* A bench program whose n-th process of workload x took the n-th of ten `totals`, and `decode`
 * seconds for a stage, and `later` for both from the eleventh on; of other workloads a second and a
 * bit for all. */
static void write_program(const char *name, const char *totals, const char *decode,
			  const char *later)
{
	FILE *f = fopen(name, "w");

	die_if(!f, "no file %s", name);
	fprintf(f, "#!/bin/sh\n"
		   "echo >>%s.$2; n=$(wc -l <%s.$2)\n"
		   "t=1.00$((n %% 3)) d=$t\n"
		   "[ $2 = x ] && t=$(echo %s | cut -d' ' -f$((n %% 10 + 1))) d=%s$((n %% 3))\n"
		   "[ $2 = x ] && [ $n -gt 10 ] && %s\n"
		   "cat <<END\n{\"schema\":\"bench.result/1\",\"runs\":[{\n"
		   "\"latency_s\":{\"median\":$t},\"stages\":[{\"name\":\"decode\",\"steps\":1,\n"
		   "\"latency_s\":{\"median\":$d}}],\"reference_blocks_flops\":[1e9],\n"
		   "\"exact\":{},\"fingerprint\":{\"hard\":{},\"soft\":{}}}]}\nEND\n",
		name, name, totals, decode, later);
	fclose(f);
	chmod(name, 0700);
}

static const struct pairs_row rows[] = { { "x", "x", NULL }, { "y", "y", NULL } };

static struct judged series(int row, const char *stage)
{
	struct judged s = { .row = row, .metric = "latency",
			    .rule = verdict_rule(VERDICT_FLOOR, true) };

	s.rule.trials = 0;
	snprintf(s.stage, sizeof s.stage, "%s", stage);
	return s;
}

static void check_stages(const struct judged *s, const char *verdict, int looked, int extended,
			 int to_confirm)
{
	CHECK_STR(verdict_names[s->verdict.kind], verdict);
	CHECK(s->looked == looked && s->extended == extended && s->to_confirm == to_confirm,
	      "%s: %d, %d, %d", verdict, s->looked, s->extended, s->to_confirm);
	CHECK_INT(s->n, looked + extended + to_confirm);
}

/* The total of x is 1.7 % slower with such a spread that nobody can say; its decode is slower
 * beyond doubt, and confirmed by what the total is extended by; y is as it was, and rests. */
static void test_course(void)
{
	struct pairs_plan plan = { .arm = { { "A", "./a", NULL }, { "B", "./b", NULL } },
				   .row = rows, .n_rows = 2, .purpose = "compare",
				   .progress = &quiet };
	struct judged s[] = { series(0, "total"), series(0, "decode"), series(1, "total"),
			      series(0, "encode") };
	struct judged *all[] = { &s[0], &s[1], &s[2] };
	struct err e = { 0 };
	struct pairs p;

	write_program("a", "1 1 1 1 1 1 1 1 1 1", "1.00", ":");
	write_program("b", "1.021 1.006 1.026 1.015 1.033 1.010 1.018 1.002 1.023 1.014", "1.10",
		      ":");
	CHECK(!pairs_begin(&p, &plan, &e) && !pairs_measure(&p, 10, &e), "%s", e.msg);
	for (int i = 0; i < 3; i++)
		CHECK(judge_look(&s[i], &p), "series %d", i);
	CHECK(!judge_look(&s[3], &p), "a stage that is not there");
	CHECK(!judge_course(all, 3, &p, 10, &e), "%s", e.msg);
	check_stages(&s[0], "inconclusive", 10, 10, 0);
	check_stages(&s[1], "regress", 10, 0, 10);
	check_stages(&s[2], "pass", 10, 0, 0);
	CHECK(p.row[0].n == 20 && p.row[1].n == 10, "%d, %d", p.row[0].n, p.row[1].n);
	CHECK_NEAR(s[1].median[ARM_B] / s[1].median[ARM_A], 1.1, 0.003);
	CHECK_NEAR(s[2].verdict.p_family, 1, 0);
	for (int i = 0; i < 3; i++)
		judge_free(&s[i]);
	pairs_end(&p, 0);
}

/* What fresh pairs did not confirm is done with, also when its row is measured for a third time:
 * here the total is called slower only after its extension. */
static void test_withdrawn(void)
{
	struct pairs_plan plan = { .arm = { { "A", "./a", NULL }, { "C", "./c", NULL } },
				   .row = rows, .n_rows = 1, .purpose = "compare",
				   .progress = &quiet };
	struct judged s[] = { series(0, "total"), series(0, "decode") };
	struct judged *all[] = { &s[0], &s[1] };
	struct err e = { 0 };
	struct pairs p;

	write_program("c", "1.021 1.006 1.026 1.015 1.033 1.010 1.018 1.002 1.023 1.014", "1.10",
		      "t=1.05$((n % 3)) d=1.00$((n % 3))");
	CHECK(!pairs_begin(&p, &plan, &e) && !pairs_measure(&p, 10, &e), "%s", e.msg);
	CHECK(judge_look(&s[0], &p) && judge_look(&s[1], &p), "no look");
	CHECK(!judge_course(all, 2, &p, 10, &e), "%s", e.msg);
	check_stages(&s[0], "regress", 10, 10, 10);
	check_stages(&s[1], "inconclusive", 10, 0, 10);
	CHECK_INT(s[1].verdict.confirmed, 0);
	CHECK_INT(p.row[0].n, 30);
	judge_free(&s[0]);
	judge_free(&s[1]);
	pairs_end(&p, 0);
}

/* Who asks for fewer pairs than a verdict takes gets them, and no more. */
static void test_few(void)
{
	struct pairs_plan plan = { .arm = { { "A", "./a", NULL }, { "B", "./b", NULL } },
				   .row = rows, .n_rows = 1, .purpose = "compare",
				   .progress = &quiet };
	struct judged s = series(0, "decode"), *all[] = { &s };
	struct err e = { 0 };
	struct pairs p;

	CHECK(!pairs_begin(&p, &plan, &e) && !pairs_measure(&p, 4, &e), "%s", e.msg);
	CHECK(judge_look(&s, &p) && !judge_course(all, 1, &p, 4, &e), "%s", e.msg);
	check_stages(&s, "inconclusive", 4, 0, 0);
	judge_free(&s);
	pairs_end(&p, 0);
}

static int take_uuid(void *arg, int n, const char *const *names, const struct db_value *v)
{
	(void)names;
	if (v && n)
		snprintf(arg, 37, "%s", v[0].text);
	return 0;
}

/* A series that is used to changes of a few percent from build to build has a bound above them. */
static void test_history(void)
{
	struct pairs_process a = { .uuid = "" };
	struct pairs_result row = { .n = 1, .process = { &a, &a } };
	struct pairs_plan plan = { .row = rows, .n_rows = 1, .progress = &quiet };
	struct pairs p = { .plan = plan, .row = &row };
	struct judged s = series(0, "total");
	struct report_error e = { 0 };

	s.rule.history = 7;
	judge_history(&s, &p);
	CHECK_NEAR(s.rule.history, 0, 0); /* no database */
	CHECK(!db_open(&p.db, "history.db", DB_CREATE), "%s", db_error(p.db));
	sample_database(p.db);
	CHECK(!db_query(p.db, "SELECT uuid FROM v_runs WHERE workload = 'sdxl-history' LIMIT 1",
			NULL, 0, take_uuid, a.uuid) && *a.uuid, "%s", db_error(p.db));
	judge_history(&s, &p);
	CHECK_NEAR(s.rule.history, 0.04, 1e-15); /* at most twice the floor */
	s.rule.floor = 0.03;
	judge_history(&s, &p);
	CHECK(s.rule.history > 0.03 && s.rule.history < 0.06, "%g", s.rule.history);
	CHECK_NEAR(s.rule.history, trend_usual(p.db, a.uuid, "latency", "total", "", &e), 1e-15);
	snprintf(s.stage, sizeof s.stage, "none");
	judge_history(&s, &p);
	CHECK_NEAR(s.rule.history, 0, 0);
	db_close(p.db);
}

/* What is stored beside a verdict, and what of it an exact count has. */
static void test_detail(void)
{
	double d[] = { 0.5, 0.25 };
	bool disturbed[] = { false, true };
	struct judged s = { .log_ratio = d, .disturbed = disturbed, .n = 2, .looked = 1,
			    .to_confirm = 1 };
	struct judge_detail full = { 2, 3, &s, 0x1f, "u" }, exact = { 4, NAN, NULL, 0, "" };
	char *text = judge_detail(&full);

	CHECK_STR(text, "{\"base\":2.0,\"head\":3.0,\"log_ratio\":[0.5,0.25],"
		  "\"pair_ratio\":[1.6487212707001282,1.2840254166877414],\"disturbed\":[false,"
			"true],\"looked\":1,\"extended\":0,\"to_confirm\":1,\"seed\":\"1f\","
			"\"traced_session\":\"u\"}");
	free(text);
	text = judge_detail(&exact);
	CHECK_STR(text, "{\"base\":4.0,\"head\":null}");
	free(text);
	CHECK_INT(judge_disturbed(&s), 1);
}

int main(void)
{
	cli_begin();
	test_course();
	test_withdrawn();
	test_few();
	test_history();
	test_detail();
	cli_end();
	return test_end();
}
