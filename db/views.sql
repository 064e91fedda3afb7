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
	c.params_json, c.params_sha256, c.cfg_id, r.host_id, r.build_id, r.uuid, r.started_unix_ns
FROM run r
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
