/* SPDX-License-Identifier: MIT
 *
 * Ops that need no arithmetic to speak of: the same code on every level. Inside cpu/ only.
 */
#ifndef BENCH_MOVE_H
#define BENCH_MOVE_H

#include "simd.h"

extern simd_run *const move_run[OP_COUNT]; /* NULL: not an op of move.c */

#endif
