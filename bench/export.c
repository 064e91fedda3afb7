/* SPDX-License-Identifier: MIT */
#include "export.h"

#include <errno.h>
#include <jansson.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "json.h"

#define VIEWS_MAX 64

extern char **environ;

/* ---- which view --------------------------------------------------------------------------------
 */

struct views {
	char *name[VIEWS_MAX];
	int n;
};

static int view_row(void *arg, int n, const char *const *names, const struct db_value *v)
{
	struct views *views = arg;

	(void)n, (void)names;
	if (v && views->n < VIEWS_MAX)
		views->name[views->n++] = strdup(v[0].text);
	return 0;
}

static int check_view(struct db *db, const char *view, struct err *e)
{
	struct views views = { .n = 0 };
	const char *near;
	int found = 0;

	if (db_query(db, "SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name", NULL,
		     0, view_row, &views))
		err_set(e, ERR_DB, "%s", db_error(db));
	for (int i = 0; i < views.n; i++)
		found |= strcmp(views.name[i], view) == 0;
	near = nearest_name(view, (const char *const *)views.name, views.n);
	if (!found && near)
		err_set(e, ERR_USAGE, "the database has no view '%.40s'; did you mean %s?", view,
			near);
	else if (!found)
		err_set(e, ERR_USAGE,
			"the database has no view '%.40s'; `bench db query \"SELECT name "
			"FROM sqlite_schema WHERE type = 'view'\"` lists them",
			view);
	for (int i = 0; i < views.n; i++)
		free(views.name[i]);
	return -(int)e->code;
}

/* All rows of the view, the name of which was checked. */
static int each_row(struct db *db, const char *view, db_row_fn *row, void *arg, struct err *e)
{
	char sql[128];

	snprintf(sql, sizeof sql, "SELECT * FROM %.100s", view);
	return db_query(db, sql, NULL, 0, row, arg) ? err_set(e, ERR_DB, "%s", db_error(db)) : 0;
}

static int finish(FILE *to, struct err *e)
{
	return fflush(to) || ferror(to) ?
	       err_set(e, ERR_FAILED, "cannot write the export: %s", strerror(errno)) : 0;
}

/* ---- csv and jsonl -----------------------------------------------------------------------------
 */

struct csv {
	FILE *to;
	int rows;
};

static void csv_text(FILE *to, const char *text)
{
	if (*text && !text[strcspn(text, ",\"\r\n")]) {
		fputs(text, to);
		return;
	}
	fputc('"', to);
	for (; *text; text++)
		fprintf(to, *text == '"' ? "\"\"" : "%c", *text);
	fputc('"', to);
}

static void csv_value(FILE *to, const struct db_value *v)
{
	if (v->type == DB_REAL)
		fprintf(to, "%.17g", v->d);
	else if (v->type != DB_NULL)
		csv_text(to, v->text);
}

static int csv_row(void *arg, int n, const char *const *names, const struct db_value *v)
{
	struct csv *csv = arg;

	for (int i = 0; i < n && !csv->rows; i++)
		fprintf(csv->to, "%s%s", names[i], i + 1 < n ? "," : "\n");
	csv->rows++;
	for (int i = 0; v && i < n; i++) {
		csv_value(csv->to, &v[i]);
		fputc(i + 1 < n ? ',' : '\n', csv->to);
	}
	return ferror(csv->to);
}

int export_csv(struct db *db, const char *view, FILE *to, struct err *e)
{
	struct csv csv = { .to = to };

	if (check_view(db, view, e) || each_row(db, view, csv_row, &csv, e))
		return -(int)e->code;
	return finish(to, e);
}

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

json_t *export_row_json(int n, const char *const *names, const struct db_value *v)
{
	json_t *row = json_object();

	for (int i = 0; i < n; i++)
		json_object_set_new(row, names[i], value_json(&v[i]));
	return row;
}

static int jsonl_row(void *arg, int n, const char *const *names, const struct db_value *v)
{
	json_t *row = v ? export_row_json(n, names, v) : NULL;

	if (row) {
		json_dumpf(row, arg, JSON_COMPACT | JSON_REAL_PRECISION(17));
		fputc('\n', arg);
	}
	json_decref(row);
	return ferror((FILE *)arg);
}

int export_jsonl(struct db *db, const char *view, FILE *to, struct err *e)
{
	if (check_view(db, view, e) || each_row(db, view, jsonl_row, to, e))
		return -(int)e->code;
	return finish(to, e);
}

/* ---- parquet -----------------------------------------------------------------------------------
 */

/* What the columns hold, over all rows: the types of the file. */
struct columns {
	int n;
	char **name;
	unsigned char *seen; /* bits of enum db_type */
};

