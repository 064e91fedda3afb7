/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "safetensors.h"

static const char *const result_names[] = { "latents", "image" };
#define RESULTS 2

static void to_hex(struct sha256_ctx *h, char hex[65])
{
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_digest(h, sizeof digest, digest);
	for (size_t i = 0; i < sizeof digest; i++)
		sprintf(hex + 2 * i, "%02x", digest[i]);
}

static bool all_finite(const float *v, int64_t n)
{
	float sum = 0; /* stays 0 unless something is infinite or not a number */

	for (int64_t i = 0; i < n; i++)
		sum += v[i] * 0;
	return sum == 0;
}

bool output_hash(struct ctx *c, char hex[65])
{
	struct sha256_ctx h;
	bool finite = true;

	sha256_init(&h);
	for (int i = 0; i < RESULTS; i++) {
		const struct tensor *t = ctx_state(c, result_names[i]);
		if (!t || !t->data)
			continue;
		sha256_update(&h, tensor_bytes(t), t->data);
		finite &= t->dtype != DT_F32 || all_finite(t->data, tensor_elems(t));
	}
	to_hex(&h, hex);
	return finite;
}

void file_hash(const char *path, char hex[65])
{
	struct sha256_ctx h;
	char buf[65536];
	size_t n;
	FILE *f = fopen(path, "rb");

	hex[0] = 0;
	if (!f)
		return;
	sha256_init(&h);
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		sha256_update(&h, n, (const uint8_t *)buf);
	if (!ferror(f))
		to_hex(&h, hex);
	fclose(f);
}

void text_hash(const char *text, char hex[65])
{
	struct sha256_ctx h;

	sha256_init(&h);
	sha256_update(&h, strlen(text), (const uint8_t *)text);
	to_hex(&h, hex);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n > m && strcmp(s + n - m, end) == 0;
}

static int refuse(const char *option, const char *path, const char *what, struct err *e)
{
	return err_set(e, ERR_USAGE, "--%s %s: %s", option, path, what);
}

static int check_folder(const char *option, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) + 1 : 1;
	char dir[4096], what[160];
	int why;

	if (n >= sizeof dir)
		return refuse(option, path, strerror(ENAMETOOLONG), e);
	snprintf(dir, sizeof dir, "%.*s", (int)n, slash ? path : ".");
	why = access(dir, W_OK | X_OK) ? errno : 0;
	if (!why)
		return 0;
	snprintf(what, sizeof what, "the directory cannot be written: %s; %s", strerror(why),
		 why == ENOENT ? "make it first" : "name another place");
	return refuse(option, path, what, e);
}

/* Opened without a change; not pipes, which would wait for a reader. */
static int try_to_open(const char *path, const struct stat *st)
{
	int fd;

	if (!S_ISREG(st->st_mode))
		return access(path, W_OK);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -1 : close(fd);
}

int output_check_file(const char *option, const char *path, enum output_how how, struct err *e)
{
	struct stat st;

	if (stat(path, &st))
		return errno == ENOENT && *path ? check_folder(option, path, e)
						: refuse(option, path, strerror(errno), e);
	if (S_ISDIR(st.st_mode))
		return refuse(option, path, "is a directory: name a file in it", e);
	if (how == OUTPUT_REPLACED && !S_ISREG(st.st_mode))
		return refuse(option, path, "is not a regular file: it would be replaced by one",
			      e);
	if (try_to_open(path, &st)) {
		char what[160];
		snprintf(what, sizeof what, "cannot be written: %s; name another file",
			 strerror(errno));
		return refuse(option, path, what, e);
	}
	return how == OUTPUT_REPLACED ? check_folder(option, path, e) : 0;
}

int output_check_path(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return refuse("save", path, "is a directory: name a file in it", e);
	if (ends_with(path, ".png"))
		return output_check_file("save", path, OUTPUT_IN_PLACE, e);
	if (ends_with(path, ".safetensors"))
		return output_check_file("save", path, OUTPUT_REPLACED, e);
	return refuse("save", path, "the name must end in .png or .safetensors", e);
}

