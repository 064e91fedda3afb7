/* SPDX-License-Identifier: MIT
 *
 * The points of a sweep before anything is measured: command lines, counts, memory, times.
 */
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "shell.h"
#include "sweep.h"
#include "threads.h"

#define PROCESSES       3   /* per point where nothing else is asked for, */
#define PROCESSES_LONG  1   /* and where a repetition takes over */
#define LONG_S          5.0
#define START_S         0.5 /* of a process without loading */
#define REPETITIONS     20  /* warm-up and samples, where a repetition is not long */

static void fill_words(const struct sweep_spec *s, int i, struct sweep_point *p)
{
	size_t used = 0;
	int n = 0;

	p->workload = s->workload;
	for (int k = 0; k < s->n_words; k++)
		p->word[n++] = s->word[k];
	for (int a = 0; a < s->n_axes; a++) {
		const struct axis *axis = &s->axis[a];
		int v = sweep_spec_value(s, i, a), before = n;
		if (strcmp(axis->key, "workload") == 0)
			p->workload = axis->value[v];
		n = axis_words(axis, v, p->word, n, p->buf + used, sizeof p->buf - used);
		if (n > before)
			used = (size_t)(p->word[n - 1] - p->buf) + strlen(p->word[n - 1]) + 1;
	}
	p->word[n] = NULL;
}

static json_t *value_json(const char *text)
{
	char *end;
	long long i = strtoll(text, &end, 10);

	if (*text && !*end)
		return json_integer(i);
	return json_string(text);
}

static void fill_axes(const struct sweep_spec *s, int i, struct sweep_point *p)
{
	json_t *j = json_object();

	for (int a = 0; a < s->n_axes; a++)
		json_object_set_new(j, s->axis[a].key,
				    value_json(s->axis[a].value[sweep_spec_value(s, i, a)]));
	p->axes = json_dumps(j, JSON_COMPACT);
	die_if(!p->axes, "out of memory");
	json_decref(j);
}

void sweep_point_text(const struct sweep *s, int point, char *buf, size_t len)
{
	const struct sweep_spec *spec = &s->spec;
	size_t n = 0;

	buf[0] = 0;
	for (int a = 0; a < spec->n_axes && n < len; a++)
		n += (size_t)snprintf(buf + n, len - n, "%s%s=%s", a ? " " : "", spec->axis[a].key,
				      spec->axis[a].value[sweep_spec_value(spec, point, a)]);
}

void sweep_command(const struct sweep_point *p, FILE *to)
{
	fputs("bench run ", to);
	shell_word(to, p->workload);
	for (int i = 0; p->word[i]; i++) {
		fputc(' ', to);
		shell_word(to, p->word[i]);
	}
}

/* ---- the dry pass ------------------------------------------------------------------------------
 */

static int check_protocol(const struct options *o, struct err *e)
{
	struct protocol unused = { 0 };

	return protocol_parse(&unused, opt_text(o, OPT_STOP), e);
}

static void take_numbers(struct sweep_point *p, struct session *run)
{
	char *params = record_params(run);

	run->need = point_memory(&run->point);
	p->macs = cost_core_macs(&run->point.cost);
	p->memory_bytes = run->need.total;
	p->params = json_loads(params, 0, NULL);
	free(params);
	record_calibration(run);
	p->repetition_s = session_estimate(run);
	if (p->repetition_s > 0)
		p->process_s = START_S + p->repetition_s *
					 (p->repetition_s > LONG_S ? 1 : REPETITIONS);
}

static int dry_pass(const struct sweep *s, struct sweep_point *p, struct err *e)
{
	const char *argv[2 * SWEEP_WORDS + 4] = { "bench", "run", p->workload };
	struct options *o = malloc(sizeof *o);
	struct session run = { .o = o, .db = s->db };
	int argc = 3;

	die_if(!o, "out of memory");
	for (int i = 0; p->word[i]; i++)
		argv[argc++] = p->word[i];
	machine_read(&run.machine);
	if (!options_parse(o, argc, (char **)argv, e) && !check_protocol(o, e) &&
	    !device_open(&run.device, o, e)) {
		run.device.threads = opt_given(o, OPT_THREADS) ? (int)opt_int(o, OPT_THREADS)
							       : threads_default();
		if (!point_open(&run.point, o, run.device.backend, e))
			take_numbers(p, &run);
		point_close(&run.point);
		device_close(&run.device);
	}
	free(o);
	return -(int)e->code;
}

int sweep_plan(struct sweep *s, struct err *e)
{
	s->n = sweep_spec_points(&s->spec);
	s->point = calloc((size_t)s->n, sizeof *s->point);
	die_if(!s->point, "out of memory");
	for (int i = 0; i < s->n; i++) {
		fill_words(&s->spec, i, &s->point[i]);
		fill_axes(&s->spec, i, &s->point[i]);
		if (dry_pass(s, &s->point[i], e)) {
			char text[256], why[1024];
			sweep_point_text(s, i, text, sizeof text);
			snprintf(why, sizeof why, "%s", e->msg);
			enum err_code code = e->code;
			*e = (struct err){ 0 };
			return err_set(e, code, "point %s: %s", text, why);
		}
	}
	return 0;
}

void sweep_free(struct sweep *s)
{
	for (int i = 0; s->point && i < s->n; i++) {
		free(s->point[i].axes);
		json_decref(s->point[i].params);
	}
	free(s->point);
	s->point = NULL;
	sweep_spec_clear(&s->spec);
}

/* ---- how much is left --------------------------------------------------------------------------
 */

int sweep_wanted(const struct sweep *s, const struct sweep_point *p)
{
	if (s->spec.processes)
		return s->spec.processes;
	return p->repetition_s > LONG_S ? PROCESSES_LONG : PROCESSES;
}

/* Measured at this point, else by the rate of the others, else predicted. */
static double process_s(const struct sweep *s, const struct sweep_point *p)
{
	if (!p->measured && s->spent_macs > 0)
		return s->spent_s * (double)p->macs / s->spent_macs;
	return p->process_s > 0 ? p->process_s : -1;
}

double sweep_left(const struct sweep *s)
{
	double left = 0;

	for (int i = 0; i < s->n; i++) {
		const struct sweep_point *p = &s->point[i];
		int n = sweep_wanted(s, p) - p->done;
		double each = process_s(s, p);
		if (n <= 0 || p->failed)
			continue;
		if (each < 0)
			return -1;
		left += n * each;
	}
	return left;
}
