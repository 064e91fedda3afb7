/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "policy.h"

#include <errno.h>
#include <ini.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "verdict.h"
#include "workload.h"

#define LONGEST_LINE  (1 << 16)

const char *const exact_names[EXACT_COUNT] = {
	[EXACT_MACS] = "macs",             [EXACT_BYTES] = "bytes",
	[EXACT_PARAMETERS] = "parameters", [EXACT_OPS] = "ops",
	[EXACT_MEMORY] = "memory",         [EXACT_ALLOCATIONS] = "allocations",
	[EXACT_HASH] = "hash",
};

/* ---- values ------------------------------------------------------------------------------------
 */

int parse_share(const char *text, double *share)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || !isfinite(v) || v < 0)
		return -1;
	if (*end == '%') {
		v /= 100;
		end++;
	}
	*share = v;
	return *end || v >= 1 ? -1 : 0;
}

int parse_metric(const char *text, char metric[POLICY_NAME], char stage[POLICY_NAME])
{
	size_t n = strcspn(text, ":");
	const char *after = text[n] ? text + n + 1 : "total";

	if (!n || n >= POLICY_NAME || !*after || strlen(after) >= POLICY_NAME)
		return -1;
	snprintf(metric, POLICY_NAME, "%.*s", (int)n, text);
	snprintf(stage, POLICY_NAME, "%s", after);
	return 0;
}

int parse_duration(const char *text, double *seconds)
{
	static const struct unit {
		const char *name;
		double s;
	} units[] = { { "s", 1 }, { "m", 60 }, { "min", 60 }, { "h", 3600 } };
	char *end;
	double v = strtod(text, &end);

	if (end == text || !isfinite(v) || v <= 0)
		return -1;
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strcmp(end, units[i].name) == 0) {
			*seconds = v * units[i].s;
			return 0;
		}
	return -1;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

struct reader {
	struct policy *p;
	struct err *e;
	FILE *file;
	int line;
	bool line_ended;
	bool comment;                 /* the line has one behind a blank, as inih wants it */
	bool blank;                   /* the last letter that was read was one */
	bool open;                    /* there was a section */
	struct policy_row *row;       /* the open section, or NULL */
	struct policy_waiver *waiver;
};

static void take_header(struct reader *r, const char *line);

/* What inih reads with, so that a handler knows its line, and so that a section without keys, of
 * which inih says nothing, is seen. A long line comes in several pieces. */
static char *next_piece(char *buf, int len, void *stream)
{
	struct reader *r = stream;
	char *got = fgets(buf, len, r->file);

	r->line += r->line_ended;
	if (got && r->line_ended) {
		r->comment = r->blank = false;
		take_header(r, got);
	}
	for (const char *c = got; c && *c; c++) {
		r->comment = r->comment || (r->blank && *c == ';');
		r->blank = *c == ' ' || *c == '\t';
	}
	r->line_ended = got && strchr(got, '\n');
	return got;
}

static int fail(struct reader *r, const char *what, const char *value, const char *wanted)
{
	err_set(r->e, ERR_USAGE, "%s line %d: %s '%.60s': it takes %s", r->p->path, r->line, what,
		value, wanted);
	return 0;
}

static int unknown(struct reader *r, const char *what, const char *name, const char *const *names,
		   int n)
{
	const char *near = nearest_name(name, names, n);
	char list[512] = "";
	size_t used = 0;

	for (int i = 0; i < n && used < sizeof list; i++)
		used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
					 names[i]);
	err_set(r->e, ERR_USAGE, "%s line %d: there is no %s '%.60s'%s%s%s; known: %s", r->p->path,
		r->line, what, name, near ? ", did you mean " : "", near ? near : "",
		near ? "?" : "", list);
	return 0;
}

static int copy_name(struct reader *r, char to[POLICY_NAME], const char *key, const char *value)
{
	if (!*value || strlen(value) >= POLICY_NAME)
		return fail(r, key, value, "a name of up to 63 characters");
	strcpy(to, value);
	return 1;
}

static char *copy(const char *text)
{
	char *s = strdup(text);

	die_if(!s, "out of memory");
	return s;
}

static int take_share(struct reader *r, const char *key, const char *value, double *to)
{
	return parse_share(value, to) ? fail(r, key, value, "a share such as 2%") : 1;
}

static int take_int(struct reader *r, const char *key, const char *value, int lo, int hi, int *to)
{
	char *end, wanted[64];
	long v = strtol(value, &end, 10);

	snprintf(wanted, sizeof wanted, "a whole number from %d to %d", lo, hi);
	if (end == value || *end || v < lo || v > hi)
		return fail(r, key, value, wanted);
	*to = (int)v;
	return 1;
}

