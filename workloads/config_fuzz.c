/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the configuration files of models. Any text is refused with a sentence, or describes a
 * model that can be built: a dry pass of it, in which nothing is computed, must not end in a bug.
 * Every reader gets every input, so a corpus file is simply a config.json.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "clip_text.h"
#include "sampler.h"
#include "unet.h"
#include "vae.h"

#define LAYERS_MAX 100 /* larger models only take longer */

union model {
	struct unet_config unet;
	struct vae_config vae;
	struct clip_config clip;
	struct sampler_config sampler;
};

/* A latent of the least size that every level can halve. */
static T *image(C *c, int levels, int64_t channels)
{
	int64_t side = (int64_t)1 << (levels - 1);
	return input_f32(c, 4, (int64_t[]){ 1, side, side, channels }, NULL);
}

static void build_unet(C *c, const union model *any)
{
	const struct unet_config *m = &any->unet;
	int64_t layers = 0, one = 1;
	T *pooled = NULL, *ids = NULL;

	for (int i = 0; i < m->levels; i++)
		layers += m->layers[i] * (1 + m->depth[i]);
	if (layers > LAYERS_MAX)
		return;
	if (m->text_time) {
		pooled = input_f32(c, 2, (int64_t[]){ 1, m->pooled_width }, NULL);
		ids = input_f32(c, 2, (int64_t[]){ 1, UNET_TIME_IDS }, NULL);
	}
	unet(c, m, image(c, m->levels, m->in_channels), input_f32(c, 1, &one, NULL),
	     input_f32(c, 3, (int64_t[]){ 1, 1, m->context_width }, NULL), pooled, ids);
}

static void build_vae(C *c, const union model *any)
{
	const struct vae_config *m = &any->vae;

	if (m->layers * m->levels > LAYERS_MAX)
		return;
	vae_encode(c, m, image(c, m->levels, m->in_channels));
	vae_decode(c, m, image(c, 1, m->latent_channels));
}

static void build_clip(C *c, const union model *any)
{
	const struct clip_config *m = &any->clip;
	struct clip_output out;
	int64_t one = 1;

	clip_text(c, m, input_i32(c, 2, (int64_t[]){ 1, 1 }, NULL), input_i32(c, 1, &one, NULL),
		  &out);
}

/* Noise levels must fall, but for rounding: the last is zero. */
static void build_sampler(C *c, const union model *any)
{
	static struct sampler s;
	struct err e = { 0 };

	(void)c;
	if (any->sampler.train_steps > 5000 || sampler_init(&s, &any->sampler, 5, &e))
		return;
	die_if(s.sigma[5] != 0, "the last noise level is %g", (double)s.sigma[5]);
}

static void read_unet(struct config *f, union model *m)
{
	unet_read(f, &m->unet);
}

static void read_vae(struct config *f, union model *m)
{
	vae_read(f, &m->vae);
}

static void read_clip(struct config *f, union model *m)
{
	clip_read(f, &m->clip);
}

static void read_sampler(struct config *f, union model *m)
{
	sampler_read(f, &m->sampler);
}

static void check(const char *text, void (*read)(struct config *, union model *),
		  void (*build)(C *, const union model *))
{
	struct config f;
	union model m;
	struct err e = { 0 };
	struct weights *w;
	struct ctx *c;

	config_parse(&f, "input", text, &e);
	read(&f, &m);
	config_close(&f);
	die_if(!e.code != !e.msg[0], "refused without a sentence");
	if (e.code)
		return;
	w = weights_new(0);
	c = ctx_new(&backend_null, DT_F32, w);
	ctx_step_begin(c, PASS_DRY, NULL);
	build(c, &m);
	ctx_step_end(c);
	ctx_free(c);
	weights_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	die_if(!text, "out of memory");
	memcpy(text, data, size);
	text[size] = 0;
	check(text, read_unet, build_unet);
	check(text, read_vae, build_vae);
	check(text, read_clip, build_clip);
	check(text, read_sampler, build_sampler);
	free(text);
	return 0;
}
