/* SPDX-License-Identifier: MIT
 *
 * A run as one JSON object, {"schema": "bench.run/1", "host": {...}, ...}. Lists are tables,
 * {"columns": [...], "rows": [[...], ...]}; readers ignore what they do not know, and what is
 * missing is unknown, so fields can be added without a new schema name. For db/ only.
 */
#ifndef BENCH_DB_JSON_H
#define BENCH_DB_JSON_H

#include "db_fields.h"

#define DB_DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(17)) /* of one line */

/* NULL without memory. New reference. */
json_t *db_run_to_json(const struct db_run *run);

/* Whether two runs say the same, in whichever order; of the machine, the session and the metrics
 * only what identifies them, since a later run may better the rest. */
bool db_same_run(const struct db_run *a, const struct db_run *b);

/* Puts "<table>": {...} into `to`; false without memory. */
bool db_object_to_json(json_t *to, const struct table *t, const void *obj);

/* Fills obj from "<table>" of `json`. 0, or -1 and in `why` what is wrong. */
int db_object_from_json(const json_t *json, const struct table *t, void *obj, struct arena *arena,
			char *why, size_t why_size);

/* Fills *run, its memory from the arena. 0, or -1 and in `why` what is wrong. */
int db_run_from_json(const json_t *json, struct db_run *run, struct arena *arena, char *why,
		     size_t why_size);

#endif