/* Which of names[0..n) `value` is; -1 after an error. */
static int take_choice(struct reader *r, const char *key, const char *value,
		       const char *const *names, int n)
{
	char what[POLICY_NAME];

	for (int i = 0; i < n; i++)
		if (strcmp(value, names[i]) == 0)
			return i;
	snprintf(what, sizeof what, "value of %.40s", key);
	unknown(r, what, value, names, n);
	return -1;
}

/* Calls take() for each word of `value`; words are split by blanks and commas. */
static int each_word(struct reader *r, const char *value,
		     int (*take)(struct reader *r, const char *word))
{
	char *text = copy(value), *save = NULL;
	int ok = 1;

	for (char *w = strtok_r(text, " ,\t", &save); w && ok; w = strtok_r(NULL, " ,\t", &save))
		ok = take(r, w);
	free(text);
	return ok;
}

/* ---- [gate] ------------------------------------------------------------------------------------
 */

static const char *const gate_keys[] = { "base",  "pairs", "budget",   "floor",
					 "fwer", "inconclusive", "advisory" };

static int take_gate(struct reader *r, const char *key, const char *value)
{
	static const char *const inconclusive[] = { "warn", "fail", "pass" };
	static const char *const yes_no[] = { "no", "yes" };
	struct policy *p = r->p;
	int choice;

	if (strcmp(key, "base") == 0) {
		free(p->base);
		p->base = copy(value);
		return *value ? 1 : fail(r, key, value, "a git revision");
	}
	if (strcmp(key, "pairs") == 0)
		return take_int(r, key, value, 8, 1000, &p->pairs);
	if (strcmp(key, "budget") == 0)
		return parse_duration(value, &p->budget_s) ? fail(r, key, value, "90s, 15m or 2h") :
							     1;
	if (strcmp(key, "floor") == 0)
		return take_share(r, key, value, &p->floor);
	if (strcmp(key, "fwer") == 0)
		return take_share(r, key, value, &p->fwer) &&
		       (p->fwer > 0 || fail(r, key, value, "a share above 0: at 0 nothing is red"));
	if (strcmp(key, "inconclusive") == 0) {
		choice = take_choice(r, key, value, inconclusive, 3);
		p->inconclusive = choice < 0 ? INCONCLUSIVE_WARN : (enum inconclusive)choice;
		return choice >= 0;
	}
	if (strcmp(key, "advisory") == 0) {
		choice = take_choice(r, key, value, yes_no, 2);
		p->advisory = choice == 1;
		return choice >= 0;
	}
	return unknown(r, "key in [gate]", key, gate_keys,
		       (int)(sizeof gate_keys / sizeof *gate_keys));
}

/* ---- [row NAME] --------------------------------------------------------------------------------
 */

static const char *const row_keys[] = { "workload", "set",   "threads", "samples",
					"metrics",  "exact", "floor" };

static int take_setting(struct reader *r, const char *word)
{
	if (r->row->n_set == POLICY_WORDS)
		return fail(r, "set", word, "16 settings at most");
	if (!strchr(word, '=') || *word == '=')
		return fail(r, "set", word, "KEY=VALUE");
	r->row->set[r->row->n_set++] = copy(word);
	return 1;
}

static int take_metric(struct reader *r, const char *word)
{
	static const char *const names[] = { "latency", "step_latency" };
	struct policy_metric *m = &r->row->metric[r->row->n_metrics];

	if (r->row->n_metrics == POLICY_WORDS)
		return fail(r, "metrics", word, "16 metrics at most");
	if (parse_metric(word, m->metric, m->stage))
		return fail(r, "metrics", word, "METRIC or METRIC:STAGE");
	if (take_choice(r, "metrics", m->metric, names, 2) < 0)
		return 0;
	if (strcmp(m->metric, "step_latency") == 0 && !strchr(word, ':'))
		return fail(r, "metrics", word, "step_latency:STAGE");
	r->row->n_metrics++;
	return 1;
}

static int take_exact(struct reader *r, const char *word)
{
	int i = take_choice(r, "exact", word, exact_names, EXACT_COUNT);

	if (i >= 0)
		r->row->exact |= 1u << i;
	return i >= 0;
}

static int take_workload(struct reader *r, const char *value)
{
	struct err e = { 0 };

	if (preset_find(value, &e))
		return copy_name(r, r->row->workload, "workload", value);
	err_set(r->e, ERR_USAGE, "%s line %d: %s", r->p->path, r->line, e.msg);
	return 0;
}

