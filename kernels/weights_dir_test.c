/* SPDX-License-Identifier: MIT
 *
 * Weights from directories: which file is taken, shards, spellings, and every refusal.
 */
#include "weights_dir.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "safetensors.h"
#include "test.h"

static char dir[] = "/tmp/weights-dir-test-XXXXXX";
static const float values[6] = { 1, 2, 3, 4, 5, 6 };

static const char *in_dir(const char *name)
{
	static char path[300];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void clear(void)
{
	char command[400];

	snprintf(command, sizeof command, "rm -rf %s && mkdir %s", dir, dir);
	CHECK(system(command) == 0, "%s", command);
}

static void save_text(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0, "cannot write %s", name);
}

/* A file with [2,3] fp32 tensors of these names. */
static void save(const char *name, const char *a, const char *b)
{
	struct st_tensor t[2] = {
		{ .name = a, .dtype = ST_F32, .ndim = 2, .dim = { 2, 3 }, .data = values },
		{ .name = b, .dtype = ST_F32, .ndim = 2, .dim = { 2, 3 }, .data = values },
	};
	struct err e = { 0 };

	CHECK(!st_write(in_dir(name), t, b ? 2 : 1, &e), "%s", e.msg);
}

/* Opens the directory and reads `name` as fp32; the sentence of the failure, or "". */
static const char *try(const char *name, int ndim, const int64_t *dim, bool finish)
{
	static struct err e;
	struct weight_source s = { 0 };
	struct tensor want = { .ndim = ndim };
	float got[64] = { 0 };

	e = (struct err){ 0 };
	memcpy(want.dim, dim, (size_t)ndim * sizeof *dim);
	if (weights_dir_open(&s, dir, NULL, &e)) {
		CHECK(!s.state && e.code == ERR_FAILED, "a failure without code");
		return e.msg;
	}
	if (!s.read(s.state, name, &want, DT_F32, got, &e))
		CHECK(memcmp(got, values, sizeof values) == 0, "%s: other values", name);
	if (finish && !e.code)
		s.finish(s.state, &e);
	s.close(s.state);
	return e.msg;
}

static const int64_t shape[4] = { 2, 3, 1, 1 };

static void found(const char *name)
{
	CHECK_STR(try(name, 2, shape, true), "");
}

static void refused(const char *name, const char *sentence)
{
	const char *msg = try(name, 2, shape, true);

	CHECK(strncmp(msg, dir, strlen(dir)) == 0 && strstr(msg, sentence), "\"%s\"", msg);
}

static void test_file_names(void)
{
	static const char *const name[] = {
		"diffusion_pytorch_model.safetensors", "model.safetensors",
		"diffusion_pytorch_model.fp16.safetensors", "model.fp16.safetensors",
	};
	for (int i = 0; i < 4; i++) {
		clear();
		save(name[i], "w", NULL);
		found("w");
	}
	save("diffusion_pytorch_model.safetensors", "exact", NULL);
	found("exact"); /* rather than the fp16 variant */
}

static void test_nothing(void)
{
	struct weight_source s;
	struct err e = { 0 };

	clear();
	refused("w", "holds no weights; diffusion_pytorch_model.safetensors, model.safetensors");
	save_text("diffusion_pytorch_model.bin", "");
	refused("w", "save them as safetensors");
	CHECK(weights_dir_open(&s, in_dir("none"), NULL, &e) && strstr(e.msg, "No such file"), "%s",
	      e.msg);
	e.code = 0;
	CHECK(weights_dir_open(&s, in_dir("diffusion_pytorch_model.bin"), NULL, &e) &&
	      strstr(e.msg, "is not a directory"), "%s", e.msg);
}

static void test_spellings(void)
{
	static const char *const pair[][2] = {
		{ "a.to_q.weight", "a.query.weight" },   { "a.to_k.bias", "a.key.bias" },
		{ "a.to_v.weight", "a.value.weight" },   { "a.to_out.0.bias", "a.proj_attn.bias" },
		{ "text_model.x.weight", "x.weight" },
	};
	for (int i = 0; i < 5; i++) {
		clear();
		save("model.safetensors", pair[i][0], NULL);
		found(pair[i][0]);
		found(pair[i][1]);
		save("model.safetensors", pair[i][1], NULL);
		found(pair[i][0]);
		found(pair[i][1]);
	}
	refused("a.to_q.weight", "tensor a.to_q.weight is missing");
}

static void test_shapes(void)
{
	const int64_t other[4] = { 3, 2, 1, 1 }, bias[1] = { 6 }, bigger[4] = { 2, 3, 3, 3 };
	const int64_t column[2] = { 6, 1 };
	struct st_tensor flat = { .name = "f", .dtype = ST_F32, .ndim = 1, .dim = { 6 },
				  .data = values };
	struct st_tensor conv = { .name = "c", .dtype = ST_F32, .ndim = 4, .dim = { 2, 3, 1, 1 },
				  .data = values };
	struct err e = { 0 };
	const char *msg;

	clear();
	save("model.safetensors", "w", NULL);
	CHECK_STR(try("w", 4, shape, true), "");
	msg = try("w", 2, other, true);
	CHECK(strstr(msg, "tensor w has the shape [2,3], but the model needs [3,2]"), "%s", msg);
	CHECK(strstr(try("w", 1, bias, true), "needs [6]"), "1-D for 2-D");
	CHECK(strstr(try("w", 4, bigger, true), "needs [2,3,3,3]"), "3x3 for 2-D");
	CHECK(!st_write(in_dir("model.safetensors"), &conv, 1, &e), "%s", e.msg);
	CHECK_STR(try("c", 2, shape, true), "");
	CHECK_STR(try("c", 4, shape, true), "");
	CHECK(strstr(try("c", 4, bigger, true), "has the shape [2,3,1,1]"), "3x3 for 1x1");
	CHECK(!st_write(in_dir("model.safetensors"), &flat, 1, &e), "%s", e.msg);
	CHECK_STR(try("f", 1, bias, true), "");
	CHECK(strstr(try("f", 2, column, true), "needs [6,1]"), "a column for a vector");
}

