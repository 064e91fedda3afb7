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

/* Tokens with a meaning of their own. Written out in a text they stand for themselves. */
enum special { START, END, UNKNOWN, PAD, SPECIALS };

struct tokenizer {
	struct config vocab;
	struct merge *merge; /* hash table, linear probing, at most half full */
	uint32_t slots;      /* a power of two */
	int32_t byte_id[256][2]; /* of a byte inside a word and at its end */
	char *special[SPECIALS];
	int32_t special_id[SPECIALS];
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
		return err_set(e, ERR_FAILED,
			       "%s joins \"%.80s\" and \"%.80s\", but vocab.json does "
			       "not have both and \"%.160s\"",
			       path, line, space + 1, joined);
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

static bool set_special(struct tokenizer *t, enum special which, const char *token)
{
	free(t->special[which]);
	t->special[which] = strdup(token);
	die_if(!t->special[which], "out of memory");
	t->special_id[which] = id_of(t, token);
	return *token && t->special_id[which] >= 0;
}

/* A special token: as this file names it, else unchanged. */
static void read_special(struct tokenizer *t, struct config *f, const char *key,
			 enum special which)
{
	const char *token = config_token_or(f, key, NULL);

	if (token && !set_special(t, which, token))
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
	read_special(t, &f, "bos_token", START);
	read_special(t, &f, "eos_token", END);
	read_special(t, &f, "unk_token", UNKNOWN);
	read_special(t, &f, "pad_token", PAD);
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
	set_special(t, START, "<|startoftext|>");
	for (enum special i = END; i < SPECIALS; i++)
		set_special(t, i, "<|endoftext|>");
	read_specials(t, dir, "special_tokens_map.json", e);
	read_specials(t, dir, "tokenizer_config.json", e);
	if (t->special_id[START] < 0 || t->special_id[END] < 0)
		err_set(e, ERR_FAILED, "%s has no tokens for the start and the end of a text",
			path);
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
	for (int i = 0; i < SPECIALS; i++)
		free(t->special[i]);
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

/* NFC, white space to single spaces, lower case; owned by the caller. */
static uint8_t *clean(const char *text, size_t bytes, size_t *len)
{
	size_t n, used = 0;
	uint8_t *nfc = u8_normalize(UNINORM_NFC, (const uint8_t *)text, bytes, NULL, &n);
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
			id[i] = t->special_id[UNKNOWN];
	return n;
}

/* ---- whole texts ----------------------------------------------------------------------------- */

struct ids {
	int32_t *id;
	int n;
};

/* Appends the words of a piece of text without special tokens. */
static void encode_piece(const struct tokenizer *t, const char *text, size_t bytes,
			 struct ids *out)
{
	size_t len, word;
	uint8_t *s = clean(text, bytes, &len);

	out->id = realloc(out->id, ((size_t)out->n + len + 1) * sizeof *out->id);
	die_if(!out->id, "out of memory");
	for (size_t i = 0; i < len; i += word) {
		word = 1;
		if (s[i] == ' ')
			continue;
		word = word_length(s + i, len - i);
		out->n += encode_word(t, s + i, word, out->id + out->n);
	}
	free(s);
}

/* Bytes of the special token that the text starts with, the longest if there are several; 0: none.
 */
static size_t special_at(const struct tokenizer *t, const char *text, int32_t *id)
{
	size_t longest = 0;

	for (int i = 0; i < SPECIALS; i++) {
		size_t len = strlen(t->special[i]);
		if (len > longest && strncmp(text, t->special[i], len) == 0) {
			longest = len;
			*id = t->special_id[i];
		}
	}
	return longest;
}

/* Special tokens are found first, as they are written: what is between them is cleaned and cut into
 * words on its own. The padding is one of them: where it is "!", no word of a text holds that. */
static struct ids encode_text(const struct tokenizer *t, const char *text)
{
	struct ids out = { 0 };
	const char *piece = text;
	int32_t id;

	while (*text) {
		size_t len = special_at(t, text, &id);
		if (!len) {
			text++;
			continue;
		}
		encode_piece(t, piece, (size_t)(text - piece), &out);
		out.id[out.n++] = id; /* encode_piece leaves room for one more */
		piece = text += len;
	}
	encode_piece(t, piece, (size_t)(text - piece), &out);
	return out;
}

int tokenizer_encode(const struct tokenizer *t, const char *text, int n, int32_t *ids,
		     struct err *e)
{
	struct ids words;
	int kept;

	if (strlen(text) > TOKENIZER_BYTES_MAX)
		return err_set(e, ERR_USAGE,
			       "the text is longer than %d bytes; the model reads only "
			       "its first %d tokens",
			       TOKENIZER_BYTES_MAX, n - 2);
	if (u8_check((const uint8_t *)text, strlen(text)))
		return err_set(e, ERR_USAGE, "the text \"%.60s\" is not UTF-8", text);
	words = encode_text(t, text);
	kept = words.n < n - 2 ? words.n : n - 2;
	ids[0] = t->special_id[START];
	memcpy(ids + 1, words.id, (size_t)kept * sizeof *ids);
	ids[kept + 1] = t->special_id[END];
	for (int i = kept + 2; i < n; i++)
		ids[i] = t->special_id[PAD];
	free(words.id);
	return 0;
}
