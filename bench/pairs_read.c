/* SPDX-License-Identifier: MIT
 *
 * What the engine takes out of a child's result (bench.result/1). Keys that older programs do not
 * print are missed without complaint.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pairs.h"
#include "stats.h"

static double number_at(const json_t *j, const char *key)
{
	const json_t *v = json_object_get(j, key);
	return json_is_number(v) ? json_number_value(v) : NAN;
}

static double positive(double v)
{
	return v > 0 ? v : 0; /* not a number becomes 0 too */
}

/* The numbers of an array; owned. */
static double *numbers(const json_t *array, int *n)
{
	size_t size = json_array_size(array);
	double *v = malloc((size + 1) * sizeof *v);

	die_if(!v, "out of memory");
	*n = 0;
	for (size_t i = 0; i < size; i++)
		if (json_is_number(json_array_get(array, i)))
			v[(*n)++] = json_number_value(json_array_get(array, i));
	return v;
}

static double median_of(const json_t *array)
{
	int n;
	double *v = numbers(array, &n), m = n ? stats_median(v, n) : 0;

	free(v);
	return m;
}

/* Waiting for a core, and what the hypervisor took of each of the threads' cores. */
static double contention(const json_t *json, const json_t *run)
{
	double threads = positive(number_at(json_object_get(json, "env"), "threads"));
	double ran = number_at(run, "ran_s");
	double lost = positive(number_at(run, "waited_s")) +
		      positive(number_at(run, "stolen_s")) / (threads > 0 ? threads : 1);

	return ran > 0 ? lost / ran : 0;
}

static bool in_turns(const json_t *run)
{
	return json_integer_value(json_object_get(run, "turns")) > 0;
}

void pairs_read_process(struct pairs_process *to, const struct child_result *child)
{
	const char *status = json_string_value(json_object_get(child->run, "status"));

	memset(to, 0, sizeof *to);
	memcpy(to->uuid, child->uuid, sizeof to->uuid);
	to->seconds = child->seconds;
	to->reference_rate = median_of(json_object_get(child->run, "reference_blocks_flops"));
	to->contention = contention(child->json, child->run);
	to->turns = in_turns(child->run);
	to->invalid = status && strcmp(status, "invalid") == 0;
	to->sample = numbers(json_object_get(child->run, "latency_samples_s"), &to->n_samples);
}

/* ---- series ------------------------------------------------------------------------------------
 */

static const json_t *stage_of(const json_t *run, const char *name)
{
	size_t i;
	json_t *stage;

	json_array_foreach(json_object_get(run, "stages"), i, stage) {
		const char *have = json_string_value(json_object_get(stage, "name"));
		if (have && strcmp(have, name) == 0)
			return stage;
	}
	return NULL;
}

static double value_of(const json_t *run, const struct pairs_series *s)
{
	const json_t *stage = stage_of(run, s->stage);

	if (strcmp(s->metric, "load_time") == 0)
		return number_at(run, "load_s");
	if (strcmp(s->metric, "step_latency") == 0)
		return number_at(json_object_get(stage, "step_s"), "median");
	if (strcmp(s->stage, "total") == 0)
		return number_at(json_object_get(run, "latency_s"), "median");
	return number_at(json_object_get(stage, "latency_s"), "median");
}

/* A series that both arms have a positive value of. */
static void add_series(struct pairs_result *row, const json_t *const run[ARMS], const char *metric,
		       const char *stage)
{
	struct pairs_series s = { "", "", { NULL, NULL }, NULL };

	snprintf(s.metric, sizeof s.metric, "%s", metric);
	snprintf(s.stage, sizeof s.stage, "%s", stage);
	if (row->n_series < PAIRS_SERIES && value_of(run[ARM_A], &s) > 0 &&
	    value_of(run[ARM_B], &s) > 0)
		row->series[row->n_series++] = s;
}

static void find_series(struct pairs_result *row, const json_t *const run[ARMS])
{
	size_t i;
	json_t *stage;

	add_series(row, run, "latency", "total");
	json_array_foreach(json_object_get(run[ARM_A], "stages"), i, stage) {
		const char *name = json_string_value(json_object_get(stage, "name"));
		json_int_t steps = json_integer_value(json_object_get(stage, "steps"));
		if (!name)
			continue;
		add_series(row, run, "latency", name);
		if (steps > 1)
			add_series(row, run, "step_latency", name);
	}
	add_series(row, run, "load_time", "total");
}

/* ---- ratios ------------------------------------------------------------------------------------
 */

/* A series' number of each measured sample, by the sample's place; NAN where there is none. */
struct by_sample {
	double *value;
	int n;
};

static bool concerns(const json_t *timing, const struct pairs_series *s)
{
	const char *phase = json_string_value(json_object_get(timing, "phase"));
	const char *stage = json_string_value(json_object_get(timing, "stage"));

	return phase && stage && strcmp(phase, "measured") == 0 &&
	       (strcmp(s->stage, "total") == 0 || strcmp(stage, s->stage) == 0);
}

static void set_sample(struct by_sample *b, int sample, double value)
{
	while (b->n <= sample)
		b->value[b->n++] = NAN;
	b->value[sample] = value;
}

