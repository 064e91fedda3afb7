/* SPDX-License-Identifier: MIT
 *
 * From a session to a row of the database with its samples, summaries, op totals and artifacts.
 * Stage 0 is "total", stage i+1 the workload's stage i. Samples of the traced repetition are stored
 * under their own metric, so that no headline mixes them in.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "build_info.h"
#include "clock.h"
#include "fingerprint.h"
#include "output.h"
#include "record.h"
#include "session.h"
#include "shell.h"

enum metric {
	METRIC_LOAD,
	METRIC_FIRST_CALL,
	METRIC_LATENCY,
	METRIC_STEP,
	METRIC_THROUGHPUT,
	METRIC_PEAK_MEMORY,
	METRIC_PREDICTED_MEMORY,
	METRIC_REFERENCE,
	METRIC_TRACED_STEP,
	METRIC_COUNT
};

static const struct db_metric metrics[METRIC_COUNT] = {
	{ "load_time", "s", -1, "noisy", "monotonic", "weights filled and packed, memory touched",
	  NULL },
	{ "first_call", "s", -1, "noisy", "monotonic", "the first repetition, warm-up or not",
	  NULL },
	{ "latency", "s", -1, "noisy", "monotonic", "one sample: the sum of its timed steps",
	  NULL },
	{ "step_latency", "s", -1, "noisy", "monotonic", "one step of a stage", NULL },
	{ "throughput", "1/s", 1, "noisy", "monotonic", "images of a sample over its latency",
	  NULL },
	{ "peak_mem_host", "B", -1, "bounded", NULL, "most resident memory of the process", NULL },
	{ "predicted_mem_host", "B", 0, "exact", NULL, "the same, predicted before the start",
	  NULL },
	{ "reference_rate", "FLOP/s", 0, "noisy", "monotonic",
	  "register-only products between the steps: how fast the machine was then", NULL },
	{ "traced_step_latency", "s", 0, "noisy", "monotonic", "one step with every op timed",
	  NULL },
};

struct record {
	struct db_run run;
	const char *stages[STAGES_MAX + 1];
	struct db_metric *metrics; /* those of the table, then the probes */
	struct db_sample *samples;
	bool *throttled; /* per completed measured sample */
	struct db_summary *summaries;
	struct db_op *ops;
	struct db_artifact artifacts[OPT_MANY + 2];
	char hashes[OPT_MANY + 2][65];
	char *params, *spec, *libs, *argv, *environment, binary[65];
	struct profile counts; /* without times, when there was no trace */
};

/* ---- identity ----------------------------------------------------------------------------------
 */

char *record_params(const struct session *s)
{
	json_t *j = json_object();
	char *text;

	for (int i = 0; i < s->point.settings.n; i++) {
		const struct setting_def *d = &s->point.settings.def[i];
		const char *v = s->point.settings.value[i];
		if (!d->identity || !v)
			continue;
		if (d->type == SETTING_INT)
			json_object_set_new(j, d->key, json_integer(strtoll(v, NULL, 10)));
		else if (d->type == SETTING_REAL)
			json_object_set_new(j, d->key, json_real(strtod(v, NULL)));
		else
			json_object_set_new(j, d->key, json_string(v));
	}
	if (opt_given(s->o, OPT_INJECT))
		json_object_set_new(j, "inject", json_string(opt_text(s->o, OPT_INJECT)));
	json_object_set_new(j, "threads", json_integer(s->device.threads));
	json_object_set_new(j, "backend", json_string(s->device.name));
	json_object_set_new(j, "isa", json_string(isa_name(s->device.isa)));
	text = json_dumps(j, JSON_SORT_KEYS);
	json_decref(j);
	die_if(!text, "out of memory");
	return text;
}

