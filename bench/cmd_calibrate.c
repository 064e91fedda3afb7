/* SPDX-License-Identifier: MIT
 *
 * bench calibrate: measures the peaks of this machine, prints and stores them. With a workload it
 * is the noise that is measured (calibrate_noise.c).
 */
#include <string.h>

#include "calibrate.h"
#include "calibrate_noise.h"
#include "db.h"
#include "json.h"
#include "machine.h"
#include "options.h"
#include "table.h"
#include "units.h"

#define QUICK_S 2.0
#define FULL_S  20.0

static void print_sharing(const struct calibration *c)
{
	double share = calibration_thread_share(c);

	if (share < THREAD_SHARE_LOW)
		printf("\nWith all threads each one keeps only %s of its rate alone: they share "
		       "cores, or\nthe clock falls under load. Peaks of all threads are what this "
		       "machine gives now;\nfewer --threads may be as fast.\n",
		       text_percent(share).s);
}

static void print_table(const struct calibration *c, const struct device *d,
			const struct machine *m)
{
	struct table t;

	printf("%s, %d thread%s, %s, %s, core at %s\n\n", m->cpu_model, d->threads,
	       d->threads == 1 ? "" : "s", isa_name(d->isa), dnnl_describe(),
	       text_si(c->clock_hz, "Hz").s);
	table_begin(&t, "what|format|>threads|>best|>median|>worst|>median/best|>blocks|machine");
	for (int i = 0; i < c->n; i++) {
		const struct db_calibration *r = &c->row[i];
		table_add(&t, "%s", r->kind);
		table_add(&t, "%s", *r->dtype ? r->dtype : "-");
		table_add(&t, "%d", r->threads);
		table_add(&t, "%s", text_si(r->best, r->unit).s);
		table_add(&t, "%s", text_si(r->median, r->unit).s);
		table_add(&t, "%s", text_si(r->worst, r->unit).s);
		table_add(&t, "%s", text_percent(r->median / r->best).s);
		table_add(&t, "%d", r->n);
		table_add(&t, "%s", r->disturbed ? "disturbed" : "quiet");
	}
	table_print(&t, stdout, "");
	table_end(&t);
	if (c->disturbed)
		printf("\nThe machine is disturbed: %s of the time waiting for a core, %s stolen "
		       "by the\n"
		       "host. Speed measured now holds only as a ratio to something measured in "
		       "between.\n",
		       text_percent(c->waited).s, text_percent(c->stolen).s);
	print_sharing(c);
}

static void print_json(const struct calibration *c, const struct machine *m)
{
	json_t *rows = json_array();

	for (int i = 0; i < c->n; i++) {
		const struct db_calibration *r = &c->row[i];
		json_array_append_new(rows, json_pack("{s:s,s:s,s:s,s:i,s:s,s:f,s:f,s:f,s:i,s:b}",
						      "kind", r->kind, "dtype", r->dtype, "isa",
						      r->isa, "threads", r->threads, "unit",
						      r->unit, "best", r->best, "median",
						      r->median, "worst", r->worst, "blocks", r->n,
						      "disturbed", r->disturbed));
	}
	json_print(json_pack("{s:s,s:s,s:f,s:b,s:f,s:f,s:f,s:o}", "schema", "bench.calibration/1",
			     "cpu_model", m->cpu_model, "clock_hz", c->clock_hz, "disturbed",
			     c->disturbed, "waited", c->waited, "stolen", c->stolen,
			     "thread_share", calibration_thread_share(c), "rows", rows),
		   stdout);
}

static int store(const struct options *o, const struct calibration *c, const struct machine *m,
		 struct err *e)
{
	struct db_host host = machine_host(m);
	struct db *db;
	int rc = 0;

	if (db_open(&db, opt_text(o, OPT_DB), DB_CREATE) ||
	    db_put_calibration(db, &host, c->row, c->n))
		rc = err_set(e, ERR_DB, "%s", db_error(db));
	db_close(db);
	return rc;
}

/* What belongs to the other kind of calibration would be ignored. */
static int check_options(const struct options *o, struct err *e)
{
	static const enum opt of_workload[] = { OPT_BLOCKS, OPT_SET, OPT_WEIGHTS, OPT_TAG };

	if (o->n_args && opt_flag(o, OPT_QUICK))
		return err_set(e, ERR_USAGE, "--quick goes without a workload; --blocks N says how "
			       "much of %.60s is measured", o->arg[0]);
	for (size_t i = 0; i < sizeof of_workload / sizeof *of_workload && !o->n_args; i++)
		if (opt_given(o, of_workload[i]))
			return err_set(e, ERR_USAGE, "--%s goes with a workload: bench calibrate "
				       "WORKLOAD", option_table[of_workload[i]].name);
	return 0;
}

int cmd_calibrate(const struct options *o, struct err *e)
{
	double seconds = opt_flag(o, OPT_QUICK) ? QUICK_S : FULL_S;
	struct progress progress;
	struct calibration c;
	struct machine m;
	struct device d;

	if (check_options(o, e))
		return -(int)e->code;
	if (o->n_args)
		return calibrate_noise(o, e);
	machine_read(&m);
	progress_init(&progress, opt_flag(o, OPT_QUIET));
	if (!device_open(&d, o, e) && !calibrate(&c, &d, seconds, &progress, e)) {
		if (opt_flag(o, OPT_JSON))
			print_json(&c, &m);
		else
			print_table(&c, &d, &m);
		if (!opt_flag(o, OPT_NO_DB))
			store(o, &c, &m, e);
	}
	device_close(&d);
	return -(int)e->code;
}
