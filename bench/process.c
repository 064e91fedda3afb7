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
static volatile pid_t group; /* of the running child; 0: none */

static void pass_on(int number)
{
	if (group > 0)
		kill(-group, number);
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
		group = pid;
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

static void take_out(struct process_result *r, size_t *capacity, int *fd, struct err *e)
{
	size_t got;

	do {
		if (r->out_bytes + 65536 > *capacity) {
			*capacity = 2 * *capacity + 65536;
			r->out = realloc(r->out, *capacity + 1);
			die_if(!r->out, "out of memory");
		}
		take(fd, r->out + r->out_bytes, 65536, &got);
		r->out_bytes += got;
		if (r->out_bytes > OUT_MAX) {
			err_set(e, ERR_FAILED, "a child process printed more than %zu MiB",
				OUT_MAX >> 20);
			close_fd(fd);
		}
	} while (got && *fd >= 0);
}

/* Keeps the last PROCESS_TAIL - 1 bytes. */
static void take_err(struct process_result *r, size_t *len, int *fd)
{
	char buf[PROCESS_TAIL - 1];
	size_t got, keep;

	do {
		take(fd, buf, sizeof buf, &got);
		keep = sizeof buf - got < *len ? sizeof buf - got : *len;
		memmove(r->err_tail, r->err_tail + *len - keep, keep);
		memcpy(r->err_tail + keep, buf, got);
		*len = keep + got;
	} while (got && *fd >= 0);
	r->err_tail[*len] = 0;
}

/* SIGTERM at the deadline, SIGKILL after the grace. Returns the ms until it is to be called again.
 */
static int mind_the_time(const struct process_job *job, struct process_result *r, double elapsed)
{
	double limit = job->timeout_s + (r->timed_out ? GRACE_S : 0), left = limit - elapsed;

	if (job->timeout_s <= 0)
		return TICK_MS;
	if (left <= 0) {
		kill(-group, r->timed_out ? SIGKILL : SIGTERM);
		left = r->timed_out ? 0.1 : GRACE_S;
		r->timed_out = true;
	}
	return left < 1e-3 * TICK_MS ? (int)(1e3 * left) + 1 : TICK_MS;
}

/* Until the child is dead and its pipes are empty. Other programs that it left behind may hold the
 * pipes open; they are not waited for. Returns the status of wait. */
static int attend(const struct process_job *job, struct process_result *r, pid_t pid,
		  struct pipes *p, struct err *e)
{
	double start_s = clock_s(), ticked_s = start_s;
	size_t capacity = 0, tail = 0;
	int status = 0, ms = 0, end = (int)syscall(SYS_pidfd_open, pid, 0);

	for (pid_t dead = 0; !dead;) {
		struct pollfd fds[3] = { { .fd = p->out[0], .events = POLLIN },
					 { .fd = p->err[0], .events = POLLIN },
					 { .fd = end, .events = POLLIN } };
		double now;
		poll(fds, 3, end >= 0 || ms < UNWATCHED_MS ? ms : UNWATCHED_MS);
		dead = waitpid(pid, &status, WNOHANG);
		if (job->keep_out)
			take_out(r, &capacity, &p->out[0], e);
		else
			close_fd(&p->out[0]);
		take_err(r, &tail, &p->err[0]);
		now = clock_s();
		ms = mind_the_time(job, r, now - start_s);
		if (job->tick && now - ticked_s >= 1e-3 * TICK_MS) {
			job->tick(job->tick_arg, now - start_s);
			ticked_s = now;
		}
	}
	close_fd(&end);
	if (r->out)
		r->out[r->out_bytes] = 0;
	r->seconds = clock_s() - start_s;
	return status;
}

int process_run(const struct process_job *job, struct process_result *r, struct err *e)
{
	struct pipes p;
	pid_t pid;
	int status;

	*r = (struct process_result){ .status = 127 };
	if (open_pipes(&p, e))
		return -(int)e->code;
	pid = start(job, &p, e);
	if (pid > 0) {
		exec_failed(job, &p, e);
		status = attend(job, r, pid, &p, e);
		kill(-group, SIGKILL); /* what it may have left behind */
		group = 0;
		r->status = r->timed_out	? PROCESS_TIMED_OUT :
			    WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
						  WEXITSTATUS(status);
	}
	close_pipes(&p);
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
