/* SPDX-License-Identifier: MIT
 *
 * A sweep as a table, from the database alone: one row per point, the axes first. A latency is the
 * median over the medians of the processes, its interval exact over these (it needs 6). CSV has
 * numbers in base units, the others as people read them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "stats.h"
#include "sweep.h"
#include "sweep_read.h"
#include "table.h"
#include "units.h"

/* ---- points ------------------------------------------------------------------------------------
 */

struct table_point {
	int point;
	json_t *axes;
	char workload[64], status[16], message[256];
	double *latency; /* of each process that has one; owned */
	int n, room;
	int processes;
	double images, peak, memory; /* sums over the n */
	int64_t macs, noattn;
	struct stats stats;
};

struct table_data {
	struct table_point *point;
	int n, room;
	char sweep[64], uuid[37], cpu[128];
	json_t *spec;
	bool ended;
};

static struct table_point *point_of(struct table_data *d, const struct sweep_row *r)
{
	struct table_point *p = d->n ? &d->point[d->n - 1] : NULL;

	if (p && p->point == r->point)
		return p;
	if (d->n == d->room) {
		d->room = 2 * d->room + 32;
		d->point = realloc(d->point, (size_t)d->room * sizeof *d->point);
		die_if(!d->point, "out of memory");
	}
	p = &d->point[d->n++];
	*p = (struct table_point){ .point = r->point, .axes = json_loads(r->axes_json, 0, NULL),
				   .macs = r->core_macs, .noattn = r->noattn_macs };
	snprintf(p->workload, sizeof p->workload, "%s", r->workload);
	return p;
}

/* A good process says more than a failed one before it. */
static void take_status(struct table_point *p, const struct sweep_row *r)
{
	if (strcmp(p->status, "ok") == 0)
		return;
	snprintf(p->status, sizeof p->status, "%s", r->status);
	snprintf(p->message, sizeof p->message, "%s", r->status_msg);
}

static int take_row(void *arg, const struct sweep_row *r)
{
	struct table_data *d = arg;
	struct table_point *p = point_of(d, r);

	if (!d->spec) {
		d->spec = json_loads(r->spec_json, 0, NULL);
		d->ended = r->ended;
		snprintf(d->sweep, sizeof d->sweep, "%s", r->sweep);
		snprintf(d->uuid, sizeof d->uuid, "%s", r->uuid);
		snprintf(d->cpu, sizeof d->cpu, "%s", r->cpu_model);
	}
	p->processes++;
	take_status(p, r);
	if (!isfinite(r->latency_s))
		return 0;
	if (p->n == p->room) {
		p->room = 2 * p->room + 8;
		p->latency = realloc(p->latency, (size_t)p->room * sizeof *p->latency);
		die_if(!p->latency, "out of memory");
	}
	p->latency[p->n++] = r->latency_s;
	p->images += r->images_per_s * r->latency_s;
	p->peak += r->peak_share * r->latency_s;
	p->memory = fmax(p->memory, r->peak_mem_bytes);
	return 0;
}

static int load(struct table_data *d, struct db *db, const char *uuid, struct err *e)
{
	*d = (struct table_data){ 0 };
	if (sweep_rows(db, uuid, take_row, d))
		return err_set(e, ERR_DB, "%s", db_error(db));
	for (int i = 0; i < d->n; i++) {
		struct table_point *p = &d->point[i];
		if (!p->n)
			continue;
		p->stats = stats_of(p->latency, p->n);
		p->images = p->images / p->n / p->stats.median;
		p->peak = p->peak / p->n / p->stats.median;
	}
	return 0;
}

static void unload(struct table_data *d)
{
	for (int i = 0; i < d->n; i++) {
		json_decref(d->point[i].axes);
		free(d->point[i].latency);
	}
	free(d->point);
	json_decref(d->spec);
}

/* ---- columns -----------------------------------------------------------------------------------
 */

enum unit { AS_TEXT, AS_SECONDS, AS_MACS, AS_RATE, AS_SHARE, AS_BYTES, AS_COUNT };

