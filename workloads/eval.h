/* SPDX-License-Identifier: MIT
 *
 * One forward of a model from its Hugging Face directory, for comparing with another
 * implementation. Tensor names are the argument and output names of the reference forward; layouts
 * are those of the reference ([N,C,H,W] images), values fp32.
 *
 *   class                        inputs                                        outputs
 *   UNet2DConditionModel         sample timestep encoder_hidden_states         sample
 *                                [text_embeds time_ids]
 *   AutoencoderKL                sample (an image), or                         latent_parameters
 * sample z (a latent; `latents` means the same)        sample CLIPTextModel input_ids
 * last_hidden_state pooler_output hidden_states.I CLIPTextModelWithProjection  input_ids
 * text_embeds last_hidden_state hidden_states.I
 *
 * latent_parameters are means and log variances; the `sample` beside them is decoded from the
 * means. timestep is one value or one per row. Tensors that the class does not know are refused.
 */
#ifndef BENCH_EVAL_H
#define BENCH_EVAL_H

#include "backend.h"
#include "err.h"

int eval_forward(const char *dir, const char *inputs, const char *outputs, enum dtype dtype,
		 const struct backend *backend, struct err *e);

#endif
