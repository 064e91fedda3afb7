/* SPDX-License-Identifier: MIT */
#include "pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "machine.h"
#include "pairs_record.h"
#include "units.h"
#include "verdict.h"

#define DISTURBED_BELOW   0.97 /* of the best reference rate of the row */
#define DISTURBED_SHARE   0.05 /* of a process's time that others took */
#define PATIENCE          20.0 /* a process may take so many times what the row took before */
#define PATIENCE_AT_LEAST 60.0 /* seconds */
#define BRIEF_S           0.05 /* a sample: 30 of them make a process, */
#define LONG_S            5.0  /* below that 10, above one */

/* ---- room --------------------------------------------------------------------------------------
 */

static void *resized(void *old, int n, size_t size)
{
	void *p = realloc(old, (size_t)n * size);

	die_if(!p, "out of memory");
	return p;
}

static void make_room(struct pairs_result *row)
{
	if (row->n < row->capacity)
		return;
	row->capacity = 2 * row->capacity + 16;
	row->disturbed = resized(row->disturbed, row->capacity, sizeof *row->disturbed);
	for (int arm = 0; arm < ARMS; arm++) {
		row->process[arm] = resized(row->process[arm], row->capacity,
					    sizeof *row->process[arm]);
		for (int i = 0; i < row->n_series; i++)
			row->series[i].value[arm] = resized(row->series[i].value[arm],
							    row->capacity, sizeof(double));
	}
	for (int i = 0; i < row->n_series; i++)
		row->series[i].log_ratio = resized(row->series[i].log_ratio, row->capacity,
						   sizeof(double));
}

static void free_row(struct pairs_result *row)
{
	for (int arm = 0; arm < ARMS; arm++) {
		for (int i = 0; i < row->n; i++)
			free(row->process[arm][i].sample);
		for (int i = 0; i < row->n_series; i++)
			free(row->series[i].value[arm]);
		free(row->process[arm]);
		json_decref(row->exact[arm]);
		json_decref(row->fingerprint[arm]);
	}
	for (int i = 0; i < row->n_series; i++)
		free(row->series[i].log_ratio);
	free(row->disturbed);
}

/* ---- one process -------------------------------------------------------------------------------
 */

static double patience(const struct pairs *p, const struct pairs_result *row)
{
	double usual = row->processes ? row->spent_s / row->processes : 0;

	if (p->plan.timeout_s > 0)
		return p->plan.timeout_s;
	if (usual > 0)
		return PATIENCE * usual + PATIENCE_AT_LEAST;
	return p->plan.budget_s > 0 ? p->plan.budget_s + PATIENCE_AT_LEAST : 0;
}

static bool goes_on(const struct pairs_result *row)
{
	return !row->err.code && !row->rests;
}

double pairs_estimate(const struct pairs *p, int blocks)
{
	double s = 0;

	for (int i = 0; i < p->plan.n_rows; i++) {
		const struct pairs_result *row = &p->row[i];
		if (goes_on(row) && row->processes)
			s += ARMS * blocks * row->spent_s / row->processes;
	}
	return s;
}

struct tick {
	struct pairs *p;
	int row, block, blocks; /* of this call of pairs_measure() */
	const char *arm;
};

/* "sdxl-unet  pair 3/10  A" */
static void show(void *arg, double seconds)
{
	struct tick *t = arg;
	struct pairs *p = t->p;
	double left = pairs_estimate(p, t->blocks - t->block) - seconds;
	int rows = p->plan.n_rows;
	char text[160];

	snprintf(text, sizeof text, "%s  pair %d/%d  %s", p->plan.row[t->row].name, t->block + 1,
		 t->blocks, t->arm);
	progress_draw(p->plan.progress, text, t->block * rows + t->row, rows * t->blocks,
		      left > 0 ? left : -1);
}

static struct child_job job_of(struct pairs *p, int i, int arm, struct tick *tick)
{
	const struct pairs_row *what = &p->plan.row[i];
	const struct pairs_result *row = &p->row[i];

	return (struct child_job){ .binary = p->plan.arm[arm].binary, .workload = what->workload,
				   .args = what->args, .more = p->plan.arm[arm].args,
				   .samples = row->samples, .warmup = row->warmup,
				   .db = pairs_record_path(p, arm),
				   .timeout_s = patience(p, row), .tick = show, .tick_arg = tick };
}

static int64_t memory_of(const json_t *run)
{
	int64_t peak = json_integer_value(json_object_get(run, "peak_memory_bytes"));
	int64_t predicted = json_integer_value(json_object_get(run, "predicted_memory_bytes"));

	return peak > predicted ? peak : predicted;
}

/* Notes and records a process that has ended; pair -1: the one in front. */
static void note_process(struct pairs *p, int i, int arm, int pair,
			 const struct child_result *child, const struct err *e)
{
	struct pairs_result *row = &p->row[i];
	int64_t bytes = memory_of(child->run);

	if (!e->code && !child->status) {
		row->spent_s += child->seconds;
		row->processes++;
	}
	row->knows_turns[arm] = json_object_get(child->run, "turns") != NULL;
	if (bytes > row->bytes[arm])
		row->bytes[arm] = bytes;
	pairs_record_run(p, i, arm, pair, child);
	p->order++;
}

