/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define GRACE_S      2.0       /* between SIGTERM and SIGKILL */
#define TICK_MS      1000
#define UNWATCHED_MS 20        /* where the kernel (before 5.3) has no pidfd to wait for */
#define OUT_MAX      ((size_t)1 << 30)
#define FATAL_HIT    3         /* signals after which this program ends as well */

/* ---- signals -----------------------------------------------------------------------------------
 */

static volatile sig_atomic_t hits;
static volatile pid_t group[PROCESSES_MAX]; /* of the running children; 0: none */

static void pass_on(int number)
{
	for (int i = 0; i < PROCESSES_MAX; i++)
		if (group[i] > 0)
			kill(-group[i], number);
	hits = hits + 1;
	if (hits >= FATAL_HIT) {
		signal(number, SIG_DFL);
		raise(number);
	}
}

void process_catch_signals(void)
{
	struct sigaction action = { .sa_handler = pass_on };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* Where `from` is, `to` takes its place. */
static void replace_group(pid_t from, pid_t to)
{
	for (int i = 0; i < PROCESSES_MAX; i++)
		if (group[i] == from) {
			group[i] = to;
			return;
		}
	die_if(to, "more than %d children at a time", PROCESSES_MAX);
}

bool process_interrupted(void)
{
	return hits > 0;
}

/* ---- the child's side --------------------------------------------------------------------------
 */

struct pipes {
	int out[2], err[2], failed[2]; /* the last one carries errno when exec fails */
};

static void redirect(int from, const char *path, int to)
{
	int fd = path ? open(path, O_RDWR) : from;

	if (fd < 0 || dup2(fd, to) < 0)
		_exit(127);
}

/* Between fork and exec; only calls that are safe there. */
static void become(const struct process_job *job, const struct pipes *p, pid_t parent,
		   const sigset_t *mask)
{
	int why;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	redirect(-1, "/dev/null", STDIN_FILENO);
	redirect(p->out[1], job->keep_out ? NULL : "/dev/null", STDOUT_FILENO);
	redirect(p->err[1], NULL, STDERR_FILENO);
	if (job->inherits)
		fcntl(job->inherits, F_SETFD, 0);
	if (!job->directory || chdir(job->directory) == 0)
		execvp(job->program ? job->program : job->argv[0], (char *const *)job->argv);
	why = errno;
	if (write(p->failed[1], &why, sizeof why) < 0)
		_exit(126);
	_exit(127);
}

/* ---- the parent's side -------------------------------------------------------------------------
 */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_pipes(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		close_fd(&p->out[i]);
		close_fd(&p->err[i]);
		close_fd(&p->failed[i]);
	}
}

static int open_pipes(struct pipes *p, struct err *e)
{
	*p = (struct pipes){ { -1, -1 }, { -1, -1 }, { -1, -1 } };
	if (pipe2(p->out, O_CLOEXEC) || pipe2(p->err, O_CLOEXEC) || pipe2(p->failed, O_CLOEXEC)) {
		int why = errno;
		close_pipes(p);
		return err_set(e, ERR_FAILED, "no pipe to a child process: %s", strerror(why));
	}
	fcntl(p->out[0], F_SETFL, O_NONBLOCK);
	fcntl(p->err[0], F_SETFL, O_NONBLOCK);
	return 0;
}

