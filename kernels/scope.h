/* SPDX-License-Identifier: MIT
 *
 * Scopes: where in the model we are. The path of a scope joined with a parameter's name is the
 * Hugging Face tensor name, the profile row, the dump name and the key of a strategy's state.
 *
 * Scopes form a tree that is built by the first pass and found again by later ones: children are
 * visited in the same order each time, so the next child is tried first and no string is built.
 */
#ifndef BENCH_SCOPE_H
#define BENCH_SCOPE_H

#include "tensor.h"

struct scope {
	struct scope *parent, *child, *next; /* first child; next sibling */
	struct scope *cursor;                /* the child entered last */
	struct param **params;               /* declared here; owned by the weights */
	int n_params;
	char *name;                          /* "to_q", "0"; may hold dots: "to_out.0" */
	char *path;                          /* "unet.down_blocks.1.attentions.0" */
	int id; /* order of creation, from 1; the root holds the count */
};

struct scope *scope_root_new(void);
void scope_root_free(struct scope *root); /* frees the tree, not the parameters */

/* The child of this name, made when it is new. */
struct scope *scope_child(struct scope *s, const char *name);

#endif