/* Both arms are one program, so that what one showed the other can. */
static bool same_program(const struct pairs *p)
{
	const char *a = p->plan.arm[ARM_A].binary, *b = p->plan.arm[ARM_B].binary;

	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

/* For both, with a tenth to spare. An arm that has not run yet may take twice what the other does:
 * another dtype, for one. */
static double memory_for_both(const struct pairs_result *row)
{
	double a = (double)row->bytes[ARM_A], b = (double)row->bytes[ARM_B];

	return 1.1 * (a + (b > 0 ? b : 2 * a));
}

static bool in_turns(struct pairs *p, const struct pairs_result *row)
{
	double need = memory_for_both(row), there = (double)memory_available();

	if (p->plan.apart || !row->knows_turns[ARM_A] ||
	    !(row->knows_turns[ARM_B] || same_program(p)))
		return false;
	if (need > there && !p->told_apart)
		progress_say(p->plan.progress,
			     "note: A and B run one after the other instead of in turns: together "
			     "they may need %s, %s are free",
			     text_bytes(need).s, text_bytes(there).s);
	p->told_apart = p->told_apart || need > there;
	return need <= there;
}

/* ---- pairs -------------------------------------------------------------------------------------
 */

/* Before more is spent on a row: may its arms be compared at all? */
static int check_comparable(const struct pairs *p, const struct pairs_result *row, struct err *e)
{
	const struct fingerprint_rule *rule = &p->plan.rule;

	if (!row->fingerprint[ARM_A] || !row->fingerprint[ARM_B]) {
		progress_note(p->plan.progress,
			      "a program of an older version does not tell what it "
			      "ran on; only its results are compared");
		return 0;
	}
	for (int i = 0; i < rule->n_vary; i++)
		if (fingerprint_check_key(row->fingerprint[ARM_A], row->fingerprint[ARM_B],
					  rule->vary[i], e))
			return -(int)e->code;
	return fingerprint_compare(row->fingerprint[ARM_A], row->fingerprint[ARM_B], rule,
				   progress_note, p->plan.progress, e);
}

static bool busy(const struct pairs_process *x)
{
	return x->contention > DISTURBED_SHARE || x->invalid;
}

static bool slow(const struct pairs_process *x, double best)
{
	return x->reference_rate > 0 && x->reference_rate < DISTURBED_BELOW * best;
}

/* By all processes of the row so far, so that a pair may become disturbed later. A slow machine
 * does not disturb two processes that took turns: it was slow for both. */
static void judge_disturbance(struct pairs_result *row)
{
	double best = 0;

	for (int i = 0; i < row->n; i++)
		for (int arm = 0; arm < ARMS; arm++)
			best = fmax(best, row->process[arm][i].reference_rate);
	for (int i = 0; i < row->n; i++) {
		const struct pairs_process *a = &row->process[ARM_A][i];
		const struct pairs_process *b = &row->process[ARM_B][i];
		bool together = a->turns && b->turns;
		row->disturbed[i] = busy(a) || busy(b) ||
				    (!together && (slow(a, best) || slow(b, best)));
	}
}

static int take_pair(struct pairs *p, int i, const struct child_result child[ARMS], struct err *e)
{
	struct pairs_result *row = &p->row[i];
	const json_t *run[ARMS] = { child[ARM_A].run, child[ARM_B].run };

	make_room(row);
	if (pairs_read_pair(row, run, e))
		return -(int)e->code;
	for (int arm = 0; arm < ARMS; arm++)
		pairs_read_process(&row->process[arm][row->n], &child[arm]);
	row->n++;
	judge_disturbance(row);
	return row->n == 1 ? check_comparable(p, row, e) : 0;
}

static void run_apart(const struct child_job job[ARMS], int first, struct tick *tick,
		      struct child_result child[ARMS], struct err e[ARMS])
{
	child[!first].status = -1;
	for (int k = 0; k < ARMS && !e[first].code && !process_interrupted(); k++) {
		int arm = k ? !first : first;
		tick->arm = arm == ARM_A ? "A" : "B";
		show(tick, 0);
		child_run(&job[arm], &child[arm], &e[arm]);
	}
}

/* A coin says which arm comes first. Half a pair is recorded but not taken. */
static int measure_pair(struct pairs *p, int i, struct tick *tick, struct err *e)
{
	struct child_result child[ARMS] = { { 0 }, { 0 } };
	struct child_job job[ARMS] = { job_of(p, i, ARM_A, tick), job_of(p, i, ARM_B, tick) };
	struct err mine[ARMS] = { { 0 }, { 0 } };
	int pair = p->row[i].n, first = pair_swapped(p->plan.seed, pair) ? ARM_B : ARM_A;

	if (in_turns(p, &p->row[i])) {
		tick->arm = "A and B";
		show(tick, 0);
		child_run_in_turns(job, first, child, mine);
	} else {
		run_apart(job, first, tick, child, mine);
	}
	for (int k = 0; k < ARMS; k++) {
		int arm = k ? !first : first;
		if (child[arm].status >= 0)
			note_process(p, i, arm, pair, &child[arm], &mine[arm]);
	}
	p->row[i].failed_arm = mine[first].code ? first : mine[!first].code ? !first : -1;
	*e = mine[first].code ? mine[first] : mine[!first];
	if (!e->code)
		take_pair(p, i, child, e);
	child_free(&child[ARM_A]);
	child_free(&child[ARM_B]);
	return -(int)e->code;
}

static bool has_word(const char *const *words, const char *word)
{
	for (; words && *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

/* Verdicts need a fixed number of samples, chosen by how long one takes and by nothing else. Who
 * chose it, on the command line or in the environment, is not overruled. */
static void choose_samples(const struct pairs_row *what, struct pairs_result *row, double seconds)
{
	if (has_word(what->args, "--samples") || has_word(what->args, "--stop") ||
	    getenv("BENCH_SAMPLES") || getenv("BENCH_STOP"))
		return;
	row->samples = seconds < BRIEF_S ? 30 : seconds < LONG_S ? 10 : 1;
	row->warmup = seconds < BRIEF_S ? 5 : seconds < LONG_S ? 2 : 0;
}

static int warm_up(struct pairs *p, int i, struct tick *tick, struct err *e)
{
	struct child_job job = job_of(p, i, ARM_A, tick);
	struct child_result child;
	json_t *latency;

	tick->arm = "warm-up";
	show(tick, 0);
	child_run(&job, &child, e);
	note_process(p, i, ARM_A, -1, &child, e);
	p->row[i].failed_arm = e->code ? ARM_A : -1;
	latency = json_object_get(json_object_get(child.run, "latency_s"), "median");
	if (!e->code && json_is_number(latency))
		choose_samples(&p->plan.row[i], &p->row[i], json_number_value(latency));
	child_free(&child);
	p->row[i].warm = true;
	return -(int)e->code;
}

/* One pair of one row. Only an interruption is an error for the caller. */
static int advance(struct pairs *p, int i, struct tick *tick, struct err *e)
{
	struct pairs_result *row = &p->row[i];
	struct err mine = { 0 };

	tick->row = i;
	if (!row->warm)
		warm_up(p, i, tick, &mine);
	if (!mine.code)
		measure_pair(p, i, tick, &mine);
	if (mine.code == ERR_INTERRUPTED || process_interrupted())
		return err_set(e, ERR_INTERRUPTED, "interrupted; %d finished block%s kept",
			       p->blocks_done, p->blocks_done == 1 ? " is" : "s are");
	if (mine.code)
		row->err = mine;
	return 0;
}

static bool any_left(const struct pairs *p)
{
	for (int i = 0; i < p->plan.n_rows; i++)
		if (goes_on(&p->row[i]))
			return true;
	return false;
}

static bool time_for_one_more(const struct pairs *p)
{
	double spent = clock_s() - p->started_s;
	return p->plan.budget_s <= 0 || spent + pairs_estimate(p, 1) <= p->plan.budget_s;
}

int pairs_measure(struct pairs *p, int blocks, struct err *e)
{
	struct tick tick = { .p = p, .blocks = blocks };

	for (int b = 0; b < blocks && any_left(p) && !e->code; b++) {
		if (p->blocks_done && !time_for_one_more(p)) {
			p->out_of_time = true;
			break;
		}
		for (int i = 0; i < p->plan.n_rows && !e->code; i++)
			if (goes_on(&p->row[i]))
				advance(p, i, &tick, e);
		tick.block++;
		p->blocks_done += !e->code;
	}
	progress_clear(p->plan.progress);
	return -(int)e->code;
}

int pairs_begin(struct pairs *p, const struct pairs_plan *plan, struct err *e)
{
	*p = (struct pairs){ .plan = *plan, .started_s = clock_s() };
	p->row = calloc((size_t)plan->n_rows + 1, sizeof *p->row);
	die_if(!p->row, "out of memory");
	if (!plan->seed && getrandom(&p->plan.seed, sizeof p->plan.seed, 0) < 0)
		p->plan.seed = (uint64_t)clock_ns();
	process_catch_signals();
	return pairs_record_begin(p, e);
}

void pairs_end(struct pairs *p, int exit_code)
{
	pairs_record_end(p, exit_code);
	for (int i = 0; p->row && i < p->plan.n_rows; i++)
		free_row(&p->row[i]);
	free(p->row);
	p->row = NULL;
}

const struct pairs_series *pairs_find(const struct pairs_result *row, const char *metric,
				      const char *stage)
{
	for (int i = 0; i < row->n_series; i++)
		if (strcmp(row->series[i].metric, metric) == 0 &&
		    strcmp(row->series[i].stage, stage) == 0)
			return &row->series[i];
	return NULL;
}

int pairs_disturbed(const struct pairs_result *row)
{
	int n = 0;

	for (int i = 0; i < row->n; i++)
		n += row->disturbed[i];
	return n;
}
