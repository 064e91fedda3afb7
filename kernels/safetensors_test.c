/* SPDX-License-Identifier: MIT
 *
 * Reading safetensors: what is accepted, every refusal, and the conversion of values.
 */
#include "safetensors.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#define T(dtype, shape, a, b) \
	"{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #a "," #b "]}"

/* A file in memory: the header's length, the header, then `values` bytes 0, 1, 2, ... */
static size_t build(char *out, const char *header, size_t values)
{
	uint64_t n = strlen(header);

	memcpy(out, &n, 8);
	memcpy(out + 8, header, n);
	for (size_t i = 0; i < values; i++)
		out[8 + n + i] = (char)i;
	return 8 + n + values;
}

static void accepted(const char *header, size_t values)
{
	char bytes[4096];
	struct err e = { 0 };
	struct st_file *f;

	CHECK(!st_open_memory(&f, "x", bytes, build(bytes, header, values), &e), "%s: %s", header,
	      e.msg);
	st_close(f);
}

static void refused(const char *header, size_t values, const char *sentence)
{
	char bytes[4096];
	struct err e = { 0 };
	struct st_file *f;
	int failed = st_open_memory(&f, "x.st", bytes, build(bytes, header, values), &e);

	CHECK(failed == -ERR_FAILED && !f, "accepted: %s", header);
	CHECK(strncmp(e.msg, "x.st: ", 6) == 0 && strstr(e.msg, sentence),
	      "\"%s\" instead of \"%s\"", e.msg, sentence);
	st_close(f);
}

static void test_accepted(void)
{
	accepted("{}", 0);
	accepted("{}      ", 0);
	accepted("{\"__metadata__\":{\"format\":\"pt\"}}", 0);
	accepted("{\"a\":" T("F32", "[]", 0, 4) "}", 4);
	accepted("{\"a\":" T("F32", "[0,3]", 0, 0) ",\"b\":" T("U8", "[3]", 0, 3) "}", 3);
	accepted("{\"b\":" T("U8", "[3]", 2, 5) ",\"a\":" T("F16", "[1,1]", 0, 2) "}", 5);
	accepted("{\"b\":" T("F8_E4M3", "[1,1,1,1,1,1,1,3]", 0, 3) "}", 3);
}

static void test_refused(void)
{
	refused("[]", 0, "not a JSON object");
	refused(" {}", 0, "not a JSON object");
	refused("{", 0, "not a safetensors file");
	refused("{\"a\"", 0, "damaged");
	refused("{}x", 0, "damaged");
	refused("{\"a\\u0000\":" T("U8", "[1]", 0, 1) "}", 1, "damaged");
	refused("{\"a\xff\":" T("U8", "[1]", 0, 1) "}", 1, "damaged");
	refused("{\"a\":" T("U8", "[1]", 0, 1) ",\"a\":" T("U8", "[1]", 1, 2) "}", 2, "duplicate");
	refused("{\"__metadata__\":[]}", 0, "__metadata__");
	refused("{\"__metadata__\":{\"n\":1}}", 0, "\"n\" is not a string");
	refused("{\"a\":7}", 0, "not described");
	refused("{\"a\":{}}", 0, "not described");
	refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":0}}", 1,
		"not described");
	refused("{\"a\":{\"dtype\":8,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "has no dtype");
	refused("{\"a\":{\"dtype\":\"U8\",\"shapes\":[1],\"data_offsets\":[0,1]}}", 1, "no shape");
	refused("{\"a\":" T("F31", "[1]", 0, 4) "}", 4, "unknown dtype \"F31\"");
	refused("{\"a\":" T("U8", "7", 0, 7) "}", 7, "has no shape");
	refused("{\"a\":" T("U8", "[-1]", 0, 1) "}", 1, "dimension 0 of tensor a");
	refused("{\"a\":" T("U8", "[1,2.0]", 0, 2) "}", 2, "dimension 1 of tensor a");
	refused("{\"a\":" T("U8", "[1,1,1,1,1,1,1,1,1]", 0, 1) "}", 1, "9 dimensions");
	refused("{\"a\":" T("U8", "[4294967296,4294967296]", 0, 0) "}", 0, "impossible shape");
	refused("{\"a\":" T("U8", "[281474976710657]", 0, 0) "}", 0, "impossible shape");
	refused("{\"a\":" T("U8", "[1e3]", 0, 1000) "}", 1000, "not a size");
	refused("{\"a\":" T("U8", "[99999999999999999999]", 0, 1) "}", 1, "damaged");
	refused("{\"a\":" T("F32", "[2]", 0, 7) "}", 7, "has 7 bytes, but [2] of F32 needs 8");
	refused("{\"a\":" T("F32", "[2]", 0, 9) "}", 9, "has 9 bytes");
	refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, "data_offsets");
	refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1,
		"data_offsets");
	refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,\"1\"]}}", 1,
		"data_offsets");
	refused("{\"a\":" T("U8", "[4]", 4, 0) "}", 8, "bytes 4 to 0");
	refused("{\"a\":" T("U8", "[4]", -4, 0) "}", 8, "bytes -4 to 0");
	refused("{\"a\":" T("U8", "[4]", 0, 4) "}", 3, "not copied completely");
	refused("{\"a\":" T("U8", "[4]", 9223372036854775800, 9223372036854775804) "}", 4,
		"the file holds 4");
	refused("{\"a\":" T("U8", "[4]", 0, 4) ",\"b\":" T("U8", "[4]", 3, 7) "}", 7,
		"tensors a and b overlap");
	refused("{\"a\":" T("U8", "[4]", 0, 4) ",\"b\":" T("U8", "[4]", 0, 4) "}", 4, "overlap");
	refused("{\"a\":" T("U8", "[4]", 0, 4) ",\"b\":" T("U8", "[2]", 5, 7) "}", 7,
		"1 bytes before tensor b");
	refused("{\"a\":" T("U8", "[4]", 1, 5) "}", 5, "1 bytes before tensor a");
	refused("{\"a\":" T("U8", "[4]", 0, 4) "}", 6, "2 bytes at its end");
	refused("{}", 1, "1 bytes at its end");
}

