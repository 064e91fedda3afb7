-- The contract for readers, made anew after each migration: a change here needs a migration, be it
-- one without statements. Columns are only added.

-- One line per run. Latency is the median over the measured samples of metric `latency`, stage
-- `total`; rates derive from it and from the run's exact counts (1 MAC = 2 FLOP).
DROP VIEW IF EXISTS v_runs;
CREATE VIEW v_runs AS
SELECT r.run_id,
	strftime('%Y-%m-%d %H:%M:%S', r.started_unix_ns / 1000000000, 'unixepoch') AS started_utc,
	w.name AS workload, r.status, s.n AS samples,
	s.median AS latency_s, s.ci_lo AS latency_ci_lo_s, s.ci_hi AS latency_ci_hi_s,
	r.images / s.median AS images_per_s,
	r.core_macs, r.noattn_macs,
	2.0 * r.core_macs / s.median AS flops,
	2.0 * r.core_macs / s.median / r.peak_flops AS peak_share,
	CAST(m.max AS INTEGER) AS peak_mem_bytes,
	json_extract(c.params_json, '$.dtype') AS dtype,
	json_extract(c.params_json, '$.threads') AS threads,
	r.label, r.status_msg, r.steady, r.stop_reason, r.wall_s, r.out_sha256,
	r.parameters, r.weight_bytes, r.images,
	b.version, b.git_sha, b.git_dirty, h.cpu_model, h.fp AS host_fp,
	c.params_json, c.params_sha256, c.cfg_id, r.host_id, r.build_id, r.uuid, r.started_unix_ns,
	se.uuid AS session_uuid, se.purpose
FROM run r
JOIN session se USING (session_id)
JOIN cfg c USING (cfg_id)
JOIN workload w USING (workload_id)
JOIN build b USING (build_id)
JOIN host h USING (host_id)
LEFT JOIN summary s ON s.run_id = r.run_id
	AND s.metric_id = (SELECT metric_id FROM metric WHERE name = 'latency')
	AND s.stage_id = (SELECT stage_id FROM stage WHERE name = 'total')
LEFT JOIN summary m ON m.run_id = r.run_id
	AND m.metric_id = (SELECT metric_id FROM metric WHERE name = 'peak_mem_host')
	AND m.stage_id = (SELECT stage_id FROM stage WHERE name = 'total');

-- One line per run, metric and stage.
DROP VIEW IF EXISTS v_summary;
CREATE VIEW v_summary AS
SELECT s.run_id, w.name AS workload, st.name AS stage, m.name AS metric, m.unit, m.better, m.kind,
	s.n, s.median, s.ci_lo, s.ci_hi, s.ci_conf, s.min, s.q1, s.q3, s.max, s.mean, s.sd, s.mad,
	s.p90, s.p99, s.outliers_mild, s.outliers_severe, r.status
FROM summary s
JOIN metric m USING (metric_id)
JOIN stage st USING (stage_id)
JOIN run r USING (run_id)
JOIN cfg c USING (cfg_id)
JOIN workload w USING (workload_id);

-- Every sample with its names.
DROP VIEW IF EXISTS v_samples;
CREATE VIEW v_samples AS
SELECT s.run_id, m.name AS metric, m.unit, st.name AS stage, s.rank,
	CASE s.phase WHEN 0 THEN 'load' WHEN 1 THEN 'warmup' WHEN 2 THEN 'measured'
		ELSE 'discarded' END AS phase,
	s.i, s.step, s.value, s.flags
FROM sample s
JOIN metric m USING (metric_id)
JOIN stage st USING (stage_id);

-- Op totals; core = conv + linear + attention.
DROP VIEW IF EXISTS v_ops;
CREATE VIEW v_ops AS
SELECT o.run_id, st.name AS stage, o.layer, o.op, o.calls,
	o.macs_conv + o.macs_linear + o.macs_attn AS core_macs,
	o.macs_conv, o.macs_linear, o.macs_attn, o.norm_elems, o.mul_elems, o.exp_elems,
	o.bytes_read, o.bytes_written, o.bytes_sent, o.time_s,
	2.0 * (o.macs_conv + o.macs_linear + o.macs_attn) / o.time_s AS flops
FROM opcount o
JOIN stage st USING (stage_id);

-- The series that trends and figures are drawn from: complete runs only, oldest first within a
-- series when ordered by started_unix_ns.
DROP VIEW IF EXISTS v_series;
CREATE VIEW v_series AS
SELECT w.name AS workload, r.cfg_id, r.host_id, st.name AS stage, m.name AS metric, m.unit, m.better,
	m.kind, s.median AS value, s.ci_lo, s.ci_hi, s.n, r.run_id, r.build_id, b.version, b.git_sha,
	b.git_dirty, r.label, r.started_unix_ns