static int columns_row(void *arg, int n, const char *const *names, const struct db_value *v)
{
	struct columns *c = arg;

	if (!c->name) {
		c->n = n;
		c->name = calloc((size_t)n, sizeof *c->name);
		c->seen = calloc((size_t)n, 1);
		die_if(!c->name || !c->seen, "out of memory");
		for (int i = 0; i < n; i++)
			die_if(!(c->name[i] = strdup(names[i])), "out of memory");
	}
	for (int i = 0; v && i < n; i++)
		c->seen[i] |= (unsigned char)(1u << v[i].type);
	return 0;
}

static void columns_free(struct columns *c)
{
	for (int i = 0; i < c->n; i++)
		free(c->name[i]);
	free(c->name);
	free(c->seen);
}

static const char *duckdb_type(unsigned seen)
{
	if (seen & (1u << DB_TEXT | 1u << DB_BLOB))
		return "VARCHAR";
	if (seen & 1u << DB_REAL)
		return "DOUBLE";
	return seen & 1u << DB_INT ? "BIGINT" : "VARCHAR";
}

static void quote(FILE *to, const char *text)
{
	fputc('\'', to);
	for (; *text; text++)
		fprintf(to, *text == '\'' ? "''" : "%c", *text);
	fputc('\'', to);
}

/* "COPY (SELECT * FROM read_csv(...)) TO ..."; free() it. */
static char *duckdb_sql(const struct columns *c, const char *csv, const char *parquet)
{
	char *sql = NULL;
	size_t len;
	FILE *f = open_memstream(&sql, &len);

	die_if(!f, "out of memory");
	fprintf(f, "COPY (SELECT * FROM read_csv(");
	quote(f, csv);
	fprintf(f, ", header=true, auto_detect=false, delim=',', quote='\"', escape='\"', "
		"nullstr='', allow_quoted_nulls=false, max_line_size=268435456, columns={");
	for (int i = 0; i < c->n; i++) {
		fprintf(f, i ? ", " : "");
		quote(f, c->name[i]);
		fprintf(f, ": '%s'", duckdb_type(c->seen[i]));
	}
	fprintf(f, "})) TO ");
	quote(f, parquet);
	fprintf(f, " (FORMAT parquet)");
	fclose(f);
	return sql;
}

static int run_duckdb(const char *sql, struct err *e)
{
	const char *const argv[] = { "duckdb", "-c", sql, NULL };
	int status = 0, why;
	pid_t pid;

	why = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);
	if (why)
		return err_set(e, ERR_SKIPPED, "parquet is written by the program duckdb, which "
			       "cannot be started (%s); install it (duckdb.org) or export csv",
			       strerror(why));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err_set(e, ERR_FAILED, "duckdb ended with status %d; export csv instead",
			       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}

static int copy_file(const char *path, FILE *to, struct err *e)
{
	char buffer[65536];
	FILE *from = fopen(path, "r");
	size_t n;

	if (!from)
		return err_set(e, ERR_FAILED, "duckdb left no file: %s: %s", path, strerror(errno));
	while ((n = fread(buffer, 1, sizeof buffer, from)) > 0 && fwrite(buffer, 1, n, to) == n)
		;
	fclose(from);
	return finish(to, e);
}

static int write_csv(struct db *db, const char *view, const char *path, struct err *e)
{
	FILE *f = fopen(path, "w");
	int rc;

	if (!f)
		return err_set(e, ERR_FAILED, "cannot write %s: %s", path, strerror(errno));
	rc = export_csv(db, view, f, e);
	if (fclose(f) && !rc)
		rc = err_set(e, ERR_FAILED, "cannot write %s: %s", path, strerror(errno));
	return rc;
}

static int parquet_in(const char *dir, struct db *db, const char *view, FILE *to, struct err *e)
{
	struct columns columns = { 0 };
	char csv[600], parquet[600], *sql;
	int rc;

	snprintf(csv, sizeof csv, "%s/rows.csv", dir);
	snprintf(parquet, sizeof parquet, "%s/rows.parquet", dir);
	rc = write_csv(db, view, csv, e);
	if (!rc)
		rc = each_row(db, view, columns_row, &columns, e);
	if (!rc) {
		sql = duckdb_sql(&columns, csv, parquet);
		rc = run_duckdb(sql, e);
		free(sql);
	}
	if (!rc)
		rc = copy_file(parquet, to, e);
	columns_free(&columns);
	unlink(csv);
	unlink(parquet);
	return rc;
}

int export_parquet(struct db *db, const char *view, FILE *to, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	char dir[512];
	int rc;

	if (isatty(fileno(to)))
		return err_set(e, ERR_USAGE, "parquet is not for a terminal: bench db export %s "
			       "--format parquet > FILE", view);
	if (check_view(db, view, e))
		return -(int)e->code;
	snprintf(dir, sizeof dir, "%.400s/bench-export-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return err_set(e, ERR_FAILED, "cannot make a folder in %s: %s; set TMPDIR", dir,
			       strerror(errno));
	rc = parquet_in(dir, db, view, to, e);
	rmdir(dir);
	return rc;
}
