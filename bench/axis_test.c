/* SPDX-License-Identifier: MIT
 *
 * Axes: lists, ranges, coupled keys, what is refused, and the words that they become.
 */
#include "axis.h"
#include "test.h"

#include <string.h>

#include "threads.h"

static struct axis a;
static struct err e;

static const char *values(const char *text)
{
	static char all[1024];

	e = (struct err){ 0 };
	all[0] = 0;
	if (axis_parse(&a, text, &e))
		return e.msg;
	for (int i = 0; i < a.n; i++)
		strcat(strcat(all, i ? " " : ""), a.value[i]);
	return all;
}

static void test_values(void)
{
	char cores[32];

	CHECK_STR(values("steps=10,20,50"), "10 20 50");
	CHECK_STR(a.key, "steps");
	CHECK_STR(values("batch=4-64*2"), "4 8 16 32 64");
	CHECK_STR(values("batch=4-63*2"), "4 8 16 32");
	CHECK_STR(values("steps=10-50+20"), "10 30 50");
	CHECK_STR(values("steps=1,4-16*4,16,1"), "1 4 16"); /* each once */
	CHECK_STR(values("dtype=fp32,bf16"), "fp32 bf16");
	CHECK_STR(values("workload=sdxl-20steps-mini"), "sdxl-20steps-mini");
	CHECK_STR(values("model=a-b*c"), "a-b*c"); /* no range: a name */
	snprintf(cores, sizeof cores, "%d", threads_default());
	CHECK_STR(values("threads=cores"), cores);
	values("threads=1-cores*2");
	CHECK(a.n > 0 && strcmp(a.value[a.n - 1], cores) == 0, "ends with %s, not %s", cores,
	      a.value[a.n - 1]);
}

static void refuse(const char *text)
{
	e = (struct err){ 0 };
	CHECK(axis_parse(&a, text, &e) == -ERR_USAGE && strstr(e.msg, "--axis"), "%s: %s", text,
	      e.msg);
}

static void test_refusals(void)
{
	char many[1024] = "steps=0";

	refuse("steps");
	refuse("=1");
	refuse("steps=");
	refuse("steps=1,,2");
	refuse("steps=8-4*2");
	refuse("steps=1-8*1"); /* would never end */
	refuse("steps=1-8+0");
	refuse("steps=0-8*2");
	refuse("steps=1-1000+1"); /* more values than an axis holds */
	refuse("height+width=1:2:3");
	for (int i = 1; i <= AXIS_VALUES; i++)
		snprintf(many + strlen(many), sizeof many - strlen(many), ",%d", i);
	refuse(many);
}

static const char *words(const char *text, int i)
{
	static char all[256];
	const char *word[16];
	char buf[256];
	int n;

	values(text);
	all[0] = 0;
	n = axis_words(&a, i, word, 0, buf, sizeof buf);
	for (int k = 0; k < n; k++)
		strcat(strcat(all, k ? " " : ""), word[k]);
	return all;
}

static void test_words(void)
{
	CHECK_STR(words("steps=10,20", 1), "--set steps=20");
	CHECK_STR(words("threads=1,2", 1), "--threads=2");
	CHECK_STR(words("isa=avx2", 0), "--isa=avx2");
	CHECK_STR(words("workload=x", 0), "");
	CHECK_STR(words("height+width=64,128", 1), "--set height=128 --set width=128");
	CHECK_STR(words("height+width=64:128", 0), "--set height=64 --set width=128");
	CHECK_STR(words("threads+batch=1:4,2:8", 1), "--threads=2 --set batch=8");
}

int main(void)
{
	test_values();
	test_refusals();
	test_words();
	return test_end();
}
