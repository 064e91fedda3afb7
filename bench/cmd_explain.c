/* SPDX-License-Identifier: MIT
 *
 * bench explain [COMPARISON]: where the difference between base and head lies.
 */
#include <math.h>
#include <string.h>

#include "explain.h"
#include "json.h"
#include "options.h"
#include "table.h"
#include "units.h"

#define OPS_SHOWN 12

static struct text share(double base, double head)
{
	struct text t = { "-" };

	if (isfinite(base) && isfinite(head) && base > 0)
		snprintf(t.s, sizeof t.s, "%+.2f %%", 100 * (head / base - 1));
	return t;
}

static struct text change_s(double base, double head)
{
	struct text t = { "-" };

	if (isfinite(base) && isfinite(head))
		snprintf(t.s, sizeof t.s, "%s%.46s", head < base ? "-" : "+",
			 text_seconds(fabs(head - base)).s);
	return t;
}

static void print_head(const struct explained *x)
{
	printf("comparison %lld, %s UTC, %s: %s %s:%s is '%s'\n", x->id, x->at_utc, x->purpose,
	       x->row, x->metric, x->stage, x->verdict);
	printf("base %s, head %s\n", *x->base ? x->base : "-", *x->head ? x->head : "-");
	if (isfinite(x->ratio))
		printf("ratio %.4f [%.4f, %.4f], bound %.4f, %d pairs, %d beside a disturbed "
		       "machine\n", x->ratio, x->ci_lo, x->ci_hi, 1 + x->theta, x->pairs,
		       x->disturbed);
	if (*x->reason)
		printf("%s\n", x->reason);
	if (*x->waived_by)
		printf("waived by '%s'\n", x->waived_by);
}

static void print_stages(const struct explained *x)
{
	struct table t;

	if (!x->n_stages)
		return;
	table_begin(&t, "metric|stage|>base|>head|>difference|>change|>pairs");
	for (int i = 0; i < x->n_stages; i++) {
		const struct explained_stage *s = &x->stages[i];
		table_add(&t, "%s", s->metric);
		table_add(&t, "%s", s->stage);
		table_add(&t, "%s", text_seconds(s->base_s).s);
		table_add(&t, "%s", text_seconds(s->head_s).s);
		table_add(&t, "%s", change_s(s->base_s, s->head_s).s);
		table_add(&t, "%s", share(s->base_s, s->head_s).s);
		table_add(&t, "%d", s->pairs);
	}
	printf("\n");
	table_print(&t, stdout, "");
	table_end(&t);
}

static struct text macs_text(double macs)
{
	return text_si(macs, "MAC");
}

static void print_ops(const struct explained *x)
{
	struct table t;

	if (!x->n_ops)
		return;
	table_begin(&t, "stage|op|>base|>head|>difference|>change|>base MACs|>head MACs");
	for (int i = 0; i < x->n_ops && i < OPS_SHOWN; i++) {
		const struct explained_op *o = &x->ops[i];
		table_add(&t, "%s", o->stage);
		table_add(&t, "%s", o->op);
		table_add(&t, "%s", isfinite(o->base_s) ? text_seconds(o->base_s).s : "-");
		table_add(&t, "%s", isfinite(o->head_s) ? text_seconds(o->head_s).s : "-");
		table_add(&t, "%s", change_s(o->base_s, o->head_s).s);
		table_add(&t, "%s", share(o->base_s, o->head_s).s);
		table_add(&t, "%s", macs_text(o->base_macs).s);
		table_add(&t, "%s", macs_text(o->head_macs).s);
	}
	printf("\n");
	table_print(&t, stdout, "");
	if (x->n_ops > OPS_SHOWN)
		printf("and %d more with less change\n", x->n_ops - OPS_SHOWN);
	if (x->traced)
		printf("\nTimes of ops come from one traced sample of each arm.\n");
	else
		printf("\nNo traced run belongs to it: ops are compared by their work alone.\n");
	table_end(&t);
}

static json_t *stages_json(const struct explained *x)
{
	json_t *a = json_array();

	for (int i = 0; i < x->n_stages; i++)
		json_array_append_new(a, json_pack("{s:s,s:s,s:o,s:o,s:i}", "metric",
						   x->stages[i].metric, "stage", x->stages[i].stage,
						   "base_s", json_number(x->stages[i].base_s),
						   "head_s", json_number(x->stages[i].head_s),
						   "pairs", x->stages[i].pairs));
	return a;
}

static json_t *ops_json(const struct explained *x)
{
	json_t *a = json_array();

	for (int i = 0; i < x->n_ops; i++)
		json_array_append_new(a, json_pack("{s:s,s:s,s:o,s:o,s:o,s:o}", "stage",
						   x->ops[i].stage, "op", x->ops[i].op, "base_s",
						   json_number(x->ops[i].base_s), "head_s",
						   json_number(x->ops[i].head_s), "base_macs",
						   json_number(x->ops[i].base_macs), "head_macs",
						   json_number(x->ops[i].head_macs)));
	return a;
}

static void print_json(const struct explained *x)
{
	json_print(json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:i,s:o,s:o}",
			     "schema", "bench.explain/1", "uuid", x->uuid, "row", x->row, "metric",
			     x->metric, "stage", x->stage, "verdict", x->verdict, "reason",
			     x->reason, "base", x->base, "head", x->head, "ratio",
			     json_number(x->ratio), "ci_lo", json_number(x->ci_lo), "ci_hi",
			     json_number(x->ci_hi), "theta", json_number(x->theta), "pairs",
			     x->pairs, "stages", stages_json(x), "ops", ops_json(x)), stdout);
}

int cmd_explain(const struct options *o, struct err *e)
{
	struct report_error why = { 0 };
	struct explained x = { 0 };
	struct db *db;

	if (db_open(&db, opt_text(o, OPT_DB), DB_READONLY))
		err_set(e, ERR_DB, "%s", db_error(db));
	else if (explain_read(&x, db, o->n_args ? o->arg[0] : NULL, &why))
		err_set(e, (enum err_code)why.code, "%s", why.text);
	else if (opt_flag(o, OPT_JSON))
		print_json(&x);
	else {
		print_head(&x);
		print_stages(&x);
		print_ops(&x);
	}
	explain_end(&x);
	db_close(db);
	return -(int)e->code;
}
