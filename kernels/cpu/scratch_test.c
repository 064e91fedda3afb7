/* SPDX-License-Identifier: MIT
 *
 * Scratch blocks: large enough, aligned, reused, one for each holder.
 */
#include "cpu/scratch.h"

#include <stdint.h>
#include <string.h>

#include "test.h"

static void test_reuse(void)
{
	struct scratch_pool p;
	struct scratch *a, *b;

	scratch_init(&p);
	scratch_want(&p, 0);
	CHECK_INT(p.held, 0);
	scratch_want(&p, 1000);
	CHECK_INT(p.held, 1024);
	a = scratch_take(&p, 100);
	CHECK_INT(a->bytes, 1024);
	CHECK((uintptr_t)a->data % 64 == 0, "not aligned");
	memset(a->data, 1, a->bytes);
	b = scratch_take(&p, 1000);
	CHECK(a != b, "one block for two");
	CHECK_INT(p.held, 2048);
	scratch_put(&p, a);
	scratch_put(&p, b);
	a = scratch_take(&p, 1000);
	CHECK(a == b, "a free block was not used again");
	scratch_put(&p, a);
	CHECK_INT(p.held, 2048);
	scratch_clear(&p);
}

/* A larger need replaces the blocks of before, those in use as soon as they come back. */
static void test_growth(void)
{
	struct scratch_pool p;
	struct scratch *old, *a;

	scratch_init(&p);
	old = scratch_take(&p, 64);
	scratch_want(&p, 640);
	CHECK_INT(p.held, 704);
	scratch_put(&p, old);
	a = scratch_take(&p, 10);
	CHECK_INT(a->bytes, 640);
	CHECK_INT(p.held, 640);
	scratch_trim(&p);
	CHECK_INT(p.held, 640);
	scratch_put(&p, a);
	scratch_trim(&p);
	CHECK_INT(p.held, 0);
	a = scratch_take(&p, 600 << 10);
	CHECK((uintptr_t)a % (2 << 20) == 0 && a->bytes > 1 << 20, "%zu bytes", a->bytes);
	memset(a->data, 1, a->bytes);
	scratch_put(&p, a);
	a = scratch_take(&p, 5 << 20);
	CHECK((uintptr_t)a % (2 << 20) == 0, "a large block does not begin with a huge page");
	memset(a->data, 1, a->bytes);
	scratch_put(&p, a);
	scratch_clear(&p);
}

int main(void)
{
	test_reuse();
	test_growth();
	return test_end();
}
