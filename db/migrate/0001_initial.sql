-- Version 1. Units: SI base, times in ns since 1970 UTC (..._unix_ns), durations in seconds,
-- hashes as 64 hex digits. NULL means unknown or not finite. The views are the contract for
-- readers; the tables may change with a migration.

CREATE TABLE migration (
	version INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	sha256 TEXT NOT NULL,                 -- of the script as it was applied
	applied_unix_ns INTEGER NOT NULL
) STRICT;

-- One machine in one state; a new kernel or governor is a new row.
CREATE TABLE host (
	host_id INTEGER PRIMARY KEY,
	fp TEXT NOT NULL UNIQUE,              -- SHA-256 of what could change a speed
	machine TEXT,                         -- hashed name
	cpu_model TEXT, isa TEXT, microcode TEXT, kernel TEXT, os TEXT, libc TEXT, governor TEXT,
	sockets INTEGER, cores INTEGER, threads INTEGER, numa_nodes INTEGER,
	turbo INTEGER CHECK (turbo IN (0, 1)), smt INTEGER CHECK (smt IN (0, 1)),
	mem_bytes INTEGER,
	extra_json TEXT CHECK (extra_json IS NULL OR json_valid(extra_json) AND json_type(extra_json) = 'object')
) STRICT;

CREATE TABLE build (
	build_id INTEGER PRIMARY KEY,
	fp TEXT NOT NULL UNIQUE,
	version TEXT NOT NULL,
	git_sha TEXT, git_branch TEXT, git_dirty INTEGER NOT NULL CHECK (git_dirty IN (0, 1)),
	compiler TEXT, cflags TEXT,
	libs_json TEXT CHECK (libs_json IS NULL OR json_valid(libs_json) AND json_type(libs_json) = 'object'),
	binary_sha256 TEXT
) STRICT;

-- A name with another specification is another workload.
CREATE TABLE workload (
	workload_id INTEGER PRIMARY KEY,
	name TEXT NOT NULL, family TEXT NOT NULL, task TEXT NOT NULL,
	spec_json TEXT NOT NULL CHECK (json_valid(spec_json) AND json_type(spec_json) = 'object'),
	spec_sha256 TEXT NOT NULL,
	UNIQUE (name, spec_sha256)
) STRICT;

-- A workload with every parameter resolved: runs of one cfg on one host may be compared.
CREATE TABLE cfg (
	cfg_id INTEGER PRIMARY KEY,
	workload_id INTEGER NOT NULL REFERENCES workload,
	params_json TEXT NOT NULL CHECK (json_valid(params_json) AND json_type(params_json) = 'object'),
	params_sha256 TEXT NOT NULL,
	UNIQUE (workload_id, params_sha256)
) STRICT;

-- One invocation of the program.
CREATE TABLE session (
	session_id INTEGER PRIMARY KEY,
	uuid TEXT NOT NULL UNIQUE,
	argv TEXT NOT NULL,
	purpose TEXT NOT NULL CHECK (purpose IN ('run', 'gate', 'aa', 'calibrate', 'profile', 'import')),
	note TEXT,
	started_unix_ns INTEGER NOT NULL, ended_unix_ns INTEGER,
	exit_code INTEGER
) STRICT;

-- One process measuring one cfg.
CREATE TABLE run (
	run_id INTEGER PRIMARY KEY,
	uuid TEXT NOT NULL UNIQUE,
	session_id INTEGER NOT NULL REFERENCES session,
	host_id INTEGER NOT NULL REFERENCES host,
	build_id INTEGER NOT NULL REFERENCES build,
	cfg_id INTEGER NOT NULL REFERENCES cfg,
	owner TEXT,                           -- the process, while status is running
	status TEXT NOT NULL CHECK (status IN ('running', 'ok', 'interrupted', 'killed', 'failed',
		'oom', 'timeout', 'nan', 'refused', 'skip', 'invalid')),
	status_msg TEXT, label TEXT,
	started_unix_ns INTEGER NOT NULL,
	wall_s REAL,
	steady INTEGER CHECK (steady IN (0, 1)),
	stop_reason TEXT, out_sha256 TEXT,
	images INTEGER, core_macs INTEGER, noattn_macs INTEGER,   -- of one sample
	parameters INTEGER, weight_bytes INTEGER,
	peak_flops REAL,                      -- what the share of peak refers to
	env_json TEXT CHECK (env_json IS NULL OR json_valid(env_json) AND json_type(env_json) = 'object')
) STRICT;
CREATE INDEX run_by_cfg ON run (cfg_id, host_id, started_unix_ns);
CREATE INDEX run_by_time ON run (started_unix_ns);
CREATE INDEX run_by_session ON run (session_id);

CREATE TABLE metric (
	metric_id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	unit TEXT NOT NULL,
	better INTEGER NOT NULL CHECK (better IN (-1, 0, 1)),      -- -1: lower, +1: higher
	kind TEXT NOT NULL CHECK (kind IN ('noisy', 'exact', 'bounded')),
	clock TEXT, descr TEXT NOT NULL
) STRICT;

