/* SPDX-License-Identifier: MIT
 *
 * bench run: everything that can be refused is refused first, then the memory is taken, then the
 * clock runs, then the result is stored and shown.
 */
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "inject.h"
#include "output.h"
#include "processes.h"
#include "session.h"
#include "units.h"

#define BLOCKS_AROUND   3
#define BLOCK_S         0.02
#define WORTH_SAYING_S  5.0 /* shorter runs are not announced */

/* The files must be writable before a long run, not after it. */
static int check_files(const struct session *s, struct err *e)
{
	const struct options *o = s->o;
	const char *json = opt_text(o, OPT_TRACE), *folded = opt_text(o, OPT_FOLDED);

	if (s->device.backend->is_virtual && o->n[OPT_SAVE])
		return err_set(e, ERR_USAGE,
			       "the null backend computes nothing that --save could write");
	for (int i = 0; i < o->n[OPT_SAVE]; i++)
		if (output_check_path(o->value[OPT_SAVE][i], e))
			return -(int)e->code;
	if (json && *json && output_check_file("trace", json, OUTPUT_IN_PLACE, e))
		return -(int)e->code;
	return folded ? output_check_file("folded", folded, OUTPUT_IN_PLACE, e) : 0;
}

static int check_results(struct session *s, struct err *e)
{
	for (int i = 0; i < s->o->n[OPT_SAVE]; i++)
		if (output_check_result(s->point.ctx, s->o->value[OPT_SAVE][i], e))
			return -(int)e->code;
	return 0;
}

static int read_protocol(struct session *s, struct err *e)
{
	const struct options *o = s->o;

	s->protocol = (struct protocol){
		.warmup = opt_given(o, OPT_WARMUP) ? (int)opt_int(o, OPT_WARMUP) : -1,
		.samples = opt_given(o, OPT_SAMPLES) ? (int)opt_int(o, OPT_SAMPLES) : -1,
		.trace = s->traced || opt_given(o, OPT_TRACE) || opt_given(o, OPT_FOLDED),
	};
	return protocol_parse(&s->protocol, opt_text(o, OPT_STOP), e);
}

static int prepare(struct session *s, struct err *e)
{
	machine_read(&s->machine);
	machine_environment(s->environment, sizeof s->environment);
	s->started_unix_ns = db_now_unix_ns();
	if (opt_given(s->o, OPT_COUNTERS) &&
	    counter_group_load(&s->counters, opt_text(s->o, OPT_COUNTERS), e))
		return -(int)e->code;
	if (read_protocol(s, e) || device_open(&s->device, s->o, e) ||
	    check_files(s, e) || point_open(&s->point, s->o, s->device.backend, e) ||
	    check_results(s, e))
		return -(int)e->code;
	if (opt_given(s->o, OPT_INJECT) && inject_parse(&s->point, opt_text(s->o, OPT_INJECT), e))
		return -(int)e->code;
	s->need = point_memory(&s->point);
	return 0;
}

static void announce(struct session *s)
{
	double estimate = session_estimate(s);

	if (opt_given(s->o, OPT_INJECT))
		progress_say(&s->progress, "note: slowed down on purpose, %s %%",
			     opt_text(s->o, OPT_INJECT));
	if (estimate < WORTH_SAYING_S)
		return;
	progress_say(&s->progress, "%s: %s core MACs, %s of memory; about %s on this machine",
		     s->point.preset->name, text_si((double)cost_core_macs(&s->point.cost), "").s,
		     text_bytes((double)s->need.total).s, text_left(estimate).s);
}

static int save_outputs(struct session *s, struct err *e)
{
	const struct options *o = s->o;

	for (int i = 0; i < o->n[OPT_SAVE]; i++)
		if (output_save(s->point.ctx, o->value[OPT_SAVE][i], e))
			return -(int)e->code;
	return 0;
}

/* The traced repetition as files. */
static int save_traces(struct session *s, struct err *e)
{
	const char *json = opt_text(s->o, OPT_TRACE), *folded = opt_text(s->o, OPT_FOLDED);

	if (s->m.traced_s > 0 && s->m.timeline &&
	    timeline_write(s->m.timeline, &s->point, json, e))
		return -(int)e->code;
	return s->m.traced_s > 0 && folded ? folded_write(&s->m.profile, &s->point, folded, e) : 0;
}

static void open_probes(struct session *s)
{
	const char *json = opt_text(s->o, OPT_TRACE);
	bool counting = *s->counters.name;

	if (json && *json)
		s->m.timeline = timeline_new();
	s->m.probes = probes_open(counting ? &s->counters : NULL, s->device.threads);
	if (counting && *probes_at(s->m.probes, probes_count(s->m.probes) - 1)->why)
		progress_say(&s->progress, "no counters of group %s: %s", s->counters.name,
			     probes_at(s->m.probes, probes_count(s->m.probes) - 1)->why);
}

