/* SPDX-License-Identifier: MIT
 *
 * Measures the points of a sweep: finds what is there already, starts a process for each that is
 * missing, records which run belongs to which point.
 */
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "machine.h"
#include "output.h"
#include "sweep.h"
#include "sweep_read.h"
#include "units.h"

/* ---- what is there already ---------------------------------------------------------------------
 */

/* FNV-1a: names this machine without telling its name. */
static void machine_text(char *buf, size_t len)
{
	struct machine m;
	uint64_t h = 0xcbf29ce484222325;
	char text[512];

	machine_read(&m);
	snprintf(text, sizeof text, "%s|%s|%s|%s|%s|%d|%d|%lld", m.id, m.cpu_model, m.microcode,
		 m.kernel, m.governor, m.cores, m.threads, (long long)(m.mem_bytes >> 30));
	for (const char *p = text; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3;
	snprintf(buf, len, "%016llx", (unsigned long long)h);
}

static json_t *axes_json(const struct sweep_spec *s)
{
	json_t *axes = json_array();

	for (int i = 0; i < s->n_axes; i++) {
		json_t *values = json_array();
		for (int k = 0; k < s->axis[i].n; k++)
			json_array_append_new(values, json_string(s->axis[i].value[k]));
		json_array_append_new(axes, json_pack("[s,o]", s->axis[i].key, values));
	}
	return axes;
}

/* What decides how a point is measured, not what it is. */
static bool is_protocol(const char *word)
{
	return strncmp(word, "--stop=", 7) == 0 || strncmp(word, "--samples=", 10) == 0 ||
	       strncmp(word, "--warmup=", 9) == 0;
}

json_t *sweep_identity(const struct sweep *s)
{
	json_t *words = json_array(), *protocol = json_array();
	char machine[32], binary[65];

	for (int i = 0; i < s->spec.n_words; i++)
		json_array_append_new(is_protocol(s->spec.word[i]) ? protocol : words,
				      json_string(s->spec.word[i]));
	machine_text(machine, sizeof machine);
	file_hash("/proc/self/exe", binary);
	return json_pack("{s:s,s:s,s:o,s:o,s:o,s:i,s:s,s:s}", "name", s->spec.name, "workload",
			 s->spec.workload, "axes", axes_json(&s->spec), "words", words, "protocol",
			 protocol, "processes", s->spec.processes, "binary", binary,
			 "machine", machine);
}

struct search {
	struct sweep *s;
	json_t *mine;     /* identity */
	bool again;
	int *found;       /* per point: runs of earlier sweeps */
	char (*run)[37];  /* their uuids, `room` per point; owned */
	int room;
};

static bool equal_in(const json_t *a, const json_t *b, const char *key)
{
	return json_equal(json_object_get(a, key), json_object_get(b, key));
}

/* An unfinished sweep that is this one: the newest is taken. */
static void take_unfinished(struct search *f, const struct sweep_row *r, json_t *spec)
{
	struct sweep *s = f->s;
	char seed[32];

	if (r->ended || (*s->uuid && strcmp(s->uuid, r->uuid) != 0))
		return;
	snprintf(seed, sizeof seed, "%s",
		 json_string_value(json_object_get(spec, "seed"))
			 ? json_string_value(json_object_get(spec, "seed")) : "0");
	json_object_del(spec, "seed");
	if (!json_equal(spec, f->mine) || r->point < 0 || r->point >= s->n)
		return;
	strcpy(s->uuid, r->uuid);
	s->started_unix_ns = r->started_unix_ns;
	s->spec.seed = strtoull(seed, NULL, 10);
	if (strcmp(r->status, "ok") == 0)
		s->point[r->point].done = r->replicate + 1 > s->point[r->point].done
						  ? r->replicate + 1
						  : s->point[r->point].done;
}

/* A run of another sweep by the same program, on this machine, under the same protocol. */
static void take_earlier(struct search *f, const struct sweep_row *r, const json_t *spec)
{
	json_t *params;

	if (f->again || strcmp(r->uuid, f->s->uuid) == 0 || strcmp(r->status, "ok") != 0 ||
	    !equal_in(spec, f->mine, "binary") || !equal_in(spec, f->mine, "machine") ||
	    !equal_in(spec, f->mine, "protocol"))
		return;
	params = json_loads(r->params_json, 0, NULL);
	for (int i = 0; i < f->s->n; i++) {
		struct sweep_point *p = &f->s->point[i];
		bool same = strcmp(r->workload, p->workload) == 0 && json_equal(params, p->params);
		for (int k = 0; same && k < f->found[i]; k++) /* one run may serve many sweeps */
			same = strcmp(f->run[i * f->room + k], r->run_uuid) != 0;
		if (same && f->found[i] < sweep_wanted(f->s, p) && f->found[i] < f->room)
			strcpy(f->run[i * f->room + f->found[i]++], r->run_uuid);
	}
	json_decref(params);
}

static int look_at(void *arg, const struct sweep_row *r)
{
	struct search *f = arg;
	json_t *spec = json_loads(r->spec_json, 0, NULL);

	take_unfinished(f, r, spec);
	take_earlier(f, r, spec);
	json_decref(spec);
	return 0;
}

/* The row of the sweep, with the seed; ended 0: not yet. */
static int put_sweep(struct sweep *s, int64_t ended_unix_ns, struct err *e)
{
	json_t *spec = sweep_identity(s);
	char seed[24], *text;
	struct db_sweep row = { .name = s->spec.name, .started_unix_ns = s->started_unix_ns,
				.ended_unix_ns = ended_unix_ns };

	snprintf(seed, sizeof seed, "%llu", (unsigned long long)s->spec.seed);
	json_object_set_new(spec, "seed", json_string(seed));
	text = json_dumps(spec, JSON_SORT_KEYS | JSON_COMPACT);
	die_if(!text, "out of memory");
	row.spec_json = text;
	strcpy(row.uuid, s->uuid);
	if (db_put_sweep(s->db, &row))
		err_set(e, ERR_DB, "%s", db_error(s->db));
	strcpy(s->uuid, row.uuid);
	free(text);
	json_decref(spec);
	return -(int)e->code;
}

static int begin(struct sweep *s, struct err *e)
{
	s->started_unix_ns = db_now_unix_ns();
	return put_sweep(s, 0, e);
}

static int add_run(struct sweep *s, int point, const char *run, struct err *e)
{
	struct sweep_point *p = &s->point[point];
	struct db_sweep_run row = { .sweep = s->uuid, .run = run, .point = point,
				    .replicate = p->done, .axes_json = p->axes };

	return db_sweep_add_run(s->db, &row) ? err_set(e, ERR_DB, "%s", db_error(s->db)) : 0;
}

/* Runs of earlier sweeps become runs of this one too. */
static int link_earlier(struct search *f, struct err *e)
{
	struct sweep *s = f->s;

	for (int i = 0; i < s->n; i++)
		while (s->point[i].done < f->found[i]) {
			if (add_run(s, i, f->run[i * f->room + s->point[i].done], e))
				return -(int)e->code;
			s->point[i].done++;
			s->taken++;
		}
	return 0;
}

int sweep_resume(struct sweep *s, bool again, struct err *e)
{
	struct search f = { .s = s, .mine = sweep_identity(s), .again = again };

	f.room = s->spec.processes > 8 ? s->spec.processes : 8;
	f.found = calloc((size_t)s->n, sizeof *f.found);
	f.run = calloc((size_t)(s->n * f.room), sizeof *f.run);
	die_if(!f.found || !f.run, "out of memory");
	if (sweep_rows(s->db, NULL, look_at, &f))
		err_set(e, ERR_DB, "%s", db_error(s->db));
	else if (*s->uuid)
		progress_say(&s->progress, "going on with sweep %.8s, which was interrupted",
			     s->uuid);
	else if (!begin(s, e))
		link_earlier(&f, e);
	if (s->taken)
		progress_say(&s->progress, "%d process%s measured already by this program on this "
			     "machine (--again measures anew)", s->taken,
			     s->taken == 1 ? " was" : "es were");
	free(f.found);
	free(f.run);
	json_decref(f.mine);
	return -(int)e->code;
}

/* ---- measuring ---------------------------------------------------------------------------------
 */

struct watch {
	const struct sweep *s;
	char text[128];
	double expected_s;
};

static int processes_done(const struct sweep *s, int *all)
{
	int done = 0;

	*all = 0;
	for (int i = 0; i < s->n; i++) {
		const struct sweep_point *p = &s->point[i];
		int wanted = sweep_wanted(s, p);
		done += p->failed || p->done > wanted ? wanted : p->done;
		*all += wanted;
	}
	return done;
}

static void show(void *arg, double seconds)
{
	struct watch *w = arg;
	int all, done = processes_done(w->s, &all);
	double left = sweep_left(w->s), share = w->expected_s > 0 ? seconds / w->expected_s : 0;
	char text[192];

	if (left >= 0)
		left = left > seconds ? left - seconds : 0;
	snprintf(text, sizeof text, "%d/%d  %s", done + 1, all, w->text);
	progress_draw((struct progress *)&w->s->progress, text,
		      done + (share < 0.99 ? share : 0.99), all, left);
}

static void learn(struct sweep *s, struct sweep_point *p, const struct child_result *r)
{
	double median = json_number_value(
		json_object_get(json_object_get(r->run, "latency_s"), "median"));

	if (median > 0)
		p->repetition_s = median;
	p->process_s = r->seconds;
	p->measured = true;
	s->spent_s += r->seconds;
	s->spent_macs += (double)p->macs;
}

/* One process. Only an interruption and a failing database end the sweep. */
static int measure(struct sweep *s, int i, struct err *e)
{
	struct sweep_point *p = &s->point[i];
	struct watch watch = { .s = s, .expected_s = p->process_s };
	struct child_job job = { .workload = p->workload, .args = p->word, .db = s->db_path,
				 .tick = show, .tick_arg = &watch };
	struct child_result r;
	struct err failed = { 0 };

	sweep_point_text(s, i, watch.text, sizeof watch.text);
	show(&watch, 0);
	child_run(&job, &r, &failed);
	if (*r.uuid && failed.code != ERR_INTERRUPTED && add_run(s, i, r.uuid, e)) {
		child_free(&r);
		return -(int)e->code;
	}
	if (failed.code == ERR_INTERRUPTED || failed.code == ERR_DB) {
		*e = failed;
	} else if (failed.code) {
		p->failed = true;
		s->failed++;
		progress_say(&s->progress, "%s: %s", watch.text, failed.msg);
	} else {
		learn(s, p, &r);
		p->done++;
		s->measured++;
	}
	child_free(&r);
	return -(int)e->code;
}

static int most_wanted(const struct sweep *s)
{
	int most = 0;

	for (int i = 0; i < s->n; i++)
		most = sweep_wanted(s, &s->point[i]) > most ? sweep_wanted(s, &s->point[i]) : most;
	return most;
}

static int run_round(struct sweep *s, int round, struct err *e)
{
	int *order = malloc((size_t)s->n * sizeof *order);

	die_if(!order, "out of memory");
	sweep_spec_order(&s->spec, round, order);
	for (int k = 0; k < s->n && !e->code; k++) {
		struct sweep_point *p = &s->point[order[k]];
		if (p->done > round || p->failed || sweep_wanted(s, p) <= round)
			continue;
		if (process_interrupted())
			err_set(e, ERR_INTERRUPTED, "interrupted");
		else
			measure(s, order[k], e);
	}
	free(order);
	return -(int)e->code;
}

int sweep_run(struct sweep *s, struct err *e)
{
	process_catch_signals();
	for (int round = 0; round < most_wanted(s) && !e->code; round++)
		run_round(s, round, e);
	progress_clear(&s->progress);
	if (e->code == ERR_INTERRUPTED) {
		*e = (struct err){ 0 };
		return err_set(e, ERR_INTERRUPTED, "interrupted; the same command goes on where it "
			       "stopped (sweep %.8s)", s->uuid);
	}
	return e->code ? -(int)e->code : put_sweep(s, db_now_unix_ns(), e);
}
