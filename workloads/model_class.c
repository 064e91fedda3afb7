/* SPDX-License-Identifier: MIT */
#include "model_class.h"

#include <stdio.h>
#include <string.h>

#include "config.h"

static const struct {
	const char *name;
	enum model_class class;
} classes[] = {
	{ "UNet2DConditionModel", MODEL_UNET },
	{ "AutoencoderKL", MODEL_VAE },
	{ "CLIPTextModel", MODEL_TEXT },
	{ "CLIPTextModelWithProjection", MODEL_TEXT },
};
#define CLASSES (int)(sizeof classes / sizeof *classes)

static void find_class(struct config *f, struct model *m)
{
	const char *list[CONFIG_LIST_MAX] = { "" };
	const char *key = config_has(f, "_class_name") ? "_class_name" : "architectures";

	if (!config_has(f, key))
		config_refuse(f, "_class_name", "the class of the model is needed");
	else if (strcmp(key, "architectures") == 0)
		config_texts(f, key, list);
	else
		list[0] = config_text(f, key);
	for (int i = 0; i < CLASSES; i++)
		if (strcmp(list[0], classes[i].name) == 0) {
			m->name = classes[i].name;
			m->class = classes[i].class;
			return;
		}
	config_refuse(f, key, "only UNet2DConditionModel, AutoencoderKL, CLIPTextModel and "
			      "CLIPTextModelWithProjection are supported");
}

int model_read(struct model *m, const char *dir, struct err *e)
{
	struct config f;
	char path[4096];

	*m = (struct model){ .name = NULL };
	snprintf(path, sizeof path, "%s/config.json", dir);
	config_read(&f, path, e);
	if (f.root)
		find_class(&f, m);
	if (m->name && m->class == MODEL_UNET)
		unet_read(&f, &m->unet);
	else if (m->name && m->class == MODEL_VAE)
		vae_read(&f, &m->vae);
	else if (m->name)
		clip_read(&f, &m->text);
	config_close(&f);
	return -(int)e->code;
}
