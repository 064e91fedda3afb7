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

#endif