static void refused_length(uint64_t length, const char *sentence)
{
	char bytes[64] = "12345678{}";
	struct err e = { 0 };
	struct st_file *f;

	memcpy(bytes, &length, 8);
	CHECK(st_open_memory(&f, "x.st", bytes, sizeof bytes, &e) && strstr(e.msg, sentence),
	      "length %llu: \"%s\"", (unsigned long long)length, e.msg);
	st_close(f);
}

static void test_header_length(void)
{
	refused_length(0, "impossible");
	refused_length(1, "impossible");
	refused_length(57, "header should have 57 bytes");
	refused_length(100000000, "header should have");
	refused_length(100000001, "impossible");
	refused_length((uint64_t)INT64_MAX, "impossible");
	refused_length(UINT64_MAX, "impossible");
	refused_length(UINT64_MAX - 7, "impossible");
}

/* ---- real files ------------------------------------------------------------------------------ */

static char dir[] = "/tmp/safetensors-test-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[2][300];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
	return path[turn];
}

static void save(const char *path, const void *bytes, size_t n)
{
	FILE *f = fopen(path, "wb");

	CHECK(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0, "cannot write %s", path);
}

static void refused_path(const char *path, const char *sentence)
{
	struct err e = { 0 };
	struct st_file *f;

	CHECK(st_open(&f, path, &e) == -ERR_FAILED && strstr(e.msg, sentence) &&
	      strncmp(e.msg, path, strlen(path)) == 0, "%s: \"%s\"", path, e.msg);
	st_close(f);
}

static void test_odd_files(void)
{
	refused_path(in_dir("none"), "No such file");
	refused_path(dir, "is a directory");
	refused_path("/dev/null", "not a regular file");
	mkfifo(in_dir("pipe"), 0600);
	refused_path(in_dir("pipe"), "not a regular file");
	save(in_dir("empty"), "", 0);
	refused_path(in_dir("empty"), "is empty");
	save(in_dir("short"), "123456789", 9);
	refused_path(in_dir("short"), "only 9 bytes long");
	save(in_dir("text"), "Dear reader, this is no table of numbers.", 41);
	refused_path(in_dir("text"), "not a safetensors file");
}

/* Every shorter version of a valid file is refused. */
static void test_truncated(void)
{
	const char *header = "{\"a\":" T("F32", "[5]", 0, 20) ",\"b\":" T("I64", "[3]", 20, 44) "}";
	const char *path = in_dir("cut");
	char bytes[512];
	size_t n = build(bytes, header, 44);
	struct err e = { 0 };
	struct st_file *f;

	for (size_t cut = 0; cut < n; cut++) {
		save(path, bytes, cut);
		refused_path(path, "");
	}
	save(path, bytes, n);
	CHECK(!st_open(&f, path, &e), "%s", e.msg);
	CHECK_INT(st_count(f), 2);
	st_close(f);
}