FROM summary s
JOIN run r USING (run_id)
JOIN metric m USING (metric_id)
JOIN stage st USING (stage_id)
JOIN cfg c USING (cfg_id)
JOIN workload w USING (workload_id)
JOIN build b USING (build_id)
WHERE r.status = 'ok';

-- The newest complete run of each configuration on each machine.
DROP VIEW IF EXISTS v_latest;
CREATE VIEW v_latest AS
SELECT * FROM v_runs v
WHERE v.status = 'ok' AND v.run_id = (
	SELECT r.run_id FROM run r
	WHERE r.cfg_id = v.cfg_id AND r.host_id = v.host_id AND r.status = 'ok'
	ORDER BY r.started_unix_ns DESC, r.run_id DESC LIMIT 1);

-- Calibrations with the machine's name, newest last.
DROP VIEW IF EXISTS v_calibration;
CREATE VIEW v_calibration AS
SELECT strftime('%Y-%m-%d %H:%M:%S', k.at_unix_ns / 1000000000, 'unixepoch') AS at_utc,
	h.cpu_model, k.kind, k.dtype, k.isa, k.threads, k.best, k.median, k.worst, k.unit, k.n,
	k.disturbed, h.fp AS host_fp, k.at_unix_ns
FROM calibration k
JOIN host h USING (host_id)
ORDER BY k.at_unix_ns, k.calibration_id;


-- One line per verdict: candidate (B) against base (A) in one metric of one stage.
DROP VIEW IF EXISTS v_ab;
CREATE VIEW v_ab AS
SELECT x.comparison_id,
	strftime('%Y-%m-%d %H:%M:%S', x.at_unix_ns / 1000000000, 'unixepoch') AS at_utc,
	se.purpose, x.row_name, x.metric, x.stage, x.verdict, x.ratio, x.ci_lo, x.ci_hi, x.ci_conf,
	x.p, x.theta, x.mde95, x.n_pairs, x.n_disturbed, x.confirmed, x.waived_by, x.reason, x.method,
	m.unit, m.better, m.kind,
	coalesce(b.workload, a.workload) AS workload,
	a.version AS base_version, a.git_sha AS base_git_sha, a.git_dirty AS base_git_dirty,
	a.label AS base_label, a.params_json AS base_params_json, a.host_fp AS base_host_fp,
	b.version AS cand_version, b.git_sha AS cand_git_sha, b.git_dirty AS cand_git_dirty,
	b.label AS cand_label, b.params_json AS cand_params_json, b.host_fp AS cand_host_fp,
	x.base_run_id, x.cand_run_id, x.detail_json, se.uuid AS session_uuid, x.uuid, x.at_unix_ns
FROM comparison x
JOIN session se USING (session_id)
LEFT JOIN metric m ON m.name = x.metric
LEFT JOIN v_runs a ON a.run_id = x.base_run_id
LEFT JOIN v_runs b ON b.run_id = x.cand_run_id;

-- One line per process of a session that compares.
DROP VIEW IF EXISTS v_arms;
CREATE VIEW v_arms AS
SELECT se.uuid AS session_uuid, se.purpose, a.row_name, a.arm, a.block, a.ord, a.run_id
FROM arm_run a
JOIN session se USING (session_id);

-- One line per pair of processes, metric and stage, with the medians of their samples.
DROP VIEW IF EXISTS v_pairs;
CREATE VIEW v_pairs AS
SELECT se.uuid AS session_uuid, se.purpose, a.row_name, a.block, m.name AS metric, m.unit,
	st.name AS stage, sa.median AS base, sb.median AS cand,
	-- processes that took turns were compared sample by sample, which only the verdict knows
	coalesce((SELECT json_extract(c.detail_json, '$.pair_ratio[' || a.block || ']')
		FROM comparison c
		WHERE c.session_id = a.session_id AND c.row_name = a.row_name
			AND c.metric = m.name AND c.stage = st.name
		LIMIT 1), sb.median / sa.median) AS ratio,
	a.ord AS base_ord, b.ord AS cand_ord, a.run_id AS base_run_id, b.run_id AS cand_run_id,
	se.started_unix_ns
FROM arm_run a
JOIN arm_run b ON b.session_id = a.session_id AND b.row_name = a.row_name AND b.block = a.block
	AND b.arm = 'B'
JOIN session se ON se.session_id = a.session_id
JOIN summary sa ON sa.run_id = a.run_id
JOIN summary sb ON sb.run_id = b.run_id AND sb.metric_id = sa.metric_id
	AND sb.stage_id = sa.stage_id
