/* SPDX-License-Identifier: MIT
 *
 * The store: every run, sample and calibration in one SQLite file. This folder knows SQLite and
 * nothing of models or tensors; callers fill plain structs and never write SQL for storing.
 *
 *	struct db *db;
 *	if (db_open(&db, "bench.db", DB_CREATE) || db_begin_run(db, &run))
 *		complain(db_error(db));         // before the long work: nothing was spent yet
 *	... the timed region; fill run.samples, run.status ...
 *	if (db_put_run(db, &run, &run_id) && db_spool_run(db, NULL, &run))
 *		complain(db_error(db));
 *	db_close(db);
 *
 * Functions return 0 or a negative enum db_code; db_error() then holds one sentence that names
 * the file, the reason and the way out. Strings are UTF-8, belong to the caller, are copied, and
 * may be NULL where the comment says "or NULL". Times are ns since 1970 UTC, durations seconds,
 * other units SI base ("s", "B", "1/s", "MAC", "FLOP/s", "1"). A handle belongs to one thread.
 */
#ifndef BENCH_DB_H
#define BENCH_DB_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct db;

enum db_code {
	DB_OK = 0,
	DB_ERR_PATH = -1,     /* no such file or directory, or it cannot be opened */
	DB_ERR_READONLY = -2, /* may be read but not written */
	DB_ERR_FULL = -3,     /* no space left, or a file-size limit */
	DB_ERR_LOCKED = -4,   /* another process held it longer than ten seconds */
	DB_ERR_NOTDB = -5,    /* not a database, or not one of this program */
	DB_ERR_NEWER = -6,    /* written by a newer version of this program */
	DB_ERR_CORRUPT = -7,  /* damaged; db_check says where */
	DB_ERR_INPUT = -8,    /* the caller's SQL, JSON, file or run is wrong */
	DB_ERR_IO = -9,       /* any other failure of the disk or of SQLite */
	DB_ERR_NOMEM = -10,
	DB_ERR_CONFLICT = -11, /* this identity is stored with another content, which stays */
	DB_ERR_NOLOCK = -12,   /* the file system cannot lock files */
};

enum db_flags {
	DB_CREATE = 1,   /* make the file when it is missing */
	DB_READONLY = 2, /* never write: an older file is migrated in memory */
	DB_NO_SPOOL = 4, /* fail where the file system cannot lock, rather than spool */
};

/* ------------------------------------------------------------------------------- opening -- */

/*
 * Without DB_READONLY: migrates an older file (after a backup beside it, FILE.vN.backup), and
 * proves by a real write transaction and a look at the free space that a result can be stored.
 * *out is set on failure too (NULL only without memory), for db_error(); close it in any case.
 * ":memory:" is a database that is not kept.
 */
int db_open(struct db **out, const char *path, unsigned flags);
void db_close(struct db *db); /* NULL is fine */

/* The sentence of the last failure; "" when there was none; a fixed sentence for NULL. */
const char *db_error(const struct db *db);
const char *db_path(const struct db *db);
const char *db_spool_path(const struct db *db); /* FILE.spool.jsonl, beside the database */

/* Where the file system cannot lock (NFS, CIFS, Lustre, FUSE, 9p, ..., or locks that fail), a
 * handle opened for writing keeps all that is stored in the spool, to be imported into a database
 * on a local disk; run ids are then 0. The reason, or NULL: this is a database. The environment
 * variable BENCH_DB_LOCKING=yes trusts the locks of any file system, =no of none. */
const char *db_spooling(const struct db *db);

/* Name of a shared file system, on which locks are not trusted, by its statfs.f_type; or NULL. */
const char *db_fs_is_shared(unsigned long fs_type);

int db_schema_version(void);                    /* of this program */
int db_file_version(const struct db *db);       /* of the file when it was opened; 0: it is new */

void db_uuid(char out[37]);  /* random, version 4 */
int64_t db_now_unix_ns(void);

/* ------------------------------------------------------------------------- what a run is -- */