/* The preset and the size of each part: the architecture, also when it came from a directory. */
static char *spec_json(const struct session *s)
{
	const struct point *p = &s->point;
	json_t *preset = json_object(), *parts = json_object(), *j;
	char *text;

	for (int i = 0; p->preset->set[i]; i += 2)
		json_object_set_new(preset, p->preset->set[i],
				    json_string(p->preset->set[i + 1]));
	for (int i = 0; p->w->parts[i]; i++)
		json_object_set_new(parts, p->w->parts[i],
				    json_integer(weights_elems(p->w->weights, p->w->parts[i])));
	j = json_pack("{s:s,s:o,s:o}", "family", p->preset->family->name, "preset", preset,
		      "parameters", parts);
	text = json_dumps(j, JSON_SORT_KEYS);
	json_decref(j);
	die_if(!text, "out of memory");
	return text;
}

static char *libraries_json(void)
{
	json_t *j = json_pack("{s:s}", "dnn", dnnl_describe());
	char *text = json_dumps(j, 0);

	json_decref(j);
	die_if(!text, "out of memory");
	return text;
}

char *command_line(void)
{
	FILE *f = fopen("/proc/self/cmdline", "r"), *out;
	char *text = NULL, *word = NULL;
	size_t len = 0, room = 0;

	out = open_memstream(&text, &len);
	die_if(!out, "out of memory");
	while (f && getdelim(&word, &room, 0, f) > 0) {
		fputs(ftell(out) ? " " : "", out);
		shell_word(out, word);
	}
	if (f)
		fclose(f);
	fclose(out);
	free(word);
	return text;
}

static struct db_build this_build(struct record *r)
{
	file_hash("/proc/self/exe", r->binary);
	r->libs = libraries_json();
	return (struct db_build){
		.version = build_info.version,
		.git_sha = *build_info.git_revision ? build_info.git_revision : NULL,
		.git_branch = *build_info.git_branch ? build_info.git_branch : NULL,
		.git_dirty = build_info.git_dirty,
		.compiler = build_info.compiler,
		.cflags = build_info.flags,
		.libs_json = r->libs,
		.binary_sha256 = *r->binary ? r->binary : NULL,
	};
}

/* At the start, and whether another process took turns with it. */
static char *environment(const struct session *s)
{
	json_t *j = json_loads(s->environment, 0, NULL);
	char *text;

	if (j && s->m.turns > 1)
		json_object_set_new(j, "turns", json_integer(s->m.turns));
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return text;
}

static void fill_identity(struct record *r, const struct session *s)
{
	const struct point *p = &s->point;
	struct db_run *run = &r->run;

	memcpy(run->uuid, s->uuid, sizeof run->uuid);
	r->params = record_params(s);
	r->spec = spec_json(s);
	r->argv = command_line();
	r->environment = environment(s);
	run->host = machine_host(&s->machine);
	run->build = this_build(r);
	run->workload = (struct db_workload){ p->preset->name, p->preset->family->name,
					      p->preset->family->task, r->spec };
	run->config = (struct db_config){
		.params_json = r->params,
		.core_macs = cost_core_macs(&p->cost),
		.noattn_macs = cost_noattn_macs(&p->cost),
		.images = p->w->images,
		.parameters = weights_elems(p->w->weights, ""),
		.weight_bytes = s->need.weights,
	};
	run->session = (struct db_session){ .argv = r->argv, .purpose = s->purpose,
					    .started_unix_ns = s->started_unix_ns,
					    .exit_code = -1 };
	memcpy(run->session.uuid, s->session_uuid, sizeof run->session.uuid);
	run->status = s->status;
	run->status_msg = *s->status_msg ? s->status_msg : NULL;
	run->label = opt_text(s->o, OPT_TAG);
	run->started_unix_ns = s->started_unix_ns;
	run->steady = s->m.n ? s->m.steady : -1;
	run->stop_reason = s->m.stop_reason;
	run->env_json = r->environment;
}

/* ---- numbers -----------------------------------------------------------------------------------
 */