static void test_types(void)
{
	struct st_tensor t = { .name = "w", .dtype = ST_I32, .ndim = 2, .dim = { 2, 3 },
			       .data = values };
	struct err e = { 0 };

	clear();
	CHECK(!st_write(in_dir("model.safetensors"), &t, 1, &e), "%s", e.msg);
	refused("w", "is of type I32; weights are F32, F16, BF16 or F64");
}

static void test_left_over(void)
{
	static const char *const unused[] = { "encoder.", "quant_conv.", NULL };
	const int64_t dim[2] = { 2, 3 };
	struct tensor want = { .ndim = 2, .dim = { 2, 3 } };
	struct weight_source s;
	struct err e = { 0 };
	float got[6];

	clear();
	save("model.safetensors", "w", "x");
	refused("w", "1 tensors belong to no parameter of the model that its configuration "
		     "describes: x");
	save("model.safetensors", "w", "embeddings.position_ids");
	CHECK_STR(try("w", 2, dim, true), "");
	save("model.safetensors", "w", "encoder.w");
	refused("w", "describes: encoder.w");
	CHECK(!weights_dir_open(&s, dir, unused, &e), "%s", e.msg);
	CHECK(!s.read(s.state, "w", &want, DT_F32, got, &e) && !s.finish(s.state, &e), "%s", e.msg);
	s.close(s.state);
}

static void test_shards(void)
{
	const char *index = "model.safetensors.index.json";

	clear();
	save("m-1.safetensors", "a", NULL);
	save("m-2.safetensors", "b", NULL);
	save_text(index, "{\"metadata\":{},\"weight_map\":{\"a\":\"m-1.safetensors\","
			 "\"b\":\"m-2.safetensors\"}}");
	CHECK_STR(try("a", 2, shape, false), "");
	CHECK_STR(try("b", 2, shape, false), "");
	refused("a", "1 tensors belong to no parameter");
	refused("c", "tensor c is missing");
	save("m-2.safetensors", "b", "a");
	refused("a", "m-2.safetensors: tensor a is in");
	save("m-2.safetensors", "z", NULL);
	refused("a", "m-2.safetensors: tensor b is missing, though model.safetensors.index.json");
	unlink(in_dir("m-2.safetensors"));
	refused("a", "m-2.safetensors: cannot be opened: No such file");
	save_text("m-2.safetensors", "");
	refused("a", "m-2.safetensors: is empty");
	save_text(index, "{\"weight_map\":{\"a\":\"../m-1.safetensors\"}}");
	refused("a", "tensor a is not mapped to a file name");
	save_text(index, "{\"weight_map\":{\"a\":1}}");
	refused("a", "tensor a is not mapped");
	save_text(index, "{\"weight_map\":{}}");
	refused("a", "has no weight_map");
	save_text(index, "[]");
	refused("a", "has no weight_map");
	save_text(index, "{\"weight_map\":{\"a\":\"m-1.safetensors\"");
	refused("a", "model.safetensors.index.json: not a valid index, line 1");
	save_text(index, "{\"weight_map\":{\"a\":\"m-1.safetensors\",\"a\":\"m-1.safetensors\"}}");
	refused("a", "duplicate");
}

/* The whole chain: a declared parameter gets its value; another part stays random. */
static void test_attached(void)
{
	struct weights *w = weights_new(1);
	struct weight_source s;
	struct err e = { 0 };
	struct param *p, *q, *r;
	const int64_t dim[2] = { 2, 3 };

	clear();
	save("model.safetensors", "w", "x");
	CHECK(!weights_dir_open(&s, dir, NULL, &e), "%s", e.msg);
	weights_attach(w, "unet", s);
	p = weights_add(w, strdup("unet.w"), INIT_FAN_IN, DT_F32, 2, dim);
	q = weights_add(w, strdup("vae.w"), INIT_FAN_IN, DT_F32, 2, dim);
	r = weights_add(w, strdup("unet.x"), INIT_FAN_IN, DT_F32, 2, dim);
	CHECK(!weights_fill_plain(w, p, &e) && !weights_fill_plain(w, q, &e), "%s", e.msg);
	CHECK(memcmp(p->tensor.data, values, sizeof values) == 0, "unet.w");
	CHECK(memcmp(q->tensor.data, values, sizeof values) != 0, "vae.w");
	CHECK(weights_finish(w, &e) && strstr(e.msg, "describes: x"), "%s", e.msg);
	e = (struct err){ 0 };
	CHECK(!weights_fill_plain(w, r, &e) && !weights_finish(w, &e), "%s", e.msg);
	weights_free(w);
}

int main(void)
{
	if (!mkdtemp(dir))
		return test_skip("no directory for temporary files");
	test_file_names();
	test_nothing();
	test_spellings();
	test_shapes();
	test_types();
	test_left_over();
	test_shards();
	test_attached();
	clear();
	rmdir(dir);
	return test_end();
}
