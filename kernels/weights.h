/* SPDX-License-Identifier: MIT
 *
 * The parameters of a workload. They are declared where they are used (param(), ctx.h), collected
 * by the dry pass, and given values in the load pass: from a source attached to a part of the
 * scope tree (safetensors), or seeded random numbers.
 *
 * Random values are counter based: element i of a parameter is a function of (seed, path, i) alone,
 * so they are the same on every backend, thread count and rank, in any order, with no file.
 */
#ifndef BENCH_WEIGHTS_H
#define BENCH_WEIGHTS_H

#include "err.h"
#include "tensor.h"

/* How random values are scaled; chosen so that activations stay finite at full depth, never zero.
 */
enum init {
	INIT_FAN_IN, /* mean 0, deviation 1/sqrt(fan_in): linear, convolution */
	INIT_BIAS,   /* mean 0, deviation 0.02 */
	INIT_SCALE,  /* mean 1, deviation 0.02: the scale of a norm */
	INIT_TABLE,  /* mean 0, deviation 0.02: embeddings */
};

struct param {
	struct tensor tensor;   /* shape, dtype; .data: plain values, NULL when only packed */
	const char *path;       /* owned: full path, "unet.conv_in.weight" */
	enum init init;
	int index;              /* order of declaration */
	void *packed;           /* backend's own layout */
	void (*free_packed)(void *);
	size_t packed_bytes;
	bool mapped;            /* .data is owned by the source, not by us */
};

/* Where values come from. `name` is the path below the part. Returns 0 or a negative code. */
struct weight_source {
	void *state;
	/* Writes all elements of `name` as fp32 or bf16 into dst; refuses other shapes. With dst
	 * NULL it only looks whether it could. */
	int (*read)(void *state, const char *name, const struct tensor *shape, enum dtype dtype,
		    void *dst, struct err *e);
	/* Complains of a tensor that nobody asked for, or of anything else left over; may be NULL.
	 */
	int (*finish)(void *state, struct err *e);
	void (*close)(void *state);
};

struct weights;

struct weights *weights_new(uint64_t seed);
void weights_free(struct weights *w); /* closes the sources too */

/* Parameters whose path starts with "part." (or all, part "") are read from the source; takes it
 * over. */
void weights_attach(struct weights *w, const char *part, struct weight_source source);

int weights_count(const struct weights *w);
struct param *weights_at(const struct weights *w, int i);
struct param *weights_find(const struct weights *w, const char *path); /* NULL: not declared */
int64_t weights_elems(const struct weights *w, const char *part); /* part "": all */
int weights_tensors(const struct weights *w, const char *part);

/* Writes the values of `p` as dtype into dst (tensor_elems values). */
int weights_fill(struct weights *w, const struct param *p, enum dtype dtype, void *dst,
		 struct err *e);

/* Allocates plain storage for `p` (dtype of p->tensor) and fills it, unless it is there already. */
int weights_fill_plain(struct weights *w, struct param *p, struct err *e);

/* After the load pass: what the sources still complain of (tensors that no parameter asked for). */
int weights_finish(struct weights *w, struct err *e);

/* Instead of loading: whether the sources have every declared parameter, and nothing is left. */
int weights_check(struct weights *w, struct err *e);

/* Bytes held, plain and packed. */
size_t weights_bytes(const struct weights *w);

/* Used by ctx.c: appends a parameter that is not there yet; takes over `path`. */
struct param *weights_add(struct weights *w, char *path, enum init init, enum dtype dtype,
			  int ndim, const int64_t *dim);

/* Random values of element range [first, first+n) as dtype; deviation and mean as given. */
void random_fill(uint64_t seed, uint64_t key, int64_t first, int64_t n, float mean, float deviation,
		 enum dtype dtype, void *dst);
uint64_t random_key(const char *path); /* FNV-1a of the path */

/* Philox4x32-10: four random words for this place of this stream. */
void philox4x32(uint64_t counter, uint64_t stream, uint64_t seed, uint32_t out[4]);

#endif