struct value {
	const char *text; /* AS_TEXT */
	double v;
};

static struct value get_workload(const struct table_point *p)
{
	return (struct value){ .text = p->workload };
}

static struct value get_macs(const struct table_point *p)
{
	return (struct value){ .v = p->macs ? (double)p->macs : NAN };
}

static struct value get_noattn(const struct table_point *p)
{
	return (struct value){ .v = p->noattn ? (double)p->noattn : NAN };
}

static struct value get_latency(const struct table_point *p)
{
	return (struct value){ .v = p->n ? p->stats.median : NAN };
}

static struct value get_low(const struct table_point *p)
{
	return (struct value){ .v = p->n ? p->stats.ci_lo : NAN };
}

static struct value get_high(const struct table_point *p)
{
	return (struct value){ .v = p->n ? p->stats.ci_hi : NAN };
}

static struct value get_min(const struct table_point *p)
{
	return (struct value){ .v = p->n ? p->stats.min : NAN };
}

static struct value get_max(const struct table_point *p)
{
	return (struct value){ .v = p->n ? p->stats.max : NAN };
}

static struct value get_n(const struct table_point *p)
{
	return (struct value){ .v = p->n };
}

static struct value get_images(const struct table_point *p)
{
	return (struct value){ .v = p->n ? p->images : NAN };
}

static struct value get_flops(const struct table_point *p)
{
	return (struct value){ .v = p->n ? 2 * (double)p->macs / p->stats.median : NAN };
}

static struct value get_peak(const struct table_point *p)
{
	return (struct value){ .v = p->n ? p->peak : NAN };
}

static struct value get_memory(const struct table_point *p)
{
	return (struct value){ .v = p->n ? p->memory : NAN };
}

static struct value get_status(const struct table_point *p)
{
	return (struct value){ .text = p->status };
}

static struct value get_message(const struct table_point *p)
{
	return (struct value){ .text = p->message };
}

static const struct column {
	const char *name, *head, *csv;
	enum unit unit;
	struct value (*get)(const struct table_point *p);
} columns[] = {
	{ "workload", "workload", "workload", AS_TEXT, get_workload },
	{ "macs", "MACs", "core_macs", AS_MACS, get_macs },
	{ "noattn", "noattn MACs", "noattn_macs", AS_MACS, get_noattn },
	{ "latency", "latency", "latency_s", AS_SECONDS, get_latency },
	{ "low", "95 % from", "latency_ci_lo_s", AS_SECONDS, get_low },
	{ "high", "to", "latency_ci_hi_s", AS_SECONDS, get_high },
	{ "min", "min", "latency_min_s", AS_SECONDS, get_min },
	{ "max", "max", "latency_max_s", AS_SECONDS, get_max },
	{ "n", "n", "processes", AS_COUNT, get_n },
	{ "images", "images/s", "images_per_s", AS_COUNT, get_images },
	{ "flops", "FLOP/s", "flops", AS_RATE, get_flops },
	{ "peak", "of peak", "peak_share", AS_SHARE, get_peak },
	{ "memory", "memory", "peak_mem_bytes", AS_BYTES, get_memory },
	{ "status", "status", "status", AS_TEXT, get_status },
	{ "message", "message", "message", AS_TEXT, get_message },
};

#define N_COLUMNS (int)(sizeof columns / sizeof *columns)
#define USUAL     "macs,latency,low,high,n,images,peak,memory,status"

static int find_column(const char *name, size_t len)
{
	for (int i = 0; i < N_COLUMNS; i++)
		if (strlen(columns[i].name) == len && strncmp(columns[i].name, name, len) == 0)
			return i;
	return -1;
}

