/* SPDX-License-Identifier: MIT
 *
 * bench db: look into the database, move runs in and out, check it.
 */
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "json.h"
#include "options.h"
#include "table.h"

/* ---- query -------------------------------------------------------------------------------------
 */

struct query {
	const struct options *o;
	struct table table;
	json_t *rows;
};

static json_t *value_json(const struct db_value *v)
{
	switch (v->type) {
	case DB_NULL:
		return json_null();
	case DB_INT:
		return json_integer(v->i);
	case DB_REAL:
		return json_number(v->d);
	default:
		return json_string(v->text);
	}
}

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
	json_t *row;

	if (q->rows) {
		row = v ? json_object() : NULL;
		for (int i = 0; v && i < n; i++)
			json_object_set_new(row, names[i], value_json(&v[i]));
		if (row)
			json_array_append_new(q->rows, row);
	} else if (n > TABLE_COLUMNS) {
		if (v)
			print_record(n, names, v);
	} else {
		table_row(&q->table, n, names, v);
	}
	return 0;
}

static int query(struct db *db, const struct options *o)
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
	return rc;
}

/* ---- the others --------------------------------------------------------------------------------
 */

static int export_runs(struct db *db, const struct options *o)
{
	(void)o;
	return db_export(db, stdout, NULL, 0);
}

static void print_moved(const struct db_moved *m)
{
	printf("%d runs stored, %d other records; %d were known already", m->new_runs,
	       m->new_records, m->known);
	printf(m->conflicts ? "; %d in conflict\n" : "\n", m->conflicts);
}

static int import_file(struct db *db, const struct options *o)
{
	struct db_moved moved;
	int rc = db_import(db, o->arg[1], &moved);

	print_moved(&moved);
	return rc;
}

static void finding(void *arg, int bad, const char *sentence)
{
	(void)arg;
	printf("%s  %s\n", bad ? "BAD" : "ok ", sentence);
}

static int check(struct db *db, const struct options *o)
{
	(void)o;
	return db_check(db, finding, NULL);
}

static const struct action {
	const char *name, *arg; /* arg: what follows, NULL: nothing */
	unsigned flags;
	int (*run)(struct db *db, const struct options *o);
} actions[] = {
	{ "query", "SQL", DB_READONLY, query },
	{ "export", NULL, DB_READONLY, export_runs },
	{ "import", "FILE", DB_CREATE, import_file },
	{ "check", NULL, DB_READONLY, check },
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
	err_set(e, ERR_USAGE, "`bench db` has no '%.40s'%s%s%s: it takes query, export, import or "
		"check", name, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return NULL;
}

int cmd_db(const struct options *o, struct err *e)
{
	const struct action *a = find_action(o->arg[0], e);
	struct db *db;

	if (!a)
		return -(int)e->code;
	if ((a->arg != NULL) != (o->n_args == 2))
		return err_set(e, ERR_USAGE, a->arg ? "`bench db %s` lacks its %s"
						    : "`bench db %s` takes no argument", a->name,
			       a->arg);
	if (db_open(&db, opt_text(o, OPT_DB), a->flags) || a->run(db, o))
		err_set(e, ERR_DB, "%s", *db_error(db) ? db_error(db) : "the database is damaged");
	db_close(db);
	return -(int)e->code;
}
