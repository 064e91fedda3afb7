/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "turns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "interrupt.h"

#define LOOK_AGAIN_NS 200000
#define SLEEPY_S      0.25 /* threads that spin for longer do so for ever */
#define SAME_PLACE    1e-9 /* shares of a sample by MACs are rounded differently */

/* ---- threads that spin -------------------------------------------------------------------------
 * The OpenMP runtime lets its threads spin for some milliseconds after a region, on cores that the
 * other process is about to use.
 */

static bool runs(const char *tid)
{
	char path[64], line[512], *end;
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fread(line, 1, sizeof line - 1, f);
	fclose(f);
	line[n] = 0;
	end = strrchr(line, ')'); /* the name before it may hold anything */
	return end && strncmp(end, ") R", 3) == 0;
}

static bool another_runs(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	bool any = false;

	while (tasks && !any && (entry = readdir(tasks)))
		any = atoi(entry->d_name) > 0 && atoi(entry->d_name) != gettid() &&
		      runs(entry->d_name);
	if (tasks)
		closedir(tasks);
	return any;
}

/* Returns whether all other threads of this process sleep. */
static bool let_threads_sleep(void)
{
	double start = clock_s();

	while (another_runs()) {
		if (clock_s() - start > SLEEPY_S)
			return false;
		nanosleep(&(struct timespec){ 0, LOOK_AGAIN_NS }, NULL);
	}
	return true;
}

/* ---- turns -------------------------------------------------------------------------------------
 */

void turns_open(struct turns *t)
{
	const char *text = getenv(TURNS_ENV);

	*t = (struct turns){ .fd = text ? atoi(text) : -1 };
	unsetenv(TURNS_ENV);
	if (t->fd < 0 || fcntl(t->fd, F_SETFD, FD_CLOEXEC))
		t->fd = -1;
	else if (!let_threads_sleep())
		turns_close(t);
}

/* False when there is nobody to wait for, or this run was interrupted and wants to end. */
static bool wait_for_turn(struct turns *t, double done)
{
	struct turn_wish wish = { done };
	ssize_t n = send(t->fd, &wish, sizeof wish, MSG_NOSIGNAL);

	if (n != sizeof wish)
		return false;
	do
		n = recv(t->fd, &t->turn, sizeof t->turn, 0);
	while (n < 0 && errno == EINTR && !interrupted());
	return n == sizeof t->turn;
}

bool turns_due(struct turns *t, double done)
{
	if (t->fd < 0 || (t->begun && done < t->turn.until - SAME_PLACE))
		return false;
	if (t->begun && !(t->since_s > 0))
		t->since_s = clock_s();
	return !t->begun || clock_s() - t->since_s >= t->turn.seconds;
}

double turns_pass(struct turns *t, double done)
{
	double start = clock_s();

	let_threads_sleep();
	t->begun = true;
	if (!wait_for_turn(t, done) || isinf(t->turn.until))
		turns_close(t);
	else
		t->taken++;
	t->since_s = done >= t->turn.until - SAME_PLACE ? clock_s() : 0;
	return clock_s() - start;
}

void turns_close(struct turns *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}