/* Any single damaged byte of the header is refused or leaves a valid description: never a crash. */
static void test_damaged(void)
{
	const char *header = "{\"a\":" T("F32", "[5]", 0, 20) "}";
	char bytes[512], values[20 * 8];
	size_t n = build(bytes, header, 20);
	int bad = 0;

	for (size_t at = 0; at < n - 20; at++) {
		for (int bit = 0; bit < 8; bit++) {
			struct err e = { 0 };
			struct st_file *f;
			bytes[at] ^= (char)(1 << bit);
			if (st_open_memory(&f, "x", bytes, n, &e))
				bad += e.msg[0] != 0;
			else
				CHECK(st_bytes(st_at(f, 0)) == 20, "%s", "size changed");
			if (f)
				st_read(f, st_at(f, 0), DT_F32, values, &e);
			st_close(f);
			bytes[at] ^= (char)(1 << bit);
		}
	}
	CHECK(bad > 300, "only %d refused", bad);
}

/* The file shrinks after it was opened: an error, not a signal. */
static void test_shrinks(void)
{
	const char *header = "{\"a\":" T("F32", "[5]", 0, 20) "}";
	char bytes[512];
	float values[5];
	struct err e = { 0 };
	struct st_file *f;
	size_t n = build(bytes, header, 20);

	save(in_dir("shrink"), bytes, n);
	CHECK(!st_open(&f, in_dir("shrink"), &e), "%s", e.msg);
	CHECK(truncate(in_dir("shrink"), (off_t)n - 1) == 0, "truncate");
	CHECK(st_read(f, st_at(f, 0), DT_F32, values, &e) && strstr(e.msg, "became shorter"), "%s",
	      e.msg);
	st_close(f);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Reads one tensor of `type` with these bytes; the header's odd length leaves them unaligned. */
static int convert(const char *type, int n, const void *values, size_t size, enum dtype to,
		   void *dst, struct err *e)
{
	static char bytes[1 << 20];
	char header[200];
	struct st_file *f;
	size_t total;
	int failed;

	snprintf(header, sizeof header,
		 "{\"a\":{\"dtype\":\"%s\",\"shape\":[%d],\"data_offsets\":[0,%zu]}}", type, n,
		 (size_t)n * size);
	if (strlen(header) % 2 == 0)
		strcat(header, " ");
	total = build(bytes, header, 0);
	memcpy(bytes + total, values, (size_t)n * size);
	failed = st_open_memory(&f, "x", bytes, total + (size_t)n * size, e);
	CHECK(!failed, "%s", e->msg);
	CHECK(st_find(f, "a") == st_at(f, 0) && !st_find(f, "b"), "find");
	failed = st_read(f, st_at(f, 0), to, dst, e);
	st_close(f);
	return failed;
}

/* The value of a binary16 by its definition. */
static double f16_value(int h)
{
	int exponent = h >> 10 & 31, fraction = h & 1023;
	double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);

	if (exponent == 31)
		magnitude = fraction ? NAN : INFINITY;
	return h & 0x8000 ? -magnitude : magnitude;
}

static void test_f16(void)
{
	static uint16_t all[65536], half[65536];
	static float got[65536];
	struct err e = { 0 };
	int wrong = 0, wrong_half = 0;

	for (int i = 0; i < 65536; i++)
		all[i] = (uint16_t)i;
	CHECK(!convert("F16", 65536, all, 2, DT_F32, got, &e), "%s", e.msg);
	CHECK(!convert("F16", 65536, all, 2, DT_BF16, half, &e), "%s", e.msg);
	for (int i = 0; i < 65536; i++) {
		double want = f16_value(i);
		wrong += isnan(want) ? !isnan(got[i])
				     : got[i] != want || !signbit(got[i]) != !signbit(want);
		wrong_half += half[i] != f32_to_bf16(got[i]);
	}
	CHECK_INT(wrong, 0);
	CHECK_INT(wrong_half, 0);
}

static void test_floats(void)
{
	const double wide[4] = { 1.0 / 3, -1e300, 1e-300, NAN };
	const float single[4] = { 1.0f / 3, -1.00390625f, 65504, INFINITY };
	const uint16_t half[4] = { 0x3eab, 0xbf80, 0x7f80, 0x0001 };
	uint16_t h[4];
	float f[4];
	struct err e = { 0 };

	CHECK(!convert("F64", 4, wide, 8, DT_F32, f, &e), "%s", e.msg);
	CHECK(f[0] == 1.0f / 3 && f[1] == -INFINITY && f[2] == 0 && isnan(f[3]), "F64");
	CHECK(!convert("F32", 4, single, 4, DT_F32, f, &e), "%s", e.msg);
	CHECK(memcmp(f, single, sizeof f) == 0, "F32");
	CHECK(!convert("F32", 4, single, 4, DT_BF16, h, &e), "%s", e.msg);
	CHECK(h[0] == 0x3eab && h[1] == 0xbf80 && h[2] == 0x4780 && h[3] == 0x7f80,
	      "F32 to bf16: %x %x %x %x", h[0], h[1], h[2], h[3]);
	CHECK(!convert("BF16", 4, half, 2, DT_F32, f, &e), "%s", e.msg);
	CHECK(f[0] == 0.333984375f && f[1] == -1 && f[2] == INFINITY && f[3] == 0x1p-133f, "BF16");
	CHECK(!convert("BF16", 4, half, 2, DT_BF16, h, &e), "%s", e.msg);
	CHECK(memcmp(h, half, sizeof h) == 0, "BF16");
	CHECK(convert("F8_E4M3", 4, wide, 1, DT_F32, f, &e) && strstr(e.msg, "8-bit"), "%s", e.msg);
}

