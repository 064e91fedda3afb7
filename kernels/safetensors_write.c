/* SPDX-License-Identifier: MIT
 *
 * Writes safetensors files, byte for byte as the Python package lays them out, atomically.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "safetensors.h"

/* A growing text. */
struct text {
	char *at;
	size_t len, capacity;
};

static void append(struct text *t, const char *s, size_t n)
{
	if (t->len + n > t->capacity) {
		t->capacity = 2 * (t->len + n) + 4096;
		t->at = realloc(t->at, t->capacity);
		die_if(!t->at, "out of memory");
	}
	memcpy(t->at + t->len, s, n);
	t->len += n;
}

static void append_string(struct text *t, const char *s)
{
	append(t, s, strlen(s));
}

static void append_int(struct text *t, const char *before, int64_t v)
{
	char buf[48];
	append(t, buf, (size_t)snprintf(buf, sizeof buf, "%s%lld", before, (long long)v));
}

/* A JSON string with its quotes. */
static void append_quoted(struct text *t, const char *s)
{
	json_t *j = json_string(s);
	char *quoted = j ? json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	die_if(!quoted, "a tensor's name is not UTF-8");
	append_string(t, quoted);
	free(quoted);
	json_decref(j);
}

static int by_type_and_name(const void *a, const void *b)
{
	const struct st_tensor *const *x = a, *const *y = b;

	if ((*x)->dtype != (*y)->dtype)
		return (*x)->dtype > (*y)->dtype ? -1 : 1;
	return strcmp((*x)->name, (*y)->name);
}

/* Pointers to the n tensors in file order; the caller frees. */
static const struct st_tensor **file_order(const struct st_tensor *t, int n)
{
	const struct st_tensor **order = malloc(((size_t)n + 1) * sizeof *order);

	die_if(!order, "out of memory");
	for (int i = 0; i < n; i++)
		order[i] = &t[i];
	qsort(order, (size_t)n, sizeof *order, by_type_and_name);
	for (int i = 1; i < n; i++)
		die_if(strcmp(order[i - 1]->name, order[i]->name) == 0, "two tensors are named %s",
		       order[i]->name);
	return order;
}

static void append_entry(struct text *h, const struct st_tensor *t, int64_t begin)
{
	append_string(h, ",");
	append_quoted(h, t->name);
	append_string(h, ":{\"dtype\":\"");
	append_string(h, st_dtype_name(t->dtype));
	append_string(h, "\",\"shape\":[");
	for (int i = 0; i < t->ndim; i++)
		append_int(h, i ? "," : "", t->dim[i]);
	append_int(h, "],\"data_offsets\":[", begin);
	append_int(h, ",", begin + st_bytes(t));
	append_string(h, "]}");
}

/* Length field and JSON text; *values gets the bytes that follow. */
static struct text make_header(const struct st_tensor *const *order, int n, int64_t *values)
{
	struct text h = { 0 };
	uint64_t length = 0;

	append(&h, (const char *)&length, sizeof length);
	append_string(&h, "{\"__metadata__\":{\"format\":\"pt\"}");
	*values = 0;
	for (int i = 0; i < n; i++) {
		append_entry(&h, order[i], *values);
		*values += st_bytes(order[i]);
	}
	append_string(&h, "}");
	while (h.len % 8)
		append_string(&h, " ");
	length = htole64(h.len - 8);
	memcpy(h.at, &length, sizeof length);
	return h;
}

int64_t st_file_bytes(const struct st_tensor *t, int n)
{
	const struct st_tensor **order = file_order(t, n);
	int64_t values;
	struct text h = make_header(order, n, &values);

	free(order);
	free(h.at);
	return (int64_t)h.len + values;
}

static int write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int write_content(int fd, const struct st_tensor *const *order, int n)
{
	int64_t values;
	struct text h = make_header(order, n, &values);
	int failed = write_all(fd, h.at, h.len);

	free(h.at);
	for (int i = 0; i < n && !failed; i++)
		failed = write_all(fd, order[i]->data, (size_t)st_bytes(order[i]));
	return failed || fsync(fd);
}

/* Makes a rename in the directory of `path` durable; a file system that cannot is left alone. */
static void sync_directory(const char *path)
{
	char *dir = strdup(path), *slash = dir ? strrchr(dir, '/') : NULL;
	int fd;

	if (slash)
		slash[slash == dir] = 0;
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(dir);
}

static int write_beside(const char *path, const char *temporary,
			const struct st_tensor *const *order, int n, struct err *e)
{
	int fd, failed, why;

	unlink(temporary); /* left by a crash of a process with our number */
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_set(e, ERR_FAILED, "%s: cannot be written: %s", path, strerror(errno));
	failed = write_content(fd, order, n);
	why = errno;
	if (close(fd) && !failed) {
		failed = 1;
		why = errno;
	}
	if (!failed && rename(temporary, path)) {
		failed = 1;
		why = errno;
	}
	if (!failed)
		return 0;
	unlink(temporary);
	return err_set(e, ERR_FAILED, "%s: cannot be written: %s", path, strerror(why));
}

int st_write(const char *path, const struct st_tensor *t, int n, struct err *e)
{
	const struct st_tensor **order;
	size_t room = strlen(path) + 32;
	char *temporary;
	struct stat st;
	int failed;

	/* a rename would replace a device or a pipe by a file */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(e, ERR_FAILED, "%s: cannot be written: is %s", path,
			       S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
	temporary = malloc(room);
	die_if(!temporary, "out of memory");
	snprintf(temporary, room, "%s.%ld.tmp", path, (long)getpid());
	order = file_order(t, n);
	failed = write_beside(path, temporary, order, n, e);
	if (!failed)
		sync_directory(path);
	free(order);
	free(temporary);
	return failed;
}
