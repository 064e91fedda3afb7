/* SPDX-License-Identifier: MIT
 *
 * The safetensors file format: 8 bytes with the header's length (little endian), a JSON header of
 * name -> {dtype, shape, data_offsets}, then the values, dense and without holes.
 *
 * Nothing in a file is trusted: lengths, offsets, shapes and types are checked when it is opened,
 * and each refusal is one sentence with the file's name. Values are read with pread(), not mapped:
 * a file that shrinks while it is read is an error instead of a signal, and its pages do not count
 * as memory of this process.
 * How to test: safetensors_test.c, safetensors_write_test.c; safetensors_fuzz.c for the parser.
 */
#ifndef BENCH_SAFETENSORS_H
#define BENCH_SAFETENSORS_H

#include "err.h"
#include "tensor.h"

/* In the order of the format's own list: writers sort by it, the last type first. */
enum st_dtype {
	ST_BOOL, ST_U8, ST_I8, ST_F8_E5M2, ST_F8_E4M3, ST_I16, ST_U16, ST_F16, ST_BF16,
	ST_I32, ST_U32, ST_F32, ST_F64, ST_I64, ST_U64,
	ST_DTYPES
};

const char *st_dtype_name(enum st_dtype t); /* "F32" */
size_t st_dtype_bytes(enum st_dtype t);

#define ST_DIMS 8

struct st_tensor {
	const char *name;
	enum st_dtype dtype;
	int ndim;             /* 0: one value */
	int64_t dim[ST_DIMS];
	int64_t offset;       /* of its first byte in the file; not used by the writer */
	const void *data;     /* values to write; not used by the reader */
};

int64_t st_elems(const struct st_tensor *t);
int64_t st_bytes(const struct st_tensor *t);
const char *st_shape(const struct st_tensor *t, char *buf, size_t len); /* "[2,4]", returns buf */

/* ---- reading --------------------------------------------------------------------------------- */

struct st_file;

int st_open(struct st_file **f, const char *path, struct err *e);
/* The same for a file that is already in memory (borrowed); `name` stands in messages. */
int st_open_memory(struct st_file **f, const char *name, const void *data, size_t bytes,
		   struct err *e);
void st_close(struct st_file *f); /* NULL is fine */

const char *st_path(const struct st_file *f);
int st_count(const struct st_file *f);
const struct st_tensor *st_at(const struct st_file *f, int i);                /* by offset */
const struct st_tensor *st_find(const struct st_file *f, const char *name);   /* NULL: none */

/* Bytes [at, at+n) of the file, which must lie inside it, into dst. */
int st_fetch(const struct st_file *f, int64_t at, size_t n, void *dst, struct err *e);

/* All values of t as dtype into dst (st_elems values). fp32 and bf16: from any float, and from
 * integers that fp32 holds exactly; i32: from any integer in range. Everything else is refused.
 * Large tensors are converted by all threads. */
int st_read(const struct st_file *f, const struct st_tensor *t, enum dtype dtype, void *dst,
	    struct err *e);

/* ---- writing --------------------------------------------------------------------------------- */

/* Writes the n tensors (unique names) as the Python package does: by type, then name; metadata
 * {"format":"pt"}; header padded with spaces to a multiple of 8. The file appears whole or not at
 * all: written beside its place, synced, renamed. */
int st_write(const char *path, const struct st_tensor *t, int n, struct err *e);

/* The length of the file that st_write() would make; the values are not looked at. */
int64_t st_file_bytes(const struct st_tensor *t, int n);

#endif