static void add_sample(struct record *r, struct db_sample sample)
{
	r->samples[r->run.n_samples++] = sample;
}

static unsigned cause_flags(const struct record *r, const struct session *s, int sample)
{
	unsigned causes = s->m.sample[sample].causes;

	return (causes & CAUSE_SLOW ? DB_SAMPLE_DISTURBED : 0) |
	       (r->throttled[sample] ? DB_SAMPLE_THROTTLED : 0) |
	       (causes & CAUSE_FAULTS ? DB_SAMPLE_FAULTS : 0);
}

static enum db_phase sample_phase(const struct session *s, int sample)
{
	return s->m.sample[sample].removed ? DB_PHASE_DISCARDED : DB_PHASE_MEASURED;
}

static void add_timings(struct record *r, const struct session *s)
{
	static const enum db_phase phase[] = { DB_PHASE_WARMUP, DB_PHASE_MEASURED,
					       DB_PHASE_DISCARDED };
	double best = session_peak(s);

	for (int i = 0; i < s->m.n; i++) {
		const struct timing *t = &s->m.timing[i];
		bool measured = t->phase == PHASE_MEASURED;
		bool cut = measured && t->sample >= s->m.samples;
		unsigned flags = (measure_disturbed(&s->m, t, best) ? DB_SAMPLE_DISTURBED : 0) |
				 (cut ? DB_SAMPLE_CUT_SHORT : 0) |
				 (measured && !cut ? cause_flags(r, s, t->sample) : 0);
		add_sample(r, (struct db_sample){
				      .metric = t->phase == PHASE_TRACED ? METRIC_TRACED_STEP
									 : METRIC_STEP,
				      .stage = t->stage + 1,
				      .phase = measured && !cut ? sample_phase(s, t->sample)
								: phase[t->phase],
				      .i = t->sample, .step = t->step, .flags = flags,
				      .value = t->seconds });
	}
}

static void add_latency(struct record *r, const struct session *s, enum metric metric, int stage,
			int i, double value)
{
	add_sample(r, (struct db_sample){ .metric = (int)metric, .stage = stage + 1,
					  .phase = sample_phase(s, i), .i = i, .step = -1,
					  .flags = cause_flags(r, s, i), .value = value });
}

/* Latency per stage and in total, and throughput, of every completed sample. */
static void add_latencies(struct record *r, const struct session *s)
{
	double *v = malloc(((size_t)s->m.samples + 1) * sizeof *v);

	die_if(!v, "out of memory");
	for (int stage = -1; stage < s->point.w->n_stages; stage++) {
		session_sample_seconds(s, stage, v);
		for (int i = 0; i < s->m.samples; i++)
			add_latency(r, s, METRIC_LATENCY, stage, i, v[i]);
		for (int i = 0; i < s->m.samples && stage < 0; i++)
			add_latency(r, s, METRIC_THROUGHPUT, stage, i,
				    s->point.w->images / v[i]);
	}
	free(v);
}

static void add_single(struct record *r, enum metric metric, enum db_phase phase, double value)
{
	add_sample(r, (struct db_sample){ .metric = metric, .phase = phase, .step = -1,
					  .value = value });
}

/* What the probes read around warm-up and measured samples. */
static void add_probes(struct record *r, const struct session *s)
{
	for (int i = 0; i < probes_rows(s->m.probes); i++) {
		struct probe_row row = probes_row(s->m.probes, i);
		bool cut = row.phase == PHASE_MEASURED && row.sample >= s->m.samples;
		enum db_phase phase = row.phase == PHASE_WARMUP ? DB_PHASE_WARMUP :
								  DB_PHASE_MEASURED;
		if (row.phase == PHASE_MEASURED && !cut)
			phase = sample_phase(s, row.sample);
		for (int k = 0; k < probes_count(s->m.probes) && row.phase != PHASE_TRACED; k++)
			if (isfinite(row.values[k]))
				add_sample(r, (struct db_sample){
						      .metric = METRIC_COUNT + k,
						      .stage = row.stage + 1,
						      .phase = phase,
						      .i = row.sample, .step = -1,
						      .flags = cut ? DB_SAMPLE_CUT_SHORT : 0,
						      .value = row.values[k] });
	}
}

