/* SPDX-License-Identifier: MIT
 *
 * The two tables: what the verbs are and which options they take.
 */
#include "options.h"

#define BIT(v)   (1u << (v))
#define RUN      BIT(V_RUN)
#define SWEEP    BIT(V_SWEEP)
#define TABLE    BIT(V_TABLE)
#define LIST     BIT(V_LIST)
#define SHOW     BIT(V_SHOW)
#define MACS     BIT(V_MACS)
#define CALIB    BIT(V_CALIBRATE)
#define COMPARE  BIT(V_COMPARE)
#define EVAL     BIT(V_EVAL)
#define DB       BIT(V_DB)
#define GATE     BIT(V_GATE)
#define PLAN     BIT(V_PLAN)
#define SELFTEST BIT(V_SELFTEST)
#define EXPLAIN  BIT(V_EXPLAIN)
#define TREND    BIT(V_TREND)
#define ACK      BIT(V_ACK)
#define PROFILE  BIT(V_PROFILE)
#define KERNELS  BIT(V_KERNELS)
#define DOCTOR   BIT(V_DOCTOR)
#define MEASURES (RUN | PROFILE)
#define REPORT   BIT(V_REPORT)
#define MODEL    (MEASURES | SHOW | MACS)
#define CHILDREN (SWEEP | COMPARE | CALIB) /* measure by `bench run` as a child */
#define COMPUTES (KERNELS | DOCTOR | MEASURES | EVAL | CHILDREN)