static int take_row(struct reader *r, const char *key, const char *value)
{
	struct policy_row *row = r->row;

	if (strcmp(key, "workload") == 0)
		return take_workload(r, value);
	if (strcmp(key, "set") == 0)
		return each_word(r, value, take_setting);
	if (strcmp(key, "threads") == 0)
		return take_int(r, key, value, 1, 4096, &row->threads);
	if (strcmp(key, "samples") == 0)
		return take_int(r, key, value, 1, 1000000, &row->samples);
	if (strcmp(key, "metrics") == 0)
		return each_word(r, value, take_metric);
	if (strcmp(key, "exact") == 0)
		return each_word(r, value, take_exact);
	if (strcmp(key, "floor") == 0)
		return take_share(r, key, value, &row->floor);
	return unknown(r, "key in a [row]", key, row_keys,
		       (int)(sizeof row_keys / sizeof *row_keys));
}

/* ---- [waiver NAME] -----------------------------------------------------------------------------
 */

static const char *const waiver_keys[] = { "row", "metric", "limit", "expires", "reason" };

static int take_expiry(struct reader *r, const char *value)
{
	struct tm day = { 0 };
	const char *end = strptime(value, "%Y-%m-%d", &day);
	struct tm same;
	time_t start;

	if (!end || *end || strlen(value) != 10)
		return fail(r, "expires", value, "a day such as 2026-12-31");
	start = timegm(&day);
	gmtime_r(&start, &same);
	if (same.tm_mday != atoi(value + 8))
		return fail(r, "expires", value, "a day that exists");
	r->waiver->expires_unix_s = (int64_t)start + 86400;
	strcpy(r->waiver->expires, value);
	return 1;
}

/* Nobody wants half of it. */
static int take_reason(struct reader *r, const char *value)
{
	free(r->waiver->reason);
	r->waiver->reason = copy(value);
	if (r->comment)
		return fail(r, "reason", value, "no `;` behind a blank, where a comment begins");
	return *value ? 1 : fail(r, "reason", value, "a sentence");
}

static int take_waiver(struct reader *r, const char *key, const char *value)
{
	struct policy_waiver *w = r->waiver;

	if (strcmp(key, "row") == 0)
		return copy_name(r, w->row, key, value);
	if (strcmp(key, "metric") == 0)
		return copy_name(r, w->metric, key, value);
	if (strcmp(key, "limit") == 0)
		return take_share(r, key, value, &w->limit);
	if (strcmp(key, "expires") == 0)
		return take_expiry(r, value);
	if (strcmp(key, "reason") == 0)
		return take_reason(r, value);
	return unknown(r, "key in a [waiver]", key, waiver_keys,
		       (int)(sizeof waiver_keys / sizeof *waiver_keys));
}

/* ---- sections ----------------------------------------------------------------------------------
 */

static void *grow(void *array, int n, size_t size)
{
	void *bigger = realloc(array, ((size_t)n + 1) * size);

	die_if(!bigger, "out of memory");
	memset((char *)bigger + (size_t)n * size, 0, size);
	return bigger;
}

static int open_row(struct reader *r, const char *name)
{
	struct policy *p = r->p;

	for (int i = 0; i < p->n_rows; i++)
		if (strcmp(p->row[i].name, name) == 0)
			return fail(r, "second section [row", name, "another name");
	p->row = grow(p->row, p->n_rows, sizeof *p->row);
	r->row = &p->row[p->n_rows++];
	r->row->floor = -1;
	return copy_name(r, r->row->name, "row", name);
}

static int open_waiver(struct reader *r, const char *name)
{
	struct policy *p = r->p;

	p->waiver = grow(p->waiver, p->n_waivers, sizeof *p->waiver);
	r->waiver = &p->waiver[p->n_waivers++];
	r->waiver->limit = -1;
	return copy_name(r, r->waiver->name, "waiver", name);
}

static int open_section(struct reader *r, const char *section)
{
	static const char *const kinds[] = { "gate", "row", "waiver" };
	size_t n = strcspn(section, " \t");
	const char *name = section + n + strspn(section + n, " \t");

	r->open = true;
	r->row = NULL;
	r->waiver = NULL;
	if (n == 4 && strncmp(section, "gate", n) == 0 && !*name)
		return 1;
	if (n == 3 && strncmp(section, "row", n) == 0)
		return open_row(r, name);
	if (n == 6 && strncmp(section, "waiver", n) == 0)
		return open_waiver(r, name);
	return unknown(r, "section", section, kinds, 3);
}

