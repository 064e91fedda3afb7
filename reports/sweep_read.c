/* SPDX-License-Identifier: MIT */
#include "sweep_read.h"

#include <math.h>
#include <string.h>

#define UUID_BEGINNING 4 /* fewer characters name no sweep */

enum column {
	SWEEP, UUID, SPEC, ENDED, POINT, REPLICATE, AXES, RUN, WORKLOAD, PARAMS, STATUS, MESSAGE,
	CPU, LATENCY, LATENCY_LO, LATENCY_HI, IMAGES, FLOPS, PEAK, MEMORY, SAMPLES, MACS, NOATTN,
	STARTED,
};

static const char select[] =
	"SELECT sweep, sweep_uuid, spec_json, sweep_ended_unix_ns IS NOT NULL, point, replicate, "
	"axes_json, uuid, workload, params_json, status, status_msg, cpu_model, latency_s, "
	"latency_ci_lo_s, latency_ci_hi_s, images_per_s, flops, peak_share, peak_mem_bytes, "
	"samples, core_macs, noattn_macs, sweep_started_unix_ns FROM v_sweep ";

struct reader {
	sweep_row_fn *row;
	void *arg;
};

static double number(const struct db_value *v)
{
	return v->type == DB_INT || v->type == DB_REAL ? v->d : NAN;
}

static int64_t integer(const struct db_value *v)
{
	return v->type == DB_INT ? v->i : 0;
}

static int read_row(void *arg, int n, const char *const *names, const struct db_value *v)
{
	struct reader *r = arg;

	(void)n;
	(void)names;
	if (!v)
		return 0;
	return r->row(r->arg, &(struct sweep_row){
		.sweep = v[SWEEP].text, .uuid = v[UUID].text, .spec_json = v[SPEC].text,
		.ended = (int)v[ENDED].i, .started_unix_ns = integer(&v[STARTED]),
		.point = (int)v[POINT].i, .replicate = (int)v[REPLICATE].i,
		.axes_json = v[AXES].text,
		.run_uuid = v[RUN].text, .workload = v[WORKLOAD].text,
		.params_json = v[PARAMS].text, .status = v[STATUS].text,
		.status_msg = v[MESSAGE].text, .cpu_model = v[CPU].text,
		.latency_s = number(&v[LATENCY]), .latency_lo_s = number(&v[LATENCY_LO]),
		.latency_hi_s = number(&v[LATENCY_HI]), .images_per_s = number(&v[IMAGES]),
		.flops = number(&v[FLOPS]), .peak_share = number(&v[PEAK]),
		.peak_mem_bytes = number(&v[MEMORY]), .samples = number(&v[SAMPLES]),
		.core_macs = integer(&v[MACS]), .noattn_macs = integer(&v[NOATTN]) });
}

int sweep_rows(struct db *db, const char *uuid, sweep_row_fn *row, void *arg)
{
	struct reader r = { row, arg };
	char sql[1024];

	strcpy(sql, select);
	strcat(sql, uuid ? "WHERE sweep_uuid = ?1 " : "");
	strcat(sql, "ORDER BY sweep_started_unix_ns DESC, sweep_uuid, point, replicate, run_id");
	return db_query(db, sql, &uuid, uuid ? 1 : 0, read_row, &r);
}

static int take_uuid(void *arg, int n, const char *const *names, const struct db_value *v)
{
	char *uuid = arg;

	(void)n;
	(void)names;
	if (v)
		strcpy(uuid, strlen(v[0].text) < 37 ? v[0].text : "");
	return v != NULL;
}

int sweep_find(struct db *db, const char *word, char uuid[37])
{
	static const char sql[] =
		"SELECT sweep_uuid FROM v_sweep WHERE sweep = ?1 OR (length(?1) >= %d AND "
		"substr(sweep_uuid, 1, length(?1)) = ?1) "
		"ORDER BY sweep_started_unix_ns DESC LIMIT 1";
	char text[sizeof sql + 16];
	int rc;

	uuid[0] = 0;
	snprintf(text, sizeof text, sql, UUID_BEGINNING);
	rc = db_query(db, text, &word, 1, take_uuid, uuid);
	return rc ? rc : !*uuid;
}
