/* SPDX-License-Identifier: MIT
 *
 * Where the configuration of a model comes from: a Hugging Face directory, or one of the models
 * whose files are part of the program (workloads/configs/).
 */
#ifndef BENCH_BUILTIN_H
#define BENCH_BUILTIN_H

#include "config.h"

/* Part "unet", "vae", "text_encoder", "text_encoder_2", "scheduler" or "model_index" of the
 * directory `dir`, or of the built-in `model` when dir is NULL. */
void config_of_part(struct config *f, const char *dir, const char *model, const char *part,
		    struct err *e);

#endif