/* Opens the section that the line begins, if it does. */
static void take_header(struct reader *r, const char *line)
{
	const char *end = strchr(line, ']');
	char *section;

	line += strncmp(line, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* some editors begin a file so */
	line += strspn(line, " \t");
	if (r->e->code || *line != '[')
		return;
	section = strndup(line + 1, end ? (size_t)(end - line) - 1 : strcspn(line + 1, "\r\n"));
	die_if(!section, "out of memory");
	if (end)
		open_section(r, section);
	else
		fail(r, "section", section, "a `]` behind a name of up to 63 characters");
	free(section);
}

static int take_pair(void *user, const char *section, const char *key, const char *value)
{
	struct reader *r = user;

	(void)section; /* cut by inih where it is long; take_header() has all of it */
	if (r->e->code)
		return 0;
	if (!r->open)
		return fail(r, key, value, "a [section] above it");
	if (r->row)
		return take_row(r, key, value);
	if (r->waiver)
		return take_waiver(r, key, value);
	return take_gate(r, key, value);
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static int check_row(const struct policy *p, const struct policy_row *row, struct err *e)
{
	if (!*row->workload)
		return err_set(e, ERR_USAGE, "%s: [row %s] lacks its workload", p->path, row->name);
	if (!row->n_metrics && !row->exact)
		return err_set(e, ERR_USAGE,
			       "%s: [row %s] gates nothing: name `metrics` (such as latency) or "
			       "`exact` (such as macs)", p->path, row->name);
	return 0;
}

static bool has_row(const struct policy *p, const char *name)
{
	for (int i = 0; i < p->n_rows; i++)
		if (strcmp(p->row[i].name, name) == 0)
			return true;
	return false;
}

static int check_waiver(const struct policy *p, const struct policy_waiver *w, struct err *e)
{
	if (!w->reason || !*w->expires)
		return err_set(e, ERR_USAGE, "%s: [waiver %s] lacks its %s", p->path, w->name,
			       w->reason ? "day of expiry (expires = 2026-12-31)" : "reason");
	if (!*w->metric)
		return err_set(e, ERR_USAGE, "%s: [waiver %s] lacks its metric (or * for all)",
			       p->path, w->name);
	if (*w->row && strcmp(w->row, "*") != 0 && !has_row(p, w->row))
		return err_set(e, ERR_USAGE, "%s: [waiver %s] is for row '%s', which is not there",
			       p->path, w->name, w->row);
	return 0;
}

static int check(const struct policy *p, struct err *e)
{
	if (!p->n_rows)
		return err_set(e, ERR_USAGE, "%s has no [row NAME]: a gate without rows would "
			       "always be green", p->path);
	for (int i = 0; i < p->n_rows; i++)
		if (check_row(p, &p->row[i], e))
			return -(int)e->code;
	for (int i = 0; i < p->n_waivers; i++)
		if (check_waiver(p, &p->waiver[i], e))
			return -(int)e->code;
	return 0;
}

int policy_read(struct policy *p, const char *path, struct err *e)
{
	struct reader r = { .p = p, .e = e, .line_ended = true };
	int rc;

	*p = (struct policy){ .path = copy(path), .floor = VERDICT_FLOOR,
			      .fwer = verdict_rule(VERDICT_FLOOR, true).fwer };
	r.file = fopen(path, "r");
	if (!r.file)
		return err_set(e, ERR_USAGE, "cannot read the policy %s: %s", path,
			       strerror(errno));
	ini_use_stack = false;
	ini_allow_realloc = true;
	ini_allow_multiline = false;
	ini_max_line = LONGEST_LINE;
	rc = ini_parse_stream(next_piece, &r, take_pair, &r);
	if (rc > 0)
		err_set(e, ERR_USAGE, "%s line %d is neither [section] nor key = value", path, rc);
	else if (rc < 0 || ferror(r.file))
		err_set(e, ERR_USAGE, "cannot read the policy %s: %s", path, strerror(errno));
	fclose(r.file);
	return e->code ? -(int)e->code : check(p, e);
}

void policy_free(struct policy *p)
{
	for (int i = 0; i < p->n_rows; i++)
		for (int k = 0; k < p->row[i].n_set; k++)
			free(p->row[i].set[k]);
	for (int i = 0; i < p->n_waivers; i++)
		free(p->waiver[i].reason);
	free(p->row);
	free(p->waiver);
	free(p->path);
	free(p->base);
	*p = (struct policy){ 0 };
}

static bool matches(const char *pattern, const char *name)
{
	return !*pattern || strcmp(pattern, "*") == 0 || strcmp(pattern, name) == 0;
}

const struct policy_waiver *policy_waiver_of(const struct policy *p, const char *row,
					     const char *metric, int64_t now_unix_s, bool *expired)
{
	const struct policy_waiver *late = NULL;

	*expired = false;
	for (int i = 0; i < p->n_waivers; i++) {
		const struct policy_waiver *w = &p->waiver[i];
		if (!matches(w->row, row) || !matches(w->metric, metric))
			continue;
		if (now_unix_s < w->expires_unix_s)
			return w;
		late = w;
	}
	*expired = late != NULL;
	return late;
}

double policy_floor(const struct policy *p, const struct policy_row *row)
{
	return row->floor >= 0 ? row->floor : p->floor;
}
