/* SPDX-License-Identifier: MIT
 *
 * Time steps and noise levels against the reference (EulerDiscreteScheduler) to 1e-6, and whole
 * runs with a model whose output is a function of the sample: the sums are those of the reference's
 * own tests (tests/schedulers/test_scheduler_euler.py in diffusers). More tables are in golden/.
 */
#include <stdlib.h>

#include "builtin.h"
#include "noise.h"
#include "sampler.h"
#include "test.h"

static struct sampler make(const char *json, int steps)
{
	struct err e = { 0 };
	struct sampler_config m;
	struct sampler s = { 0 };
	struct config f;

	if (json)
		config_parse(&f, "test", json, &e);
	else
		config_of_part(&f, NULL, "sdxl-base", "scheduler", &e);
	sampler_read(&f, &m);
	CHECK(!e.code && sampler_init(&s, &m, steps, &e) == 0, "%s", e.msg);
	config_close(&f);
	return s;
}

static void test_levels(void)
{
	static const double sigma[] = { 11.0283356, 8.3906870, 6.5064001, 5.1344333, 4.1166983,
					3.3477650, 2.7561970, 2.2928548, 1.9234443, 1.6236930,
					1.3761796, 1.1682165, .9904094, .8356532, .6983986,
					.5740508, .4583331, .3461873, .2281473, .0413145, 0 };
	struct sampler s = make(NULL, 20);

	for (int i = 0; i <= 20; i++)
		CHECK_NEAR(s.sigma[i], sigma[i], 1e-6);
	for (int i = 0; i < 20; i++)
		CHECK_NEAR(s.t[i], 951 - 50 * i, 0);
	CHECK_NEAR(s.init_sigma, 11.0735807, 1e-6);

	s = make(NULL, 50);
	CHECK_NEAR(s.sigma[0], 13.1204157, 1e-6);
	CHECK_NEAR(s.sigma[3], 9.3380795, 1e-6);
	CHECK_NEAR(s.sigma[47], 0.2017936, 1e-6);
	CHECK_NEAR(s.t[0], 981, 0);
	CHECK_NEAR(s.init_sigma, 13.1584692, 1e-6);
}

#define SDXL_BETAS \
	"\"beta_start\":0.00085,\"beta_end\":0.012,\"beta_schedule\":\"scaled_linear\""

static void test_spacing(void)
{
	struct sampler s = make("{" SDXL_BETAS ",\"timestep_spacing\":\"trailing\"}", 20);

	CHECK_NEAR(s.t[0], 999, 0);
	CHECK_NEAR(s.t[19], 49, 0);
	CHECK_NEAR(s.sigma[0], 14.6146469, 1e-6);
	CHECK_NEAR(s.init_sigma, s.sigma[0], 0);
	s = make("{" SDXL_BETAS ",\"timestep_spacing\":\"linspace\"}", 20);
	CHECK_NEAR(s.t[0], 999, 0);
	CHECK_NEAR(s.t[1], 999 * 18 / 19.0, 1e-4);
	CHECK_NEAR(s.t[19], 0, 0);
	CHECK_NEAR(s.sigma[0], 14.6146469, 1e-6);
	s = make("{" SDXL_BETAS "}", 1);
	CHECK_NEAR(s.sigma[1], 0, 0);
}

#define ELEMS 768

/* The suite's model is x t/(t+1); it hands the scaled sample to the update. */
static double run(const struct sampler *s)
{
	static double x[ELEMS];
	double sum = 0;

	for (int i = 0; i < ELEMS; i++)
		x[i] = i / (double)ELEMS * s->init_sigma;
	for (int k = 0; k < s->steps; k++) {
		struct sampler_step step = sampler_step(s, k);
		for (int i = 0; i < ELEMS; i++) {
			double in = x[i] * step.input_scale;
			x[i] = step.x * in + step.model * in * step.t / (step.t + 1);
		}
	}
	for (int i = 0; i < ELEMS; i++)
		sum += fabs(x[i]);
	return sum;
}

