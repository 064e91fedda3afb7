/* SPDX-License-Identifier: MIT
 *
 * gnuplot's SVG made part of a page.
 */
#ifndef BENCH_SVG_H
#define BENCH_SVG_H

#include "base.h"

/* Escapes for text and attributes of HTML. */
void html_text(struct text *to, const char *s);

/* Adds the drawing without its XML head, with identifiers of its own (figure number n) and colours
 * that follow the page's theme. */
void svg_inline(const char *svg, const char *title, int n, struct text *to);

#endif
