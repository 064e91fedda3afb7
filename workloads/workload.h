/* SPDX-License-Identifier: MIT
 *
 * What the program knows of a workload: named settings, presets, and an instance with stages that
 * are run step by step. A new model is a new family in registry.c; nothing else changes.
 *
 * A stage is a piece of the pipeline that is repeated: "text" once, "denoise" once per sampler
 * step, "decode" once. All repetitions of a stage issue the same sequence of ops with the same
 * shapes, so one dry pass of a stage gives its parameters, its cost and its memory plan.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "ctx.h"
#include "err.h"

/* ---- settings ---------------------------------------------------------------------------------
 */

enum setting_type { SETTING_INT, SETTING_REAL, SETTING_CHOICE, SETTING_TEXT, SETTING_PATH };

/* One row per setting: parser, help, `bench show` and the identity in the database derive from it.
 */
struct setting_def {
	const char *key, *help;
	enum setting_type type;
	const char *fallback; /* default as text; NULL: not set */
	double min, max;      /* INT and REAL, inclusive */
	int64_t multiple;     /* INT: must be a multiple of this; 0: any */
	const char *choices;  /* CHOICE: "fp32|bf16" */
	bool identity;        /* part of what is measured (stored and hashed) */
};

#define SETTINGS_MAX 32

struct settings {
	const struct setting_def *def;
	int n;
	char *value[SETTINGS_MAX]; /* owned; NULL: not set */
};

/* Unknown keys (with the nearest name) and bad values are refused; the old value stays. */
int settings_set(struct settings *s, const char *key, const char *value, struct err *e);
int64_t settings_int(const struct settings *s, const char *key); /* unknown key: a bug */
double settings_real(const struct settings *s, const char *key);
const char *settings_text(const struct settings *s, const char *key); /* NULL: not set */
void settings_clear(struct settings *s);

/* ---- presets and families ---------------------------------------------------------------------
 */

struct workload;

struct family {
	const char *name, *summary;
	const char *task; /* "text-to-image": what results may be compared with each other */
	const struct setting_def *settings;
	int n_settings;
	/* Reads configurations (not weights) and fixes the stages. Settings that were left open and
	 * that the model decides (image size) are filled in. NULL on error. */
	struct workload *(*create)(struct settings *s, struct err *e);
};

/* A named point of a family: `bench run NAME`. Each has a sibling NAME-mini of small widths. */
struct preset {
	const char *name, *summary;
	const struct family *family;
	const char *const *set; /* key, value, key, value, ..., NULL */
};

extern const struct preset presets[];
extern const int n_presets;

const struct preset *preset_find(const char *name,
				 struct err *e); /* NULL: unknown, with the nearest */
int preset_settings(const struct preset *p, struct settings *s,
		    struct err *e); /* defaults + preset */

/* ---- an instance ------------------------------------------------------------------------------
 */

struct stage {
	const char *name; /* "text", "denoise", "decode" */
	int steps;        /* how often step() is called for it, i = 0 .. steps-1 */
};

#define STAGES_MAX 8

struct workload {
	const struct family *family;
	struct stage stage[STAGES_MAX];
	int n_stages;
	enum dtype dtype;
	int images;               /* per run of all stages: the unit of throughput */
	struct weights *weights;  /* owned; sources attached by create */
	const char *const
		*parts; /* scope prefixes with their own parameter counts, NULL-terminated */
	/* Issues the ops of step i of a stage. Results are left in states ("latents", "image"). */
	void (*step)(struct workload *w, struct ctx *c, int stage, int i);
	void (*destroy)(struct workload *w);
};

#endif
