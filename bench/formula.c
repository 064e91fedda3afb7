/* SPDX-License-Identifier: MIT */
#include "formula.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32 /* of parentheses and signs */

struct parser {
	const char *at;
	formula_lookup *lookup;
	void *arg;
	bool wrong;
	int depth;
};

static double sum(struct parser *p);

static char peek(struct parser *p)
{
	while (*p->at == ' ')
		p->at++;
	return *p->at;
}

static double name(struct parser *p)
{
	const char *start = p->at;
	double v = 0;
	int len = 0;

	while (isalnum((unsigned char)start[len]) || start[len] == '_')
		len++;
	if (p->lookup(p->arg, start, len, &v))
		p->at += len;
	else
		p->wrong = true;
	return v;
}

static double number(struct parser *p)
{
	char *end;
	double v = strtod(p->at, &end);

	p->at = end;
	return v;
}

static double nested(struct parser *p)
{
	double v;

	p->at++;
	v = sum(p);
	if (peek(p) == ')' && !p->wrong)
		p->at++;
	else
		p->wrong = true;
	return v;
}

static double factor(struct parser *p)
{
	char c = peek(p);
	double v = 0;

	if (p->wrong || ++p->depth > DEPTH_MAX) {
		p->wrong = true;
		return 0;
	}
	if (c == '(') {
		v = nested(p);
	} else if (c == '-') {
		p->at++;
		v = -factor(p);
	} else if (isalpha((unsigned char)c) || c == '_') {
		v = name(p);
	} else if (isdigit((unsigned char)c) || c == '.') {
		v = number(p);
	} else {
		p->wrong = true;
	}
	p->depth--;
	return v;
}

static double product(struct parser *p)
{
	double v = factor(p);

	while (!p->wrong && (peek(p) == '*' || peek(p) == '/')) {
		char c = *p->at++;
		double w = factor(p);
		v = c == '*' ? v * w : v / w;
	}
	return v;
}

static double sum(struct parser *p)
{
	double v = product(p);

	while (!p->wrong && (peek(p) == '+' || peek(p) == '-')) {
		char c = *p->at++;
		double w = product(p);
		v = c == '+' ? v + w : v - w;
	}
	return v;
}

int formula_eval(const char *text, formula_lookup *lookup, void *arg, double *value)
{
	struct parser p = { .at = text, .lookup = lookup, .arg = arg };

	*value = sum(&p);
	if (p.wrong || peek(&p))
		return (int)(p.at - text) + 1;
	return 0;
}
