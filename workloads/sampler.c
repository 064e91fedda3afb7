/* SPDX-License-Identifier: MIT */
#include "sampler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Element i of n equally spaced fp32 values, from the nearer end as the reference does. */
static float linspace_f32(float first, float last, int i, int n)
{
	float step = n > 1 ? (last - first) / (float)(n - 1) : 0;

	return i < n / 2 ? first + step * (float)i : last - step * (float)(n - 1 - i);
}

static float beta(const struct sampler_config *m, int i)
{
	float root;

	if (!m->scaled_linear)
		return linspace_f32((float)m->beta_start, (float)m->beta_end, i, m->train_steps);
	root = linspace_f32((float)sqrt(m->beta_start), (float)sqrt(m->beta_end), i,
			    m->train_steps);
	return root * root;
}

/* Noise level at each training time. The table is fp32, its running product double, as in the
 * reference: other precisions differ in the sixth digit of the noise levels. */
static void noise_levels(const struct sampler_config *m, float *level)
{
	double product = 1;

	for (int i = 0; i < m->train_steps; i++) {
		float kept;
		product *= (double)(1.0f - beta(m, i));
		kept = (float)product;
		level[i] = sqrtf((1.0f - kept) / kept);
	}
}

/* Time of step i, noisiest first. nearbyint rounds halves to even, as the reference does. */
static double time_of_step(const struct sampler_config *m, int i, int n)
{
	double last = m->train_steps - 1, ratio = (double)m->train_steps / n;

	switch (m->spacing) {
	case SPACING_LEADING:
		return (n - 1 - i) * (m->train_steps / n) + m->offset;
	case SPACING_TRAILING:
		return nearbyint(m->train_steps - i * ratio) - 1;
	case SPACING_LINSPACE:
		break;
	}
	return n > 1 ? (double)(float)(last * (n - 1 - i) / (n - 1)) : 0;
}

static float interpolate(const float *level, int n, double t)
{
	int i = (int)t;

	if (t <= 0)
		return level[0];
	if (i >= n - 1)
		return level[n - 1];
	return (float)(level[i] + (t - i) * ((double)level[i + 1] - level[i]));
}

int sampler_init(struct sampler *s, const struct sampler_config *m, int steps, struct err *e)
{
	int most = m->train_steps < SAMPLER_STEPS_MAX ? m->train_steps : SAMPLER_STEPS_MAX;
	float *level;

	if (steps < 1 || steps > most)
		return err_set(e, ERR_USAGE, "steps=%d: this scheduler allows 1 to %d", steps,
			       most);
	level = malloc((size_t)m->train_steps * sizeof *level);
	die_if(!level, "out of memory");
	noise_levels(m, level);
	*s = (struct sampler){ .steps = steps, .predicts_v = m->predicts_v };
	for (int i = 0; i < steps; i++) {
		double t = time_of_step(m, i, steps);
		s->t[i] = (float)t;
		s->sigma[i] = interpolate(level, m->train_steps, t);
	}
	free(level);
	s->init_sigma = s->sigma[0];
	if (m->spacing == SPACING_LEADING)
		s->init_sigma = sqrt((double)s->sigma[0] * s->sigma[0] + 1);
	return 0;
}

struct sampler_step sampler_step(const struct sampler *s, int i)
{
	double sigma = s->sigma[i], dt = (double)s->sigma[i + 1] - sigma, norm = sigma * sigma + 1;
	struct sampler_step step = { s->t[i], 1 / sqrt(norm), 1, dt };

	if (s->predicts_v) { /* d = x sigma/norm + m/sqrt(norm) */
		step.x = 1 + dt * sigma / norm;
		step.model = dt / sqrt(norm);
	}
	return step;
}

/* ---- scheduler_config.json ------------------------------------------------------------------- */

static const struct config_fixed fixed[] = {
	{ "_class_name", "\"EulerDiscreteScheduler\"" },
	{ "final_sigmas_type", "\"zero\"" },
	{ "interpolation_type", "\"linear\"" },
	{ "rescale_betas_zero_snr", "false" },
	{ "sigma_max", "null" },
	{ "sigma_min", "null" },
	{ "timestep_type", "\"discrete\"" },
	{ "trained_betas", "null" },
	{ "use_beta_sigmas", "false" },
	{ "use_exponential_sigmas", "false" },
	{ "use_karras_sigmas", "false" },
	{ NULL, NULL }
};

/* The place of the key's value in `names`, which ends with NULL. */
static int choice(struct config *f, const char *key, const char *fallback,
		  const char *const *names)
{
	const char *value = config_text_or(f, key, fallback);
	char why[128] = "it must be one of";

	for (int i = 0; names[i]; i++) {
		if (strcmp(value, names[i]) == 0)
			return i;
		strncat(why, " ", sizeof why - strlen(why) - 1);
		strncat(why, names[i], sizeof why - strlen(why) - 1);
	}
	config_refuse(f, key, why);
	return 0;
}

/* Other keys belong to other scheduler classes and are carried along by published files. */
void sampler_read(struct config *f, struct sampler_config *m)
{
	*m = (struct sampler_config){
		.train_steps = (int)config_int_or(f, "num_train_timesteps", 1, 1 << 20, 1000),
		.beta_start = config_real_or(f, "beta_start", 0.0001),
		.beta_end = config_real_or(f, "beta_end", 0.02),
		.offset = (int)config_int_or(f, "steps_offset", 0, 1 << 20, 0),
		.scaled_linear = choice(f, "beta_schedule", "linear",
					(const char *const[]){ "linear", "scaled_linear", NULL }),
		.spacing = (enum spacing)choice(
			f, "timestep_spacing", "linspace",
			(const char *const[]){ "leading", "trailing", "linspace", NULL }),
		.predicts_v = choice(f, "prediction_type", "epsilon",
				     (const char *const[]){ "epsilon", "v_prediction", NULL }),
	};
	config_check_fixed(f, fixed);
	if (!(m->beta_start > 0 && m->beta_start <= m->beta_end && m->beta_end < 1))
		config_refuse(f, "beta_end", "betas must rise between 0 and 1");
}
