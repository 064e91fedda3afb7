/* SPDX-License-Identifier: MIT */
#include "safetensors.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_MAX 100000000 /* the format's own limit */
#define MAX_ELEMS ((int64_t)1 << 48)

struct st_file {
	char *path;
	int fd;             /* -1: the bytes are in memory */
	const char *memory;
	int64_t bytes;      /* of the whole file */
	int64_t header;     /* bytes of the JSON text */
	struct st_tensor *tensor; /* by offset */
	struct st_tensor **by_name;
	int count;
};

static const struct {
	const char *name;
	size_t bytes;
} dtype_table[ST_DTYPES] = {
	[ST_BOOL] = { "BOOL", 1 },       [ST_U8] = { "U8", 1 },     [ST_I8] = { "I8", 1 },
	[ST_F8_E5M2] = { "F8_E5M2", 1 }, [ST_F8_E4M3] = { "F8_E4M3", 1 },
	[ST_I16] = { "I16", 2 },         [ST_U16] = { "U16", 2 },   [ST_F16] = { "F16", 2 },
	[ST_BF16] = { "BF16", 2 },       [ST_I32] = { "I32", 4 },   [ST_U32] = { "U32", 4 },
	[ST_F32] = { "F32", 4 },         [ST_F64] = { "F64", 8 },   [ST_I64] = { "I64", 8 },
	[ST_U64] = { "U64", 8 },
};

const char *st_dtype_name(enum st_dtype t)
{
	return dtype_table[t].name;
}

size_t st_dtype_bytes(enum st_dtype t)
{
	return dtype_table[t].bytes;
}

int64_t st_elems(const struct st_tensor *t)
{
	int64_t n = 1;
	for (int i = 0; i < t->ndim; i++)
		n *= t->dim[i];
	return n;
}

int64_t st_bytes(const struct st_tensor *t)
{
	return st_elems(t) * (int64_t)st_dtype_bytes(t->dtype);
}

const char *st_shape(const struct st_tensor *t, char *buf, size_t len)
{
	size_t used = (size_t)snprintf(buf, len, "[");

	for (int i = 0; i < t->ndim && used < len; i++)
		used += (size_t)snprintf(buf + used, len - used, "%s%lld", i ? "," : "",
					 (long long)t->dim[i]);
	if (used < len)
		snprintf(buf + used, len - used, "]");
	return buf;
}

const char *st_path(const struct st_file *f)
{
	return f->path;
}

int st_count(const struct st_file *f)
{
	return f->count;
}

const struct st_tensor *st_at(const struct st_file *f, int i)
{
	return &f->tensor[i];
}