/* The machine. Its fingerprint is the SHA-256 of every field but `extra_json`, the memory rounded
 * to GiB, so that a reboot is the same machine and another kernel is not. */
struct db_host {
	const char *machine;   /* stable name of the machine, hashed before it is stored; or NULL */
	const char *cpu_model; /* as the processor names itself */
	const char *isa;       /* "avx2 avx512 bf16": instruction sets that may be used */
	const char *microcode, *kernel, *os, *libc, *governor; /* or NULL */
	int sockets, cores, threads, numa_nodes;               /* 0: unknown */
	int turbo, smt;                                        /* 1, 0, or -1: unknown */
	int64_t mem_bytes;
	const char *extra_json; /* anything else, a JSON object, or NULL; of the newest run */
};

struct db_build {
	const char *version;              /* "0.1.0" */
	const char *git_sha, *git_branch; /* or NULL */
	int git_dirty;
	const char *compiler, *cflags; /* or NULL */
	const char *libs_json;         /* {"onednn":"2.6.3", ...}, or NULL */
	const char *binary_sha256;     /* 64 hex digits, or NULL */
};

/* A workload is its name and its specification; another specification is another row. */
struct db_workload {
	const char *name;   /* "sdxl-20steps" */
	const char *family; /* "sdxl" */
	const char *task;   /* "text-to-image" */
	const char *spec_json; /* the preset and the architecture, a JSON object */
};

/* A configuration: a workload with all its parameters resolved. The text is made canonical
 * (sorted keys, no spaces) and its SHA-256 is the identity, so key order does not matter. */
struct db_config {
	const char *params_json; /* {"batch":1,"dtype":"bf16","steps":20,"threads":2,...} */
	int64_t core_macs, noattn_macs; /* of one sample, e.g. one image batch; 0: unknown */
	int64_t images;                 /* images of one sample; 0: not a thing of this task */
	int64_t parameters, weight_bytes;
};

/* One invocation of the program; several runs may share it. */
struct db_session {
	char uuid[37];       /* "": db_begin_run or db_put_run fills it in */
	const char *argv;    /* the command line, quoted for a shell */
	const char *purpose; /* run, gate, aa, calibrate, profile, import, sweep, compare,
			      * selftest */
	const char *note;    /* or NULL */
	int64_t started_unix_ns, ended_unix_ns; /* ended 0: not yet */
	int exit_code;                          /* -1: not yet */
};

/* What a number means. Declared once by the caller, stored at first use; a later run may not
 * give the same name another unit. */
struct db_metric {
	const char *name;  /* "latency", "step_latency", "peak_mem_host" */
	const char *unit;  /* SI base */
	int better;        /* -1 lower, +1 higher, 0 neither */
	const char *kind;  /* noisy, exact, bounded */
	const char *clock; /* "monotonic_raw", or NULL */
	const char *descr;
	const char *probe; /* the probe that it comes from; NULL: the harness itself */
};

enum db_phase { DB_PHASE_LOAD, DB_PHASE_WARMUP, DB_PHASE_MEASURED, DB_PHASE_DISCARDED };

/* Reasons that a sample is suspect; it stays stored. */
enum db_sample_flags {
	DB_SAMPLE_DISTURBED = 1,
	DB_SAMPLE_THROTTLED = 2,
	DB_SAMPLE_CUT_SHORT = 4,
	DB_SAMPLE_FAULTS = 8, /* a burst of page faults, or faults that waited for the disk */
};

struct db_sample {
	int metric; /* index into db_run.metrics */
	int stage;  /* index into db_run.stages */
	int rank;
	enum db_phase phase;
	int i;    /* which repetition, from 0 */
	int step; /* which denoising step, or -1 */
	unsigned flags;
	double value; /* not finite is stored as NULL */
};

/* Not finite, e.g. a percentile that the number of samples does not allow, is stored as NULL. */
struct db_summary {
	int metric, stage;
	int64_t n, outliers_mild, outliers_severe;
	double min, q1, median, q3, max, mean, sd, mad;
	double ci_lo, ci_hi, ci_conf; /* of the median */
	double p90, p99;
};

