/* SPDX-License-Identifier: MIT
 *
 * Settings: what is accepted, how it is written down, and the sentences of refusals.
 */
#include "test.h"
#include "workload.h"

static const struct setting_def defs[] = {
	{ "steps", "n", SETTING_INT, "20", 1, 1000, .identity = true },
	{ "height", "n", SETTING_INT, NULL, 8, 1024, .multiple = 8 },
	{ "guidance", "x", SETTING_REAL, "5", 0, .max = 100 },
	{ "dtype", "c", SETTING_CHOICE, "bf16", .choices = "bf16|fp32" },
	{ "prompt", "t", SETTING_TEXT, .fallback = NULL },
	{ "weights", "p", SETTING_PATH, .fallback = NULL },
};

static struct settings fresh(void)
{
	return (struct settings){ .def = defs, .n = sizeof defs / sizeof *defs };
}

static void accept(const char *key, const char *value, const char *want)
{
	struct settings s = fresh();
	struct err e = { 0 };

	CHECK(settings_set(&s, key, value, &e) == 0, "%s", e.msg);
	CHECK(settings_text(&s, key), "%s is not set", key);
	if (settings_text(&s, key))
		CHECK_STR(settings_text(&s, key), want);
	settings_clear(&s);
}

/* Refused with a sentence that contains `part`; the old value stays. */
static void refuse(const char *key, const char *value, const char *part)
{
	struct settings s = fresh();
	struct err e = { 0 };

	settings_set(&s, "steps", "7", &e);
	CHECK_INT(settings_set(&s, key, value, &e), -ERR_USAGE);
	CHECK_INT(e.code, ERR_USAGE);
	CHECK(strstr(e.msg, part), "\"%s\" lacks \"%s\"", e.msg, part);
	CHECK_INT(settings_int(&s, "steps"), 7);
	settings_clear(&s);
}

static void test_values(void)
{
	accept("steps", "020", "20");
	accept("steps", "1000", "1000");
	accept("height", "1024", "1024");
	accept("guidance", "8.0", "8");
	accept("guidance", "7.50", "7.5");
	accept("guidance", "0.1", "0.1");
	accept("dtype", "fp32", "fp32");
	accept("prompt", "", "");
	accept("weights", "a/b", "a/b");

	refuse("step", "1", "did you mean \"steps\"");
	refuse("zzzzzzzzzz", "1", "there is no setting \"zzzzzzzzzz\"");
	refuse("steps", "0", "between 1 and 1000");
	refuse("steps", "1001", "between 1 and 1000");
	refuse("steps", "99999999999999999999", "not a whole number");
	refuse("steps", "2x", "not a whole number");
	refuse("steps", "", "not a whole number");
	refuse("height", "100", "a multiple of 8, such as 104");
	refuse("guidance", "nan", "not a number");
	refuse("guidance", "-1", "between 0 and 100");
	refuse("dtype", "fp31", "did you mean \"fp32\"");
	refuse("dtype", "", "one of bf16|fp32");
	refuse("weights", "", "needs the name");
}

static void test_presets(void)
{
	struct err e = { 0 };
	struct settings s;

	for (int i = 0; i < n_presets; i++) {
		bool mini = strstr(presets[i].name, "-mini") != NULL;
		char sibling[64];
		CHECK(preset_settings(&presets[i], &s, &e) == 0, "%s: %s", presets[i].name, e.msg);
		settings_clear(&s);
		snprintf(sibling, sizeof sibling, "%s%s", presets[i].name, mini ? "" : "-mini");
		CHECK(preset_find(sibling, &e), "%s", e.msg);
	}
	preset_settings(preset_find("sdxl-20steps", &e), &s, &e);
	CHECK_INT(settings_int(&s, "steps"), 20);
	CHECK_NEAR(settings_real(&s, "guidance"), 8, 0);
	settings_clear(&s);
	CHECK(!preset_find("sdxl-20step", &e), "found");
	CHECK(strstr(e.msg, "did you mean \"sdxl-20steps\""), "%s", e.msg);
}

/* Creates the preset with one more setting; expects a refusal that contains `part`, or success. */
static void create(const char *key, const char *value, const char *part)
{
	struct err e = { 0 };
	const struct preset *p = preset_find("sdxl-20steps-mini", &e);
	struct workload *w = NULL;
	struct settings s;

	preset_settings(p, &s, &e);
	if (settings_set(&s, key, value, &e) == 0)
		w = p->family->create(&s, &e);
	CHECK(!w == !!part, "%s=%s: %s", key, value, e.msg);
	if (part)
		CHECK(strstr(e.msg, part), "\"%s\" lacks \"%s\"", e.msg, part);
	if (w) {
		CHECK_INT(settings_int(&s, "height"), 128);
		w->destroy(w);
	}
	settings_clear(&s);
}

static void test_create(void)
{
	create("seed", "7", NULL);
	create("height", "136", "multiple of 32");
	create("weights", "/nonexistent", "/nonexistent/model_index.json");
	create("latents", "/nonexistent", "/nonexistent");
}

int main(void)
{
	test_values();
	test_presets();
	test_create();
	return test_end();
}