/* The part that computes. Leaves an error or an interruption in `e`. */
static void work(struct session *s, struct err *e)
{
	interrupt_catch();
	measure_blocks(&s->m, &s->point, &s->device, BLOCKS_AROUND, BLOCK_S);
	announce(s);
	open_probes(s);
	if (measure_load(&s->m, &s->point, &s->progress, e))
		return;
	measure_blocks(&s->m, &s->point, &s->device, 1, BLOCK_S);
	if (measure_run(&s->m, &s->point, &s->device, &s->protocol, &s->progress, e))
		return;
	measure_blocks(&s->m, &s->point, &s->device, BLOCKS_AROUND, BLOCK_S);
	measure_label(&s->m, 0, s->m.replaced);
	if (s->m.interrupted)
		err_set(e, ERR_INTERRUPTED, "interrupted; %d finished samples are kept",
			s->m.samples);
	else if (!s->m.finite)
		err_set(e, ERR_FAILED, "the output of %s is not finite", s->point.preset->name);
	else if (measure_removed(&s->m, ~0u) == s->m.samples)
		err_set(e, ERR_FAILED,
			"all %d samples of %s were removed, each for a recorded cause; "
			"`bench doctor` says what disturbs this machine",
			s->m.samples, s->point.preset->name);
	else if (!save_outputs(s, e))
		save_traces(s, e);
}

static const char *status_of(const struct session *s, const struct err *e)
{
	if (measure_invalid(&s->m) && e->code != ERR_INTERRUPTED)
		return "invalid";
	if (!e->code)
		return "ok";
	if (e->code == ERR_INTERRUPTED)
		return "interrupted";
	return *s->m.hash && !s->m.finite ? "nan" : "failed";
}

static void show(struct session *s, struct err *e)
{
	(void)e;
	if (opt_flag(s->o, OPT_JSON)) {
		result_json(s);
		return;
	}
	result_table(s);
	result_probes(s);
	result_trace(s);
	result_shadow(s);
}

/* What the run came to decides the exit status; a failure to store it is then a warning. */
static void add_error(struct err *e, const struct err *stored)
{
	if (e->code && stored->code)
		fprintf(stderr, "bench: warning: %s\n", stored->msg);
	else if (stored->code)
		*e = *stored;
}

/* A run that does not fit leaves a row too, when there is a database for it. */
static void record_refusal(struct session *s, struct err *e)
{
	struct err stored = { 0 };

	s->status = "refused";
	snprintf(s->status_msg, sizeof s->status_msg, "%s", e->msg);
	record_result(s, &stored);
	add_error(e, &stored);
	if (s->show == show && opt_flag(s->o, OPT_JSON))
		result_json(s);
}

static void run_prepared(struct session *s, struct err *e)
{
	if (record_open(s, e))
		return;
	record_calibration(s);
	if (point_check_memory(&s->point, e)) {
		record_refusal(s, e);
		return;
	}
	work(s, e);
	s->peak_bytes = memory_peak();
	s->status = status_of(s, e);
	if (measure_invalid(&s->m) && !e->code)
		snprintf(s->status_msg, sizeof s->status_msg, "%d of %d samples were removed, each "
			 "for a recorded cause: not to be compared",
			 measure_removed(&s->m, ~0u), s->m.samples);
	else
		snprintf(s->status_msg, sizeof s->status_msg, "%s", e->msg);
	progress_clear(&s->progress);
	if (s->m.n || e->code) {
		struct err stored = { 0 };
		record_result(s, &stored);
		if (s->m.n || (s->show == show && opt_flag(s->o, OPT_JSON)))
			s->show(s, e);
		add_error(e, &stored);
	}
}

static void run_dry(struct session *s, struct err *e)
{
	if (point_check_memory(&s->point, e))
		return;
	measure_blocks(&s->m, &s->point, &s->device, BLOCKS_AROUND, BLOCK_S);
	result_dry(s);
}

int session_run(struct session *s, struct err *e)
{
	progress_init(&s->progress, opt_flag(s->o, OPT_QUIET));
	if (!prepare(s, e)) {
		if (opt_flag(s->o, OPT_DRY_RUN))
			run_dry(s, e);
		else
			run_prepared(s, e);
	}
	db_close(s->db);
	probes_close(s->m.probes);
	timeline_free(s->m.timeline);
	measure_end(&s->m);
	point_close(&s->point);
	device_close(&s->device);
	return -(int)e->code;
}

int cmd_run(const struct options *o, struct err *e)
{
	struct session s = { .o = o, .purpose = "run", .show = show };

	if (opt_given(o, OPT_PROCESSES) && !opt_flag(o, OPT_DRY_RUN))
		return run_processes(o, e);
	return session_run(&s, e);
}
