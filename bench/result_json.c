/* SPDX-License-Identifier: MIT
 *
 * The result as JSON, schema bench.result/1: every timing and reference block, and the summaries.
 * Changes only add keys.
 */
#include <stdlib.h>

#include "build_info.h"
#include "json.h"
#include "session.h"

static json_t *stats_json(const struct stats *t)
{
	if (!t->n)
		return json_null();
	return json_pack("{s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "n", t->n, "min",
			 json_number(t->min), "median", json_number(t->median), "max",
			 json_number(t->max), "mean", json_number(t->mean), "sd",
			 json_number(t->sd), "ci_lo", json_number(t->ci_lo), "ci_hi",
			 json_number(t->ci_hi), "ci_conf", json_number(t->ci_conf), "p90",
			 json_number(t->p90), "p99", json_number(t->p99));
}

static json_t *stages_json(const struct session *s)
{
	json_t *stages = json_array();

	for (int i = 0; i < s->point.w->n_stages; i++) {
		struct stats whole = session_latency(s, i), step = session_step(s, i);
		json_array_append_new(
			stages, json_pack("{s:s,s:i,s:o,s:o,s:o}", "name",
					  s->point.w->stage[i].name, "steps",
					  s->point.w->stage[i].steps, "latency_s",
					  stats_json(&whole), "step_s", stats_json(&step),
					  "cost_per_step", json_cost(&s->point.step_cost[i])));
	}
	return stages;
}

static json_t *timings_json(const struct session *s)
{
	static const char *const phase[] = { "warmup", "measured", "traced" };
	json_t *timings = json_array();
	double best = session_peak(s);

	for (int i = 0; i < s->m.n; i++) {
		const struct timing *t = &s->m.timing[i];
		bool removed = t->phase == PHASE_MEASURED && t->sample < s->m.samples &&
			       s->m.sample[t->sample].removed;
		json_array_append_new(
			timings, json_pack("{s:s,s:i,s:s,s:i,s:f,s:b}", "phase",
					   removed ? "removed" : phase[t->phase],
					   "sample", t->sample, "stage",
					   s->point.w->stage[t->stage].name, "step", t->step,
					   "seconds", t->seconds, "disturbed",
					   (int)measure_disturbed(&s->m, t, best)));
	}
	return timings;
}

static json_t *blocks_json(const struct session *s)
{
	json_t *blocks = json_array();

	for (int i = 0; i < s->m.n_blocks; i++)
		json_array_append_new(blocks, json_number(s->m.block[i]));
	return blocks;
}

/* Seconds of each measured sample, in order. */
static json_t *samples_json(const struct session *s)
{
	double *v = malloc(((size_t)s->m.samples + 1) * sizeof *v);
	json_t *samples = json_array();

	die_if(!v, "out of memory");
	for (int i = 0, n = session_latencies(s, -1, v); i < n; i++)
		json_array_append_new(samples, json_number(v[i]));
	free(v);
	return samples;
}

/* What does not depend on how fast the machine was: equal work gives equal numbers. */
static json_t *exact_json(const struct session *s)
{
	json_t *j = json_cost(&s->point.cost);

	json_object_set_new(j, "parameters",
			    json_integer(weights_elems(s->point.w->weights, "")));
	json_object_set_new(j, "weight_bytes", json_integer(s->need.weights));
	json_object_set_new(j, "activation_bytes", json_integer(s->need.activations));
	json_object_set_new(j, "allocations",
			    s->m.allocations >= 0 ? json_integer(s->m.allocations) : json_null());
	json_object_set_new(j, "output_sha256",
			    *s->m.hash ? json_string(s->m.hash) : json_null());
	return j;
}

/* What the protocol did; see protocol.h. `steady` is null when there were too few to tell. */
static bool can_throttle(const struct session *s)
{
	int probe = probes_find(s->m.probes, PROBE_THROTTLE);

	return probe >= 0 && !*probes_at(s->m.probes, probe)->why;
}

static json_t *protocol_json(const struct session *s)
{
	const struct measurement *m = &s->m;
	json_t *j = json_object();

	json_object_set_new(j, "warmups", json_integer(m->warmups));
	json_object_set_new(j, "samples", json_integer(m->samples));
	json_object_set_new(j, "steady", m->steady < 0 ? json_null() : json_boolean(m->steady));
	json_object_set_new(j, "stop_reason",
			    m->stop_reason ? json_string(m->stop_reason) : json_null());
	json_object_set_new(j, "removed", json_integer(measure_removed(m, ~0u)));
	json_object_set_new(j, "removed_slow", json_integer(measure_removed(m, CAUSE_SLOW)));
	json_object_set_new(j, "removed_faults", json_integer(measure_removed(m, CAUSE_FAULTS)));
	json_object_set_new(j, "throttled", can_throttle(s)
						    ? json_integer(session_throttled(s, NULL))
						    : json_null());
	return j;
}

