/* SPDX-License-Identifier: MIT
 *
 * The ref backend: plain, serial C that says what every op means. Other backends are tested
 * against it, so it is written to be read, not to be fast.
 *
 * Each operand has its own storage, fp32 or bf16; values are read as fp32. Sums, moments and
 * transcendental functions are computed in fp64, and each result is rounded once, when it is
 * stored. Inside ref/ only. How to test: ref_test.c.
 */
#ifndef BENCH_REF_H
#define BENCH_REF_H

#include "backend.h"

#define REF_RUN(op) \
	void ref_##op(const struct backend *self, struct ctx *c, const struct op_call *call)

/* Element i of t. */
static inline float get(const struct tensor *t, int64_t i)
{
	return t->dtype == DT_F32 ? ((const float *)t->data)[i]
				  : bf16_to_f32(((const uint16_t *)t->data)[i]);
}

static inline void put(struct tensor *t, int64_t i, double value)
{
	if (t->dtype == DT_F32)
		((float *)t->data)[i] = (float)value;
	else
		((uint16_t *)t->data)[i] = f32_to_bf16((float)value);
}

/* Scratch, to be freed by the caller; out of memory aborts. */
double *ref_doubles(int64_t n);  /* zeroed */
float *ref_floats(int64_t n);
float *ref_copy_f32(const struct tensor *t); /* all elements of t, in order */

double ref_act(enum act act, double x);
double ref_act_derivative(enum act act, double x);

/* w_i of the sinusoidal embedding. */
float ref_timestep_frequency(int64_t i, int64_t half, float shift);

/* softmax_j(scale q . k_j) of one query against `keys` keys, `stride` apart, of its sample and
 * head. */
void ref_probabilities(const float *q, const float *k, int64_t stride, int64_t width, int64_t keys,
		       double scale, double *p);

REF_RUN(linear);
REF_RUN(conv2d);
REF_RUN(attention);
REF_RUN(group_norm);
REF_RUN(group_norm_moments);
REF_RUN(group_norm_apply);
REF_RUN(layer_norm);
REF_RUN(softmax);
REF_RUN(activation);
REF_RUN(geglu);
REF_RUN(add);
REF_RUN(add_channel);
REF_RUN(add_rows);
REF_RUN(axpby);
REF_RUN(clamp);
REF_RUN(cast);
REF_RUN(concat);
REF_RUN(slice);
REF_RUN(upsample);
REF_RUN(embed);
REF_RUN(timestep_embed);
REF_RUN(gather_rows);

REF_RUN(linear_dx);
REF_RUN(linear_dw);
REF_RUN(conv2d_dx);
REF_RUN(conv2d_dw);
REF_RUN(group_norm_bwd);
REF_RUN(group_norm_moments_bwd);
REF_RUN(group_norm_apply_bwd);
REF_RUN(layer_norm_bwd);
REF_RUN(attention_bwd);
REF_RUN(softmax_bwd);
REF_RUN(activation_bwd);
REF_RUN(geglu_bwd);
REF_RUN(clamp_bwd);
REF_RUN(sum_rows);
REF_RUN(sum_spatial);
REF_RUN(sum_batch);
REF_RUN(upsample_bwd);
REF_RUN(embed_bwd);
REF_RUN(timestep_embed_bwd);
REF_RUN(scatter_rows);
REF_RUN(pad_slice);

#endif