/* Totals of one op over the measured samples. (stage, layer, op) is unique in a run. */
struct db_op {
	int stage;
	const char *op;    /* "conv2d" */
	const char *layer; /* scope path when the totals are by layer, else "" */
	int64_t calls;
	int64_t macs_conv, macs_linear, macs_attn;
	int64_t norm_elems, mul_elems, exp_elems;
	int64_t bytes_read, bytes_written, bytes_sent;
	double time_s; /* not finite: not traced */
};

/* A file or a small blob that belongs to a run. */
struct db_artifact {
	const char *kind;   /* "image", "latents", "trace" */
	const char *path;   /* or NULL */
	const char *sha256; /* 64 hex digits, or NULL */
	int64_t bytes;
	const void *blob; /* or NULL; blob_bytes long */
	size_t blob_bytes;
};

/*
 * One process measuring one configuration. Status words:
 *	running      db_begin_run put it there and no result has come yet
 *	ok           all samples asked for
 *	interrupted  Ctrl-C or SIGTERM; the samples that were finished are here
 *	killed       it was `running` and its process is gone (set by a later db_begin_run)
 *	failed, oom, timeout, nan   it ended early for that reason; status_msg is the sentence
 *	refused      it was never started (does not fit, wrong file); status_msg is the sentence
 *	skip, invalid               not run here; run, but not to be compared
 */
struct db_run {
	char uuid[37]; /* "": filled in; the same uuid is the same run */
	struct db_host host;
	struct db_build build;
	struct db_workload workload;
	struct db_config config;
	struct db_session session;

	const char *status;
	const char *status_msg; /* or NULL */
	const char *label;      /* chosen by the user, or NULL */
	int64_t started_unix_ns;
	double wall_s;
	int steady;              /* 1, 0, or -1: not looked at */
	const char *stop_reason; /* or NULL */
	const char *out_sha256;  /* of the output, 64 hex digits, or NULL */
	double peak_flops;       /* FLOP/s that the share of peak refers to; 0: not calibrated */
	const char *env_json;    /* load average, temperature, free memory at start; or NULL */

	const struct db_metric *metrics;
	const char *const *stages; /* "total", "text", "denoise", "denoise/unet": '/' nests */
	const struct db_sample *samples;
	const struct db_summary *summaries;
	const struct db_op *ops;
	const struct db_artifact *artifacts;
	int n_metrics, n_stages, n_samples, n_summaries, n_ops, n_artifacts;
};

/* ------------------------------------------------------------- what groups and judges runs -- */

/*
 * Runs, sessions and sweeps are named by their uuids and must be stored before they are named. A
 * uuid "" in a struct of its own is filled in. Storing the same content again changes nothing;
 * another content under the same uuid is DB_ERR_CONFLICT, except that a session or a sweep may be
 * ended later. Where a `run` speaks for something, its build, configuration and machine are meant.
 */

/* One process of a comparing session. (session, run) is unique. */
struct db_arm_run {
	const char *session, *run;
	const char *row_name; /* what is compared: "sdxl-unet", or as a policy names it */
	const char *arm;      /* "A" the base, "B" the candidate; other capitals are allowed */
	int block;            /* which pair, from 0: runs of one row and block are a pair */
	int ord;              /* which process of the session, from 0 */
};

struct db_sweep {
	char uuid[37];
	const char *name;      /* "steps-to-latency" */
	const char *spec_json; /* what was asked for, a JSON object */
	int64_t started_unix_ns, ended_unix_ns; /* ended 0: not yet */
};

/* One process at one point of a sweep. (sweep, run) is unique. */
struct db_sweep_run {
	const char *sweep, *run;
	int point, replicate;  /* from 0 */
	const char *axes_json; /* the value of each axis there, {"steps":20,"dtype":"bf16"} */
};