static void test_integers(void)
{
	const int64_t ids[3] = { 49407, INT32_MIN, INT32_MAX };
	const int64_t big[2] = { 0, 1ll + INT32_MAX }, low[2] = { 0, -1ll + INT32_MIN };
	const uint64_t huge[2] = { 0, UINT64_MAX };
	const int32_t exact[2] = { 1 << 24, -(1 << 24) }, inexact[2] = { 0, (1 << 24) + 1 };
	const uint8_t small[4] = { 0, 1, 128, 255 };
	int32_t i[4];
	float f[4];
	struct err e = { 0 };

	CHECK(!convert("I64", 3, ids, 8, DT_I32, i, &e), "%s", e.msg);
	CHECK(i[0] == 49407 && i[1] == INT32_MIN && i[2] == INT32_MAX, "I64");
	CHECK(!convert("U8", 4, small, 1, DT_I32, i, &e) && i[3] == 255, "U8");
	CHECK(!convert("I8", 4, small, 1, DT_F32, f, &e) && f[2] == -128 && f[3] == -1, "I8");
	CHECK(!convert("I32", 2, exact, 4, DT_F32, f, &e) && f[1] == -16777216.0f, "I32");
	CHECK(!e.code, "%s", e.msg);
	CHECK(convert("I32", 2, inexact, 4, DT_F32, f, &e) && strstr(e.msg, "range"), "%s", e.msg);
	e.code = 0;
	CHECK(convert("I64", 2, big, 8, DT_I32, i, &e) && strstr(e.msg, "range"), "%s", e.msg);
	e.code = 0;
	CHECK(convert("I64", 2, low, 8, DT_I32, i, &e) && strstr(e.msg, "range"), "%s", e.msg);
	e.code = 0;
	CHECK(convert("U64", 2, huge, 8, DT_I32, i, &e) && strstr(e.msg, "range"), "%s", e.msg);
	e.code = 0;
	CHECK(convert("F32", 2, exact, 4, DT_I32, i, &e) && strstr(e.msg, "integers"), "%s", e.msg);
}

/* Large enough for all threads, not a multiple of a block. */
static void test_large(void)
{
	enum { N = 1200001 };
	uint16_t *half = malloc(N * sizeof *half);
	float *f = malloc(N * sizeof *f);
	char *bytes = malloc(100 + N * 2);
	struct st_file *file;
	struct err e = { 0 };
	long long wrong = 0;
	size_t n = build(bytes, "{\"a\":" T("BF16", "[1200001]", 0, 2400002) "}", 0);

	for (int i = 0; i < N; i++)
		half[i] = (uint16_t)(i % 30011);
	memcpy(bytes + n, half, N * 2);
	save(in_dir("large"), bytes, n + N * 2);
	CHECK(!st_open(&file, in_dir("large"), &e), "%s", e.msg);
	CHECK(!st_read(file, st_at(file, 0), DT_F32, f, &e), "%s", e.msg);
	for (int i = 0; i < N; i++)
		wrong += f[i] != bf16_to_f32(half[i]);
	CHECK_INT(wrong, 0);
	CHECK(truncate(in_dir("large"), (off_t)n + N) == 0, "truncate");
	CHECK(st_read(file, st_at(file, 0), DT_F32, f, &e) && strstr(e.msg, "shorter"), "%s",
	      e.msg);
	st_close(file);
	free(half);
	free(f);
	free(bytes);
}

static void remove_files(void)
{
	static const char *const name[] = { "pipe", "empty", "short", "text", "cut", "shrink",
					    "large" };
	for (int i = 0; i < 7; i++)
		unlink(in_dir(name[i]));
	rmdir(dir);
}

int main(void)
{
	if (!mkdtemp(dir))
		return test_skip("no directory for temporary files");
	test_accepted();
	test_refused();
	test_header_length();
	test_odd_files();
	test_truncated();
	test_damaged();
	test_shrinks();
	test_f16();
	test_floats();
	test_integers();
	test_large();
	remove_files();
	return test_end();
}