-- 'total', 'text', 'denoise', 'denoise/unet': the parent is the part before the last slash.
CREATE TABLE stage (
	stage_id INTEGER PRIMARY KEY,
	parent_id INTEGER REFERENCES stage,
	name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE sample (
	run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
	metric_id INTEGER NOT NULL REFERENCES metric,
	stage_id INTEGER NOT NULL REFERENCES stage,
	rank INTEGER NOT NULL,
	phase INTEGER NOT NULL CHECK (phase BETWEEN 0 AND 3), -- load, warm-up, measured, discarded
	i INTEGER NOT NULL, step INTEGER NOT NULL,            -- repetition; step, or -1
	flags INTEGER NOT NULL,                               -- 1 disturbed, 2 throttled, 4 cut short
	value REAL,
	PRIMARY KEY (run_id, metric_id, stage_id, rank, phase, i, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE summary (
	run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
	metric_id INTEGER NOT NULL REFERENCES metric,
	stage_id INTEGER NOT NULL REFERENCES stage,
	n INTEGER NOT NULL,
	outliers_mild INTEGER NOT NULL, outliers_severe INTEGER NOT NULL,
	min REAL, q1 REAL, median REAL, q3 REAL, max REAL, mean REAL, sd REAL, mad REAL,
	ci_lo REAL, ci_hi REAL, ci_conf REAL,                 -- of the median
	p90 REAL, p99 REAL,
	PRIMARY KEY (run_id, metric_id, stage_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE opcount (
	run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
	stage_id INTEGER NOT NULL REFERENCES stage,
	layer TEXT NOT NULL,                  -- scope path; '' for the whole stage
	op TEXT NOT NULL,
	calls INTEGER NOT NULL,
	macs_conv INTEGER NOT NULL, macs_linear INTEGER NOT NULL, macs_attn INTEGER NOT NULL,
	norm_elems INTEGER NOT NULL, mul_elems INTEGER NOT NULL, exp_elems INTEGER NOT NULL,
	bytes_read INTEGER NOT NULL, bytes_written INTEGER NOT NULL, bytes_sent INTEGER NOT NULL,
	time_s REAL,
	PRIMARY KEY (run_id, stage_id, layer, op)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifact (
	artifact_id INTEGER PRIMARY KEY,
	run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
	kind TEXT NOT NULL, path TEXT, sha256 TEXT, bytes INTEGER NOT NULL, blob BLOB
) STRICT;
CREATE INDEX artifact_by_run ON artifact (run_id);

CREATE TABLE calibration (
	calibration_id INTEGER PRIMARY KEY,
	host_id INTEGER NOT NULL REFERENCES host,
	kind TEXT NOT NULL, dtype TEXT NOT NULL, isa TEXT NOT NULL, unit TEXT NOT NULL,
	threads INTEGER NOT NULL,
	best REAL NOT NULL, median REAL NOT NULL, worst REAL NOT NULL,
	n INTEGER NOT NULL,
	disturbed INTEGER NOT NULL CHECK (disturbed IN (0, 1)),
	at_unix_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX calibration_by_host ON calibration (host_id, kind, dtype, isa, threads, at_unix_ns);

-- Spread of repeated equal runs: within a process, between processes, between the arms of a pair;
-- theta is the smallest change that a gate calls a regression, mde95 the one it finds with 95 %.
CREATE TABLE noise (
	noise_id INTEGER PRIMARY KEY,
	cfg_id INTEGER NOT NULL REFERENCES cfg,
	host_id INTEGER NOT NULL REFERENCES host,
	metric_id INTEGER NOT NULL REFERENCES metric,
	stage_id INTEGER NOT NULL REFERENCES stage,
	at_unix_ns INTEGER NOT NULL, expires_unix_ns INTEGER,
	n_blocks INTEGER NOT NULL,
	sigma_within REAL, sigma_process REAL, sigma_pair REAL, theta REAL, mde95 REAL
) STRICT;
CREATE INDEX noise_by_cfg ON noise (cfg_id, host_id, metric_id, stage_id, at_unix_ns);

CREATE TABLE comparison (
	comparison_id INTEGER PRIMARY KEY,
	session_id INTEGER NOT NULL REFERENCES session,
	base_build_id INTEGER NOT NULL REFERENCES build,
	cand_build_id INTEGER NOT NULL REFERENCES build,
	cfg_id INTEGER NOT NULL REFERENCES cfg,
	host_id INTEGER NOT NULL REFERENCES host,
	metric_id INTEGER NOT NULL REFERENCES metric,
	stage_id INTEGER NOT NULL REFERENCES stage,
	method TEXT NOT NULL,
	n_pairs INTEGER NOT NULL,
	ratio REAL, ci_lo REAL, ci_hi REAL, p REAL, theta REAL, mde95 REAL,
	verdict TEXT NOT NULL CHECK (verdict IN ('pass', 'regress', 'improve', 'inconclusive',
		'incomparable', 'missing')),
	confirmed INTEGER CHECK (confirmed IN (0, 1)),
	waived_by TEXT, reason TEXT
) STRICT;
CREATE INDEX comparison_by_cfg ON comparison (cfg_id, metric_id, cand_build_id);