/* The verdict about one metric of one stage. Ratios are candidate over base; not finite: none. */
struct db_comparison {
	char uuid[37];
	const char *session;
	const char *base_run, *cand_run; /* one run of each arm, or NULL: there is none */
	const char *row_name, *metric, *stage;
	const char *method; /* "signed-rank", "exact" */
	int64_t at_unix_ns; /* 0: now */
	int n_pairs, n_disturbed;
	double ratio, ci_lo, ci_hi, ci_conf, p, theta, mde95;
	const char
		*verdict; /* pass, regress, improve, inconclusive, incomparable, missing, failed */
	int confirmed;       /* 1, 0, or -1: no confirmation was asked for */
	const char *waived_by, *reason; /* or NULL */
	/*
	 * A JSON object, or NULL. What is unknown is null or left out:
	 *	base, head              medians in seconds, or exact counts
	 *	log_ratio, disturbed    ln(candidate / base) and true or false of each pair
	 *	pair_ratio              candidate / base of each pair: what v_pairs shows
	 *	looked, extended, to_confirm    how many of these made the first look, then its
	 *	                        extension, and last confirmed
	 *	seed                    of the coin that ordered each pair, hexadecimal
	 *	traced_session          uuid of the session of a traced run, for `bench explain`
	 */
	const char *detail_json;
};

/* Spread of repeated equal runs, as relative standard deviations (0.01 is 1 %). */
struct db_noise {
	char uuid[37];
	const char *run; /* one of those measured */
	const char *metric, *stage;
	int64_t at_unix_ns, expires_unix_ns; /* at 0: now; expires 0: never */
	int n_blocks;
	double sigma_within, sigma_process, sigma_pair, theta, mde95; /* not finite: unknown */
};

/* A change in a series that somebody has looked at: trends start anew there. */
struct db_ack {
	char uuid[37];
	const char *workload;
	const char *params_sha256; /* of the configuration, or NULL: all of the workload */
	const char *metric, *stage;
	int64_t at_unix_ns; /* when the series changed */
	const char *reason;
	int64_t expires_unix_ns; /* 0: never */
};

/* How often the gate was wrong about runs of which the truth was known. */
struct db_selftest {
	char uuid[37];
	const char *session, *run; /* or NULL */
	const char *kind;          /* aa, inject */
	double effect;             /* 0.05: made 5 % slower */
	const char *stage;         /* that was made slower; "total" for aa */
	int64_t at_unix_ns;        /* 0: now */
	int n_suites, n_rows;      /* suites; their rows: clean ones in aa, else slowed ones */
	int false_alarms;          /* clean rows called slower; inject has such rows too */
	int caught, inconclusive;  /* of n_rows */
	int naive_false_alarms, naive_caught;    /* by a plain mean and threshold */
	double sigma_within, sigma_process, sigma_pair, theta; /* not finite: unknown */
	const char *detail_json;   /* or NULL */
};

int db_put_session(struct db *db, struct db_session *session);
int db_session_add_run(struct db *db, const struct db_arm_run *run);
int db_put_sweep(struct db *db, struct db_sweep *sweep);
int db_sweep_add_run(struct db *db, const struct db_sweep_run *run);
int db_put_comparison(struct db *db, struct db_comparison *comparison);
int db_put_noise(struct db *db, struct db_noise *noise);
int db_put_ack(struct db *db, struct db_ack *ack);
int db_put_selftest(struct db *db, struct db_selftest *selftest);

/* Calls row() for the newest noise of each (configuration, metric, stage) of a workload on this
 * machine, the newest first, also when it has expired; params_json, or NULL: of all configurations.
 * Strings are valid during the call. row() returns 0 to go on. */
int db_get_noise(struct db *db, const struct db_host *host, const char *workload,
		 const char *params_json, int (*row)(void *arg, const struct db_noise *n),
		 void *arg);

/* --------------------------------------------------------------------------------- storing -- */

/*
 * Before the work: stores what is known as a `running` row, so that a killed run leaves a trace
 * and an unwritable file is found before ten minutes are spent. Marks as `killed` the rows of
 * this machine whose process is gone. Optional: db_put_run alone is enough.
 */
int db_begin_run(struct db *db, struct db_run *run);

/* After the timed region: everything in one transaction; all or nothing. Replaces the `running`
 * row of the same uuid; a run that is already complete is refused. run_id may be NULL. */
