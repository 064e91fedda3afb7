/* SPDX-License-Identifier: MIT */
#include "units.h"

#include <math.h>
#include <stdio.h>

/* Four significant digits, but never an exponent for the ranges met here. */
static struct text with_prefix(double v, const char *prefix, const char *unit)
{
	struct text t;
	double a = fabs(v);
	int decimals = a >= 999.95 ? 0 : a >= 99.995 ? 1 : a >= 9.9995 ? 2 : 3;

	snprintf(t.s, sizeof t.s, "%.*f %s%s", decimals, v, prefix, unit);
	return t;
}

struct text text_si(double v, const char *unit)
{
	static const char *const prefix[] = { "n", "u", "m", "", "k", "M", "G", "T", "P", "E" };
	int i = 3;
	double a = fabs(v);

	if (!isfinite(v))
		return (struct text){ "-" };
	for (; a >= 999.95 && i < 9; i++, v /= 1000)
		a /= 1000;
	for (; a > 0 && a < 0.99995 && i > 0; i--, v *= 1000)
		a *= 1000;
	return with_prefix(v, prefix[i], unit);
}

struct text text_bytes(double bytes)
{
	static const char *const prefix[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi" };
	int i = 0;

	for (; fabs(bytes) >= 1023.5 && i < 5; i++)
		bytes /= 1024;
	if (i == 0) {
		struct text t;
		snprintf(t.s, sizeof t.s, "%.0f B", bytes);
		return t;
	}
	return with_prefix(bytes, prefix[i], "B");
}

struct text text_seconds(double s)
{
	return s >= 1 || s <= 0 ? with_prefix(s, "", "s") : text_si(s, "s");
}

struct text text_left(double s)
{
	struct text t;
	int64_t whole = llround(s);

	if (!(s < 1e9))
		return (struct text){ "-" };
	if (whole < 60)
		snprintf(t.s, sizeof t.s, "%lld s", (long long)whole);
	else if (whole < 3600)
		snprintf(t.s, sizeof t.s, "%lld min %lld s", (long long)whole / 60,
			 (long long)whole % 60);
	else
		snprintf(t.s, sizeof t.s, "%lld h %lld min", (long long)whole / 3600,
			 (long long)whole / 60 % 60);
	return t;
}

struct text text_count(int64_t n)
{
	char digits[32];
	struct text t;
	int len = snprintf(digits, sizeof digits, "%lld", (long long)n), out = 0;

	for (int i = 0; i < len; i++) {
		t.s[out++] = digits[i];
		if (digits[i] != '-' && (len - 1 - i) % 3 == 0 && i + 1 < len)
			t.s[out++] = ',';
	}
	t.s[out] = 0;
	return t;
}

struct text text_percent(double share)
{
	struct text t = { "-" };

	if (isfinite(share))
		snprintf(t.s, sizeof t.s, "%.1f %%", 100 * share);
	return t;
}
