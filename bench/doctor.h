/* SPDX-License-Identifier: MIT
 *
 * What is wrong with a machine for measuring, and the command that mends it. Nothing is changed.
 */
#ifndef BENCH_DOCTOR_H
#define BENCH_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "device.h"

enum finding_level { FINDING_OK, FINDING_WARN, FINDING_BAD };

struct finding {
	const char *name;
	enum finding_level level;
	char value[1024];
	const char *why; /* it matters; shown unless all is well */
	char mend[200];  /* a command, or what to do; "": nothing can be done here */
	bool is_command; /* `mend` can be given to a shell as it is */
};

#define FINDINGS_MAX 32

struct findings {
	struct finding at[FINDINGS_MAX];
	int n;
};

struct finding *finding_add(struct findings *f, const char *name, const char *why);

/* What files say: governor, turbo, huge pages, swap, clock source, ... below `root` ("" the system
 * itself; another one for tests). */
void doctor_settings(struct findings *f, const char *root);

/* The commands that mend what is wrong, one a line, each with a comment that says what for: a shell
 * can read it. */
void doctor_hints(const struct findings *f, FILE *to);

/* Threads against cores and quota; where the database lies. */
void doctor_resources(struct findings *f, const struct device *d, const char *db_path);

/* Two seconds of measuring: processor, memory, what others took meanwhile. */
void doctor_watch(struct findings *f, const struct device *d, double seconds);

/* Of a diffusers pipeline directory, one finding per part (inspect.h). ERR_FAILED: not all can be
 * used. */
int doctor_weights(struct findings *f, const char *dir, struct err *e);

#endif
