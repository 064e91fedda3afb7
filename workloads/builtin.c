/* SPDX-License-Identifier: MIT */
#include "builtin.h"

#include <stdio.h>
#include <string.h>

/* Every row: model, part and the embedded file (see `embed` in the Makefile). */
#define BUILTINS(X) \
	X("sdxl-base", "model_index", sdxl_base_model_index) \
	X("sdxl-base", "scheduler", sdxl_base_scheduler) \
	X("sdxl-base", "text_encoder", sdxl_base_text_encoder) \
	X("sdxl-base", "text_encoder_2", sdxl_base_text_encoder_2) \
	X("sdxl-base", "unet", sdxl_base_unet) \
	X("sdxl-base", "vae", sdxl_base_vae) \
	X("sdxl-mini", "model_index", sdxl_mini_model_index) \
	X("sdxl-mini", "scheduler", sdxl_mini_scheduler) \
	X("sdxl-mini", "text_encoder", sdxl_mini_text_encoder) \
	X("sdxl-mini", "text_encoder_2", sdxl_mini_text_encoder_2) \
	X("sdxl-mini", "unet", sdxl_mini_unet) \
	X("sdxl-mini", "vae", sdxl_mini_vae) \
	X("sd15", "unet", sd15_unet) \
	X("sd21", "unet", sd21_unet)

#define DECLARE(model, part, file) extern const char data_##file##_json[];
BUILTINS(DECLARE)

static const struct {
	const char *model, *part, *text;
} builtins[] = {
#define ROW(model, part, file) { model, part, data_##file##_json },
	BUILTINS(ROW)
};

static void read_directory(struct config *f, const char *dir, const char *part, struct err *e)
{
	char path[4096];

	if (strcmp(part, "model_index") == 0)
		snprintf(path, sizeof path, "%s/model_index.json", dir);
	else if (strcmp(part, "scheduler") == 0)
		snprintf(path, sizeof path, "%s/scheduler/scheduler_config.json", dir);
	else
		snprintf(path, sizeof path, "%s/%s/config.json", dir, part);
	config_read(f, path, e);
}

void config_of_part(struct config *f, const char *dir, const char *model, const char *part,
		    struct err *e)
{
	char name[128];

	if (dir) {
		read_directory(f, dir, part, e);
		return;
	}
	for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++) {
		if (strcmp(builtins[i].model, model) != 0 || strcmp(builtins[i].part, part) != 0)
			continue;
		snprintf(name, sizeof name, "built-in %s/%s", model, part);
		config_parse(f, name, builtins[i].text, e);
		return;
	}
	die_if(true, "no built-in configuration %s/%s", model, part);
}
