/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the reader of safetensors files: any bytes are refused with a sentence, or give tensors
 * that lie inside the file, fill it, are found by name and can be read.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "safetensors.h"

static void read_all(const struct st_file *f, const struct st_tensor *t)
{
	size_t elems = (size_t)st_elems(t);
	void *values = malloc(elems ? elems * 4 : 1);

	die_if(!values, "out of memory");
	for (enum dtype to = DT_F32; to <= DT_I32; to++) {
		struct err e = { 0 };
		int failed = st_read(f, t, to, values, &e);
		die_if(failed != -(int)e.code || !failed != !e.msg[0],
		       "status and sentence differ");
	}
	free(values);
}

static void check(const struct st_file *f, size_t size)
{
	int64_t end = 0;

	for (int i = 0; i < st_count(f); i++) {
		const struct st_tensor *t = st_at(f, i);
		die_if(st_find(f, t->name) != t, "tensor %d is not found", i);
		die_if(i && t->offset != end, "tensor %d overlaps or leaves a hole", i);
		end = t->offset + st_bytes(t);
		read_all(f, t);
	}
	die_if(st_count(f) && end != (int64_t)size, "%lld of %zu bytes used", (long long)end, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	struct st_file *f;

	if (!st_open_memory(&f, "input", data, size, &e))
		check(f, size);
	else
		die_if(e.code != ERR_FAILED || !e.msg[0] || f, "refused without a sentence");
	st_close(f);
	return 0;
}
