/* SPDX-License-Identifier: MIT
 *
 * All families and presets. A new model is a new family here; nothing else changes.
 */
#include <string.h>

#include "forward.h"
#include "sdxl.h"
#include "workload.h"

#define SET(...) (const char *const[]){ __VA_ARGS__, NULL }

const struct preset presets[] = {
	{ "sdxl-20steps", "SDXL-base-1.0, 20 Euler steps, guidance 8: the run of MLPerf Inference",
	  &family_sdxl, SET("model", "sdxl-base", "steps", "20", "guidance", "8") },
	{ "sdxl-20steps-mini", "the same code path with small widths, 128x128 pixels", &family_sdxl,
	  SET("model", "sdxl-mini", "steps", "20", "guidance", "8") },
	{ "sdxl-unet", "one forward of SDXL's U-Net, without guidance", &family_forward,
	  SET("model", "sdxl-base/unet") },
	{ "sdxl-unet-mini", "the same code path with small widths", &family_forward,
	  SET("model", "sdxl-mini/unet") },
	{ "sdxl-vae", "SDXL's autoencoder: decode a latent, encode the image", &family_forward,
	  SET("model", "sdxl-base/vae") },
	{ "sdxl-vae-mini", "the same code path with small widths", &family_forward,
	  SET("model", "sdxl-mini/vae") },
};
const int n_presets = sizeof presets / sizeof *presets;

const struct preset *preset_find(const char *name, struct err *e)
{
	const char *names[sizeof presets / sizeof *presets], *near;

	for (int i = 0; i < n_presets; i++) {
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
		names[i] = presets[i].name;
	}
	near = nearest_name(name, names, n_presets);
	err_set(e, ERR_USAGE, "there is no workload \"%s\"%s%s%s", name,
		near ? "; did you mean \"" : "; `bench list` shows all", near ? near : "",
		near ? "\"?" : "");
	return NULL;
}

int preset_settings(const struct preset *p, struct settings *s, struct err *e)
{
	const struct family *f = p->family;

	die_if(f->n_settings > SETTINGS_MAX, "%s has more than %d settings", f->name, SETTINGS_MAX);
	*s = (struct settings){ .def = f->settings, .n = f->n_settings };
	for (int i = 0; i < f->n_settings; i++)
		if (f->settings[i].fallback &&
		    settings_set(s, f->settings[i].key, f->settings[i].fallback, e))
			return -(int)ERR_USAGE;
	for (int i = 0; p->set[i]; i += 2)
		if (settings_set(s, p->set[i], p->set[i + 1], e))
			return -(int)ERR_USAGE;
	return 0;
}