const struct st_tensor *st_find(const struct st_file *f, const char *name)
{
	int lo = 0, hi = f->count;

	while (lo < hi) {
		int mid = lo + (hi - lo) / 2;
		int order = strcmp(name, f->by_name[mid]->name);
		if (order == 0)
			return f->by_name[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* "file: sentence" as a failure. */
__attribute__((format(printf, 3, 4)))
static int refuse(const struct st_file *f, struct err *e, const char *fmt, ...)
{
	char text[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(e, ERR_FAILED, "%s: %s", f->path, text);
}

int st_fetch(const struct st_file *f, int64_t at, size_t n, void *dst, struct err *e)
{
	char *p = dst;

	if (f->fd < 0) {
		memcpy(dst, f->memory + at, n);
		return 0;
	}
	while (n) {
		ssize_t got = pread(f->fd, p, n, at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return refuse(f, e, "cannot be read: %s", strerror(errno));
		if (got == 0)
			return refuse(f, e, "became shorter while it was read");
		p += got;
		at += got;
		n -= (size_t)got;
	}
	return 0;
}

/* ---- header ---------------------------------------------------------------------------------- */

static int parse_dtype(const struct st_file *f, struct st_tensor *t, const json_t *j,
		       struct err *e)
{
	const char *name = json_string_value(j);

	if (!name)
		return refuse(f, e, "tensor %.200s has no dtype", t->name);
	for (int i = 0; i < ST_DTYPES; i++) {
		if (strcmp(name, dtype_table[i].name) == 0) {
			t->dtype = (enum st_dtype)i;
			return 0;
		}
	}
	return refuse(f, e, "tensor %.200s has the unknown dtype \"%.40s\"", t->name, name);
}

static int parse_shape(const struct st_file *f, struct st_tensor *t, const json_t *j,
		       struct err *e)
{
	int64_t elems = 1;

	if (!json_is_array(j))
		return refuse(f, e, "tensor %.200s has no shape", t->name);
	if (json_array_size(j) > ST_DIMS)
		return refuse(f, e, "tensor %.200s has %zu dimensions, more than %d", t->name,
			      json_array_size(j), ST_DIMS);
	t->ndim = (int)json_array_size(j);
	for (int i = 0; i < t->ndim; i++) {
		const json_t *d = json_array_get(j, (size_t)i);
		if (!json_is_integer(d) || json_integer_value(d) < 0)
			return refuse(f, e, "dimension %d of tensor %.200s is not a size", i,
				      t->name);
		t->dim[i] = json_integer_value(d);
		if (__builtin_mul_overflow(elems, t->dim[i], &elems) || elems > MAX_ELEMS)
			return refuse(f, e, "tensor %.200s has an impossible shape", t->name);
	}
	return 0;
}

static int parse_offsets(const struct st_file *f, struct st_tensor *t, const json_t *j,
			 struct err *e)
{
	const json_t *a = json_array_get(j, 0), *b = json_array_get(j, 1);
	int64_t data = 8 + f->header, begin, end;
	char shape[200];

	if (json_array_size(j) != 2 || !json_is_integer(a) || !json_is_integer(b))
		return refuse(f, e, "tensor %.200s has no data_offsets [begin,end]", t->name);
	begin = json_integer_value(a);
	end = json_integer_value(b);
	if (begin < 0 || end < begin || end > f->bytes - data)
		return refuse(f, e,
			      "tensor %.200s lies at bytes %lld to %lld, but the file holds %lld "
			      "bytes of values; it is damaged or was not copied completely",
			      t->name, (long long)begin, (long long)end,
			      (long long)(f->bytes - data));
	if (end - begin != st_bytes(t))
		return refuse(f, e, "tensor %.200s has %lld bytes, but %s of %s needs %lld",
			      t->name, (long long)(end - begin), st_shape(t, shape, sizeof shape),
			      st_dtype_name(t->dtype), (long long)st_bytes(t));
	t->offset = data + begin;
	return 0;
}

static int parse_tensor(struct st_file *f, const char *name, const json_t *j, struct err *e)
{
	struct st_tensor *t = &f->tensor[f->count];

	*t = (struct st_tensor){ .name = strdup(name) };
	die_if(!t->name, "out of memory");
	f->count++;
	if (json_object_size(j) != 3)
		return refuse(f, e,
			      "tensor %.200s is not described by dtype, shape and data_offsets",
			      name);
	if (parse_dtype(f, t, json_object_get(j, "dtype"), e) ||
	    parse_shape(f, t, json_object_get(j, "shape"), e) ||
	    parse_offsets(f, t, json_object_get(j, "data_offsets"), e))
		return -ERR_FAILED;
	return 0;
}

static int check_metadata(const struct st_file *f, const json_t *meta, struct err *e)
{
	const char *key;
	const json_t *value;

	if (!json_is_object(meta))
		return refuse(f, e, "its __metadata__ is not an object");
	json_object_foreach((json_t *)meta, key, value)
		if (!json_is_string(value))
			return refuse(f, e, "__metadata__ entry \"%.200s\" is not a string", key);
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	const struct st_tensor *x = a, *y = b;
	int64_t end_x = x->offset + st_bytes(x), end_y = y->offset + st_bytes(y);

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	if (end_x != end_y)
		return end_x < end_y ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
	const struct st_tensor *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

/* The values must fill the rest of the file: no overlap, no hole, nothing behind them. */
static int check_layout(const struct st_file *f, struct err *e)
{
	int64_t at = 8 + f->header;
	const char *last = NULL;

	for (int i = 0; i < f->count; i++) {
		const struct st_tensor *t = &f->tensor[i];
		if (t->offset < at)
			return refuse(f, e, "tensors %.200s and %.200s overlap", last, t->name);
		if (t->offset > at)
			return refuse(f, e, "%lld bytes before tensor %.200s belong to no tensor",
				      (long long)(t->offset - at), t->name);
		at += st_bytes(t);
		last = t->name;
	}
	if (at != f->bytes)
		return refuse(f, e, "%lld bytes at its end belong to no tensor",
			      (long long)(f->bytes - at));
	return 0;
}

static int parse_entries(struct st_file *f, json_t *root, struct err *e)
{
	const char *key;
	const json_t *value;
	size_t n = json_object_size(root);

	f->tensor = calloc(n + 1, sizeof *f->tensor);
	f->by_name = calloc(n + 1, sizeof *f->by_name);
	die_if(!f->tensor || !f->by_name, "out of memory");
	json_object_foreach(root, key, value) {
		if (strcmp(key, "__metadata__") == 0 ? check_metadata(f, value, e)
						      : parse_tensor(f, key, value, e))
			return -ERR_FAILED;
	}
	qsort(f->tensor, (size_t)f->count, sizeof *f->tensor, by_offset);
	for (int i = 0; i < f->count; i++)
		f->by_name[i] = &f->tensor[i];
	qsort(f->by_name, (size_t)f->count, sizeof *f->by_name, by_name);
	return check_layout(f, e);
}

static int parse_header(struct st_file *f, const char *text, struct err *e)
{
	json_error_t where;
	json_t *root;
	int failed;

	if (text[0] != '{')
		return refuse(f, e, "not a safetensors file: its header is not a JSON object");
	root = json_loadb(text, (size_t)f->header, JSON_REJECT_DUPLICATES, &where);
	if (!root)
		return refuse(f, e, "its JSON header is damaged at byte %d: %s", where.position,
			      where.text);
	failed = parse_entries(f, root, e);
	json_decref(root);
	return failed;
}

/* Reads the length and the text of the header, then all of its entries. */
static int load_header(struct st_file *f, struct err *e)
{
	uint64_t length;
	char *text;
	int failed;

	if (f->bytes == 0)
		return refuse(f, e, "is empty");
	if (f->bytes < 8 + 2)
		return refuse(f, e, "not a safetensors file: only %lld bytes long",
			      (long long)f->bytes);
	if (st_fetch(f, 0, sizeof length, &length, e))
		return -ERR_FAILED;
	length = le64toh(length);
	if (length < 2 || length > HEADER_MAX)
		return refuse(f, e, "not a safetensors file: a header of %llu bytes is impossible",
			      (unsigned long long)length);
	if (length > (uint64_t)f->bytes - 8)
		return refuse(f, e,
			      "its header should have %llu bytes, but the file has only %lld; it "
			      "was not copied completely",
			      (unsigned long long)length, (long long)f->bytes);
	f->header = (int64_t)length;
	text = malloc(length);
	if (!text)
		return refuse(f, e, "no memory for its header of %llu bytes",
			      (unsigned long long)length);
	failed = st_fetch(f, 8, length, text, e) ? -ERR_FAILED : parse_header(f, text, e);
	free(text);
	return failed;
}

/* ---- opening --------------------------------------------------------------------------------- */

static struct st_file *file_new(const char *name)
{
	struct st_file *f = calloc(1, sizeof *f);

	die_if(!f, "out of memory");
	f->path = strdup(name);
	die_if(!f->path, "out of memory");
	f->fd = -1;
	return f;
}

void st_close(struct st_file *f)
{
	if (!f)
		return;
	for (int i = 0; i < f->count; i++)
		free((char *)f->tensor[i].name);
	free(f->tensor);
	free(f->by_name);
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f);
}

static int open_regular(struct st_file *f, struct err *e)
{
	struct stat st;

	/* O_NONBLOCK: opening a pipe by mistake must not wait for its writer */
	f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0)
		return refuse(f, e, "cannot be opened: %s", strerror(errno));
	if (fstat(f->fd, &st))
		return refuse(f, e, "cannot be read: %s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return refuse(f, e, "is a directory, not a safetensors file");
	if (!S_ISREG(st.st_mode))
		return refuse(f, e, "is not a regular file");
	f->bytes = st.st_size;
	return 0;
}

static int finish_open(struct st_file **out, struct st_file *f, int failed)
{
	if (failed) {
		st_close(f);
		f = NULL;
	}
	*out = f;
	return failed;
}

int st_open(struct st_file **out, const char *path, struct err *e)
{
	struct st_file *f = file_new(path);
	int failed = open_regular(f, e);

	return finish_open(out, f, failed ? failed : load_header(f, e));
}

int st_open_memory(struct st_file **out, const char *name, const void *data, size_t bytes,
		   struct err *e)
{
	struct st_file *f = file_new(name);

	f->memory = data;
	f->bytes = (int64_t)bytes;
	return finish_open(out, f, load_header(f, e));
}
