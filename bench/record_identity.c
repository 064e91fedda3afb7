/* SPDX-License-Identifier: MIT
 *
 * What ran, with which settings, built how, on which machine.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build_info.h"
#include "fingerprint.h"
#include "output.h"
#include "record.h"
#include "record_int.h"
#include "shell.h"

char *record_params(const struct session *s)
{
	json_t *j = json_object();
	char *text;

	for (int i = 0; i < s->point.settings.n; i++) {
		const struct setting_def *d = &s->point.settings.def[i];
		const char *v = s->point.settings.value[i];
		if (!d->identity || !v)
			continue;
		if (d->type == SETTING_INT)
			json_object_set_new(j, d->key, json_integer(strtoll(v, NULL, 10)));
		else if (d->type == SETTING_REAL)
			json_object_set_new(j, d->key, json_real(strtod(v, NULL)));
		else
			json_object_set_new(j, d->key, json_string(v));
	}
	if (opt_given(s->o, OPT_INJECT))
		json_object_set_new(j, "inject", json_string(opt_text(s->o, OPT_INJECT)));
	json_object_set_new(j, "threads", json_integer(s->device.threads));
	json_object_set_new(j, "backend", json_string(s->device.name));
	json_object_set_new(j, "isa", json_string(isa_name(s->device.isa)));
	text = json_dumps(j, JSON_SORT_KEYS);
	json_decref(j);
	die_if(!text, "out of memory");
	return text;
}

/* The preset and the size of each part: the architecture, also when it came from a directory. */
static char *spec_json(const struct session *s)
{
	const struct point *p = &s->point;
	json_t *preset = json_object(), *parts = json_object(), *j;
	char *text;

	for (int i = 0; p->preset->set[i]; i += 2)
		json_object_set_new(preset, p->preset->set[i],
				    json_string(p->preset->set[i + 1]));
	for (int i = 0; p->w->parts[i]; i++)
		json_object_set_new(parts, p->w->parts[i],
				    json_integer(weights_elems(p->w->weights, p->w->parts[i])));
	j = json_pack("{s:s,s:o,s:o}", "family", p->preset->family->name, "preset", preset,
		      "parameters", parts);
	text = json_dumps(j, JSON_SORT_KEYS);
	json_decref(j);
	die_if(!text, "out of memory");
	return text;
}

static char *libraries_json(void)
{
	json_t *j = json_pack("{s:s}", "dnn", dnnl_describe());
	char *text = json_dumps(j, 0);

	json_decref(j);
	die_if(!text, "out of memory");
	return text;
}

char *command_line(void)
{
	FILE *f = fopen("/proc/self/cmdline", "r"), *out;
	char *text = NULL, *word = NULL;
	size_t len = 0, room = 0;

	out = open_memstream(&text, &len);
	die_if(!out, "out of memory");
	while (f && getdelim(&word, &room, 0, f) > 0) {
		fputs(ftell(out) ? " " : "", out);
		shell_word(out, word);
	}
	if (f)
		fclose(f);
	fclose(out);
	free(word);
	return text;
}

static struct db_build this_build(struct record *r)
{
	file_hash("/proc/self/exe", r->binary);
	r->libs = libraries_json();
	return (struct db_build){
		.version = build_info.version,
		.git_sha = *build_info.git_revision ? build_info.git_revision : NULL,
		.git_branch = *build_info.git_branch ? build_info.git_branch : NULL,
		.git_dirty = build_info.git_dirty,
		.compiler = build_info.compiler,
		.cflags = build_info.flags,
		.libs_json = r->libs,
		.binary_sha256 = *r->binary ? r->binary : NULL,
	};
}

/* At the start, and whether another process took turns with it. */
static char *environment(const struct session *s)
{
	json_t *j = json_loads(s->environment, 0, NULL);
	char *text;

	if (j && s->m.turns > 0)
		json_object_set_new(j, "turns", json_integer(s->m.turns));
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return text;
}

void record_identity(struct record *r, const struct session *s)
{
	const struct point *p = &s->point;
	struct db_run *run = &r->run;

	memcpy(run->uuid, s->uuid, sizeof run->uuid);
	r->params = record_params(s);
	r->spec = spec_json(s);
	r->argv = command_line();
	r->environment = environment(s);
	run->host = machine_host(&s->machine);
	run->build = this_build(r);
	run->workload = (struct db_workload){ p->preset->name, p->preset->family->name,
					      p->preset->family->task, r->spec };
	run->config = (struct db_config){
		.params_json = r->params,
		.core_macs = cost_core_macs(&p->cost),
		.noattn_macs = cost_noattn_macs(&p->cost),
		.images = p->w->images,
		.parameters = weights_elems(p->w->weights, ""),
		.weight_bytes = s->need.weights,
	};
	run->session = (struct db_session){ .argv = r->argv, .purpose = s->purpose,
					    .started_unix_ns = s->started_unix_ns,
					    .exit_code = -1 };
	memcpy(run->session.uuid, s->session_uuid, sizeof run->session.uuid);
	run->status = s->status;
	run->status_msg = *s->status_msg ? s->status_msg : NULL;
	run->label = opt_text(s->o, OPT_TAG);
	run->started_unix_ns = s->started_unix_ns;
	run->steady = s->m.n ? s->m.steady : -1;
	run->stop_reason = s->m.stop_reason;
	run->env_json = r->environment;
}

json_t *record_fingerprint(const struct session *s)
{
	struct record r = { 0 };
	json_t *fingerprint;

	record_identity(&r, s);
	fingerprint = fingerprint_of(&r.run);
	record_free(&r);
	return fingerprint;
}
