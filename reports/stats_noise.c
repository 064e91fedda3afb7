/* SPDX-License-Identifier: MIT */
#include "stats_noise.h"

#include <math.h>

#include "stats.h"
#include "stats_boot.h"

#define RESAMPLES 2000
#define SEED      1 /* the same pairs give the same interval */

struct noise noise_of(const double *const *log_time, const int *count, int processes)
{
	double n = 0, squares = 0, total = 0, within = 0, between = 0, size;
	struct noise noise = { NAN, NAN, NAN, processes, 0 };

	for (int p = 0; p < processes; p++) {
		n += count[p];
		squares += (double)count[p] * count[p];
		total += stats_mean(log_time[p], count[p]) * count[p];
	}
	for (int p = 0; p < processes; p++) {
		double mean = stats_mean(log_time[p], count[p]);
		for (int i = 0; i < count[p]; i++)
			within += pow(log_time[p][i] - mean, 2);
		between += count[p] * pow(mean - total / n, 2);
	}
	if (processes < 2)
		return noise;
	if (n > processes)
		noise.within = sqrt(within / (n - processes));
	size = (n - squares / n) / (processes - 1); /* typical samples per process */
	between /= processes - 1;
	noise.process = n > processes ? sqrt(fmax(0, (between - pow(noise.within, 2)) / size)) :
					sqrt(between);
	return noise;
}

static double deviation_around_zero(const double *v, int n)
{
	double squares = 0;

	for (int i = 0; i < n; i++)
		squares += v[i] * v[i];
	return sqrt(squares / n);
}

void noise_set_pairs(struct noise *noise, const double *log_ratio, int n)
{
	noise->pairs = n;
	noise->pair = n > 1 ? deviation_around_zero(log_ratio, n) : NAN;
}

static double statistic(double *v, int n)
{
	return deviation_around_zero(v, n);
}

void noise_pair_interval(const double *log_ratio, int n, double *lo, double *hi)
{
	struct bootstrap b = { NAN, NAN, NAN, NAN, NAN };

	if (n > 2)
		b = bootstrap(log_ratio, n, statistic, RESAMPLES, 0.95, SEED);
	*lo = b.bca_lo;
	*hi = b.bca_hi;
}
