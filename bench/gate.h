/* SPDX-License-Identifier: MIT
 *
 * What a gate found: one case per row and metric of the policy, and how the whole is shown. gate.c
 * measures and judges, gate_text.c, gate_json.c, gate_junit.c and gate_github.c write.
 */
#ifndef BENCH_GATE_H
#define BENCH_GATE_H

#include <stdio.h>

#include "policy.h"
#include "verdict.h"

enum outcome {
	OUTCOME_PASS,         /* not slower than the bound; equal where exact */
	OUTCOME_IMPROVE,      /* faster, or less work */
	OUTCOME_INCONCLUSIVE, /* the machine was too unsteady, or the pairs too few */
	OUTCOME_WAIVED,       /* would be red, but the policy knows and allows it */
	OUTCOME_MISSING,      /* nothing to compare with */
	OUTCOME_PARITY,       /* another output: it computes something else */
	OUTCOME_REGRESS,
	OUTCOME_FAILED,       /* the workload did not end well */
	OUTCOME_COUNT
};
extern const char *const outcome_names[OUTCOME_COUNT];

struct gate_case {
	const struct policy_row *row;
	char metric[2 * POLICY_NAME]; /* "latency:denoise", "macs" */
	const char *unit;             /* "s", "MAC", "B", "1"; NULL: a hash */
	bool exact;
	double base, head;            /* medians, or counts; not finite: unknown */
	struct verdict verdict;       /* timings: ratios are head over base; else verdict_none() */
	int pairs, disturbed;         /* all pairs, also those of extension and confirmation */
	bool advisory;                /* red, but the policy only wants to know */
	const struct policy_waiver *waiver; /* what waived it, or expired; NULL: none */
	enum outcome outcome;
	char reason[1024];            /* one sentence; "" when there is nothing to say */
	char uuid[37];                /* of the comparison in the database; "" */
};

struct gate {
	const struct policy *policy;
	char base[256], head[256];    /* "main (1f3a9c0d12)" */
	char machine[256];            /* "AMD EPYC, 2 threads, avx2" */
	char fingerprint[65];         /* SHA-256 of the head's hard keys, first row; "" */
	struct gate_case *c;          /* owned */
	int n;
	double seconds;
	bool judged;                  /* all that was wanted; what fails then is to store it */
	char note[1024];              /* why nothing was measured; "" */
};

/* Appends a case with everything unknown. */
struct gate_case *gate_add(struct gate *g, const struct policy_row *row, const char *metric);
void gate_free(struct gate *g);

/* Exit status of the whole, worst first: 4 a workload failed, 1 regression, 6 another output, 5
 * nothing compared, 3 inconclusive where the policy fails on it, 0. */
int gate_exit(const struct gate *g);
/* "pass", "regress", ... : the word of the last line. */
const char *gate_word(const struct gate *g);
/* Cases that decide the exit status against the gate. */
int gate_bad(const struct gate *g);
bool gate_case_bad(const struct gate *g, const struct gate_case *c);

/* "BENCH-VERDICT regress rows=3/50 exit=1" */
void gate_verdict(const struct gate *g, FILE *to);

/* One sentence on a case, without its name: "3.12 % slower [2.4, 3.9], bound 2 %". */
void gate_sentence(const struct gate_case *c, char *buf, size_t len);
/* "mini latency:denoise" */
void gate_name(const struct gate_case *c, char *buf, size_t len);

void gate_text(const struct gate *g, FILE *to);
void gate_json(const struct gate *g, FILE *to);
void gate_markdown(const struct gate *g, FILE *to); /* under 60 KiB, as a comment may have */

/* As the xunit schema of Jenkins has it (scripts/ci/junit.xsd): suite = policy, case = metric. */
void gate_junit(const struct gate *g, FILE *to);

/* Workflow commands: at most nine errors and nine warnings and a line "and k more", because GitHub
 * shows ten of each a step. The step summary goes to the file that GITHUB_STEP_SUMMARY names. */
void gate_github(const struct gate *g, FILE *to);

#endif
