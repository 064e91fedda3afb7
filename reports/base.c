/* SPDX-License-Identifier: MIT */
#include "base.h"

#include <errno.h>
#include <math.h>
#include <nettle/sha2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void *need(void *p)
{
	if (!p) {
		fputs("bench: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *new_array(size_t n, size_t size)
{
	return need(calloc(n ? n : 1, size));
}

void *grow(void *v, int n, size_t size)
{
	if (n && (n & (n - 1)))
		return v;
	return need(realloc(v, (n ? 2 * (size_t)n : 1) * size));
}

char *copy_text(const char *s)
{
	return need(strdup(s));
}

/* ---- text --------------------------------------------------------------------------------------
 */

void text_begin(struct text *t)
{
	*t = (struct text){ .s = new_array(256, 1), .room = 256 };
}

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->len, t->room - t->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if (t->len + (size_t)n >= t->room) {
		t->room = 2 * (t->len + (size_t)n + 1);
		t->s = need(realloc(t->s, t->room));
		va_start(ap, fmt);
		vsnprintf(t->s + t->len, t->room - t->len, fmt, ap);
		va_end(ap);
	}
	t->len += (size_t)n;
}

void text_end(struct text *t)
{
	free(t->s);
	*t = (struct text){ 0 };
}

int fail(struct report_error *e, enum report_code code, const char *fmt, ...)
{
	va_list ap;

	if (e->code)
		return (int)e->code;
	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	return (int)code;
}

static int distance(const char *a, const char *b)
{
	int row[64], n = (int)strlen(b);

	if (n > 63)
		return 64;
	for (int j = 0; j <= n; j++)
		row[j] = j;
	for (int i = 1; *a; a++, i++) {
		int diagonal = row[0];
		row[0] = i;
		for (int j = 1; j <= n; j++) {
			int best = diagonal + (*a != b[j - 1]);
			diagonal = row[j];
			best = best < row[j] + 1 ? best : row[j] + 1;
			row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
		}
	}
	return row[n];
}

const char *nearest(const char *word, const char *const *names)
{
	int least = (int)strlen(word) / 2 + 1;
	const char *best = NULL;

	for (; *names; names++) {
		int d = distance(word, *names);
		if (d < least) {
			least = d;
			best = *names;
		}
	}
	return best;
}

/* ---- rows --------------------------------------------------------------------------------------
 */

static int take_row(void *arg, int n, const char *const *names, const struct db_value *v)
{
	struct rows *r = arg;

	if (!r->columns) {
		r->columns = n < ROWS_COLUMNS ? n : ROWS_COLUMNS;
		r->number = new_array(ROWS_COLUMNS, sizeof *r->number);
		for (int i = 0; i < r->columns; i++) {
			r->name[i] = copy_text(names[i]);
			r->number[i] = true;
		}
	}
	if (!v)
		return 0;
	r->cell = need(realloc(r->cell, ((size_t)r->n + 1) * (size_t)r->columns * sizeof *r->cell));
	for (int i = 0; i < r->columns; i++) {
		char **cell = &r->cell[r->n * r->columns + i];
		*cell = v[i].type == DB_NULL ? NULL : copy_text(v[i].text);
		r->number[i] &= v[i].type != DB_TEXT && v[i].type != DB_BLOB;
	}
	r->n++;
	return 0;
}

int rows_query_with(struct rows *r, struct db *db, const char *sql, const char *const *args,
		    int n_args, struct report_error *e)
{
	*r = (struct rows){ 0 };
	if (db_query(db, sql, args, n_args, take_row, r))
		return fail(e, REPORT_DB, "%s", db_error(db));
	return 0;
}

int rows_query(struct rows *r, struct db *db, const char *sql, struct report_error *e)
{
	return rows_query_with(r, db, sql, NULL, 0, e);
}

void rows_end(struct rows *r)
{
	for (int i = 0; i < r->columns; i++)
		free(r->name[i]);
	for (int i = 0; i < r->n * r->columns; i++)
		free(r->cell[i]);
	free(r->cell);
	free(r->number);
	*r = (struct rows){ 0 };
}

int rows_column(const struct rows *r, const char *name)
{
	for (int i = 0; i < r->columns; i++)
		if (strcmp(r->name[i], name) == 0)
			return i;
	return -1;
}

const char *rows_text(const struct rows *r, int row, const char *column)
{
	int c = rows_column(r, column);
	const char *s = c < 0 ? NULL : r->cell[row * r->columns + c];

	return s ? s : "";
}

void rows_remove(struct rows *r, int row)
{
	char **at = &r->cell[row * r->columns];

	for (int i = 0; i < r->columns; i++)
		free(at[i]);
	r->n--;
	memmove(at, at + r->columns, (size_t)((r->n - row) * r->columns) * sizeof *at);
}

static void add_column(struct rows *r, const char *name)
{
	int wide = r->columns + 1;
	char **cell = new_array((size_t)r->n * (size_t)wide, sizeof *cell);

	for (int i = 0; i < r->n; i++)
		memcpy(&cell[i * wide], &r->cell[i * r->columns],
		       (size_t)r->columns * sizeof *cell);
	free(r->cell);
	r->cell = cell;
	r->name[r->columns] = copy_text(name);
	r->number[r->columns] = false;
	r->columns = wide;
}

void rows_set(struct rows *r, int row, const char *column, const char *text)
{
	char **cell;

	if (rows_column(r, column) < 0 && r->columns == ROWS_COLUMNS)
		return;
	if (rows_column(r, column) < 0)
		add_column(r, column);
	cell = &r->cell[row * r->columns + rows_column(r, column)];
	free(*cell);
	*cell = copy_text(text);
}

double rows_number(const struct rows *r, int row, const char *column)
{
	const char *s = rows_text(r, row, column);
	char *end;
	double v = strtod(s, &end);

	return *s && !*end ? v : NAN;
}

/* ---- files -------------------------------------------------------------------------------------
 */

char *file_read(const char *path, size_t *len, struct report_error *e)
{
	FILE *f = fopen(path, "r");
	struct stat st;
	char *s = NULL;

	if (!f || fstat(fileno(f), &st) || !S_ISREG(st.st_mode)) {
		fail(e, REPORT_USAGE, "%s cannot be read: %s", path,
		     f ? "it is not a file" : strerror(errno));
	} else if (st.st_size > 64 << 20) {
		fail(e, REPORT_USAGE, "%s is too large to be one of ours", path);
	} else {
		s = new_array((size_t)st.st_size + 1, 1);
		*len = fread(s, 1, (size_t)st.st_size, f);
	}
	if (f)
		fclose(f);
	return s;
}

int file_write(const char *path, const void *bytes, size_t len, struct report_error *e)
{
	struct text beside;
	FILE *f;
	int bad;

	text_begin(&beside);
	text_add(&beside, "%s.new", path);
	f = fopen(beside.s, "w");
	bad = !f || fwrite(bytes, 1, len, f) != len;
	if (f && fclose(f))
		bad = 1;
	if (bad || rename(beside.s, path)) {
		fail(e, REPORT_FAILED, "%s cannot be written: %s", path, strerror(errno));
		unlink(beside.s);
	}
	text_end(&beside);
	return (int)e->code;
}

int directory_make(const char *path, struct report_error *e)
{
	char *part = copy_text(path);
	struct stat st;

	for (char *p = part + 1; *p; p++)
		if (*p == '/') {
			*p = 0;
			mkdir(part, 0777);
			*p = '/';
		}
	mkdir(part, 0777);
	free(part);
	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return fail(e, REPORT_FAILED, "the directory %s cannot be made: %s", path,
			    strerror(errno));
	return 0;
}

void sha256_text(const char *s, size_t len, char out[65])
{
	struct sha256_ctx c;
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_init(&c);
	sha256_update(&c, len, (const uint8_t *)s);
	sha256_digest(&c, SHA256_DIGEST_SIZE, digest);
	for (int i = 0; i < SHA256_DIGEST_SIZE; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}