static json_t *run_json(const struct session *s)
{
	struct stats total = session_latency(s, -1);
	double core = (double)cost_core_macs(&s->point.cost), peak = session_peak(s);
	double rate = total.n ? 2 * core / total.median : 0;
	json_t *j = json_object();
	int of, disturbed = session_disturbed(s, &of);
	char id[24];

	snprintf(id, sizeof id, "%lld", (long long)s->run_id);
	json_object_set_new(j, "workload", json_string(s->point.preset->name));
	json_object_set_new(j, "settings", json_settings(&s->point.settings, 0));
	if (opt_given(s->o, OPT_INJECT))
		json_object_set_new(j, "inject", json_string(opt_text(s->o, OPT_INJECT)));
	json_object_set_new(j, "status", json_string(s->status));
	json_object_set_new(j, "message",
			    *s->status_msg ? json_string(s->status_msg) : json_null());
	json_object_set_new(j, "run_id", s->run_id ? json_string(id) : json_null());
	json_object_set_new(j, "stored_s", json_number(s->stored_s));
	json_object_set_new(j, "uuid", *s->uuid ? json_string(s->uuid) : json_null());
	json_object_set_new(j, "images", json_integer(s->point.w->images));
	json_object_set_new(j, "latency_s", stats_json(&total));
	json_object_set_new(j, "images_per_s",
			    total.n ? json_number(s->point.w->images / total.median) : json_null());
	json_object_set_new(j, "latency_samples_s", samples_json(s));
	json_object_set_new(j, "stages", stages_json(s));
	json_object_set_new(j, "cost", json_cost(&s->point.cost));
	json_object_set_new(j, "flops", rate > 0 ? json_number(rate) : json_null());
	json_object_set_new(j, "peak_flops", peak > 0 ? json_number(peak) : json_null());
	json_object_set_new(j, "share_of_peak",
			    peak > 0 && rate > 0 ? json_number(rate / peak) : json_null());
	json_object_set_new(j, "steps_disturbed", json_integer(disturbed));
	json_object_set_new(j, "steps_measured", json_integer(of));
	json_object_set_new(j, "waited_s", json_number(s->m.waited_s));
	json_object_set_new(j, "stolen_s", json_number(s->m.stolen_s));
	json_object_set_new(j, "turns", json_integer(s->m.turns));
	json_object_set_new(j, "turns_waited_s", json_number(s->m.turns_waited_s));
	json_object_set_new(j, "load_s", json_number(s->m.load_s));
	json_object_set_new(j, "first_call_s",
			    s->m.first_call_s > 0 ? json_number(s->m.first_call_s) : json_null());
	json_object_set_new(j, "protocol", protocol_json(s));
	json_object_set_new(j, "traced_s",
			    s->m.traced_s > 0 ? json_number(s->m.traced_s) : json_null());
	json_object_set_new(j, "peak_memory_bytes", json_integer(s->peak_bytes));
	json_object_set_new(j, "predicted_memory_bytes", json_integer(s->need.total));
	json_object_set_new(j, "output_sha256", *s->m.hash ? json_string(s->m.hash) : json_null());
	json_object_set_new(j, "output_finite", json_boolean(s->m.finite));
	json_object_set_new(j, "output_varies", json_boolean(s->m.hash_varies));
	json_object_set_new(j, "exact", exact_json(s));
	json_object_set_new(j, "fingerprint", record_fingerprint(s));
	json_object_set_new(j, "ran_s", json_number(s->m.ran_s));
	json_object_set_new(j, "probes", result_probes_json(s));
	json_object_set_new(j, "timings", timings_json(s));
	json_object_set_new(j, "reference_blocks_flops", blocks_json(s));
	return j;
}

void result_json(const struct session *s)
{
	json_t *env = json_pack("{s:s,s:s,s:i,s:s,s:s,s:s,s:s}", "cpu_model",
				s->machine.cpu_model, "isa", isa_name(s->device.isa), "threads",
				s->device.threads, "backend", s->device.name, "kernel",
				s->machine.kernel, "version", build_info.version, "git_revision",
				build_info.git_revision);

	json_print(json_pack("{s:s,s:o,s:[o]}", "schema", "bench.result/1", "env", env, "runs",
			     run_json(s)), stdout);
}
