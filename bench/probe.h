/* SPDX-License-Identifier: MIT
 *
 * Probes: what else is read beside the clock. Each is read around a sample (those with `by_stage`
 * also around a stage), never inside a timed step, and not while a reference block runs. A probe
 * that this machine lacks says why and costs nothing; none of them can fail a run.
 *
 * Sums are differences of counters over the stages of a sample, levels are read at its end. Units
 * are SI base. The time that reading takes is itself measured: probes_cost_s().
 */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include <stdbool.h>
#include <stddef.h>

struct counter_group;

enum probe_kind { PROBE_SUM, PROBE_LEVEL };

struct probe {
	const char *name; /* also the metric's in the database */
	const char *unit, *what;
	enum probe_kind kind;
	bool by_stage;
	const char *source; /* where it is read: "getrusage", "RAPL" */
	char why[160];      /* not available, because; "": available */
};

/* `phase` as in measure.h; stage -1: the whole sample. values: one per probe, NAN: not read. */
struct probe_row {
	int phase, sample, stage;
	const double *values;
};

struct probes;

/* Opens every source. `group` (or NULL) adds the counters of a group, on `threads` threads; it is
 * borrowed. Never fails. */
struct probes *probes_open(const struct counter_group *group, int threads);
void probes_close(struct probes *p); /* NULL is fine, here and below */

int probes_count(const struct probes *p);
const struct probe *probes_at(const struct probes *p, int i);
int probes_find(const struct probes *p, const char *name); /* -1: there is none */

/* The i-th reason why something is not available: "a, b: reason"; false: there are no more. */
bool probes_missing(const struct probes *p, int i, char *text, size_t len);

/* Around a sample and each of its stages. What is not ended by an end is dropped. */
void probes_sample_begin(struct probes *p);
void probes_stage_begin(struct probes *p);
void probes_stage_end(struct probes *p, int phase, int sample, int stage);
void probes_sample_end(struct probes *p, int phase, int sample);

/* All samples so far were of this phase. */
void probes_relabel(struct probes *p, int phase);

/* What happens between the two does not belong to the sample. */
void probes_pause(struct probes *p);
void probes_resume(struct probes *p);

int probes_rows(const struct probes *p);
struct probe_row probes_row(const struct probes *p, int i);

/* Seconds that reading has taken, and how often a set of probes was read. */
double probes_cost_s(const struct probes *p, int *reads);

/* ---- sources (probe_*.c) -----------------------------------------------------------------------
 */

/* Several probes that are read together. read() fills one value per probe; NAN: not to be had. */
struct probe_source {
	const char *name;
	const struct probe *probe;
	int n;
	bool brief_only; /* levels that take long: read at most once in a while */
	/* 0, or -1 with the reason in `why`. `state` is handed to the others. */
	int (*open)(void **state, char *why, size_t len);
	void (*read)(void *state, double *value);
	void (*close)(void *state); /* NULL: nothing to do */
};

extern const struct probe_source probe_usage, probe_queue, probe_steal, probe_memory,
	probe_huge_pages, probe_energy, probe_clock, probe_throttle;

#define PROBE_THROTTLE "throttle_events" /* more than 0: the sample was throttled */
extern const char *probe_throttle_root;  /* where the cpuN are; another place for tests */

/* The tree of power zones below `root` ("/sys/class/powercap"), for probe_energy and its test. */
struct energy;
struct energy *energy_open(const char *root, char *why, size_t len);
void energy_read(struct energy *e, double joules[2]); /* since energy_open: packages, memory;
						      * NAN: no zone of the kind */
void energy_close(struct energy *e);

#endif
