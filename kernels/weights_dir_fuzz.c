/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the index of sharded weights: beside two good files of one tensor each, any bytes as the
 * index are refused with a sentence, or give tensors that can be read.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "weights_dir.h"

#define INDEX "model.safetensors.index.json"

static char dir[] = "/tmp/bench-index-XXXXXX";
static bool ready;

static void save(const char *name, const void *data, size_t size)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "wb");
	die_if(!f || fwrite(data, 1, size, f) != size || fclose(f), "%s: cannot be written", path);
}

/* A safetensors file with two fp32 values under this name. */
static void save_shard(const char *name, const char *tensor)
{
	char file[128] = { 0 };
	int n = snprintf(file + 8, sizeof file - 8,
			 "{\"%s\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
			 tensor);

	file[0] = (char)n; /* little endian, below 128 */
	save(name, file, 8 + (size_t)n + 8);
}

static void clean_up(void)
{
	static const char *const name[] = { INDEX, "m-1.safetensors", "m-2.safetensors" };
	char path[128];

	for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, name[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void set_up(void)
{
	die_if(!mkdtemp(dir), "%s: cannot be made", dir);
	ready = true;
	atexit(clean_up);
	save_shard("m-1.safetensors", "a");
	save_shard("m-2.safetensors", "b");
}

static void read_one(struct weight_source *s, const char *name)
{
	const struct tensor shape = { .ndim = 1, .dim = { 2 }, .dtype = DT_F32 };
	struct err e = { 0 };
	float value[2];
	int failed = s->read(s->state, name, &shape, DT_F32, value, &e);

	die_if(failed != -(int)e.code || !failed != !e.msg[0], "status and sentence differ");
	die_if(!failed && (value[0] != 0 || value[1] != 0), "%s has other values", name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weight_source s = { 0 };
	struct err e = { 0 };

	if (!ready)
		set_up();
	save(INDEX, data, size);
	if (weights_dir_open(&s, dir, NULL, &e)) {
		die_if(!e.code || !e.msg[0], "refused without a sentence");
		return 0;
	}
	read_one(&s, "a");
	read_one(&s, "b");
	s.close(s.state);
	return 0;
}
