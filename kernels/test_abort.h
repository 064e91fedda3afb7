/* SPDX-License-Identifier: MIT
 *
 * For tests of caller's bugs: runs a function in a child process and checks that it aborts.
 */
#ifndef BENCH_TEST_ABORT_H
#define BENCH_TEST_ABORT_H

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static inline void check_aborts(void (*f)(void), const char *what)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		fclose(stderr);
		f();
		_exit(0);
	}
	CHECK(child > 0 && waitpid(child, &status, 0) == child, "no child process");
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%s did not abort", what);
}

#endif