/* Signals wait until `group` names the child, so that none is lost in between. */
static pid_t start(const struct process_job *job, struct pipes *p, struct err *e)
{
	sigset_t both, before;
	pid_t parent = getpid(), pid;
	int why;

	sigemptyset(&both);
	sigaddset(&both, SIGINT);
	sigaddset(&both, SIGTERM);
	sigprocmask(SIG_BLOCK, &both, &before);
	pid = fork();
	if (pid == 0)
		become(job, p, parent, &before);
	why = errno;
	if (pid > 0) {
		setpgid(pid, pid); /* whoever comes first */
		replace_group(0, pid);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close_fd(&p->out[1]);
	close_fd(&p->err[1]);
	close_fd(&p->failed[1]);
	if (pid < 0)
		err_set(e, ERR_FAILED, "no child process: %s", strerror(why));
	return pid;
}

static int exec_failed(const struct process_job *job, const struct pipes *p, struct err *e)
{
	int why = 0;

	while (read(p->failed[0], &why, sizeof why) < 0 && errno == EINTR)
		;
	if (!why)
		return 0;
	return err_set(e, ERR_FAILED, "%s cannot be started%s%s: %s", job->argv[0],
		       job->directory ? " in " : "", job->directory ? job->directory : "",
		       strerror(why));
}

/* Reads what is there. Returns -1 at the end or on an error, then the descriptor is closed. */
static int take(int *fd, char *buf, size_t room, size_t *got)
{
	ssize_t n;

	*got = 0;
	if (*fd < 0)
		return -1;
	n = read(*fd, buf, room);
	if (n > 0) {
		*got = (size_t)n;
		return 0;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	close_fd(fd);
	return -1;
}

static void take_out(struct process *p, struct err *e)
{
	struct process_result *r = &p->r;
	size_t got;

	if (!p->job->keep_out) {
		close_fd(&p->out);
		return;
	}
	do {
		if (r->out_bytes + 65536 > p->capacity) {
			p->capacity = 2 * p->capacity + 65536;
			r->out = realloc(r->out, p->capacity + 1);
			die_if(!r->out, "out of memory");
		}
		take(&p->out, r->out + r->out_bytes, 65536, &got);
		r->out_bytes += got;
		if (r->out_bytes > OUT_MAX) {
			err_set(e, ERR_FAILED, "a child process printed more than %zu MiB",
				OUT_MAX >> 20);
			close_fd(&p->out);
		}
	} while (got && p->out >= 0);
}

/* Keeps the last PROCESS_TAIL - 1 bytes. */
static void take_err(struct process *p)
{
	char buf[PROCESS_TAIL - 1], *to = p->r.err_tail;
	size_t got, keep;

	do {
		take(&p->err, buf, sizeof buf, &got);
		keep = sizeof buf - got < p->tail ? sizeof buf - got : p->tail;
		memmove(to, to + p->tail - keep, keep);
		memcpy(to + keep, buf, got);
		p->tail = keep + got;
	} while (got && p->err >= 0);
	to[p->tail] = 0;
}

/* SIGTERM at the deadline, SIGKILL after the grace. Returns the ms until it is to be called again.
 */
static int mind_the_time(struct process *p, double elapsed)
{
	double limit = p->job->timeout_s + (p->r.timed_out ? GRACE_S : 0), left = limit - elapsed;

	if (p->job->timeout_s <= 0)
		return TICK_MS;
	if (left <= 0) {
		kill(-p->pid, p->r.timed_out ? SIGKILL : SIGTERM);
		left = p->r.timed_out ? 0.1 : GRACE_S;
		p->r.timed_out = true;
	}
	return left < 1e-3 * TICK_MS ? (int)(1e3 * left) + 1 : TICK_MS;
}

/* ---- a process in steps ------------------------------------------------------------------------
 */

int process_start(struct process *p, const struct process_job *job, struct err *e)
{
	struct pipes pipes;

	*p = (struct process){ .job = job, .r = { .status = 127 }, .ended = true, .out = -1,
			       .err = -1, .pidfd = -1, .start_s = clock_s() };
	p->ticked_s = p->start_s;
	if (open_pipes(&pipes, e))
		return -(int)e->code;
	p->pid = start(job, &pipes, e);
	if (p->pid > 0) {
		exec_failed(job, &pipes, e);
		p->ended = false;
		p->out = pipes.out[0];
		p->err = pipes.err[0];
		p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
		pipes.out[0] = pipes.err[0] = -1;
	}
	close_pipes(&pipes);
	return -(int)e->code;
}

int process_watch(const struct process *p, struct pollfd fds[PROCESS_FDS])
{
	const int fd[PROCESS_FDS] = { p->out, p->err, p->pidfd };
	int n = 0;

	for (int i = 0; i < PROCESS_FDS; i++)
		if (fd[i] >= 0)
			fds[n++] = (struct pollfd){ .fd = fd[i], .events = POLLIN };
	return n;
}

/* Other programs that it left behind may hold the pipes open; they are not waited for. */
bool process_attend(struct process *p, struct err *e)
{
	double now;

	if (p->ended)
		return true;
	p->ended = waitpid(p->pid, &p->status, WNOHANG) != 0;
	if (p->ended) {
		kill(-p->pid, SIGKILL); /* what it may have left behind */
		replace_group(p->pid, 0);
	}
	take_out(p, e);
	take_err(p);
	now = clock_s();
	p->r.seconds = now - p->start_s;
	if (p->ended)
		return true;
	p->wait_ms = mind_the_time(p, p->r.seconds);
	if (p->pidfd < 0 && p->wait_ms > UNWATCHED_MS)
		p->wait_ms = UNWATCHED_MS;
	if (p->job->tick && now - p->ticked_s >= 1e-3 * TICK_MS) {
		p->job->tick(p->job->tick_arg, p->r.seconds);
		p->ticked_s = now;
	}
	return false;
}

void process_stop(const struct process *p)
{
	if (!p->ended)
		kill(-p->pid, SIGTERM);
}

void process_finish(struct process *p, struct process_result *r)
{
	if (p->pid > 0) {
		p->r.status = p->r.timed_out	       ? PROCESS_TIMED_OUT :
			      WIFSIGNALED(p->status) ? 128 + WTERMSIG(p->status) :
						       WEXITSTATUS(p->status);
	}
	if (p->r.out)
		p->r.out[p->r.out_bytes] = 0;
	close_fd(&p->out);
	close_fd(&p->err);
	close_fd(&p->pidfd);
	*r = p->r;
}

void process_wait(struct process *p, struct err *e)
{
	while (!process_attend(p, e)) {
		struct pollfd fds[PROCESS_FDS];
		int n = process_watch(p, fds);
		poll(fds, (nfds_t)n, p->wait_ms);
	}
}

int process_run(const struct process_job *job, struct process_result *r, struct err *e)
{
	struct process p;

	process_start(&p, job, e);
	process_wait(&p, e);
	process_finish(&p, r);
	return -(int)e->code;
}

void process_free(struct process_result *r)
{
	free(r->out);
	r->out = NULL;
}

const char *process_last_words(struct process_result *r)
{
	char *end = r->err_tail + strlen(r->err_tail), *line;

	while (end > r->err_tail && (end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\r'))
		*--end = 0;
	for (line = end; line > r->err_tail && line[-1] != '\n' && line[-1] != '\r';)
		line--;
	return line;
}
