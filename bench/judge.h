/* SPDX-License-Identifier: MIT
 *
 * The course by which pairs become verdicts, for `compare` and `gate` alike: one look at the
 * planned pairs, one extension of as many where that leaves something undecided, fresh pairs where
 * something seems slower or faster, then the family of all. All of it happens in one session of
 * pairs: rows that need nothing rest, so that the pairs of a verdict are those of its session.
 *
 *	pairs_measure(&p, pairs, e);
 *	for (...)
 *		judge_look(&s[i], &p);
 *	judge_course(all, n, &p, pairs, e);
 */
#ifndef BENCH_JUDGE_H
#define BENCH_JUDGE_H

#include "pairs.h"
#include "verdict.h"

/* One series of a row, from its first look to its verdict. */
struct judged {
	int row; /* of the pairs */
	char metric[64], stage[64];
	struct verdict_rule rule;
	struct verdict verdict;
	double *log_ratio; /* ln(B / A) of its pairs in the order of measurement; owned */
	bool *disturbed;   /* likewise; NULL: not known; owned */
	int n;
	int looked, extended, to_confirm; /* of these: at first, then, and at last; else 0 */
	double median[ARMS];              /* of the processes' medians, seconds */
};

/* The first look: takes all pairs of its row, one or more. False: the row lacks the series. */
bool judge_look(struct judged *s, const struct pairs *p);

/* Before it: what this series is used to, from earlier builds in the database (trend.h), is no
 * change. The runs that are judged now do not count. Builds were measured at different times, so
 * that a drift of the machine is in it, which pairs are free of: more than what makes a machine
 * noisy (rule.noisy floors) it does not get. */
void judge_history(struct judged *s, const struct pairs *p);

/* Extends and confirms, `pairs` each, what was looked at, and judges the family. After an error
 * (ERR_INTERRUPTED) or the end of the budget, by what there is. */
int judge_course(struct judged *const *s, int n, struct pairs *p, int pairs, struct err *e);

/* Last step, over all series judged together: what judge_course() does in the end. */
void judge_family(struct judged *const *s, int n);
void judge_free(struct judged *s);

/* ---- judge_record.c: as JSON and as a row of the database --------------------------------------
 */

/* What a comparison keeps beside its verdict, db_comparison.detail_json. */
struct judge_detail {
	double base, head;    /* medians, or counts; not finite: unknown */
	const struct judged *series; /* NULL: exact */
	uint64_t seed;        /* of the coin of the pairs; 0: there is none */
	const char *traced;   /* uuid of the session of a traced run; NULL or "": none */
};

/* Owned by the caller. */
char *judge_detail(const struct judge_detail *d);

/* The numbers of a judged series; session, runs, row and detail are for the caller. */
struct db_comparison judge_comparison(const struct judged *s);

/* Of both stages in the family, where it was judged; otherwise of the first. */
double judge_p(const struct verdict *v);

/* ratio, ci_lo, ci_hi, p, theta, mde95 */
void judge_add_json(json_t *to, const struct verdict *v);

/* log_ratio, disturbed, looked, extended, to_confirm */
void judge_add_pairs(json_t *to, const struct judged *s);

int judge_disturbed(const struct judged *s); /* of its pairs */

#endif
