/* SPDX-License-Identifier: MIT
 *
 * What makes two measurements comparable: equal ones pass, each hard key refuses by itself, --vary
 * lifts exactly one, soft keys only warn, and two builds may differ in what a build decides.
 */
#include "fingerprint.h"

#include <string.h>

#include "test.h"

static const struct db_run like = {
	.host = { .cpu_model = "CPU X", .kernel = "Linux 6.1", .cores = 2, .turbo = 1, .smt = -1,
		  .mem_bytes = 8LL << 30 },
	.build = { .version = "1", .compiler = "gcc 12", .cflags = "-O2",
		   .libs_json = "{\"dnn\":\"2.6\"}" },
	.workload = { "w", "f", "t", "{\"a\":1,\"b\":2}" },
	.config = { .params_json = "{\"dtype\":\"fp32\",\"threads\":2,\"steps\":20}" },
	.env_json = "{\"load_1min\":0.1,\"available_bytes\":4000000000,\"container\":\"\"}",
};

static char notes[2048];

static void note(void *arg, const char *sentence)
{
	(void)arg;
	strncat(notes, sentence, sizeof notes - strlen(notes) - 1);
	strncat(notes, "\n", sizeof notes - strlen(notes) - 1);
}

static int compare(const struct db_run *other, struct fingerprint_rule rule, struct err *e)
{
	json_t *a = fingerprint_of(&like), *b = fingerprint_of(other);
	int rc;

	*e = (struct err){ 0 };
	notes[0] = 0;
	rc = fingerprint_compare(a, b, &rule, note, NULL, e);
	json_decref(a);
	json_decref(b);
	return rc;
}

static void check_refused(const struct db_run *other, const char *text)
{
	struct err e;

	CHECK_INT(compare(other, (struct fingerprint_rule){ 0 }, &e), -ERR_INCOMPARABLE);
	CHECK(strstr(e.msg, text), "%s", e.msg);
}

static void test_equal(void)
{
	struct db_run b = like;
	struct err e;

	b.workload.spec_json = "{ \"b\": 2, \"a\": 1 }"; /* the same in another order */
	b.host.governor = "performance";                 /* unknown to the other */
	b.build.version = "2";
	CHECK(!compare(&b, (struct fingerprint_rule){ 0 }, &e), "%s", e.msg);
	CHECK_STR(notes, "");
}

static void test_hard(void)
{
	struct db_run b = like;
	const char *vary[] = { "dtype" }, *other[] = { "steps" };
	struct fingerprint_rule lift = { vary, 1, false }, wrong = { other, 1, false };
	struct err e;

	b.host.cpu_model = "CPU Y";
	check_refused(&b, "cpu_model (CPU X, CPU Y)");
	b = like;
	b.host.turbo = 0;
	check_refused(&b, "turbo (true, false)");
	b = like;
	b.workload.spec_json = "{\"a\":1,\"b\":3}";
	check_refused(&b, "--vary spec");
	b = like;
	b.config.params_json = "{\"dtype\":\"bf16\",\"threads\":2,\"steps\":20}";
	check_refused(&b, "dtype (fp32, bf16)");
	CHECK(!compare(&b, lift, &e), "%s", e.msg);
	CHECK_STR(notes, "A and B differ in dtype (fp32, bf16)\n");
	CHECK_INT(compare(&b, wrong, &e), -ERR_INCOMPARABLE);
	b.host.kernel = "Linux 6.2";
	CHECK_INT(compare(&b, lift, &e), -ERR_INCOMPARABLE);
	CHECK(!strstr(e.msg, "dtype") && strstr(e.msg, "kernel"), "%s", e.msg);
}

static void test_builds(void)
{
	struct db_run b = like;
	struct fingerprint_rule builds = { .builds = true };
	struct err e;

	b.build.compiler = "clang 15";
	b.workload.spec_json = "{\"a\":1,\"b\":3}";
	b.config.params_json = "{\"dtype\":\"fp32\",\"threads\":2,\"steps\":25}";
	CHECK(!compare(&b, builds, &e), "%s", e.msg);
	CHECK(strstr(notes, "compiler") && strstr(notes, "steps (20, 25)"), "%s", notes);
	b.config.params_json = "{\"dtype\":\"fp32\",\"threads\":4,\"steps\":20}";
	CHECK_INT(compare(&b, builds, &e), -ERR_INCOMPARABLE);
	CHECK(strstr(e.msg, "threads (2, 4)"), "%s", e.msg);
}

/* A run that was slowed down on purpose is not like one that was not, on whichever side it is. */
static void test_injection(void)
{
	struct db_run slow = like;
	const char *vary[] = { "inject" };
	struct fingerprint_rule none = { 0 }, meant = { vary, 1, false };
	json_t *a, *b;
	struct err e = { 0 };

	slow.config.params_json =
		"{\"dtype\":\"fp32\",\"threads\":2,\"steps\":20,\"inject\":\"denoise=5\"}";
	check_refused(&slow, "inject (none, denoise=5)");
	CHECK(!compare(&slow, meant, &e), "%s", e.msg);
	a = fingerprint_of(&slow);
	b = fingerprint_of(&like);
	CHECK_INT(fingerprint_compare(a, b, &none, note, NULL, &e), -ERR_INCOMPARABLE);
	CHECK(strstr(e.msg, "inject (denoise=5, none)"), "%s", e.msg);
	json_decref(a);
	json_decref(b);
}

static void test_soft(void)
{
	struct db_run b = like;
	struct err e;

	b.env_json = "{\"load_1min\":0.3,\"available_bytes\":3000000000,\"container\":\"\"}";
	CHECK(!compare(&b, (struct fingerprint_rule){ 0 }, &e), "%s", e.msg);
	CHECK_STR(notes, "");
	b.env_json = "{\"load_1min\":3,\"available_bytes\":1000000000,\"container\":\"docker\"}";
	CHECK(!compare(&b, (struct fingerprint_rule){ 0 }, &e), "%s", e.msg);
	CHECK(strstr(notes, "load average") && strstr(notes, "free memory") &&
	      strstr(notes, "container"), "%s", notes);
	b.env_json = NULL;
	CHECK(!compare(&b, (struct fingerprint_rule){ 0 }, &e), "%s", e.msg);
}

static void test_keys(void)
{
	json_t *a = fingerprint_of(&like);
	struct err e = { 0 };

	CHECK(!fingerprint_check_key(a, a, "dtype", &e), "%s", e.msg);
	CHECK_INT(fingerprint_check_key(a, a, "dtyp", &e), -ERR_USAGE);
	CHECK(strstr(e.msg, "did you mean dtype?"), "%s", e.msg);
	json_decref(a);
}

int main(void)
{
	test_equal();
	test_hard();
	test_builds();
	test_injection();
	test_soft();
	test_keys();
	return test_end();
}