int sweep_check_columns(const char *list, struct err *e)
{
	const char *names[N_COLUMNS], *near;
	char word[64];

	for (int i = 0; i < N_COLUMNS; i++)
		names[i] = columns[i].name;
	for (const char *p = list; p && *p;) {
		size_t len = strcspn(p, ",");
		if (find_column(p, len) < 0) {
			snprintf(word, sizeof word, "%.*s", (int)len, p);
			near = nearest_name(word, names, N_COLUMNS);
			return err_set(e, ERR_USAGE, "there is no column '%s'%s%s%s; there are "
				       "workload, noattn, flops, min, max, message and the usual "
				       USUAL, word, near ? "; did you mean " : "",
				       near ? near : "", near ? "?" : "");
		}
		p += len + (p[len] == ',');
	}
	return 0;
}

static void add_value(struct table *t, const struct column *c, const struct table_point *p,
		      bool raw)
{
	struct value v = c->get(p);

	if (c->unit == AS_TEXT)
		table_add(t, "%s", v.text);
	else if (!isfinite(v.v))
		table_add(t, raw ? "" : "-");
	else if (raw)
		table_add(t, "%.15g", v.v);
	else if (c->unit == AS_SECONDS)
		table_add(t, "%s", text_seconds(v.v).s);
	else if (c->unit == AS_MACS)
		table_add(t, "%s", text_si(v.v, "").s);
	else if (c->unit == AS_RATE)
		table_add(t, "%s", text_si(v.v, "").s);
	else if (c->unit == AS_SHARE)
		table_add(t, "%s", text_percent(v.v).s);
	else if (c->unit == AS_BYTES)
		table_add(t, "%s", text_bytes(v.v).s);
	else
		table_add(t, "%.4g", v.v);
}

/* ---- axes --------------------------------------------------------------------------------------
 */

static const char *axis_value(const struct table_point *p, const char *key, char *buf, size_t len)
{
	const json_t *v = json_object_get(p->axes, key);

	if (json_is_string(v))
		snprintf(buf, len, "%s", json_string_value(v));
	else
		snprintf(buf, len, "%lld", (long long)json_integer_value(v));
	return buf;
}

/* The i-th axis in the order that was asked for; NULL: there are no more. */
static const char *axis_key(const struct table_data *d, size_t i)
{
	const json_t *axis = json_array_get(json_object_get(d->spec, "axes"), i);

	return json_string_value(json_array_get(axis, 0));
}

static bool is_constant(const struct table_data *d, const char *key)
{
	for (int i = 1; i < d->n; i++)
		if (!json_equal(json_object_get(d->point[0].axes, key),
				json_object_get(d->point[i].axes, key)))
			return false;
	return true;
}

static bool one_workload(const struct table_data *d)
{
	for (int i = 1; i < d->n; i++)
		if (strcmp(d->point[0].workload, d->point[i].workload) != 0)
			return false;
	return true;
}

/* Axes with one value are no column; they are named above, with the workload. */
static void add_axes(struct table *t, const struct table_data *d, int point, bool raw)
{
	const char *key;
	char text[80];

	for (size_t i = 0; (key = axis_key(d, i)); i++)
		if (raw || d->n == 1 || !is_constant(d, key))
			table_add(t, "%s", axis_value(&d->point[point], key, text, sizeof text));
}

static void print_above(const struct table_data *d, const char *before, FILE *to)
{
	const char *key;
	char text[80];
	json_t *v;
	size_t i;

	fprintf(to, "%s%s (%.8s), %s on %s", before, d->sweep, d->uuid,
		one_workload(d) ? d->point[0].workload : "several workloads", d->cpu);
	for (i = 0; (key = axis_key(d, i)); i++)
		if (d->n > 1 && is_constant(d, key) && strcmp(key, "workload") != 0)
			fprintf(to, ", %s=%s", key,
				axis_value(&d->point[0], key, text, sizeof text));
	json_array_foreach(json_object_get(d->spec, "words"), i, v)
		fprintf(to, " %s", json_string_value(v));
	json_array_foreach(json_object_get(d->spec, "protocol"), i, v)
		fprintf(to, " %s", json_string_value(v));
	fprintf(to, "%s\n", d->ended ? "" : "; not finished");
}

/* ---- printing ----------------------------------------------------------------------------------
 */

