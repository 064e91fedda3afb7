/* SPDX-License-Identifier: MIT
 *
 * Where a difference between base and head lies: a stored comparison taken apart by stage, from its
 * pairs, and by op, from the traced run that a gate adds to a red row.
 */
#ifndef BENCH_EXPLAIN_H
#define BENCH_EXPLAIN_H

#include "report.h"

struct explained_stage {
	char metric[64], stage[64];
	double base_s, head_s; /* medians over the pairs */
	int pairs;
};

struct explained_op {
	char stage[64], op[64];
	double base_s, head_s;       /* of one traced sample; NAN: not traced */
	double base_macs, head_macs; /* core */
};

struct explained {
	long long id;
	char uuid[40], at_utc[32], purpose[32], row[128], workload[128], metric[64], stage[64];
	char verdict[32], reason[1024], waived_by[64];
	char base[128], head[128];   /* builds: "0.1.0 1a2b3c4d5e" */
	char params_sha256[72];
	double ratio, ci_lo, ci_hi, theta, mde95;
	int pairs, disturbed;
	long long at_unix_ns;
	struct explained_stage *stages; /* owned; as the runs have them */
	struct explained_op *ops;       /* owned; largest change of time first */
	int n_stages, n_ops;
	int traced;                     /* 1: ops hold times */
};

/* `which` is a number as v_ab has it, or a uuid or the start of one; NULL: the newest red one, or
 * the newest of all. REPORT_EMPTY when there is none. explain_end() in any case. */
int explain_read(struct explained *x, struct db *db, const char *which, struct report_error *e);
void explain_end(struct explained *x);

#endif