int db_put_run(struct db *db, struct db_run *run, int64_t *run_id);

/* Appends the run to a file as one JSON line and syncs it: the way out when db_put_run failed.
 * path NULL: beside the database or, if that fails, a new file in the temporary directory; then
 * db_spool_path() says which. */
int db_spool_run(struct db *db, const char *path, struct db_run *run);

/* What came in. Records are all that is not a run: sessions, sweeps, verdicts, calibrations, ... */
struct db_moved {
	int new_runs, new_records;
	int known;     /* runs and records that were stored already */
	int conflicts; /* that are stored with another content, which stays */
};

/* Stores what is in a JSON Lines file (spool or export). Stops at the first bad line, which the
 * sentence names; goes on past conflicts, and then returns DB_ERR_CONFLICT with a sentence about
 * the first. `moved` may be NULL and counts in every case. */
int db_import(struct db *db, const char *path, struct db_moved *moved);

/* The same from another database, which is only read and may be of an older version. */
int db_merge(struct db *db, const char *path, struct db_moved *moved);

/* Loads a run with all that belongs to it; `run_id` or, when that is 0, `uuid`. */
int db_get_run(struct db *db, int64_t run_id, const char *uuid, struct db_run **out);
void db_run_free(struct db_run *run);

/* Writes JSON Lines: the runs ids[0..n), or, when n is 0, everything, runs first, oldest first.
 * What is still running is left out. */
int db_export(struct db *db, FILE *to, const int64_t *ids, int n);

/* ----------------------------------------------------------------------------- calibration -- */

/* A measured peak of a machine. Rates are per second over all `threads`. */
struct db_calibration {
	const char *kind; /* dot, matmul, read, copy */
	const char *dtype; /* bf16, fp32, int8, or "" for bandwidths */
	const char *isa;  /* what it was measured with: "avx512_bf16", "amx", ... or "" */
	const char *unit; /* "FLOP/s", "B/s" */
	int threads;
	double best, median, worst;
	int n;         /* blocks measured */
	int disturbed; /* the spread says that the machine was not quiet */
	int64_t at_unix_ns;
};

int db_put_calibration(struct db *db, const struct db_host *host, const struct db_calibration *rows,
		       int n);

/* Calls row() for the newest row of each (kind, dtype, isa, threads) of this machine; one from
 * an undisturbed calibration wins over a disturbed one, however new. row() returns 0 to go on. */
int db_get_calibration(struct db *db, const struct db_host *host,
		       int (*row)(void *arg, const struct db_calibration *c), void *arg);

/* --------------------------------------------------------------------------------- reading -- */

enum db_type { DB_NULL, DB_INT, DB_REAL, DB_TEXT, DB_BLOB };

struct db_value {
	enum db_type type;
	const char *text; /* always printable: "" for NULL, hex for a blob */
	int64_t i;        /* DB_INT */
	double d;         /* DB_INT and DB_REAL */
};

/* Valid during the call. Non-zero stops the query; it is not an error. */
typedef int db_row_fn(void *arg, int n, const char *const *names, const struct db_value *values);

/* One SELECT (or WITH, EXPLAIN, PRAGMA table_info ...); anything that writes is refused. ?1, ?2
 * take args[0..n_args) as text. row() is called once with values NULL when there are no rows. */
int db_query(struct db *db, const char *sql, const char *const *args, int n_args, db_row_fn *row,
	     void *arg);

/* Rows of view v_runs, newest first: the last `limit` (0: all) of a workload, or of all (NULL). */
int db_list_runs(struct db *db, const char *workload, int limit, db_row_fn *row, void *arg);

/* Rewrites the file without the room that is not used; the sizes in bytes. */
int db_vacuum(struct db *db, int64_t *before, int64_t *after);

/* Integrity, foreign keys, schema version, hash of each migration. say() gets one sentence per
 * finding, also for what is well (bad 0). Returns 0 when nothing is bad. */
int db_check(struct db *db, void (*say)(void *arg, int bad, const char *sentence), void *arg);

#endif
