/* SPDX-License-Identifier: MIT
 *
 * Pieces of all sizes, freed in another order than they came: aligned, apart, and given back.
 */
#include "slab.h"
#include "test.h"

#include <stdint.h>
#include <stdio.h>

#define PIECES 200

static size_t piece_bytes(int i)
{
	return i == 77 ? (size_t)200 << 20 : (size_t)i * i * 97 + 1;
}

/* Pages of this process that are mapped. */
static long mapped_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	if (f && fscanf(f, "%ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages;
}

static void test_pieces(void)
{
	static unsigned char *p[PIECES];

	for (int i = 0; i < PIECES; i++) {
		p[i] = slab_alloc(piece_bytes(i));
		CHECK(p[i] && (uintptr_t)p[i] % 64 == 0, "piece %d at %p", i, (void *)p[i]);
		p[i][0] = (unsigned char)i;
		p[i][piece_bytes(i) - 1] = (unsigned char)i;
	}
	for (int i = 0; i < PIECES; i++)
		CHECK(p[i][0] == i && p[i][piece_bytes(i) - 1] == i, "piece %d was overwritten", i);
	for (int i = 0; i < PIECES; i++)
		slab_free(p[i * 7 % PIECES]);
}

int main(void)
{
	long before, after;

	slab_free(NULL);
	test_pieces();
	before = mapped_pages();
	for (int i = 0; i < 5; i++)
		test_pieces();
	after = mapped_pages();
	CHECK(after == before, "%ld pages mapped, then %ld", before, after);
	return test_end();
}
