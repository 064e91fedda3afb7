/* SPDX-License-Identifier: MIT
 *
 * The Euler sampler for discrete noise schedules (Karras et al. 2022, algorithm 2 without churn, as
 * EulerDiscreteScheduler). With noise level s and model output m:
 *
 *     model input  x / sqrt(s^2 + 1)
 *     derivative   d = m                                          (prediction: noise)
 *                  d = (x - x0)/s,  x0 = x/(s^2+1) - m s/sqrt(s^2+1)     (prediction: v)
 *     update       x += (s' - s) d
 *
 * The update is linear in x and m, so a step is four numbers.
 * How to test: sampler_test.c, published noise levels to 1e-6.
 */
#ifndef BENCH_SAMPLER_H
#define BENCH_SAMPLER_H

#include "config.h"

#define SAMPLER_STEPS_MAX 1000

enum spacing { SPACING_LEADING, SPACING_TRAILING, SPACING_LINSPACE };

struct sampler_config {
	int train_steps;
	double beta_start, beta_end;
	bool scaled_linear; /* betas linear in their square roots; else linear */
	enum spacing spacing;
	int offset;         /* added to leading time steps */
	bool predicts_v;
};

/* scheduler/scheduler_config.json */
void sampler_read(struct config *f, struct sampler_config *m);

struct sampler {
	int steps;
	float t[SAMPLER_STEPS_MAX];         /* time of each step, for the network */
	float sigma[SAMPLER_STEPS_MAX + 1]; /* noise levels, the last is 0 */
	double init_sigma;                  /* deviation of the initial latents */
	bool predicts_v;
};

/* 1 <= steps <= train_steps and SAMPLER_STEPS_MAX: refused otherwise. */
int sampler_init(struct sampler *s, const struct sampler_config *m, int steps, struct err *e);

struct sampler_step {
	float t;
	double input_scale; /* model input = input_scale * x */
	double x, model;    /* next x = x * .x + model output * .model */
};
struct sampler_step sampler_step(const struct sampler *s, int i);

#endif