static void fill_metrics(struct record *r, const struct session *s)
{
	int n = probes_count(s->m.probes);

	r->metrics = malloc((METRIC_COUNT + (size_t)n) * sizeof *r->metrics);
	die_if(!r->metrics, "out of memory");
	memcpy(r->metrics, metrics, sizeof metrics);
	for (int i = 0; i < n; i++) {
		const struct probe *p = probes_at(s->m.probes, i);
		r->metrics[METRIC_COUNT + i] = (struct db_metric){
			.name = p->name, .unit = p->unit, .kind = "noisy", .descr = p->what,
			.probe = p->source };
	}
	r->run.metrics = r->metrics;
	r->run.n_metrics = METRIC_COUNT + n;
}

static void fill_samples(struct record *r, const struct session *s)
{
	const struct measurement *m = &s->m;
	size_t room = (size_t)(m->n + m->n_blocks + 4 + m->samples * (STAGES_MAX + 2));

	room += (size_t)probes_rows(m->probes) * (size_t)probes_count(m->probes);

	r->samples = calloc(room, sizeof *r->samples);
	r->throttled = calloc((size_t)m->samples + 1, sizeof *r->throttled);
	die_if(!r->samples || !r->throttled, "out of memory");
	session_throttled(s, r->throttled);
	add_single(r, METRIC_LOAD, DB_PHASE_LOAD, m->load_s);
	if (m->first_call_s > 0)
		add_single(r, METRIC_FIRST_CALL, DB_PHASE_MEASURED, m->first_call_s);
	add_single(r, METRIC_PEAK_MEMORY, DB_PHASE_MEASURED, (double)s->peak_bytes);
	add_single(r, METRIC_PREDICTED_MEMORY, DB_PHASE_MEASURED, (double)s->need.total);
	add_timings(r, s);
	add_latencies(r, s);
	add_probes(r, s);
	for (int i = 0; i < m->n_blocks; i++)
		add_sample(r, (struct db_sample){ .metric = METRIC_REFERENCE,
						  .phase = DB_PHASE_MEASURED, .i = i, .step = -1,
						  .value = m->block[i] });
	r->run.samples = r->samples;
}

static void add_summary(struct record *r, int metric, int stage, double *v, int n)
{
	struct stats t;

	if (!n)
		return;
	t = stats_of(v, n);
	r->summaries[r->run.n_summaries++] = (struct db_summary){
		.metric = metric, .stage = stage, .n = t.n,
		.outliers_mild = t.outliers_mild, .outliers_severe = t.outliers_severe,
		.min = t.min, .q1 = t.q1, .median = t.median, .q3 = t.q3, .max = t.max,
		.mean = t.mean, .sd = t.sd, .mad = t.mad, .ci_lo = t.ci_lo, .ci_hi = t.ci_hi,
		.ci_conf = t.ci_conf, .p90 = t.p90, .p99 = t.p99 };
}

/* One summary per metric and stage, from the measured samples themselves. */
static void fill_summaries(struct record *r)
{
	double *v = malloc(((size_t)r->run.n_samples + 1) * sizeof *v);
	size_t room = (size_t)r->run.n_metrics * (STAGES_MAX + 1);

	r->summaries = calloc(room, sizeof *r->summaries);
	die_if(!v || !r->summaries, "out of memory");
	for (int metric = 0; metric < r->run.n_metrics; metric++)
		for (int stage = 0; stage < r->run.n_stages; stage++) {
			int n = 0;
			for (int i = 0; i < r->run.n_samples; i++) {
				const struct db_sample *x = &r->samples[i];
				if (x->metric == metric && x->stage == stage &&
				    x->phase == DB_PHASE_MEASURED)
					v[n++] = x->value;
			}
			add_summary(r, metric, stage, v, n);
		}
	free(v);
	r->run.summaries = r->summaries;
}

