/* SPDX-License-Identifier: MIT
 *
 * Token ids of the texts of an SDXL run: the prompt and, under guidance, the negative prompt.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sdxl.h"
#include "tokenizer.h"

/* ---- invented texts -------------------------------------------------------------------------- */

/* Start, some words, end, padding: the same in every run. Texts differ in length and words. The
 * first tower's files pad with the end of text, the second's with token 0. */
static void invent(const struct clip_config *m, int tower, int text, int n, int32_t *ids)
{
	int32_t last = (int32_t)m->vocab - 1;
	int32_t eos = m->eos == 2 || m->eos > last ? last : (int32_t)m->eos;
	int words = text ? 18 : 12;
	uint32_t word[4];

	if (words > n - 2)
		words = n - 2;
	ids[0] = last - 1;
	for (int i = 0; i < words; i++) {
		philox4x32((uint64_t)i, random_key("prompt"), (uint64_t)text, word);
		ids[i + 1] = 3 + (int32_t)(word[0] % (uint32_t)(m->vocab - 5));
		if (ids[i + 1] == eos)
			ids[i + 1]--;
	}
	for (int i = words + 1; i < n; i++)
		ids[i] = i == words + 1 || tower == 0 ? eos : 0;
}

/* Without a prompt both texts are invented and encoded, as in MLPerf's run, which has a fixed
 * negative prompt. */
static void invent_all(struct sdxl *s)
{
	for (int tower = 0; tower < 2; tower++)
		for (int i = 0; i < s->prompts; i++)
			invent(&s->text[tower], tower, s->guided ? i : 1, (int)s->length,
			       s->ids[tower] + i * s->length);
}

/* ---- given texts ----------------------------------------------------------------------------- */

static int open_tokenizer(struct tokenizer **t, const char *dir, int tower, struct err *e)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/%s", dir, tower ? "tokenizer_2" : "tokenizer");
	return tokenizer_open(t, path, e);
}

/* The model's table must have a row for every id. */
static int encode(const struct sdxl *s, const struct tokenizer *t, int tower, const char *text,
		  int32_t *ids, struct err *e)
{
	if (tokenizer_encode(t, text, (int)s->length, ids, e))
		return -(int)e->code;
	for (int i = 0; i < s->length; i++)
		if (ids[i] >= s->text[tower].vocab)
			return err_set(e, ERR_FAILED,
				       "the tokenizer gives token %d, but text encoder "
				       "%d knows only %lld tokens",
				       ids[i], tower + 1, (long long)s->text[tower].vocab);
	return 0;
}

static int encode_all(struct sdxl *s, const char *dir, const char *const text[], struct err *e)
{
	struct tokenizer *t[2] = { NULL, NULL };
	int failed = open_tokenizer(&t[0], dir, 0, e) || open_tokenizer(&t[1], dir, 1, e);

	for (int tower = 0; tower < 2 && !failed; tower++) {
		int wanted = tokenizer_length(t[tower], (int)s->length);
		if (wanted < s->length)
			s->length = wanted;
	}
	for (int tower = 0; tower < 2; tower++)
		for (int i = 0; i < s->prompts && !failed; i++)
			failed = encode(s, t[tower], tower, text[i], s->ids[tower] + i * s->length,
					e);
	tokenizer_close(t[0]);
	tokenizer_close(t[1]);
	return failed;
}

/* ---- both ------------------------------------------------------------------------------------ */

static int check_settings(const struct settings *set, struct err *e)
{
	if (settings_text(set, "negative_prompt") && !settings_text(set, "prompt"))
		return err_set(e, ERR_USAGE, "negative_prompt needs a prompt");
	if (settings_text(set, "prompt") && !settings_text(set, "weights"))
		return err_set(e, ERR_USAGE,
			       "prompt needs the tokenizer files of a pipeline directory: "
			       "set weights as well");
	return 0;
}

int sdxl_set_texts(struct sdxl *s, const struct settings *set, bool zero_without_text,
		   struct err *e)
{
	const char *prompt = settings_text(set, "prompt");
	const char *negative = settings_text(set, "negative_prompt");
	const char *text[2] = { negative ? negative : "", prompt };
	int failed = check_settings(set, e);

	if (failed)
		return failed;
	s->zero_negative = s->guided && prompt && !negative && zero_without_text;
	s->prompts = s->guided && !s->zero_negative ? 2 : 1;
	for (int tower = 0; tower < 2; tower++) {
		s->ids[tower] = calloc((size_t)(s->prompts * s->length), sizeof(int32_t));
		die_if(!s->ids[tower], "out of memory");
	}
	if (prompt)
		failed = encode_all(s, settings_text(set, "weights"), text + 2 - s->prompts, e);
	else
		invent_all(s);
	for (int tower = 0; tower < 2; tower++)
		for (int i = 0; i < s->prompts; i++)
			s->eos[tower][i] = clip_eos_position(&s->text[tower],
							     s->ids[tower] + i * s->length,
							     (int)s->length);
	return failed;
}
