/* SPDX-License-Identifier: MIT */
#include "stats_noise.h"

#include <math.h>

#include "stats.h"
#include "stats_dist.h"

#define MOST_PAIRS 100000

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

void noise_set_pairs(struct noise *noise, const double *log_ratio, int n)
{
	double squares = 0;

	for (int i = 0; i < n; i++)
		squares += log_ratio[i] * log_ratio[i];
	noise->pairs = n;
	noise->pair = n > 1 ? sqrt(squares / n) : NAN;
}

double noise_detectable(double sigma, int n, double alpha, double power)
{
	if (n < 2)
		return INFINITY;
	return (student_quantile(1 - alpha, n - 1) + student_quantile(power, n - 1)) * sigma /
	       sqrt(n);
}

int noise_pairs_for(double effect, double sigma, double alpha, double power)
{
	int lo = 1, hi = 2;

	while (hi < MOST_PAIRS && noise_detectable(sigma, hi, alpha, power) > effect)
		hi *= 2;
	while (hi - lo > 1) {
		int mid = (lo + hi) / 2;
		*(noise_detectable(sigma, mid, alpha, power) > effect ? &lo : &hi) = mid;
	}
	return hi;
}
