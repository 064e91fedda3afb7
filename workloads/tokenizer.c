/* SPDX-License-Identifier: MIT */
#include "tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistd.h>
#include <unistr.h>

#include "config.h"

struct merge {
	int32_t left, right, joined; /* left < 0: empty slot */
	int rank;
};

struct tokenizer {
	struct config vocab;
	struct merge *merge; /* hash table, linear probing, at most half full */
	uint32_t slots;      /* a power of two */
	int32_t byte_id[256][2]; /* of a byte inside a word and at its end */
	int32_t start, end, pad, unknown;
	int length;          /* 0: not given */
};

/* ---- tables ---------------------------------------------------------------------------------- */

static uint32_t pair_hash(int32_t left, int32_t right)
{
	uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u;
	return (uint32_t)(h >> 32);
}

/* The slot of this pair: its own, or the empty one where it belongs. */
static struct merge *find_merge(const struct tokenizer *t, int32_t left, int32_t right)
{
	for (uint32_t i = pair_hash(left, right);; i++) {
		struct merge *m = &t->merge[i & (t->slots - 1)];
		if (m->left < 0 || (m->left == left && m->right == right))
			return m;
	}
}

static int32_t id_of(const struct tokenizer *t, const char *token)
{
	return (int32_t)config_index(&t->vocab, token);
}

/* Bytes that are printable in Latin-1 stand for themselves, the others for U+0100, U+0101, ... */
static ucs4_t byte_character(int byte)
{
	ucs4_t next = 256;

	for (int b = 0; b < 256; b++) {
		bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
		if (b == byte)
			return printable ? (ucs4_t)b : next;
		next += !printable;
	}
	return 0;
}

static void set_byte_ids(struct tokenizer *t)
{
	char token[16];

	for (int b = 0; b < 256; b++) {
		int n = u8_uctomb((uint8_t *)token, byte_character(b), 6);
		token[n] = 0;
		t->byte_id[b][0] = id_of(t, token);
		strcpy(token + n, "</w>");
		t->byte_id[b][1] = id_of(t, token);
	}
}

static int add_merge(struct tokenizer *t, const char *path, char *line, int rank, struct err *e)
{
	char *space = strchr(line, ' '), joined[1024];
	int32_t left, right, id;
	struct merge *m;

	if (!space || space == line || !space[1] || strchr(space + 1, ' '))
		return err_set(e, ERR_FAILED, "%s: \"%.80s\" is not a pair of tokens", path, line);
	*space = 0;
	snprintf(joined, sizeof joined, "%s%s", line, space + 1);
	left = id_of(t, line);
	right = id_of(t, space + 1);
	id = id_of(t, joined);
	if (left < 0 || right < 0 || id < 0)
		return err_set(e, ERR_FAILED, "%s joins \"%.80s\" and \"%.80s\", but vocab.json does "
			       "not have both and \"%.160s\"", path, line, space + 1, joined);
	m = find_merge(t, left, right);
	if (m->left < 0)
		*m = (struct merge){ left, right, id, rank };
	return 0;
}

