/* SPDX-License-Identifier: MIT
 *
 * A against B: per workload and number (latency, its stages, their steps) the medians, the ratio
 * with its interval, a verdict and what it could have seen; and the exact counts that differ.
 *
 * compare_live.c measures pairs of processes, compare_stored.c takes runs from the database,
 * compare_show.c prints, compare_record.c stores.
 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include <stdio.h>

#include "judge.h"

/* How the values of a line belong together. */
enum compare_method {
	COMPARE_PAIRS,    /* measured as pairs: a verdict */
	COMPARE_UNPAIRED, /* measured at different times: a drift in between is not excluded */
	COMPARE_TOO_FEW   /* one process of an arm: only a ratio */
};

struct compare_line {
	struct judged
		judged; /* without pairs: only medians, ratio, interval and p mean something */
	int n[ARMS];          /* processes */
	enum compare_method method;
};

struct compare_row {
	char name[160];
	char run[ARMS][37]; /* uuid of a stored run of each arm; "" */
	struct compare_line line[PAIRS_SERIES];
	int n_lines;
	json_t *exact[ARMS];     /* owned */
	bool exact_varies[ARMS]; /* not the same in all processes of the arm */
	int pairs, disturbed;
	struct err err;          /* why it could not be compared, or not to the end */
};

struct compare {
	const char *shown[ARMS];
	struct compare_row *row; /* owned */
	int n_rows;
	bool varied;      /* a difference is meant: a slower B is no failure */
	bool live;
	bool out_of_time;
	uint64_t seed;
	char session[37]; /* "": not stored */
	char machine[192]; /* "AMD EPYC, 2 threads, avx2"; "" */
	double seconds;
};

/* `plan` has all but its recording; `pairs` pairs of each row, then as judge.h has it.
 * ERR_INTERRUPTED: what was finished is in `c`. compare_free() in any case. */
int compare_live(struct compare *c, const struct pairs_plan *plan, int pairs, struct err *e);

/* Runs of the database by their ids, A and B, oldest first. Grouped by workload and settings (but
 * for those that the rule lets vary). `db` is only read. note() as of fingerprint_compare(). */
struct compare_ids {
	const int64_t *run;
	int n;
};
int compare_stored(struct compare *c, struct db *db, const struct compare_ids ids[ARMS],
		   const struct fingerprint_rule *rule,
		   void (*note)(void *arg, const char *sentence), void *arg, struct err *e);
void compare_free(struct compare *c);

/* Fills in `machine`. */
void compare_name_machine(struct compare *c, const json_t *fingerprint);

/* All lines that were measured as pairs, *n of them; the array is owned by the caller. */
struct judged **compare_judged(struct compare *c, int *n);

/* One row per line, and per exact count that differs, under c->session. */
int compare_record(const struct compare *c, struct db *db, struct err *e);

/* What differs between the exact counts of a row: calls with the key and the values. */
void compare_exact(const struct compare_row *row,
		   void (*differs)(void *arg, const char *key, const json_t *a, const json_t *b),
		   void *arg);

/* "regress", "pass", ... ; without pairs "likely slower", "likely faster", "no evidence". */
const char *compare_word(const struct compare_line *line);

/* Worst first: 4 a workload failed; 1 when B regressed where no difference was meant; what another
 * row says that could not be compared; 0. */
enum err_code compare_exit(const struct compare *c);

void compare_text(const struct compare *c, FILE *to);
void compare_markdown(const struct compare *c, FILE *to);
void compare_latex(const struct compare *c, FILE *to); /* a table per workload, for booktabs */
void compare_csv(const struct compare *c, FILE *to);
void compare_json(const struct compare *c, FILE *to);

#endif