/* As value_of() has it for a process: the sum of the steps, or their median. Timings come in the
 * order of samples. */
static struct by_sample samples_of(const json_t *run, const struct pairs_series *s)
{
	const json_t *timings = json_object_get(run, "timings");
	size_t size = json_array_size(timings), steps = 0;
	bool of_steps = strcmp(s->metric, "step_latency") == 0;
	struct by_sample b = { malloc((size + 1) * sizeof *b.value), 0 };
	double *step = malloc((size + 1) * sizeof *step), sum = 0;
	int last = -1;

	die_if(!b.value || !step, "out of memory");
	for (size_t i = 0; i < size; i++) {
		const json_t *timing = json_array_get(timings, i);
		json_int_t sample = json_integer_value(json_object_get(timing, "sample"));
		if (!concerns(timing, s) || sample < last || sample >= (json_int_t)size)
			continue;
		if (sample > last) {
			steps = 0;
			sum = 0;
		}
		last = (int)sample;
		step[steps++] = number_at(timing, "seconds");
		sum += step[steps - 1];
		set_sample(&b, last, of_steps ? stats_median_of(step, (int)steps) : sum);
	}
	free(step);
	return b;
}

/* Of the samples that both arms have. Two of the same number were computed side by side; the median
 * of their ratios is free of what the machine did from one sample to the next. NAN: there are none.
 */
static double ratio_of_samples(const json_t *const run[ARMS], const struct pairs_series *s)
{
	struct by_sample a = samples_of(run[ARM_A], s), b = samples_of(run[ARM_B], s);
	double m = NAN;
	int n = 0;

	for (int i = 0; i < a.n && i < b.n; i++)
		if (a.value[i] > 0 && b.value[i] > 0)
			a.value[n++] = log(b.value[i] / a.value[i]);
	if (n)
		m = stats_median(a.value, n);
	free(a.value);
	free(b.value);
	return m;
}

static double log_ratio_of(const json_t *const run[ARMS], const struct pairs_series *s, int pair)
{
	double of_samples = NAN;

	if (in_turns(run[ARM_A]) && in_turns(run[ARM_B]) && strcmp(s->metric, "load_time") != 0)
		of_samples = ratio_of_samples(run, s);
	return isfinite(of_samples) ? of_samples :
				      log(s->value[ARM_B][pair] / s->value[ARM_A][pair]);
}

static void room_for_values(struct pairs_series *s, int capacity)
{
	for (int arm = 0; arm < ARMS; arm++)
		if (!s->value[arm])
			s->value[arm] = malloc((size_t)capacity * sizeof(double));
	if (!s->log_ratio)
		s->log_ratio = malloc((size_t)capacity * sizeof(double));
	die_if(!s->value[ARM_A] || !s->value[ARM_B] || !s->log_ratio, "out of memory");
}

/* ---- exact counts ------------------------------------------------------------------------------
 */

static json_t *exact_of(const json_t *run)
{
	json_t *exact = json_object_get(run, "exact");
	json_t *copy = json_copy(exact ? exact : json_object_get(run, "cost"));

	if (!copy)
		copy = json_object();
	if (!exact && json_object_get(run, "output_sha256"))
		json_object_set(copy, "output_sha256", json_object_get(run, "output_sha256"));
	return copy;
}

/* How often memory is asked for may depend on chance (a lock that was busy); then it is not a count
 * that can be held against an arm. */
static void forgive_allocations(json_t *exact, json_t *other)
{
	if (json_equal(json_object_get(exact, "allocations"),
		       json_object_get(other, "allocations")))
		return;
	json_object_set_new(exact, "allocations", json_null());
	json_object_set_new(other, "allocations", json_null());
}

static void take_exact(struct pairs_result *row, int arm, const json_t *run)
{
	json_t *exact = exact_of(run), *fingerprint = json_object_get(run, "fingerprint");

	if (row->exact[arm])
		forgive_allocations(row->exact[arm], exact);
	if (json_is_true(json_object_get(run, "output_varies")) ||
	    (row->exact[arm] && !json_equal(row->exact[arm], exact)))
		row->exact_varies[arm] = true;
	if (!row->exact[arm])
		row->exact[arm] = json_incref(exact);
	if (!row->fingerprint[arm] && fingerprint)
		row->fingerprint[arm] = json_incref(fingerprint);
	json_decref(exact);
}

int pairs_read_pair(struct pairs_result *row, const json_t *const run[ARMS], struct err *e)
{
	bool first = !row->n_series;

	if (first)
		find_series(row, run);
	if (!row->n_series)
		return err_set(e, ERR_FAILED, "the processes have no latency in common");
	for (int i = 0; i < row->n_series; i++) {
		struct pairs_series *s = &row->series[i];
		room_for_values(s, row->capacity);
		for (int arm = 0; arm < ARMS; arm++) {
			double v = value_of(run[arm], s);
			if (!(v > 0))
				return err_set(e, ERR_FAILED, "a process has no %s of %s",
					       s->metric, s->stage);
			s->value[arm][row->n] = v;
		}
		s->log_ratio[row->n] = log_ratio_of(run, s, row->n);
	}
	for (int arm = 0; arm < ARMS; arm++)
		take_exact(row, arm, run[arm]);
	return 0;
}
