/* SPDX-License-Identifier: MIT */
#include "stats_rank.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"
#include "stats_dist.h"

static void *room(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p) {
		fprintf(stderr, "bench: out of memory\n");
		abort();
	}
	return p;
}

/* ---- ranks -------------------------------------------------------------------------------------
 */

struct entry {
	double key;
	int index;
};

static int by_key(const void *a, const void *b)
{
	double x = ((const struct entry *)a)->key, y = ((const struct entry *)b)->key;
	return (x > y) - (x < y);
}

/* Twice the mid-ranks of the keys (whole numbers), into rank[]; returns the sum of t^3 - t over the
 * groups of t tied values. */
static double double_ranks(const double *key, int n, int *rank)
{
	struct entry *e = room((size_t)n, sizeof *e);
	double ties = 0;

	for (int i = 0; i < n; i++)
		e[i] = (struct entry){ key[i], i };
	qsort(e, (size_t)n, sizeof *e, by_key);
	for (int i = 0, j; i < n; i = j) {
		for (j = i; j < n && e[j].key == e[i].key;)
			j++;
		for (int k = i; k < j; k++)
			rank[e[k].index] = i + 1 + j;
		ties += pow(j - i, 3) - (j - i);
	}
	free(e);
	return ties;
}

static void set_tails(struct rank_test *t, double less, double greater)
{
	t->less = fmin(less, 1);
	t->greater = fmin(greater, 1);
	t->two_sided = fmin(1, 2 * fmin(less, greater));
}

/* Both tails by the normal limit, half a step nearer to the mean. */
static void normal_tails(struct rank_test *t, double mean, double variance)
{
	double sd = sqrt(variance);

	if (!(sd > 0)) {
		set_tails(t, 1, 1);
		return;
	}
	set_tails(t, normal_cdf((t->statistic - mean + 0.5) / sd),
		  normal_cdf(-(t->statistic - mean - 0.5) / sd));
}

/* ---- paired ------------------------------------------------------------------------------------
 */

/* Probability of every sum of a random half of the ranks: each counts with chance 1/2. Only sums
 * are formed, so that the tails keep their relative accuracy. The caller frees it. */
static double *sum_distribution(const int *rank, int n, int *total)
{
	double *p;
	int top = 0;

	*total = 0;
	for (int i = 0; i < n; i++)
		*total += rank[i];
	p = room((size_t)*total + 1, sizeof *p);
	p[0] = 1;
	for (int i = 0; i < n; i++) {
		top += rank[i];
		for (int s = top; s >= 0; s--)
			p[s] = 0.5 * (p[s] + (s >= rank[i] ? p[s - rank[i]] : 0));
	}
	return p;
}

static void signed_exact(struct rank_test *t, const int *rank, int observed)
{
	double less = 0, greater = 0;
	int total;
	double *p = sum_distribution(rank, t->n, &total);

	for (int s = 0; s <= observed; s++)
		less += p[s];
	for (int s = total; s >= observed; s--)
		greater += p[s];
	set_tails(t, less, greater);
	free(p);
}

struct rank_test signed_rank_test(const double *d, int n)
{
	struct rank_test t = { 0 };
	double *size = room((size_t)n, sizeof *size), ties;
	int *sign = room((size_t)n, sizeof *sign), *rank = room((size_t)n, sizeof *rank);
	int observed = 0;

	for (int i = 0; i < n; i++) {
		if (d[i] == 0)
			continue;
		sign[t.n] = d[i] > 0;
		size[t.n++] = fabs(d[i]);
	}
	ties = double_ranks(size, t.n, rank);
	for (int i = 0; i < t.n; i++)
		observed += sign[i] ? rank[i] : 0;
	t.statistic = 0.5 * observed;
	t.exact = t.n <= RANK_EXACT;
	if (t.exact)
		signed_exact(&t, rank, observed);
	else
		normal_tails(&t, 0.25 * t.n * (t.n + 1.0),
			     t.n * (t.n + 1.0) * (2.0 * t.n + 1) / 24 - ties / 48);
	free(size);
	free(sign);
	free(rank);
	return t;
}

static int index_exact(int n, double alpha)
{
	int *rank = room((size_t)n, sizeof *rank), total, k = 0;
	double tail = 0, *p;

	for (int i = 0; i < n; i++)
		rank[i] = i + 1;
	p = sum_distribution(rank, n, &total);
	while (k <= total && tail + p[k] <= alpha)
		tail += p[k++];
	free(rank);
	free(p);
	return k;
}

