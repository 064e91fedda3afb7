/* SPDX-License-Identifier: MIT
 *
 * The memory plan of one step. A dry pass reports every buffer (plan_add) and every use
 * (plan_touch); plan_solve() then knows each lifetime exactly and places the buffers in one arena,
 * largest first at the lowest offset that is free for its whole life (Pisarchyk & Lee 2020,
 * "greedy by size"). The real pass asks for the same buffers in the same order. Models free
 * nothing.
 */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stddef.h>

struct plan;

#define PLAN_ALIGN 64

struct plan *plan_new(void);
void plan_free(struct plan *p);

/* A new buffer, alive from the current tick; returns its number 0, 1, 2, ... */
int plan_add(struct plan *p, size_t bytes);
void plan_touch(struct plan *p, int buffer); /* it must live at least until the current tick */
void plan_tick(struct plan *p);              /* one call is over */

/* Places all buffers; returns the arena's bytes. */
size_t plan_solve(struct plan *p);
size_t plan_bytes(const struct plan *p);    /* the arena, after plan_solve */
size_t plan_live_max(const struct plan *p); /* no placement can need less than this */

int plan_count(const struct plan *p);
size_t plan_size(const struct plan *p, int buffer);
size_t plan_offset(const struct plan *p, int buffer);

#endif
