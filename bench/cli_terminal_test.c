/* SPDX-License-Identifier: MIT
 *
 * The program at a terminal, a real pseudo-terminal: progress within its width, also after the
 * window was resized, colours unless NO_COLOR, Ctrl-C as a key; and nothing of that in a pipe.
 */
#define _GNU_SOURCE
#include "cli_child.h"
#include "test.h"

#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#define ENDLESS \
	"run sdxl-20steps-mini --threads 1 --set steps=2 --samples 1000000 --warmup 0 --no-db"
#define COLOUR  "\033[36m"
#define SHOWN   (1 << 20)
#define PATIENT 120 /* seconds: the machine may be busy */

struct terminal {
	int fd;
	pid_t pid;
	char text[SHOWN];
	size_t n;
};

static struct terminal t;

static void terminal_start(const char *words, int columns)
{
	struct winsize size = { .ws_row = 24, .ws_col = (unsigned short)columns };
	char copy[1024], *argv[CLI_WORDS];

	t.n = 0;
	t.text[0] = 0;
	cli_split(words, copy, sizeof copy, argv);
	t.pid = forkpty(&t.fd, NULL, NULL, &size);
	die_if(t.pid < 0, "no terminal: %s", strerror(errno));
	if (t.pid == 0) {
		execv(cli_program, argv);
		_exit(127);
	}
}

/* Reads what there is within `seconds`; false at the end. */
static bool terminal_read(double seconds)
{
	struct pollfd p = { .fd = t.fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, (int)(1e3 * seconds)) <= 0)
		return true;
	n = read(t.fd, t.text + t.n, SHOWN - 1 - t.n);
	if (n <= 0)
		return false;
	t.n += (size_t)n;
	t.text[t.n] = 0;
	return t.n < SHOWN - 1;
}

/* Until `text` was shown, at or behind `from`. */
static bool terminal_wait(size_t from, const char *text)
{
	double end = clock_s() + PATIENT;

	while (!strstr(t.text + from, text) && clock_s() < end)
		if (!terminal_read(0.2))
			break;
	return strstr(t.text + from, text) != NULL;
}

static int terminal_end(void)
{
	int status;

	while (terminal_read(PATIENT))
		;
	waitpid(t.pid, &status, 0);
	close(t.fd);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The widest line of progress in columns; escape sequences take none. */
static int widest(size_t from)
{
	int most = 0;

	for (const char *p = strstr(t.text + from, "\r\033[K"); p; p = strstr(p + 4, "\r\033[K")) {
		int n = 0;
		for (const char *c = p + 4; *c && *c != '\r' && *c != '\n'; c++) {
			if (*c == '\033')
				c += strcspn(c, "mK");
			else
				n++;
		}
		most = n > most ? n : most;
	}
	return most;
}

static void test_terminal(void)
{
	size_t narrow;

	terminal_start(ENDLESS, 100);
	CHECK(terminal_wait(0, "denoise"), "no progress: %s", t.text);
	CHECK(strstr(t.text, COLOUR), "no colour");
	CHECK(widest(0) > 50 && widest(0) <= 100, "%d of 100 columns", widest(0));
	ioctl(t.fd, TIOCSWINSZ, &(struct winsize){ .ws_row = 24, .ws_col = 40 });
	terminal_wait(t.n, "\r\033[K"); /* may be of before */
	narrow = t.n;
	CHECK(terminal_wait(narrow, "\r\033[K"), "no progress after the resize");
	terminal_wait(narrow, "denoise");
	CHECK(widest(narrow) > 20 && widest(narrow) <= 40, "%d of 40 columns", widest(narrow));
	CHECK(write(t.fd, "\003", 1) == 1, "the key");
	CHECK_INT(terminal_end(), ERR_INTERRUPTED);
	CHECK(strstr(t.text, "samples are kept"), "%s", t.text + narrow);
}

static void test_no_color(void)
{
	setenv("NO_COLOR", "1", 1);
	terminal_start(ENDLESS, 80);
	CHECK(terminal_wait(0, "denoise"), "no progress: %s", t.text);
	CHECK(!strstr(t.text, COLOUR), "colour in spite of NO_COLOR");
	CHECK(write(t.fd, "\003", 1) == 1, "the key");
	CHECK_INT(terminal_end(), ERR_INTERRUPTED);
	unsetenv("NO_COLOR");
}

static int longest(const char *text)
{
	int most = 0;

	for (const char *p = text; *p;) {
		int n = (int)strcspn(p, "\n");
		most = n > most ? n : most;
		p += n + (p[n] == '\n');
	}
	return most;
}

/* The same into files: no escapes, no line beyond 80 columns, and JSON that is nothing but JSON. */
static void test_pipe(void)
{
	struct child *c = cli_run("run sdxl-20steps-mini --backend null --no-db");
	json_t *j;

	CHECK(c->status == 0 && !strchr(c->out, '\033') && !strchr(c->err, '\033'), "%s%s", c->out,
	      c->err);
	CHECK(longest(c->out) <= 80, "%d columns:\n%s", longest(c->out), c->out);
	cli_free(c);
	c = cli_run("run sdxl-20steps-mini --backend null --no-db --json");
	j = cli_json(c);
	CHECK(j, "not JSON: %.100s", c->out);
	json_decref(j);
	cli_free(c);
}

int main(void)
{
	cli_begin();
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	test_pipe();
	test_terminal();
	test_no_color();
	cli_end();
	return test_end();
}
