/* SPDX-License-Identifier: MIT
 *
 * Parity of the tables of the reference implementation: noise levels and times of its sampler
 * (workloads/golden/schedulers.json), and the token ids of its tokenizer
 * (workloads/golden/tokenizer/).
 */
#include <jansson.h>

#include "config.h"
#include "sampler.h"
#include "test.h"
#include "tokenizer.h"

#define GOLDEN "workloads/golden/"

/* ---- sampler --------------------------------------------------------------------------------- */

static double number(const json_t *list, int i)
{
	return json_number_value(json_array_get(list, (size_t)i));
}

static int read_sampler(const json_t *config, struct sampler_config *m, struct err *e)
{
	char *text = json_dumps(config, 0);
	struct config f;

	config_parse(&f, "golden scheduler", text, e);
	sampler_read(&f, m);
	config_close(&f);
	free(text);
	return -(int)e->code;
}

static void check_schedule(const json_t *one)
{
	const json_t *times = json_object_get(one, "timesteps");
	const json_t *sigmas = json_object_get(one, "sigmas");
	int steps = (int)json_integer_value(json_object_get(one, "steps"));
	double init = json_number_value(json_object_get(one, "init_noise_sigma"));
	struct sampler_config m;
	struct err e = { 0 };
	static struct sampler s;

	CHECK(!read_sampler(json_object_get(one, "config"), &m, &e) &&
	      !sampler_init(&s, &m, steps, &e), "%s", e.msg);
	CHECK_INT(json_array_size(sigmas), steps + 1);
	for (int i = 0; i < steps && !e.code; i++) {
		CHECK_NEAR(s.t[i], number(times, i), 0);
		CHECK_NEAR(s.sigma[i], number(sigmas, i), 1e-6 * number(sigmas, i));
	}
	CHECK_NEAR(s.sigma[steps], 0, 0);
	CHECK_NEAR(s.init_sigma, init, 1e-6 * init);
}

/* ---- tokenizer ------------------------------------------------------------------------------- */

#define LENGTH 77

static void check_text(const struct tokenizer *t, const json_t *one)
{
	const char *text = json_string_value(json_object_get(one, "text"));
	const json_t *want = json_object_get(one, "ids");
	int32_t ids[LENGTH] = { 0 };
	struct err e = { 0 };
	int wrong = -1;

	CHECK_INT(json_array_size(want), LENGTH);
	CHECK(!tokenizer_encode(t, text, LENGTH, ids, &e), "%s", e.msg);
	for (int i = LENGTH - 1; i >= 0; i--)
		if (ids[i] != (int32_t)number(want, i))
			wrong = i;
	CHECK(wrong < 0, "\"%s\": token %d is %d, the reference has %d", text, wrong, ids[wrong],
	      (int)number(want, wrong));
}

/* ---- both ------------------------------------------------------------------------------------ */

static json_t *load(const char *path)
{
	json_error_t why;
	json_t *root = json_load_file(path, 0, &why);

	CHECK(json_array_size(root) > 10, "%s: %s", path, root ? "too short" : why.text);
	return root;
}

int main(void)
{
	json_t *schedules = load(GOLDEN "schedulers.json");
	json_t *texts = load(GOLDEN "tokenizer/cases.json"), *one;
	struct tokenizer *t;
	struct err e = { 0 };
	size_t i;

	json_array_foreach(schedules, i, one)
		check_schedule(one);
	CHECK(!tokenizer_open(&t, GOLDEN "tokenizer", &e), "%s", e.msg);
	if (t)
		json_array_foreach(texts, i, one)
			check_text(t, one);
	tokenizer_close(t);
	json_decref(schedules);
	json_decref(texts);
	return test_end();
}
