/* SPDX-License-Identifier: MIT */
#include "roofline.h"

#include <string.h>

#include "calibrate.h"

#define QUICK_S 2.0

struct search {
	struct roof *roof;
	const struct device *d;
	const char *dtype;
};

static int take(void *arg, const struct db_calibration *c)
{
	const struct search *s = arg;

	if (c->threads != s->d->threads)
		return 0;
	if (strcmp(c->kind, "dot") == 0 && strcmp(c->dtype, s->dtype) == 0 &&
	    strcmp(c->isa, isa_name(s->d->isa)) == 0)
		s->roof->flops = c->best;
	if ((strcmp(c->kind, "read") == 0 || strcmp(c->kind, "copy") == 0) &&
	    c->best > s->roof->bytes)
		s->roof->bytes = c->best;
	return 0;
}

/* A calibration that cannot be stored is still one. */
static int measure(struct search *s, struct db *db, const struct db_host *host,
		   struct progress *progress, struct err *e)
{
	struct calibration c;

	if (calibrate(&c, s->d, QUICK_S, progress, e))
		return -(int)e->code;
	for (int i = 0; i < c.n; i++)
		take(s, &c.row[i]);
	if (db)
		db_put_calibration(db, host, c.row, c.n);
	return 0;
}

int roof_find(struct roof *r, struct db *db, const struct machine *m, const struct device *d,
	      enum dtype dtype, struct progress *progress, struct err *e)
{
	struct search s = { r, d, device_peak_name(d, dtype) };
	struct db_host host = machine_host(m);

	*r = (struct roof){ 0 };
	if (d->backend->is_virtual)
		return 0;
	if (db)
		db_get_calibration(db, &host, take, &s);
	r->stored = r->flops > 0 && r->bytes > 0;
	return r->stored ? 0 : measure(&s, db, &host, progress, e);
}

static double compute_s(const struct roof *r, const struct cost *c)
{
	return r->flops > 0 ? 2 * (double)cost_core_macs(c) / r->flops : 0;
}

static double memory_s(const struct roof *r, const struct cost *c)
{
	return r->bytes > 0 ? (double)(c->bytes_read + c->bytes_written) / r->bytes : 0;
}

double roof_limit_s(const struct roof *r, const struct cost *c)
{
	double compute = compute_s(r, c), memory = memory_s(r, c);
	return compute > memory ? compute : memory;
}

const char *roof_bound(const struct roof *r, const struct cost *c)
{
	if (roof_limit_s(r, c) <= 0)
		return "-";
	return compute_s(r, c) >= memory_s(r, c) ? "peak" : "memory";
}