const struct option_def option_table[OPT_COUNT] = {
	[OPT_SET] = { "set", ARG_SETTING, "KEY=VALUE",
		      .verbs = KERNELS | MODEL | CHILDREN | SELFTEST,
		      .many = true,
		      .help = "override a setting of the workload; `bench show` lists them",
		      .brief = "override a setting; `bench show WORKLOAD` lists them" },
	[OPT_WEIGHTS] = { "weights", ARG_PATH, "DIR", .verbs = MODEL | CHILDREN | DOCTOR,
			  .help = "model directory in Hugging Face layout; default: seeded "
				  "random weights; doctor: look whether a run can use it",
			  .brief = "a model in Hugging Face layout; default: random" },
	[OPT_PROMPT] = { "prompt", ARG_TEXT, "TEXT", .verbs = MEASURES,
			 .help = "what to draw; needs the tokenizer files of --weights",
			 .brief = "what to draw; needs the tokenizer of --weights" },
	[OPT_NEGATIVE_PROMPT] = { "negative-prompt", ARG_TEXT, "TEXT", .verbs = MEASURES,
				  .help = "what to keep away from" },
	[OPT_LATENTS] = { "latents", ARG_PATH, "FILE", .verbs = MEASURES,
			  .help = "start from tensor `latents` of a safetensors file (NCHW fp32, "
				  "unit variance)" },
	[OPT_SAVE] = { "save", ARG_PATH, "FILE", .verbs = RUN, .many = true,
		       .help = "write the result: .png the image, .safetensors `latents` and "
			       "`image`",
		       .brief = "write the result: .png, .safetensors" },
	[OPT_SAMPLES] = { "samples", ARG_INT, "N", .verbs = MEASURES | CHILDREN, .env = true,
			  .min = 1, .max = 1000000,
			  .help = "so many measured repetitions, whatever --stop says" },
	[OPT_WARMUP] = { "warmup", ARG_INT, "N", .verbs = MEASURES | CHILDREN, .env = true,
			 .min = 0, .max = 1000000,
			 .help = "so many repetitions before, whatever --stop says" },
	[OPT_STOP] = { "stop", ARG_TEXT, "RULE", "quick", .verbs = MEASURES | CHILDREN, .env = true,
		       .help = "when enough was measured. quick: half a second, 1 to 30 "
			       "repetitions, one when it takes over 5 s. full: warm-up until "
			       "steady; at least 30 (10 from 50 ms on, 3 from 5 s on) until the "
			       "95 % interval of the median is within 0.5 % (1 % from 5 s on), "
			       "at most 15 s (120 s, 20 min). explore: full up to 5 s, quick "
			       "above. ci:0.5%, count:20, time:30s: as full, until the interval "
			       "is so narrow, so many, so long",
		       .brief = "quick (default), full, ci:0.5%, count:20 or time:30s" },
	[OPT_INJECT] = { "inject", ARG_TEXT, "STAGE=PERCENT", .verbs = RUN,
			 .help = "slow a stage down on purpose, to see that it is noticed; stored "
				 "as a setting" },
	[OPT_PROCESSES] = { "processes", ARG_INT, "N", .verbs = RUN | SWEEP, .min = 1, .max = 1000,
			    .help = "so many processes of the same point; the median is over "
				    "theirs. In a sweep 3 by default, 1 where a repetition takes "
				    "over 5 s",
			    .brief = "so many processes of each point" },
	[OPT_AXIS] = { "axis", ARG_SETTING, "KEY=LIST", .verbs = SWEEP, .many = true,
		       .help = "a setting, or workload, threads, isa, backend, and its values: "
			       "steps=10,20,50, batch=4-64*2 (4, 8, ..., 64), steps=10-50+20, "
			       "threads=1-cores*2, height+width=512,768 (both together). All "
			       "combinations are measured; replaces the axis of a preset",
		       .brief = "steps=10,20,50, batch=4-64*2, height+width=512,768" },
	[OPT_WORKLOAD] = { "workload", ARG_TEXT, "NAME", .verbs = SWEEP,
			   .help = "what to run at each point; `bench list` shows all",
			   .brief = "what to run at each point" },
	[OPT_AGAIN] = { "again", ARG_FLAG, .verbs = SWEEP,
			.help = "measure also what this program has measured on this machine in "
				"an earlier sweep",
			.brief = "measure also what an earlier sweep has measured" },
	[OPT_TABLE_FORMAT] = { "format", ARG_CHOICE, "FORMAT", "text", .verbs = TABLE | COMPARE,
			       .choices = "text|markdown|csv|latex",
			       .help = "csv has numbers in base units, latex is for booktabs" },
	[OPT_COLUMNS] = { "columns", ARG_TEXT, "LIST", .verbs = TABLE,
			  .help = "behind the axes: workload, macs, noattn, latency, low, high, "
				  "min, max, n, images, flops, peak, memory, status, message" },
	[OPT_TRACE] = { "trace", ARG_JSON, "[FILE.json]", .verbs = MEASURES,
			.help = "one more repetition that times every op; the headline stays "
				"untraced; into a file that Perfetto opens",
			.brief = "times every op too; into a file that Perfetto opens" },
	[OPT_FOLDED] = { "folded", ARG_PATH, "FILE", .verbs = MEASURES,
			 .help = "the trace as folded stacks for flame graphs" },
	[OPT_PROBES] = { "probes", ARG_FLAG, .verbs = RUN | LIST,
			 .help = "show what was read beside the clock, or why it was not" },
	[OPT_COUNTERS] = { "counters", ARG_TEXT, "GROUP", .verbs = RUN, .env = true,
			   .help = "count a group of events too: a name of `bench list "
				   "--counters`, or a file" },
	[OPT_LIST_COUNTERS] = { "counters", ARG_FLAG, .verbs = LIST,
				.help = "groups of counters and whether this machine has them" },
	[OPT_BACKEND] = { "backend", ARG_CHOICE, "NAME", "cpu", .verbs = MEASURES | CHILDREN | EVAL,
			  .env = true, .choices = "cpu|ref|null|shadow",
			  .help = "cpu, ref (plain C), null (computes nothing: cost of the "
				  "harness), shadow (cpu and ref, compared)" },
	[OPT_ISA] = { "isa", ARG_CHOICE, "LEVEL", .verbs = COMPUTES | SHOW, .env = true,
		      .choices = "c|avx2|avx512|bf16|amx",
		      .help = "highest instruction set to use; default: the best of this "
			      "machine" },
	[OPT_THREADS] = { "threads", ARG_INT, "N", .verbs = COMPUTES, .env = true, .min = 1,
			  .max = 4096,
			  .help = "threads, one per core; default: the cores this process may "
				  "use",
			  .brief = "threads, one per core; default: all cores" },
	[OPT_BY] = { "by", ARG_CHOICE, "WHAT", .verbs = MACS | PROFILE,
		     .choices = "stage|op|part|layer", .brief = "rows: stage, op, part, layer",
		     .help = "one row per stage, op, part of "
			     "the model, or layer; macs: stage, profile: all but part" },
	[OPT_DEPTH] = { "depth", ARG_INT, "N", .verbs = MACS | PROFILE, .min = 1, .max = 64,
			.help = "with --by layer: fold layers below this many levels" },
	[OPT_QUICK] = { "quick", ARG_FLAG, .verbs = CALIB,
			.help = "two seconds instead of "
				"twenty" },
	[OPT_INPUTS] = { "inputs", ARG_PATH, "FILE", .verbs = EVAL,
			 .help = "safetensors file with the arguments of the forward pass",
			 .brief = "safetensors file with the arguments" },
	[OPT_OUTPUTS] = { "outputs", ARG_PATH, "FILE", .verbs = EVAL,
			  .help = "safetensors file to write the results to",
			  .brief = "safetensors file to write the results to" },
	[OPT_DTYPE] = { "dtype", ARG_CHOICE, "TYPE", "fp32", .verbs = EVAL, .choices = "fp32|bf16",
			.help = "storage of weights and activations",
			.brief = "storage of weights and activations" },
	[OPT_BASE] = { "base", ARG_TEXT, "REVISION", .verbs = GATE, .env = true,
		       .help = "git revision (its merge-base with HEAD is built) or program to "
			       "compare with; default: the policy's",
		       .brief = "git revision or program to compare with" },
	[OPT_HEAD] = { "head", ARG_PATH, "PROGRAM", .verbs = GATE, .env = true,
		       .help = "the bench program that is judged; default: this one" },
	[OPT_PAIRS] = { "pairs", ARG_INT, "N", .verbs = GATE | SELFTEST, .env = true,
			.min = 8, .max = 1000,
			.help = "pairs of processes per row; default: the policy's, else as "
				"the noise of the rows demands (10 to 40)",
			.brief = "pairs of processes per row" },
	[OPT_THETA] = { "theta", ARG_TEXT, "SHARE", "2%", .verbs = PLAN,
			.help = "the bound: no smaller change is called one",
			.brief = "the bound, default 2%" },
	[OPT_EFFECT] = { "effect", ARG_TEXT, "SHARE", .verbs = PLAN | SELFTEST,
			 .help = "the slowdown that is to be caught, or is injected; default: 5%, "
				 "in a selftest 5% and then 10%",
			 .brief = "the slowdown to be caught, default 5%" },
	[OPT_POWER] = { "power", ARG_TEXT, "SHARE", "95%", .verbs = PLAN,
			.help = "how often it is to be caught",
			.brief = "how often it is to be caught, default 95%" },
	[OPT_SIGMA] = { "sigma", ARG_TEXT, "SHARE", .verbs = PLAN,
			.help = "deviation of the ratio of a pair; default: as calibrated",
			.brief = "deviation of a pair; default: as calibrated" },
	[OPT_PROCESS] = { "process", ARG_TEXT, "TIME", .verbs = PLAN,
			  .help = "how long one process takes; default: as the last runs did",
			  .brief = "time of a process; default: as it was" },
	[OPT_SUITES] = { "suites", ARG_INT, "N", "300", .verbs = SELFTEST, .min = 1, .max = 100000,
			 .help = "so many comparisons drawn from the pairs",
			 .brief = "comparisons drawn, default 300" },
	[OPT_STAGE] = { "stage", ARG_TEXT, "STAGE", "denoise", .verbs = SELFTEST,
			.help = "the stage that is slowed down; total: all of them",
			.brief = "the stage that is slowed, default denoise" },
	[OPT_DISTURB] = { "disturb", ARG_FLAG, .verbs = SELFTEST,
			  .help = "with a load generator beside it: processes that in turn copy, "
				  "compute and rest",
			  .brief = "with a load generator beside it" },
	[OPT_EXACT_ONLY] = { "exact-only", ARG_FLAG, .verbs = GATE, .env = true,
			     .help = "judge only what noise cannot touch: MACs, bytes, hashes",
			     .brief = "judge only what noise cannot touch" },
	[OPT_INCONCLUSIVE] = { "inconclusive", ARG_CHOICE, "WHAT", .verbs = GATE, .env = true,
			       .choices = "fail|warn|pass",
			       .help = "what an undecided row does; default: the policy's" },
	[OPT_JUNIT] = { "junit", ARG_PATH, "FILE", .verbs = GATE, .env = true,
			.help = "write the rows as JUnit XML",
			.brief = "write the rows as JUnit XML" },
	[OPT_MARKDOWN] = { "markdown", ARG_PATH, "FILE", .verbs = GATE, .env = true,
			   .help = "write them as markdown, for a comment",
			   .brief = "write them as markdown, for a comment" },
	[OPT_VERDICT_FILE] = { "verdict-file", ARG_PATH, "FILE", .verbs = GATE, .env = true,
			       .help = "write the last line there too" },
	[OPT_GITHUB] = { "github", ARG_FLAG, .verbs = GATE, .env = true,
			 .help = "annotations and step summary for GitHub Actions",
			 .brief = "annotations and step summary for GitHub" },
	[OPT_METRIC] = { "metric", ARG_TEXT, "METRIC", "latency", .verbs = TREND,
			 .help = "which number, METRIC or METRIC:STAGE, such as latency:denoise",
			 .brief = "METRIC or METRIC:STAGE; default: latency" },
	[OPT_REASON] = { "reason", ARG_TEXT, "TEXT", .verbs = ACK,
			 .help = "why the change is all right; stored and shown with it",
			 .brief = "why the change is all right" },
	[OPT_EXPIRES] = { "expires", ARG_TEXT, "DAYS", .verbs = ACK,
			  .help = "how long that holds, such as 30d; default: for ever",
			  .brief = "how long that holds: 30d" },
	[OPT_COMPARE_WORKLOAD] = { "workload", ARG_TEXT, "NAME", .verbs = COMPARE, .many = true,
				   .help = "what A and B run; several take turns",
				   .brief = "what A and B run; several take turns" },
	[OPT_VARY] = { "vary", ARG_TEXT, "KEY[=A,B]", .verbs = COMPARE, .many = true,
		       .help = "a difference that is meant: a setting, threads, isa, backend or "
			       "weights; with values, A is run with the first and B with the "
			       "second",
		       .brief = "a difference that is meant, e.g. dtype=fp32,bf16" },
	[OPT_COMPARE_PAIRS] = { "pairs", ARG_INT, "N", .verbs = COMPARE, .env = true, .min = 1,
				.max = 1000,
				.help = "pairs of processes of the first look; default: as the "
					"calibrated noise demands (10 to 40). As many more where "
					"that leaves it undecided, as many fresh ones to confirm a "
					"difference. A verdict needs 8",
				.brief = "pairs of processes; default: as the noise demands" },
	[OPT_BUDGET] = { "budget", ARG_TEXT, "TIME", .verbs = COMPARE | PLAN, .env = true,
			 .help = "begin no pair that would end later than that: 90s, 15m, 2h",
			 .brief = "begin no pair that would end later: 90s, 15m, 2h" },
	[OPT_KERNELS_BUDGET] = { "budget", ARG_TEXT, "TIME", "60s", .verbs = KERNELS,
				 .help = "begin none that would end later, those with most of the "
					 "work first: 30s, 5m, or all",
				 .brief = "so long, most work first: 30s, 5m, all" },
	[OPT_APART] = { "apart", ARG_FLAG, .verbs = COMPARE | GATE | SELFTEST | CALIB, .env = true,
			.help = "one process after the other, not in turns of a few steps" },
	[OPT_BLOCKS] = { "blocks", ARG_INT, "N", .verbs = CALIB, .min = 2, .max = 1000,
			 .help = "with WORKLOAD: pairs of equal processes; default: 20",
			 .brief = "with WORKLOAD: pairs of equal processes" },
	[OPT_DB] = { "db", ARG_PATH, "FILE", "bench.db",
		     .verbs = KERNELS | DOCTOR | MEASURES | CHILDREN | TABLE | DB | GATE | REPORT |
			      EXPLAIN | TREND | ACK | PLAN | SELFTEST,
		     .env = true, .help = "the database",
		     .brief = "the database; default: bench.db" },
	[OPT_NO_DB] = { "no-db", ARG_FLAG,
			.verbs = KERNELS | MEASURES | COMPARE | CALIB | GATE | SELFTEST,
			.help = "record nothing", .brief = "record nothing" },
	[OPT_TAG] = { "tag", ARG_TEXT, "TEXT", .verbs = MEASURES | CHILDREN | REPORT,
		      .help = "label stored with the run; report: only runs that have it",
		      .brief = "label stored with the run" },
	[OPT_DRY_RUN] = { "dry-run", ARG_FLAG, .verbs = MEASURES | SWEEP,
			  .help = "check everything, say what it would take, run nothing",
			  .brief = "check everything, run nothing" },
	[OPT_JSON] = { "json", ARG_FLAG,
		       .verbs = KERNELS | DOCTOR | MEASURES | CHILDREN | TABLE | LIST | SHOW |
				MACS | DB | GATE | EXPLAIN | TREND | PLAN | SELFTEST,
		       .help = "machine-readable result on standard output",
		       .brief = "machine-readable result on standard output" },
	[OPT_CSV] = { "csv", ARG_FLAG, .verbs = MACS | PROFILE | DB,
		      .help = "comma-separated result" },
	[OPT_FORMAT] = { "format", ARG_CHOICE, "FORMAT", "jsonl", .verbs = DB,
			 .choices = "jsonl|csv|parquet", .help = "what an export writes" },
	[OPT_NAMES] = { "names", ARG_FLAG, .verbs = LIST | SHOW,
			.help = "only the names of workloads or settings, one a line" },
	[OPT_QUIET] = { "quiet", ARG_FLAG,
			.verbs = KERNELS | DOCTOR | MEASURES | CHILDREN | EVAL | GATE |
				 SELFTEST,
			.env = true,
			.help = "no progress on standard error" },
	[OPT_VENUE] = { "venue", ARG_CHOICE, "NAME", "acm", .verbs = REPORT, .env = true,
			.choices = "acm|ieee|usenix|neurips|iclr|icml|mlsys|cvpr|screen",
			.help = "widths and fonts of its papers",
			.brief = "widths and fonts: acm, ieee, usenix, neurips, icml, cvpr" },
	[OPT_COLS] = { "cols", ARG_INT, "N", "1", .verbs = REPORT, .min = 1, .max = 2,
		       .help = "1: a column wide, 2: the full width",
		       .brief = "1: a column wide, 2: the full width" },
	[OPT_DRAW_AS] = { "format", ARG_CHOICE, "TYPE", "pdf", .verbs = REPORT, .many = true,
			  .choices = "pdf|svg|png|tex|tikz",
			  .help = "of the drawing; tex and tikz take the fonts of the document",
			  .brief = "pdf, svg, png, tex or tikz; may be repeated" },
	[OPT_FIX_HINTS] = { "fix-hints", ARG_FLAG, .verbs = DOCTOR,
			    .help = "only the commands that mend what is wrong, one a line, to be "
				    "reviewed and given to a shell" },
	[OPT_OUT] = { "out", ARG_PATH, "PATH", .verbs = REPORT,
		      .help = "directory of the files, default figures; of html the file, default "
			      "bench.html",
		      .brief = "directory of the files; of html the file" },
	[OPT_CHECK] = { "check", ARG_FLAG, .verbs = REPORT,
			.help = "compare each numbers.tex in a file or directory with the "
				"database",
			.brief = "compare numbers.tex with the database" },
	[OPT_ONLY] = { "workload", ARG_TEXT, "NAME", .verbs = REPORT, .help = "only runs of it",
		       .brief = "only runs of it" },
	[OPT_HOST] = { "host", ARG_TEXT, "TEXT", .verbs = REPORT,
		       .help = "only machines with this in their fingerprint or CPU name" },
	[OPT_WITH] = { "with", ARG_SETTING, "KEY=VALUE", .verbs = REPORT, .many = true,
		       .help = "only runs whose setting has this value",
		       .brief = "only runs whose setting has this value" },
	[OPT_WHERE] = { "where", ARG_TEXT, "SQL", .verbs = REPORT,
			.help = "only runs for which this holds; columns of view v_runs",
			.brief = "only runs for which this holds (view v_runs)" },
	[OPT_MAN] = { "man", ARG_FLAG, .verbs = BIT(V_HELP),
		      .help = "the manual page, for man -l" },
	[OPT_BASH] = { "bash", ARG_FLAG, .verbs = BIT(V_HELP),
		       .help = "the completion for bash, to be sourced" },
	[OPT_HELP] = { "help", ARG_FLAG, .verbs = ~0u, .help = "this text" },
	[OPT_ALL] = { "all", ARG_FLAG, .verbs = ~0u, .help = "with --help: every option" },
};

