/* SPDX-License-Identifier: MIT */
#include "point.h"

#include <stdio.h>
#include <string.h>

/* Options that are settings with a shorter spelling. */
static const struct {
	enum opt option;
	const char *key;
} short_forms[] = {
	{ OPT_WEIGHTS, "weights" },
	{ OPT_PROMPT, "prompt" },
	{ OPT_NEGATIVE_PROMPT, "negative_prompt" },
	{ OPT_LATENTS, "latents" },
};

static int set_pair(struct settings *s, const char *pair, struct err *e)
{
	size_t n = strcspn(pair, "=");
	char key[64];

	snprintf(key, sizeof key, "%.*s", (int)n, pair);
	return settings_set(s, key, pair + n + 1, e);
}

static int apply_options(struct point *p, const struct options *o, struct err *e)
{
	for (size_t i = 0; i < sizeof short_forms / sizeof *short_forms; i++)
		if (opt_given(o, short_forms[i].option) &&
		    settings_set(&p->settings, short_forms[i].key,
				 opt_text(o, short_forms[i].option), e))
			return -(int)e->code;
	for (int i = 0; i < o->n[OPT_SET]; i++)
		if (set_pair(&p->settings, o->value[OPT_SET][i], e))
			return -(int)e->code;
	return 0;
}

/* Parameters, costs and plans of every stage. */
static int dry_pass(struct point *p, const struct backend *b, struct err *e)
{
	p->ctx = ctx_new(b, p->w->dtype, p->w->weights);
	for (int i = 0; i < p->w->n_stages; i++) {
		p->plan[i] = plan_new();
		ctx_step_begin(p->ctx, PASS_DRY, p->plan[i]);
		p->w->step(p->w, p->ctx, i, 0);
		if (ctx_step_end(p->ctx))
			return err_set(e, p->ctx->err.code, "%s", p->ctx->err.msg);
		p->step_cost[i] = p->ctx->cost;
		cost_add(&p->cost, &p->step_cost[i], p->w->stage[i].steps);
	}
	return 0;
}

static int create(struct point *p, const struct backend *b, struct err *e)
{
	p->w = p->preset->family->create(&p->settings, e);
	return p->w ? dry_pass(p, b, e) : -(int)e->code;
}

int point_open(struct point *p, const struct options *o, const struct backend *b, struct err *e)
{
	*p = (struct point){ .preset = preset_find(o->arg[0], e) };
	if (!p->preset || preset_settings(p->preset, &p->settings, e) || apply_options(p, o, e))
		return -(int)e->code;
	return create(p, b, e);
}

int point_open_like(struct point *p, const struct point *like, const char *const *set,
		    struct err *e)
{
	*p = (struct point){ .preset = like->preset };
	if (preset_settings(p->preset, &p->settings, e))
		return -(int)e->code;
	for (int i = 0; i < p->settings.n; i++)
		if (like->settings.value[i] && settings_set(&p->settings, p->settings.def[i].key,
							    like->settings.value[i], e))
			return -(int)e->code;
	for (; set[0]; set += 2)
		if (settings_set(&p->settings, set[0], set[1], e))
			return -(int)e->code;
	return create(p, like->ctx->backend, e);
}

void point_close(struct point *p)
{
	for (int i = 0; i < STAGES_MAX; i++)
		plan_free(p->plan[i]);
	ctx_free(p->ctx);
	if (p->w)
		p->w->destroy(p->w);
	settings_clear(&p->settings);
	*p = (struct point){ 0 };
}

int point_steps(const struct point *p)
{
	int n = 0;
	for (int i = 0; i < p->w->n_stages; i++)
		n += p->w->stage[i].steps;
	return n;
}

int point_profile(struct point *p, struct profile *profile, struct err *e)
{
	struct profile_hook counting = { .profile = profile };
	const struct backend *mine = p->ctx->backend;

	p->ctx->backend = &backend_null;
	p->ctx->hook = profile_counting_hook(&counting);
	for (int i = 0; i < p->w->n_stages; i++) {
		counting.stage = i;
		counting.times = p->w->stage[i].steps;
		ctx_step_begin(p->ctx, PASS_RUN, NULL);
		p->w->step(p->w, p->ctx, i, 0);
		if (ctx_step_end(p->ctx))
			break;
	}
	p->ctx->backend = mine;
	p->ctx->hook = (struct op_hook){ 0 };
	return p->ctx->err.code ? err_set(e, p->ctx->err.code, "%s", p->ctx->err.msg) : 0;
}

int point_part(const struct point *p, const char *path)
{
	for (int i = 0; p->w->parts[i]; i++) {
		size_t n = strlen(p->w->parts[i]);
		if (strncmp(path, p->w->parts[i], n) == 0 && (path[n] == '.' || !path[n]))
			return i;
	}
	return -1;
}
