/* SPDX-License-Identifier: MIT
 *
 * Configuration files: getters, and that each thing we cannot do is refused by key and value.
 */
#include <jansson.h>
#include <stdlib.h>

#include "builtin.h"
#include "clip_text.h"
#include "sampler.h"
#include "test.h"
#include "unet.h"
#include "vae.h"

/* ---- getters --------------------------------------------------------------------------------- */

static struct err err;

static struct config parsed(const char *json)
{
	struct config f;

	err = (struct err){ 0 };
	config_parse(&f, "file", json, &err);
	return f;
}

#define CHECK_SAYS(part) \
	do { \
		CHECK(err.code, "accepted"); \
		CHECK(strstr(err.msg, part), "\"%s\" lacks \"%s\"", err.msg, part); \
		err = (struct err){ 0 }; \
	} while (0)

static void test_values(void)
{
	struct config f = parsed("{\"n\":5,\"x\":1e-5,\"s\":\"t\",\"b\":true,\"null\":null}");

	CHECK_INT(config_int(&f, "n", 0, 9), 5);
	CHECK_NEAR(config_real_or(&f, "n", 0), 5, 0);
	CHECK_NEAR(config_real_or(&f, "x", 0), 1e-5, 0);
	CHECK_STR(config_text(&f, "s"), "t");
	CHECK(config_bool_or(&f, "b", false), "b is false");
	CHECK_INT(config_int_or(&f, "null", 0, 9, 7), 7);
	CHECK_INT(config_int_or(&f, "none", 0, 9, 7), 7);
	CHECK(!config_has(&f, "null") && !config_has(&f, "none") && config_has(&f, "n"), "has");
	CHECK(!err.code, "%s", err.msg);

	config_int(&f, "none", 0, 9);
	CHECK_SAYS("file: none is missing; a whole number");
	config_int(&f, "null", 0, 9);
	CHECK_SAYS("file: null is null; a whole number");
	config_int(&f, "n", 0, 4);
	CHECK_SAYS("file: n is 5; a whole number from 0 to 4");
	config_int(&f, "x", 0, 4);
	CHECK_SAYS("file: x is ");
	config_text(&f, "n");
	CHECK_SAYS("file: n is 5; a text");
	config_bool_or(&f, "n", false);
	CHECK_SAYS("file: n is 5; true or false");
	config_real_or(&f, "s", 0);
	CHECK_SAYS("file: s is \"t\"; a number");
	config_close(&f);
}

static void test_lists(void)
{
	struct config f =
		parsed("{\"n\":[1,2,3],\"s\":[\"a\",\"b\"],\"one\":4,\"e\":[],\"m\":[1,\"a\"],"
		       "\"l\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}");
	int64_t v[CONFIG_LIST_MAX];
	const char *s[CONFIG_LIST_MAX];

	CHECK_INT(config_ints(&f, "n", 1, 3, v), 3);
	CHECK_INT(v[2], 3);
	CHECK_INT(config_texts(&f, "s", s), 2);
	CHECK_STR(s[1], "b");
	config_per_level(&f, "one", 0, 9, 3, 0, v);
	CHECK_INT(v[2], 4);
	config_per_level(&f, "n", 0, 9, 3, 0, v);
	CHECK_INT(v[1], 2);
	config_per_level(&f, "none", 0, 9, 3, 8, v);
	CHECK_INT(v[2], 8);
	CHECK(!err.code, "%s", err.msg);

	config_per_level(&f, "n", 0, 9, 2, 0, v);
	CHECK_SAYS("file: n is [1,2,3]; one value or a list of 2");
	CHECK_INT(config_ints(&f, "e", 0, 9, v), 0);
	CHECK_SAYS("file: e is []; a list of 1 to 16");
	CHECK_INT(config_ints(&f, "l", 0, 99, v), 0);
	CHECK_SAYS("a list of 1 to 16");
	config_ints(&f, "m", 0, 9, v);
	CHECK_SAYS("file: m is [1,\"a\"]");
	CHECK_INT(config_texts(&f, "m", s), 0);
	CHECK_SAYS("a list of texts");
	CHECK_INT(config_ints(&f, "one", 0, 9, v), 0);
	CHECK_SAYS("file: one is 4; a list");
	config_close(&f);
}

static void test_files(void)
{
	struct config f = parsed("[1]");
	CHECK_SAYS("file does not hold a JSON object");
	CHECK_INT(config_int(&f, "n", 3, 9), 3);
	CHECK(!err.code, "a second complaint: %s", err.msg);
	f = parsed("{\"a\":");
	CHECK_SAYS("file is not valid JSON");
	config_read(&f, "/nonexistent/config.json", &err);
	CHECK_SAYS("cannot open /nonexistent/config.json: No such file");
	config_read(&f, "/", &err);
	CHECK_SAYS("cannot read /: Is a directory");
}

/* ---- classes --------------------------------------------------------------------------------- */

static void read_unet(struct config *f)
{
	struct unet_config m;
	unet_read(f, &m);
}

