/* SPDX-License-Identifier: MIT
 *
 * The model classes that a directory may hold, by the name that its config.json gives.
 */
#ifndef BENCH_MODEL_CLASS_H
#define BENCH_MODEL_CLASS_H

#include "clip_text.h"
#include "unet.h"
#include "vae.h"

enum model_class { MODEL_UNET, MODEL_VAE, MODEL_TEXT };

struct model {
	enum model_class class;
	const char *name; /* "UNet2DConditionModel"; static */
	struct unet_config unet; /* that of the class is filled */
	struct vae_config vae;
	struct clip_config text;
};

/* Reads dir/config.json; refuses classes that we do not have (the config's first complaint). */
int model_read(struct model *m, const char *dir, struct err *e);

#endif
