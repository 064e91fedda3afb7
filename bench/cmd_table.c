/* SPDX-License-Identifier: MIT
 *
 * bench table: a sweep of the database as a table.
 */
#include <string.h>

#include "json.h"
#include "sweep.h"
#include "sweep_read.h"

static enum table_format format_of(const struct options *o)
{
	static const char *const names[] = { "text", "markdown", "csv", "latex" };
	int i = 0;

	while (strcmp(names[i], opt_text(o, OPT_TABLE_FORMAT)) != 0)
		i++;
	return (enum table_format)i;
}

static int print(struct db *db, const char *uuid, const struct options *o, struct err *e)
{
	if (opt_flag(o, OPT_JSON)) {
		json_print(sweep_json(db, uuid, e), stdout);
		return -(int)e->code;
	}
	return sweep_print(db, uuid, format_of(o), opt_text(o, OPT_COLUMNS), e);
}

int cmd_table(const struct options *o, struct err *e)
{
	struct db *db = NULL;
	char uuid[37];
	int rc;

	if (sweep_check_columns(opt_text(o, OPT_COLUMNS), e))
		return -(int)e->code;
	rc = db_open(&db, opt_text(o, OPT_DB), DB_READONLY);
	if (!rc)
		rc = sweep_find(db, o->arg[0], uuid);
	if (rc < 0)
		err_set(e, ERR_DB, "%s", db_error(db));
	else if (rc > 0)
		err_set(e, ERR_INCOMPARABLE, "%s has no sweep '%.40s'; `bench db query \"SELECT "
			"DISTINCT sweep, sweep_uuid FROM v_sweep\"` lists them",
			opt_text(o, OPT_DB), o->arg[0]);
	else
		print(db, uuid, o, e);
	db_close(db);
	return -(int)e->code;
}
