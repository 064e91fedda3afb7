/* SPDX-License-Identifier: MIT
 *
 * Ctrl-C: the first SIGINT or SIGTERM asks to stop after the current op, a second one kills.
 */
#ifndef BENCH_INTERRUPT_H
#define BENCH_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

extern volatile sig_atomic_t interrupt_flag; /* set by a signal; a context reads it (ctx.cancel) */

void interrupt_catch(void); /* from now on */
bool interrupted(void);

#endif