static struct db_op op_row(const struct profile_row *p, bool traced)
{
	return (struct db_op){
		.stage = p->stage + 1, .op = op_table[p->op].name,
		.layer = traced ? p->scope->path : NULL, .calls = p->cost.calls,
		.macs_conv = p->cost.macs_conv, .macs_linear = p->cost.macs_linear,
		.macs_attn = p->cost.macs_attn, .norm_elems = p->cost.norm_elems,
		.mul_elems = p->cost.mul_elems, .exp_elems = p->cost.exp_elems,
		.bytes_read = p->cost.bytes_read, .bytes_written = p->cost.bytes_written,
		.bytes_sent = p->cost.bytes_sent,
		.time_s = traced ? 1e-9 * (double)p->ns : NAN };
}

static void merge_op(struct db_op *to, const struct db_op *from)
{
	to->calls += from->calls;
	to->macs_conv += from->macs_conv;
	to->macs_linear += from->macs_linear;
	to->macs_attn += from->macs_attn;
	to->norm_elems += from->norm_elems;
	to->mul_elems += from->mul_elems;
	to->exp_elems += from->exp_elems;
	to->bytes_read += from->bytes_read;
	to->bytes_written += from->bytes_written;
	to->bytes_sent += from->bytes_sent;
}

/* By stage, layer and op with times when traced; otherwise by stage and op, counts only. */
static void fill_ops(struct record *r, struct session *s)
{
	bool traced = s->m.traced_s > 0;
	const struct profile *p = traced ? &s->m.profile : &r->counts;
	struct err ignored = { 0 };

	if (!traced && point_profile(&s->point, &r->counts, &ignored))
		return;
	r->ops = calloc((size_t)p->n + 1, sizeof *r->ops);
	die_if(!r->ops, "out of memory");
	for (int i = 0; i < p->n; i++) {
		struct db_op row = op_row(&p->row[i], traced);
		int k = traced ? r->run.n_ops : 0;
		while (k < r->run.n_ops &&
		       (r->ops[k].op != row.op || r->ops[k].stage != row.stage))
			k++;
		if (k < r->run.n_ops)
			merge_op(&r->ops[k], &row);
		else
			r->ops[r->run.n_ops++] = row;
	}
	r->run.ops = r->ops;
}

static void add_artifact(struct record *r, const char *kind, const char *path)
{
	char *hash = r->hashes[r->run.n_artifacts];
	struct stat st;

	if (!path || !*path || stat(path, &st))
		return;
	file_hash(path, hash);
	r->artifacts[r->run.n_artifacts++] = (struct db_artifact){
		.kind = kind, .path = path, .sha256 = *hash ? hash : NULL, .bytes = st.st_size };
}

static void fill_artifacts(struct record *r, const struct session *s)
{
	for (int i = 0; i < s->o->n[OPT_SAVE]; i++) {
		const char *path = s->o->value[OPT_SAVE][i];
		add_artifact(r, strstr(path, ".png") ? "image" : "tensors", path);
	}
	if (s->m.traced_s > 0) {
		add_artifact(r, "trace", opt_text(s->o, OPT_TRACE));
		add_artifact(r, "folded", opt_text(s->o, OPT_FOLDED));
	}
	r->run.artifacts = r->artifacts;
}

