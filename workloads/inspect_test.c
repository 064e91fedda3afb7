/* SPDX-License-Identifier: MIT
 *
 * A whole pipeline directory is found good; each kind of damage is found in the part where it is.
 */
#include "inspect.h"

#include <stdlib.h>
#include <string.h>

#include "test_dir.h"

#define GOLDEN "workloads/golden/pipeline-sdxl"

static void shell(const char *command)
{
	char words[700];

	snprintf(words, sizeof words, "cd %s && %s", test_dir, command);
	CHECK(system(words) == 0, "%s", command);
}

static void fresh(void)
{
	char words[400];

	snprintf(words, sizeof words, "rm -rf %s/p && cp -r " GOLDEN " %s/p && rm -r %s/p/run-*",
		 test_dir, test_dir, test_dir);
	CHECK_INT(system(words), 0);
}

static void test_good(void)
{
	fresh();
	for (const char *const *part = inspect_parts; *part; part++) {
		struct err e = { 0 };
		char what[300];
		CHECK(inspect_part(in_dir("p"), *part, what, sizeof what, &e) == 0 && *what,
		      "%s: %s", *part, e.msg);
		CHECK(!strstr(what, "decodes only"), "%s", what);
	}
}

/* `command` does the damage; `part` is the first that complains, with these words. */
static void bad(const char *command, const char *part, const char *words)
{
	fresh();
	shell(command);
	for (const char *const *at = inspect_parts; *at; at++) {
		struct err e = { 0 };
		char what[300];
		int rc = inspect_part(in_dir("p"), *at, what, sizeof what, &e);
		if (strcmp(*at, part) == 0) {
			CHECK(rc && strstr(e.msg, words), "%s: %s: \"%s\"", command, part, e.msg);
			return;
		}
		CHECK(rc == 0, "%s: %s: %s", command, *at, e.msg);
	}
}

static void test_damage(void)
{
	bad("sed -i s/CLIPTextModel/BertModel/ p/text_encoder/config.json", "text_encoder",
	    "supported");
	bad("rm p/text_encoder/model.safetensors", "text_encoder", "holds no weights");
	bad("truncate -s -4 p/text_encoder/model.safetensors", "text_encoder", "model.safetensors");
	bad("sed -i 's/\"num_hidden_layers\": ./\"num_hidden_layers\": 1/' "
	    "p/text_encoder/config.json", "text_encoder", "belong to no parameter");
	bad("rm p/text_encoder_2/model-00002*", "text_encoder_2", "model-00002");
	bad("sed -i s/00002-of/00001-of/ p/text_encoder_2/model.safetensors.index.json",
	    "text_encoder_2", "though");
	bad("sed -i 's/\"layers_per_block\": 1/\"layers_per_block\": 2/' "
	    "p/unet/config.json", "unet", "missing");
	bad("for f in p/unet/*.safetensors; do LC_ALL=C sed -i "
	    "'s/\"conv_in.bias\"/\"conv_im.bias\"/' $f; done", "unet", "conv_in.bias");
	bad("for f in p/unet/*.safetensors; do LC_ALL=C sed -i "
	    "'0,/\"dtype\":\"F16\"/s//\"dtype\":\"I16\"/' $f; done", "unet", "type I16");
	bad("sed -i 's/\"latent_channels\": 4/\"latent_channels\": 5/' p/vae/config.json", "vae",
	    "shape");
	bad("echo '{' > p/scheduler/scheduler_config.json", "scheduler", "JSON");
	bad("rm p/tokenizer/merges.txt", "tokenizer", "merges.txt");
	bad("rm -r p/tokenizer_2", "tokenizer_2", "only for --prompt");
	bad("sed -i s/XLPipeline/Pipeline/ p/model_index.json", "pipeline", "_class_name");
	bad("rm -r p/text_encoder && mkdir p/text_encoder && cp p/text_encoder_2/* p/text_encoder/",
	    "pipeline", "widths");
}

/* An autoencoder without its encoder can decode, and a run does no more. */
static void test_decoder_only(void)
{
	struct err e = { 0 };
	char what[300];

	fresh();
	shell("for f in p/vae/*.safetensors; do LC_ALL=C sed -i "
	      "'s/\"encoder.conv_in.bias\"/\"encoder.conv_im.bias\"/' $f; done");
	CHECK(inspect_part(in_dir("p"), "vae", what, sizeof what, &e) == 0, "%s", e.msg);
	CHECK(strstr(what, "; decodes only"), "%s", what);
}

int main(void)
{
	test_dir_make();
	test_good();
	test_damage();
	test_decoder_only();
	test_dir_remove();
	return test_end();
}
