/* SPDX-License-Identifier: MIT
 *
 * Numbers as people read them. Values are SI base units everywhere else in the program; scaling
 * happens here and only for print. The text lives as long as the expression:
 * printf("%s", text_si(x, "FLOP/s").s).
 */
#ifndef BENCH_UNITS_H
#define BENCH_UNITS_H

#include <stddef.h>
#include <stdint.h>

struct text {
	char s[48];
};

struct text text_si(double v, const char *unit); /* 1.023e12, "FLOP/s" -> "1.02 TFLOP/s" */
struct text text_bytes(double bytes);            /* "9.31 GiB" */
struct text text_seconds(double s);              /* "275.6 s", "13.26 ms" */
struct text text_left(double s);                 /* "4 min 35 s", "1 h 12 min" */
struct text text_count(int64_t n);               /* "2,567,463,684" */
struct text text_percent(double share);          /* 0.8934 -> "89.3 %" */

#endif