const struct verb verb_table[V_COUNT] = {
	[V_RUN] = { "run", "WORKLOAD", "run a workload, measure it and record the result",
		"Predicts the memory, loads or generates the weights, runs every stage step by\n"
		"step, and stores all samples in the database. A run that cannot fit is refused\n"
		"before it allocates anything. Ctrl-C ends it after the current op and keeps what\n"
		"was measured; a second one kills.",
		"bench run sdxl-20steps-mini                       a first try, under a second\n"
		"bench run sdxl-20steps --save out.png             the main job\n"
		"bench run sdxl-20steps --set steps=4 --trace      where the time goes",
		1, 1, true, cmd_run },
	[V_SWEEP] = { "sweep", "[NAME]", "measure all points of a preset or of axes",
		"Presets: steps-to-latency, resolution-scaling, dtype, threads; each has a\n"
		"sibling with -mini.\n"
		"Every point is measured by processes of its own, in an order in which a drift\n"
		"of the machine does not look like an effect. Interrupted, the same command goes\n"
		"on where it stopped.",
		"bench sweep steps-to-latency-mini\n"
		"bench sweep --workload sdxl-unet --axis batch=1-8*2 --axis dtype=fp32,bf16",
		0, 1, false, cmd_sweep },
	[V_TABLE] = { "table", "NAME|ID", "print a sweep of the database as a table",
		"One row per point, axes first, MACs beside time. Latency is the median over the\n"
		"medians of the processes, with its exact interval over these, which needs 6.",
		"bench table steps-to-latency-mini --format latex", 1, 1, false, cmd_table },
	[V_LIST] = { "list", "", "list workloads, models, sweeps and devices", NULL,
		"bench list --json", 0, 0, false, cmd_list },
	[V_SHOW] = { "show", "WORKLOAD", "resolved settings, parameters, MACs and memory",
		"Nothing is computed and no weights are read: a dry pass over the model gives\n"
		"exact counts in milliseconds.",
		"bench show sdxl-20steps --set width=1920 --set height=1280", 1, 1, false,
		cmd_show },
	[V_MACS] = { "macs", "WORKLOAD", "count MACs by stage, op, part or layer",
		"Conventions: core = convolution + linear + attention; noattn = convolution +\n"
		"linear; torchprofile = core + elements of affine norms + products of GEGLU.\n"
		"One MAC is two FLOP.",
		"bench macs sdxl-20steps --by layer --depth 3", 1, 1, false, cmd_macs },
	[V_CALIBRATE] = { "calibrate", "[WORKLOAD]",
		"measure and store peaks, or noise, of this machine",
		"Dot products out of registers, matrix products, and memory bandwidth, in blocks\n"
		"that alternate; best, median and worst of each. Says when the machine is\n"
		"disturbed. With WORKLOAD: how much equal processes of it differ, and what change\n"
		"can be found through that; kept for 14 days.",
		"bench calibrate --quick\n"
		"bench calibrate sdxl-20steps-mini", 0, 1, true, cmd_calibrate },
	[V_COMPARE] = { "compare", "[A [B]]", "measure or look up two things, say which is faster",
		"Programs are measured now, in pairs of processes that take turns: `this`, a\n"
		"binary or build directory, a git revision (built on the fly), `.` for the\n"
		"working tree with its changes. Without B it is `.`; with --vary KEY=A,B both\n"
		"may be left out. Stored runs are looked up: ids, a tag, a sweep. Where a word\n"
		"means two things, write run:, tag:, sweep:, path: or git: in front. Exit 1\n"
		"when B is slower and no difference was meant.",
		"bench compare main --workload sdxl-unet\n"
		"bench compare --vary dtype=fp32,bf16 --workload sdxl-20steps-mini\n"
		"bench compare tag:before tag:after",
		0, 2, false, cmd_compare },
	[V_PROFILE] = { "profile", "WORKLOAD", "where the time goes, against the roofline",
		"Times every op in a repetition of its own. Time, rate and bytes by stage, op and\n"
		"layer; the limit is the measured peak or the measured bandwidth of memory,\n"
		"whichever applies (a quick calibration is made when none is stored). Rows are\n"
		"sorted by the seconds above the limit: the first names where time can be gained.",
		"bench profile sdxl-20steps-mini\n"
		"bench profile sdxl-20steps --set steps=2 --by layer --depth 4\n"
		"bench profile sdxl-unet --trace unet.json --csv > unet.csv",
		1, 1, true, cmd_profile },
	[V_KERNELS] = { "kernels", "[PATTERN]", "every op at the shapes of the models",
		"The shapes are taken from the workloads themselves: all that are no miniatures,\n"
		"or the one that PATTERN names; other patterns choose ops or shapes. Each is\n"
		"checked against the plain C reference, then timed against the roofline. What is\n"
		"most of the work comes first; after a minute (--budget) the rest is left out.",
		"bench kernels sdxl-20steps-mini\n"
		"bench kernels attention",
		0, 1, true, cmd_kernels },
	[V_DOCTOR] = { "doctor", "", "what disturbs measuring on this machine, and how to mend it",
		"Looks at clocks, load, memory, virtualisation and limits, then measures for two\n"
		"seconds whether the machine is quiet. Changes nothing: what mends a finding is\n"
		"printed as a command.",
		"bench doctor\n"
		"bench doctor --fix-hints > mend.sh\n"
		"bench doctor --weights sdxl        every tensor, file and configuration",
		0, 0, true, cmd_doctor },
	[V_EVAL] = { "eval", "DIR", "one forward pass of a model from its directory",
		"The class comes from config.json; tensors are named as the arguments and results\n"
		"of the reference implementation (sample, timestep, encoder_hidden_states, ...).",
		"bench eval sdxl/unet --inputs in.safetensors --outputs out.safetensors", 1, 1,
		true, cmd_eval },
	[V_DB] = { "db", "ACTION [ARGUMENT]...", "look into the database, move runs, look after it",
		"query SQL       one reading SQL statement; the views v_* are stable\n"
		"export [VIEW]   everything as JSON Lines, or the rows of one view (--format)\n"
		"import FILE...  takes in such exports and spooled runs, each only once\n"
		"merge FILE...   takes in other databases, of any version, in the same way\n"
		"vacuum, check   gives back the room that is not used; looks for damage\n"
		"migrate         brings an old file to this version and keeps a backup",
		"bench db query \"SELECT * FROM v_runs LIMIT 5\"\n"
		"bench db export v_samples --format csv > samples.csv",
		1, ARGS_MAX, false, cmd_db },
	[V_GATE] = { "gate", "POLICY", "stop a slower commit in CI",
		"Builds the merge-base with the policy's base, measures it and this program in\n"
		"pairs of processes on this machine, and judges every row of the policy. Exact\n"
		"metrics (MACs, bytes, parameters, output) may not grow at all; a timing is red\n"
		"when it is slower than the bound beyond doubt, and again in fresh pairs. The\n"
		"last line is BENCH-VERDICT WORD rows=BAD/ALL exit=STATUS. Exit status: 0 passed,\n"
		"1 regression, 3 undecided where the policy fails on that, 4 a workload failed,\n"
		"5 nothing to compare with, 6 another output.",
		"bench gate bench-gate.ini --base origin/main --junit bench.xml",
		1, 1, false, cmd_gate },
	[V_EXPLAIN] = { "explain", "[COMPARISON]", "where the difference of a comparison lies",
		"Takes a stored comparison apart: medians of every stage over its pairs, times\n"
		"and work of every op from the traced run that a gate adds to a red row.\n"
		"COMPARISON is its number or the start of its uuid; default: the newest red.",
		"bench explain\n"
		"bench db query \"SELECT comparison_id, row_name, verdict FROM v_ab\"",
		0, 1, false, cmd_explain },
	[V_TREND] = { "trend", "[WORKLOAD]", "what became of a number from build to build",
		"One series per workload, configuration and machine: the median of each build,\n"
		"oldest first, the steps in it, and which of them are acknowledged.",
		"bench trend sdxl-20steps --metric latency:denoise", 0, 1, false, cmd_trend },
	[V_ACK] = { "ack", "COMPARISON", "acknowledge a change that a comparison found",
		"Trends and histories show it as known from then on. A gate in CI does not look\n"
		"at it: there the policy file holds the waivers.",
		"bench ack 17 --reason \"more exact GELU\" --expires 90d", 1, 1, false, cmd_ack },
	[V_REPORT] = { "report", "[FIGURE | all | html | --check [PATH]]",
		"figures, tables and numbers for papers; a page for the browser",
		"Draws from the database alone, through gnuplot. A figure is a built-in name or\n"
		"the path of a data file (.json: query, kind, labels); without one, all are\n"
		"listed. Beside the drawing lie script, data, SQL, caption, table, fingerprint;\n"
		"its numbers go to numbers.tex, and --check says which no longer hold.",
		"bench report latency-steps --venue ieee --format pdf --format tex\n"
		"bench report pairs --cols 2 --out paper/figures\n"
		"bench report --check paper\n"
		"bench report html --out bench.html",
		0, 1, false, cmd_report },
	[V_PLAN] = { "plan", "[WORKLOAD]", "pairs and minutes that a comparison needs",
		"Measures nothing. From the calibrated noise of the workload, or from --sigma, it\n"
		"tells for several numbers of pairs how often a slowdown of --effect would be\n"
		"caught, which slowdown would be seen in 95 % of all cases, how often a clean row\n"
		"passes, and how long that takes.",
		"bench plan sdxl-20steps-mini --budget 15m\n"
		"bench plan --sigma 1% --effect 3% --process 12s",
		0, 1, false, cmd_plan },
	[V_SELFTEST] = { "selftest", "aa|inject [WORKLOAD]",
		"audit the gate: false alarms and power",
		"aa: pairs of the same program; whatever the gate calls slower is a false alarm.\n"
		"inject: one arm is slowed down in one stage; the gate must catch it. Measures 36\n"
		"pairs (inject: twice), says how long that takes, draws 300 suites from them and\n"
		"judges each as the gate would, beside a plain gate on the mean. The result is\n"
		"stored (view v_selftest). Exit status 1: there was a false alarm.",
		"bench selftest aa\n"
		"bench selftest aa --disturb        on a machine that misbehaves\n"
		"bench selftest inject --stage decode",
		1, 2, false, cmd_selftest },
	[V_HELP] = { "help", "[VERB]", "help for a verb, manual page, shell completion", NULL,
		"source <(bench help --bash)", 0, 1, false, cmd_help },
};
