/* SPDX-License-Identifier: MIT */
#include "weights_dir.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "safetensors.h"

#define MAX_SHARDS 1000

/* Looked for in this order: the most exact values first. */
static const char *const weight_files[] = {
	"diffusion_pytorch_model.safetensors",
	"model.safetensors",
	"diffusion_pytorch_model.safetensors.index.json",
	"model.safetensors.index.json",
	"diffusion_pytorch_model.fp16.safetensors",
	"model.fp16.safetensors",
	"diffusion_pytorch_model.safetensors.index.fp16.json",
	"model.safetensors.index.fp16.json",
	"diffusion_pytorch_model.fp16.safetensors.index.json",
	"model.fp16.safetensors.index.json",
};
#define WEIGHT_FILES (int)(sizeof weight_files / sizeof weight_files[0])

struct dir {
	char *path;
	const char *const *unused;
	struct st_file **shard;
	bool **seen; /* per shard and tensor: somebody read it */
	int shards;
};

static char *join(const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 2;
	char *path = malloc(n);

	die_if(!path, "out of memory");
	snprintf(path, n, "%s/%s", dir, name);
	return path;
}

static bool is_there(const char *dir, const char *name)
{
	char *path = join(dir, name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* Opens dir/name as one more shard. */
static int add_shard(struct dir *d, const char *name, struct err *e)
{
	char *path = join(d->path, name);
	int failed = st_open(&d->shard[d->shards], path, e);

	free(path);
	if (failed)
		return failed;
	d->seen[d->shards] = calloc((size_t)st_count(d->shard[d->shards]) + 1, sizeof **d->seen);
	die_if(!d->seen[d->shards], "out of memory");
	d->shards++;
	return 0;
}

/* ---- shards ---------------------------------------------------------------------------------- */

/* The shard of this file name, or NULL. */
static const struct st_file *shard_named(const struct dir *d, const char *name)
{
	for (int i = 0; i < d->shards; i++)
		if (strcmp(strrchr(st_path(d->shard[i]), '/') + 1, name) == 0)
			return d->shard[i];
	return NULL;
}

static int check_entry(struct dir *d, const char *index, const char *tensor, const char *file,
		       struct err *e)
{
	const struct st_file *shard;

	if (!file || !*file || strchr(file, '/'))
		return err_set(e, ERR_FAILED, "%s/%s: tensor %.200s is not mapped to a file name",
			       d->path, index, tensor);
	shard = shard_named(d, file);
	if (!shard) {
		if (d->shards == MAX_SHARDS)
			return err_set(e, ERR_FAILED, "%s/%s: more than %d files", d->path, index,
				       MAX_SHARDS);
		if (add_shard(d, file, e))
			return -ERR_FAILED;
		shard = d->shard[d->shards - 1];
	}
	if (!st_find(shard, tensor))
		return err_set(e, ERR_FAILED,
			       "%s: tensor %.200s is missing, though %s says it is here",
			       st_path(shard), tensor, index);
	return 0;
}

/* No tensor may be in two files. */
static int check_unique(const struct dir *d, struct err *e)
{
	for (int i = 1; i < d->shards; i++)
		for (int t = 0; t < st_count(d->shard[i]); t++)
			for (int j = 0; j < i; j++)
				if (st_find(d->shard[j], st_at(d->shard[i], t)->name))
					return err_set(e, ERR_FAILED,
						       "%s: tensor %.200s is in %s as well",
						       st_path(d->shard[i]),
						       st_at(d->shard[i], t)->name,
						       st_path(d->shard[j]));
	return 0;
}

static int open_map(struct dir *d, const char *index, const json_t *root, struct err *e)
{
	json_t *map = json_object_get(root, "weight_map");
	const char *tensor;
	const json_t *file;

	if (!json_object_size(map))
		return err_set(e, ERR_FAILED, "%s/%s: has no weight_map with files", d->path,
			       index);
	json_object_foreach(map, tensor, file)
		if (check_entry(d, index, tensor, json_string_value(file), e))
			return -ERR_FAILED;
	return check_unique(d, e);
}

static int open_index(struct dir *d, const char *index, struct err *e)
{
	char *path = join(d->path, index);
	json_error_t where;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
	int failed;

	if (root)
		failed = open_map(d, index, root, e);
	else
		failed = err_set(e, ERR_FAILED, "%s: not a valid index, line %d: %s", path,
				 where.line, where.text);
	json_decref(root);
	free(path);
	return failed;
}

static int nothing_found(const struct dir *d, struct err *e)
{
	struct stat st;

	if (stat(d->path, &st))
		return err_set(e, ERR_FAILED, "%s: cannot be opened: %s", d->path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_FAILED, "%s: is not a directory", d->path);
	if (is_there(d->path, "diffusion_pytorch_model.bin") ||
	    is_there(d->path, "pytorch_model.bin"))
		return err_set(e, ERR_FAILED,
			       "%s: holds weights as pickle (.bin) only; save them as safetensors",
			       d->path);
	return err_set(e, ERR_FAILED,
		       "%s: holds no weights; %s, %s, an .fp16 variant or the .index.json of "
		       "shards is needed",
		       d->path, weight_files[0], weight_files[1]);
}

static int open_files(struct dir *d, struct err *e)
{
	for (int i = 0; i < WEIGHT_FILES; i++) {
		const char *name = weight_files[i], *dot = strrchr(name, '.');
		if (is_there(d->path, name))
			return strcmp(dot, ".json") == 0 ? open_index(d, name, e)
							 : add_shard(d, name, e);
	}
	return nothing_found(d, e);
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool find(const struct dir *d, const char *name, int *shard, const struct st_tensor **t)
{
	for (*shard = 0; *shard < d->shards; ++*shard) {
		*t = st_find(d->shard[*shard], name);
		if (*t)
			return true;
	}
	return false;
}

/* `name` with its first ".old." replaced by ".new."; false if it has none. */
static bool respell(const char *name, const char *old, const char *new, char *out, size_t len)
{
	const char *at = strstr(name, old);

	if (!at)
		return false;
	snprintf(out, len, "%.*s%s%s", (int)(at - name), name, new, at + strlen(old));
	return true;
}

static bool find_attention(const struct dir *d, const char *name, int *shard,
			   const struct st_tensor **t)
{
	static const char *const pair[][2] = {
		{ ".to_q.", ".query." },
		{ ".to_k.", ".key." },
		{ ".to_v.", ".value." },
		{ ".to_out.0.", ".proj_attn." },
	};
	char other[1024];

	for (int i = 0; i < 4; i++)
		for (int from = 0; from < 2; from++)
			if (respell(name, pair[i][from], pair[i][!from], other, sizeof other) &&
			    find(d, other, shard, t))
				return true;
	return false;
}

static bool find_text(const struct dir *d, const char *name, int *shard, const struct st_tensor **t)
{
	static const char prefix[] = "text_model.";
	char longer[1024];

	if (strncmp(name, prefix, sizeof prefix - 1) == 0)
		return find(d, name + sizeof prefix - 1, shard, t);
	snprintf(longer, sizeof longer, "%s%s", prefix, name);
	return find(d, longer, shard, t);
}

/* ---- the source ------------------------------------------------------------------------------ */

/* Equal shapes, apart from ones behind the second dimension. */
static bool shape_fits(const struct st_tensor *t, const struct tensor *want)
{
	for (int i = 0; i < ST_DIMS; i++) {
		int64_t a = i < t->ndim ? t->dim[i] : i < 2 ? -1 : 1;
		int64_t b = i < want->ndim ? want->dim[i] : i < 2 ? -1 : 1;
		if (a != b)
			return false;
	}
	return true;
}

static bool is_float(enum st_dtype t)
{
	return t == ST_F32 || t == ST_F16 || t == ST_BF16 || t == ST_F64;
}

static int read_weight(void *state, const char *name, const struct tensor *want, enum dtype dtype,
		       void *dst, struct err *e)
{
	const struct dir *d = state;
	const struct st_tensor *t;
	char have[200], need[200];
	int shard;

	if (!find(d, name, &shard, &t) && !find_attention(d, name, &shard, &t) &&
	    !find_text(d, name, &shard, &t))
		return err_set(e, ERR_FAILED, "%s: tensor %.200s is missing; the model needs it",
			       d->shards == 1 ? st_path(d->shard[0]) : d->path, name);
	if (!shape_fits(t, want))
		return err_set(e, ERR_FAILED,
			       "%s: tensor %.200s has the shape %s, but the model needs %s",
			       st_path(d->shard[shard]), t->name, st_shape(t, have, sizeof have),
			       tensor_shape(want, need, sizeof need));
	if (!is_float(t->dtype))
		return err_set(e, ERR_FAILED,
			       "%s: tensor %.200s is of type %s; weights are F32, F16, BF16 or F64",
			       st_path(d->shard[shard]), t->name, st_dtype_name(t->dtype));
	d->seen[shard][t - st_at(d->shard[shard], 0)] = true;
	return dst ? st_read(d->shard[shard], t, dtype, dst, e) : 0;
}

static bool may_stay(const struct dir *d, const char *name)
{
	const char *last = strrchr(name, '.');

	if (strcmp(last ? last + 1 : name, "position_ids") == 0)
		return true;
	for (const char *const *p = d->unused; p && *p; p++)
		if (strncmp(name, *p, strlen(*p)) == 0)
			return true;
	return false;
}

static int finish_reading(void *state, struct err *e)
{
	const struct dir *d = state;
	char list[700] = "";
	size_t used = 0;
	int left = 0;

	for (int s = 0; s < d->shards; s++) {
		for (int i = 0; i < st_count(d->shard[s]); i++) {
			const char *name = st_at(d->shard[s], i)->name;
			if (d->seen[s][i] || may_stay(d, name))
				continue;
			if (left++ < 3)
				used += (size_t)snprintf(list + used, sizeof list - used,
							 "%s%.200s", left > 1 ? ", " : "", name);
		}
	}
	if (!left)
		return 0;
	return err_set(e, ERR_FAILED,
		       "%s: %d tensors belong to no parameter of the model that its configuration "
		       "describes: %s%s",
		       d->path, left, list, left > 3 ? ", ..." : "");
}

static void close_dir(void *state)
{
	struct dir *d = state;

	for (int i = 0; i < d->shards; i++) {
		st_close(d->shard[i]);
		free(d->seen[i]);
	}
	free(d->shard);
	free(d->seen);
	free(d->path);
	free(d);
}

int weights_dir_open(struct weight_source *source, const char *dir, const char *const *unused,
		     struct err *e)
{
	struct dir *d = calloc(1, sizeof *d);

	die_if(!d, "out of memory");
	d->path = strdup(dir);
	d->unused = unused;
	d->shard = calloc(MAX_SHARDS, sizeof *d->shard);
	d->seen = calloc(MAX_SHARDS, sizeof *d->seen);
	die_if(!d->path || !d->shard || !d->seen, "out of memory");
	if (open_files(d, e)) {
		close_dir(d);
		return -ERR_FAILED;
	}
	*source = (struct weight_source){ d, read_weight, finish_reading, close_dir };
	return 0;
}
