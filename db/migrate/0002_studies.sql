-- Version 2: what is said of several runs together. Metrics and stages are named here by text, since
-- a verdict may be about one that no run has brought (a missing baseline).
--
-- References to run are checked at the end of a transaction: a run is replaced when its result
-- comes, and keeps its id.

-- A purpose more is a new table, for the CHECK.
CREATE TABLE session_2 (
	session_id INTEGER PRIMARY KEY,
	uuid TEXT NOT NULL UNIQUE,
	argv TEXT NOT NULL,
	purpose TEXT NOT NULL CHECK (purpose IN ('run', 'gate', 'aa', 'calibrate', 'profile', 'import',
		'sweep', 'compare', 'selftest')),
	note TEXT,
	started_unix_ns INTEGER NOT NULL, ended_unix_ns INTEGER,
	exit_code INTEGER
) STRICT;
INSERT INTO session_2 SELECT session_id, uuid, argv, purpose, note, started_unix_ns, ended_unix_ns,
	exit_code FROM session;
DROP TABLE session;
ALTER TABLE session_2 RENAME TO session;

-- The probe that a metric comes from; NULL: the harness itself.
ALTER TABLE metric ADD COLUMN probe TEXT;

-- Which runs a comparing session measured, and in which order. A is the base, B the candidate.
CREATE TABLE arm_run (
	session_id INTEGER NOT NULL REFERENCES session,
	run_id INTEGER NOT NULL REFERENCES run DEFERRABLE INITIALLY DEFERRED,
	row_name TEXT NOT NULL,               -- what is compared: pairs have it in common
	arm TEXT NOT NULL CHECK (arm GLOB '[A-Z]'),
	block INTEGER NOT NULL,               -- which pair
	ord INTEGER NOT NULL,                 -- which process of the session
	PRIMARY KEY (session_id, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX arm_run_by_run ON arm_run (run_id);

CREATE TABLE sweep (
	sweep_id INTEGER PRIMARY KEY,
	uuid TEXT NOT NULL UNIQUE,
	name TEXT NOT NULL,
	spec_json TEXT NOT NULL CHECK (json_valid(spec_json) AND json_type(spec_json) = 'object'),
	started_unix_ns INTEGER NOT NULL, ended_unix_ns INTEGER
) STRICT;

-- axes_json: the value of each axis at this point, {"steps":20,"dtype":"bf16"}.
CREATE TABLE sweep_run (
	sweep_id INTEGER NOT NULL REFERENCES sweep,
	run_id INTEGER NOT NULL REFERENCES run DEFERRABLE INITIALLY DEFERRED,
	point INTEGER NOT NULL, replicate INTEGER NOT NULL,
	axes_json TEXT NOT NULL CHECK (json_valid(axes_json) AND json_type(axes_json) = 'object'),
	PRIMARY KEY (sweep_id, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sweep_run_by_run ON sweep_run (run_id);

-- In the tables below a run speaks for its build, configuration and machine. Version 1 had two of
-- them in another form, into which nothing was ever written.
DROP TABLE comparison;
CREATE TABLE comparison (
	comparison_id INTEGER PRIMARY KEY,
	uuid TEXT NOT NULL UNIQUE,
	session_id INTEGER NOT NULL REFERENCES session,
	base_run_id INTEGER REFERENCES run DEFERRABLE INITIALLY DEFERRED,
	cand_run_id INTEGER REFERENCES run DEFERRABLE INITIALLY DEFERRED,
	row_name TEXT NOT NULL, metric TEXT NOT NULL, stage TEXT NOT NULL,
	method TEXT NOT NULL,
	at_unix_ns INTEGER NOT NULL,
	n_pairs INTEGER NOT NULL, n_disturbed INTEGER NOT NULL,
	ratio REAL, ci_lo REAL, ci_hi REAL, ci_conf REAL,    -- candidate over base
	p REAL, theta REAL, mde95 REAL,
	verdict TEXT NOT NULL CHECK (verdict IN ('pass', 'regress', 'improve', 'inconclusive',
		'incomparable', 'missing', 'failed')),
	confirmed INTEGER CHECK (confirmed IN (0, 1)),
	waived_by TEXT, reason TEXT,
	detail_json TEXT CHECK (detail_json IS NULL OR json_valid(detail_json) AND json_type(detail_json) = 'object')
) STRICT;
CREATE INDEX comparison_by_session ON comparison (session_id);
CREATE INDEX comparison_by_row ON comparison (row_name, metric, stage, at_unix_ns);

-- Spread of repeated equal runs, as relative standard deviations: within a process, between
-- processes, between the arms of a pair; theta is the smallest change that a gate calls a
-- regression, mde95 the one it finds with 95 %.
DROP TABLE noise;
CREATE TABLE noise (
	noise_id INTEGER PRIMARY KEY,
	uuid TEXT NOT NULL UNIQUE,
	run_id INTEGER NOT NULL REFERENCES run DEFERRABLE INITIALLY DEFERRED,
	metric TEXT NOT NULL, stage TEXT NOT NULL,
	at_unix_ns INTEGER NOT NULL, expires_unix_ns INTEGER,
	n_blocks INTEGER NOT NULL,
	sigma_within REAL, sigma_process REAL, sigma_pair REAL, theta REAL, mde95 REAL
) STRICT;
CREATE INDEX noise_by_run ON noise (run_id, metric, stage, at_unix_ns);

-- A change in a series that somebody has looked at: trends start anew there.
CREATE TABLE ack (
	ack_id INTEGER PRIMARY KEY,
	uuid TEXT NOT NULL UNIQUE,
	workload TEXT NOT NULL,
	params_sha256 TEXT,                   -- of the cfg; NULL: all of the workload
	metric TEXT NOT NULL, stage TEXT NOT NULL,
	at_unix_ns INTEGER NOT NULL,          -- when the series changed
	reason TEXT NOT NULL,
	expires_unix_ns INTEGER
) STRICT;
CREATE INDEX ack_by_workload ON ack (workload, metric, stage, at_unix_ns);

-- How often the gate was wrong about runs of which the truth was known. naive: the same data judged
-- by a plain mean and threshold.
CREATE TABLE selftest (
	selftest_id INTEGER PRIMARY KEY,
	uuid TEXT NOT NULL UNIQUE,
	session_id INTEGER REFERENCES session,
	run_id INTEGER REFERENCES run DEFERRABLE INITIALLY DEFERRED,
	kind TEXT NOT NULL CHECK (kind IN ('aa', 'inject')),
	effect REAL NOT NULL,                 -- 0.05: made 5 % slower
	stage TEXT NOT NULL,
	at_unix_ns INTEGER NOT NULL,
	n_suites INTEGER NOT NULL, n_rows INTEGER NOT NULL,
	false_alarms INTEGER NOT NULL, caught INTEGER NOT NULL, inconclusive INTEGER NOT NULL,
	naive_false_alarms INTEGER NOT NULL, naive_caught INTEGER NOT NULL,
	sigma_within REAL, sigma_process REAL, sigma_pair REAL, theta REAL,
	detail_json TEXT CHECK (detail_json IS NULL OR json_valid(detail_json) AND json_type(detail_json) = 'object')
) STRICT;
