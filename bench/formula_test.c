/* SPDX-License-Identifier: MIT */
#include "formula.h"
#include "test.h"

static bool lookup(void *arg, const char *name, int len, double *value)
{
	(void)arg;
	*value = len == 3 ? 7 : 2;
	return (len == 3 && memcmp(name, "CYC", 3) == 0) || (len == 1 && *name == 't') ||
	       (len == 3 && memcmp(name, "_A_", 3) == 0);
}

static void check(const char *text, double want)
{
	double v;

	CHECK(formula_eval(text, lookup, NULL, &v) == 0, "%s", text);
	CHECK_NEAR(v, want, 1e-12);
}

static void refuse(const char *text, int column)
{
	double v;
	int at = formula_eval(text, lookup, NULL, &v);

	CHECK(at == column, "%s: column %d", text, at);
}

/* `levels` parentheses around a 1. */
static const char *nested(int levels)
{
	static char text[100];

	memset(text, '(', (size_t)levels);
	text[levels] = '1';
	memset(text + levels + 1, ')', (size_t)levels);
	text[2 * levels + 1] = 0;
	return text;
}

int main(void)
{
	char deep[200];
	double v;

	check("1", 1);
	check("1 - 2 - 3", -4);
	check("2 + 3 * CYC", 23);
	check("8 / 2 / 2", 2);
	check("-(1 + t) * 1e3", -3000);
	check(" 1e-9*CYC / t ", 3.5e-9);
	check("--t", 2);
	check("_A_ * .5", 3.5);
	check(nested(31), 1);
	refuse(nested(32), 33);
	check("1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1", 35);
	CHECK(formula_eval("1 / (t - t)", lookup, NULL, &v) == 0 && isinf(v), "%g", v);
	refuse("", 1);
	refuse("1 +", 4);
	refuse("1 2", 3);
	refuse("(1", 3);
	refuse("CYC * INS", 7);
	refuse("1 $ 2", 3);
	memset(deep, '(', sizeof deep - 1);
	deep[sizeof deep - 1] = 0;
	CHECK(formula_eval(deep, lookup, NULL, &v) != 0, "%g", v);
	return test_end();
}
