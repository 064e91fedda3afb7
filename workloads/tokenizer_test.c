/* SPDX-License-Identifier: MIT
 *
 * The CLIP tokenizer on a small vocabulary whose ids can be found by hand: the printable ASCII
 * characters, the same with "</w>", bytes of other scripts as needed, and a few merges.
 */
#include "test_dir.h"
#include "tokenizer.h"

enum { INSIDE = 0, AT_END = 100, MERGED = 200, START = 300, END = 301 };

/* Id of the one-byte token c, inside or at the end of a word. */
#define IN(c) (INSIDE + (c) - 33)
#define AT(c) (AT_END + (c) - 33)

static void write_files(const char *specials)
{
	FILE *f = fopen(in_dir("vocab.json"), "w");

	fprintf(f, "{");
	for (int c = 33; c < 127; c++) {
		const char *escape = c == '"' || c == '\\' ? "\\" : "";
		fprintf(f, "\"%s%c\":%d,\"%s%c</w>\":%d,", escape, c, IN(c), escape, c, AT(c));
	}
	/* é is the bytes C3 A9, written as Ã ©; white space U+00A0 is C2 A0 and never a token */
	fprintf(f, "\"Ã\":94,\"©</w>\":95,\"©\":96,");
	fprintf(f, "\"ca\":200,\"cat</w>\":201,\"at</w>\":202,\"ab\":203,\"abab\":204,");
	fprintf(f, "\"aa\":205,\"<|startoftext|>\":300,\"<|endoftext|>\":301}");
	fclose(f);
	write_text("merges.txt", "#version: 0.2\nc a\nca t</w>\na t</w>\na b\nab ab\na a\n");
	if (specials)
		write_text("tokenizer_config.json", specials);
}

/* Ids of the words only; `want` ends with -1. */
static void check(const char *text, const int32_t *want)
{
	struct tokenizer *t;
	struct err e = { 0 };
	int32_t id[24];
	int n = 0;

	CHECK(tokenizer_open(&t, test_dir, &e) == 0, "%s", e.msg);
	if (!t)
		return;
	CHECK(tokenizer_encode(t, text, 24, id, &e) == 0, "%s", e.msg);
	CHECK_INT(id[0], START);
	for (; want[n] >= 0; n++)
		CHECK(id[n + 1] == want[n], "\"%s\": id %d is %d, not %d", text, n, id[n + 1],
		      want[n]);
	for (; n < 23; n++)
		CHECK(id[n + 1] == END, "\"%s\": id %d is %d, not the end", text, n, id[n + 1]);
	tokenizer_close(t);
}

#define IDS(...) (const int32_t[]){ __VA_ARGS__ __VA_OPT__(,) -1 }

static void test_words(void)
{
	check("", IDS());
	check("  \t\n ", IDS());
	check("x", IDS(AT('x')));
	check("X Y", IDS(AT('x'), AT('y')));
	check(" x\xc2\xa0y ", IDS(AT('x'), AT('y')));
	check("don't", IDS(IN('d'), IN('o'), AT('n'), IN('\''), AT('t')));
	check("I'LL", IDS(AT('i'), IN('\''), IN('l'), AT('l')));
	check("'x", IDS(AT('\''), AT('x')));
	check("!'s", IDS(IN('!'), AT('\''), AT('s')));
	check("x12", IDS(AT('x'), AT('1'), AT('2')));
	check("x, y!?", IDS(AT('x'), AT(','), AT('y'), IN('!'), AT('?')));
	check("x<|endoftext|>y", IDS(AT('x'), END, AT('y')));
}

static void test_unicode(void)
{
	check("\xc3\xa9", IDS(94, 95));       /* é */
	check("e\xcc\x81", IDS(94, 95));      /* e and a combining acute: NFC makes é */
	check("\xc3\x89x", IDS(94, 96, AT('x'))); /* É */
	check("\xe3\x80\x80x", IDS(AT('x')));   /* ideographic space */
	check("\xc3\xb1", IDS(94, END));        /* ñ: its second byte is not in the vocabulary */
}

static void test_merges(void)
{
	check("cat", IDS(201));
	check("cats", IDS(200, IN('t'), AT('s')));
	check("at", IDS(202));
	check("abababx", IDS(204, 203, AT('x')));
	check("aaaax", IDS(205, 205, AT('x')));
	check("aaax", IDS(205, IN('a'), AT('x')));
	check("aabx", IDS(IN('a'), 203, AT('x'))); /* "a b" comes before "a a" */
}

static void test_lengths(void)
{
	struct tokenizer *t = NULL;
	struct err e = { 0 };
	int32_t id[8];
	static char text[TOKENIZER_BYTES_MAX + 2];

	write_files("{\"pad_token\":{\"content\":\"!\"},\"model_max_length\":77}");
	CHECK(tokenizer_open(&t, test_dir, &e) == 0, "%s", e.msg);
	CHECK_INT(tokenizer_length(t, 5), 77);
	tokenizer_encode(t, "x", 4, id, &e);
	CHECK_INT(id[2], END);
	CHECK_INT(id[3], IN('!'));
	tokenizer_encode(t, "x x x x x", 4, id, &e);
	CHECK_INT(id[2], AT('x'));
	CHECK_INT(id[3], END);
	memset(text, 'x', sizeof text - 1);
	CHECK_INT(tokenizer_encode(t, text, 4, id, &e), -ERR_USAGE);
	e.code = 0;
	CHECK_INT(tokenizer_encode(t, "\xff", 4, id, &e), -ERR_USAGE);
	CHECK(strstr(e.msg, "not UTF-8"), "%s", e.msg);
	tokenizer_close(t);
	write_files("{\"model_max_length\":1000000000000000019884624838656}");
	e.code = 0;
	CHECK(tokenizer_open(&t, test_dir, &e) == 0, "%s", e.msg);
	CHECK_INT(tokenizer_length(t, 5), 5);
	tokenizer_close(t);
}

static void refuse(const char *file, const char *text, const char *part)
{
	struct tokenizer *t;
	struct err e = { 0 };

	write_files("{}");
	write_text(file, text);
	CHECK(tokenizer_open(&t, test_dir, &e) < 0 && !t, "%s is accepted", text);
	CHECK(strstr(e.msg, part), "\"%s\" lacks \"%s\"", e.msg, part);
}

static void test_refusals(void)
{
	refuse("vocab.json", "{\"a\":1", "not valid JSON");
	refuse("vocab.json", "{\"a\":1}", "vocab.json does not have both");
	refuse("merges.txt", "c\n", "not a pair");
	refuse("merges.txt", "c a t\n", "not a pair");
	refuse("merges.txt", "q q\n", "\"qq\"");
	refuse("tokenizer_config.json", "{\"pad_token\":\"[PAD]\"}", "does not have this token");
}

int main(void)
{
	test_dir_make();
	write_files(NULL);
	test_words();
	test_unicode();
	test_merges();
	test_lengths();
	test_refusals();
	test_dir_remove();
	return test_end();
}