static void read_vae(struct config *f)
{
	struct vae_config m;
	vae_read(f, &m);
}

static void read_text(struct config *f)
{
	struct clip_config m;
	clip_read(f, &m);
}

static void read_sampler(struct config *f)
{
	struct sampler_config m;
	sampler_read(f, &m);
}

static const struct class {
	const char *part;
	void (*read)(struct config *f);
} classes[] = {
	{ "unet", read_unet },
	{ "vae", read_vae },
	{ "text_encoder_2", read_text },
	{ "scheduler", read_sampler },
};

/* The built-in file of the part with `key` changed to `value`, or removed when value is NULL. */
static void read_changed(const struct class *class, const char *key, const char *value)
{
	struct config f;

	err = (struct err){ 0 };
	config_of_part(&f, NULL, "sdxl-base", class->part, &err);
	if (value)
		json_object_set_new(f.root, key, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(f.root, key);
	class->read(&f);
	config_close(&f);
}

static void refuse(int class, const char *key, const char *value)
{
	char says[160];

	read_changed(&classes[class], key, value);
	snprintf(says, sizeof says, "%s: %s is %s; ", classes[class].part, key,
		 value ? value : "missing");
	CHECK_SAYS(says);
}

static void accept(int class, const char *key, const char *value)
{
	read_changed(&classes[class], key, value);
	CHECK(!err.code, "%s", err.msg);
}

enum { UNET, VAE, TEXT, SCHEDULER };

static void test_unet(void)
{
	accept(UNET, "_diffusers_version", "\"9\"");
	accept(UNET, "a_key_of_the_future", "null");
	accept(UNET, "a_key_of_the_future", "false");
	accept(UNET, "mid_block_scale_factor", "1.0");
	accept(UNET, "sample_size", "[96,64]");
	refuse(UNET, "a_key_of_the_future", "true");
	refuse(UNET, "_class_name", "\"UNet2DModel\"");
	refuse(UNET, "class_embed_type", "\"timestep\"");
	refuse(UNET, "encoder_hid_dim", "64");
	refuse(UNET, "num_attention_heads", "8");
	refuse(UNET, "resnet_time_scale_shift", "\"scale_shift\"");
	refuse(UNET, "time_embedding_type", "\"fourier\"");
	refuse(UNET, "center_input_sample", "true");
	refuse(UNET, "only_cross_attention", "true");
	refuse(UNET, "conv_in_kernel", "5");
	refuse(UNET, "addition_embed_type", "\"image\"");
	refuse(UNET, "addition_time_embed_dim", "255");
	refuse(UNET, "projection_class_embeddings_input_dim", "1536");
	refuse(UNET, "freq_shift", "160");
	refuse(UNET, "mid_block_type", "\"UNetMidBlock2D\"");
	refuse(UNET, "down_block_types", "[\"AttnDownBlock2D\",\"DownBlock2D\",\"DownBlock2D\"]");
	refuse(UNET, "up_block_types", "[\"UpBlock2D\"]");
	refuse(UNET, "block_out_channels", "[320,640,1281]");
	refuse(UNET, "block_out_channels", NULL);
	refuse(UNET, "down_block_types", NULL);
	refuse(UNET, "cross_attention_dim", NULL);
	refuse(UNET, "cross_attention_dim", "[2048,2048,1024]");
	refuse(UNET, "attention_head_dim", "[5,10,21]");
	refuse(UNET, "transformer_layers_per_block", "[1,[2,2],10]");
	refuse(UNET, "layers_per_block", "0");
	refuse(UNET, "norm_num_groups", "33000");
}

static void test_others(void)
{
	accept(VAE, "force_upcast", "false");
	refuse(VAE, "latents_mean", "[0,0,0,0]");
	refuse(VAE, "down_block_types", "[\"DownEncoderBlock2D\",\"X\",\"X\",\"X\"]");
	refuse(VAE, "up_block_types", "[\"UpDecoderBlock2D\"]");
	refuse(VAE, "act_fn", "\"relu\"");
	refuse(VAE, "scaling_factor", "0");
	refuse(VAE, "block_out_channels", "[128,256,512,500]");

	accept(TEXT, "dropout", "0.1");
	accept(TEXT, "hidden_act", "\"gelu_new\"");
	refuse(TEXT, "hidden_act", "\"relu\"");
	refuse(TEXT, "architectures", "[\"CLIPModel\"]");
	refuse(TEXT, "architectures", NULL);
	refuse(TEXT, "num_hidden_layers", "129");
	refuse(TEXT, "num_attention_heads", "21");
	refuse(TEXT, "hidden_size", NULL);

	accept(SCHEDULER, "clip_sample", "false");
	refuse(SCHEDULER, "_class_name", "\"PNDMScheduler\"");
	refuse(SCHEDULER, "trained_betas", "[0.5]");
	refuse(SCHEDULER, "rescale_betas_zero_snr", "true");
	refuse(SCHEDULER, "timestep_spacing", "\"odd\"");
}

int main(void)
{
	test_values();
	test_lists();
	test_files();
	test_unet();
	test_others();
	return test_end();
}