static void add_head(char *head, size_t len, const char *name, bool right)
{
	size_t n = strlen(head);

	snprintf(head + n, len - n, "%s%s%s", n ? "|" : "", right ? ">" : "", name);
}

static void begin_table(struct table *t, const struct table_data *d, const char *list, bool raw)
{
	char head[1024] = "";
	const char *key;

	for (size_t i = 0; (key = axis_key(d, i)); i++)
		if (raw || d->n == 1 || !is_constant(d, key))
			add_head(head, sizeof head, key,
				 json_is_integer(json_object_get(d->point[0].axes, key)));
	for (const char *p = list; *p;) {
		size_t len = strcspn(p, ",");
		const struct column *c = &columns[find_column(p, len)];
		add_head(head, sizeof head, raw ? c->csv : c->head, c->unit != AS_TEXT);
		p += len + (p[len] == ',');
	}
	table_begin(t, head);
}

static void fill_table(struct table *t, const struct table_data *d, const char *list, bool raw)
{
	begin_table(t, d, list, raw);
	for (int i = 0; i < d->n; i++) {
		add_axes(t, d, i, raw);
		for (const char *p = list; *p;) {
			size_t len = strcspn(p, ",");
			add_value(t, &columns[find_column(p, len)], &d->point[i], raw);
			p += len + (p[len] == ',');
		}
	}
}

static void print_table(const struct table_data *d, enum table_format format, const char *list)
{
	struct table t;

	fill_table(&t, d, list, format == FORMAT_CSV);
	if (format == FORMAT_CSV) {
		table_csv(&t, stdout);
	} else if (format == FORMAT_MARKDOWN) {
		print_above(d, "", stdout);
		printf("\n");
		table_markdown(&t, stdout);
	} else if (format == FORMAT_LATEX) {
		print_above(d, "% ", stdout);
		table_latex(&t, stdout);
	} else {
		print_above(d, "", stdout);
		printf("\n");
		table_print(&t, stdout, "");
	}
	table_end(&t);
}

static bool few_processes(const struct table_data *d)
{
	for (int i = 0; i < d->n; i++)
		if (d->point[i].n && !isfinite(d->point[i].stats.ci_lo))
			return true;
	return false;
}

int sweep_print(struct db *db, const char *uuid, enum table_format format, const char *list,
		struct err *e)
{
	struct table_data d;

	if (!load(&d, db, uuid, e) && d.n) {
		print_table(&d, format, list && *list ? list : USUAL);
		if (format == FORMAT_TEXT && few_processes(&d))
			printf("\nlatency: median of n processes; a 95 %% interval needs 6 "
			       "(--processes 6)\n");
		for (int i = 0; format == FORMAT_TEXT && i < d.n; i++)
			if (*d.point[i].message)
				printf("point %d: %s\n", d.point[i].point, d.point[i].message);
	}
	unload(&d);
	return -(int)e->code;
}

static json_t *point_json(const struct table_point *p)
{
	json_t *j = json_pack("{s:i,s:O,s:s,s:s,s:s,s:i}", "point", p->point, "axes", p->axes,
			      "workload", p->workload, "status", p->status, "message", p->message,
			      "processes", p->processes);

	for (int i = 0; i < N_COLUMNS; i++)
		if (columns[i].unit != AS_TEXT && strcmp(columns[i].name, "n") != 0)
			json_object_set_new(j, columns[i].csv, json_number(columns[i].get(p).v));
	return j;
}

json_t *sweep_json(struct db *db, const char *uuid, struct err *e)
{
	json_t *points = json_array(), *j;
	struct table_data d;

	load(&d, db, uuid, e);
	for (int i = 0; i < d.n; i++)
		json_array_append_new(points, point_json(&d.point[i]));
	j = json_pack("{s:s,s:s,s:s,s:b,s:O?,s:o}", "schema", "bench.sweep/1", "sweep", d.uuid,
		      "name", d.sweep, "finished", (int)d.ended, "spec", d.spec, "points", points);
	unload(&d);
	return j;
}
