/* SPDX-License-Identifier: MIT
 *
 * What two measurements must have in common to be compared. Hard keys (processor, kernel, threads,
 * settings, weights, ...) must be equal, unless a difference is what is studied and named with
 * --vary KEY. Soft keys (load, free memory, temperature, ...) may differ; a large difference is
 * worth a warning.
 */
#ifndef BENCH_FINGERPRINT_H
#define BENCH_FINGERPRINT_H

#include <jansson.h>
#include <stdbool.h>

#include "db.h"
#include "err.h"

/*
 * A fingerprint is {"hard": {key: value, ...}, "soft": {...}}, as `bench run --json` prints it.
 * Hard: cpu_model, microcode, kernel, os, libc, governor, turbo, smt, cores, memory_gib, compiler,
 * cflags, libraries, workload, spec (a hash), isa, threads, backend, and every setting by its own
 * name (dtype, seed, weights, ...). Soft: load_1min, available_bytes, uptime_s, temperature_c,
 * container. What is unknown is left out.
 * Owned by the caller; `run` needs host, build, workload, config and env_json.
 */
json_t *fingerprint_of(const struct db_run *run);

/* What may differ. Names are as in the fingerprint. */
struct fingerprint_rule {
	const char *const *vary; /* hard keys that are meant to differ */
	int n_vary;
	bool builds; /* two builds are compared: compiler, flags, libraries may differ, and what a
		      * build makes of a workload (spec, settings) is a finding, not an obstacle */
};

/*
 * Compares hard keys that both know. Returns 0, or ERR_INCOMPARABLE with all differing keys, their
 * values and the way out. note() gets one sentence for each difference that is allowed and for each
 * soft key that is far off; or NULL.
 */
int fingerprint_compare(const json_t *a, const json_t *b, const struct fingerprint_rule *rule,
			void (*note)(void *arg, const char *sentence), void *arg, struct err *e);

/* Whether either fingerprint has this hard key; an unknown --vary is refused with a suggestion. */
int fingerprint_check_key(const json_t *a, const json_t *b, const char *key, struct err *e);

#endif