/* A simulation asks for the same few indices thousands of times, and each takes longer than the
 * look at the pairs that it is for. */
static int index_known(int n, double alpha)
{
	static _Thread_local struct {
		int n, k;
		double alpha;
	} known[32];
	static _Thread_local int next;

	for (int i = 0; i < 32; i++)
		if (known[i].n == n && known[i].alpha == alpha)
			return known[i].k;
	next = (next + 1) % 32;
	known[next].n = n;
	known[next].alpha = alpha;
	known[next].k = index_exact(n, alpha);
	return known[next].k;
}

int signed_rank_index(int n, double alpha)
{
	double mean = 0.25 * n * (n + 1.0), sd = sqrt(n * (n + 1.0) * (2.0 * n + 1) / 24);

	if (n <= RANK_EXACT)
		return index_known(n, alpha);
	return (int)floor(mean + normal_quantile(alpha) * sd - 0.5) + 1;
}

struct walsh walsh_of(const double *d, int n)
{
	struct walsh w = { .n = n };

	w.average = room((size_t)n * ((size_t)n + 1) / 2, sizeof *w.average);
	for (int i = 0; i < n; i++)
		for (int j = i; j < n; j++)
			w.average[w.count++] = 0.5 * (d[i] + d[j]);
	stats_sort(w.average, w.count);
	return w;
}

void walsh_free(struct walsh *w)
{
	free(w->average);
	*w = (struct walsh){ 0 };
}

double walsh_estimate(const struct walsh *w)
{
	return stats_quantile(w->average, w->count, 0.5);
}

double walsh_lower(const struct walsh *w, double alpha)
{
	int k = signed_rank_index(w->n, alpha);

	return k ? w->average[k - 1] : -INFINITY;
}

double walsh_upper(const struct walsh *w, double alpha)
{
	int k = signed_rank_index(w->n, alpha);

	return k ? w->average[w->count - k] : INFINITY;
}

/* ---- unpaired ----------------------------------------------------------------------------------
 */

/* ways[k][s]: how many choices of k of the ranks have the sum s. Row k starts at k * (total + 1).
 */
static double *choice_counts(const int *rank, int count, int chosen, int *total)
{
	double *ways;
	size_t row;

	*total = 0;
	for (int i = 0; i < count; i++)
		*total += rank[i];
	row = (size_t)*total + 1;
	ways = room((size_t)(chosen + 1) * row, sizeof *ways);
	ways[0] = 1;
	for (int i = 0; i < count; i++)
		for (int k = i < chosen ? i + 1 : chosen; k > 0; k--) {
			double *to = ways + (size_t)k * row;
			const double *from = to - row;
			for (int s = *total; s >= rank[i]; s--)
				to[s] += from[s - rank[i]];
		}
	return ways;
}

static void unpaired_exact(struct rank_test *t, const int *rank, int n, int m, int observed)
{
	double less = 0, greater = 0, all = 0;
	int total;
	double *ways = choice_counts(rank, n + m, n, &total);
	const double *last = ways + (size_t)n * ((size_t)total + 1);

	for (int s = 0; s <= total; s++) {
		all += last[s];
		less += s <= observed ? last[s] : 0;
		greater += s >= observed ? last[s] : 0;
	}
	set_tails(t, less / all, greater / all);
	free(ways);
}

struct rank_test mann_whitney_test(const double *a, int n, const double *b, int m)
{
	struct rank_test t = { .n = n + m, .exact = n + m <= RANK_EXACT };
	double *v = room((size_t)(n + m), sizeof *v), ties, total = n + m;
	int *rank = room((size_t)(n + m), sizeof *rank), observed = 0;

	memcpy(v, a, (size_t)n * sizeof *v);
	memcpy(v + n, b, (size_t)m * sizeof *v);
	ties = double_ranks(v, n + m, rank);
	for (int i = 0; i < n; i++)
		observed += rank[i];
	t.statistic = 0.5 * observed - 0.5 * n * (n + 1.0);
	if (t.exact)
		unpaired_exact(&t, rank, n, m, observed);
	else
		normal_tails(&t, 0.5 * n * m,
			     n * (double)m / 12 *
				     (total + 1 - ties / (total * (total - 1))));
	free(v);
	free(rank);
	return t;
}