JOIN metric m ON m.metric_id = sa.metric_id
JOIN stage st ON st.stage_id = sa.stage_id
WHERE a.arm = 'A';

-- One line per run of a sweep.
DROP VIEW IF EXISTS v_sweep;
CREATE VIEW v_sweep AS
SELECT s.name AS sweep, s.uuid AS sweep_uuid, x.point, x.replicate, x.axes_json, v.*,
	s.spec_json, s.started_unix_ns AS sweep_started_unix_ns, s.ended_unix_ns AS sweep_ended_unix_ns
FROM sweep s
JOIN sweep_run x USING (sweep_id)
JOIN v_runs v USING (run_id);

-- Sweeps axis by axis: one line per run, axis, metric and stage; x is the value of the axis.
DROP VIEW IF EXISTS v_scaling;
CREATE VIEW v_scaling AS
SELECT s.name AS sweep, s.uuid AS sweep_uuid, w.name AS workload, j.key AS axis, j.atom AS x,
	x.point, x.replicate, x.axes_json, m.name AS metric, m.unit, st.name AS stage,
	y.median AS y, y.ci_lo, y.ci_hi, y.n, r.core_macs, r.noattn_macs, r.images, r.status, r.host_id,
	r.build_id, r.cfg_id, r.run_id, r.started_unix_ns
FROM sweep s
JOIN sweep_run x USING (sweep_id)
JOIN json_each(x.axes_json) j
JOIN run r USING (run_id)
JOIN cfg c USING (cfg_id)
JOIN workload w USING (workload_id)
JOIN summary y USING (run_id)
JOIN metric m USING (metric_id)
JOIN stage st USING (stage_id);

-- Calibrated noise, newest last.
DROP VIEW IF EXISTS v_noise;
CREATE VIEW v_noise AS
SELECT strftime('%Y-%m-%d %H:%M:%S', k.at_unix_ns / 1000000000, 'unixepoch') AS at_utc,
	w.name AS workload, k.metric, k.stage, k.n_blocks, k.sigma_within, k.sigma_process,
	k.sigma_pair, k.theta, k.mde95, h.cpu_model, c.params_json, c.params_sha256, c.cfg_id, h.host_id,
	h.fp AS host_fp, k.run_id, k.uuid, k.at_unix_ns, k.expires_unix_ns
FROM noise k
JOIN run r USING (run_id)
JOIN host h USING (host_id)
JOIN cfg c USING (cfg_id)
JOIN workload w USING (workload_id)
ORDER BY k.at_unix_ns, k.noise_id;

-- Acknowledged changes, oldest first.
DROP VIEW IF EXISTS v_ack;
CREATE VIEW v_ack AS
SELECT strftime('%Y-%m-%d %H:%M:%S', at_unix_ns / 1000000000, 'unixepoch') AS at_utc, workload,
	metric, stage, reason, params_sha256, uuid, at_unix_ns, expires_unix_ns
FROM ack
ORDER BY at_unix_ns, ack_id;

-- What the gate's audit found, newest last.
DROP VIEW IF EXISTS v_selftest;
CREATE VIEW v_selftest AS
SELECT strftime('%Y-%m-%d %H:%M:%S', t.at_unix_ns / 1000000000, 'unixepoch') AS at_utc, t.kind,
	t.effect, t.stage, t.n_suites, t.n_rows, t.false_alarms, t.caught, t.inconclusive,
	t.naive_false_alarms, t.naive_caught, t.sigma_within, t.sigma_process, t.sigma_pair, t.theta,
	v.workload, v.version, v.git_sha, v.git_dirty, v.cpu_model, v.host_fp, t.run_id,
	se.uuid AS session_uuid, t.detail_json, t.uuid, t.at_unix_ns
FROM selftest t
LEFT JOIN v_runs v USING (run_id)
LEFT JOIN session se ON se.session_id = t.session_id
ORDER BY t.at_unix_ns, t.selftest_id;

-- What the probes saw around each sample.
DROP VIEW IF EXISTS v_probes;
CREATE VIEW v_probes AS
SELECT s.run_id, m.probe, m.name AS metric, m.unit, st.name AS stage,
	CASE s.phase WHEN 0 THEN 'load' WHEN 1 THEN 'warmup' WHEN 2 THEN 'measured'
		ELSE 'discarded' END AS phase,
	s.i, s.step, s.value, s.flags
FROM metric m
JOIN sample s USING (metric_id)
JOIN stage st USING (stage_id)
WHERE m.probe IS NOT NULL;
