/* SPDX-License-Identifier: MIT
 *
 * The policy of a gate: a small INI file in the user's repository that says which rows are
 * measured, what of them counts, how much slower is too slow, and what has been waived until when.
 *
 *	[gate]
 *	base = origin/main              ; the merge-base with it is built and measured beside HEAD
 *	pairs = 10                      ; of each row; left out: as the noise demands
 *	budget = 15m                    ; no pair is begun that would end later
 *	floor = 2%                      ; no smaller change is ever called a regression
 *	fwer = 0.2%                     ; of all rows together (verdict.h); this when left out
 *	advisory = no                   ; yes: regressions in time warn and do not fail
 *	inconclusive = warn             ; fail | warn | pass
 *
 *	[row mini]
 *	workload = sdxl-20steps-mini
 *	set = steps=4 dtype=fp32
 *	metrics = latency step_latency:denoise
 *	exact = macs bytes parameters hash
 *
 *	[waiver new-sampler]
 *	row = mini
 *	metric = latency
 *	limit = 5%                      ; what is beyond stays red
 *	expires = 2026-12-31
 *	reason = the new sampler costs 3 %, see issue 42
 *
 * Unknown sections, keys and values are errors with the line and the nearest name, and so is a
 * reason with a `;` behind a blank: it would end there.
 */
#ifndef BENCH_POLICY_H
#define BENCH_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define POLICY_NAME 64
#define POLICY_WORDS 16

/* What a row may hold to zero tolerance, bits of policy_row.exact. */
enum exact_metric {
	EXACT_MACS,       /* core MACs of a sample */
	EXACT_BYTES,      /* read and written by its ops */
	EXACT_PARAMETERS,
	EXACT_OPS,        /* calls of ops */
	EXACT_MEMORY,     /* predicted peak */
	EXACT_ALLOCATIONS, /* heap allocations inside timed steps */
	EXACT_HASH,       /* of the output */
	EXACT_COUNT
};
extern const char *const exact_names[EXACT_COUNT];

/* A timing: "latency" is the whole sample, "latency:denoise" one stage, "step_latency:denoise" one
 * step of it. */
struct policy_metric {
	char metric[POLICY_NAME], stage[POLICY_NAME];
};

struct policy_row {
	char name[POLICY_NAME], workload[POLICY_NAME];
	char *set[POLICY_WORDS];        /* "steps=4"; owned */
	int n_set;
	int threads, samples;           /* 0: as `bench run` chooses */
	struct policy_metric metric[POLICY_WORDS];
	int n_metrics;
	unsigned exact;                 /* bits of enum exact_metric */
	double floor;                   /* as a share; < 0: that of the gate */
};

struct policy_waiver {
	char name[POLICY_NAME], row[POLICY_NAME], metric[POLICY_NAME * 2]; /* "latency:denoise" */
	double limit;                   /* as a share; < 0: none */
	int64_t expires_unix_s;         /* the end of that day, UTC */
	char expires[16], *reason;      /* reason is owned */
};

enum inconclusive { INCONCLUSIVE_WARN, INCONCLUSIVE_FAIL, INCONCLUSIVE_PASS };

struct policy {
	char *path, *base;              /* owned; base NULL: only by --base */
	int pairs;                      /* 0: not said */
	double budget_s;                /* 0: none */
	double floor, fwer;             /* shares */
	bool advisory;                  /* regressions in time warn and do not fail */
	enum inconclusive inconclusive;
	struct policy_row *row;
	struct policy_waiver *waiver;
	int n_rows, n_waivers;
};

/* Free it in any case. */
int policy_read(struct policy *p, const char *path, struct err *e);
void policy_free(struct policy *p);

/* The smallest change of a row that is called one, as a share. */
double policy_floor(const struct policy *p, const struct policy_row *row);

/* The waiver of this row and metric that still holds at `now`, or one that has expired (then
 * *expired is set); NULL: none. A waiver without a row or with metric "*" holds for all. */
const struct policy_waiver *policy_waiver_of(const struct policy *p, const char *row,
					     const char *metric, int64_t now_unix_s, bool *expired);

/* "latency", "latency:denoise" -> metric and stage, "total" where none is named. 0, or -1 when one
 * of them is empty or too long. */
int parse_metric(const char *text, char metric[POLICY_NAME], char stage[POLICY_NAME]);

/* "2%", "0.02" -> 0.02; "90s", "15m", "2h" -> seconds. 0, or -1 when it is neither. */
int parse_share(const char *text, double *share);
int parse_duration(const char *text, double *seconds);

#endif
