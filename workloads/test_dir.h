/* SPDX-License-Identifier: MIT
 *
 * For tests: a temporary directory, text files, weight files and tokenizer files in it.
 */
#ifndef BENCH_TEST_DIR_H
#define BENCH_TEST_DIR_H

#include <stdlib.h>
#include <sys/stat.h>

#include "safetensors.h"
#include "test.h"
#include "weights.h"

static char test_dir[] = "/tmp/bench-test-XXXXXX";

static inline void test_dir_make(void)
{
	CHECK(mkdtemp(test_dir), "no temporary directory");
}

static inline void test_dir_remove(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -r %s", test_dir);
	CHECK(system(command) == 0, "cannot remove %s", test_dir);
}

/* The path of `name`, in one of eight buffers that are used in turn. */
static inline const char *in_dir(const char *name)
{
	static char path[8][300];
	static int turn;

	turn = (turn + 1) % 8;
	snprintf(path[turn], sizeof path[turn], "%s/%s", test_dir, name);
	return path[turn];
}

static inline void sub_dir(const char *name)
{
	CHECK(mkdir(in_dir(name), 0700) == 0, "cannot make %s", name);
}

static inline void write_text(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	CHECK(f && fputs(text, f) >= 0, "cannot write %s", name);
	if (f)
		fclose(f);
}

/* The generated values of all parameters below `part` ("": all), as the file `name`. */
static inline void write_weights(const char *name, struct weights *w, const char *part)
{
	int n = 0, all = weights_count(w);
	struct st_tensor *t = calloc((size_t)all, sizeof *t);
	size_t skip = strlen(part) + (*part != 0);
	struct err e = { 0 };

	for (int i = 0; i < all; i++) {
		const struct param *p = weights_at(w, i);
		if (*part && (strncmp(p->path, part, skip - 1) != 0 || p->path[skip - 1] != '.'))
			continue;
		t[n] = (struct st_tensor){ .name = p->path + skip, .dtype = ST_F32,
					   .ndim = p->tensor.ndim,
					   .data = malloc((size_t)tensor_elems(&p->tensor) * 4) };
		memcpy(t[n].dim, p->tensor.dim, sizeof p->tensor.dim);
		weights_fill(w, p, DT_F32, (void *)t[n++].data, &e);
	}
	CHECK(st_write(in_dir(name), t, n, &e) == 0, "%s", e.msg);
	while (n--)
		free((void *)t[n].data);
	free(t);
}

/* One fp32 tensor as a file; `data` NULL: zeros. */
static inline void write_tensor(const char *file, const char *name, int ndim, const int64_t *dim,
				const float *data)
{
	struct st_tensor t = { .name = name, .dtype = ST_F32, .ndim = ndim };
	struct err e = { 0 };
	float *zeros;

	memcpy(t.dim, dim, (size_t)ndim * sizeof *dim);
	zeros = calloc((size_t)st_elems(&t), sizeof *zeros);
	t.data = data ? data : zeros;
	CHECK(st_write(in_dir(file), &t, 1, &e) == 0, "%s", e.msg);
	free(zeros);
}

#endif
