/* SPDX-License-Identifier: MIT
 *
 * The rule by which pairs of runs become pass, regress, improve or inconclusive.
 *
 * A value is d = ln(candidate / base) of one pair of neighbouring processes; positive is worse
 *(turn the sign of a rate). Which arm of a pair runs first is drawn by a coin, pair by pair
 * (pair_swapped). Where both arms are the same program, each d is therefore as likely positive as
 * negative whatever the machine does between and during the pairs: drifts, swings, resonances.
 *That, and no assumption about the noise, is what the signed-rank p-values below rest on.
 *
 * One look at n pairs, by the Hodges-Lehmann estimate and exact bounds (stats_rank.h):
 *
 *	theta      max(floor, history, 3 standard errors of the estimate)
 *	suspect    lower bound at `alpha` > 0 and estimate > theta
 *	promising  upper bound at `alpha` < 0 and estimate < -theta
 *	pass       upper bound at `alpha_pass` < min(theta, `noisy` floors)
 *	inconclusive otherwise; then one extension to twice the pairs, declared beforehand: alpha is
 *	the level of each of the two looks
 *
 * A suspect becomes a regression when as many fresh pairs have their lower bound at `alpha_confirm`
 * above 0 and their estimate above theta / 2, and when the p-values of both stages, combined by
 * Fisher, stand in the family of all rows judged together by Holm at `fwer`. What is promising
 * becomes an improvement by the same bounds turned around.
 *
 * A machine is noisy when the noise, not the policy, sets theta: 3 standard errors beyond `noisy`
 * floors, or more than half of the pairs disturbed. There the margin theta no longer protects, only
 * p does. So nothing passes or is promising there. On it, and wherever the deviation of the pairs,
 * in which a single wild one counts, says the same, a change is looked at again in the extension
 * before it is confirmed, and must stand in its family at `fwer_noisy`.
 */
#ifndef BENCH_VERDICT_H
#define BENCH_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#define VERDICT_FLOOR     0.02 /* where nothing else is said: machines without locked clocks */
#define VERDICT_MIN_PAIRS 8 /* fewer can never reach a level of 0.005 */

enum verdict_kind {
	VERDICT_PASS,
	VERDICT_REGRESS,
	VERDICT_IMPROVE,
	VERDICT_INCONCLUSIVE,
	VERDICT_SUSPECT,   /* slower, not an end: wants fresh pairs */
	VERDICT_PROMISING  /* faster, likewise */
};
extern const char *const verdict_names[];

struct verdict_rule {
	double floor;   /* no smaller change is called one: 0.02 */
	double history; /* usual change of this series (stats_usual_change); 0: unknown */
	double alpha, alpha_confirm, alpha_pass;
	double fwer, fwer_noisy;
	double noisy;   /* floors */
	bool extend;    /* an inconclusive look may be extended once */
	int trials;     /* of the simulation behind mde95; 0: it is not wanted */
};

/* The rule of the header comment for a floor: alpha 0.25 % at each look (0.5 % when there is but
 * one), 5 % to confirm, 1 % to pass, family 0.2 %, on noisy machines 0.02 %. */
struct verdict_rule verdict_rule(double floor, bool extend);

struct verdict {
	enum verdict_kind kind;
	int confirmed;            /* 1, 0; -1: no confirmation was made */
	int n, disturbed;         /* pairs that were judged; left out or kept as disturbed */
	double ratio, ci_lo, ci_hi, ci_conf; /* candidate / base; NAN: too few pairs */
	double theta, mde95;      /* shares: 0.02 is 2 % */
	double error, sigma_pair; /* standard error of ln ratio; deviation of one pair */
	bool noisy;
	bool strict;              /* fwer_noisy counts, not fwer */
	double p, p_confirm;      /* one-sided, of each stage; NAN: not made */
	double p_family;          /* of both, after Holm; 1 where nothing was confirmed */
	char reason[192];         /* one sentence with the numbers that decided */
};

/* Nothing is known: inconclusive, no pairs, no numbers. */
struct verdict verdict_none(void);

/* Judges one look. `disturbed` (or NULL) marks pairs beside which the machine was slow: up to a
 * quarter of them are left out, more are kept and make the machine noisy when they are the half.
 * For the look after an extension give all pairs, the first ones too. */
struct verdict verdict_look(const struct verdict_rule *r, const double *log_ratio,
			    const bool *disturbed, int n);

/* Whether more pairs may be asked for after this first look. */
bool verdict_wants_more(const struct verdict_rule *r, const struct verdict *v);

/* Whether it takes fresh pairs to say more. */
bool verdict_wants_fresh(const struct verdict *v);

/* Ends a suspicion or a promise by fresh pairs, n of the first look. */
void verdict_confirm(const struct verdict_rule *r, struct verdict *v, const double *log_ratio,
		     const bool *disturbed, int n);

/* Last step, over all rows judged together, one or more: regressions that do not stand and suspects
 * without fresh pairs become inconclusive, what is promising without them passes. */
void verdict_family(const struct verdict_rule *r, struct verdict *v, int rows);

/* Whether base and candidate change places in this pair: a coin, drawn from the session. Of pairs
 * 8 k to 8 k + 7, at least two and at most six do, which makes a p of 8 pairs wrong by 8 % at most.
 */
bool pair_swapped(uint64_t seed, int pair);

/* ---- what a rule can see -----------------------------------------------------------------------
 */

/* The noise of a pair: log-normal with excursions, where one process of twenty is slower by an
 * exponential of three deviations; or drawn from residuals, with random sign. */
struct noise_model {
	double sigma;           /* deviation of a pair, used when residual is NULL */
	const double *residual;
	int n;
};

/* How the rule does with n pairs (n more by an extension, n fresh ones to confirm), by simulation
 * with a fixed seed. Of a single row. */
struct outlook {
	double mde95; /* the smallest slowdown, a share, that is called one in 95 % of all cases */
	double power;    /* how often one of `effect` is */
	double clean_pass, clean_regress; /* shares of rows without a change */
	double pairs;    /* that a clean row needs in the mean */
};

struct outlook verdict_outlook(const struct verdict_rule *r, const struct noise_model *m, int n,
			       double effect, int trials);

#endif
