/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <math.h>
#include <stdlib.h>

json_t *json_number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

json_t *json_cost(const struct cost *c)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "calls",
			 (json_int_t)c->calls, "core_macs", (json_int_t)cost_core_macs(c),
			 "noattn_macs", (json_int_t)cost_noattn_macs(c), "torchprofile_macs",
			 (json_int_t)cost_torchprofile_macs(c), "conv_macs",
			 (json_int_t)c->macs_conv, "linear_macs", (json_int_t)c->macs_linear,
			 "attention_macs", (json_int_t)c->macs_attn, "norm_elems",
			 (json_int_t)c->norm_elems, "geglu_products", (json_int_t)c->mul_elems,
			 "exponentials", (json_int_t)c->exp_elems, "bytes_read",
			 (json_int_t)c->bytes_read, "bytes_written", (json_int_t)c->bytes_written);
}

static json_t *setting_value(const struct setting_def *d, const char *text)
{
	if (!text)
		return json_null();
	if (d->type == SETTING_INT)
		return json_integer(strtoll(text, NULL, 10));
	if (d->type == SETTING_REAL)
		return json_number(strtod(text, NULL));
	return json_string(text);
}

json_t *json_settings(const struct settings *s, int identity_only)
{
	json_t *j = json_object();

	for (int i = 0; i < s->n; i++)
		if (s->def[i].identity || !identity_only)
			json_object_set_new(j, s->def[i].key,
					    setting_value(&s->def[i], s->value[i]));
	return j;
}

void json_print(json_t *j, FILE *to)
{
	json_dumpf(j, to, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	fputc('\n', to);
	json_decref(j);
}
