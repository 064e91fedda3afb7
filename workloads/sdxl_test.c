/* SPDX-License-Identifier: MIT
 *
 * The SDXL pipeline of the mini model, whole, on the ref backend: finite, in range, the same
 * whatever the batch, and the same when weights and noise come from files instead of the generator.
 */
#include <unistd.h>

#include "noise.h"
#include "test_dir.h"
#include "workload.h"

/* ---- a driver -------------------------------------------------------------------------------- */

struct result {
	struct err err;
	int64_t n; /* elements */
	float *latents, *image;
};

static void result_free(struct result *r)
{
	free(r->latents);
	free(r->image);
}

static float *copy_state(struct ctx *c, const char *name, int64_t *n)
{
	const struct tensor *t = ctx_state(c, name);
	float *copy = malloc(tensor_bytes(t));

	*n = tensor_elems(t);
	memcpy(copy, t->data, tensor_bytes(t));
	return copy;
}

static void run_stages(struct workload *w, struct ctx *c)
{
	struct plan *plan[STAGES_MAX];

	for (int i = 0; i < w->n_stages; i++) {
		plan[i] = plan_new();
		ctx_step_begin(c, PASS_DRY, plan[i]);
		w->step(w, c, i, 0);
		ctx_step_end(c);
		ctx_reserve(c, plan_bytes(plan[i]));
		ctx_step_begin(c, PASS_LOAD, NULL);
		w->step(w, c, i, 0);
		ctx_step_end(c);
	}
	weights_finish(w->weights, &c->err);
	for (int i = 0; i < w->n_stages; i++) {
		for (int k = 0; k < w->stage[i].steps; k++) {
			ctx_step_begin(c, PASS_RUN, plan[i]);
			w->step(w, c, i, k);
			ctx_step_end(c);
		}
		plan_free(plan[i]);
	}
}

static struct workload *create(const char *const *set, struct err *e)
{
	static const char *const common[] = { "steps", "2", "height", "32", "width", "64",
					      "dtype", "fp32", NULL };
	const struct preset *p = preset_find("sdxl-20steps-mini", e);
	struct workload *w = NULL;
	struct settings s;

	preset_settings(p, &s, e);
	for (int i = 0; common[i]; i += 2)
		settings_set(&s, common[i], common[i + 1], e);
	for (int i = 0; set[i]; i += 2)
		settings_set(&s, set[i], set[i + 1], e);
	if (!e->code)
		w = p->family->create(&s, e);
	settings_clear(&s);
	return w;
}

#define SET(...) (const char *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL }

/* `set` is key, value, ..., NULL on top of the settings above. */
static struct result run(const char *const *set)
{
	struct result r = { 0 };
	struct workload *w = create(set, &r.err);
	int64_t pixels;
	struct ctx *c;

	if (!w)
		return r;
	c = ctx_new(&backend_ref, w->dtype, w->weights);
	run_stages(w, c);
	r.err = c->err;
	if (!r.err.code) {
		r.latents = copy_state(c, "latents", &r.n);
		r.image = copy_state(c, "image", &pixels);
	}
	ctx_free(c);
	w->destroy(w);
	return r;
}

static void check_ok(const struct result *r)
{
	double energy = 0;
	int outside = 0;

	CHECK(!r->err.code, "%s", r->err.msg);
	for (int64_t i = 0; i < r->n; i++)
		energy += (double)r->latents[i] * r->latents[i];
	CHECK(isfinite(energy) && energy > 0, "latents are %g", energy);
	for (int64_t i = 0; i < r->n * 48; i++)
		outside += !(r->image[i] >= 0 && r->image[i] <= 1);
	CHECK_INT(outside, 0);
}

/* ---- batch, guidance, storage ---------------------------------------------------------------- */

static void test_variants(void)
{
	struct result one = run(SET()), two = run(SET("batch", "2"));
	struct result free_of = run(SET("guidance", "1")), half = run(SET("dtype", "bf16"));

	check_ok(&one);
	check_ok(&two);
	check_ok(&free_of);
	check_ok(&half);
	CHECK_INT(one.n, 4 * 8 * 4);
	CHECK(memcmp(one.latents, two.latents, (size_t)one.n * 4) == 0,
	      "an image depends on the others of its batch");
	CHECK(memcmp(one.image, two.image, (size_t)one.n * 48 * 4) == 0,
	      "an image depends on the others of its batch");
	CHECK(memcmp(two.latents, two.latents + one.n, (size_t)one.n * 4) != 0, "all images alike");
	CHECK(relative_error(one.latents, free_of.latents, one.n) > 0.01, "guidance does nothing");
	/* 8 bits of significand, some hundred roundings, guidance 8 */
	CHECK(relative_error(half.latents, one.latents, one.n) < 0.1, "bf16 is off by %g",
	      relative_error(half.latents, one.latents, one.n));
	result_free(&one);
	result_free(&two);
	result_free(&free_of);
	result_free(&half);
}

/* ---- files ----------------------------------------------------------------------------------- */

static const char *const parts[] = { "text_encoder", "text_encoder_2", "unet", "vae" };

