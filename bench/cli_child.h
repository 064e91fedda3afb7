/* SPDX-License-Identifier: MIT
 *
 * What the tests of the program share: running build/bench (or $BENCH_BIN) as a child in a
 * directory of its own, with its output, exit status and time. cli_begin() makes the directory and
 * goes there, cli_end() removes it.
 */
#ifndef BENCH_CLI_CHILD_H
#define BENCH_CLI_CHILD_H

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"

struct child {
	pid_t pid;
	int status;      /* exit status, or 128 + signal */
	char *out, *err; /* what it wrote; owned */
	double seconds;  /* by the clock: nothing is asserted on it */
	double cpu_s;    /* processor time: a busy machine does not stretch it */
	long max_rss_kib;
};

#define CLI_WORDS 48

static char cli_program[4096], cli_directory[] = "/tmp/bench-cli-XXXXXX";

static inline void cli_begin(void)
{
	const char *name = getenv("BENCH_BIN");

	die_if(!realpath(name ? name : "build/bench", cli_program),
	       "%s is missing: build it, or name it in BENCH_BIN", name ? name : "build/bench");
	die_if(!mkdtemp(cli_directory) || chdir(cli_directory), "no temporary directory: %s",
	       strerror(errno));
	for (const char *const *v = (const char *const[]){ "BENCH_DB", "BENCH_ISA", "BENCH_THREADS",
							   "BENCH_SAMPLES", "BENCH_WARMUP",
							   "BENCH_QUIET", "BENCH_BACKEND", NULL };
	     *v; v++)
		unsetenv(*v);
}

static inline void cli_end(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", cli_directory, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

/* "run x --tag a~b": split at spaces, ~ stands for a space inside a word. */
static inline int cli_split(const char *words, char *copy, size_t len, char **argv)
{
	int argc = 0;
	char *rest = copy;

	snprintf(copy, len, "%s", words);
	argv[argc++] = cli_program;
	for (char *word; (word = strsep(&rest, " ")) && argc < CLI_WORDS - 1;) {
		if (!*word)
			continue;
		for (char *p = word; *p; p++)
			*p = *p == '~' ? ' ' : *p;
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	return argc;
}

/* In the child: never comes back. */
static inline void cli_become(char **argv, long file_limit, const char *out, const char *err)
{
	struct rlimit limit = { (rlim_t)file_limit, (rlim_t)file_limit };
	int fd[2] = { open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600),
		      open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600) };

	dup2(fd[0], STDOUT_FILENO);
	dup2(fd[1], STDERR_FILENO);
	if (file_limit) {
		signal(SIGXFSZ, SIG_IGN); /* a full disk gives errors, not signals */
		setrlimit(RLIMIT_FSIZE, &limit);
	}
	execv(cli_program, argv);
	_exit(127);
}

/* `file_limit` bytes (0: none) is the largest file that the child may write. */
static inline struct child *cli_start(const char *words, long file_limit)
{
	static int count;
	char copy[1024], *argv[CLI_WORDS], out[32], err[32];
	struct child *c = calloc(1, sizeof *c);

	die_if(!c, "out of memory");
	cli_split(words, copy, sizeof copy, argv);
	snprintf(out, sizeof out, "out.%d", ++count);
	snprintf(err, sizeof err, "err.%d", count);
	c->out = strdup(out);
	c->err = strdup(err);
	c->seconds = clock_s();
	c->pid = fork();
	die_if(c->pid < 0, "no child process: %s", strerror(errno));
	if (c->pid == 0)
		cli_become(argv, file_limit, out, err);
	return c;
}

/* Replaces the file's name by what is in it. */
static inline void cli_slurp(char **file)
{
	FILE *f = fopen(*file, "r");
	char *text = NULL;
	size_t room = 0;

	if (!f || getdelim(&text, &room, 0, f) < 0) {
		free(text);
		text = strdup("");
	}
	if (f)
		fclose(f);
	unlink(*file);
	free(*file);
	*file = text;
}

static inline void cli_wait(struct child *c)
{
	struct rusage usage;
	int status;

	while (wait4(c->pid, &status, 0, &usage) < 0)
		die_if(errno != EINTR, "wait: %s", strerror(errno));
	c->seconds = clock_s() - c->seconds;
	c->cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		   1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	c->max_rss_kib = usage.ru_maxrss;
	c->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	cli_slurp(&c->out);
	cli_slurp(&c->err);
}

static inline struct child *cli_run(const char *words)
{
	struct child *c = cli_start(words, 0);

	cli_wait(c);
	return c;
}

static inline void cli_free(struct child *c)
{
	free(c->out);
	free(c->err);
	free(c);
}

/* Standard output as JSON; NULL when it is none. */
static inline json_t *cli_json(const struct child *c)
{
	return json_loads(c->out, JSON_REJECT_DUPLICATES, NULL);
}

/* The first value of a query of bench.db in the directory, as JSON text; owned. */
static inline char *cli_query(const char *sql)
{
	char words[512], *value;
	struct child *c;
	json_t *rows;

	snprintf(words, sizeof words, "db query %s --json", sql);
	c = cli_run(words);
	rows = cli_json(c);
	value = json_dumps(json_object_iter_value(json_object_iter(json_array_get(rows, 0))),
			   JSON_ENCODE_ANY);
	json_decref(rows);
	cli_free(c);
	return value ? value : strdup("");
}

static inline void cli_pause(double seconds)
{
	struct timespec t = { (time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds)) };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

#endif
