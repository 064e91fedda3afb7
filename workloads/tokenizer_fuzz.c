/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the tokenizer with texts: any bytes are refused with a sentence, or become exactly the
 * wanted number of ids, all of them in the vocabulary, that begin with the start and hold the end.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "tokenizer.h"

#define FILES "workloads/golden/pipeline-v/tokenizer_2"
#define LENGTH 24
enum { START = 729, END = 730 }; /* of these files: the last two of the vocabulary */

static void check_ids(const int32_t *ids)
{
	int ends = 0;

	die_if(ids[0] != START, "starts with %d", ids[0]);
	for (int i = 1; i < LENGTH; i++) {
		die_if(ids[i] < 0 || ids[i] > END, "id %d is not in the vocabulary", ids[i]);
		ends += ids[i] == END;
	}
	die_if(!ends, "no end");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tokenizer *t;
	char *text = malloc(size + 1);
	int32_t ids[LENGTH];
	struct err e = { 0 };

	die_if(!text, "out of memory");
	die_if(!t && tokenizer_open(&t, FILES, &e), "%s", e.msg);
	memcpy(text, data, size);
	text[size] = 0;
	if (!tokenizer_encode(t, text, LENGTH, ids, &e))
		check_ids(ids);
	else
		die_if(e.code != ERR_USAGE || !e.msg[0], "refused without a sentence");
	free(text);
	return 0;
}