static int read_merges(struct tokenizer *t, const char *dir, struct err *e)
{
	char path[4096], *text, *line, *rest;
	size_t len, lines = 1;
	int rank = 0, failed = 0;

	snprintf(path, sizeof path, "%s/merges.txt", dir);
	text = config_read_file(path, &len, e);
	if (!text)
		return -ERR_FAILED;
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	for (t->slots = 16; t->slots < 2 * lines;)
		t->slots *= 2;
	t->merge = malloc(t->slots * sizeof *t->merge);
	die_if(!t->merge, "out of memory");
	memset(t->merge, -1, t->slots * sizeof *t->merge);
	for (line = strtok_r(text, "\r\n", &rest); line && !failed;
	     line = strtok_r(NULL, "\r\n", &rest))
		if (strncmp(line, "#version", 8) != 0)
			failed = add_merge(t, path, line, rank++, e);
	free(text);
	return failed;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* A special token: as this file names it, else unchanged. */
static void read_special(struct tokenizer *t, struct config *f, const char *key, int32_t *id)
{
	const char *token = config_token_or(f, key, NULL);

	if (!token)
		return;
	*id = id_of(t, token);
	if (*id < 0)
		config_refuse(f, key, "vocab.json does not have this token");
}

static void read_specials(struct tokenizer *t, const char *dir, const char *name, struct err *e)
{
	char path[4096];
	struct config f;
	double length;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (access(path, F_OK) != 0)
		return;
	config_read(&f, path, e);
	read_special(t, &f, "bos_token", &t->start);
	read_special(t, &f, "eos_token", &t->end);
	read_special(t, &f, "unk_token", &t->unknown);
	read_special(t, &f, "pad_token", &t->pad);
	length = config_real_or(&f, "model_max_length", 0);
	if (length >= 2 && length <= 65536) /* a file without a limit says 1e30 */
		t->length = (int)length;
	config_close(&f);
}

static int read_all(struct tokenizer *t, const char *dir, struct err *e)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/vocab.json", dir);
	config_read(&t->vocab, path, e);
	if (e->code || read_merges(t, dir, e))
		return -(int)e->code;
	set_byte_ids(t);
	t->start = id_of(t, "<|startoftext|>");
	t->end = t->unknown = t->pad = id_of(t, "<|endoftext|>");
	read_specials(t, dir, "special_tokens_map.json", e);
	read_specials(t, dir, "tokenizer_config.json", e);
	if (t->start < 0 || t->end < 0)
		err_set(e, ERR_FAILED, "%s has no tokens for the start and the end of a text", path);
	return -(int)e->code;
}

int tokenizer_open(struct tokenizer **out, const char *dir, struct err *e)
{
	struct tokenizer *t = calloc(1, sizeof *t);
	struct err own = { 0 };

	die_if(!t, "out of memory");
	*out = t;
	if (read_all(t, dir, &own) == 0)
		return 0;
	tokenizer_close(t);
	*out = NULL;
	return err_set(e, own.code, "%s", own.msg);
}

void tokenizer_close(struct tokenizer *t)
{
	if (!t)
		return;
	config_close(&t->vocab);
	free(t->merge);
	free(t);
}

