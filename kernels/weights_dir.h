/* SPDX-License-Identifier: MIT
 *
 * Weights from one part of a Hugging Face directory ("unet/", "text_encoder/"): finds the
 * safetensors file, its fp16 variant or the index of its shards, and hands out its tensors by the
 * names that models declare.
 *
 * Files in the wild differ in spelling; a name that is not there is tried as
 *   to_q query, to_k key, to_v value, to_out.0 proj_attn   (attention of the autoencoder),
 *   with and without a leading "text_model."               (text encoders),
 * and [C,C,1,1] stands for [C,C], as a 1x1 convolution is a linear layer.
 * How to test: weights_dir_test.c.
 */
#ifndef BENCH_WEIGHTS_DIR_H
#define BENCH_WEIGHTS_DIR_H

#include "weights.h"

/* Opens the weights of directory `dir`. Its finish() refuses a file with tensors that nobody has
 * read, since its configuration then describes another model. Left aside are position_ids and all
 * names that start with an entry of `unused` (NULL-terminated, borrowed; NULL: none), for a caller
 * that wants only a piece of a model, such as a decoder. */
int weights_dir_open(struct weight_source *source, const char *dir, const char *const *unused,
		     struct err *e);

#endif
