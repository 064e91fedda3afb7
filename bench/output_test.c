/* SPDX-License-Identifier: MIT
 *
 * Places that cannot be written are refused before the run, and the check itself makes, empties and
 * changes nothing. Permissions are tried as somebody who is not root.
 */
#include "output.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static char folder[] = "/tmp/bench-output-XXXXXX";

static void refused(const char *path, enum output_how how, const char *sentence)
{
	struct err e = { 0 };

	CHECK(output_check_file("save", path, how, &e) == -ERR_USAGE, "%s is taken", path);
	CHECK(strstr(e.msg, path) && strstr(e.msg, sentence) && strstr(e.msg, "--save"),
	      "\"%s\" lacks \"%s\"", e.msg, sentence);
}

static void taken(const char *path, enum output_how how)
{
	struct err e = { 0 };

	CHECK(output_check_file("save", path, how, &e) == 0, "%s", e.msg);
}

static void make_file(const char *path, const char *text, int mode)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
	      fchmod(fd, (mode_t)mode) == 0, "%s", path);
	close(fd);
}

static void test_places(void)
{
	char longest[400];
	struct stat st;

	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	make_file("old", "twelve bytes", 0600);
	mkdir("d", 0700);
	taken("new", OUTPUT_IN_PLACE);
	taken("d/new", OUTPUT_REPLACED);
	taken("old", OUTPUT_IN_PLACE);
	taken("old", OUTPUT_REPLACED);
	taken("/dev/null", OUTPUT_IN_PLACE);
	refused("d", OUTPUT_IN_PLACE, "is a directory");
	refused("none/new", OUTPUT_IN_PLACE, "No such file or directory; make it first");
	refused("old/new", OUTPUT_IN_PLACE, "Not a directory");
	refused(longest, OUTPUT_IN_PLACE, "too long");
	refused("", OUTPUT_IN_PLACE, "No such file");
	refused("/dev/null", OUTPUT_REPLACED, "is not a regular file");
	CHECK(access("new", F_OK) && access("d/new", F_OK), "a file was made");
	CHECK(stat("old", &st) == 0 && st.st_size == 12, "the file was emptied");
}

/* In a child that gave up being root. */
static void permissions(void)
{
	if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
		return;
	taken("open/ours", OUTPUT_REPLACED);
	refused("open/theirs", OUTPUT_IN_PLACE, "Permission denied; name another file");
	taken("closed/ours", OUTPUT_IN_PLACE);
	refused("closed/ours", OUTPUT_REPLACED, "Permission denied; name another place");
	refused("closed/new", OUTPUT_IN_PLACE, "Permission denied; name another place");
}

static void test_permissions(void)
{
	int status = -1;
	pid_t pid;

	chmod(folder, 0755);
	mkdir("open", 0777);
	mkdir("closed", 0777);
	make_file("open/ours", "", 0666);
	make_file("open/theirs", "", 0444);
	make_file("closed/ours", "", 0666);
	chmod("open", 0777);
	chmod("closed", 0555);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		test_failed = 0;
		permissions();
		fflush(stdout);
		_exit(test_failed ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
	chmod("closed", 0755);
}

static void test_names(void)
{
	struct err e = { 0 };

	CHECK(!output_check_path("a.png", &e) && !output_check_path("a.safetensors", &e), "%s",
	      e.msg);
	CHECK(output_check_path("a.jpg", &e) == -ERR_USAGE && strstr(e.msg, ".png"), "%s", e.msg);
	e = (struct err){ 0 };
	CHECK(output_check_path("d", &e) == -ERR_USAGE && strstr(e.msg, "is a directory"), "%s",
	      e.msg);
}

int main(void)
{
	char command[64];

	if (!mkdtemp(folder) || chdir(folder))
		return test_skip("no temporary directory");
	test_places();
	test_permissions();
	test_names();
	snprintf(command, sizeof command, "rm -r %s", folder);
	CHECK_INT(system(command), 0);
	return test_end();
}
