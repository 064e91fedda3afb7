/* SPDX-License-Identifier: MIT
 *
 * From a session to a row of the database with its samples, summaries, op totals and artifacts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "output.h"
#include "record_int.h"

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

	run->wall_s = 1e-9 * (double)(db_now_unix_ns() - s->started_unix_ns) - s->m.turns_waited_s;
	run->session.ended_unix_ns = db_now_unix_ns();
	run->out_sha256 = *s->m.hash ? s->m.hash : NULL;
	run->peak_flops = session_peak(s);
	record_numbers(r, s);
	fill_artifacts(r, s);
}

void record_free(struct record *r)
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
	record_identity(&r, s);
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
	record_identity(&r, s);
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
