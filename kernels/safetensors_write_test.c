/* SPDX-License-Identifier: MIT
 *
 * Writing safetensors: the layout of the Python package, round trips, and targets that refuse.
 */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "safetensors.h"
#include "test.h"

static char dir[] = "/tmp/safetensors-test-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[300];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static int files_in_dir(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n - 2;
}

static const float three[3] = { 1, -2, 0.5f };
static const uint16_t half[2] = { 0x3c00, 0xc000 };
static const int64_t id[1] = { 49407 };
static const uint8_t flag[5] = { 1, 0, 1, 0, 1 };
static const struct st_tensor some[] = {
	{ .name = "b.weight", .dtype = ST_F32, .ndim = 1, .dim = { 3 }, .data = three },
	{ .name = "mask", .dtype = ST_BOOL, .ndim = 2, .dim = { 1, 5 }, .data = flag },
	{ .name = "position_ids", .dtype = ST_I64, .ndim = 0, .data = id },
	{ .name = "h", .dtype = ST_F16, .ndim = 4, .dim = { 2, 1, 1, 1 }, .data = half },
	{ .name = "B \"quoted\"", .dtype = ST_F32, .ndim = 2, .dim = { 0, 7 }, .data = NULL },
};
#define SOME (int)(sizeof some / sizeof some[0])

/* What safetensors.torch.save_file(..., metadata={"format": "pt"}) writes for the same tensors. */
static const char header[] =
	"{\"__metadata__\":{\"format\":\"pt\"},"
	"\"position_ids\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
	"\"B \\\"quoted\\\"\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[8,8]},"
	"\"b.weight\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[8,20]},"
	"\"h\":{\"dtype\":\"F16\",\"shape\":[2,1,1,1],\"data_offsets\":[20,24]},"
	"\"mask\":{\"dtype\":\"BOOL\",\"shape\":[1,5],\"data_offsets\":[24,29]}}";

static void test_layout(void)
{
	char bytes[1024];
	uint64_t length;
	struct err e = { 0 };
	FILE *f;
	size_t n, text = strlen(header);

	CHECK(!st_write(in_dir("a"), some, SOME, &e), "%s", e.msg);
	f = fopen(in_dir("a"), "rb");
	n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
	if (f)
		fclose(f);
	CHECK_INT(n, 8 + (text + 7) / 8 * 8 + 29);
	CHECK_INT(st_file_bytes(some, SOME), n);
	memcpy(&length, bytes, 8);
	CHECK_INT(length, (text + 7) / 8 * 8);
	CHECK(memcmp(bytes + 8, header, text) == 0, "header: %.*s", (int)length, bytes + 8);
	for (size_t i = text; i < length; i++)
		CHECK_INT(bytes[8 + i], ' ');
	CHECK_INT(files_in_dir(), 1);
}

static void test_round_trip(void)
{
	struct err e = { 0 };
	struct st_file *f;
	float got[3];
	int32_t number;
	struct stat st;

	CHECK(!st_open(&f, in_dir("a"), &e), "%s", e.msg);
	CHECK_INT(st_count(f), SOME);
	for (int i = 0; i < SOME; i++) {
		const struct st_tensor *t = st_find(f, some[i].name);
		CHECK(t && t->dtype == some[i].dtype && t->ndim == some[i].ndim &&
		      memcmp(t->dim, some[i].dim, sizeof t->dim) == 0, "%s", some[i].name);
	}
	CHECK(!st_read(f, st_find(f, "b.weight"), DT_F32, got, &e), "%s", e.msg);
	CHECK(memcmp(got, three, sizeof got) == 0, "b.weight");
	CHECK(!st_read(f, st_find(f, "position_ids"), DT_I32, &number, &e), "%s", e.msg);
	CHECK_INT(number, 49407);
	st_close(f);
	CHECK(!stat(in_dir("a"), &st) && !(st.st_mode & 0111) && (st.st_mode & 0400), "mode %o",
	      (unsigned)st.st_mode);
}

/* The header is padded to a multiple of 8 whatever the length of the names. */
static void test_padding(void)
{
	char name[10] = "";

	for (int i = 0; i < 9; i++) {
		struct st_tensor t = { .name = name, .dtype = ST_U8, .ndim = 1, .dim = { 8 } };
		name[i] = 'a';
		CHECK_INT(st_file_bytes(&t, 1) % 8, 0);
	}
}

static void test_empty(void)
{
	struct err e = { 0 };
	struct st_file *f;

	CHECK(!st_write(in_dir("none"), NULL, 0, &e), "%s", e.msg);
	CHECK(!st_open(&f, in_dir("none"), &e), "%s", e.msg);
	CHECK_INT(st_count(f), 0);
	st_close(f);
	unlink(in_dir("none"));
}

static void refused(const char *path, const char *sentence)
{
	struct err e = { 0 };
	int before = files_in_dir();

	CHECK(st_write(path, some, SOME, &e) == -ERR_FAILED, "%s was written", path);
	CHECK(strstr(e.msg, sentence) && strncmp(e.msg, path, strlen(path)) == 0, "\"%s\"", e.msg);
	CHECK_INT(files_in_dir(), before);
}

/* As on a full disk: the file that was there stays as it was, and no piece is left behind. */
static void test_no_room(void)
{
	static float large[100000];
	struct st_tensor t = { .name = "x", .dtype = ST_F32, .ndim = 1, .dim = { 100000 },
			       .data = large };
	struct rlimit old, small;
	struct err e = { 0 };
	struct st_file *f;

	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 65536;
	signal(SIGXFSZ, SIG_IGN);
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0, "setrlimit");
	CHECK(st_write(in_dir("a"), &t, 1, &e) == -ERR_FAILED && strstr(e.msg, "too large"), "%s",
	      e.msg);
	setrlimit(RLIMIT_FSIZE, &old);
	CHECK_INT(files_in_dir(), 1);
	e.code = 0;
	CHECK(!st_open(&f, in_dir("a"), &e) && st_count(f) == SOME, "%s", e.msg);
	st_close(f);
}

static void test_targets(void)
{
	CHECK(mkdir(in_dir("sub"), 0755) == 0, "mkdir");
	refused(in_dir("sub"), "is a directory");
	refused(in_dir("nowhere/file"), "No such file");
	refused(in_dir("a/file"), "Not a directory");
	CHECK(mkfifo(in_dir("pipe"), 0600) == 0, "mkfifo");
	refused(in_dir("pipe"), "not a regular file");
	unlink(in_dir("pipe"));
	rmdir(in_dir("sub"));
}

int main(void)
{
	if (!mkdtemp(dir))
		return test_skip("no directory for temporary files");
	test_layout();
	test_round_trip();
	test_padding();
	test_empty();
	test_targets();
	test_no_room();
	unlink(in_dir("a"));
	CHECK(rmdir(dir) == 0, "files are left");
	return test_end();
}
