/* SPDX-License-Identifier: MIT
 *
 * The tables of fields (db_fields.h). A new member of a struct in db.h is one row here and one
 * column in a migration.
 */
#include "db_fields.h"

#define ROW(type_, struct_, member) \
	{ #member, type_, offsetof(struct struct_, member), false, 0, NULL }
/* The value `none` means unknown. */
#define ROW_OR(type_, struct_, member, none_) \
	{ #member, type_, offsetof(struct struct_, member), true, none_, NULL }
/* A member of a struct inside struct db_run. */
#define ROW_IN(type_, path, member) \
	{ #member, type_, offsetof(struct db_run, path), true, 0, NULL }
/* The uuid of a row of another table. */
#define ROW_REF(struct_, member, table) \
	{ #member, F_REF, offsetof(struct struct_, member), false, 0, table }

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TABLE(name_, struct_)                                                               \
	_Static_assert(COUNT(name_##_fields) <= FIELDS_MAX, "raise FIELDS_MAX");            \
	const struct table table_##name_ = { #name_, name_##_fields, COUNT(name_##_fields), \
					     sizeof(struct struct_) }

_Static_assert(sizeof(enum db_phase) == sizeof(int) && sizeof(unsigned) == sizeof(int),
	       "F_INT reads enum and unsigned members too");

static const struct field host_fields[] = {
	ROW(F_TEXT, db_host, machine),
	ROW(F_TEXT, db_host, cpu_model),
	ROW(F_TEXT, db_host, isa),
	ROW(F_TEXT, db_host, microcode),
	ROW(F_TEXT, db_host, kernel),
	ROW(F_TEXT, db_host, os),
	ROW(F_TEXT, db_host, libc),
	ROW(F_TEXT, db_host, governor),
	ROW_OR(F_INT, db_host, sockets, 0),
	ROW_OR(F_INT, db_host, cores, 0),
	ROW_OR(F_INT, db_host, threads, 0),
	ROW_OR(F_INT, db_host, numa_nodes, 0),
	ROW_OR(F_INT, db_host, turbo, -1),
	ROW_OR(F_INT, db_host, smt, -1),
	ROW_OR(F_INT64, db_host, mem_bytes, 0),
	ROW(F_JSON, db_host, extra_json),
};
TABLE(host, db_host);

static const struct field build_fields[] = {
	ROW(F_TEXT, db_build, version),
	ROW(F_TEXT, db_build, git_sha),
	ROW(F_TEXT, db_build, git_branch),
	ROW(F_INT, db_build, git_dirty),
	ROW(F_TEXT, db_build, compiler),
	ROW(F_TEXT, db_build, cflags),
	ROW(F_JSON, db_build, libs_json),
	ROW(F_TEXT, db_build, binary_sha256),
};
TABLE(build, db_build);

static const struct field workload_fields[] = {
	ROW(F_TEXT, db_workload, name),
	ROW(F_TEXT, db_workload, family),
	ROW(F_TEXT, db_workload, task),
	ROW(F_JSON, db_workload, spec_json),
};
TABLE(workload, db_workload);

static const struct field cfg_fields[] = {
	ROW(F_JSON, db_config, params_json),
};
TABLE(cfg, db_config);

static const struct field session_fields[] = {
	ROW(F_UUID, db_session, uuid),
	ROW(F_TEXT, db_session, argv),
	ROW(F_TEXT, db_session, purpose),
	ROW(F_TEXT, db_session, note),
	ROW(F_TIME, db_session, started_unix_ns),
	ROW_OR(F_TIME, db_session, ended_unix_ns, 0),
	ROW_OR(F_INT, db_session, exit_code, -1),
};
TABLE(session, db_session);

static const struct field run_fields[] = {
	ROW(F_UUID, db_run, uuid),
	ROW(F_TEXT, db_run, status),
	ROW(F_TEXT, db_run, status_msg),
	ROW(F_TEXT, db_run, label),
	ROW(F_TIME, db_run, started_unix_ns),
	ROW(F_REAL, db_run, wall_s),
	ROW_OR(F_INT, db_run, steady, -1),
	ROW(F_TEXT, db_run, stop_reason),
	ROW(F_TEXT, db_run, out_sha256),
	ROW_IN(F_INT64, config.images, images),
	ROW_IN(F_INT64, config.core_macs, core_macs),
	ROW_IN(F_INT64, config.noattn_macs, noattn_macs),
	ROW_IN(F_INT64, config.parameters, parameters),
	ROW_IN(F_INT64, config.weight_bytes, weight_bytes),
	ROW_OR(F_REAL, db_run, peak_flops, 0),
	ROW(F_JSON, db_run, env_json),
};
TABLE(run, db_run);

static const struct field metric_fields[] = {
	ROW(F_TEXT, db_metric, name),
	ROW(F_TEXT, db_metric, unit),
	ROW(F_INT, db_metric, better),
	ROW(F_TEXT, db_metric, kind),
	ROW(F_TEXT, db_metric, clock),
	ROW(F_TEXT, db_metric, descr),
	ROW(F_TEXT, db_metric, probe),
};
TABLE(metric, db_metric);

static const struct field sample_fields[] = {
	ROW(F_METRIC, db_sample, metric),
	ROW(F_STAGE, db_sample, stage),
	ROW(F_INT, db_sample, rank),
	ROW(F_INT, db_sample, phase),
	ROW(F_INT, db_sample, i),
	ROW(F_INT, db_sample, step),
	ROW(F_INT, db_sample, flags),
	ROW(F_REAL, db_sample, value),
};
TABLE(sample, db_sample);

static const struct field summary_fields[] = {
	ROW(F_METRIC, db_summary, metric),
	ROW(F_STAGE, db_summary, stage),
	ROW(F_INT64, db_summary, n),
	ROW(F_INT64, db_summary, outliers_mild),
	ROW(F_INT64, db_summary, outliers_severe),
	ROW(F_REAL, db_summary, min),
	ROW(F_REAL, db_summary, q1),
	ROW(F_REAL, db_summary, median),
	ROW(F_REAL, db_summary, q3),
	ROW(F_REAL, db_summary, max),
	ROW(F_REAL, db_summary, mean),
	ROW(F_REAL, db_summary, sd),
	ROW(F_REAL, db_summary, mad),
	ROW(F_REAL, db_summary, ci_lo),
	ROW(F_REAL, db_summary, ci_hi),
	ROW(F_REAL, db_summary, ci_conf),
	ROW(F_REAL, db_summary, p90),
	ROW(F_REAL, db_summary, p99),
};
TABLE(summary, db_summary);

static const struct field opcount_fields[] = {
	ROW(F_STAGE, db_op, stage),
	ROW_OR(F_TEXT, db_op, layer, 0),
	ROW(F_TEXT, db_op, op),
	ROW(F_INT64, db_op, calls),
	ROW(F_INT64, db_op, macs_conv),
	ROW(F_INT64, db_op, macs_linear),
	ROW(F_INT64, db_op, macs_attn),
	ROW(F_INT64, db_op, norm_elems),
	ROW(F_INT64, db_op, mul_elems),
	ROW(F_INT64, db_op, exp_elems),
	ROW(F_INT64, db_op, bytes_read),
	ROW(F_INT64, db_op, bytes_written),
	ROW(F_INT64, db_op, bytes_sent),
	ROW(F_REAL, db_op, time_s),
};
TABLE(opcount, db_op);

static const struct field artifact_fields[] = {
	ROW(F_TEXT, db_artifact, kind),
	ROW(F_TEXT, db_artifact, path),
	ROW(F_TEXT, db_artifact, sha256),
	ROW(F_INT64, db_artifact, bytes),
	ROW(F_BLOB, db_artifact, blob),
};
TABLE(artifact, db_artifact);

static const struct field calibration_fields[] = {
	ROW(F_TEXT, db_calibration, kind),
	ROW_OR(F_TEXT, db_calibration, dtype, 0),
	ROW_OR(F_TEXT, db_calibration, isa, 0),
	ROW(F_TEXT, db_calibration, unit),
	ROW(F_INT, db_calibration, threads),
	ROW(F_REAL, db_calibration, best),
	ROW(F_REAL, db_calibration, median),
	ROW(F_REAL, db_calibration, worst),
	ROW(F_INT, db_calibration, n),
	ROW(F_INT, db_calibration, disturbed),
	ROW(F_TIME, db_calibration, at_unix_ns),
};
TABLE(calibration, db_calibration);

static const struct field arm_run_fields[] = {
	ROW_REF(db_arm_run, session, "session"),
	ROW_REF(db_arm_run, run, "run"),
	ROW(F_TEXT, db_arm_run, row_name),
	ROW(F_TEXT, db_arm_run, arm),
	ROW(F_INT, db_arm_run, block),
	ROW(F_INT, db_arm_run, ord),
};
TABLE(arm_run, db_arm_run);

static const struct field sweep_fields[] = {
	ROW(F_UUID, db_sweep, uuid),
	ROW(F_TEXT, db_sweep, name),
	ROW(F_JSON, db_sweep, spec_json),
	ROW(F_TIME, db_sweep, started_unix_ns),
	ROW_OR(F_TIME, db_sweep, ended_unix_ns, 0),
};
TABLE(sweep, db_sweep);

static const struct field sweep_run_fields[] = {
	ROW_REF(db_sweep_run, sweep, "sweep"),
	ROW_REF(db_sweep_run, run, "run"),
	ROW(F_INT, db_sweep_run, point),
	ROW(F_INT, db_sweep_run, replicate),
	ROW(F_JSON, db_sweep_run, axes_json),
};
TABLE(sweep_run, db_sweep_run);

static const struct field comparison_fields[] = {
	ROW(F_UUID, db_comparison, uuid),
	ROW_REF(db_comparison, session, "session"),
	ROW_REF(db_comparison, base_run, "run"),
	ROW_REF(db_comparison, cand_run, "run"),
	ROW(F_TEXT, db_comparison, row_name),
	ROW(F_TEXT, db_comparison, metric),
	ROW(F_TEXT, db_comparison, stage),
	ROW(F_TEXT, db_comparison, method),
	ROW(F_TIME, db_comparison, at_unix_ns),
	ROW(F_INT, db_comparison, n_pairs),
	ROW(F_INT, db_comparison, n_disturbed),
	ROW(F_REAL, db_comparison, ratio),
	ROW(F_REAL, db_comparison, ci_lo),
	ROW(F_REAL, db_comparison, ci_hi),
	ROW(F_REAL, db_comparison, ci_conf),
	ROW(F_REAL, db_comparison, p),
	ROW(F_REAL, db_comparison, theta),
	ROW(F_REAL, db_comparison, mde95),
	ROW(F_TEXT, db_comparison, verdict),
	ROW_OR(F_INT, db_comparison, confirmed, -1),
	ROW(F_TEXT, db_comparison, waived_by),
	ROW(F_TEXT, db_comparison, reason),
	ROW(F_JSON, db_comparison, detail_json),
};
TABLE(comparison, db_comparison);

static const struct field noise_fields[] = {
	ROW(F_UUID, db_noise, uuid),
	ROW_REF(db_noise, run, "run"),
	ROW(F_TEXT, db_noise, metric),
	ROW(F_TEXT, db_noise, stage),
	ROW(F_TIME, db_noise, at_unix_ns),
	ROW_OR(F_TIME, db_noise, expires_unix_ns, 0),
	ROW(F_INT, db_noise, n_blocks),
	ROW(F_REAL, db_noise, sigma_within),
	ROW(F_REAL, db_noise, sigma_process),
	ROW(F_REAL, db_noise, sigma_pair),
	ROW(F_REAL, db_noise, theta),
	ROW(F_REAL, db_noise, mde95),
};
TABLE(noise, db_noise);

static const struct field ack_fields[] = {
	ROW(F_UUID, db_ack, uuid),
	ROW(F_TEXT, db_ack, workload),
	ROW(F_TEXT, db_ack, params_sha256),
	ROW(F_TEXT, db_ack, metric),
	ROW(F_TEXT, db_ack, stage),
	ROW(F_TIME, db_ack, at_unix_ns),
	ROW(F_TEXT, db_ack, reason),
	ROW_OR(F_TIME, db_ack, expires_unix_ns, 0),
};
TABLE(ack, db_ack);

static const struct field selftest_fields[] = {
	ROW(F_UUID, db_selftest, uuid),
	ROW_REF(db_selftest, session, "session"),
	ROW_REF(db_selftest, run, "run"),
	ROW(F_TEXT, db_selftest, kind),
	ROW(F_REAL, db_selftest, effect),
	ROW(F_TEXT, db_selftest, stage),
	ROW(F_TIME, db_selftest, at_unix_ns),
	ROW(F_INT, db_selftest, n_suites),
	ROW(F_INT, db_selftest, n_rows),
	ROW(F_INT, db_selftest, false_alarms),
	ROW(F_INT, db_selftest, caught),
	ROW(F_INT, db_selftest, inconclusive),
	ROW(F_INT, db_selftest, naive_false_alarms),
	ROW(F_INT, db_selftest, naive_caught),
	ROW(F_REAL, db_selftest, sigma_within),
	ROW(F_REAL, db_selftest, sigma_process),
	ROW(F_REAL, db_selftest, sigma_pair),
	ROW(F_REAL, db_selftest, theta),
	ROW(F_JSON, db_selftest, detail_json),
};
TABLE(selftest, db_selftest);

#define LIST(name_, member) \
	{ &table_##name_, offsetof(struct db_run, member), offsetof(struct db_run, n_##member) }

const struct list run_lists[] = {
	LIST(metric, metrics),
	LIST(sample, samples),
	LIST(summary, summaries),
	LIST(opcount, ops),
	LIST(artifact, artifacts),
};
const int n_run_lists = COUNT(run_lists);
