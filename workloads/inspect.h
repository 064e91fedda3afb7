/* SPDX-License-Identifier: MIT
 *
 * Whether a diffusers pipeline directory holds what a run needs, part by part, without computing or
 * reading a value: configurations, names, shapes and types of all tensors, indexes of shards,
 * tokenizer files, and that the parts fit each other.
 */
#ifndef BENCH_INSPECT_H
#define BENCH_INSPECT_H

#include <stddef.h>

#include "err.h"

/* Names of the parts, "unet"; the last one is "pipeline", all of them together. NULL at the end. */
extern const char *const inspect_parts[];

/* 0 and in `what` what it is ("UNet2DConditionModel, 1680 tensors, 2567463684 parameters"), or
 * the sentence that a run would end with. ERR_SKIPPED: a part is missing that only some runs need.
 */
int inspect_part(const char *dir, const char *part, char *what, size_t len, struct err *e);

#endif
