/* SPDX-License-Identifier: MIT
 *
 * Where the level of a series changes for good.
 */
#ifndef BENCH_STEPS_H
#define BENCH_STEPS_H

#define STEPS_SEGMENT 3   /* values that a level has at least */
#define STEPS_LEAST   0.01 /* smallest relative change of the level */

struct step {
	int at;        /* index of the first value of the new level */
	double before, after; /* medians of the levels */
};

/*
 * Binary segmentation of n positive values in time order: the split that leaves the smallest sum of
 * |log value - median of its side| is a step when the medians differ by more than STEPS_LEAST and
 * five times their noise; then both sides are searched, and what no longer holds beside its
 * neighbours is dropped. The noise is taken from differences of neighbours, which steps hardly
 * touch. Returns the number of steps, in order; at most `max`.
 */
int steps_of(const double *v, int n, struct step *step, int max);

#endif