static void test_runs(void)
{
	struct sampler s = make("{\"num_train_timesteps\":1100,\"beta_schedule\":\"linear\"}", 10);
	CHECK_NEAR(run(&s), 10.0807, 1e-3);
}

/* x = x0 + s e, so that a model that is right says e, or v = (e - s x0)/sqrt(s^2+1): both must lead
 * to the same next x. */
static void test_v_prediction(void)
{
	struct sampler s = make("{" SDXL_BETAS ",\"prediction_type\":\"v_prediction\"}", 10);

	for (int i = 0; i < 10; i++) {
		double x0 = 0.7, e = -1.3, sigma = s.sigma[i], v = (e - sigma * x0);
		struct sampler_step step = sampler_step(&s, i);
		CHECK_NEAR(step.x * (x0 + sigma * e) + step.model * v / sqrt(sigma * sigma + 1),
			   x0 + s.sigma[i + 1] * e, 1e-12);
	}
}

static void refuse(const char *json, int steps, const char *part)
{
	struct err e = { 0 };
	struct sampler_config m;
	struct sampler s;
	struct config f;

	config_parse(&f, "file", json, &e);
	sampler_read(&f, &m);
	if (!e.code)
		sampler_init(&s, &m, steps, &e);
	CHECK(e.code && strstr(e.msg, part), "\"%s\" lacks \"%s\"", e.msg, part);
	config_close(&f);
}

static void test_refusals(void)
{
	refuse("{\"_class_name\":\"DDIMScheduler\"}", 20, "_class_name is \"DDIMScheduler\"");
	refuse("{\"use_karras_sigmas\":true}", 20, "use_karras_sigmas is true");
	refuse("{\"timestep_spacing\":\"odd\"}", 20, "one of leading trailing linspace");
	refuse("{\"prediction_type\":\"sample\"}", 20, "prediction_type");
	refuse("{\"beta_start\":0}", 20, "betas");
	refuse("{\"beta_end\":\"x\"}", 20, "beta_end is \"x\"; a number");
	refuse("{\"num_train_timesteps\":10}", 20, "1 to 10");
	refuse("{\"num_train_timesteps\":1e3}", 20, "num_train_timesteps");
	refuse("[]", 20, "does not hold a JSON object");
	refuse("{\"a\":1,\"a\":2}", 20, "not valid JSON");
}

/* Deviation, independence of the length, and the two layouts. */
static void test_noise(void)
{
	enum { N = 1 << 16 };
	float *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b);
	double sum = 0, squares = 0, product = 0;

	noise_fill(7, N, a);
	noise_fill(7, N / 3, b);
	CHECK(memcmp(a, b, N / 3 * sizeof *a) == 0, "numbers depend on how many are drawn");
	noise_fill(8, N, b);
	for (int i = 0; i < N; i++) {
		sum += a[i];
		squares += (double)a[i] * a[i];
		product += (double)a[i] * b[i];
	}
	CHECK_NEAR(sum / N, 0, 5 / sqrt(N)); /* five deviations of the estimate */
	CHECK_NEAR(squares / N, 1, 5 * sqrt(2.0 / N));
	CHECK_NEAR(product / N, 0, 5 / sqrt(N));
	nchw_to_nhwc(a, 2, 4, 16, 512, b);
	CHECK_NEAR(b[((1 * 16 + 3) * 512 + 5) * 4 + 2], a[((1 * 4 + 2) * 16 + 3) * 512 + 5], 0);
	nhwc_to_nchw(b, 2, 4, 16, 512, a);
	noise_fill(7, N, b);
	CHECK(memcmp(a, b, N * sizeof *a) == 0, "the layouts are not inverse");
	free(a);
	free(b);
}

int main(void)
{
	test_levels();
	test_spacing();
	test_runs();
	test_v_prediction();
	test_refusals();
	test_noise();
	return test_end();
}