int tokenizer_length(const struct tokenizer *t, int fallback)
{
	return t->length ? t->length : fallback;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* Lower case character by character, without regard to neighbours. One character becomes two. */
static void append_lower(uint8_t *out, size_t *used, ucs4_t c)
{
	static const ucs4_t i_with_dot = 0x130, combining_dot = 0x307;

	*used += (size_t)u8_uctomb(out + *used, c == i_with_dot ? 'i' : uc_tolower(c), 6);
	if (c == i_with_dot)
		*used += (size_t)u8_uctomb(out + *used, combining_dot, 6);
}

/* NFC, white space to single spaces, lower case; owned by the caller, NUL-terminated. */
static uint8_t *clean(const char *text, size_t *len)
{
	size_t n, used = 0;
	uint8_t *nfc = u8_normalize(UNINORM_NFC, (const uint8_t *)text, strlen(text), NULL, &n);
	uint8_t *out = malloc(3 * n + 16); /* lower case is at most three times as long */
	bool space = false;
	ucs4_t c;

	die_if(!nfc || !out, "out of memory");
	for (size_t i = 0; i < n;) {
		i += (size_t)u8_mbtouc(&c, nfc + i, n - i);
		if (!uc_is_property_white_space(c))
			append_lower(out, &used, c);
		else if (!space)
			out[used++] = ' ';
		space = uc_is_property_white_space(c);
	}
	free(nfc);
	out[used] = 0;
	*len = used;
	return out;
}

enum kind { SPACE, LETTER, NUMBER, OTHER };

static enum kind kind_at(const uint8_t *s, size_t len, int *bytes)
{
	ucs4_t c;

	*bytes = u8_mbtouc(&c, s, len);
	if (uc_is_property_white_space(c))
		return SPACE;
	if (uc_is_general_category(c, UC_LETTER))
		return LETTER;
	return uc_is_general_category(c, UC_NUMBER) ? NUMBER : OTHER;
}

static size_t contraction(const uint8_t *s, size_t len)
{
	static const char *const ends[] = { "'s", "'t", "'re", "'ve", "'m", "'ll", "'d" };

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (strlen(ends[i]) <= len && memcmp(s, ends[i], strlen(ends[i])) == 0)
			return strlen(ends[i]);
	return 0;
}

/* Bytes of the word at s, which is no space; len > 0. */
static size_t word_length(const uint8_t *s, size_t len)
{
	size_t n = contraction(s, len);
	enum kind kind;
	int bytes;

	if (n)
		return n;
	kind = kind_at(s, len, &bytes);
	do
		n += (size_t)bytes;
	while (kind != NUMBER && n < len && kind_at(s + n, len - n, &bytes) == kind);
	return n;
}

/* ---- byte pairs ------------------------------------------------------------------------------ */

/* Joins all occurrences of the pair; returns the new length. */
static int join(int32_t *id, int n, const struct merge *m)
{
	int out = 0;

	for (int i = 0; i < n; i++) {
		bool match = i + 1 < n && id[i] == m->left && id[i + 1] == m->right;
		id[out++] = match ? m->joined : id[i];
		i += match;
	}
	return out;
}

/* Ids of one word of `len` bytes into id (room for len); returns their number. */
static int encode_word(const struct tokenizer *t, const uint8_t *s, size_t len, int32_t *id)
{
	int n = (int)len;

	for (int i = 0; i < n; i++)
		id[i] = t->byte_id[s[i]][i == n - 1];
	for (;;) {
		const struct merge *best = NULL;
		for (int i = 0; i + 1 < n; i++) {
			const struct merge *m = find_merge(t, id[i], id[i + 1]);
			if (m->left >= 0 && (!best || m->rank < best->rank))
				best = m;
		}
		if (!best)
			break;
		n = join(id, n, best);
	}
	for (int i = 0; i < n; i++)
		if (id[i] < 0)
			id[i] = t->unknown;
	return n;
}

/* Start and end of text may be written out in a text. */
static size_t special_at(const struct tokenizer *t, const uint8_t *s, int32_t *id)
{
	static const char start[] = "<|startoftext|>", end[] = "<|endoftext|>";

	if (strncmp((const char *)s, start, sizeof start - 1) == 0) {
		*id = t->start;
		return sizeof start - 1;
	}
	if (strncmp((const char *)s, end, sizeof end - 1) == 0) {
		*id = t->end;
		return sizeof end - 1;
	}
	return 0;
}

static int encode_clean(const struct tokenizer *t, const uint8_t *s, size_t len, int32_t *id)
{
	int n = 0;

	for (size_t i = 0, bytes; i < len; i += bytes) {
		bytes = special_at(t, s + i, &id[n]);
		if (bytes) {
			n++;
		} else if (s[i] == ' ') {
			bytes = 1;
		} else {
			bytes = word_length(s + i, len - i);
			n += encode_word(t, s + i, bytes, id + n);
		}
	}
	return n;
}

int tokenizer_encode(const struct tokenizer *t, const char *text, int n, int32_t *ids,
		     struct err *e)
{
	int words, kept;
	size_t len;
	uint8_t *s;
	int32_t *all;

	if (strlen(text) > TOKENIZER_BYTES_MAX)
		return err_set(e, ERR_USAGE, "the text is longer than %d bytes; the model reads only "
			       "its first %d tokens", TOKENIZER_BYTES_MAX, n - 2);
	if (u8_check((const uint8_t *)text, strlen(text)))
		return err_set(e, ERR_USAGE, "the text \"%.60s\" is not UTF-8", text);
	s = clean(text, &len);
	all = malloc((len + 1) * sizeof *all);
	die_if(!all, "out of memory");
	words = encode_clean(t, s, len, all);
	kept = words < n - 2 ? words : n - 2;
	ids[0] = t->start;
	memcpy(ids + 1, all, (size_t)kept * sizeof *ids);
	ids[kept + 1] = t->end;
	for (int i = kept + 2; i < n; i++)
		ids[i] = t->pad;
	free(all);
	free(s);
	return 0;
}
