/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "disturb.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "stats_boot.h"

#define COPIED_BYTES ((size_t)32 << 20) /* more than caches hold */

static void copy_until(double end, char *from, char *to)
{
	while (clock_s() < end) {
		memcpy(to, from, COPIED_BYTES);
		from[0] = to[COPIED_BYTES - 1];
	}
}

static void compute_until(double end)
{
	volatile double x = 1;

	while (clock_s() < end)
		for (int i = 0; i < 1000; i++)
			x = x * 0.999 + 0.001;
}

static void disturb(double seconds, uint64_t seed)
{
	struct rng r = { .seed = seed };
	char *from = malloc(COPIED_BYTES), *to = malloc(COPIED_BYTES);
	double end = clock_s() + seconds;

	if (!from || !to)
		return;
	memset(from, 1, COPIED_BYTES);
	while (clock_s() < end) {
		double moment = 0.1 + 1.9 * rng_uniform(&r);
		switch (rng_below(&r, 3)) {
		case 0:
			copy_until(clock_s() + moment, from, to);
			break;
		case 1:
			compute_until(clock_s() + moment);
			break;
		default:
			usleep((useconds_t)(1e6 * moment));
		}
	}
}

static int cores(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);

	return n > 64 ? 64 : n;
}

int disturb_begin(struct disturbance *d, double seconds, struct err *e)
{
	int n = cores(), parent = getpid();

	*d = (struct disturbance){ 0 };
	while (d->n < n) {
		int pid = fork();
		if (pid < 0) {
			err_set(e, ERR_FAILED, "cannot start a process that disturbs: %s",
				strerror(errno));
			disturb_end(d);
			return -(int)e->code;
		}
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() == parent)
				disturb(seconds, (uint64_t)d->n + 1);
			_exit(0);
		}
		d->pid[d->n++] = pid;
	}
	return 0;
}

void disturb_end(struct disturbance *d)
{
	for (int i = 0; i < d->n; i++) {
		kill(d->pid[i], SIGKILL);
		waitpid(d->pid[i], NULL, 0);
	}
	d->n = 0;
}