static void fill_result(struct record *r, struct session *s)
{
	struct db_run *run = &r->run;

	r->stages[0] = "total";
	for (int i = 0; i < s->point.w->n_stages; i++)
		r->stages[i + 1] = s->point.w->stage[i].name;
	run->stages = r->stages;
	run->n_stages = s->point.w->n_stages + 1;
	fill_metrics(r, s);
	run->wall_s = 1e-9 * (double)(db_now_unix_ns() - s->started_unix_ns);
	run->session.ended_unix_ns = db_now_unix_ns();
	run->out_sha256 = *s->m.hash ? s->m.hash : NULL;
	run->peak_flops = session_peak(s);
	if (s->m.n) {
		fill_samples(r, s);
		fill_summaries(r);
		fill_ops(r, s);
	}
	fill_artifacts(r, s);
}

static void record_free(struct record *r)
{
	free(r->metrics);
	free(r->samples);
	free(r->throttled);
	free(r->summaries);
	free(r->ops);
	free(r->params);
	free(r->spec);
	free(r->libs);
	free(r->argv);
	free(r->environment);
	profile_clear(&r->counts);
}

json_t *record_fingerprint(const struct session *s)
{
	struct record r = { 0 };
	json_t *fingerprint;

	fill_identity(&r, s);
	fingerprint = fingerprint_of(&r.run);
	record_free(&r);
	return fingerprint;
}

/* ---- the database ------------------------------------------------------------------------------
 */

int record_open(struct session *s, struct err *e)
{
	struct record r = { 0 };
	int rc;

	if (opt_flag(s->o, OPT_NO_DB))
		return 0;
	if (db_open(&s->db, opt_text(s->o, OPT_DB), DB_CREATE))
		return err_set(e, ERR_DB, "%s", db_error(s->db));
	if (db_spooling(s->db))
		fprintf(stderr, "bench: %s; the run goes to %s instead, which `bench db import %s "
			"--db FILE` stores in a database on a local disk\n", db_spooling(s->db),
			db_spool_path(s->db), db_spool_path(s->db));
	db_uuid(s->uuid);
	db_uuid(s->session_uuid);
	s->status = "running";
	fill_identity(&r, s);
	rc = db_begin_run(s->db, &r.run);
	record_free(&r);
	return rc ? err_set(e, ERR_DB, "%s", db_error(s->db)) : 0;
}

static int take_calibration(void *arg, const struct db_calibration *c)
{
	struct session *s = arg;
	const char *dtype = device_peak_name(&s->device, s->point.w->dtype);

	if (c->threads != s->device.threads || strcmp(c->isa, isa_name(s->device.isa)) != 0 ||
	    strcmp(c->dtype, dtype) != 0)
		return 0;
	if (strcmp(c->kind, "dot") == 0)
		s->stored_peak = c->best;
	else if (strcmp(c->kind, "matmul") == 0)
		s->stored_matmul = c->best;
	return 0;
}

void record_calibration(struct session *s)
{
	struct db_host host = machine_host(&s->machine);

	if (s->db && !s->device.backend->is_virtual)
		db_get_calibration(s->db, &host, take_calibration, s);
}

int record_result(struct session *s, struct err *e)
{
	struct record r = { 0 };
	double start = clock_s();
	int rc = 0;

	if (!s->db)
		return 0;
	fill_identity(&r, s);
	fill_result(&r, s);
	if (db_put_run(s->db, &r.run, &s->run_id)) {
		char why[512];
		snprintf(why, sizeof why, "%s", db_error(s->db));
		if (!db_spool_run(s->db, NULL, &r.run)) {
			snprintf(s->spool, sizeof s->spool, "%s", db_spool_path(s->db));
			rc = err_set(e, ERR_DB, "%s; the run was written to %s: `bench db import` "
				     "stores it later", why, s->spool);
		} else {
			rc = err_set(e, ERR_DB, "%s; it could not be written elsewhere either: %s",
				     why, db_error(s->db));
		}
	} else if (db_spooling(s->db)) {
		snprintf(s->spool, sizeof s->spool, "%s", db_spool_path(s->db));
	}
	record_free(&r);
	s->stored_s = clock_s() - start;
	return rc;
}
