/* SPDX-License-Identifier: MIT
 *
 * bench trend [WORKLOAD]: what became of a number from build to build, and bench ack, which says of
 * a step in it that it is known.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "json.h"
#include "options.h"
#include "policy.h"
#include "trend.h"
#include "units.h"

static struct text value_text(const struct trend *t, double v)
{
	return strcmp(t->unit, "s") == 0 ? text_seconds(v) :
	       strcmp(t->unit, "B") == 0 ? text_bytes(v) : text_si(v, t->unit);
}

static void print_step(const struct trend *t, const struct trend_step *s)
{
	double change = s->after / s->before - 1;
	bool worse = t->better * change < 0;

	printf("  %s UTC  %s: %s -> %s  %+.2f %%  %s\n", s->at_utc, s->after_build,
	       value_text(t, s->before).s, value_text(t, s->after).s, 100 * change,
	       *s->reason ? "acknowledged" : worse ? "worse" : "better");
	if (*s->reason)
		printf("      %s\n", s->reason);
	else
		printf("      after %s\n", s->before_build);
}

static void print_trend(const struct trend *t)
{
	printf("%s %s:%s on %s\n%s\n", t->workload, t->metric, t->stage, t->machine, t->params);
	printf("  %d builds, %s -> %s  %+.2f %%", t->n, value_text(t, t->first).s,
	       value_text(t, t->last).s, 100 * (t->last / t->first - 1));
	if (isfinite(t->usual))
		printf("; usual change %.2f %%", 100 * t->usual);
	printf("; %d step%s\n", t->n_steps, t->n_steps == 1 ? "" : "s");
	for (int i = 0; i < t->n_steps; i++)
		print_step(t, &t->steps[i]);
	printf("\n");
}

static json_t *trend_json(const struct trend *t)
{
	json_t *steps = json_array();

	for (int i = 0; i < t->n_steps; i++) {
		const struct trend_step *s = &t->steps[i];
		json_array_append_new(steps,
				      json_pack("{s:s,s:s,s:s,s:o,s:o,s:o}", "at_utc", s->at_utc,
						"before_build", s->before_build, "after_build",
						s->after_build, "before", json_number(s->before),
						"after", json_number(s->after), "acknowledged",
						*s->reason ? json_string(s->reason) : json_null()));
	}
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:o,s:o,s:o,s:o}", "workload", t->workload,
			 "params", t->params, "machine", t->machine, "metric", t->metric, "stage",
			 t->stage, "unit", t->unit, "builds", t->n, "first", json_number(t->first),
			 "last", json_number(t->last), "usual_change", json_number(t->usual),
			 "steps", steps);
}

static int show_trends(struct db *db, const struct options *o, struct err *e)
{
	struct report_error why = { 0 };
	char metric[POLICY_NAME], stage[POLICY_NAME];
	struct trend *t = NULL;
	json_t *all;
	int n = 0;

	if (parse_metric(opt_text(o, OPT_METRIC), metric, stage))
		return err_set(e, ERR_USAGE, "--metric is '%.60s': it takes METRIC or METRIC:STAGE",
			       opt_text(o, OPT_METRIC));
	all = json_array();
	if (trend_read(&t, &n, db, o->n_args ? o->arg[0] : NULL, metric, stage, &why))
		err_set(e, (enum err_code)why.code, "%s", why.text);
	else if (!n)
		err_set(e, ERR_INCOMPARABLE, "no series of %s:%s%s%s has two builds yet", metric,
			stage, o->n_args ? " of " : "", o->n_args ? o->arg[0] : "");
	for (int i = 0; i < n; i++) {
		if (opt_flag(o, OPT_JSON))
			json_array_append_new(all, trend_json(&t[i]));
		else
			print_trend(&t[i]);
		trend_end(&t[i]);
	}
	if (opt_flag(o, OPT_JSON) && !e->code)
		json_print(json_pack("{s:s,s:O}", "schema", "bench.trend/1", "series", all),
			   stdout);
	json_decref(all);
	free(t);
	return -(int)e->code;
}

int cmd_trend(const struct options *o, struct err *e)
{
	struct db *db;

	if (db_open(&db, opt_text(o, OPT_DB), DB_READONLY))
		err_set(e, ERR_DB, "%s", db_error(db));
	else
		show_trends(db, o, e);
	db_close(db);
	return -(int)e->code;
}

/* ---- bench ack ---------------------------------------------------------------------------------
 */

static int expiry(const char *text, int64_t *at_ns, struct err *e)
{
	char *end;
	long days = strtol(text, &end, 10);

	if (end == text || strcmp(end, "d") != 0 || days < 1 || days > 36500)
		return err_set(e, ERR_USAGE, "--expires is '%.40s': it takes days, such as 30d",
			       text);
	*at_ns = db_now_unix_ns() + (int64_t)days * 86400 * 1000000000;
	return 0;
}

static int acknowledge(struct db *db, const struct options *o, struct err *e)
{
	struct report_error why = { 0 };
	struct explained x;
	struct db_ack ack = { .reason = opt_text(o, OPT_REASON) };

	if (!ack.reason || !*ack.reason)
		return err_set(e, ERR_USAGE, "an acknowledgement needs a --reason");
	if (opt_given(o, OPT_EXPIRES) &&
	    expiry(opt_text(o, OPT_EXPIRES), &ack.expires_unix_ns, e))
		return -(int)e->code;
	if (explain_read(&x, db, o->arg[0], &why)) {
		err_set(e, (enum err_code)why.code, "%s", why.text);
	} else if (!*x.workload) {
		err_set(e, ERR_USAGE, "comparison %lld names no run, so it belongs to no series: a "
			"change of exact counts is waived in the policy of the gate", x.id);
	} else {
		ack.workload = x.workload;
		ack.params_sha256 = *x.params_sha256 ? x.params_sha256 : NULL;
		ack.metric = x.metric;
		ack.stage = x.stage;
		ack.at_unix_ns = x.at_unix_ns;
		if (db_put_ack(db, &ack))
			err_set(e, ERR_DB, "%s", db_error(db));
		else
			printf("acknowledged: %s %s:%s, %+.2f %%, because %s\n", x.row, x.metric,
			       x.stage, 100 * (x.ratio - 1), ack.reason);
	}
	explain_end(&x);
	return -(int)e->code;
}

int cmd_ack(const struct options *o, struct err *e)
{
	struct db *db;

	if (db_open(&db, opt_text(o, OPT_DB), 0))
		err_set(e, ERR_DB, "%s", db_error(db));
	else
		acknowledge(db, o, e);
	db_close(db);
	return -(int)e->code;
}
