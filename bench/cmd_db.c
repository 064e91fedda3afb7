/* SPDX-License-Identifier: MIT
 *
 * bench db: look into the database, move runs in and out, look after it.
 */
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "export.h"
#include "json.h"
#include "options.h"
#include "table.h"
#include "units.h"

static int failed(struct db *db, struct err *e)
{
	return err_set(e, ERR_DB, "%s", db_error(db));
}

/* ---- query -------------------------------------------------------------------------------------
 */

struct query {
	const struct options *o;
	struct table table;
	json_t *rows;
};

/* More columns than a table has room for are shown one below the other. */
static void print_record(int n, const char *const *names, const struct db_value *v)
{
	for (int i = 0; i < n; i++)
		printf("%-18s %s\n", names[i], v[i].text);
	printf("\n");
}

static void table_row(struct table *t, int n, const char *const *names, const struct db_value *v)
{
	if (!t->columns) {
		char head[2048] = "";
		size_t used = 0;
		for (int i = 0; i < n; i++) {
			bool number = v && (v[i].type == DB_INT || v[i].type == DB_REAL);
			used += (size_t)snprintf(head + used, sizeof head - used, "%s%s%s",
						 i ? "|" : "", number ? ">" : "", names[i]);
			if (used >= sizeof head)
				break;
		}
		table_begin(t, head);
	}
	for (int i = 0; v && i < n; i++)
		table_add(t, "%s", v[i].text);
}

static int query_row(void *arg, int n, const char *const *names, const struct db_value *v)
{
	struct query *q = arg;

	if (q->rows) {
		if (v)
			json_array_append_new(q->rows, export_row_json(n, names, v));
	} else if (n > TABLE_COLUMNS) {
		if (v)
			print_record(n, names, v);
	} else {
		table_row(&q->table, n, names, v);
	}
	return 0;
}

static int query(struct db *db, const struct options *o, struct err *e)
{
	struct query q = { .o = o, .rows = opt_flag(o, OPT_JSON) ? json_array() : NULL };
	int rc = db_query(db, o->arg[1], NULL, 0, query_row, &q);

	if (!rc && q.rows)
		json_print(json_incref(q.rows), stdout);
	else if (!rc && q.table.columns && opt_flag(o, OPT_CSV))
		table_csv(&q.table, stdout);
	else if (!rc && q.table.columns)
		table_print(&q.table, stdout, "");
	json_decref(q.rows);
	table_end(&q.table);
	return rc ? failed(db, e) : 0;
}

/* ---- the others --------------------------------------------------------------------------------
 */

static int export_all(struct db *db, const struct options *o, struct err *e)
{
	const char *format = opt_text(o, OPT_FORMAT), *view = o->n_args > 1 ? o->arg[1] : "v_runs";

	if (strcmp(format, "csv") == 0)
		return export_csv(db, view, stdout, e);
	if (strcmp(format, "parquet") == 0)
		return export_parquet(db, view, stdout, e);
	if (o->n_args > 1)
		return export_jsonl(db, view, stdout, e);
	return db_export(db, stdout, NULL, 0) ? failed(db, e) : 0;
}

typedef int take_fn(struct db *db, const char *path, struct db_moved *moved);

static void print_moved(const char *path, const struct db_moved *m)
{
	if (path)
		printf("%s: ", path);
	printf("%d runs stored, %d other records; %d were known already", m->new_runs,
	       m->new_records, m->known);
	if (m->conflicts)
		printf("; %d in conflict", m->conflicts);
	printf("\n");
}

/* A conflict does not keep the next file from being taken. */
static int take_files(struct db *db, const struct options *o, take_fn *take, struct err *e)
{
	int rc = 0;

	for (int i = 1; i < o->n_args && (!rc || rc == DB_ERR_CONFLICT); i++) {
		struct db_moved moved;

		rc = take(db, o->arg[i], &moved);
		print_moved(o->n_args > 2 ? o->arg[i] : NULL, &moved);
		if (rc)
			failed(db, e);
	}
	return -(int)e->code;
}

