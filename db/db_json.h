/* SPDX-License-Identifier: MIT
 *
 * A run as one JSON object, {"schema": "bench.run/1", "host": {...}, ...}. Lists are tables,
 * {"columns": [...], "rows": [[...], ...]}; readers ignore what they do not know, and what is
 * missing is unknown, so fields can be added without a new schema name. For db/ only.
 */
#ifndef BENCH_DB_JSON_H
#define BENCH_DB_JSON_H

#include "db_fields.h"

/* NULL without memory. New reference. */
json_t *db_run_to_json(const struct db_run *run);

/* Fills *run, its memory from the arena. 0, or -1 and in `why` what is wrong. */
int db_run_from_json(const json_t *json, struct db_run *run, struct arena *arena, char *why,
		     size_t why_size);

#endif
