/* SPDX-License-Identifier: MIT
 *
 * Rows that many runs share, and who is running a run. For the files of db/ only.
 */
#ifndef BENCH_DB_ROWS_H
#define BENCH_DB_ROWS_H

#include "db_fields.h"

#define STORING "store the result" /* what is being done, for the sentences */

/* Each finds or makes the row and gives its id. */
int db_put_host(struct db *db, const struct db_host *host, int64_t *id);
int db_put_build(struct db *db, const struct db_build *build, int64_t *id);
int db_put_workload(struct db *db, const struct db_workload *w, int64_t *id);
int db_put_cfg(struct db *db, const char *params_json, int64_t workload_id, int64_t *id);
int db_session_row(struct db *db, const struct db_session *s, int64_t *id);
int db_put_metric(struct db *db, const struct db_metric *m, int64_t *id);
int db_put_stage(struct db *db, const char *name, int64_t *id);

/* The id of a host that is already stored: 1 found, 0 not, or a negative code. */
int db_find_host(struct db *db, const struct db_host *host, int64_t *id);

/* ---- db_owner.c ---- */

/* Names this process so that no later one has the same name. False where /proc is missing. */
bool db_owner_self(char out[96]);

/* Sets `running` runs of this machine to `killed` when their process is gone. */
int db_mark_killed(struct db *db, int64_t host_id);

#endif