extern const char data_sdxl_mini_model_index_json[], data_sdxl_mini_scheduler_json[],
	data_sdxl_mini_text_encoder_json[], data_sdxl_mini_text_encoder_2_json[],
	data_sdxl_mini_unet_json[], data_sdxl_mini_vae_json[];

static void write_pipeline(void)
{
	struct err e = { 0 };
	struct workload *w = create(SET("seed", "7"), &e);
	struct ctx *c = ctx_new(&backend_null, DT_F32, w->weights);
	char name[64];

	for (int i = 0; i < 4; i++)
		sub_dir(parts[i]);
	sub_dir("scheduler");
	write_text("model_index.json", data_sdxl_mini_model_index_json);
	write_text("scheduler/scheduler_config.json", data_sdxl_mini_scheduler_json);
	write_text("text_encoder/config.json", data_sdxl_mini_text_encoder_json);
	write_text("text_encoder_2/config.json", data_sdxl_mini_text_encoder_2_json);
	write_text("unet/config.json", data_sdxl_mini_unet_json);
	write_text("vae/config.json", data_sdxl_mini_vae_json);
	for (int i = 0; i < w->n_stages; i++) {
		ctx_step_begin(c, PASS_DRY, NULL);
		w->step(w, c, i, 0);
		ctx_step_end(c);
	}
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "%s/model.safetensors", parts[i]);
		write_weights(name, w->weights, parts[i]);
	}
	ctx_free(c);
	w->destroy(w);
}

static void write_latents(uint64_t seed, int64_t h, int64_t w)
{
	float *x = malloc((size_t)(4 * h * w) * sizeof *x);

	noise_fill(seed, 4 * h * w, x);
	write_tensor("latents.safetensors", "latents", 4, (int64_t[]){ 1, 4, h, w }, x);
	free(x);
}

static void write_tokenizer(const char *part)
{
	char name[64];

	sub_dir(part);
	snprintf(name, sizeof name, "%s/vocab.json", part);
	write_text(name, "{\"a\":0,\"a</w>\":1,\"b\":2,\"b</w>\":3,\"aa\":4,\"c</w>\":1000,"
			 "\"<|startoftext|>\":998,\"<|endoftext|>\":999}");
	snprintf(name, sizeof name, "%s/merges.txt", part);
	write_text(name, "#version: 0.2\na a\n");
}

static void refuse(const char *key, const char *value, const char *part)
{
	struct result r = run(SET(key, value));

	CHECK(r.err.code && strstr(r.err.msg, part), "\"%s\" lacks \"%s\"", r.err.msg, part);
	result_free(&r);
}

static void test_files(void)
{
	const char *latents = in_dir("latents.safetensors");
	struct result made, read;

	write_pipeline();
	write_latents(7, 4, 8);
	made = run(SET("seed", "7"));
	read = run(SET("seed", "8", "weights", test_dir, "latents", latents));
	check_ok(&made);
	check_ok(&read);
	CHECK(read.n == made.n && memcmp(made.image, read.image, (size_t)made.n * 48 * 4) == 0,
	      "files give another image than the generator");
	result_free(&made);
	result_free(&read);
	write_latents(7, 8, 4);
	refuse("latents", in_dir("latents.safetensors"), "[1,4,8,4], but this run needs [1,4,4,8]");
}

/* Three runs that must differ: no negative prompt, an empty one, another one. */
static void test_prompts(void)
{
	struct result none, empty, other;

	refuse("prompt", "aa b", "set weights as well");
	refuse("negative_prompt", "aa b", "needs a prompt");
	write_tokenizer("tokenizer");
	write_tokenizer("tokenizer_2");
	none = run(SET("weights", test_dir, "prompt", "aa b"));
	empty = run(SET("weights", test_dir, "prompt", "aa b", "negative_prompt", ""));
	other = run(SET("weights", test_dir, "prompt", "aa b", "negative_prompt", "b"));
	check_ok(&none);
	check_ok(&empty);
	check_ok(&other);
	CHECK(relative_error(none.latents, empty.latents, none.n) > 1e-3, "no prompt is not zero");
	CHECK(relative_error(other.latents, empty.latents, none.n) > 1e-3, "prompts do nothing");
	result_free(&none);
	result_free(&empty);
	result_free(&other);
	none = run(SET("weights", test_dir, "prompt", "c"));
	CHECK(strstr(none.err.msg, "token 1000, but text encoder 1 knows only 1000"), "%s",
	      none.err.msg);
}

static void test_bad_directories(void)
{
	write_text("unet/config.json", data_sdxl_mini_vae_json);
	refuse("weights", test_dir, "unet/config.json: _class_name is \"AutoencoderKL\"");
	write_text("unet/config.json", "{\"block_out_channels\":[32]}");
	refuse("weights", test_dir, "missing");
	unlink(in_dir("vae/model.safetensors"));
	write_text("unet/config.json", data_sdxl_mini_unet_json);
	refuse("weights", test_dir, "vae: holds no weights");
	write_text("model_index.json", "{\"_class_name\":\"FluxPipeline\"}");
	refuse("weights", test_dir, "_class_name is \"FluxPipeline\"");
}

int main(void)
{
	test_dir_make();
	test_variants();
	test_files();
	test_prompts();
	test_bad_directories();
	test_dir_remove();
	return test_end();
}
