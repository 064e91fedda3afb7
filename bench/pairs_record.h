/* SPDX-License-Identifier: MIT
 *
 * Where the processes of pairs are recorded: this program's children write into the user's database
 * themselves, another program's into one beside it that is merged after each process. A session
 * links them: which arm, which block, in which order.
 */
#ifndef BENCH_PAIRS_RECORD_H
#define BENCH_PAIRS_RECORD_H

#include "pairs.h"

int pairs_record_begin(struct pairs *p, struct err *e);
const char *pairs_record_path(const struct pairs *p, int arm); /* for its children; NULL: none */
void pairs_record_run(struct pairs *p, int row, int arm, int block,
		      const struct child_result *child);
void pairs_record_end(struct pairs *p, int exit_code);

#endif