static float *to_nchw(const struct tensor *t)
{
	int64_t n = t->dim[0], hw = t->dim[1] * t->dim[2], channels = t->dim[3];
	float *nhwc = malloc((size_t)tensor_elems(t) * sizeof *nhwc);
	float *nchw = malloc((size_t)tensor_elems(t) * sizeof *nchw);

	die_if(!nhwc || !nchw, "out of memory");
	tensor_to_f32(t, nhwc);
	for (int64_t i = 0; i < n; i++)
		for (int64_t p = 0; p < hw; p++)
			for (int64_t k = 0; k < channels; k++)
				nchw[(i * channels + k) * hw + p] =
					nhwc[(i * hw + p) * channels + k];
	free(nhwc);
	return nchw;
}

static int save_safetensors(struct ctx *c, const char *path, struct err *e)
{
	struct st_tensor out[RESULTS];
	float *values[RESULTS];
	int n = 0, rc;

	for (int i = 0; i < RESULTS; i++) {
		const struct tensor *t = ctx_state(c, result_names[i]);
		if (!t || t->ndim != 4)
			continue;
		values[n] = to_nchw(t);
		out[n] = (struct st_tensor){ .name = result_names[i], .dtype = ST_F32, .ndim = 4,
					     .dim = { t->dim[0], t->dim[3], t->dim[1], t->dim[2] },
					     .data = values[n] };
		n++;
	}
	rc = st_write(path, out, n, e);
	while (n > 0)
		free(values[--n]);
	return rc;
}

/* "out.png" -> "out-3.png" when there are several images. */
static void image_path(const char *path, int64_t i, int64_t images, char *buf, size_t len)
{
	if (images == 1)
		snprintf(buf, len, "%s", path);
	else
		snprintf(buf, len, "%.*s-%lld.png", (int)(strlen(path) - 4), path, (long long)i);
}

static bool is_picture(const struct tensor *t)
{
	return t && t->ndim == 4 && t->dim[3] == 3;
}

int output_check_result(struct ctx *c, const char *path, struct err *e)
{
	const struct tensor *t = ctx_state(c, "image");

	if (!ends_with(path, ".png"))
		return 0;
	if (!is_picture(t))
		return refuse("save", path, "this workload makes no image of three colours; "
			      "a name that ends in .safetensors takes its tensors", e);
	for (int64_t i = 0; i < t->dim[0] && !e->code; i++) {
		char name[1024];
		image_path(path, i, t->dim[0], name, sizeof name);
		output_check_file("save", name, OUTPUT_IN_PLACE, e);
	}
	return -(int)e->code;
}

static int save_png(struct ctx *c, const char *path, struct err *e)
{
	const struct tensor *t = ctx_state(c, "image");
	int64_t per_image;
	unsigned char *rgb;
	float *v;

	if (!is_picture(t))
		return err_set(e, ERR_FAILED, "%s: this workload makes no image of three colours",
			       path);
	per_image = tensor_elems(t) / t->dim[0];
	v = malloc((size_t)tensor_elems(t) * sizeof *v);
	rgb = malloc((size_t)per_image);
	die_if(!v || !rgb, "out of memory");
	tensor_to_f32(t, v);
	for (int64_t i = 0; i < t->dim[0] && !e->code; i++) {
		char name[1024];
		for (int64_t k = 0; k < per_image; k++)
			rgb[k] = (unsigned char)lrintf(255 *
						       fminf(fmaxf(v[i * per_image + k], 0), 1));
		image_path(path, i, t->dim[0], name, sizeof name);
		png_write(name, (int)t->dim[2], (int)t->dim[1], rgb, e);
	}
	free(rgb);
	free(v);
	return -(int)e->code;
}

int output_save(struct ctx *c, const char *path, struct err *e)
{
	return ends_with(path, ".png") ? save_png(c, path, e) : save_safetensors(c, path, e);
}