static int import_files(struct db *db, const struct options *o, struct err *e)
{
	return take_files(db, o, db_import, e);
}

static int merge_files(struct db *db, const struct options *o, struct err *e)
{
	return take_files(db, o, db_merge, e);
}

static int vacuum(struct db *db, const struct options *o, struct err *e)
{
	int64_t before, after;

	(void)o;
	if (db_vacuum(db, &before, &after))
		return failed(db, e);
	printf("%s: %s, was %s\n", db_path(db), text_bytes((double)after).s,
	       text_bytes((double)before).s);
	return 0;
}

static void finding(void *arg, int bad, const char *sentence)
{
	(void)arg;
	printf("%s  %s\n", bad ? "BAD" : "ok ", sentence);
}

static int check(struct db *db, const struct options *o, struct err *e)
{
	(void)o;
	return db_check(db, finding, NULL) ? failed(db, e) : 0;
}

/* To open it was to migrate it. */
static int migrate(struct db *db, const struct options *o, struct err *e)
{
	int was = db_file_version(db), now = db_schema_version();

	(void)o, (void)e;
	if (was == now)
		printf("%s: schema %d, nothing to do\n", db_path(db), now);
	else
		printf("%s: schema %d, was %d; as it was it is in %s.v%d.backup\n", db_path(db),
		       now, was, db_path(db), was);
	return 0;
}

static const struct action {
	const char *name, *arg; /* arg: what may follow, for the sentences */
	int min, max;           /* how many */
	unsigned flags;
	int (*run)(struct db *db, const struct options *o, struct err *e);
} actions[] = {
	{ "query", "SQL", 1, 1, DB_READONLY, query },
	{ "export", "VIEW", 0, 1, DB_READONLY, export_all },
	{ "import", "FILE", 1, ARGS_MAX, DB_CREATE | DB_NO_SPOOL, import_files },
	{ "merge", "FILE", 1, ARGS_MAX, DB_CREATE | DB_NO_SPOOL, merge_files },
	{ "vacuum", NULL, 0, 0, DB_NO_SPOOL, vacuum },
	{ "check", NULL, 0, 0, DB_READONLY, check },
	{ "migrate", NULL, 0, 0, DB_NO_SPOOL, migrate },
};
#define ACTIONS (int)(sizeof actions / sizeof *actions)

static const struct action *find_action(const char *name, struct err *e)
{
	const char *names[ACTIONS], *near;

	for (int i = 0; i < ACTIONS; i++) {
		names[i] = actions[i].name;
		if (strcmp(names[i], name) == 0)
			return &actions[i];
	}
	near = nearest_name(name, names, ACTIONS);
	err_set(e, ERR_USAGE, "`bench db` has no '%.40s'%s%s%s: it takes query, export, import, "
		"merge, vacuum, check or migrate", name, near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "");
	return NULL;
}

static int check_arguments(const struct action *a, int n, struct err *e)
{
	if (n < a->min)
		return err_set(e, ERR_USAGE, "`bench db %s` lacks its %s", a->name, a->arg);
	if (n > a->max && a->max == 0)
		return err_set(e, ERR_USAGE, "`bench db %s` takes no argument", a->name);
	if (n > a->max)
		return err_set(e, ERR_USAGE, "`bench db %s` takes one %s", a->name, a->arg);
	return 0;
}

int cmd_db(const struct options *o, struct err *e)
{
	const struct action *a = find_action(o->arg[0], e);
	struct db *db;

	if (!a || check_arguments(a, o->n_args - 1, e))
		return -(int)e->code;
	if (db_open(&db, opt_text(o, OPT_DB), a->flags))
		failed(db, e);
	else
		a->run(db, o, e);
	db_close(db);
	return -(int)e->code;
}
