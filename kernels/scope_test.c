/* SPDX-License-Identifier: MIT
 *
 * Scopes: paths, ids, and that later passes find the same scopes in any order.
 */
#include "scope.h"
#include "test.h"

static void test_paths(struct scope *root)
{
	struct scope *unet = scope_child(root, "unet");
	struct scope *to_out = scope_child(scope_child(unet, "attn1"), "to_out.0");

	CHECK_STR(root->path, "");
	CHECK_STR(unet->path, "unet");
	CHECK_STR(to_out->path, "unet.attn1.to_out.0");
	CHECK_STR(to_out->name, "to_out.0");
	CHECK(to_out->parent->parent == unet, "the tree is not linked upwards");
	CHECK_INT(unet->id, 1);
	CHECK_INT(to_out->id, 3);
	CHECK_INT(root->id, 3);
}

/* Names that are prefixes of others, and many of them, stay apart; order does not matter. */
static void test_found_again(struct scope *root)
{
	struct scope *parent = scope_child(root, "blocks"), *child[30];
	char name[16];
	int wrong = 0;

	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof name, "b.%d", i);
		child[i] = scope_child(parent, name);
	}
	for (int pass = 0; pass < 3; pass++) {
		parent->cursor = NULL;
		for (int i = 0; i < 30; i++) {
			int k = pass == 0 ? i : pass == 1 ? 29 - i : i * 7 % 30;
			snprintf(name, sizeof name, "b.%d", k);
			wrong += scope_child(parent, name) != child[k] ||
				 parent->cursor != child[k]; /* where the next search begins */
		}
	}
	CHECK(wrong == 0, "%d scopes were not found again", wrong);
	CHECK_INT(root->id, 3 + 1 + 30);
	CHECK(scope_child(parent, "b.1") == scope_child(parent, "b.1"),
	      "entered twice, made twice");
	CHECK_STR(child[29]->path, "blocks.b.29");
}

int main(void)
{
	struct scope *root = scope_root_new();

	test_paths(root);
	test_found_again(root);
	scope_root_free(root);
	return test_end();
}
